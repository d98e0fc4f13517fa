"""The plan of stops as orders come and go: there at once, made anew, and steady."""

from test_orders import Journal, placed
from test_stops import all_sequences

from firmware.rider.estimate import Estimate
from firmware.rider.orders import MAX_OPEN, Orders, split_e7
from firmware.rider.plan import Plan

LAT_E7, LON_E7 = 312_300_000, 1_214_700_000
DAY, MS = 2_517, 36_000_000


class Pace:
    """4 m/s, whatever the way."""

    def leg_s(self, way_dm):
        return way_dm // 40


class Handover:
    def expect(self, building, floor):
        return 100 + 10 * (floor or 0)


class Board:
    """A rider with his orders and plan, on a street map of metres north and east of one corner."""

    def __init__(self, kicks=200):
        self.journal = Journal()
        self.orders = Orders(self.journal)
        self.plan = Plan(self.journal, self.orders, Pace(), Handover(), 1_000, kicks)
        self.estimate = Estimate()
        self.now_ms = 0
        self.at(0, 0)

    def at(self, north_m, east_m):
        self.estimate.lat[:] = split_e7(e7(north_m, LAT_E7))
        self.estimate.lon[:] = split_e7(e7(east_m, LON_E7, 0.855))
        self.estimate.acc_cm = 500
        self.estimate.valid = True
        self.plan.on_estimate(self.estimate)

    def assign(self, name, drop, shop=None, in_s=86_000, floor=0):
        values = placed(name, False, lat_e7=e7(drop[0], LAT_E7), lon_e7=e7(drop[1], LON_E7, 0.855))
        values["promised_day"] = DAY + (MS // 1_000 + in_s) // 86_400
        values["promised_ms"] = (MS + in_s * 1_000) % 86_400_000
        values["floor"] = floor
        if shop is not None:
            values["pickup_lat_e7"] = e7(shop[0], LAT_E7)
            values["pickup_lon_e7"] = e7(shop[1], LON_E7, 0.855)
        self.orders.assign("c-" + name, values)

    def settle(self, day=DAY, ms=MS):
        """Let the plan be made; returns the slices that took."""
        slices = 0
        while self.plan.step(self.estimate, self.now_ms, day, ms):
            slices += 1
            assert slices < 5_000
        return slices

    def text(self):
        return ",".join(
            [("-" if drop else "+") + order.name for order, drop in self.plan.sequence()]
        )

    def told(self):
        return [each for each in self.journal.records if "sequence" in each]

    def end(self, name, state="handed_over"):
        self.orders.close("c", {"order": name}, state)


def e7(metres, base_e7, cos=1):
    return base_e7 + int(metres / 0.011132 / cos)


def test_an_order_is_in_the_sequence_before_anything_was_planned():
    board = Board()
    assert board.plan.sequence() == [] and board.settle() == 0
    board.assign("A1", (1_000, 0), (500, 0))
    board.assign("A2", (800, 0))
    assert board.text() == "+A1,-A1,-A2" and board.plan.unsettled()
    slices = 0
    while board.plan.unsettled():
        assert board.plan.step(board.estimate, 0, DAY, MS)
        slices += 1
    assert slices <= 2 + 2 * 2 + 2 + 2  # rows of the table, and one insertion an order
    assert board.text() == "+A1,-A2,-A1"
    assert board.settle() > 0 and board.settle() == 0
    assert board.text() == "+A1,-A2,-A1"


def test_the_record_says_what_was_planned():
    board = Board()
    board.assign("A1", (1_000, 0), (500, 0))
    board.assign("A2", (800, 0), floor=3)
    board.settle()
    records = board.told()
    assert len(records) == 1
    record = records[0]
    assert record["sequence"] == "+A1,-A2,-A1" == board.text()
    # 1,000 m at 4 m/s; 120, 130 and 100 s at the stops are no riding.
    assert 245 <= record["ride_s"] <= 250
    assert record["method"] == "exact" and record["late"] == 0


def test_nothing_is_recorded_while_the_sequence_stays():
    board = Board()
    board.assign("A1", (1_000, 0), (500, 0))
    board.settle()
    count = len(board.told())
    board.at(100, 0)
    board.plan.restore(board.plan.save())
    board.settle()
    assert len(board.told()) == count == 1


def test_stops_that_are_done_are_gone_at_once():
    board = Board()
    board.assign("A1", (1_000, 0), (500, 0))
    board.assign("A2", (800, 0), (500, 0))
    board.settle()
    assert sorted(board.text().split(",")[:2]) == ["+A1", "+A2"]
    board.orders.pick_up("c", {"order": "A1"})
    board.orders.pick_up("c", {"order": "A2"})
    assert board.text() == "-A2,-A1"
    board.settle()
    board.orders.arrive(board.orders.find("A2"), DAY, MS)
    assert board.text() == "-A2,-A1"
    board.end("A2")
    assert board.text() == "-A1"
    board.end("A1", "failed")
    assert board.plan.sequence() == []
    board.settle()
    assert board.told()[-1]["sequence"] == "" and board.told()[-1]["ride_s"] == 0


def test_an_order_that_goes_while_a_plan_is_made():
    board = Board()
    for number in range(6):
        board.assign("A%d" % number, (300 * number, 200), (100, 100))
    for slices in range(1, 200, 7):
        for _ in range(slices):
            board.plan.step(board.estimate, 0, DAY, MS)
        name = "A%d" % (slices % 6)
        if board.orders.find(name):
            board.end(name, "cancelled")
        else:
            board.assign(name, (300 * slices % 7, 200), (100, 100))
        names = sorted([order.name for order in board.orders.open] * 2)
        assert sorted([order.name for order, _ in board.plan.sequence()]) == names
    board.settle()
    assert board.told()[-1]["sequence"] == board.text()


def lateness(board, sequence):
    """Hand-overs too late and the seconds the sequence takes, written once more."""
    lat, lon, when, late, before = board.estimate.lat, board.estimate.lon, 0, 0, None
    for order, is_drop in sequence:
        base = order.drop if is_drop else order.pickup
        if base is not before:
            when += base.distance_dm(lat, lon) // 40 + (
                Handover().expect(None, order.floor) if is_drop else 120
            )
        lat, lon, before = base.lat, base.lon, base
        due_s = (order.promised_day - DAY) * 86_400 + (order.promised_ms - MS) // 1_000
        late += is_drop and when > due_s
    return late, when


def test_promises_come_before_the_shorter_way():
    board = Board()
    board.assign("A1", (300, 0), in_s=1_500)
    board.assign("A2", (600, 0), in_s=1_500)
    board.assign("A3", (-900, 0), in_s=360)  # 225 s away, and 100 s to hand over
    board.settle()
    assert board.text() == "-A3,-A1,-A2"
    assert board.told()[-1]["late"] == 0
    every = all_sequences(3, [1, 1, 1])
    ways = [lateness(board, [(board.orders.open[x // 2 - 1], True) for x in way]) for way in every]
    assert lateness(board, board.plan.sequence()) == min(ways)
    assert min(ways, key=lambda way: way[1])[0] > 0  # the shortest is late


def test_without_a_clock_promises_are_not_looked_at():
    board = Board()
    board.assign("A1", (300, 0), in_s=1_500)
    board.assign("A2", (-900, 0), in_s=360)
    board.settle(day=-1, ms=0)
    assert board.text() == "-A1,-A2" and board.told()[-1]["late"] == 0


def test_what_cannot_be_kept_is_counted():
    board = Board()
    board.assign("A1", (3_000, 0), in_s=60)
    board.assign("A2", (3_100, 0), in_s=-80_000)
    board.settle()
    assert board.told()[-1]["late"] == 2


def test_without_a_position_all_begins_anywhere():
    board = Board()
    board.estimate.valid = False
    board.assign("A1", (1_000, 0))
    board.assign("A2", (2_000, 0))
    board.settle()
    assert len(board.plan.sequence()) == 2 and board.told()[-1]["ride_s"] <= 260


def test_the_next_stop_does_not_change_for_a_little():
    for north_m, first in ((30, "-A1"), (400, "-A2")):
        board = Board()
        board.assign("A1", (500, 0))
        board.assign("A2", (-500, 0))
        board.settle()
        board.plan.restore([1, bytes((1, 3))])  # A1 first, wherever the two would have begun
        board.settle()
        assert board.text() == "-A1,-A2"
        board.at(-north_m, 0)
        board.orders.observers[0](board.orders.open[0], "picked_up")  # a plan is wanted
        board.settle()
        assert board.text().startswith(first), north_m


def test_what_comes_after_the_next_stop_may_change_freely():
    board = Board()
    board.assign("A1", (100, 0))
    board.assign("A2", (500, 0))
    board.assign("A3", (480, 0))
    board.plan.restore([1, bytes((1, 3, 5))])
    board.settle()
    assert board.text() == "-A1,-A3,-A2"  # 5 s shorter


def test_a_rider_on_another_way_gets_another_plan():
    board = Board()
    board.assign("A1", (2_000, 0))
    board.assign("A2", (0, 3_000))
    board.settle()
    assert board.text() == "-A1,-A2"
    for east_m in range(0, 300, 20):
        board.at(0, east_m)
        assert not board.plan.step(board.estimate, 0, DAY, MS)
    for east_m in range(300, 2_500, 20):
        board.at(0, east_m)
        board.settle()
    assert board.text() == "-A2,-A1"
    count = len(board.told())
    board.estimate.acc_cm = 100_000  # a cell's position strays by itself
    board.at(0, -9_000)
    assert len(board.told()) == count


def test_a_position_that_may_be_anywhere_is_no_other_way():
    board = Board()
    board.assign("A1", (2_000, 0))
    board.settle()
    for north_m in (1_500, -3_000):
        board.estimate.lat[:] = split_e7(e7(north_m, LAT_E7))
        board.estimate.acc_cm = 100_000
        board.plan.on_estimate(board.estimate)
        assert not board.plan.step(board.estimate, 0, DAY, MS)


def test_the_budget_ends_a_search():
    board = Board(kicks=1_000_000)
    for number in range(9):
        board.assign("A%d" % number, (700 * number % 1_900, 900 * number % 2_300), (50 * number, 0))
    slices = 0
    while board.plan.step(board.estimate, slices * 10, DAY, MS):
        slices += 1
        assert slices < 200
    assert slices >= 90 and board.told()[-1]["method"] == "best-found"


def test_twelve_orders_with_the_longest_names_fit_the_record():
    board = Board(kicks=20)
    for number in range(MAX_OPEN):
        board.assign("%02d" % number + "货" * 12, (100 * number, 0), (0, 100 * number))
    board.settle()
    record = board.told()[-1]
    assert len(board.plan.sequence()) == 24
    assert record["sequence"] == board.text()[: len(record["sequence"])]
    assert 500 < len(record["sequence"].encode()) <= 600


def test_the_sequence_survives_a_restart():
    board = Board()
    for number in range(4):
        board.assign("A%d" % number, (900 - 200 * number, 0), (10 * number, 300))
    board.settle()
    again = Board()
    assert again.orders.restore(board.orders.save())
    assert again.plan.restore(board.plan.save())
    assert again.text() == board.text()
    again.settle()
    assert again.text() == board.text()


def test_a_sequence_that_does_not_fit_the_orders_is_made_anew():
    board = Board()
    board.assign("A1", (1_000, 0), (500, 0))
    board.assign("A2", (800, 0))
    board.settle()
    whole = board.text()
    bad = [None, 7, [], [1], [2, bytes((0, 1, 3))], [1, "013"]]
    places = ("", "0 1", "1 0 3", "0 0 1", "0 1 2", "0 1 9", "0 1 3 3", "255 1 3")
    bad += [[1, bytes([int(place) for place in each.split()])] for each in places]
    for value in bad:
        assert board.plan.restore(value) is False, value
        assert board.text() == "+A1,-A1,-A2"
        board.settle()
        assert board.text() == whole
