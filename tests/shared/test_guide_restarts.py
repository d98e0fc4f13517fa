"""Given a tablet whose power fails at any flash operation, when it starts again, then it stands where
it stood: before the event or behind it, no pick lost, no list picked twice, no list forgotten.
"""

import sys

from guide_world import (
    Board,
    check_journal,
    commands_of,
    draw_event,
    draw_list,
    entries,
    facts,
    settled,
    tablet,
)
from mutate import Chance, rounds

from firmware.boards.memory import PowerCut

RUNS = rounds(10 if sys.implementation.name == "cpython" else 2)


class Life:
    """A tablet over many starts, the platform that sends it lists, and the journal as it was written."""

    def __init__(self, chance):
        self.chance = chance
        self.board = Board()
        self.device = tablet(self.board)
        self.lists = {}
        self.sent = {}  # list -> its commands
        self.book = []
        self.cuts = self.events = 0

    def collect(self):
        """Take what is new in the ring into the book; then the gateway may acknowledge some of it."""
        ring = self.device.evidence
        first = getattr(self, "_seq", 1)
        if ring.next > first:
            self.book += entries_from(self.device, first)
            self._seq = ring.next
        if self.chance.below(3) == 0 and ring.next > 1:
            ring.ack(ring.acked + self.chance.below(ring.next - ring.acked))

    def begun(self):
        answers = ("list_taken", "list_started", "list_refused")
        return [f["list"] for e, f in self.book if e in answers]

    def deliver(self, losses):
        """The platform sends what no record has answered yet, and sometimes what was answered."""
        begun = self.begun()
        for name in self.sent:
            if name in begun and self.chance.below(4):
                continue
            rows = list(self.sent[name])
            while rows:
                row = rows.pop(self.chance.below(len(rows)))
                if losses and self.chance.below(4) == 0:
                    continue
                for _ in range(1 + (self.chance.below(5) == 0)):
                    self.device.device.commands.on_message(row)

    def again(self):
        """Power off and on."""
        self.board.power_on()
        self.device = tablet(self.board)

    def do(self, burst):
        """Give the tablet something to do while the power may fail: it is as before, or as behind it."""
        chance, board = self.chance, self.board
        stood = facts(self.device.guide)
        self.again()
        assert facts(self.device.guide) == stood  # what an event did is on the flash on its return
        settled(self.device)
        self.collect()
        other = Board()
        for name in board.flash:
            other.flash[name].data[:] = board.flash[name].data
        other.now_ms = board.now_ms
        twin = tablet(other)
        settled(twin)
        before = facts(self.device.guide)
        assert facts(twin.guide) == before
        states = [before]
        twin.guide._journal = watched(twin, states, twin.guide._journal)
        burst(twin, other, lambda: states.append(facts(twin.guide)))
        board.cut(chance.below(9), chance.pick((0.0, 0.5, 0.9, 1.0)))
        cut = False
        try:
            burst(self.device, board, lambda: None)
        except PowerCut:
            cut = True
            self.cuts += 1
        board.power_on()
        if not cut:
            assert facts(self.device.guide) == states[-1]
        else:
            self.device = tablet(board)
            assert facts(self.device.guide) in states, (facts(self.device.guide), states)
        self.collect()


def watched(twin, states, journal):
    """Note the state behind each entry: an event that writes two may be cut between them."""

    def write(event, fields):
        states.append(facts(twin.guide))
        return journal(event, fields)

    return write


def entries_from(device, seq):
    found = entries(device)
    return found[len(found) - count_from(device, seq) :] if found else []


def count_from(device, seq):
    """How many pick entries the ring holds from number `seq` on."""
    from firmware.system.ringlog import RECORD_MAX
    from protocols import messages
    from protocols.cbor import Reader

    reader = device.evidence.reader(seq)
    buf = bytearray(RECORD_MAX)
    count = 0
    while True:
        size = reader.read_into(buf, 0, RECORD_MAX)
        if size == 0:
            return count
        if size > 0 and messages.check_record(Reader(buf, 0, size).read())[0] == messages.PICK:
            count += 1


def burst_of(chance, guide):
    """Some events in a row, as a function of a tablet and its board."""
    rows = []
    for _ in range(1 + chance.below(2)):
        event = draw_event(chance, guide)
        rows += [event] * (3 if event["type"] == "seen" else 1)

    def burst(device, board, note):
        for event in rows:
            board.now_ms += 60
            device.event(event)
            note()

    return burst


def finish(life):
    """A diligent picker does what the screen says until nothing is left."""
    for _ in range(3000):
        device = life.device
        settled(device)
        life.collect()
        guide = device.guide
        view = guide.view()
        life.board.now_ms += 2000
        if view["state"] in ("idle", "done"):
            if not view["waiting"]:
                return
            continue
        line = view["line"]
        event = {"type": "tap"}
        if view["propose"]:
            event = {"type": "substitute", "accept": bool(life.chance.below(2))}
        elif view["hint"]["code"] == "way_blocked":
            event = {"type": "open"}
        elif view["step"] == "bin":
            event = {"type": "scan", "code": line["bin"]}
        elif view["step"] == "item":
            event = {"type": "scan", "code": line["sku"]}
        elif view["step"] == "qty":
            event = {"type": "count", "qty": line["qty"]}
        elif view["step"] == "put":
            event = {"type": "put", "slot": line["slot"]}
        reason = device.event(event)
        assert reason is None, (event, reason, view)
    raise AssertionError("the lists do not end")


def one_life(chance):
    life = Life(chance)
    for number in range(14):
        if number in (0, 5):
            name = "L{}".format(len(life.lists) + 1)
            life.lists[name] = draw_list(chance, name, 5)
            life.sent[name] = commands_of(life.lists[name], "tag" + name)
        if life.lists and chance.below(3) == 0:
            rows = [chance.pick(life.sent[name]) for name in life.sent for _ in range(3)]

            def burst(device, board, note, rows=rows):
                for row in rows:
                    device.device.commands.on_message(row)
                    note()
                board.now_ms += 50
                settled(device)
                note()

            life.do(burst)
        life.deliver(True)
        life.collect()
        life.do(burst_of(chance, life.device.guide))
        for _ in range(chance.below(12)):
            life.board.now_ms += chance.pick((40, 66, 300, 700))
            life.device.event(draw_event(chance, life.device.guide))
            life.events += 1
            if chance.below(2):
                settled(life.device)
            life.collect()
    for _ in range(3):
        life.deliver(False)
        life.device.step()
        life.collect()
    life.device.event({"type": "open"})
    finish(life)
    life.again()
    finish(life)
    begun, over = check_journal(life.book, life.lists)
    assert sorted(begun) == sorted(life.lists) and over == set(begun), (begun, over)
    for name in life.lists:  # sent once more, behind the end
        for row in life.sent[name]:
            life.device.device.commands.on_message(row)
    settled(life.device)
    life.collect()
    assert check_journal(life.book, life.lists)[0] == begun
    assert life.device.guide.state in ("done", "idle") and not life.device.lists.lists
    return life


def test_no_power_cut_loses_a_pick_or_picks_one_twice():
    chance = Chance("guide: restarts")
    cuts = events = 0
    for _ in range(RUNS):
        life = one_life(chance)
        cuts += life.cuts
        events += life.events
    print("guide:", RUNS, "lives,", cuts, "cuts,", events, "events between them")
    assert cuts or RUNS < 4
