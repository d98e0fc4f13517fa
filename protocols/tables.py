"""Tables of messages, kept as text and read when one is needed.

    = TYPE NAME LOG
    KEY NAME KIND ...

KIND is u8, u16, u32, int LOW HIGH, lat, lon, temp (0.01 degC), msday, bool, id (text of 1..40 bytes),
text LOW HIGH, bytes LOW HIGH (in bytes), enum WORD ... (numbered from 0), rows WIDTH MOST. A line that
begins with more than four blanks goes on with the one before. `= TYPE NAME LOG like OTHER` has the
fields of type OTHER.

A text that is compiled into a ROM image stays there: it costs a board no heap. So a board reads the
lines of one message again for every one it writes; elsewhere what was read once is kept.
"""

from protocols.compat import MICROPYTHON
from protocols.fields import BOOL, BYTES, ENUM, ID_MAX, INT, ROWS, TEXT
from protocols.units import (
    LAT_E7_MAX,
    LON_E7_MAX,
    MS_OF_DAY_MAX,
    TEMP_CC_MAX,
    TEMP_CC_MIN,
    U8_MAX,
    U16_MAX,
    U32_MAX,
)


class Tables:
    """A mapping: type -> (name, log, fields, needed).

    log: 'evidence', 'track', or '-' for none. fields: tuple of (key, name, kind, lo, hi) as in
    protocols.fields. needed: names of the fields that must be there.
    """

    def __init__(self, text: str):
        self._text = text
        self._read: dict = {}

    def __contains__(self, kind) -> bool:
        return self._head(kind) >= 0

    def __iter__(self):
        at = self._text.find("\n= ")
        while at >= 0:
            yield int(self._text[at + 3 : self._text.find(" ", at + 3)])
            at = self._text.find("\n= ", at + 1)

    def __getitem__(self, kind: int):
        found = self._read.get(kind)
        if found is None:
            at = self._head(kind)
            if at < 0:
                raise KeyError(kind)
            found = self._table(at)
            if not MICROPYTHON:
                self._read[kind] = found
        return found

    def items(self):
        """Return (type, table) of all."""
        return [(kind, self[kind]) for kind in self]

    def fields(self, kind: int):
        """Return the fields of a type, to go through once: on a board one is in the heap at a time."""
        if not MICROPYTHON:
            return self[kind][2]
        at = self._head(kind)
        if at < 0:
            raise KeyError(kind)
        return self._each(at)

    def _each(self, at):
        text = self._text
        at += 1
        end = text.find("\n", at)
        head = text[at:end].split(" ")
        if len(head) > 4:  # = TYPE NAME LOG like OTHER
            end = text.find("\n", self._head(int(head[5])) + 1)
        while 0 <= end < len(text) - 1:
            at = end + 1
            end = text.find("\n", at)
            while text[end + 1 : end + 7] == "      ":
                end = text.find("\n", end + 1)  # the line goes on
            words = text[at : end if end >= 0 else len(text)].split()
            if not words or words[0] == "=":
                return
            yield _field(words)

    def log(self, kind: int) -> str:
        """Return the log of a type, without reading its fields."""
        at = self._text.find(" ", self._head(kind) + 4)  # before the name
        at = self._text.find(" ", at + 1) + 1
        end = self._text.find("\n", at)
        return self._text[at:end].split(" ")[0]

    def _head(self, kind):
        """Return where the text of a type begins, -1 when it has none."""
        return self._text.find("\n= {} ".format(kind))

    def _table(self, at):
        end = self._text.find("\n= ", at + 1)
        text = self._text[at + 1 : end if end >= 0 else len(self._text)]
        lines = text.replace("\n      ", " ").split("\n")
        head = lines[0].split(" ")
        if len(head) > 4:  # = TYPE NAME LOG like OTHER
            _, _, fields, needed = self[int(head[5])]
            return head[2], head[3], fields, needed
        fields = []
        needed = []
        for line in lines[1:]:
            words = line.split()
            if words:
                fields.append(_field(words))
                if words[0][-1] == "*":
                    needed.append(words[1])
        return head[2], head[3], tuple(fields), tuple(needed)


def _field(words):
    """Return (key, name, kind, lo, hi) for the words of a line."""
    key = words[0]
    key = int(key[:-1] if key[-1] == "*" else key)
    name, kind = words[1], words[2]
    if kind == "enum":
        return key, name, ENUM, tuple(words[3:]), 0
    if kind == "bool":
        return key, name, BOOL, 0, 0
    if kind == "id":
        return key, name, TEXT, 1, ID_MAX
    lo = 0
    if kind == "u8":
        hi = U8_MAX
    elif kind == "u16":
        hi = U16_MAX
    elif kind == "u32":
        hi = U32_MAX
    elif kind == "msday":
        hi = MS_OF_DAY_MAX
    elif kind == "lat":
        lo, hi = -LAT_E7_MAX, LAT_E7_MAX
    elif kind == "lon":
        lo, hi = -LON_E7_MAX, LON_E7_MAX
    elif kind == "temp":
        lo, hi = TEMP_CC_MIN, TEMP_CC_MAX
    else:
        lo, hi = int(words[3]), int(words[4])
        return key, name, {"int": INT, "text": TEXT, "bytes": BYTES, "rows": ROWS}[kind], lo, hi
    return key, name, INT, lo, hi
