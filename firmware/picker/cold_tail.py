"""A walk on which cold goods are carried least far: they come last, by the shortest way there is.

What is picked before the first cold stop does not matter to it. So the least that cold goods can be
carried is the shortest walk that begins at some cold stop, visits the others and ends at the exit, and
the exact solver finds it: when even that is beyond the budget, no walk keeps it.
"""

from firmware.picker.exact.shortest import Shortest

_HEADS = 4  # tails within the budget for which the walk before them is worked out


class ColdTail:
    """The search for it, one edge of the store at a time; `order` is None when it could not be tried.

    picks: stops, all of which can be reached; rules: firmware.picker.rules.Rules with `cold`. Afterwards
    `order` holds their numbers, `carried_dm` what rules.exposure_dm says of it: the least there is,
    unless a longer tail within the budget made the whole walk shorter.
    """

    def __init__(self, graph, picks, rules, start, end):
        self.order = None
        self.carried_dm = 0
        self._graph = graph
        self._picks = picks
        self._rules = rules
        self._start = start
        self._end = end
        self._cold = [k for k in range(len(picks)) if rules.cold[k]]
        self._warm = [k for k in range(len(picks)) if not rules.cold[k]]
        self._handling_dm = rules.handling_dm * (len(self._cold) - 1)
        self._firsts: list = []
        seen = set()
        for k in self._cold:
            place = (picks[k][0], picks[k][1])
            if place not in seen:
                seen.add(place)
                self._firsts.append(k)
        self._tails: list = []  # (carried_dm, first cold stop, the others in order)
        self._length_dm = None
        self._task = None
        self._doing = -1

    def advance(self):
        """One piece of work; False when there is nothing more to do."""
        if self._task is None:
            return self._next()
        if self._task.advance():
            return True
        task, self._task = self._task, None
        if not task.tried or task.left_out:
            return False  # too wide for the exact solver: then there is no such order from here
        if self._firsts is not None:
            others = [k for k in self._cold if k != self._doing]
            tail = [others[i] for i in task.order]
            self._tails.append((task.length_dm + self._handling_dm, self._doing, tail))
            return True
        carried, first, tail = self._tails.pop(0)
        length = task.length_dm + carried
        if self._length_dm is None or length < self._length_dm:
            self._length_dm = length
            self.carried_dm = carried
            self.order = [self._warm[i] for i in task.order]
            self.order.append(first)
            self.order.extend(tail)
        return True

    def _next(self):
        picks = self._picks
        if self._firsts:
            self._doing = self._firsts.pop()
            others = [picks[k] for k in self._cold if k != self._doing]
            self._task = Shortest(self._graph, others, picks[self._doing], self._end)
            return True
        if self._firsts is not None:
            self._firsts = None
            self._tails.sort()
            within = [t for t in self._tails if t[0] <= self._rules.budget_dm]
            self._tails = within[:_HEADS] if within else self._tails[:1]
        if not self._tails:
            return False
        warm = [picks[k] for k in self._warm]
        self._task = Shortest(self._graph, warm, self._start, picks[self._tails[0][1]])
        return True
