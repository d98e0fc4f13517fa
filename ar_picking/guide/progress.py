"""How far a list is: everything that journal entries change, and nothing else changes.

`apply(event, fields)` is the one way from a journal entry to a state. The guide goes it when the journal
has taken the entry, and a tablet that starts again goes it with the entries behind its last snapshot:
so both come to the same state. What no entry tells (steps of the line at hand, switches, closed aisles,
lists that wait) is in the snapshot alone (ar_picking.guide.snapshot).
"""

from ar_picking.guide import steps
from ar_picking.guide.lines import (
    ENDED,
    OPEN,
    OTHER_GOODS,
    PICKED,
    REPLACED,
    SAME_GOODS,
    SHORT,
    SKIPPED,
    SUBSTITUTED,
    Lines,
)
from ar_picking.guide.looks import Looks
from ar_picking.guide.steps import BIN_BIT, DONE, IDLE, PICK, RETURN, STEPS, UNREACHABLE, WALK
from ar_picking.guide.walk import walk_of

_UNDOES = {"picked": ENDED, "short": ENDED, "skipped": SKIPPED, "substituted": REPLACED}


class Progress:
    """One picker, one cart; lists one after the other.

    shop: Shop; rules: settings in place of its own. `lines` is None before the first list; `current` is
    the number of the line at hand (-1: none), `done` and `checks` its steps, `propose` None or [kind,
    bin, pieces found], `blocked` the walkways that the picker closed.
    """

    def __init__(self, shop, rules=None):
        self.shop = shop
        self.rules = dict(shop.settings)
        self.rules.update(rules or {})
        self.state = IDLE
        self.lines = None
        self.walk = None
        self.waiting: list = []  # checked lists
        self.figures: dict = {
            "walk_dm": None,
            "bound_dm": None,
            "method": None,
            "list_order_dm": None,
        }
        self.current = -1
        self.done = 0
        self.checks = 0
        self.pieces = 0
        self.propose = None
        self.pinned = -1  # the line to go on with, whatever the plan says
        self.confirm = {"bin": True, "item": True, "qty": False, "put": True}
        self.manual = False
        self.blocked: list = []
        self.looks = Looks()
        self.at_mm = None  # (x, y) of the picker, and when that was
        self.at_ms = 0
        self.stop = self.anchor_mm = (
            None  # the place on the graph nearest to it; where it last moved
        )
        self.walked_mm = 0
        self.revision = 0  # counts changes that have to survive a restart
        self._prepared = None  # (Lines, Walk) of the list that is being planned

    @property
    def list(self) -> "str | None":
        """The name of the list under way, or done last; None before the first."""
        return None if self.lines is None else self.lines.name

    # -- from entries to states -----------------------------------------------------------------------

    def apply(self, event, fields):
        """Do what a journal entry says; False, and nothing is changed, where it does not fit."""
        if event == "list_started":
            return self._begin(fields)
        if self.lines is None or self.state == DONE or fields.get("list") != self.lines.name:
            return False
        if event == "list_done":
            if self.lines.count(OPEN):
                return False
            self.state = DONE
            self.current = -1
            self.walk = None
            self.revision += 1
            return True
        if event == "aisle_blocked":
            self._close_aisle(fields.get("edge", -1))
        elif event == "aisles_opened":
            self._open_aisles()
        else:
            i = self.lines.number(fields.get("line"))
            change = self._CHANGES.get(event)
            if i < 0 or change is None:
                return False
            if event != "undone" and self.lines.status[i] != OPEN:
                return False
            if not change(self, i, fields):
                return False
        self.revision += 1
        return True

    def _begin(self, fields):
        names = [each["list"] for each in self.waiting]
        if fields.get("list") not in names or self.state not in (IDLE, DONE):
            return False
        checked = self.waiting.pop(names.index(fields["list"]))
        if self._prepared is None or self._prepared[0].name != checked["list"]:
            self._prepare(checked)
        self.lines, self.walk = self._prepared
        self._prepared = None
        for key in self.figures:
            self.figures[key] = fields.get(key)
        self.walked_mm = 0
        self.anchor_mm = self.at_mm
        self.pinned = -1
        self._next()
        self.revision += 1
        return True

    def _prepare(self, checked):
        lines = Lines(checked["list"], checked["lines"])
        self._prepared = (lines, self._walk_of(lines, range(len(lines))))

    def _walk_of(self, lines, numbers):
        return walk_of(self.shop, self.rules, lines, numbers, self.stop)

    def _bin_confirmed(self, i, fields):
        self.current = i
        self.done = BIN_BIT
        self.checks = fields.get("checks") or 0
        self.propose = None
        self.state = PICK
        return True

    def _picked(self, i, _fields):
        way = self.lines.way(i)
        other = way is not None and way[2] == OTHER_GOODS
        self.lines.end(i, SUBSTITUTED if other else PICKED, self.lines.now(i)["qty"])
        self.walk.take_out(i, True)
        self._go_on()
        return True

    def _short(self, i, fields):
        self.lines.end(i, SHORT, fields.get("found") or 0)
        if fields.get("reason") == UNREACHABLE:
            self.lines.history.pop()  # nobody did it: nobody can undo it
        self.walk.take_out(i, False)
        self._go_on()
        return True

    def _substituted(self, i, fields):
        if fields.get("bin") not in self.shop.bins:
            return False
        same = fields.get("sku") == self.lines.lines[i]["sku"]
        kind = SAME_GOODS if same else OTHER_GOODS
        self.lines.replace(i, fields["bin"], kind, fields.get("found") or 0)
        self._move(i)
        self._go_on()
        return True

    def _skipped(self, i, _fields):
        self.lines.defer(i)
        self.walk.take_out(i, False)
        self._go_on()
        return True

    def _undone(self, i, fields):
        what = fields.get("undid")
        if what in STEPS:
            if self.lines.status[i] != OPEN:
                return False
            self.current = i
            if what == "bin":
                self.done = self.checks = 0
            else:
                self.done &= (1 << STEPS.index(what)) - 1
                self.checks &= steps.BEFORE[what]
            self.pieces = 0
            self.state = PICK if self.done else WALK
            self.looks.begin()
            return True
        lines = self.lines
        step = _UNDOES.get(what, -1)
        if not lines.history or lines.history[-1] != 4 * i + step:
            return False
        if (lines.status[i] == OPEN) == (step == ENDED):
            return False
        lines.history.pop()
        if step == ENDED:
            lines.reopen(i)
            self.walk.bring_in([(i, self._place(i))])
        elif step == SKIPPED:
            if i in lines.deferred:
                lines.deferred.remove(i)
            if not self.walk.holds(i):
                self.walk.bring_in([(i, self._place(i))])
        else:
            lines.put_back(i)
            self._move(i)
        self.pinned = i
        self._next()
        return True

    _CHANGES = {
        "bin_confirmed": _bin_confirmed,
        "picked": _picked,
        "short": _short,
        "substituted": _substituted,
        "skipped": _skipped,
        "undone": _undone,
    }

    # -- which line is next ---------------------------------------------------------------------------

    def _place(self, i):
        return self.shop.place(self.lines.now(i)["bin"])

    def _move(self, i):  # its goods are in another bin now
        self.walk.take_out(i, False)
        if i not in self.lines.deferred:
            self.walk.bring_in([(i, self._place(i))])

    def _go_on(self):
        self.pinned = -1
        self._next()

    def _next(self):
        """Turn to the line that comes next, from its first step on."""
        self.done = self.checks = self.pieces = 0
        self.propose = None
        self.looks.begin()
        self.current = self._choice()
        self.state = WALK if self.current >= 0 else RETURN

    def _choice(self):
        """The line to do now: what the walk says, then what was put off, then what is out of reach."""
        lines, walk = self.lines, self.walk
        if self.pinned >= 0 and lines.status[self.pinned] == OPEN:
            return self.pinned
        if walk.next is None:
            again = [i for i in lines.deferred if not walk.holds(i)]
            if again:
                walk.bring_in([(i, self._place(i)) for i in again])
        if walk.next is not None:
            return walk.line_of[walk.next]
        lost = walk.lost()
        return lost[0] if lost else -1

    def order(self):
        """Open lines in the sequence in which they will be done, the one at hand first."""
        if self.lines is None or self.walk is None:
            return []
        out = []
        seen = bytearray(len(self.lines))
        first = [self.current] if self.current >= 0 else []
        for listed in (first, self.walk.lines(), self.walk.lost(), self.lines.deferred):
            for i in listed:
                if not seen[i]:
                    seen[i] = 1
                    out.append(i)
        return out

    # -- aisles ---------------------------------------------------------------------------------------

    def _close_aisle(self, edge):
        graph = self.shop.graph
        if not isinstance(edge, int) or not 0 <= edge < graph.edges or graph.is_blocked(edge):
            return
        self.blocked.append(edge)
        self.walk.block([edge])
        self._look_again()

    def _open_aisles(self):
        self.walk.block(self.blocked, False)
        self.blocked = []
        self._look_again()

    def _look_again(self):
        """The walk has changed: another line may be next, unless the one at hand is begun."""
        if self.state == WALK and not self.done and self.propose is None:
            choice = self._choice()
            if choice != self.current:
                self.current = choice
                self.looks.begin()
                if choice < 0:
                    self.state = RETURN
