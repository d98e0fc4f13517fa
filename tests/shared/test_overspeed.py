"""Above 25 km/h for 5 s: one record with the highest speed and the seconds."""

from doorsteps import Journal, Rider

from firmware.rider.estimate import CELL
from firmware.rider.overspeed import Overspeed
from protocols import fix, messages
from protocols.absent import NONE

FAST, SLOW = 8_000, 6_000


class Speed(Overspeed):
    """Is told of every second as the application would be."""

    def on_estimate(self, estimate, *_):
        super().on_estimate(estimate)


def riding():
    journal = Journal()
    return journal, Rider(Speed(journal), [])


def ride(rider, seconds, speed_mm_s, every_s=1):
    for _ in range(0, seconds, every_s):
        rider.at(0, speed_mm_s, every_s)


def events(journal):
    return [(e["speed_mm_s"], e["seconds_s"]) for e in journal.of(messages.EXCEPTION)]


def test_one_record_at_the_end():
    journal, rider = riding()
    ride(rider, 10, SLOW)
    ride(rider, 9, FAST)
    rider.at(0, 9_100)
    ride(rider, 2, FAST)
    assert events(journal) == []
    ride(rider, 10, SLOW)
    assert events(journal) == [(9_100, 11)]
    assert journal.of(messages.EXCEPTION)[0]["code"] == "overspeed"
    assert journal.of(messages.EXCEPTION)[0]["acc_cm"] == 300


def test_the_limit_and_the_time_are_exact():
    for speed_mm_s, seconds, told in ((6_944, 60, 0), (6_945, 6, 1), (6_945, 5, 0)):
        journal, rider = riding()
        ride(rider, seconds, speed_mm_s)
        ride(rider, 5, SLOW)
        assert len(events(journal)) == told, (speed_mm_s, seconds)


def test_a_bump_ends_nothing_a_real_pause_does():
    journal, rider = riding()
    for _ in range(4):
        ride(rider, 4, FAST)
        ride(rider, 2, SLOW)
    ride(rider, 5, SLOW)
    assert len(events(journal)) == 1
    ride(rider, 10, FAST)
    ride(rider, 5, SLOW)
    assert len(events(journal)) == 2


def test_every_60_s_while_it_lasts_and_the_seconds_add_up():
    journal, rider = riding()
    ride(rider, 151, FAST)
    ride(rider, 5, SLOW)
    assert [seconds for _, seconds in events(journal)] == [60, 60, 30]
    assert max(speed for speed, _ in events(journal)) == FAST


def test_what_is_not_trusted_is_not_counted():
    for name, value in (
        ("flags", fix.JUMP),
        ("flags", fix.ESTIMATED),
        ("source", CELL),
        ("acc_cm", 2_001),
        ("acc_cm", NONE),
        ("valid", False),
    ):
        journal, rider = riding()
        setattr(rider.estimate, name, value)
        ride(rider, 30, FAST)
        ride(rider, 5, SLOW)
        assert events(journal) == [], name
    journal, rider = riding()
    ride(rider, 30, NONE)
    assert events(journal) == []


def test_a_lost_position_ends_the_event():
    journal, rider = riding()
    ride(rider, 20, FAST)
    rider.outlook.step(rider.now_ms + 5_000)
    assert events(journal) == []
    rider.outlook.step(rider.now_ms + 5_001)
    assert events(journal) == [(FAST, 19)]


def test_slow_fixes_count_their_seconds():
    journal, rider = riding()
    ride(rider, 40, FAST, every_s=5)
    ride(rider, 5, SLOW)
    assert events(journal) == [(FAST, 35)]


def test_a_full_log_loses_nothing():
    journal, rider = riding()
    journal.full = True
    ride(rider, 70, FAST)
    journal.full = False
    rider.at(0, FAST)
    ride(rider, 5, SLOW)
    assert sum(seconds for _, seconds in events(journal)) == 70
