"""Trips worked one after the other by pickers: how long each takes, and what it makes late.

Integers, seconds from now. Which trip comes next is what decides lateness; the rule is the modified due
time: of the trips that wait, the one whose end, or earliest promise if that is later, comes first
(Baker & Bertrand 1982, J. Oper. Manag. 3:37). It is the earliest promise while time is ample, the
shortest trip when all are late, and asks no search.
"""

_NEVER = 1 << 29


class Crew:
    """The pickers and their pace.

    walk_mm_s: 1 to 10,000; line_s: at the shelf for one pick, 0 to 3,600; trip_s: fetching and
    emptying a cart, 0 to 36,000; pickers: 1 to 1,000, all free now.
    """

    def __init__(self, walk_mm_s=1000, line_s=15, trip_s=60, pickers=1):
        self.walk_mm_s = walk_mm_s
        self.line_s = line_s
        self.trip_s = trip_s
        self.pickers = pickers

    def fault(self):
        """What is wrong with the numbers, or None."""
        for name, value, low, high in (
            ("walk_mm_s", self.walk_mm_s, 1, 10000),
            ("line_s", self.line_s, 0, 3600),
            ("trip_s", self.trip_s, 0, 36000),
            ("pickers", self.pickers, 1, 1000),
        ):
            if not isinstance(value, int) or not low <= value <= high:
                return "{} is not {} to {}".format(name, low, high)
        return None

    def duration_s(self, length_dm, lines):
        """How long a trip of that walk and so many picks takes, rounded up."""
        walk_s = (100 * length_dm + self.walk_mm_s - 1) // self.walk_mm_s
        return self.trip_s + self.line_s * lines + walk_s

    def work(self, trips):
        """Who works which trip when.

        trips: [(duration_s, dues_s)], dues_s the promises of the trip's orders. Returns (lateness_s of
        all orders together, [(trip, picker, start_s, end_s), ...] in the sequence of their starts).
        """
        waiting = list(range(len(trips)))
        free_s = [0] * min(self.pickers, max(1, len(trips)))
        late_s = 0
        out = []
        while waiting:
            picker = 0
            for p in range(1, len(free_s)):
                if free_s[p] < free_s[picker]:
                    picker = p
            start_s = free_s[picker]
            best = first = None
            for k in waiting:
                duration_s, dues_s = trips[k]
                key = start_s + duration_s
                due_s = min(dues_s) if dues_s else _NEVER
                if due_s > key:
                    key = due_s
                if best is None or key < best:
                    best, first = key, k
            waiting.remove(first)
            end_s = start_s + trips[first][0]
            free_s[picker] = end_s
            for due_s in trips[first][1]:
                if due_s < end_s:
                    late_s += end_s - due_s
            out.append((first, picker, start_s, end_s))
        return late_s, out
