"""What goes otherwise than planned: too few goods, lines put off or taken back, closed aisles."""

from ar_picking.guide.confirm import Confirming
from ar_picking.guide.lines import ENDED, OPEN, OTHER_GOODS, SAME_GOODS, SHORT, SKIPPED
from ar_picking.guide.shop import is_whole
from ar_picking.guide.steps import BIN_BIT, DONE, IDLE, PICK, RETURN, STEPS, UNREACHABLE, WALK
from firmware.picker.graph import AT_JUNCTION


class Deviating(Confirming):
    """A guide's answers to that."""

    def target(self):
        """Where to go: a stop of the graph, or None."""
        if self.state in (WALK, PICK):
            return self._place(self.current)
        return self.exit() if self.state == RETURN else None

    def exit(self):
        """The stop where a list ends."""
        return AT_JUNCTION, self.shop.graph.depot

    def _on_short(self, obj, _t_ms):
        """short: only `found` pieces are there, 0 <= found < qty; some need the bin confirmed."""
        if self.state not in (WALK, PICK) or self.propose is not None:
            return "no_line" if self.propose is None else "answer_first"
        found = obj.get("found")
        if not is_whole(found, 0, self._now()["qty"] - 1):
            return "bad_count"
        if found and self.confirm["bin"] and not self.done & BIN_BIT:
            return "look_first"
        proposal = self._proposal(found)
        if proposal is None:
            self._report_short(found)
        else:
            self.propose = proposal
            self.revision += 1
        return None

    def _report_short(self, found, reason=None):
        fields = self._fields(True)
        fields["found"] = found
        if reason is not None:
            fields["reason"] = reason
        self._write("short", fields)

    def _proposal(self, found):
        """What can be taken for the rest: the same goods in another bin, else the list's substitute."""
        i = self.current
        if not self.lines.may_try(i):
            return None
        tried = self.lines.tried(i)
        reach = self._reach()
        for name in self.shop.bins_of(self._now()["sku"]):
            if name not in tried and reach(name):
                return [SAME_GOODS, name, found]
        other = self.lines.lines[i].get("substitute")
        if other is not None and other["bin"] not in tried and reach(other["bin"]):
            return [OTHER_GOODS, other["bin"], found]
        return None

    def _reach(self):
        graph, walk = self.shop.graph, self.walk
        return lambda name: graph.path(walk.here, self.shop.place(name), True) is not None

    def _on_substitute(self, obj, _t_ms):
        """substitute: the picker accepts what view() proposes, or not; then the line is short."""
        if self.propose is None:
            return "no_proposal"
        accept = obj.get("accept")
        if accept is not True and accept is not False:
            return "bad_event"
        kind, name, found = self.propose
        if not accept:
            self._report_short(found)
            return None
        line = self.lines.lines[self.current]
        total = self.lines.had(self.current) + found
        fields = {
            "list": self.lines.name,
            "line": line["line"],
            "order": line["order"],
            "bin": name,
        }
        other = line["substitute"] if kind == OTHER_GOODS else line
        fields["sku"] = other["sku"]
        rest = line["qty"] - total
        if kind == OTHER_GOODS:
            rest = (rest * other["qty"] + line["qty"] - 1) // line["qty"]
        fields["qty"] = rest
        fields["found"] = total
        self._write("substituted", fields)
        return None

    def _on_skip(self, _obj, _t_ms):
        """skip: the line at hand comes last."""
        if self.state not in (WALK, PICK):
            return "no_line"
        if self.propose is not None:
            return "answer_first"
        if self.lines.count(OPEN) < 2:
            return "last_line"
        self._write("skipped", self._fields(False))
        return None

    def _on_undo(self, _obj, _t_ms):
        """undo: takes back the last confirmation of the line at hand, or else the last line that ended,
        was skipped or was replaced.
        """
        if self.state not in (WALK, PICK, RETURN):
            return "nothing_to_undo"
        if self.propose is not None:
            self.propose = None
            self.revision += 1
            return None
        if self.current >= 0:
            for k in (3, 2, 1, 0):
                if self.done & (1 << k):
                    self._undo(self.current, STEPS[k])
                    return None
        if not self.lines.history:
            return "nothing_to_undo"
        i, step = self.lines.history[-1] >> 2, self.lines.history[-1] & 3
        what = "substituted"
        if step == ENDED:
            what = "short" if self.lines.status[i] == SHORT else "picked"
        elif step == SKIPPED:
            what = "skipped"
        self._undo(i, what)
        return None

    def _undo(self, i, what):
        fields = self._fields(what not in STEPS, i)
        fields["undid"] = what
        self._write("undone", fields)

    def _on_blocked(self, _obj, _t_ms):
        """blocked: nobody gets through the aisle ahead; the walk goes another way."""
        if self.state not in (WALK, PICK, RETURN):
            return "no_line"
        if self.stop is None:
            return "no_position"
        edge = self.walk.edge_ahead(self.target())
        if edge < 0:
            return "no_way_ahead"
        self._write("aisle_blocked", {"list": self.lines.name, "edge": edge})
        return None

    def _on_open(self, _obj, _t_ms):
        """open: all aisles that were said to be blocked can be walked again."""
        if not self.blocked:
            return "nothing_blocked"
        if self.state in (IDLE, DONE):
            for edge in self.blocked:
                self.shop.graph.block(edge, False)
            self.blocked = []
            self._prepared = None
            self.revision += 1
        else:
            self._write("aisles_opened", {"list": self.lines.name})
        return None

    def _settle(self):
        """Report what no walk reaches once nothing else is left; a way the picker closed may open."""
        while self.state == WALK and not self.done and self.propose is None:
            if self.current not in self.walk.lost() or self._would_reach(self.current):
                return
            self._report_short(0, UNREACHABLE)

    def _would_reach(self, i):
        graph = self.shop.graph
        for edge in self.blocked:
            graph.block(edge, False)
        found = graph.path(self.walk.here, self._place(i), True) is not None
        for edge in self.blocked:
            graph.block(edge)
        return found
