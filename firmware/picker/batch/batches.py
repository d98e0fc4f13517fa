"""The answer of batching: trips with their walks and times, and what they save."""

from firmware.picker import sequence


class Trip:
    """One walk for some orders.

    `orders`: their ids; `picks`, `plan`: what `sequence` draws the walk from, without picks that are out
    of reach, which are `missed`; `lines`: [(order id, index of its pick), ...] in the sequence of the
    walk; `length_dm`; `method` "exact" or "best-found"; `picker`: 0 and on; `start_s`, `end_s`: when it
    is worked, from now.
    """

    __slots__ = (
        "end_s",
        "length_dm",
        "lines",
        "method",
        "missed",
        "orders",
        "picker",
        "picks",
        "plan",
        "start_s",
    )

    def __init__(self, graph, orders):
        """Of orders of `reach.Reached`."""
        self.orders = [order.id for order in orders]
        self.picks: list = []
        named: list = []  # (order id, its pick) of each of the trip's picks
        for order in orders:
            self.picks.extend(order.picks)
            named.extend([(order.id, i) for i in order.numbers])
        self.plan = sequence.plan(graph, self.picks)
        self.lines = [named[i] for i in self.plan.order]
        self.missed = [named[i] for i in self.plan.unreachable]
        for order in orders:
            self.missed.extend([(order.id, i) for i in order.missed])
        self.length_dm = self.plan.length_dm
        self.method = self.plan.method
        self.picker = self.start_s = self.end_s = 0


class Batches:
    """What `batch` found.

    `trips` in the sequence of their starts; `length_dm` of all together; `single_dm`, `fifo_dm`: the
    same orders one a trip, and in carts filled in the sequence they came in; `late`: [(id, late_s)],
    `lateness_s` together, `fifo_lateness_s` of those carts; `oversized`: ids of orders that no cart
    takes, each a trip of its own; `unreachable`: [(id, index of its pick)] that no walk visits;
    `proven`: no grouping walks less, and every walk is exact (never said of a caller's lengths);
    `asked`: walks planned on the way.
    """

    def __init__(self, graph, found, exact):
        """From a `Grouping` that is done; `exact`: all lengths it was given are proven the shortest."""
        sets = found.sets
        orders = sets.orders
        self.single_dm = sum([sets.length(1 << k) for k in range(len(orders))])
        self.fifo_lateness_s, self.fifo_dm, _ = found.cost(found.fifo(range(len(orders))))
        self.asked = sets.asked
        self.oversized = [order.id for order in orders if not sets.takes(order)]
        self.proven = found.proven and exact
        self.length_dm = 0
        self.unreachable: list = []
        each = []
        jobs = []
        for group in found.trips:
            trip = Trip(graph, [orders[k] for k in sets.members(group)])
            each.append(trip)
            self.length_dm += trip.length_dm
            self.unreachable.extend(trip.missed)
            lines, dues_s = sets.work(group)
            jobs.append((found.crew.duration_s(trip.length_dm, lines), dues_s))
        self.lateness_s, worked = found.crew.work(jobs)
        self.trips: list = []
        self.late: list = []
        for k, picker, start_s, end_s in worked:
            trip = each[k]
            trip.picker, trip.start_s, trip.end_s = picker, start_s, end_s
            self.trips.append(trip)
            for i in sets.members(found.trips[k]):
                due_s = orders[i].due_s
                if due_s is not None and due_s < end_s:
                    self.late.append((orders[i].id, end_s - due_s))

    def saved_permille(self, baseline_dm):
        """What is walked less than `baseline_dm`, in thousandths, rounded down; 0 without a walk."""
        return 1000 * (baseline_dm - self.length_dm) // baseline_dm if baseline_dm else 0
