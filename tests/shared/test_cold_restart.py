"""The cold box over restarts, cuts and updates: the record of an order is the same, or says less."""

from cold_adverts import (
    BOX,
    LID,
    Clock,
    Journal,
    Order,
    temperature,
)
from cold_rides import delivered, drive, say, stored
from mutate import Chance, rounds

from firmware.rider.cold import ColdBox
from protocols import messages
from protocols.cbor import Writer


def ride(restart_at, samples, profile, day_ms=80_000_000):
    """Verdict and excursions of a ride with a restart (1 s without power) after one of its samples.

    The clock runs over midnight.
    """
    journal = Journal()
    clock = Clock(0, 2_500, day_ms)
    box = ColdBox(journal, [(BOX, "box-1")], clock)
    box.on_order(Order("A1", profile), "picked_up")
    for number, (wait_ms, cc) in enumerate(samples):
        while wait_ms > 0:
            clock.move(min(wait_ms, 1_000))
            wait_ms -= 1_000
            box.step(clock.now_ms)
        say(box, temperature(cc, number), clock.now_ms)
        if number == restart_at:
            state = stored(box.save())
            clock.now_ms = 0
            box = ColdBox(journal, [(BOX, "box-1")], clock)
            assert box.restore(state)
    clock.move(1_000)
    box.step(clock.now_ms)
    box.save()
    box.on_order(Order("A1", profile), "handed_over")
    return journal.of(messages.VERDICT), journal.of(messages.EXCURSION)


def test_a_restart_at_any_sample_gives_the_identical_record():
    chance = Chance("cold box restarts")
    for _ in range(max(1, rounds(200) // 50)):
        samples = []
        cc = 700
        for _ in range(14):
            samples.append((1_000 * chance.below(90), cc))
            cc += chance.below(400) - 150
        one = ride(-1, samples, "pharma")
        assert len(one[0]) == 1
        for number in range(len(samples)):
            assert ride(number, samples, "pharma") == one, (samples, number)


def cut(off_s, saved_utc=True, known_at_start=True, known_later=True, back=False):
    """A trip of 300 s (the first reading after 1 s), off_s without power, 300 s; the verdict."""
    journal = Journal()
    clock = Clock(0, 2_500 if saved_utc else -1, 50_000_000)
    box = ColdBox(journal, [(BOX, "box-1")], clock)
    box.on_order(Order("A1", "chilled"), "picked_up")

    def go(seconds):
        for _ in range(seconds):
            clock.move(1_000)
            say(box, temperature(400, clock.now_ms // 1_000), clock.now_ms)
            box.step(clock.now_ms)

    go(300)
    state = stored(box.save())
    clock = Clock(0)
    utc_ms = 50_300_000 + off_s * 1_000 if not back else 40_000_000
    if known_at_start:
        clock.set(2_500, utc_ms)
    box = ColdBox(journal, [(BOX, "box-1")], clock)
    assert box.restore(state)
    go(50)
    if not known_at_start and known_later:
        clock.set(2_500, utc_ms + 50_000)
    go(250)
    delivered(box)
    return journal.of(messages.VERDICT)[0]


def test_time_without_power_is_known_by_utc():
    said = cut(20)
    assert (said["verdict"], said["total_s"], said["unknown_s"]) == ("pass", 620, 1)
    said = cut(100)
    assert (said["verdict"], said["total_s"], said["unknown_s"]) == ("pass", 700, 42)
    said = cut(400)
    assert (said["verdict"], said["total_s"], said["unknown_s"]) == ("inconclusive", 1_000, 342)


def test_utc_that_comes_later_settles_it_then():
    said = cut(20, known_at_start=False)
    assert (said["verdict"], said["total_s"], said["unknown_s"]) == ("pass", 620, 22)
    said = cut(400, known_at_start=False)
    assert (said["verdict"], said["total_s"], said["unknown_s"]) == ("inconclusive", 1_000, 402)


def test_time_that_nobody_knows_is_no_pass():
    for said in (
        cut(1, saved_utc=False),
        cut(1, known_at_start=False, known_later=False),
        cut(1, back=True),
        cut(1, known_at_start=False, back=True),
    ):
        assert said["verdict"] == "inconclusive" and "lost" in said["reason"]


def test_another_profile_after_an_update_is_no_pass():
    journal = Journal()
    box = ColdBox(journal, [(BOX, "box-1")])
    box.on_order(Order("A1", "chilled"), "picked_up")
    state = stored(box.save())
    state[1][3][0][2] = b"else"
    clock = Clock(0, 2_500, 0)
    box = ColdBox(journal, [(BOX, "box-1")], clock)
    assert box.restore(state)
    drive(box, 0, 300, 400)
    delivered(box)
    assert journal.of(messages.VERDICT)[0]["verdict"] == "inconclusive"


def test_what_is_no_saved_state_is_refused_and_changes_nothing():
    chance = Chance("cold box state")
    good = ColdBox(Journal(), [(BOX, "box-1"), (LID, "lid")])
    good.on_order(Order("A1", "chilled"), "picked_up")
    drive(good, 0, 100, 900)
    saved = stored(good.save())

    def spoiled(value, left):
        """`value` with one of its parts replaced, and how many parts are still to pass before it."""
        if left == 0:
            return chance.pick((None, 0, -1, 1 << 40, "", "x", b"", b"\x00" * 23, [], [[]], {})), -1
        left -= 1
        if isinstance(value, list):
            out = []
            for item in value:
                if left >= 0:
                    item, left = spoiled(item, left)
                out.append(item)
            return out, left
        return value, left

    taken = 0
    for _ in range(rounds(300)):
        value, _ = spoiled(saved, chance.below(30))
        box = ColdBox(Journal(), [(BOX, "box-1"), (LID, "lid")])
        if not box.restore(value):
            assert box.trips.open == []
            continue
        taken += 1
        drive(box, 0, 120, 900)
        box.on_order(Order("A1", "chilled"), "handed_over")
        stored(box.save())
    assert taken


def test_twelve_orders_fit_where_a_board_keeps_its_state():
    journal = Journal()
    box = ColdBox(journal, [(BOX, "box-1")], Clock(0, 2_500, 0))
    for number in range(12):
        box.on_order(Order("20261122-%06d" % number, "chilled"), "picked_up")
    drive(box, 0, 1_300, lambda second: 900 + second % 90)
    writer = Writer(bytearray(6_000))
    writer.value(box.save())
    assert writer.n < 2_600, writer.n
