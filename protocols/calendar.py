"""Days: Gregorian dates, days since 1970-01-01, and the wire's days since 2020-01-01; integers all."""

from protocols.absent import NONE
from protocols.compat import const

# The wire counts days from 2020-01-01, which is this many days after 1970-01-01.
EPOCH_DAYS_AFTER_UNIX = const(18_262)


def days_from_civil(year: int, month: int, day: int) -> int:
    """Return days since 1970-01-01 of a Gregorian date, or NONE when there is no such day.

    After H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
    """
    if not (1 <= month <= 12 and 1 <= day <= _month_days(year, month)):
        return NONE
    shifted = year - (month <= 2)
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


def civil_from_days(days: int):
    """Return (year, month, day) of `days` since 1970-01-01; the inverse of days_from_civil."""
    days += 719_468
    era = days // 146_097
    day_of_era = days - era * 146_097
    year_of_era = (
        day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + (3 if shifted < 10 else -9)
    return (
        year_of_era + era * 400 + (month <= 2),
        month,
        day_of_year - (153 * shifted + 2) // 5 + 1,
    )


def wire_day(days: int) -> int:
    """Return the wire's day (since 2020-01-01) for days since 1970-01-01; NONE stays NONE."""
    return days if days == NONE else days - EPOCH_DAYS_AFTER_UNIX


def _month_days(year, month):
    if month == 2:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        return 29 if leap else 28
    return 30 if month in (4, 6, 9, 11) else 31
