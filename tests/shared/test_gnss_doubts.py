"""How good a fix is said to be, and what is marked in it and not hidden."""

from epochs_of import fixes, gga, rmc

from protocols.absent import NONE
from protocols.calendar import days_from_civil
from protocols.fix import (
    CAUTION,
    DATUM,
    DISPUTED,
    ESTIMATED,
    FEW,
    JUMP,
    OTHER,
    ROLLOVER,
    STEP,
    WGS84,
)


def test_a_rolled_over_week_counter_is_corrected_only_with_a_build_date():
    old = b"070407"  # what a receiver of 1024 weeks ago shows on 22 Nov 2026
    build = days_from_civil(2026, 6, 1)
    _, (epoch,) = fixes(rmc(date=old), build_days=build)
    assert epoch["days"] == days_from_civil(2026, 11, 21)
    assert epoch["flags"] & ROLLOVER
    _, (epoch,) = fixes(rmc(date=old))
    assert epoch["days"] == days_from_civil(2007, 4, 7) and not epoch["flags"] & ROLLOVER
    _, (epoch,) = fixes(rmc(), build_days=build)
    assert not epoch["flags"] & ROLLOVER


def test_accuracy_is_gsts_or_else_the_dilution_times_what_the_quality_is_good_for():
    _, (epoch,) = fixes(gga(), b"GNGST,101500.00,2.5,2.5,2.2,133,0.94,0.80,2.8")
    assert epoch["acc"] == 94 + 80 * 3 // 8
    assert fixes(gga(hdop=b"2.00"))[1][0]["acc"] == 800
    assert fixes(gga(quality=4, hdop=b"2.00"))[1][0]["acc"] == 6
    assert fixes(gga(hdop=b""))[1][0]["acc"] == NONE


def test_flags_say_what_a_fix_is_not_good_for():
    for body, flag in (
        (gga(quality=6), ESTIMATED),
        (gga(quality=8), ESTIMATED),
        (rmc(mode=b"E"), ESTIMATED),
        (rmc(mode=b"S"), ESTIMATED),
        (rmc(nav=b"C"), CAUTION),
        (rmc(mode=b"U"), CAUTION),
        (gga(used=b"03"), FEW),
        (gga(), 0),
    ):
        assert fixes(body)[1][0]["flags"] == flag, body


def test_another_datum_is_flagged_until_it_is_ours_again():
    tokyo = b"GPDTM,TOK,,0.0,N,0.0,E,0.0,W84"
    ours = b"GPDTM,W84,,0.0,N,0.0,E,0.0,W84"
    _, seen = fixes(tokyo, gga(), gga(b"101501.00"), ours, gga(b"101502.00"))
    assert [each["flags"] & DATUM for each in seen] == [DATUM, 0, 0]
    assert [each["datum"] for each in seen] == [OTHER, WGS84, WGS84]
    _, seen = fixes(gga(), tokyo, gga(b"101501.00"), gga(b"101502.00"))
    assert [each["flags"] & DATUM for each in seen] == [DATUM, DATUM, DATUM]


def test_the_date_line_is_no_jump():
    def at(time, lon):
        return b"GNGGA,%s,1600.0000,S,%s,1,14,0.90,12.4,M,9.7,M,," % (time, lon)

    _, seen = fixes(at(b"101500.00", b"17959.9990,E"), at(b"101501.00", b"17959.9990,W"))
    assert [each["flags"] for each in seen] == [0, 0]
    _, seen = fixes(
        at(b"101500.00", b"18000.0000,E"), b"GNGLL,1600.0000,S,18000.0000,W,101500.00,A,A"
    )
    assert [each["flags"] for each in seen] == [0]
    _, seen = fixes(at(b"101500.00", b"17959.0000,E"), at(b"101501.00", b"17959.9990,W"))
    assert [each["flags"] for each in seen] == [0, JUMP]


def test_a_jump_is_marked_and_not_hidden():
    _, seen = fixes(
        gga(), gga(b"101501.00", lat=b"3114.92000"), gga(b"101502.00", lat=b"3114.93000")
    )
    assert [each["flags"] for each in seen] == [0, JUMP, 0]  # 74 m, 18 m
    assert all(each["place"] for each in seen)
    _, seen = fixes(gga(), gga(b"101501.00", lat=b"3314.88000"))
    assert seen[1]["flags"] == JUMP
    # After a dead zone a new place is no jump; that time went on by itself is said.
    _, seen = fixes(gga(), gga(b"101530.00", lat=b"3119.88000"))
    assert seen[1]["flags"] == STEP


def test_a_time_that_does_not_follow_is_marked():
    _, seen = fixes(rmc(), rmc(b"101514.00"), rmc(b"101515.00"), rmc(b"101500.00"))
    assert [each["flags"] for each in seen] == [0, STEP, 0, STEP]
    _, seen = fixes(rmc(), rmc(b"101501.00", date=b"231126"), rmc(b"101502.00", date=b"231126"))
    assert [each["flags"] for each in seen] == [0, STEP, 0]
    _, seen = fixes(rmc(b"235959.00"), rmc(b"000000.00", date=b"231126"))
    assert [each["flags"] for each in seen] == [0, 0]


def test_sentences_that_disagree_are_marked_and_the_likelier_one_stands():
    far = b"3115.88000"  # a mile north: a digit that was flipped, with a checksum that fits
    _, seen = fixes(gga(), gga(b"101501.00", lat=far), rmc(b"101501.00"))
    assert [each["flags"] for each in seen] == [0, DISPUTED]
    assert seen[1]["place"] == 312_480_000
    _, seen = fixes(gga(lat=far), rmc())  # none to compare with: GGA's
    assert (seen[0]["flags"], seen[0]["place"]) == (DISPUTED, 312_646_667)


def test_a_lost_digit_is_seen_by_the_other_coordinate():
    receiver, seen = fixes(gga(lat=b"3114.8800"))
    assert (receiver.rejected, seen) == (1, [])
