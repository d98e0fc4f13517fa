"""A board's life: what a cut at a bad moment, a long outage, a full ring or the night makes of it."""

import pytest
from board_life import Life

from firmware.boards.memory import PowerCut
from firmware.main import run
from protocols import commands, messages
from protocols.live import is_live
from tools.simulate.coldbox import Sensor
from tools.simulate.shift.site import Site

ADDRESS = "C4:38:00:00:00:01"
SHIFT = {"start_min": 480, "end_min": 1_320, "utc_offset_min": 480}  # 8:00 to 22:00
NIGHT_S = 12 * 3_600  # after noon


class World:
    """A board after the other at one gateway, in the world's time."""

    def __init__(self, folder):
        self.site = Site(folder, self._down)
        self.life = None

    def _down(self, topic, payload):
        self.life.hardware.broker.send(topic, payload)

    def begin(self, flashes=None, **config):
        self.life = Life(flashes, **config)
        self.life.hardware.is_reachable = True
        self.life.hardware.on_publish = self.site.take
        return self.life

    def run(self, seconds, start_s):
        def each(second):
            self.site.now_ms = 1_795_320_000_000 + second * 1_000
            self.site.step()

        self.life.run(seconds, start_s, each=each)


@pytest.mark.parametrize("operation", range(12))
def test_no_cut_around_a_hand_over_leaves_an_order_open_for_ever(tmp_path, operation):
    world = World(tmp_path)
    life = world.begin()
    try:
        world.run(8, 0)
        world.site.order(
            {
                "order": "A1",
                "device": "rider-0001",
                "drop": {"lat_e7": 312_300_000, "lon_e7": 1_214_700_000},
            }
        )
        world.run(20, 8)
        assert [name for name, _ in life.open()] == ["A1"]
        world.site.order({"order": "A1", "device": "rider-0001", "action": "handed_over"})
        flashes = life.hardware.flashes
        # The power fails in the n-th flash operation from here on, whichever partition it is for.
        left = [operation]
        for flash in flashes.values():
            _count_down(flash, left)
        try:
            world.run(6, 28)
        except PowerCut:
            life = world.begin(flashes)
            world.run(120, 60)
        assert life.open() == []
        states = [row["state"] for row in world.site.rows("order")]
        assert states[-1] == "handed_over" and not list(world.site.rows("risk"))
    finally:
        world.site.close()


def _count_down(flash, left):
    """Let a flash share the countdown `left` with others: at 0 its operation is torn."""
    whole = flash._operation

    def operation(size):
        if left[0] == 0:
            flash.cut_at = 0
        left[0] -= 1
        return whole(size)

    flash._operation = operation
    flash.power_on = _restored(flash, whole)


def _restored(flash, whole):
    def power_on():
        flash._operation = whole
        flash._off = False
        flash.cut_at = -1

    return power_on


def test_resets_for_want_of_acknowledgements_back_off_over_restarts():
    life = Life()
    track = life.board.device.journal.rings[1]
    for _ in range(900):
        life.board.device.journal.record(messages.HEALTH, {"event": "report", "firmware": "x" * 40})
    track.ack(track.next - 1)
    assert track.acked > 0
    waits = []
    for _ in range(3):
        life = Life(life.hardware.flashes)
        while not life.hardware.resets:
            life.hardware.t_ms += 20_000
            life.board.step(100)
        waits.append(round(life.hardware.resets[0][0] / 3_600_000))
    assert waits == [2, 4, 8]


def test_what_cannot_be_answered_is_not_carried_out():
    life = Life()
    life.run(3)
    life.assign("A1", profile="chilled")
    journal = life.board.device.journal
    while journal.record(messages.EXCEPTION, {"code": "overspeed", "speed_mm_s": 8_000}):
        pass
    life.command("h1", commands.HANDED_OVER, order="A1")
    assert life.open() and life.board.device.commands.refused == 1
    evidence = journal.rings[0]
    evidence.ack(evidence.next - 1)
    life.command("h1", commands.HANDED_OVER, order="A1")
    assert life.open() == []
    assert life.records(messages.ORDER)[-1]["state"] == "handed_over"
    assert len(life.records(messages.VERDICT)) == 1


def cold_life(flashes, seconds, start_s, receiver=True):
    life = Life(flashes, sensors=[{"address": ADDRESS, "name": "box"}])
    sensor = Sensor(ADDRESS, "bthome", 4.2)
    sensor.packets = start_s

    def hear(second):
        if second % 2 == 0:
            life.hardware.heard.append(
                (bytes.fromhex(ADDRESS.replace(":", "")), sensor.payload(float(second)))
            )

    life.hear = hear
    life.run(seconds, start_s, receiver, hear)
    return life


@pytest.mark.parametrize("bounces", [0, 2])
def test_a_bouncing_contact_makes_no_known_time_unknown(bounces):
    life = cold_life(None, 10, 0)
    life.assign("A1", profile="chilled")
    life.run(400, 10, each=life.hear)
    at_s = 415
    for _ in range(bounces):  # on for a second, too short for a clock
        life = cold_life(life.hardware.flashes, 1, at_s, receiver=False)
        at_s += 3
    life = cold_life(life.hardware.flashes, 300, at_s + 3)
    life.command("h", commands.HANDED_OVER, order="A1")
    (verdict,) = life.records(messages.VERDICT)
    assert verdict["verdict"] == "pass", verdict


def lives(life):
    return [t_ms for t_ms, _, payload in life.hardware.published if is_live(payload)]


def test_off_shift_no_position_leaves_a_board_not_even_at_its_start():
    life = Life(shift=SHIFT)
    life.hardware.is_reachable = True
    life.run(60, 0)
    assert lives(life)  # at noon he is told
    for config in ({"profile": "adaptive"}, {"profile": "every-epoch"}):
        night = Life(life.hardware.flashes, shift=SHIFT, **config)
        night.hardware.is_reachable = True
        night.run(700, NIGHT_S, receiver=False)  # indoors, without a clock
        night.run(300, NIGHT_S + 700)
        assert lives(night) == []
        assert night.records(messages.FIX, "track") == []


def test_a_standing_rider_is_shown_at_once():
    life = Life()
    life.run(5)  # positions, and no network yet
    life.hardware.is_reachable = True
    life.run(15, 5)
    assert lives(life) and lives(life)[0] < 15_000


def test_a_state_of_twelve_cold_orders_and_four_sensors_is_kept():
    sensors = [{"address": f"C4:38:00:00:00:{i:02X}", "name": f"box-{i}"} for i in range(1, 5)]
    life = Life(sensors=sensors)
    life.run(5)
    for number in range(12):
        life.assign(
            f"order-{number:02d}-{'x' * 30}", profile="chilled", building=f"b{number}", floor=20
        )
    life.run(40, 5)
    state = life.board.state
    assert (state.refused, state.failed) == (0, 0) and state.written > 0
    again = Life(life.hardware.flashes, sensors=sensors)
    assert len(again.open()) == 12 and len(again.rider.cold.trips.open) == 48


def test_the_chips_clock_is_set_once_and_a_turn_without_heap_ends_in_a_reset(monkeypatch):
    life = Life()
    life.run(5)
    assert len(life.hardware.rtc) == 1 and life.hardware.rtc[0][0] == 2_517

    def out_of_heap(_wait_ms=50):
        raise MemoryError

    monkeypatch.setattr(life.board, "step", out_of_heap)
    run(life.board)
    assert [cause for _, cause in life.hardware.resets] == ["memory"]


def test_a_backlog_in_a_tunnel_tells_no_old_place_as_now():
    life = Life(profile="every-epoch")
    life.run(90)
    life.hardware.is_reachable = True
    told = []
    life.rider.put_now = _noting(life.rider.put_now, told)
    no_fix = b"$GNRMC,040130.00,V,,,,,,,221126,,,N,V*"
    check = 0
    for byte in no_fix[1:-1]:
        check ^= byte
    life.hardware.serial += no_fix + b"%02X\r\n" % check
    life.run(30, 91, receiver=False)
    assert told and not any(told)


def _noting(put, told):
    def noting(writer, stamp):
        told.append(put(writer, stamp))
        return told[-1]

    return noting
