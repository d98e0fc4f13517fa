"""Satellites: their numbers, those in view by signal and group, those in use."""

from epochs_of import fixes, gga
from sentences import sentence

from protocols.absent import NONE
from protocols.nmea import Framer
from protocols.satellites import BDS, GAL, GLO, GPS, QZS, SBS, number_of, place


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


def test_turns_that_come_round_bring_nothing_back():
    bodies = []
    for i in range(600):
        bodies.append(gga(b"10%02d%02d.00" % (i // 60, i % 60)))
        bodies.append(b"GNGSA,A,3,%02d,,,,,,,,,,,,1.5,0.9,1.2,1" % (1 + i % 30))
        bodies.append(b"GPGSV,1,1,01,%02d,79,041,29" % (1 + i % 30))
    receiver, seen = fixes(*bodies)
    assert len(sats(receiver, GPS)) == 1
    assert all(each["by"][GPS] == 1 for each in seen)
