"""Pick lists on the tablet's flash: each line a record of a ring log of their own.

A list comes as one command a line (protocols.commands), in any order, twice or by half. What was taken
survives a restart; a list is handed on when its last line is there, and its room is given back when it
is over. A ring gives room back from its oldest record on, so a list that is over may stay readable for
long: a record of its tag alone says that it is over. Until that is written, and for a while longer for
what is sent again, the tablet's state remembers it.
"""

from firmware.system.ringlog import BUFFER_SIZE, RECORD_MAX, RingLog
from protocols.cbor import Reader, Writer
from protocols.compat import crc32

KIND = 2  # of the ring, beside messages.EVIDENCE and messages.TRACK
OPEN_MAX = 24  # lists, whole or not, that are kept at a time
GONE_MAX = 64  # lists that are over and may be sent again
_LINE = ("line", "order", "sku", "name", "bin", "qty")
_HEAD = 4

FULL = "full"


class Kept:
    """One list: `name`, `store`, `size` in lines, `lines` {number: line} so far, its `first` record."""

    def __init__(self, name, store, size, first):
        self.name = name
        self.store = store
        self.size = size
        self.first = first
        self.lines = {}

    @property
    def whole(self):
        """Whether all its lines are there."""
        return len(self.lines) == self.size

    def as_list(self):
        """The list as picklist.check takes it."""
        lines = [self.lines[number] for number in sorted(self.lines)]
        return {"list": self.name, "store": self.store, "lines": lines}


class Lists:
    """Lists by their tags. flash: a partition; new_id: as in RingLog; gone: what save() gave.

    `lists`: {tag: Kept}; `dropped` counts halves of lists given up for want of room.
    """

    def __init__(self, flash, new_id, gone=()):
        self._ring = RingLog(flash, KIND, False, new_id, bytearray(BUFFER_SIZE))
        self._buf = bytearray(RECORD_MAX)
        self._writer = Writer(self._buf)
        self._gone = [mark for mark in gone if isinstance(mark, int)]
        self._ended: list = []  # tags that are over, and the ring does not say so yet
        self.lists = {}
        self.dropped = 0
        self._mount()
        self.free()

    def _mount(self):
        reader = self._ring.reader(self._ring.oldest)
        while True:
            seq = reader.seq
            size = reader.read_into(self._buf, 0, RECORD_MAX)
            if size == 0:
                return
            if size > 0:
                cbor = Reader(self._buf, 0, size)
                self._read(cbor.read(), seq)

    def _read(self, row, seq):
        """One record: [tag, list, store, lines, line...], or [tag] of a list that is over.

        What is none of ours is passed over.
        """
        if isinstance(row, list) and len(row) == 1 and isinstance(row[0], str):
            self.lists.pop(row[0], None)
            if row[0] in self._ended:
                self._ended.remove(row[0])
            return
        if not isinstance(row, list) or len(row) < _HEAD + len(_LINE) + 1:
            return
        tag, name, store, size = row[:_HEAD]
        if not isinstance(tag, str) or not isinstance(size, int):
            return
        if self.is_gone(tag):
            if tag not in self._ended:  # the power was cut before that was written
                self._ended.append(tag)
            return
        line = {}
        for k in range(len(_LINE)):
            line[_LINE[k]] = row[_HEAD + k]
        more = row[_HEAD + len(_LINE)]
        if isinstance(more, dict):
            line.update(more)
        kept = self.lists.get(tag)
        if kept is None:
            kept = self.lists[tag] = Kept(name, store, size, seq)
        kept.lines[line["line"]] = line

    def is_gone(self, tag):
        """Whether a list is over."""
        return crc32(tag.encode()) in self._gone

    def take(self, tag, name, store, size, line):
        """Keep one line (line, order, sku, name, bin, qty, and heavy, substitute where it has them).

        The Kept list when this made it whole, None while lines are missing or when it was there before;
        FULL when there is no room, or when the line is not one of this list.
        """
        kept = self.lists.get(tag)
        if kept is not None:
            if (kept.name, kept.store, kept.size) != (name, store, size):
                return FULL
            if line["line"] in kept.lines:
                return None
            if kept.whole:
                return FULL
        elif not self._room():
            return FULL
        self._move_up()
        seq = self._ring.next
        while True:
            written = self._write(tag, name, store, size, line)
            if written:
                break
            if written is None or not self._give_up(tag):
                return FULL
        if kept is None:
            kept = self.lists[tag] = Kept(name, store, size, seq)
        kept.lines[line["line"]] = line
        return kept if kept.whole else None

    def take_whole(self, tag, obj):
        """Keep a list that came in one piece; False without room for it, or when its tag is known."""
        if tag in self.lists or self.is_gone(tag):
            return False
        size = len(obj["lines"])
        for line in obj["lines"]:
            if self.take(tag, obj["list"], obj.get("store"), size, line) == FULL:
                self.lists.pop(tag, None)
                self.free()
                return False
        return True

    def _write(self, tag, name, store, size, line):
        more = {}
        for key in ("heavy", "substitute"):
            if key in line:
                more[key] = line[key]
        writer = self._writer
        writer.reset()
        writer.value([tag, name, store, size] + [line[key] for key in _LINE] + [more])
        if writer.full:
            return None
        return self._ring.append(self._buf, writer.n)

    def _room(self):
        return len(self.lists) < OPEN_MAX or self._give_up(None)

    def _give_up(self, but):
        """Forget the oldest list of which lines are missing: it will be sent again."""
        found = None
        for tag in self.lists:
            kept = self.lists[tag]
            if tag == but or kept.whole:
                continue
            if found is None or kept.first < self.lists[found].first:
                found = tag
        if found is None:
            return False
        del self.lists[found]
        self.dropped += 1
        self.free()
        return True

    def _move_up(self):
        """Write the oldest lists anew when a ring that is getting full is mostly of lists that are gone.

        A ring is freed from its oldest record on: a list would hold the room of all that came and went
        beside it. A power cut here leaves lines twice, which is once too many and no harm.
        """
        ring = self._ring
        for tag in self.tags():
            kept = self.lists[tag]
            used = (ring.tail - ring.block_of(max(kept.first, ring.oldest))) % ring.flash.blocks
            gone = ring.next - kept.first
            for each in self.lists:
                gone -= len(self.lists[each].lines)
            if 4 * used < 3 * ring.flash.blocks or gone <= 2 * len(kept.lines):
                return
            seq = ring.next
            for number in sorted(kept.lines):
                if not self._write(tag, kept.name, kept.store, kept.size, kept.lines[number]):
                    return
            kept.first = seq
            self.free()

    def tags(self):
        """The tags of the lists that are kept, in the sequence in which they came."""
        return sorted(self.lists, key=lambda tag: self.lists[tag].first)

    def end(self, tag):
        """A list is over, or was refused; its room is given back by free(), once that is kept."""
        if self.lists.pop(tag, None) is not None:
            self._ended.append(tag)
        self._gone.append(crc32(tag.encode()))
        waits = [crc32(each.encode()) for each in self._ended]
        while len(self._gone) > GONE_MAX and self._gone[0] not in waits:
            self._gone.pop(0)

    def free(self):
        """Give back the room of what is over. Called when the tablet's state is kept: what the ring says
        is over is not there for a state that still has it.
        """
        for _ in range(2):  # a full ring takes the word for it when there is room again
            while self._ended and self._write_end(self._ended[0]):
                self._ended.pop(0)
            first = self._ring.next
            for tag in self.lists:
                first = min(first, self.lists[tag].first)
            self._ring.ack(first - 1)
            if not self._ended:
                return

    def _write_end(self, tag):
        self._writer.reset()
        self._writer.value([tag])
        return self._ring.append(self._buf, self._writer.n)

    def save(self):
        """What must survive a restart: which lists are over."""
        return list(self._gone)
