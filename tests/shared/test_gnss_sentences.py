"""What each sentence adds to an epoch, and what the epoch makes of it."""

from sentences import sentence

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
from protocols.gnss import Receiver
from protocols.nmea import Framer
from protocols.satellites import BDS, GAL, GLO, GPS, QZS, SBS, number_of, place

PLACE = b"3114.88000,N,12135.22000,E"


def fixes(*bodies, build_days=NONE):
    """Return the receiver, and a copy of what was of interest in every epoch that closed."""
    framer, receiver = Framer(), Receiver(build_days, signals=True)
    seen = []

    def note():
        fix = receiver.fix
        seen.append(
            {
                "days": fix.days,
                "ms": fix.ms,
                "place": fix.lat[0] * 10_000_000 + fix.lat[1] if fix.has_position else None,
                "quality": fix.quality,
                "used": fix.sats_used,
                "bds": fix.bds_used,
                "by": bytes(fix.used_by),
                "speed": fix.speed_mm_s,
                "course": fix.course_cdeg,
                "acc": fix.acc_cm,
                "flags": fix.flags,
                "datum": fix.datum,
                "mode": fix.mode,
                "sky": fix.sky_fresh,
            }
        )

    for body in bodies:
        data = sentence(body)
        framer.feed(data, 0, len(data))
        assert framer.ready, body
        if receiver.take(framer):
            note()
    if receiver.quiet():
        note()
    return receiver, seen


def gga(time=b"101500.00", quality=1, lat=b"3114.88000", used=b"14", hdop=b"0.90"):
    return b"GNGGA,%s,%s,N,12135.22000,E,%d,%s,%s,12.4,M,9.7,M,," % (time, lat, quality, used, hdop)


def rmc(time=b"101500.00", mode=b"A", nav=b"V", date=b"221126"):
    return b"GNRMC,%s,A,%s,10.00,90.00,%s,,,%s,%s" % (time, PLACE, date, mode, nav)


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


def test_accuracy_is_gsts_or_else_the_dilution_times_what_the_quality_is_good_for():
    _, (epoch,) = fixes(gga(), b"GNGST,101500.00,2.5,2.5,2.2,133,0.94,0.80,2.8")
    assert epoch["acc"] == 94 + 80 * 3 // 8
    assert fixes(gga(hdop=b"2.00"))[1][0]["acc"] == 800
    assert fixes(gga(quality=4, hdop=b"2.00"))[1][0]["acc"] == 6
    assert fixes(gga(hdop=b""))[1][0]["acc"] == NONE


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


def test_satellites_used_are_counted_once_and_by_system():
    _, (epoch,) = fixes(
        gga(used=b"12"),
        b"GPGSA,A,3,01,07,11,13,15,17,19,28,30,,,,1.7,1.0,1.4",
        b"GNGSA,A,3,01,07,11,13,15,17,19,28,30,,,,1.7,1.0,1.4",  # the same again (Android)
        b"GNGSA,A,3,65,72,73,75,84,85,,,,,,,1.7,1.0,1.4",
        b"BDGSA,A,3,01,39,,,,,,,,,,,1.7,1.0,1.4",
    )
    assert (epoch["used"], epoch["bds"]) == (17, 2)
    assert (epoch["by"][GPS], epoch["by"][GLO], epoch["by"][BDS]) == (9, 6, 2)
    assert fixes(gga())[1][0]["bds"] == NONE  # no GSA: not known, and not none


def test_numbers_of_satellites():
    for system, number, expected in (
        (BDS, 1, (BDS, 1)),
        (BDS, 63, (BDS, 63)),  # BeiDou-3 by its talker alone: gpsd loses 33 and up
        (BDS, 201, (BDS, 1)),
        (BDS, 263, (BDS, 63)),
        (BDS, 437, (BDS, 37)),
        (0, 214, (BDS, 14)),
        (0, 401, (BDS, 1)),
        (0, 12, (GPS, 12)),
        (0, 33, (SBS, 120)),
        (GPS, 46, (SBS, 133)),
        (GPS, 158, (SBS, 158)),
        (0, 88, (GLO, 24)),
        (GLO, 5, (GLO, 5)),
        (QZS, 193, (QZS, 1)),
        (GPS, 195, (QZS, 3)),
        (QZS, 2, (QZS, 2)),
    ):
        slot = place(system, number)
        assert (slot >> 6, number_of(slot)) == expected, (system, number)
    for system, number in (
        (0, 0),
        (BDS, 64),
        (BDS, 99),
        (GPS, 100),
        (0, 999),
        (QZS, 11),
        (GPS, -3),
    ):
        assert place(system, number) == -1, (system, number)


def sats(receiver, system):
    sky = receiver.sky
    return {
        number_of(slot): (sky.cn0(slot), sky.signals(slot), sky.is_used(slot))
        for slot in range(512)
        if sky.visible(slot) and slot >> 6 == system
    }


def test_signals_of_a_satellite_are_one_satellite_with_the_best_strength():
    receiver, _ = fixes(
        gga(),
        b"GNGSA,A,3,13,,,,,,,,,,,,1.5,0.9,1.2,4",
        b"GBGSV,1,1,02,13,19,043,17,27,38,127,33,1",
        b"GBGSV,1,1,02,13,19,043,24,27,38,127,30,8",
    )
    assert sats(receiver, BDS) == {
        13: (24, 1 << 1 | 1 << 8, True),
        27: (33, 1 << 1 | 1 << 8, False),
    }


def test_a_group_with_a_missing_part_is_dropped_and_the_last_whole_one_kept():
    first = b"GPGSV,2,1,05,14,79,041,29,15,31,297,21,17,54,166,28,19,24,192,23"
    second = b"GPGSV,2,2,05,22,10,010,30"
    receiver, seen = fixes(
        gga(), first, second, gga(b"101501.00"), first, gga(b"101502.00"), second
    )
    assert sorted(sats(receiver, GPS)) == [14, 15, 17, 19, 22]
    assert receiver.sky.dropped == 2
    assert [each["sky"] for each in seen] == [True, False, False]


def test_a_lost_first_part_is_counted_and_gives_no_sky():
    l1 = (
        b"GPGSV,2,1,05,01,10,010,30,02,10,010,31,03,10,010,32,04,10,010,33,1",
        b"GPGSV,2,2,05,05,10,010,34,1",
    )
    l5 = b"GPGSV,1,1,02,01,10,010,40,02,10,010,41,8"
    receiver, seen = fixes(gga(), *l1, l5, gga(b"101501.00"), l1[1], l5)
    assert [each["sky"] for each in seen] == [True, False]
    assert receiver.sky.dropped == 1
    assert sorted(sats(receiver, GPS)) == [1, 2, 3, 4, 5]  # the last whole list
    receiver, seen = fixes(gga(), *l1, l5, gga(b"101501.00"), l1[0])
    assert [each["sky"] for each in seen] == [True, False] and receiver.sky.dropped == 1


def test_a_refused_sentence_leaves_the_last_sky_readable():
    used = b"GNGSA,A,3,13,,,,,,,,,,,,1.5,0.9,1.2,4"
    receiver, _ = fixes(gga(), used, b"GBGSV,1,1,01,13,19,043,17,1")
    before = sats(receiver, BDS), bytes(receiver.sky.used_by), receiver.sky.whole
    framer = Framer()
    for body in (b"GNGSA,A,9,xx,,,,,,,,,,,,1.5,0.9,1.2,4", b"GBGSV,1,1,01,1x,19,043,17,1"):
        data = sentence(body)
        framer.feed(data, 0, len(data))
        receiver.take(framer)
    assert receiver.rejected == 2
    assert (sats(receiver, BDS), bytes(receiver.sky.used_by), receiver.sky.whole) == before


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


def test_a_new_list_forgets_the_satellites_that_set():
    receiver, _ = fixes(
        gga(),
        b"GPGSV,1,1,02,14,79,041,29,40,31,297,21",
        b"GLGSV,1,1,01,70,19,043,17",
        gga(b"101501.00"),
        b"GPGSV,1,1,01,15,79,041,29",
        gga(b"101502.00"),
        b"GPGSV,1,1,01,15,79,041,29",
    )
    assert sorted(sats(receiver, GPS)) == [15]
    assert sats(receiver, SBS) == {}  # it was in GP's list
    assert sats(receiver, GLO) == {}  # no group of its own any more


def test_quectels_modems_say_signal_and_system():
    receiver, _ = fixes(
        gga(),
        b"PQGSV,1,1,02,13,19,043,17,39,38,127,33,1,4",
        b"PQGSV,1,1,01,02,38,127,33,1,5",
    )
    assert sorted(sats(receiver, BDS)) == [13, 39]
    assert sorted(sats(receiver, QZS)) == [2]


def test_parts_may_differ_in_their_signal_and_hold_less_than_four():
    # Quectel LC79D: all signals of a system in one row, the last part's with an id; Galileo as 101-136
    receiver, seen = fixes(
        gga(),
        b"GPGSV,3,1,10,02,25,260,39,04,15,092,27,05,,,14,06,12,215,45",
        b"GPGSV,3,2,10,07,80,137,44,09,53,089,27,30,55,211,49",
        b"GPGSV,3,3,10,06,,,40,09,,,29,30,,,39,8",
        b"GAGSV,2,1,04,102,28,167,40,103,69,097,33",
        b"GAGSV,2,2,04,102,,,40,103,,,34,1",
    )
    assert sorted(sats(receiver, GPS)) == [2, 4, 5, 6, 7, 9, 30]
    assert sats(receiver, GPS)[9] == (29, 1 << 0 | 1 << 8, False)
    assert sats(receiver, GAL) == {2: (40, 3, False), 3: (34, 3, False)}
    assert receiver.rejected == 0 and seen[0]["sky"]


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


def test_turns_that_come_round_bring_nothing_back():
    bodies = []
    for i in range(600):
        bodies.append(gga(b"10%02d%02d.00" % (i // 60, i % 60)))
        bodies.append(b"GNGSA,A,3,%02d,,,,,,,,,,,,1.5,0.9,1.2,1" % (1 + i % 30))
        bodies.append(b"GPGSV,1,1,01,%02d,79,041,29" % (1 + i % 30))
    receiver, seen = fixes(*bodies)
    assert len(sats(receiver, GPS)) == 1
    assert all(each["by"][GPS] == 1 for each in seen)


def test_the_antenna_is_heard_in_txt():
    for text, state in (
        (b"ANTENNA OPEN", 2),
        (b"ANTSTATUS=SHORT", 3),
        (b"ANTENNA OK", 1),
        (b"HELLO", 0),
    ):
        receiver, _ = fixes(b"GNTXT,01,01,02," + text)
        assert receiver.antenna == state, text
