"""The feed's cursors: in order, two lanes, and back to what is safe when a broker was lost."""

from gateway.log.store import ROUTINE
from gateway.sinks.lanes import Lane


def lane_with(rows):
    lane = Lane(ROUTINE, 0)
    for row in rows:
        lane.under_way.append(row)
        lane.read = row
    return lane


def test_out_moves_over_what_is_acknowledged_without_a_hole():
    lane = lane_with([3, 5, 8])
    lane.acked.add(5)
    lane.advance(0.0, 10)
    assert lane.out == 0
    lane.acked.add(3)
    lane.advance(0.1, 10)
    assert lane.out == 5
    lane.acked.add(8)
    lane.advance(0.2, 10)
    assert lane.out == 8 and not lane.under_way and not lane.acked


def test_safe_is_what_was_out_long_enough_ago():
    lane = lane_with(range(1, 101))
    for tenth in range(1, 1001):  # one row acknowledged every second for 100 s
        now = tenth / 10
        if tenth % 10 == 0:
            lane.acked.add(tenth // 10)
        lane.advance(now, 10)
        assert lane.safe <= max(0, int(now - 10))
        assert lane.safe >= int(now - 10) - 2
    assert lane.out == 100 and 88 <= lane.safe <= 90


def test_after_a_lost_connection_it_goes_on_from_what_is_safe():
    lane = lane_with(range(1, 11))
    lane.acked.update(range(1, 8))
    lane.advance(0.0, 10)
    lane.advance(11.0, 10)
    assert (lane.out, lane.safe, lane.read) == (7, 7, 10)
    lane.acked.add(8)
    lane.advance(12.0, 10)
    lane.rewind()
    assert (lane.read, lane.out, lane.safe) == (7, 7, 7)
    assert not lane.under_way


def test_safe_never_overtakes_out_after_a_rewind():
    lane = lane_with([1, 2, 3])
    lane.acked.update([1, 2, 3])
    lane.advance(0.0, 10)
    lane.advance(20.0, 10)
    lane.rewind()
    lane.advance(21.0, 10)
    assert lane.safe <= lane.out == 3
