"""The pick workflow: events in, the next thing to do and journal entries out.

    guide = Guide(shop, journal)
    guide.event({"type": "list", "list": {...}}, t_ms)     # None, or a code of ar_picking.guide.words
    while guide.advance(): ...                             # planning, 1 to 2 ms a call
    guide.view()                                           # everything a screen shows

Pure and deterministic: no clock (every event brings its time in ms), no camera, no screen; the same
file runs on a board and in a browser's MicroPython. An event that does not fit changes nothing and
returns why. Every entry goes to `journal(event, fields)` before the state changes: if the journal
returns False, or raises, that did not happen and can be given again.
"""

from ar_picking.guide import picklist, screen
from ar_picking.guide.baseline import Baseline
from ar_picking.guide.confirm import Full
from ar_picking.guide.deviate import Deviating
from ar_picking.guide.looks import distance_mm
from ar_picking.guide.shop import FAR_MM, is_whole
from ar_picking.guide.steps import DONE, IDLE, PICK, RETURN, STEPS, WALK
from firmware.picker import maps
from protocols.compat import crc32

WAITING_MAX = 16
KNOWN_MAX = 64
STEP_MM = 300  # sway of the head is no walking
ARRIVED_MM = 1200
BESIDE_MM = 1500  # this near to a bin, whose confirmation is switched off, one stands before it
HURRY_PIECES = 1500  # of planning at a list's start, about 2 s: then the best walk so far is taken


class Guide(Deviating):
    """Guides through the lists that it is given, one after the other.

    shop: ar_picking.guide.shop.Shop; rules: settings in place of the shop's own (shop.SETTINGS);
    journal(event, fields): takes an entry, False when it cannot. Positions are mm of the store's
    frame; the exit is the graph's depot. `detail`: a sentence about the last list that was refused.
    """

    def __init__(self, shop, journal, rules=None) -> None:
        Deviating.__init__(self, shop, journal, rules)
        self.detail = ""
        self.known: list = []  # crc32 of the names of lists that were taken
        self._baseline: "Baseline | None" = None
        self._pieces = 0  # of the planning under way
        self.is_held = False  # a list is planned, and cannot begin: the journal has no room
        self._handlers = {
            "list": self._on_list,
            "at": self._on_at,
            "seen": self._on_seen,
            "scan": self._on_scan,
            "tap": self._on_tap,
            "count": self._on_count,
            "put": self._on_put,
            "short": self._on_short,
            "substitute": self._on_substitute,
            "skip": self._on_skip,
            "undo": self._on_undo,
            "blocked": self._on_blocked,
            "open": self._on_open,
            "manual": self._on_manual,
            "confirm": self._on_confirm,
        }

    # -- what is called from outside ------------------------------------------------------------------

    def event(self, obj: object, t_ms: int) -> "str | None":
        """Something happened: a dict with "type", see the handlers. None, or a code of `words`."""
        if not isinstance(obj, dict):
            return "bad_event"
        handler = self._handlers.get(obj.get("type")) if isinstance(obj.get("type"), str) else None
        if handler is None:
            return "bad_event"
        try:
            reason = handler(obj, t_ms)
            self._settle()
        except Full:
            return "journal_full"
        return reason

    def advance(self) -> bool:
        """Work on the plan for a millisecond or two; True while there is more to do."""
        if self.state in (IDLE, DONE):
            return self._start_next()
        if self.walk is None or not self.walk.planning:
            return False
        if self.walk.advance():
            return True
        self._look_again()
        try:
            self._settle()
        except Full:
            pass  # tried again with the next event
        return False

    @property
    def planning(self) -> bool:
        """Whether a plan is under way."""
        if self.state in (IDLE, DONE):
            return bool(self.waiting) and not self.is_held
        return self.walk is not None and self.walk.planning

    def line(self) -> "dict | None":
        """The line to pick now, as in view(), or None."""
        return screen.line(self)

    def view(self) -> dict:
        """Everything a screen shows, as plain values; see ar_picking.guide.screen."""
        return screen.view(self)

    def path(self) -> list:
        """The way from the picker to the target as points [(x_dm, y_dm), ...].

        [] when there is none or no position.
        """
        target = self.target()
        if target is None or self.stop is None:
            return []
        return self.shop.graph.path(self.stop, target, True) or []

    def tour(self) -> list:
        """The rest of the walk after the target, as points [(x_dm, y_dm), ...], for a map."""
        return screen.tour(self)

    # -- lists ----------------------------------------------------------------------------------------

    def checked(self, obj):
        """A list as it would be taken now, and None; or None and the code of why not, see `detail`."""
        checked, reason = picklist.check(obj, self.shop.bins, self.shop.id)
        self.detail = reason or ""
        if checked is None:
            return None, "list_bad"
        if crc32(checked["list"].encode()) in self.known:
            self.detail = "list {} was handed in before".format(checked["list"])
            return None, "list_known"
        if len(self.waiting) >= WAITING_MAX:
            self.detail = "{} lists are waiting already".format(WAITING_MAX)
            return None, "queue_full"
        return checked, None

    def _on_list(self, obj, _t_ms):
        checked, code = self.checked(obj.get("list"))
        if checked is None:
            return code
        self.waiting.append(checked)
        self.known = self.known[1 - KNOWN_MAX :] + [crc32(checked["list"].encode())]
        self.revision += 1
        return None

    def _start_next(self):
        """Plan the list that waits; then it begins."""
        if not self.waiting:
            return False
        checked = self.waiting[0]
        if self._prepared is None or self._prepared[0].name != checked["list"]:
            self._prepare(checked)
            self._pieces = 0
            self._baseline = None
            return True
        lines, walk = self._prepared
        if walk.advance():
            self._pieces += 1
            if self._pieces == HURRY_PIECES:
                walk.hurry()
            return True
        if self._baseline is None:
            lost = walk.lost()
            stops = [walk.picks[k] for k in range(len(lines)) if k not in lost]
            self._baseline = Baseline(self.shop.graph, stops, self.stop)
        if self._baseline.advance():
            return True
        plan = walk.plan
        fields = {
            "list": lines.name,
            "lines": len(lines),
            "walk_dm": (plan.length_dm if plan else 0) or 0,
            "list_order_dm": self._baseline.length_dm or 0,
            "method": plan.method if plan else "best-found",
        }
        try:
            self._write("list_started", fields)
            self.is_held = False
            self.figures["bound_dm"] = plan.bound_dm if plan else None
            self._settle()
        except Full:
            self.is_held = self.state in (IDLE, DONE)
        return False

    # -- where the picker is --------------------------------------------------------------------------

    def _on_at(self, obj, t_ms):
        """at: a trusted position x_mm, y_mm."""
        x_mm, y_mm = obj.get("x_mm"), obj.get("y_mm")
        if not is_whole(x_mm, -FAR_MM, FAR_MM) or not is_whole(y_mm, -FAR_MM, FAR_MM):
            return "bad_event"
        self.at_mm, self.at_ms = (x_mm, y_mm), t_ms
        self.stop = maps.locate(self.shop.graph, x_mm, y_mm)[0]
        if self.anchor_mm is None:
            self.anchor_mm = self.at_mm
        moved = distance_mm(self.at_mm, self.anchor_mm)
        if moved >= STEP_MM:
            if self.state in (WALK, PICK, RETURN):
                self.walked_mm += moved
            self.anchor_mm = self.at_mm
        if self.state in (WALK, PICK, RETURN):
            self.walk.at(self.stop)
        if self.state == WALK and not self.confirm["bin"] and self.propose is None:
            if 0 <= self._away_mm(t_ms) <= BESIDE_MM:
                self.state = PICK
                self.revision += 1
        elif self.state == RETURN:
            exit_dm = self.shop.graph.point(self.exit())
            if distance_mm(self.at_mm, (100 * exit_dm[0], 100 * exit_dm[1])) <= ARRIVED_MM:
                self._finish()
        return None

    def _on_manual(self, obj, _t_ms):
        """manual: without the camera; bins are confirmed by hand."""
        if obj.get("on") is not True and obj.get("on") is not False:
            return "bad_event"
        if self.manual != obj["on"]:
            self.manual = obj["on"]
            self.revision += 1
        return None

    def _on_confirm(self, obj, _t_ms):
        """confirm: which of the four confirmations are asked for; those not named stay."""
        for name in STEPS:
            if name in obj and obj[name] is not True and obj[name] is not False:
                return "bad_event"
        for name in STEPS:
            self.confirm[name] = obj.get(name, self.confirm[name])
        self.revision += 1
        return None
