"""The pick workflow: a pick list and events in, the next thing to do and journal entries out.

Pure and deterministic: no clock (every event brings its time in ms), no camera, no screen; the same
file runs on a board and in a browser's MicroPython. An event that does not fit the state changes
nothing and returns a reason. Every entry goes to `journal(event, fields)` before the state changes:
if the journal cannot take it and raises, the event did not happen and can be given again.
"""

from ar_picking.guide import picklist
from firmware.picker import line as geometry
from firmware.picker import maps, sequence
from firmware.picker.graph import AT_JUNCTION

IDLE = "idle"
WALK = "walk"  # on the way to a bin, or looking for its marker
PICK = "pick"  # the bin is confirmed; the goods are not
RETURN = "return"  # everything is picked or short; on the way to the exit
DONE = "done"

OPEN = "open"
PICKED = "picked"
SHORT = "short"

CONFIRM_NEAREST_MM = 200
CONFIRM_FARTHEST_MM = 1500
CONFIRM_SIGHTINGS = 3  # one wrong reading confirms nothing
CONFIRM_GAP_MS = 600  # sightings farther apart than this are not one look
STEP_MM = 300  # sway of the head is no walking
ARRIVED_MM = 1200


class Guide:
    """Guides through one list at a time.

    `bins`: bin -> (edge, offset_dm, its marker ids); `journal(event, fields)` is called in this thread.
    Positions are in mm of the store's frame; the exit is the graph's depot.
    """

    def __init__(self, graph, bins: dict, journal, store=None) -> None:
        self.graph = graph
        self.bins = bins
        self.store = store
        self.state = IDLE
        self.plan = None
        self.list = None
        self.list_order_dm = None
        self._journal = journal
        self._lines: list = []
        self._status: list = []  # per line
        self._found: list = []
        self._ended: list = []  # lines that are picked or short, in that sequence
        self._order: list = []  # open lines in the sequence to visit
        self._at: "tuple | None" = None  # (x_mm, y_mm) of the picker
        self._stop = None  # the place on the graph nearest to it
        self._anchor: "tuple | None" = None
        self._walked_mm = 0
        self._looks = 0
        self._looked_ms = 0

    def start(self, obj: object, t_ms: int, ticks=None) -> "str | None":
        """Begin a list. Returns None, or why not; then nothing has changed.

        `ticks` times the planning (ms).
        """
        if self.state not in (IDLE, DONE):
            return "list {} is not finished".format(self.list)
        checked, reason = picklist.check(obj, self.bins, self.store)
        if checked is None:
            return str(reason)
        lines = checked["lines"]
        picks = [self._place(line) for line in lines]
        start = self._stop
        plan = sequence.plan(self.graph, picks, start, ticks=ticks)
        reached = [i for i in range(len(lines)) if i not in plan.unreachable]
        baseline = sequence.length_in_order(self.graph, picks, reached, start)
        self._journal(
            "list_started",
            {
                "list": checked["list"],
                "lines": len(lines),
                "walk_dm": plan.length_dm or 0,
                "list_order_dm": baseline or 0,
                "method": plan.method,
            },
        )
        self.list = checked["list"]
        self.plan = plan
        self.list_order_dm = baseline
        self._lines = lines
        self._status = [OPEN] * len(lines)
        self._found = [0] * len(lines)
        self._ended = []
        self._order = list(plan.order) + list(plan.unreachable)
        self._walked_mm = 0
        self._anchor = self._at
        self._next(t_ms)
        return None

    def position(self, x_mm: int, y_mm: int) -> None:
        """The picker is here, by a trusted pose."""
        self._at = (x_mm, y_mm)
        self._stop = maps.locate(self.graph, x_mm, y_mm)[0]
        if self._anchor is None:
            self._anchor = self._at
        moved = _distance(self._at, self._anchor)
        if moved >= STEP_MM:
            if self.state in (WALK, PICK, RETURN):
                self._walked_mm += moved
            self._anchor = self._at
        if self.state == RETURN:
            exit_dm = self.graph.point((AT_JUNCTION, self.graph.depot))
            if _distance(self._at, (100 * exit_dm[0], 100 * exit_dm[1])) <= ARRIVED_MM:
                self._finish()

    def sighted(self, marker: int, distance_mm: int, t_ms: int) -> None:
        """A marker is in view, `distance_mm` away.

        Confirms the bin when it is the right one, near, and seen again.
        """
        if self.state != WALK:
            return
        if marker not in self.bins[self._now()["bin"]][2]:
            return
        if not CONFIRM_NEAREST_MM <= distance_mm <= CONFIRM_FARTHEST_MM:
            return
        if self._looks and t_ms == self._looked_ms:
            return  # one picture counts once
        if self._looks and t_ms - self._looked_ms > CONFIRM_GAP_MS:
            self._looks = 0
        if self._looks + 1 >= CONFIRM_SIGHTINGS:
            self._confirm_bin()
            return
        self._looks += 1
        self._looked_ms = t_ms

    def tap(self, t_ms: int) -> "str | None":
        """The picker confirms by hand.

        The goods in PICK, the arrival in RETURN, a bin that has no marker in WALK.
        """
        if self.state == PICK:
            line = self._now()
            fields = self._fields(line, True)
            self._journal("picked", fields)
            self._close(PICKED, line["qty"], t_ms)
            return None
        if self.state == RETURN:
            self._finish()
            return None
        if self.state == WALK:
            if not self.bins[self._now()["bin"]][2]:
                self._confirm_bin()
                return None
            return "look at the label of bin {} first".format(self._now()["bin"])
        return "there is nothing to confirm"

    def short(self, found: object, t_ms: int) -> "str | None":
        """Only `found` of the wanted quantity are there, 0 <= found < qty.

        Some found needs a confirmed bin.
        """
        if self.state not in (WALK, PICK):
            return "there is nothing to pick"
        line = self._now()
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < line["qty"]:
            return "found must be 0 to {}".format(line["qty"] - 1)
        if found and self.state != PICK:
            return "look at the label of bin {} first".format(line["bin"])
        self._report_short(line, found)
        self._close(SHORT, found, t_ms)
        return None

    def skip(self, t_ms: int) -> "str | None":
        """Do the current line last; the others are planned again from here."""
        if self.state not in (WALK, PICK):
            return "there is nothing to skip"
        if len(self._order) < 2:
            return "this is the last line"
        first = self._order[0]
        rest = self._order[1:]
        plan = sequence.plan(self.graph, [self._place(self._lines[i]) for i in rest], self._stop)
        self._order = [rest[k] for k in plan.order] + [rest[k] for k in plan.unreachable] + [first]
        self._next(t_ms)
        return None

    def line(self) -> "dict | None":
        """The line to pick now, or None."""
        return self._lines[self._order[0]] if self._order and self.state in (WALK, PICK) else None

    def _now(self) -> dict:
        """The line to pick; only asked for in WALK and PICK, which have one."""
        return self._lines[self._order[0]]

    def target(self) -> "tuple | None":
        """Where to go: a stop of the graph, or None."""
        if self.state in (WALK, PICK):
            return self._place(self._now())
        if self.state == RETURN:
            return AT_JUNCTION, self.graph.depot
        return None

    def path(self) -> list:
        """The way from the picker to the target as points [(x_dm, y_dm), ...].

        [] when there is none or no position.
        """
        target = self.target()
        if target is None or self._stop is None:
            return []
        return self.graph.path(self._stop, target, True) or []

    def tour(self) -> list:
        """The rest of the walk after the target, as points [(x_dm, y_dm), ...], for a map."""
        points: list = []
        stops = (
            [self._place(self._lines[i]) for i in self._order] if self.state in (WALK, PICK) else []
        )
        stops.append((AT_JUNCTION, self.graph.depot))
        for i in range(len(stops) - 1):
            leg = self.graph.path(stops[i], stops[i + 1]) or []
            points.extend(leg[1:] if points and leg and points[-1] == leg[0] else leg)
        return points if self.state in (WALK, PICK) else []

    def view(self) -> dict:
        """Everything a screen shows, as plain values.

        Lines in the sequence of the walk, finished ones first.
        """
        line = self.line()
        path = self.path()
        shown = self._ended + self._order
        after = self._lines[self._order[1]] if line and len(self._order) > 1 else None
        return {
            "state": self.state,
            "list": self.list,
            "line": line,
            "next": {"bin": after["bin"], "name": after["name"]} if after else None,
            "to_go_dm": _length(path) if path else None,
            "total": len(self._lines),
            "picked": self._status.count(PICKED),
            "short": self._status.count(SHORT),
            "orders": max([one["slot"] for one in self._lines] + [0]),
            "lines": [
                dict(self._lines[i], status=self._status[i], found=self._found[i]) for i in shown
            ],
            "walk_dm": self.plan.length_dm if self.plan else None,
            "bound_dm": self.plan.bound_dm if self.plan else None,
            "method": self.plan.method if self.plan else None,
            "list_order_dm": self.list_order_dm,
            "walked_dm": self._walked_mm // 100,
        }

    def _place(self, line) -> tuple:
        place = self.bins[line["bin"]]
        return place[0], place[1]

    def _fields(self, line, with_goods: bool) -> dict:
        fields = {"list": self.list, "line": line["line"], "bin": line["bin"]}
        if with_goods:
            fields["order"] = line["order"]
            fields["sku"] = line["sku"]
            fields["qty"] = line["qty"]
        return fields

    def _confirm_bin(self) -> None:
        self._journal("bin_confirmed", self._fields(self._now(), False))
        self.state = PICK

    def _report_short(self, line, found: int) -> None:
        fields = self._fields(line, True)
        fields["found"] = found
        self._journal("short", fields)

    def _close(self, status: str, found: int, t_ms: int) -> None:
        i = self._order.pop(0)
        self._ended.append(i)
        self._status[i] = status
        self._found[i] = found
        self._next(t_ms)

    def _next(self, t_ms: int) -> None:
        self._looks = 0
        self._looked_ms = t_ms
        self.state = WALK if self._order else RETURN
        # what no walk reaches is reported as short, once everything else is done: the way may open
        # meanwhile
        while self._order and not self._reachable(self._order[0]):
            ahead = [k for k in range(len(self._order)) if self._reachable(self._order[k])]
            if ahead:
                self._order.append(self._order.pop(0))
                continue
            i = self._order[0]
            self._report_short(self._lines[i], 0)
            self._ended.append(self._order.pop(0))
            self._status[i] = SHORT
            self.state = WALK if self._order else RETURN

    def _reachable(self, i: int) -> bool:
        start = self._stop if self._stop is not None else (AT_JUNCTION, self.graph.depot)
        return self.graph.path(start, self._place(self._lines[i]), True) is not None

    def _finish(self) -> None:
        self._journal(
            "list_done",
            {
                "list": self.list,
                "picked": self._status.count(PICKED),
                "short": self._status.count(SHORT),
                "walked_dm": self._walked_mm // 100,
            },
        )
        self.state = DONE


def _distance(a, b) -> int:
    dx, dy = a[0] - b[0], a[1] - b[1]
    return int(geometry.isqrt(dx * dx + dy * dy))


def _length(points) -> int:
    total = 0
    for i in range(1, len(points)):
        total += _distance(points[i - 1], points[i])
    return total
