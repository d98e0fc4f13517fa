"""The search for a short walk that keeps its rules: an answer from the first moment, better with time.

The ladder: always to the nearest next, at once; then the proof by Held-Karp while there are few stops,
else local search until its time ends. Where the cold goods of the first order are carried too far, first
that is shortened (all other stops come before the cold ones, and these are searched on their own), then
the whole walk within the budget.
"""

from firmware.picker.graph import UNREACHABLE
from firmware.picker.rules import Rules
from firmware.picker.search.local import Local
from firmware.picker.search.moves import Order
from firmware.picker.search.reach import cold_tail, compatible, nearest_first

EXACT_STOPS = 10  # Held-Karp: n * 2**n entries of 2 bytes, 20 kB at 10

_PROVE = 0
_COOL = 1
_LOCAL = 2
_DONE = 3


class Search:
    """The search under way. At any time the answer is `order` (stop numbers), `length_dm` (None when
    even the exit is out of reach), `carried_dm` (how far cold goods are carried) and `kept` (whether all
    rules are); `left_out`: stops that no walk can visit together with the others; `exact`: True when
    proven, of an answer that is not `kept` among those that carry cold goods least far; `settled`: True
    once the answer is proven or nothing but kicks can better it.

    table: a Distances; rules: of firmware.picker.rules, None for none. first: an order to begin with;
    one that is no order of these stops, or breaks a rank or a pair, is not used. exact_stops: up to how
    many stops are proven (0 to 16). kicks: after how many step() says it is done; seed: 1 to 65535.
    Where rules and one-way walkways contradict each other, ranks and pairs are given up and `kept` is
    False.
    """

    def __init__(self, table, rules=None, first=None, exact_stops=EXACT_STOPS, kicks=None, seed=1):
        self.exact = False
        self.settled = False
        self.length_dm = None
        self.left_out = list(range(table.n))
        self._table = table
        self._rules = rules
        self._seed = seed
        self._best = None
        self._task = None
        self._phase = _DONE
        self._possible = True
        if table.leg(table.n, table.n) == UNREACHABLE:
            self.exact = self.settled = True
            return
        self._groups, self.left_out = compatible(table)
        stops = self._begin(first)
        m = len(stops)
        self.kicks = 4 * m + m * m // 12 if kicks is None else kicks
        cold = rules is not None and rules.cold is not None
        self._budget_dm = rules.budget_dm if cold else 0
        self._best = Order(table, stops, self._rules, None, self._budget_dm)
        if self._best.carried_dm > self._budget_dm:
            self._cooler()
        self.length_dm = self._best.length_dm
        self._exact_stops = exact_stops
        self._phase = _PROVE if m <= exact_stops else _COOL

    @property
    def order(self):
        """The stops in the order found, as a list."""
        best = self._best
        return [] if best is None else list(best.order[1 : best.m + 1])

    @property
    def carried_dm(self):
        """How far cold goods are carried, with what the shelves cost; 0 without any."""
        return 0 if self._best is None else self._best.carried_dm

    @property
    def kept(self):
        """Whether the answer keeps all rules."""
        return self._possible and (self._best is None or self.carried_dm <= self._budget_dm)

    def step(self):
        """Do a piece of work, at most about 1 ms on MicroPython's unix port at 100 stops; False when
        there is nothing more to do.
        """
        try:
            if self._phase == _PROVE:
                self._prove()
            elif self._phase == _COOL:
                self._cool()
            elif self._phase == _LOCAL:
                self._local()
        except MemoryError:  # a board whose heap is full still has a good order
            self._task = None
            self._phase = _COOL if self._phase == _PROVE else _DONE
            self.settled = self._phase == _DONE
        return self._phase != _DONE

    def _begin(self, first):
        """The first order; the rules that can be kept."""
        table, rules = self._table, self._rules
        if rules is not None and not rules.ordered and rules.cold is None:
            rules = self._rules = None
        if first is not None:
            first = list(first)
            reached = set(range(table.n)) - set(self.left_out)
            fits = len(first) == len(reached) and set(first) == reached
            fits = fits and table.length(first) is not None
            if fits and (rules is None or rules.in_order(first)):
                return first
        stops = nearest_first(table, self._groups, rules)
        if stops is None:
            self._possible = False
            self._rules = Rules(None, (), rules.cold, rules.budget_dm, rules.handling_dm)
            stops = nearest_first(table, self._groups)
        return stops

    def _cooler(self):
        """Look for a first order that carries cold goods less far."""
        table, rules, best = self._table, self._rules, self._best
        tail = cold_tail(self._groups, rules)
        orders = [nearest_first(table, self._groups, rules, tail)]
        if table.symmetric and not rules.ordered:
            orders.append(self.order[::-1])
        for stops in orders:
            other = Order(table, stops, rules, None, self._budget_dm)
            if other.carried_dm <= self._budget_dm < best.carried_dm or (
                other.carried_dm < best.carried_dm and best.carried_dm > self._budget_dm
            ):
                best.copy_from(other)

    def _prove(self):
        if self._task is None:
            self._task = _proof(self._table, sorted(self.order), self._rules)
        if self._task.step():
            return
        order = self._task.order
        self._task = None
        if order is None:  # no such walk: cannot be, the first one is there
            self._phase = _COOL
            return
        self._take(order)
        self.exact = self.settled = self._possible
        self._phase = _DONE

    def _take(self, stops):
        best = self._best
        for i in range(best.m):
            best.order[i + 1] = stops[i]
        best.settle()
        self.length_dm = best.length_dm

    def _cool(self):
        """Shorten how far cold goods are carried until it is within the budget."""
        best = self._best
        if best.carried_dm <= self._budget_dm:
            self._task = None
            best.limit_dm = max(self._budget_dm, best.carried_dm)
            self._phase = _LOCAL
            return
        if self._task is None:
            flags = cold_tail(self._groups, self._rules)
            stops = nearest_first(self._table, self._groups, self._rules, flags)
            tail = [k for k in stops if flags[k]]
            self._ahead = [k for k in stops if not flags[k]]
            rules = self._rules.without_cold()
            free = self._table.n + 1
            if len(tail) <= self._exact_stops:
                self._task = _proof(self._table, tail, rules, free)
            else:
                self._task = Local(Order(self._table, tail, rules, free), self._seed)
        task = self._task
        done = False
        if isinstance(task, Local):
            done = not task.step() or task.kicks >= self.kicks
            tail = list(task.best.order[1 : task.best.m + 1])
        elif task.step():
            return
        else:
            tail = task.order
            done = True
        stops = self._ahead + tail
        other = Order(self._table, stops, self._rules, None, self._budget_dm)
        if other.carried_dm < best.carried_dm:
            best.copy_from(other)
            self.length_dm = best.length_dm
        if done:
            self._task = None
            best.limit_dm = max(self._budget_dm, best.carried_dm)
            self._phase = _LOCAL

    def _local(self):
        if self._task is None:
            self._task = Local(self._best, self._seed)
        task = self._task
        going = task.step()
        self.length_dm = self._best.length_dm
        self.settled = task.settled
        if not going or task.kicks >= self.kicks:
            self.settled = True
            self._task = None
            self._phase = _DONE


def _proof(table, stops, rules, start=None):
    from firmware.picker.search.held_karp import HeldKarp  # loaded for few stops only

    return HeldKarp(table, stops, rules, start)
