"""Health: a silent part is restarted, the board only when hours of that did not help.

Runs under pytest and under MicroPython.
"""

import gc
import sys

from firmware.system import health
from firmware.system.health import ACKS, ADVERTS, BYTES, FIX, Health

SECOND = 1_000
MINUTE = 60_000
HOUR = 3_600_000
DAY = 86_400_000


class Board:
    """Hardware and system as Health sees them; a reset starts the next life, as on a board."""

    def __init__(self, sensors=True):
        self.told = []  # (when in this world, what)
        self.fed = 0
        self.records = []
        self.now_ms = 0
        self.world_ms = 0
        self.sensors = sensors
        self.saved = None
        self.ended = False
        self.start()

    def start(self):
        self.now_ms = 0
        self.health = Health(self, self.record, self.drop, self.reset, self.sensors)
        assert self.saved is None or self.health.restore(self.saved)

    def record(self, event, values):
        assert event == "restart" and values["subsystem"] in ("gnss", "ble", "uplink")
        assert 0 < values["silent_ms"] < 1 << 30
        self.records.append((values["subsystem"], values["silent_ms"], values["restarts"]))

    def tell(self, what):
        self.told.append((self.world_ms, what))

    def restart_gnss(self):
        self.tell("gnss")

    def restart_ble(self):
        self.tell("ble")

    def restart_network(self):
        self.tell("network")

    def replay_ended(self):
        return self.ended

    def drop(self, now_ms):
        self.tell("drop")

    def reset(self, cause):
        assert 0 < len(cause) <= 40
        self.tell("reset " + cause)
        self.saved = self.health.save()
        self.health = None

    def feed_watchdog(self):
        self.fed += 1

    def run(self, for_ms, alive=(), held=0, evidence=0, orders=0, each_ms=10 * SECOND, tasks=4):
        """Let time pass; what is `alive` gives a sign at every step."""
        end_ms = self.world_ms + for_ms
        while self.world_ms < end_ms:
            self.now_ms += each_ms
            self.world_ms += each_ms
            for what in alive:
                self.health.heard(what, self.now_ms)
            for task in range(tasks):
                self.health.ticked(task, self.now_ms)
            self.health.step(self.now_ms, held, evidence, orders)
            if self.health is None:
                self.start()

    def times(self, what):
        return [at for at, each in self.told if each == what]

    def resets(self):
        return [(at, each) for at, each in self.told if each[:5] == "reset"]


ALL = (BYTES, ADVERTS, ACKS, FIX)


def test_a_board_at_work_is_left_alone():
    board = Board()
    board.run(9 * DAY, ALL, held=5, evidence=1, orders=2, each_ms=20 * SECOND)
    assert board.told == [] and board.records == [] and board.health.restarts == 0


def test_a_silent_receiver_is_restarted_with_back_off_and_that_is_recorded():
    board = Board()
    board.run(MINUTE, ALL)
    board.run(3 * HOUR, (ADVERTS, ACKS))
    minutes = [(at - MINUTE) / MINUTE for at in board.times("gnss")]
    assert minutes == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5, 121.5, 151.5]
    assert board.records[0] == ("gnss", 30_000, 1) and board.records[1] == ("gnss", 90_000, 2)
    board.run(MINUTE, ALL)  # it speaks again: the next silence is met as promptly as the first
    before = len(board.told)
    board.run(MINUTE, (ADVERTS, ACKS))
    assert len(board.told) == before + 1


def test_a_receiver_without_a_position_is_given_half_an_hour():
    board = Board()
    board.run(29 * MINUTE, (BYTES, ADVERTS, ACKS))
    assert board.told == []
    board.run(24 * HOUR, (BYTES, ADVERTS, ACKS))
    hours = [at / HOUR for at in board.times("gnss")]
    assert hours == [0.5, 1.5, 3.5, 7.5, 13.5, 19.5] and board.resets() == []


def test_a_deaf_radio_is_restarted_only_where_sensors_are_enrolled():
    board = Board()
    board.run(10 * MINUTE, (BYTES, FIX, ACKS))
    assert [at / MINUTE for at in board.times("ble")] == [1, 3, 7]
    without = Board(sensors=False)
    without.run(9 * DAY, (BYTES, FIX, ACKS), each_ms=20 * SECOND)
    assert without.told == []


def test_a_radio_that_was_switched_off_is_not_deaf():
    board = Board()
    board.run(MINUTE, ALL)
    board.health.listens = False  # off shift
    board.run(9 * HOUR, (BYTES, FIX, ACKS))
    board.health.listens = True
    board.run(MINUTE - 10 * SECOND, (BYTES, FIX, ACKS))
    assert board.told == []
    board.run(20 * SECOND, (BYTES, FIX, ACKS))
    assert [each for _, each in board.told] == ["ble"]


def test_acknowledgements_are_owed_only_while_records_wait():
    board = Board()
    board.run(DAY, (BYTES, ADVERTS, FIX), held=0, each_ms=20 * SECOND)
    assert board.told == []
    board.run(31 * MINUTE, (BYTES, ADVERTS, FIX), held=3)
    minutes = [(at - DAY) / MINUTE for at in board.times("drop")]
    assert minutes == [2, 6, 14, 30]
    assert [(at - DAY) / MINUTE for at in board.times("network")] == [14]


def test_a_dead_zone_resets_after_2_4_8_16_and_then_every_24_hours():
    board = Board()
    board.run(5 * DAY, (BYTES, ADVERTS, FIX), held=900, evidence=3, each_ms=20 * SECOND)
    hours = [at / HOUR for at, _ in board.resets()]
    assert hours == [2, 6, 14, 30, 54, 78, 102], hours
    assert board.resets()[1][1] == "reset uplink silent 4 h"
    board.run(MINUTE, ALL, held=900)
    assert board.health.save() == [1, 0]  # the gateway answers: the count begins anew


def test_nothing_is_reset_while_an_order_is_open():
    board = Board()
    board.run(MINUTE, ALL)
    board.run(9 * DAY, (), held=900, evidence=3, orders=1, each_ms=30 * SECOND)
    assert board.resets() == [] and board.times("drop") and board.times("ble")


def test_nothing_is_reset_while_an_upload_makes_progress():
    board = Board()
    board.run(MINUTE, ALL)
    board.run(2 * DAY, (ACKS,), held=33, each_ms=20 * SECOND)
    board.run(2 * DAY, (ACKS,), held=1, evidence=1, each_ms=20 * SECOND)
    assert board.resets() == []
    board.run(20 * SECOND, (ACKS,), held=1)  # all sent: now the dead receiver may cost a reset
    assert [each for _, each in board.resets()] == ["reset gnss silent"]


def test_a_receiver_or_radio_that_never_worked_is_no_reason_to_reset():
    board = Board()
    board.run(9 * DAY, (ACKS,), held=3, each_ms=20 * SECOND)
    assert board.resets() == []


def test_a_part_that_dies_costs_one_reset_and_no_loop():
    board = Board()
    board.run(HOUR, ALL)
    board.run(9 * DAY, (BYTES, FIX, ACKS), held=3, each_ms=20 * SECOND)
    assert board.resets() == [(7 * HOUR, "reset ble silent")]


def test_the_ms_counter_never_reaches_its_end():
    board = Board()
    board.run(31 * DAY, ALL, held=3, each_ms=30 * SECOND)
    assert [at / DAY for at, _ in board.resets()] == [10, 20, 30]
    board.run(10 * DAY, ALL, orders=1, each_ms=30 * SECOND)
    board.run(2 * DAY, ALL, orders=1, each_ms=30 * SECOND)
    assert [at / DAY for at, _ in board.resets()] == [10, 20, 30, 42]
    assert board.resets()[3][1] == "reset uptime"


def test_a_recording_that_was_played_to_its_end_is_left_alone():
    board = Board()
    board.run(MINUTE, ALL)
    board.ended = True
    board.run(9 * DAY, (ADVERTS, ACKS), held=5, evidence=1, each_ms=20 * SECOND)
    assert board.told == [] and board.records == []
    board.ended = False
    board.run(MINUTE, (ADVERTS, ACKS))
    assert board.records[0][0] == "gnss"


def test_the_watchdog_is_fed_only_when_every_task_had_its_turn():
    board = Board()
    board.run(10 * SECOND, ALL, each_ms=SECOND)
    assert board.fed == 10
    board.run(8 * SECOND, ALL, each_ms=SECOND, tasks=3)
    assert board.fed == 18
    board.run(DAY, ALL, each_ms=10 * SECOND, tasks=3)
    assert board.fed == 18
    board.run(SECOND, ALL, each_ms=SECOND)
    assert board.fed == 19 and board.health.slowest_ms == 10 * SECOND


def test_what_is_not_understood_is_not_restored():
    it = Health(None, None, None, None, True)
    for value in (None, 3, [], [1], [2, 0], [1, -1], [1, 9], [1, "2"], [1, None], {1: 0}):
        assert not it.restore(value), value
    assert it.restore([1, 3]) and it.save() == [1, 3]
    assert (health.BYTES, health.FIX) == (0, 3)


def test_a_quiet_turn_leaves_nothing_on_the_heap():
    board = Board()
    board.run(MINUTE, ALL)
    if sys.implementation.name != "micropython":
        assert board.told == []
        return
    it = board.health
    gc.collect()
    gc.disable()
    try:
        left = []
        for i in range(3):
            before = gc.mem_alloc()
            it.heard(BYTES, 60_000 + i)
            it.ticked(2, 60_000 + i)
            it.step(60_000 + i, 3, 1, 0)
            left.append(gc.mem_alloc() - before)
    finally:
        gc.enable()
    assert left[1:] == [0, 0], left
