"""The stops of the open orders in riding order, planned anew whenever an order or the rider changes.

Times are the crow's way at the rider's own pace (rider.eta: the tracks showed that no factor for
detours is wanted) and what hand-overs take in that building; rider.stops finds the sequence. A
rider who is on his way to a stop is sent elsewhere only for a real gain: plans that change at every
street corner are not followed. What comes after the next stop may change freely.
"""

# mypy: disable-error-code=attr-defined
# The solver is loaded when it is needed, so its type is not known here.

from array import array

from firmware.rider.loading import forget, load
from protocols import messages
from protocols.compat import const

_VERSION = const(1)
# At a shop: parking, waiting, taking over (our estimate, as in rider.outlook); once for all its orders.
_PICKUP_S = const(120)
_RIDE_MAX_S = const(50_000)
_DAY_S = const(86_400)
# The gain for which the next stop may change: a minute and a thirtieth of the way.
_GAIN_S = const(60)
_GAIN_PART = const(30)
# Farther from the next stop than he was by this much, he is on another way.
_STRAYED_DM = const(3_000)
_FAR_DM = const(0x1000_0000)
_OPEN = const(0x1000_0000)  # of rider.stops_route: due at no time
_ACC_CM_MAX = const(5_000)
_BUDGET_MS = const(3_000)
_KICKS = const(1_500)
_STEPS = const(2)  # of the solver in one slice: 0.3 ms of the unix port with twelve promises
_TEXT_MAX = const(600)  # of the record's field
# Phases.
_IDLE = const(0)
_FILL = const(1)
_BUILD = const(2)
_SEARCH = const(3)


class Plan:
    """Keeps the sequence of stops.

    orders: rider.orders.Orders, whose observers on_order() joins; pace: rider.eta.Pace or its like
    (leg_s(way_dm)); handover: rider.handover.Handover or its like (expect(building, floor)).
    budget_ms, kicks: how long one plan may be improved, and in how many tries; a slice of step() is so
    short that a loop with time to spare may call it again until it returns False. The solver, 6 kB of
    heap, is there while it plans.
    """

    def __init__(
        self, journal, orders, pace, handover, budget_ms: int = _BUDGET_MS, kicks: int = 0
    ):
        self._journal = journal
        self._orders = orders
        self._pace = pace
        self._handover = handover
        self._solver = None
        self._budget_ms = budget_ms
        self._kicks = kicks
        self._stops: list = []
        self._new: list = []  # orders that came since the last plan
        self._members: list = []  # of the plan under way: order k
        self._bases: list = []  # by node; None for a stop that is not
        self._here_s = array("H")
        self._row = 0
        self._began_ms = 0
        self._phase = _IDLE
        self._wanted = False
        self._changed = False
        self._least_dm = _FAR_DM
        orders.observers.append(self.on_order)

    def sequence(self):
        """Return the stops in riding order: a list of (order, is_drop), never changed afterwards."""
        return self._stops

    def unsettled(self) -> bool:
        """Tell whether orders that came still stand at the end, where nobody would ride them."""
        return len(self._new) > 0

    def on_order(self, order, state: str) -> None:
        """An order changed: a new one is there at once, at the end; what is done is gone at once."""
        if state == "amended":  # other times, or another door: the same stops
            self._wanted = True
            return
        stops = []
        for stop in self._stops:
            if stop[0] is not order or (stop[1] and state in ("picked_up", "arrived")):
                stops.append(stop)
        if state == "assigned":
            if order.pickup is not None:
                stops.append((order, False))
            stops.append((order, True))
            self._new.append(order)
        elif order in self._new and state not in ("picked_up", "arrived"):
            self._new.remove(order)
        self._replace(stops)
        self._wanted = True

    def on_estimate(self, estimate) -> None:
        """Notice that the rider went another way. Uses no heap."""
        if not self._stops or not estimate.valid or not 0 <= estimate.acc_cm <= _ACC_CM_MAX:
            return
        order, is_drop = self._stops[0]
        base = order.drop if is_drop else order.pickup
        dist_dm = base.distance_dm(estimate.lat, estimate.lon)
        if dist_dm < self._least_dm:
            self._least_dm = dist_dm
        elif dist_dm > self._least_dm + _STRAYED_DM:
            self._least_dm = dist_dm
            self._wanted = True

    def step(self, estimate, now_ms: int, day: int, ms: int) -> bool:
        """Do one slice of planning, if there is any to do; False when there was none.

        `day`, `ms`: UTC now, day -1 while the clock is unset: then promises are not looked at.
        """
        if self._wanted:
            self._wanted = False
            self._began_ms = now_ms
            self._begin(estimate, day, ms)
        elif self._phase == _FILL:
            self._fill_row()
        elif self._phase == _BUILD:
            if self._solver.run(1) or self._solver.built:
                # All orders that came are where they cost least: the first answer.
                self._new = []
                self._adopt()
                self._phase = _SEARCH
        elif self._phase == _SEARCH:
            if self._solver.run(_STEPS) or now_ms - self._began_ms >= self._budget_ms:
                self._phase = _IDLE
                self._finish()
                self._solver = None
                forget("stops", "stops_exact", "stops_route")
        else:
            return False
        return True

    def save(self):
        """Return what must survive a restart; the orders are saved by themselves."""
        places = []
        for order, is_drop in self._stops:
            places.append(2 * self._orders.open.index(order) + is_drop)
        return [_VERSION, bytes(places)]

    def restore(self, value) -> bool:
        """Take what save() gave, after the orders were restored; False when it does not fit them.

        Either way all their stops are in the sequence, and a plan is made.
        """
        stops: list = []
        wanted: list = []
        orders = self._orders.open
        for order in orders:
            if order.pickup is not None:
                wanted.append((order, False))
            wanted.append((order, True))
        known = isinstance(value, (list, tuple)) and len(value) == 2 and value[0] == _VERSION
        known = known and isinstance(value[1], bytes) and len(value[1]) == len(wanted)
        if known:
            for place in value[1]:
                stop = (orders[place >> 1], place & 1 == 1) if place >> 1 < len(orders) else None
                # A hand-over before its pickup, a stop twice, a stop that is not: no sequence of ours.
                if (
                    stop not in wanted
                    or stop in stops
                    or (stop[1] and (stop[0], False) in wanted and (stop[0], False) not in stops)
                ):
                    known = False
                    break
                stops.append(stop)
        self._new = [] if known else list(orders)
        self._replace(stops if known else wanted)
        self._wanted = True
        return known

    def _replace(self, stops):
        if stops == self._stops:
            return
        if not stops or not self._stops or stops[0] != self._stops[0]:
            self._least_dm = _FAR_DM
        self._stops = stops
        self._changed = True

    def _begin(self, estimate, day, ms):
        """Set the solver's constraints, and its first row from where the rider is."""
        solver = self._solver = self._solver or load("stops").Stops(kicks=self._kicks or _KICKS)
        self._members = members = list(self._orders.open)
        n = len(members)
        bases: list = [None, None]
        here_s = array("H", bytes(4 * n + 4))
        for k in range(n):
            order = members[k]
            bases.append(order.pickup)
            bases.append(order.drop)
            here_s[2 + 2 * k] = _PICKUP_S
            here_s[3 + 2 * k] = self._handover.expect(order.building, order.floor)
            solver.aboard[k] = order.pickup is None
            solver.due[k] = _OPEN
            if day >= 0 and order.promised_day >= 0:
                days = min(max(order.promised_day - day, -1), 1)
                solver.due[k] = days * _DAY_S + (order.promised_ms - ms) // 1_000
        self._bases = bases
        self._here_s = here_s
        width = 2 * n + 2
        for j in range(width):
            leg_s = 0
            if bases[j] is not None:
                if estimate.valid:
                    leg_s = self._leg_s(bases[j].distance_dm(estimate.lat, estimate.lon))
                leg_s += here_s[j]
            solver.legs[j] = leg_s
            solver.legs[j * width] = solver.legs[j * width + 1] = solver.legs[width + j] = 0
        self._row = 2
        self._phase = _FILL

    def _leg_s(self, way_dm):
        return min(self._pace.leg_s(way_dm), _RIDE_MAX_S)

    def _fill_row(self):
        """Fill in the legs between one stop and all later ones, both ways."""
        bases = self._bases
        width = len(bases)
        if self._row >= width:
            self._solver.begin(len(self._members), self._nodes())
            self._phase = _BUILD
            return
        i = self._row
        self._row += 1
        legs = self._solver.legs
        here = bases[i]
        legs[i * width + i] = 0
        for j in range(i + 1, width):
            there = bases[j]
            to_s = back_s = 0
            # Two pickups at one shop are one stay there.
            if here is not None and there is not None and here is not there:
                ride_s = self._leg_s(here.distance_dm(there.lat, there.lon))
                to_s = ride_s + self._here_s[j]
                back_s = ride_s + self._here_s[i]
            legs[i * width + j] = to_s
            legs[j * width + i] = back_s

    def _nodes(self):
        """Return the present sequence as the solver's nodes, without the orders that came since."""
        nodes = bytearray()
        for order, is_drop in self._stops:
            if order not in self._new:
                nodes.append(2 + 2 * self._members.index(order) + is_drop)
        return nodes

    def _adopt(self):
        """Make the solver's best sequence the present one."""
        solver = self._solver
        stops = []
        for i in range(solver.size):
            node = solver.sequence[i]
            stops.append((self._members[(node >> 1) - 1], node & 1 == 1))
        self._replace(stops)

    def _finish(self):
        """Take the solver's sequence if it is worth it, and record what changed."""
        solver = self._solver
        nodes = self._nodes()
        cost = solver.price(nodes, solver.size)
        gain_s = cost - solver.cost
        if gain_s > 0 and (
            nodes[0] == solver.sequence[0] or gain_s >= _GAIN_S + solver.length // _GAIN_PART
        ):
            self._adopt()
            nodes = self._nodes()
            cost = solver.price(nodes, solver.size)
        if not self._changed:
            return
        self._changed = False
        text = ""
        for order, is_drop in self._stops:
            word = ("," if text else "") + ("-" if is_drop else "+") + order.name
            if len(text.encode()) + len(word.encode()) > _TEXT_MAX:
                break
            text += word
        self._journal.record(
            messages.STOPS,
            {
                "sequence": text,
                "ride_s": min(self._ride_s(nodes), _DAY_S),
                "method": "exact" if solver.exact and cost == solver.cost else "best-found",
                "late": solver.late,
            },
        )

    def _ride_s(self, nodes):
        """Return the riding time alone of a sequence."""
        bases = self._bases
        ride_s = at = 0
        for node in nodes:
            if bases[node] is not bases[at]:
                ride_s += self._solver.legs[at * len(bases) + node] - self._here_s[node]
            at = node
        return ride_s
