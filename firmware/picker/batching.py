"""Orders put together into trips of one cart, with what that saves.

`batch` groups orders so that first the least comes late and then the least is walked; every trip is
planned with `sequence.plan`, and so are the trips it is compared with. Integers: dm, seconds from now.
It runs in the gateway and the tablet: a dozen orders take 180 kB of a 64-bit MicroPython heap.
"""

from firmware.picker import sequence
from firmware.picker.batch.batches import Batches
from firmware.picker.batch.crew import Crew
from firmware.picker.batch.grouping import KICKS, Grouping
from firmware.picker.batch.order_sets import Sets
from firmware.picker.batch.reach import reached
from firmware.picker.batch.savings import MAX_ORDERS
from firmware.picker.graph import AT_JUNCTION

_MOST = 1 << 20


class Cart:
    """What goes into one trip.

    slots: orders, 1 to 64; items, volume_ml: of all orders together, 1 to 1,048,576, None when it does
    not matter.
    """

    def __init__(self, slots, items=None, volume_ml=None):
        self.slots = slots
        self.items = items
        self.volume_ml = volume_ml


class Order:
    """One order: `picks` are stops of the graph, `items` and `volume_ml` what they take up, `due_s`
    when it is promised, in seconds from now, negative when past, or None.
    """

    __slots__ = ("due_s", "id", "items", "picks", "volume_ml")

    def __init__(self, name, picks, items=None, volume_ml=0, due_s=None):
        self.id = name
        self.picks = picks
        self.items = len(picks) if items is None else items
        self.volume_ml = volume_ml
        self.due_s = due_s


def orders_from(graph, rows):
    """Orders out of what was written: (orders, None), or (None, reason).

    Rows are objects with `id` and `picks`, stops (edge, offset_dm) of the graph; `items` (the number of
    picks where it is not said), `volume_ml` and `due_s` when there are any. At most 64 orders.
    """
    if not isinstance(rows, (list, tuple)) or len(rows) > MAX_ORDERS:
        return None, "orders are not a list of at most {}".format(MAX_ORDERS)
    out = []
    seen = set()
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("id"), (str, int)):
            return None, "an order is not an object with an id"
        name = row["id"]
        if name in seen:
            return None, "order '{}' is there twice".format(name)
        seen.add(name)
        picks = row.get("picks")
        if not isinstance(picks, (list, tuple)) or not all(_is_stop(graph, p) for p in picks):
            return None, "order '{}' has picks that are no places of the store".format(name)
        order = Order(
            name,
            [(p[0], p[1]) for p in picks],
            row.get("items"),
            row.get("volume_ml", 0),
            row.get("due_s"),
        )
        if not _whole(order.items, 0) or not _whole(order.volume_ml, 0):
            return None, "order '{}' has items or volume_ml that are no amount".format(name)
        if order.due_s is not None and not _whole(order.due_s, -_MOST):
            return None, "order '{}' is due at no time".format(name)
        out.append(order)
    return out, None


def batch(graph, orders, cart, crew=None, length_of=None, more=None, kicks=KICKS):
    """Group `orders` (of `orders_from`) into trips of `cart`, worked by `crew`: (Batches, None), or
    (None, reason) when the cart or the crew cannot be.

    Picks that no walk visits are set aside first, and told. `length_of(picks)` gives the length in dm of
    a closed walk from the depot through picks that can be reached, the shortest where it is to be had;
    nobody has proved what it says, so the answer is not `proven` then. Without it every walk is planned.
    `more()` is asked before walks are planned that the answer itself does not need, and says False once
    the time is over: the answer is then what was found, carts filled in sequence at worst. Without it
    12 orders take some hundred walks, 40 some thousand.
    `kicks`: how often the search is started again from where it ended.
    """
    crew = Crew() if crew is None else crew
    fault = crew.fault() or _fault(cart)
    if fault:
        return None, fault
    walks = _Walks(graph, length_of)
    sets = Sets(reached(graph, orders), cart, walks.length_of)
    found = Grouping(sets, crew, more or _always, kicks)
    found.solve()
    return Batches(graph, found, walks.exact), None


class _Walks:
    """Lengths of walks for `Sets`, and whether all of them were proven optimal here."""

    def __init__(self, graph, length_of):
        self.graph = graph
        self.given = length_of
        self.exact = length_of is None

    def length_of(self, picks):
        if self.given is not None:
            return self.given(picks)
        plan = sequence.plan(self.graph, picks)
        if plan.method != sequence.EXACT:
            self.exact = False
        return plan.length_dm


def _fault(cart):
    if not _whole(cart.slots, 1) or cart.slots > MAX_ORDERS:
        return "slots is not 1 to {}".format(MAX_ORDERS)
    for name, value in (("items", cart.items), ("volume_ml", cart.volume_ml)):
        if value is not None and not _whole(value, 1):
            return "{} of the cart is not 1 to {}".format(name, _MOST)
    return None


def _whole(value, low):
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= _MOST


def _is_stop(graph, stop):
    return (
        isinstance(stop, (list, tuple))
        and len(stop) == 2
        and _whole(stop[0], AT_JUNCTION)
        and _whole(stop[1], 0)
        and graph.is_stop(stop)
    )


def _always():
    return True
