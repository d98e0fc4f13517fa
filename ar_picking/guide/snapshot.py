"""The guide's whole state as plain values, and back: what survives a restart beside the journal.

The lines of the lists do not change and are large; a tablet keeps them apart (ar_picking.guide.lists)
and hands them back to `restore`. Then a snapshot of a list of 200 lines takes some 1,500 bytes.
"""

from ar_picking.guide import picklist
from ar_picking.guide.lines import OPEN, OTHER_GOODS, Lines
from ar_picking.guide.progress import Progress
from ar_picking.guide.shop import FAR_MM, is_whole
from ar_picking.guide.steps import DONE, IDLE, PICK, RETURN, STEPS, WALK
from firmware.picker import maps

_VERSION = 1
_STATES = (IDLE, WALK, PICK, RETURN, DONE)
_METHODS = ("exact", "best-found")


class Snapshot(Progress):
    """Progress that can be written down. `known`: crc32 of the names of lists that were taken."""

    known: list = []

    is_other_map = False  # what restore() took is of another map than the shop's

    def snapshot(self, with_lines=True, thin=0):
        """Return nested lists and maps of ints, str, bytes, bool and None; see restore().

        with_lines: False leaves the lists' lines out; whoever restores has them. Of a list that is done
        nothing is kept then: it begins as if there had been none. thin: as in Lines.save.
        """
        if self.state == DONE and not with_lines:
            return self._idle()
        kept = [] if self.lines is None else [[self.lines.name, self.lines.lines]]
        kept += [[each["list"], each["lines"]] for each in self.waiting]
        switches = 0
        for k in range(len(STEPS)):
            if self.confirm[STEPS[k]]:
                switches |= 1 << k
        figures = self.figures
        method = figures["method"]
        return [
            _VERSION,
            _STATES.index(self.state),
            None if self.lines is None else self.lines.name,
            [each["list"] for each in self.waiting],
            [
                switches,
                1 if self.manual else 0,
                self.walked_mm,
                list(self.at_mm) if self.at_mm else None,
                self.revision,
            ],
            [
                figures["walk_dm"],
                figures["bound_dm"],
                figures["list_order_dm"],
                _METHODS.index(method) if method in _METHODS else None,
            ],
            [self.current, self.done, self.checks, self.pieces, self.propose, self.order()],
            None if self.lines is None else self.lines.save(thin),
            list(self.blocked),
            list(self.known),
            [[name, _rows(lines)] for name, lines in kept] if with_lines else None,
            self.shop.map_crc,
        ]

    def _idle(self):
        """The snapshot of a guide whose list is done, without it."""
        bare = Snapshot(self.shop, self.rules)
        for name in ("waiting", "confirm", "manual", "at_mm", "revision", "blocked", "known"):
            setattr(bare, name, getattr(self, name))
        return bare.snapshot(False)

    def restore(self, value, lists=None):
        """Take what snapshot() gave; False, and nothing is changed, for anything else.

        lists: name -> checked list (picklist.check), for a snapshot without its lines. A list that is
        waiting and has no lines any more is forgotten: it will be sent again.
        """
        parts = _checked(value)
        if parts is None:
            return False
        _, state, name, waiting, numbers, figures, hand, done, blocked, known, rows, mark = parts
        lists = self._lists(lists, rows)
        is_other_map = mark != self.shop.map_crc
        if is_other_map:
            blocked = ()  # the same number is another walkway there
        if lists is None or any(edge >= self.shop.graph.edges for edge in blocked):
            return False
        lines = None
        if name is not None:
            if name not in lists:
                return False
            lines = Lines(name, lists[name]["lines"])
            if not lines.restore(done, self.shop.bins) or not self._is_hand(hand, lines, state):
                return False
        elif _STATES[state] != IDLE:
            return False
        self.is_other_map = is_other_map
        switches, manual, self.walked_mm, at, self.revision = numbers
        for k in range(len(STEPS)):
            self.confirm[STEPS[k]] = bool(switches & (1 << k))
        self.manual = bool(manual)
        self.at_mm = self.anchor_mm = None if at is None else tuple(at)
        self.at_ms = -FAR_MM  # where the picker was: nobody knows how long ago
        self.stop = None
        if at is not None:
            self.stop = maps.locate(self.shop.graph, at[0], at[1])[0]
        for edge in self.blocked:
            self.shop.graph.block(edge, False)
        self.blocked = []
        for edge in blocked:
            if not self.shop.graph.is_blocked(edge):
                self.shop.graph.block(edge)
                self.blocked.append(edge)
        self.known = list(known)
        self.waiting = [lists[each] for each in waiting if each in lists]
        method = None if figures[3] is None else _METHODS[figures[3]]
        self.figures["walk_dm"], self.figures["bound_dm"] = figures[0], figures[1]
        self.figures["list_order_dm"], self.figures["method"] = figures[2], method
        self.lines = lines
        self.state = _STATES[state]
        self.walk = self._prepared = None
        self.current, self.done, self.checks, self.pieces, self.propose, order = hand
        self.propose = None if self.propose is None else list(self.propose)
        self.pinned = -1
        self.looks.begin()
        if lines is not None and self.state != DONE:
            self._walk_again(lines, order)
        return True

    def _walk_again(self, lines, order):
        """The walk that was under way: a line that is begun stays, the others are planned anew."""
        rest = [i for i in range(len(lines)) if lines.status[i] == OPEN]
        kept = [i for i in rest if i == self.current or i not in lines.deferred]
        walk = self.walk = self._walk_of(lines, kept)
        # until there is a plan, the sequence of before holds
        ahead = [walk.number_of[i] for i in order if i in kept]
        walk.order = [k for k in ahead + walk.order if k in walk.order]
        walk.order = [k for n, k in enumerate(walk.order) if k not in walk.order[:n]]
        if self.done or self.propose is not None:
            self.pinned = self.current
        if self.current < 0 and rest:
            self._next()

    def _lists(self, lists, rows):
        """name -> checked list, from outside or the snapshot's own rows; None where they are wrong."""
        if lists is not None or rows is None:
            return lists or {}
        lists = {}
        for row in rows:
            if not isinstance(row, (list, tuple)) or len(row) != 2:
                return None
            obj = {"list": row[0], "lines": row[1]}
            checked, _ = picklist.check(obj, self.shop.bins, self.shop.id)
            if checked is None:
                return None
            lists[checked["list"]] = checked
        return lists

    def _is_hand(self, hand, lines, state):
        """Whether the line at hand can be that of these lines."""
        current, done, _, _, propose, order = hand
        if not -1 <= current < len(lines) or any(i >= len(lines) for i in order):
            return False
        if current >= 0 and lines.status[current] != OPEN:
            return False
        if (current >= 0) != (_STATES[state] in (WALK, PICK)) or (current < 0 and done):
            return False
        if propose is None:
            return True
        if len(propose) != 3 or current < 0 or propose[1] not in self.shop.bins:
            return False
        other = propose[0] == OTHER_GOODS
        if other and "substitute" not in lines.lines[current]:
            return False
        return propose[0] in (0, OTHER_GOODS) and is_whole(propose[2], 0, lines.now(current)["qty"])


def _rows(lines):
    out = []
    for line in lines:
        row = {}
        for key in line:
            if key != "slot":
                row[key] = line[key]
        out.append(row)
    return out


def _ints(value, low, high, size=None):
    if not isinstance(value, (list, tuple)) or (size is not None and len(value) != size):
        return False
    for each in value:
        if not is_whole(each, low, high):
            return False
    return True


def _checked(value):
    """The parts of a snapshot, where each has its shape; else None."""
    if not isinstance(value, (list, tuple)) or not value or value[0] != _VERSION:
        return None
    if len(value) == 11:  # of the version before, which did not say what map it was of
        value = list(value) + [None]
    if len(value) != 12:
        return None
    _, state, name, waiting, numbers, figures, hand, _, blocked, known, rows, mark = value
    good = is_whole(state, 0, len(_STATES) - 1) and (name is None or isinstance(name, str))
    good = good and isinstance(waiting, (list, tuple)) and all(isinstance(w, str) for w in waiting)
    good = good and isinstance(numbers, (list, tuple)) and len(numbers) == 5
    good = good and _ints(numbers[:3], 0, 1 << 30) and is_whole(numbers[4], 0, 1 << 40)
    good = good and (numbers[3] is None or _ints(numbers[3], -FAR_MM, FAR_MM, 2))
    good = good and isinstance(figures, (list, tuple)) and len(figures) == 4
    good = good and _ints([f for f in figures if f is not None], 0, 1 << 30)
    good = good and (figures[3] is None or figures[3] < len(_METHODS))
    good = good and isinstance(hand, (list, tuple)) and len(hand) == 6
    good = good and is_whole(hand[0], -1, 1 << 16) and _ints(hand[1:4], 0, 1 << 16)
    good = good and (hand[4] is None or isinstance(hand[4], (list, tuple)))
    good = good and _ints(hand[5], 0, 1 << 16)
    good = good and _ints(blocked, 0, 4095) and _ints(known, 0, 0xFFFFFFFF)
    good = good and (rows is None or isinstance(rows, (list, tuple)))
    good = good and (mark is None or is_whole(mark, 0, 0xFFFFFFFF))
    return value if good else None
