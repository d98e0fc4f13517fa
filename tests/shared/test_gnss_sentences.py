"""What each sentence adds to an epoch, and what the epoch makes of it."""

from epochs_of import PLACE, fixes, gga, rmc
from sentences import sentence

from protocols.absent import NONE
from protocols.calendar import days_from_civil
from protocols.gnss import Receiver
from protocols.nmea import Framer


def test_gns_gives_position_and_quality_by_its_best_system():
    for modes, quality, located in (
        (b"AN", 1, True),
        (b"ADNN", 2, True),
        (b"ANRN", 4, True),
        (b"FA", 5, True),
        (b"NNNN", 0, False),
    ):
        _, (epoch,) = fixes(b"GNGNS,101500.00," + PLACE + b"," + modes + b",20,0.9,12.4,9.7,,,V")
        assert (epoch["quality"], epoch["place"] is not None) == (quality, located), modes
    receiver, _ = fixes(b"GNGNS,101500.00," + PLACE + b",AX,20,0.9,12.4,9.7,,,V")
    assert receiver.rejected == 1


def test_ggas_quality_stands_and_the_larger_satellite_count_is_kept():
    _, (epoch,) = fixes(
        b"GNGNS,101500.00," + PLACE + b",AA,20,0.9,12.4,9.7,,,V", gga(quality=2, used=b"12")
    )
    assert (epoch["quality"], epoch["used"]) == (2, 20)


def test_gll_alone_makes_a_fix_and_void_does_not():
    _, (epoch,) = fixes(b"GPGLL," + PLACE + b",101500.00,A,A")
    assert (epoch["ms"], epoch["place"], epoch["mode"]) == (36_900_000, 312_480_000, 2)
    _, (epoch,) = fixes(b"GPGLL," + PLACE + b",101500.00,V,N")
    assert epoch["place"] is None


def test_vtg_fills_in_what_rmc_did_not_say():
    _, (epoch,) = fixes(gga(), b"GNVTG,90.00,T,,M,10.00,N,18.00,K,A")
    assert (epoch["speed"], epoch["course"]) == (5_000, 9_000)
    _, (epoch,) = fixes(gga(), b"GNVTG,90.00,T,,M,10.00,N,18.00,K,N")
    assert epoch["speed"] == NONE
    _, (epoch,) = fixes(gga(), rmc(), b"GNVTG,91.00,T,,M,11.00,N,20.00,K,A")
    assert (epoch["speed"], epoch["course"]) == (5_144, 9_000)


def test_zda_gives_the_date_with_its_whole_year():
    _, (epoch,) = fixes(gga(), b"GNZDA,101500.00,22,11,2026,00,00")
    assert epoch["days"] == days_from_civil(2026, 11, 22)
    receiver, _ = fixes(b"GNZDA,101500.00,31,11,2026,00,00")
    assert receiver.rejected == 1


def test_dates_of_eight_digits_and_the_minus_one_of_telit():
    _, (epoch,) = fixes(rmc(date=b"22112026"))
    assert epoch["days"] == days_from_civil(2026, 11, 22)
    receiver, (epoch,) = fixes(rmc(date=b"-1"))
    assert (epoch["days"], receiver.rejected) == (NONE, 0)


def test_the_leap_second_is_a_time_of_its_day():
    _, seen = fixes(
        rmc(b"235959.00", date=b"311216"),
        rmc(b"235960.00", date=b"311216"),
        rmc(b"000000.00", date=b"010117"),
    )
    day = days_from_civil(2016, 12, 31)
    assert [(each["days"], each["ms"]) for each in seen] == [
        (day, 86_399_000),
        (day, 86_400_000),
        (day + 1, 0),
    ]
    assert [each["flags"] for each in seen] == [0, 0, 0]
    # Before any date, midnight is no step either.
    assert [e["flags"] for e in fixes(gga(b"235959.00"), gga(b"000000.00"))[1]] == [0, 0]


def test_before_the_time_is_known_every_burst_is_an_epoch():
    burst = (b"GNGGA,,,,,,0,00,25.5,,,,,,", b"GNRMC,,V,,,,,,,,,,N,V")
    _, seen = fixes(*burst, *burst, gga(), rmc())
    assert [each["ms"] for each in seen] == [NONE, NONE, 36_900_000]
    assert [each["mode"] for each in seen] == [1, 1, 3]


def test_v_of_the_navigation_status_does_not_void_but_v_of_the_status_does():
    assert fixes(rmc(nav=b"V"))[1][0]["place"] is not None
    assert fixes(rmc(mode=b"N"))[1][0]["place"] is None
    # MTK fills the position with 60 minutes before it has one: void, and no reason to reject the time
    receiver, (epoch,) = fixes(b"GPRMC,101500.00,V,8960.000000,N,00000.000000,E,0.0,0.0,221126,,,N")
    assert (epoch["place"], receiver.rejected) == (None, 0)


def test_the_day_goes_on_without_a_date():
    framer, receiver = Framer(), Receiver()
    days = []
    for second in range(10 * 3600, 50 * 3600, 5):
        clock = second % 86_400
        time = b"%02d%02d%02d.00" % (clock // 3600, clock // 60 % 60, clock % 60)
        bodies = [gga(time)]
        if not days and second == 10 * 3600:
            bodies.append(b"GNZDA,100000.00,31,12,2025,00,00")  # once, and never again
        for body in bodies:
            data = sentence(body)
            framer.feed(data, 0, len(data))
            if receiver.take(framer):
                days.append((receiver.fix.days, receiver.fix.flags))
    first = days_from_civil(2025, 12, 31)
    assert days[0] == (first, 0)
    assert days[-1] == (first + 2, 0)
    assert sorted(set(days)) == [(first, 0), (first + 1, 0), (first + 2, 0)]


def test_sentences_that_some_receivers_cut_short():
    for body in (
        b"GPGGA,101500.00,3114.88000,N,12135.22000,E,2,,,,",  # Saab R4
        b"GPGGA,101500.00,3114.88000,N,12135.22000,E,,2,60.000,160.002,M,,M,,",  # no quality
        b"GPDTM,W84,C",
        b"GPGSA,A,1,,,,",
    ):
        receiver, _ = fixes(body)
        assert receiver.rejected == 0, body
    _, (epoch,) = fixes(b"GPGGA,101500.00,3114.88000,N,12135.22000,E,2,,,,")
    assert (epoch["quality"], epoch["place"]) == (2, 312_480_000)
    _, (epoch,) = fixes(b"GPGGA,101500.00,3114.88000,N,12135.22000,E,,2,60.000,160.002,M,,M,,")
    assert (epoch["quality"], epoch["place"]) == (NONE, None)  # what it is worth was not said


def test_zda_of_another_time_splits_no_epoch():
    # Ashtech AC12: ZDA is two seconds ahead of RMC and GGA
    _, seen = fixes(rmc(), b"GPZDA,101502.00,22,11,2026,00,00", gga())
    assert [each["ms"] for each in seen] == [36_900_000]
    _, seen = fixes(gga(b"235959.00"), b"GPZDA,000001.00,23,11,2026,00,00", gga(b"000000.00"))
    day = days_from_civil(2026, 11, 22)
    assert [(each["days"], each["ms"]) for each in seen] == [(day, 86_399_000), (day + 1, 0)]


def test_gst_may_come_before_its_epoch():
    _, seen = fixes(
        gga(),
        b"GNGST,101501.00,2.5,2.5,2.2,133,0.40,0.30,2.8",
        gga(b"101501.00"),
        gga(b"101502.00"),
    )
    assert [each["acc"] for each in seen] == [360, 51, 360]


def test_the_antenna_is_heard_in_txt():
    for text, state in (
        (b"ANTENNA OPEN", 2),
        (b"ANTSTATUS=SHORT", 3),
        (b"ANTENNA OK", 1),
        (b"HELLO", 0),
    ):
        receiver, _ = fixes(b"GNTXT,01,01,02," + text)
        assert receiver.antenna == state, text
