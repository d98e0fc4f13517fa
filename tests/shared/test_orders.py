"""An order's life: commands in, one record for every change, a reason for what is refused."""

from firmware.rider.orders import MAX_OPEN, Orders, split_e7
from protocols import messages
from protocols.cbor import Reader, Writer


class Journal:
    """Keeps records as they would be written, so that a field the table lacks is a fault here."""

    def __init__(self):
        self.records = []
        self._writer = Writer(bytearray(640))

    def record(self, kind, values):
        self._writer.reset()
        messages.put_record(self._writer, kind, (1, 0, -1, 0), values)
        item = Reader(self._writer.buf, 0, self._writer.n).read()
        found, why, read, unknown = messages.check_record(item)
        assert found == kind and unknown == 0, why
        self.records.append(read)
        return True


class Watches:
    """Stands for rider.alerts: what it keeps of an order is a list of numbers."""

    @staticmethod
    def save_watch(watch):
        return watch

    @staticmethod
    def restore_watch(value):
        return value if isinstance(value, list) else None


def placed(name, pickup=True, **more):
    """Values of an assignment; `pickup` True for a shop of its own."""
    values = {"order": name, "lat_e7": 312_300_000, "lon_e7": 1_214_700_000}
    values["promised_day"], values["promised_ms"] = 2_517, 36_000_000
    if pickup:
        values["pickup_lat_e7"], values["pickup_lon_e7"] = 312_340_000, 1_214_650_000
    values.update(more)
    return values


def made(*names, **more):
    """Return (orders, journal, what observers were told), with these orders assigned."""
    journal = Journal()
    orders = Orders(journal, Watches)
    told = []
    orders.observers.append(lambda order, state: told.append((order.name, state, order.state)))
    for name in names:
        orders.assign("c-" + name, placed(name, **more))
    return orders, journal, told


def last(journal):
    record = journal.records[-1]
    return record["state"], record.get("command"), record.get("reason")


def test_from_assigned_to_handed_over():
    orders, journal, told = made("A1")
    order = orders.find("A1")
    assert order.state == "assigned" and order.pickup is not None and order.watch is None
    assert (order.promised_day, order.promised_ms) == (2_517, 36_000_000)
    assert (order.profile, order.building, order.floor) == (None, None, None)
    orders.pick_up("c2", {"order": "A1"})
    assert order.state == "picked_up" and order.pickup is None
    orders.arrive(order, 2_517, 35_000_000)
    assert (order.arrived_day, order.arrived_ms) == (2_517, 35_000_000)
    orders.close("c3", {"order": "A1"}, "handed_over")
    assert orders.open == [] and order.state == "handed_over"
    assert [(each["state"], each.get("command")) for each in journal.records] == [
        ("assigned", "c-A1"),
        ("picked_up", "c2"),
        ("arrived", None),
        ("handed_over", "c3"),
    ]
    assert [each["orders_open"] for each in journal.records] == [1, 1, 1, 0]
    words = ("assigned", "picked_up", "arrived", "handed_over")
    assert told == [("A1", word, word) for word in words]


def test_what_an_assignment_may_say():
    orders, _, _ = made()
    orders.assign("c", placed("A1", profile="frozen", building="B7", floor=-1))
    order = orders.open[0]
    assert (order.profile, order.building, order.floor) == ("frozen", "B7", -1)
    assert (order.drop.lat, order.drop.lon) == ((31, 2_300_000), (121, 4_700_000))
    assert (order.pickup.lat, order.pickup.lon) == ((31, 2_340_000), (121, 4_650_000))
    orders.assign("c", {"order": "A2", "lat_e7": -1, "lon_e7": 0})
    assert orders.open[1].promised_day == -1 and orders.open[1].drop.lat == (0, -1)


def test_an_order_without_a_pickup_is_with_the_rider():
    orders, journal, told = made("A1", pickup=False)
    assert orders.open[0].state == "picked_up"
    assert [each["state"] for each in journal.records] == ["assigned"]
    assert [each[1] for each in told] == ["assigned", "picked_up"]


def test_orders_of_one_shop_share_its_place():
    orders, _, _ = made("A1", "A2", "A3")
    assert orders.open[0].pickup is orders.open[1].pickup is orders.open[2].pickup
    orders.assign("c", placed("A4", pickup_lat_e7=312_340_001))
    assert orders.open[3].pickup is not orders.open[0].pickup


def test_the_thirteenth_is_refused_until_one_is_gone():
    orders, journal, told = made(*["A%d" % number for number in range(MAX_OPEN)])
    before = len(told)
    orders.assign("c", placed("A12"))
    state, command, reason = last(journal)
    assert (state, command) == ("refused", "c") and "12" in reason
    assert len(orders.open) == MAX_OPEN and len(told) == before and orders.find("A12") is None
    orders.assign("again", placed("A3"))  # one that is open is no thirteenth
    assert last(journal)[:2] == ("assigned", "again")
    orders.close("c", {"order": "A3"}, "cancelled")
    orders.assign("c", placed("A12"))
    assert last(journal)[0] == "assigned" and len(orders.open) == MAX_OPEN


def test_what_is_told_again_is_answered_again_and_changes_nothing():
    orders, journal, told = made("A1")
    orders.pick_up("c2", {"order": "A1"})
    before = list(told)
    orders.assign("c3", placed("A1"))
    assert last(journal) == ("picked_up", "c3", None)
    orders.pick_up("c4", {"order": "A1"})
    assert last(journal) == ("picked_up", "c4", None)
    assert orders.open[0].drop.lat[0] == 31 and told == before
    orders.arrive(orders.open[0], 2_517, 1)
    count = len(journal.records)
    orders.arrive(orders.open[0], 2_517, 2)
    assert len(journal.records) == count and orders.open[0].arrived_ms == 1
    orders.pick_up("c5", {"order": "A1"})  # the answer is where it stands, not a step back
    assert last(journal) == ("arrived", "c5", None)


def test_another_door_or_promise_is_taken_over():
    orders, _, told = made("A1")
    orders.pick_up("c2", {"order": "A1"})
    order = orders.open[0]
    order.watch = "told"
    orders.assign("c3", placed("A1", promised_ms=41_000_000))
    assert order.promised_ms == 41_000_000 and order.watch == "told" and order.drop.lat[0] == 31
    orders.arrive(order, 2_517, 1)
    orders.assign("c4", placed("A1", promised_ms=41_000_000, lat_e7=322_300_000))
    assert (order.drop.lat[0], order.state, order.watch) == (32, "picked_up", None)
    assert [each[1] for each in told[-3:]] == ["amended", "arrived", "amended"]


def test_out_of_turn():
    orders, journal, told = made("A1")
    orders.arrive(orders.open[0], 2_517, 1)  # he passes by, the goods still in the shop
    assert orders.open[0].state == "assigned" and len(journal.records) == 1
    orders.pick_up("c2", {"order": "B9"})
    assert last(journal) == ("refused", "c2", "was not open")
    for state in ("handed_over", "failed", "cancelled"):
        orders.close("c3", {"order": "B9"}, state)
        assert last(journal) == (state, "c3", "was not open")
    assert len(orders.open) == 1 and len(told) == 1
    order = orders.open[0]
    orders.close("c4", {"order": "A1"}, "handed_over")
    orders.arrive(order, 2_517, 1)
    assert last(journal) == ("handed_over", "c4", "its pickup was not told")
    # The cold chain hears of a trip that began and ended, and has no reading of it.
    assert [each[1] for each in told] == ["assigned", "picked_up", "handed_over"]


def test_half_a_pickup_is_refused():
    orders, journal, told = made()
    for missing in ("pickup_lat_e7", "pickup_lon_e7"):
        values = placed("A1")
        del values[missing]
        orders.assign("c", values)
        assert last(journal) == ("refused", "c", "its pickup has half a position")
    assert orders.open == [] and told == []


def test_a_failure_says_why():
    for begin in ("assigned", "picked_up"):
        orders, journal, told = made("A1", pickup=begin == "assigned")
        orders.close("c", {"order": "A1", "reason": "nobody at home"}, "failed")
        assert last(journal) == ("failed", "c", "nobody at home")
        assert orders.open == [] and told[-1] == ("A1", "failed", "failed")


def fields(order):
    places = [base and (base.lat, base.lon) for base in (order.drop, order.pickup)]
    names = ("name", "state", "promised_day", "promised_ms", "profile", "building", "floor")
    names += ("arrived_day", "arrived_ms", "watch")
    return places + [getattr(order, name) for name in names]


def some():
    """Orders in every state there is, with all that can be said of one."""
    orders, _, _ = made("A1001", "A1002")
    orders.assign("c", placed("A1003", profile="chilled", building="B7-2", floor=12))
    orders.assign("c", placed("A1004", pickup=False, lat_e7=-335_000_001, lon_e7=-5))
    orders.assign("c", placed("A1005", pickup=False))
    orders.open[3].promised_day, orders.open[3].promised_ms = -1, 0
    orders.pick_up("c", {"order": "A1002"})
    orders.arrive(orders.find("A1005"), 2_517, 35_999_999)
    orders.open[0].watch = [1, 2, 0, -1, -1]
    return orders


def test_all_survives_a_restart_in_80_bytes_an_order():
    orders = some()
    writer = Writer(bytearray(2_000))
    writer.value(orders.save())
    assert not writer.full
    saved = Reader(writer.buf, 0, writer.n).read()
    again = Orders(Journal(), Watches)
    told = []
    again.observers.append(lambda order, state: told.append(state))
    assert again.restore(saved) and told == []
    assert [fields(each) for each in again.open] == [fields(each) for each in orders.open]
    assert again.open[0].pickup is again.open[2].pickup
    full = Orders(Journal())
    for number in range(MAX_OPEN):
        full.assign("c", placed("A10%02d" % number, profile="chilled", building="B7-2", floor=12))
    writer.reset()
    writer.value(full.save())
    assert writer.n <= 80 * MAX_OPEN + 4, writer.n


def test_an_empty_board_too():
    orders = Orders(Journal())
    assert orders.restore(Orders(Journal()).save()) and orders.open == []


def damaged_values():
    good = some().save()
    for value in (None, 5, [], [1], [2, []], [1, 7], [1, [[]]], "x", [1, good[1], 0], {1: 2}):
        yield value
    bad = {
        0: (None, 5, "", b"A1"),
        1: (-1, 3, "assigned", None, True),
        2: (None, [], [91, 0, 0, 0], [0, 0, 181, 0], [0, 10_000_000, 0, 0], [0, 0, 0, "0"]),
        3: ([0, 0, 0], 7, None),  # assigned, and nowhere to be picked up
        4: ([1], [70_000, 0], [5, -1], [5, 86_400_001], "x"),
        5: (5, b"x"),
        6: (5, b"x"),
        7: (-21, 201, "5"),
        8: ([1], 5, [-2, 0]),
    }
    for place in bad:
        for each in bad[place]:
            rows = [list(row) for row in good[1]]
            rows[0][place] = each
            yield [1, rows]
    yield [1, good[1] + [good[1][0]]]  # the same order twice
    yield [1, [row[:-1] for row in good[1]]]


def test_what_is_not_understood_leaves_nothing_open():
    count = 0
    for value in damaged_values():
        orders, journal, _ = made("Z1")
        assert orders.restore(value) is False, value
        assert orders.open == [] and len(journal.records) == 1
        orders.assign("c", placed("A1"))
        assert len(orders.open) == 1
        count += 1
    assert count > 30
    orders, _, _ = made(*["A%d" % number for number in range(MAX_OPEN)])
    saved = orders.save()
    saved[1].append(list(saved[1][0]))
    saved[1][-1][0] = "A12"
    assert orders.restore(saved) is False


def test_angles_are_split_with_their_sign():
    for value, pair in ((312_300_001, (31, 2_300_001)), (-5, (0, -5)), (-1_800_000_000, (-180, 0))):
        assert split_e7(value) == pair
