"""A shop, a board with a power switch, and what must hold of any run of the guide; both interpreters."""

from mutate import damaged  # noqa: F401 (what tests of the guide draw from)

from ar_picking.guide.shop import Shop, map_crc
from ar_picking.guide.tablet import Tablet
from firmware.boards.memory import MemoryFlash
from firmware.picker import mapfile, maps
from firmware.system import config
from protocols import messages
from protocols.cbor import Reader, Writer
from protocols.commands import PICKLIST, put_command

PARTITIONS = {"evidence": 6, "track": 3, "state": 6, "lists": 4}  # blocks
CONFIG = {"version": 1, "device": "picker-1", "kind": "picker", "brokers": [["box", 1]]}


EDGES = [
    [0, 1, 100],
    [2, 3, 100],
    [4, 5, 100],
    [0, 2, 40],
    [1, 3, 40],
    [2, 4, 40],
    [3, 5, 40],
    [4, 6, 40],
]


def graph():
    """Three aisles of 10 m between two cross-aisles, 4 m apart, and a dead end; the third is frozen."""
    made, reason = maps.from_map(
        {
            "junctions": [[0, 0], [0, 100], [40, 0], [40, 100], [80, 0], [80, 100], [120, 0]],
            "edges": EDGES,
            "zone": [0, 0, 2, 0, 0, 0, 0, 0],
            "depot": 0,
        }
    )
    assert made, reason
    return made


# name -> (edge, offset_dm, markers, x_mm, y_mm, zone, sku, barcode); 691 lies in three bins, 694 in two
BINS = {
    "A1-01-1": (0, 20, (1,), 0, 2000, 0, "690", "4006381333931"),
    "A1-02-1": (0, 60, (2, 12), 0, 6000, 0, "691", "0012345678905"),
    "A2-01-1": (1, 20, (3,), 4000, 2000, 0, "692", ""),
    "A2-02-1": (1, 90, (4,), 4000, 9000, 0, "691", "0012345678905"),
    "A2-03-1": (1, 90, (), 4000, 9000, 0, "693", ""),  # no marker
    "A3-01-1": (2, 30, (5,), 8000, 3000, 2, "694", "694694"),
    "A3-02-1": (2, 70, (6, 7), 8000, 7000, 2, "691", "0012345678905"),
    "D1-01-1": (7, 30, (8,), 11000, 0, 0, "694", "694694"),  # in the dead end
}
MAP_CRC = map_crc(mapfile.pack(graph()))
NAMES = sorted(BINS)
CODES = [BINS[name][6] for name in NAMES] + ["4006381333931", "012345678905", "694694", "?", ""]


def shop():
    return Shop(graph(), BINS, "demo", {"frozen_dm": 900, "handling_dm": 5}, MAP_CRC)


def draw_list(chance, name, most=6):
    """A list of one to three orders; some lines heavy, some with a substitute."""
    lines = []
    for number in range(1, 2 + chance.below(most)):
        bin_name = chance.pick(NAMES)
        line = {
            "line": number,
            "order": "A{}".format(1 + chance.below(3)),
            "sku": BINS[bin_name][6],
            "name": "可乐",
            "bin": bin_name,
            "qty": 1 + chance.below(3),
        }
        if chance.below(4) == 0:
            line["heavy"] = True
        if chance.below(3) == 0:
            other = chance.pick(NAMES)
            if BINS[other][6] != line["sku"]:
                line["substitute"] = {"sku": BINS[other][6], "name": "x", "bin": other, "qty": 2}
        if not [one for one in lines if (one["order"], one["bin"]) == (line["order"], bin_name)]:
            lines.append(line)
    return {"list": name, "store": "demo", "lines": lines}


def draw_event(chance, guide):
    """Any event, the sensible ones more often."""
    line = guide.line()
    kind = chance.below(24)
    if line and kind < 8:
        markers = BINS[line["bin"]][2]
        marker = chance.pick(markers) if markers and chance.below(5) else chance.below(14)
        return {"type": "seen", "marker": marker, "distance_mm": 150 + chance.below(1500)}
    if kind < 11:
        return {"type": "tap"}
    if kind < 13:
        right = [line["bin"], line["sku"], "SLOT-{}".format(line["slot"])] if line else ["x"]
        wrong = CODES + NAMES + ["SLOT-1", "SLOT-2", "SLOT-x", None, 7, "x" * 70]
        return {"type": "scan", "code": chance.pick(right if chance.below(3) else wrong)}
    if kind == 13:
        return {"type": "count", "qty": chance.pick((1, 2, 3, -1, None, True))}
    if kind == 14:
        return {"type": "put", "slot": chance.pick((1, 2, 3, 0, None, "1"))}
    if kind == 15:
        return {"type": "short", "found": chance.pick((0, 0, 1, 2, 3, None))}
    if kind == 16:
        return {"type": "substitute", "accept": chance.pick((True, True, False, None))}
    if kind == 17:
        return {"type": chance.pick(("skip", "undo", "undo"))}
    if kind == 18:
        return {"type": chance.pick(("blocked", "open"))}
    if kind == 19:
        if chance.below(3):
            return {"type": chance.pick((None, "", "x", 3)), "on": 1}
        return {"type": "manual", "on": chance.pick((True, False, False, None))}
    if kind == 20:
        name = chance.pick(("bin", "item", "qty", "put"))
        return {"type": "confirm", name: chance.pick((True, True, False, 1))}
    # up to a wall's width beside the aisles, now and then at the exit
    x_mm, y_mm = chance.pick(((chance.below(9000) - 500, chance.below(11000) - 500), (0, 100)))
    return {"type": "at", "x_mm": x_mm, "y_mm": y_mm}


def facts(guide):
    """What a restart may not change, of a guide."""
    lines = guide.lines
    over = guide.state in ("done", "idle")
    # which line is next may change with the plan, as long as nothing of it is done
    begun = guide.done or guide.propose is not None
    return [
        "over" if over else guide.state,
        None if over else lines.name,
        None if over else lines.save(),
        [guide.current if begun else -1, guide.done, guide.checks, guide.pieces, guide.propose],
        [guide.confirm[name] for name in ("bin", "item", "qty", "put")] + [guide.manual],
        list(guide.blocked),
        [each["list"] for each in guide.waiting],
        list(guide.known),
    ]


class Board:
    """Hardware with a clock to turn, flash in memory, and no network."""

    def __init__(self):
        self.flash = {}
        for name in PARTITIONS:
            self.flash[name] = MemoryFlash(PARTITIONS[name])
        self.now_ms = 1000
        self.boots = 0

    def ticks_ms(self):
        return self.now_ms

    def ticks_diff(self, a, b):
        return a - b

    def random(self, n):
        return n - 1

    def new_id(self):
        return 77

    def utc(self):
        return 2517, self.now_ms

    def implementation(self):
        return "test"

    def partition(self, name):
        return self.flash[name]

    def count_boot(self):
        self.boots += 1
        return self.boots

    def open_stream(self, host, port, tls=None):
        raise OSError(101, "no network")

    def cut(self, operations, torn):
        """Let the power fail in the operation behind so many more, on whichever partition it is."""
        switch = Switch(self, operations)
        for name in self.flash:
            flash = self.flash[name]
            flash.torn = torn
            flash._operation = switch.of(flash)

    def power_on(self):
        for name in self.flash:
            flash = self.flash[name]
            if "_operation" in flash.__dict__:
                del flash._operation
            flash.power_on()


class Switch:
    """One power switch for all partitions."""

    def __init__(self, board, operations):
        self.board = board
        self.left = operations

    def of(self, flash):
        kind = MemoryFlash._operation

        def operation(size):
            if self.left == 0:
                flash.cut_at = 0
                done = kind(flash, size)
                for name in self.board.flash:
                    self.board.flash[name]._off = True
                return done
            self.left -= 1
            return kind(flash, size)

        return operation


def tablet(board, on_entry=None):
    return Tablet(board, config.check(CONFIG), shop(), on_entry)


def settled(device):
    """Let a tablet plan until it has planned."""
    for _ in range(4000):
        if not device.step():
            return
    raise AssertionError("planning does not end")


def entries(device):
    """The pick entries that the evidence ring holds: [(event, fields)]."""
    found = []
    reader = device.evidence.reader(1)
    buf = bytearray(1024)
    while True:
        size = reader.read_into(buf, 0, 1024)
        if size == 0:
            return found
        if size > 0:
            kind, _, values, unknown = messages.check_record(Reader(buf, 0, size).read())
            assert kind is not None and not unknown, values
            if kind == messages.PICK:
                found.append((values["event"], values))


def commands_of(obj, tag):
    """The commands of a list, one a line, as gateway.orders.intake makes them: [bytes]."""
    out = []
    for line in obj["lines"]:
        values = {"list": obj["list"], "store": "demo", "lines": len(obj["lines"])}
        for key in ("line", "order", "sku", "name", "bin", "qty", "heavy"):
            if key in line:
                values[key] = line[key]
        for key in line.get("substitute", {}):
            values["other_" + key] = line["substitute"][key]
        writer = Writer(bytearray(1000))
        put_command(writer, "p-{}-{}".format(tag, line["line"]), 65000, 0, PICKLIST, values)
        assert not writer.full
        out.append(bytes(writer.buf[: writer.n]))
    return out


def check_journal(found, lists):
    """Each line of a list ends exactly once, what was taken back not counted."""
    begun = []
    over = set()
    ends = {}
    for event, fields in found:
        name = fields["list"]
        if event in ("list_refused", "list_taken"):
            continue
        if event == "list_started":
            assert name not in begun, name
            begun.append(name)
            continue
        assert name == begun[-1] and name not in over, (event, fields)
        if event == "list_done":
            over.add(name)
            counted = [kind for kind, _ in [ends[key] for key in ends if key[0] == name]]
            assert len(counted) == len(lists[name]["lines"]), (fields, ends)
            assert fields["short"] == counted.count("short")
            assert fields["picked"] + fields.get("substituted", 0) == counted.count("picked")
            continue
        key = (name, fields.get("line"))
        if event in ("picked", "short"):
            assert key not in ends, (event, fields)
            ends[key] = (event, fields)
            if event == "short":
                assert 0 <= fields["found"] < fields["qty"]
        elif event == "undone" and fields["undid"] in ("picked", "short"):
            assert ends.pop(key)[0] == fields["undid"]
        elif event in ("bin_confirmed", "substituted", "skipped"):
            assert key not in ends, (event, fields)
    return begun, over
