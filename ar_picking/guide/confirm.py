"""The four confirmations of a line: its bin, its goods, their number, and the slot they are put into.

Each costs no extra motion where it can: the bin by its marker in view, the goods by the scanner in the
hand, all of them by a tap anywhere. What is wrong is answered at once and confirms nothing.
"""

from ar_picking.guide import looks as sight
from ar_picking.guide import scan
from ar_picking.guide.lines import PICKED, SHORT, SUBSTITUTED
from ar_picking.guide.looks import distance_mm
from ar_picking.guide.shop import FAR_MM, MARKERS, MAX_MARKER, X_MM, Y_MM, is_whole
from ar_picking.guide.snapshot import Snapshot
from ar_picking.guide.steps import (
    BIN_BIT,
    BIN_BY_HAND,
    BIN_SCANNED,
    BIN_SEEN,
    ITEM_BIT,
    ITEM_BY_HAND,
    ITEM_SCANNED,
    PICK,
    PUT_BIT,
    PUT_BY_HAND,
    PUT_SCANNED,
    QTY_BIT,
    QTY_BY_HAND,
    QTY_COUNTED,
    RETURN,
    STEPS,
    WALK,
)

BOUNCE_MS = 250  # two taps nearer than this are one, of a trembling finger or a worn key
REPEAT_MS = 1500  # a scanner reads the same code again
PIECE_MS = 400  # the same code this soon is the same piece: nobody takes the next one faster
WALK_MM_MS = 2  # 2 m/s: so far from an old position a picker may be by now

_BITS = {"bin": BIN_BIT, "item": ITEM_BIT, "qty": QTY_BIT, "put": PUT_BIT}
_BY_HAND = {"bin": BIN_BY_HAND, "item": ITEM_BY_HAND, "qty": QTY_BY_HAND, "put": PUT_BY_HAND}


class Full(Exception):  # noqa: N818 (the journal's answer, caught in Guide.event)
    """The journal has no room: nothing happened."""


class Confirming(Snapshot):
    """A guide's steps at one line. journal(event, fields): takes an entry, False when it cannot."""

    def __init__(self, shop, journal, rules=None):
        Snapshot.__init__(self, shop, rules)
        self._journal = journal
        self._tap_ms = -BOUNCE_MS
        self._scanned = ("", 0)

    def step(self):
        """The confirmation that is pending: "bin", "item", "qty", "put", "exit" or None."""
        if self.state == RETURN:
            return "exit"
        if self.state not in (WALK, PICK) or self.propose is not None:
            return None
        for name in self._steps():
            if not self.done & _BITS[name]:
                return name
        return "item"  # what was still to confirm is switched off: nothing is picked without a word

    def _now(self):
        """The line at hand as it is to be picked; only asked for in WALK and PICK, which have one."""
        return self.lines.now(self.current)

    def _steps(self):
        """The confirmations that the line at hand asks for, in sequence."""
        steps = []
        for name in STEPS:
            wanted = self.confirm[name]
            if name == "qty":
                wanted = wanted and self._now()["qty"] > 1  # one piece is counted by taking it
            elif name == "put":
                wanted = wanted and max(line["slot"] for line in self.lines.lines) > 1
            if wanted:
                steps.append(name)
        return steps

    def _confirmed(self, step, how):
        """A step of the line is confirmed; the last one picks it."""
        done = self.done | _BITS[step]
        left = [name for name in self._steps() if not done & _BITS[name]]
        if step == "bin":
            fields = self._fields(False)
            fields["checks"] = how
            self._write("bin_confirmed", fields)
        elif left:
            self.done = done
            self.checks |= how
            self.state = PICK
            self.revision += 1
        else:
            fields = self._fields(True)
            fields["checks"] = self.checks | how
            self._write("picked", fields)

    def _bounces(self, t_ms):
        """Whether a press comes with the one before it, which has changed what is asked."""
        return 0 <= t_ms - self._tap_ms < BOUNCE_MS

    def _on_tap(self, _obj, t_ms):
        """tap: confirms what is pending, except a bin that has a marker to look at."""
        if self._bounces(t_ms):
            return "too_fast"
        step = self.step()
        if step is None:
            return "nothing_to_confirm" if self.propose is None else "answer_first"
        if step == "exit":
            self._finish()
        elif step == "bin" and self.shop.bins[self._now()["bin"]][MARKERS] and not self.manual:
            return "look_first"
        else:
            self._confirmed(step, _BY_HAND[step])
        self._tap_ms = t_ms
        return None

    def _on_scan(self, obj, t_ms):
        """scan: a code was read; confirms bin, goods or slot where it is theirs, else says so."""
        code = scan.read(obj.get("code"))
        if code is None:
            return "unknown_code"
        if self.state not in (WALK, PICK):
            return "nothing_to_confirm"
        step = self.step()
        if step is None:
            return "answer_first"
        last, last_ms = self._scanned
        if code == last and 0 <= t_ms - last_ms < (PIECE_MS if step == "qty" else REPEAT_MS):
            if step == "qty":
                self._scanned = (code, t_ms)  # a camera reads on as long as it sees it
            return None
        found = scan.meaning(code, self._now(), self.shop)
        if found == scan.BIN and step == "bin":
            self._confirmed("bin", BIN_SCANNED)
        elif found == scan.ITEM and step == "item":
            self._confirmed("item", ITEM_SCANNED)
            if self.step() == "qty":
                self.pieces = 1
        elif found == scan.ITEM and step == "qty":
            if self.pieces + 1 >= self._now()["qty"]:
                self._confirmed("qty", QTY_COUNTED)
            else:
                self.pieces += 1
                self.revision += 1
        elif found == scan.SLOT and step == "put":
            self._confirmed("put", PUT_SCANNED)
        elif found in (scan.BIN, scan.ITEM, scan.SLOT):
            return "bin_first" if step == "bin" else "scanned_before"
        else:
            return found
        self._scanned = (code, t_ms)
        self._tap_ms = t_ms - BOUNCE_MS  # what is pressed now was not pressed twice
        return None

    def _on_count(self, obj, t_ms):
        """count: qty pieces were taken; confirms the quantity when it is the one that is wanted."""
        if self.step() != "qty":
            return "nothing_to_confirm"
        qty, wanted = obj.get("qty"), self._now()["qty"]
        if not is_whole(qty, 0, 9999):
            return "bad_count"
        if qty != wanted:
            return "count_less" if qty < wanted else "count_more"
        if self._bounces(t_ms):
            return "too_fast"
        self._confirmed("qty", QTY_COUNTED)
        self._tap_ms = t_ms
        return None

    def _on_put(self, obj, t_ms):
        """put: the goods were laid into that slot of the cart."""
        if self._bounces(t_ms):
            return "too_fast"
        if self.step() != "put":
            return "nothing_to_confirm"
        if not is_whole(obj.get("slot"), 1, 9999):
            return "bad_event"
        if obj["slot"] != self._now()["slot"]:
            return "wrong_slot"
        self._confirmed("put", PUT_SCANNED)
        self._tap_ms = t_ms
        return None

    def _away_mm(self, t_ms):
        """How far the picker is from the bin of the line at hand at least; -1 when nobody knows.

        An old position says less with every step, but nobody walks 15 m in two seconds.
        """
        age_ms = t_ms - self.at_ms
        if self.at_mm is None or age_ms < 0:
            return -1
        row = self.shop.bins[self._now()["bin"]]
        away_mm = distance_mm(self.at_mm, (row[X_MM], row[Y_MM]))
        return max(0, away_mm - WALK_MM_MS * max(0, age_ms - sight.POSITION_MS))

    def _on_seen(self, obj, t_ms):
        """seen: marker in view, distance_mm away; confirms the bin: the right one, near, again."""
        marker, distance_mm = obj.get("marker"), obj.get("distance_mm")
        if not is_whole(marker, 0, MAX_MARKER) or not is_whole(distance_mm, 0, FAR_MM):
            return "bad_event"
        if self.step() != "bin":
            return None
        wanted = self.shop.bins[self._now()["bin"]][MARKERS]
        is_bins = bool(self.shop.bins_at(marker))
        away_mm = self._away_mm(t_ms)
        found = self.looks.seen(marker, distance_mm, t_ms, wanted, is_bins, away_mm)
        if found == sight.RIGHT:
            self._confirmed("bin", BIN_SEEN)
        return "wrong_bin" if found == sight.WRONG else None

    # -- entries --------------------------------------------------------------------------------------

    def _fields(self, with_goods, i=-1):
        i = self.current if i < 0 else i
        line = self.lines.now(i)
        fields = {"list": self.lines.name, "line": line["line"], "bin": line["bin"]}
        if with_goods:
            for key in ("order", "sku", "qty"):
                fields[key] = line[key]
        return fields

    def _write(self, event, fields):
        """An entry: into the journal first, then into the state."""
        if self._journal(event, fields) is False:
            raise Full
        self.apply(event, fields)

    def _finish(self):
        lines = self.lines
        fields = {
            "list": lines.name,
            "picked": lines.count(PICKED),
            "short": lines.count(SHORT),
            "walked_dm": self.walked_mm // 100,
        }
        if lines.count(SUBSTITUTED):
            fields["substituted"] = lines.count(SUBSTITUTED)
        self._write("list_done", fields)
