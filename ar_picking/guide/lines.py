"""A list under way: its lines, and how each of them stands.

What the list said never changes; beside it stands what was done: open, picked, short or substituted, how
many were found, and where a line's goods are now looked for after its own bin had too few.
Pure; changed only by `machine.Guide` when its journal has taken the entry.
"""

from protocols.compat import crc32

OPEN = 0
PICKED = 1
SHORT = 2
SUBSTITUTED = 3
WORDS = ("open", "picked", "short", "substituted")

# what the picker's last steps were, for undo
ENDED = 0
SKIPPED = 1
REPLACED = 2

SAME_GOODS = 0  # the same article, in another bin of the shop
OTHER_GOODS = 1  # the list's own substitute

_HISTORY_MAX = 400  # steps that can be undone; a list of 200 lines ends with fewer
_WAYS_MAX = 4  # bins that one line is looked for in


class Lines:
    """Lines of one checked list (picklist.check), numbered from 0 as there.

    `status`: OPEN, PICKED, SHORT or SUBSTITUTED per line; `found`: pieces per ended line; `ended`: lines
    in the sequence they ended in; `deferred`: skipped ones, to be done last; `ways`: rows [line, bin,
    SAME_GOODS or OTHER_GOODS, pieces found before], the newest of a line last; `history`: 4 * line +
    step.
    """

    def __init__(self, name, lines):
        self.name = name
        self.lines = lines
        self.status = bytearray(len(lines))
        self.found = [0] * len(lines)
        self.ended: list = []
        self.deferred: list = []
        self.ways: list = []
        self.history: list = []

    def __len__(self):
        return len(self.lines)

    def number(self, line):
        """The place in the list of the line that calls itself `line`; -1 when there is none."""
        for i in range(len(self.lines)):
            if self.lines[i]["line"] == line:
                return i
        return -1

    def way(self, i):
        """The row of `ways` that holds for a line now; None: its own bin."""
        for k in range(len(self.ways) - 1, -1, -1):
            if self.ways[k][0] == i:
                return self.ways[k]
        return None

    def had(self, i):
        """Pieces of a line found in the bins before the present one."""
        way = self.way(i)
        return 0 if way is None else way[3]

    def now(self, i):
        """The line as it is to be picked now: sku, name, bin and qty of where it is looked for.

        A substitute counts in its own pieces, rounded up: 3 bottles of 1 l for 5 of 0.6 l.
        """
        line = self.lines[i]
        way = self.way(i)
        if way is None:
            return line
        out = dict(line)
        out["bin"] = way[1]
        out["qty"] = line["qty"] - way[3]
        if way[2] == OTHER_GOODS:
            other = line["substitute"]
            out["sku"], out["name"] = other["sku"], other["name"]
            out["qty"] = (out["qty"] * other["qty"] + line["qty"] - 1) // line["qty"]
        return out

    def tried(self, i):
        """The bins in which a line's goods were looked for."""
        return [self.lines[i]["bin"]] + [row[1] for row in self.ways if row[0] == i]

    def may_try(self, i):
        """Whether another bin may be proposed for a line."""
        way = self.way(i)
        return len(self.tried(i)) < _WAYS_MAX and (way is None or way[2] == SAME_GOODS)

    def end(self, i, status, found):
        """A line is over; `found` pieces in its present bin, of a substitute its own ones."""
        self.status[i] = status
        self.found[i] = self.had(i) + self._as_own(i, found)
        self.ended.append(i)
        if i in self.deferred:
            self.deferred.remove(i)
        self._note(i, ENDED)

    def _as_own(self, i, found):
        """Pieces of what was taken instead as so many whole ones of the line's own."""
        line, way = self.lines[i], self.way(i)
        if way is None or way[2] != OTHER_GOODS:
            return found
        return min(line["qty"] - way[3], found * line["qty"] // line["substitute"]["qty"])

    def reopen(self, i):
        """A line that had ended is open again."""
        self.status[i] = OPEN
        self.found[i] = 0
        self.ended.remove(i)

    def defer(self, i):
        """A line is to be done last."""
        if i in self.deferred:
            self.deferred.remove(i)
        self.deferred.append(i)
        self._note(i, SKIPPED)

    def replace(self, i, name, kind, found):
        """The rest of a line is looked for in bin `name`; `found` pieces of it are in the cart."""
        self.ways.append([i, name, kind, found])
        self._note(i, REPLACED)

    def put_back(self, i):
        """Undo the newest `replace` of a line."""
        self.ways.remove(self.way(i))

    def _note(self, i, step):
        self.history.append(4 * i + step)
        if len(self.history) > _HISTORY_MAX:
            self.history.pop(0)

    def count(self, status):
        """How many lines stand so."""
        n = 0
        for each in self.status:
            if each == status:
                n += 1
        return n

    def slots(self):
        """Per order of the list, in the sequence of its slots: {slot, order, done, total} in lines."""
        out: list = []
        for i in range(len(self.lines)):
            line = self.lines[i]
            while len(out) < line["slot"]:
                out.append({"slot": len(out) + 1, "order": "", "done": 0, "total": 0})
            row = out[line["slot"] - 1]
            row["order"] = line["order"]
            row["total"] += 1
            if self.status[i] != OPEN:
                row["done"] += 1
        return out

    # -- over a restart -------------------------------------------------------------------------------

    def save(self, thin=0):
        """What was done, as plain values; the lines themselves are not in it.

        thin: 0 all of it; 1 bins by the CRC-32 of their names, which is all the same; 2 without the
        history: after a restart no whole line is taken back; 3 of each line the newest way alone.
        """
        ways = self.ways
        if thin == 3:
            ways = [row for row in ways if row is self.way(row[0])]
        if thin:
            ways = [[row[0], crc32(row[1].encode())] + row[2:] for row in ways]
        return [
            bytes(self.status),
            list(self.found),
            list(self.ended),
            list(self.deferred),
            [list(row) for row in ways],
            list(self.history) if thin < 2 else [],
        ]

    def restore(self, value, bins):
        """Take what save() gave for the same lines; False, and nothing changed, for anything else."""
        n = len(self.lines)
        if not isinstance(value, (list, tuple)) or len(value) != 6:
            return False
        status, found, ended, deferred, ways, history = value
        if (
            not isinstance(status, bytes)
            or len(status) != n
            or any(s > SUBSTITUTED for s in status)
        ):
            return False
        for listed, most in ((found, 1 << 20), (ended, n - 1), (deferred, n - 1), (history, 4 * n)):
            if not isinstance(listed, (list, tuple)):
                return False
            if any(not isinstance(k, int) or not 0 <= k <= most for k in listed):
                return False
        if len(found) != n or sorted(ended) != [i for i in range(n) if status[i] != OPEN]:
            return False
        ways = _named(ways, bins)
        if ways is None or any(not self._is_way(row, bins) for row in ways):
            return False
        if any(status[i] != OPEN for i in deferred) or any(k & 3 > REPLACED for k in history):
            return False
        self.status = bytearray(status)
        self.found, self.ended = list(found), list(ended)
        self.deferred, self.history = list(deferred), list(history)
        self.ways = [list(row) for row in ways]
        return True

    def _is_way(self, row, bins):
        if not isinstance(row, (list, tuple)) or len(row) != 4:
            return False
        i, name, kind, found = row
        for each in (i, kind, found):
            if not isinstance(each, int):
                return False
        if not 0 <= i < len(self.lines) or not isinstance(name, str) or name not in bins:
            return False
        if kind not in (SAME_GOODS, OTHER_GOODS) or not 0 <= found < self.lines[i]["qty"]:
            return False
        return kind == SAME_GOODS or "substitute" in self.lines[i]


def _named(ways, bins):
    """Rows of `ways` with the names of their bins in place of the sums of them; None for none."""
    if not isinstance(ways, (list, tuple)):
        return None
    names: dict = {}
    out = []
    for row in ways:
        if isinstance(row, (list, tuple)) and len(row) == 4 and isinstance(row[1], int):
            if not names:
                for name in bins:
                    names[crc32(name.encode())] = name
            row = [row[0], names.get(row[1])] + list(row[2:])
        out.append(row)
    return out
