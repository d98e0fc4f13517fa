"""Board to gateway over a line that loses everything it can: every record once, in order."""

from firmware.boards.memory import MemoryFlash
from firmware.system.clock import Clock
from firmware.system.journal import Journal
from firmware.system.ringlog import BUFFER_SIZE, RingLog
from firmware.system.uplink import Uplink
from protocols import messages
from protocols.cbor import Reader, Writer


class Dice:
    """The same numbers under both interpreters."""

    def __init__(self, seed):
        self.state = seed

    def __call__(self, n):
        self.state = (self.state * 1103515245 + 12345) & 0x3FFFFFFF
        return (self.state >> 8) % n


class Line:
    """Stands for mqtt: keeps what was published until the test delivers or drops it."""

    def __init__(self):
        self.up = True
        self.sent = []

    def room(self):
        return self.up and len(self.sent) < 8

    def publish(self, topic, payload, size, qos, now_ms, retain=False):
        if not self.room():
            return -1
        self.sent.append((qos, bytes(payload[:size])))
        return 1


class Gateway:
    """The acceptance rule of the contract, retyped."""

    def __init__(self):
        self.next = {}
        self.accepted = {}
        self.gaps = []

    def take(self, frame):
        """Return the acks that answer a frame."""
        reader = Reader(frame)
        log, oldest, seq = messages.read_frame_head(reader)
        if log == 0:
            answers = []
            while reader.more():
                kind, _, values, _ = messages.check_record(reader.read())
                if kind == messages.HELLO:
                    for each in values["logs"]:
                        self.move(each[0], each[2])
                        answers.append((each[0], self.next[each[0]] - 1))
            return answers
        self.move(log, oldest)
        while reader.more():
            item = reader.read()
            if seq > self.next[log]:
                break
            if seq == self.next[log]:
                kind, _, values, _ = messages.check_record(item)
                assert kind is not None, values
                self.accepted.setdefault(log, []).append((seq, kind, values))
                self.next[log] = seq + 1
            seq += 1
        return [(log, self.next[log] - 1)]

    def move(self, log, oldest):
        expected = self.next.setdefault(log, 1)
        if oldest > expected:
            self.gaps.append((log, expected, oldest - 1))
            self.next[log] = oldest


class Board:
    def __init__(self, flashes, dice, line):
        self.now = 0
        self.clock = Clock(lambda: self.now, lambda new, old: new - old)
        buffer = bytearray(BUFFER_SIZE)
        rings = [
            RingLog(flashes[kind], kind, kind == messages.TRACK, lambda: 1 + dice(1 << 29), buffer)
            for kind in (0, 1)
        ]
        self.journal = Journal(rings[0], rings[1], self.clock, 1)
        self.uplink = Uplink(line, self.journal, b"up", self.hello, lambda w: False, dice)

    def hello(self, writer):
        logs = [[ring.log, ring.kind, ring.oldest, ring.next] for ring in self.journal.rings]
        values = {"logs": logs, "boot": 1, "tick_ms": self.clock.now_ms}
        messages.put_record(writer, messages.HELLO, self.journal.stamp(), values)

    def order(self, number):
        return self.journal.record(messages.ORDER, {"order": "A%d" % number, "state": "assigned"})

    def temp(self, number):
        return self.journal.record(
            messages.TEMP, {"sensor": b"\x01" * 6, "temp_cc": 400, "adverts": number}
        )

    def step(self, ms=50):
        self.now += ms
        self.clock.tick()
        while self.uplink.step(self.clock.now_ms):
            pass

    def ack(self, log, seq):
        writer = Writer(bytearray(24))
        messages.put_ack(writer, log, seq)
        self.uplink.on_ack(bytes(writer.buf[: writer.n]), self.clock.now_ms)


def new_flashes():
    return [MemoryFlash(8), MemoryFlash(16)]


def exchange(board, line, gateway, dice, loss, acks):
    """Deliver what is on the line, lose `loss` percent of it and of the answers."""
    while line.sent:
        _, frame = line.sent.pop(0)
        if dice(100) < loss:
            continue
        for answer in gateway.take(frame):
            if dice(100) >= loss:
                acks.append(answer)
    while acks:
        log, seq = acks.pop(0)
        board.ack(log, seq)


def run(seed, loss, steps=400, forge=None):
    dice = Dice(seed)
    line, gateway = Line(), Gateway()
    flashes = new_flashes()
    board = Board(flashes, dice, line)
    board.uplink.on_up(0)
    written = [0, 0]
    acks = []
    for _ in range(steps):
        if dice(3) == 0:
            written[0] += board.order(written[0] + 1)
        written[1] += board.temp(written[1] + 1)
        board.step()
        if forge is not None:
            forge(board, dice)
        exchange(board, line, gateway, dice, loss, acks)
        if dice(40) == 0:  # the broker goes away with all that was on its way
            line.sent.clear()
            board.uplink.on_up(board.clock.now_ms)
        if dice(80) == 0:  # the board restarts; its flash stays
            line.sent.clear()
            now = board.now
            board = Board(flashes, dice, line)
            board.now = now
            board.clock.tick()
            board.uplink.on_up(board.clock.now_ms)
    for _ in range(2_000):
        board.step(100)
        exchange(board, line, gateway, dice, loss, acks)
        if not (board.journal.rings[0].pending or board.journal.rings[1].pending):
            break
    return board, gateway, written


def test_nothing_is_lost_nothing_is_twice_and_order_is_kept():
    for seed in range(8):
        board, gateway, written = run(seed, (0, 10, 30)[seed % 3])
        assert gateway.gaps == [], seed
        for kind in (0, 1):
            ring = board.journal.rings[kind]
            got = gateway.accepted[ring.log]
            assert [each[0] for each in got] == list(range(1, written[kind] + 1)), (seed, kind)
            name, value = ("order", "A%d") if kind == 0 else ("adverts", None)
            for seq, _, values in got:
                assert values[name] == (value % seq if value else seq), (seed, seq)
            assert ring.pending == 0


def test_evidence_overtakes_a_backlog():
    line, gateway, dice = Line(), Gateway(), Dice(1)
    board = Board(new_flashes(), dice, line)
    for number in range(1, 500):
        board.temp(number)
    board.uplink.on_up(0)
    board.step()
    exchange(board, line, gateway, dice, 0, [])
    board.order(1)
    board.step()
    frames = [messages.read_frame_head(Reader(frame)) for _, frame in line.sent]
    assert frames[0][0] == board.journal.rings[0].log


def test_nothing_is_sent_before_the_gateway_has_answered():
    line, dice = Line(), Dice(1)
    board = Board(new_flashes(), dice, line)
    board.temp(1)
    board.uplink.on_up(0)
    for _ in range(20):
        board.step()
    assert len(line.sent) == 1  # the hello
    for _ in range(100):
        board.step()
    assert len(line.sent) == 2  # and again after 5 s


def test_an_overwritten_ring_goes_on_and_tells_the_gap():
    line, gateway, dice = Line(), Gateway(), Dice(1)
    board = Board([MemoryFlash(4), MemoryFlash(3)], dice, line)
    for number in range(1, 2_000):
        board.temp(number)
    ring = board.journal.rings[1]
    oldest = ring.oldest
    assert oldest > 1
    board.uplink.on_up(0)
    for _ in range(200):
        board.step()
        exchange(board, line, gateway, dice, 0, [])
    assert ring.pending == 0
    assert ring.logs_begun == 0  # the hello told how far it has gone on: that ack is no surprise
    assert gateway.gaps == [(ring.log, 1, oldest - 1)]
    told = [values for _, kind, values in gateway.accepted[ring.log] if kind == messages.GAP]
    assert told[-1]["to_seq"] == oldest - 1
    assert all(each["why"] == "overwritten" for each in told)


def test_a_record_damaged_on_the_flash_does_not_stop_the_log():
    line, gateway, dice = Line(), Gateway(), Dice(1)
    flashes = new_flashes()
    board = Board(flashes, dice, line)
    for number in range(1, 400):
        board.temp(number)
    for i in range(24 + 6 + 2, 24 + 6 + 8):  # in the first record of the second sector
        flashes[1].data[4096 + i] = 0
    hole = board.journal.rings[1].first_of(1)
    board.uplink.on_up(0)
    for _ in range(300):
        board.step()
        exchange(board, line, gateway, dice, 0, [])
        if not board.journal.rings[1].pending:
            break
    ring = board.journal.rings[1]
    assert ring.pending == 0
    assert gateway.gaps == [(ring.log, hole, hole)]
    got = [each[0] for each in gateway.accepted[ring.log]]
    assert got == list(range(1, hole)) + list(range(hole + 1, ring.next))


def test_a_gateway_restored_from_yesterday_goes_on():
    line, gateway, dice = Line(), Gateway(), Dice(1)
    board = Board(new_flashes(), dice, line)
    board.uplink.on_up(0)
    for number in range(1, 600):
        board.temp(number)
        board.step()
        exchange(board, line, gateway, dice, 0, [])
    old = Gateway()  # knows nothing of all that
    board.uplink.on_up(board.clock.now_ms)
    board.temp(600)
    for _ in range(100):
        board.step()
        exchange(board, line, old, dice, 0, [])
    ring = board.journal.rings[1]
    assert ring.pending == 0
    assert old.accepted[ring.log][-1][2]["adverts"] == 600
    assert len(old.gaps) == 1


def test_a_new_ring_is_a_new_log():
    line, gateway, dice = Line(), Gateway(), Dice(1)
    board = Board(new_flashes(), dice, line)
    for number in range(1, 50):
        board.temp(number)
    board.uplink.on_up(0)
    for _ in range(50):
        board.step()
        exchange(board, line, gateway, dice, 0, [])
    first = board.journal.rings[1].log
    board = Board(new_flashes(), dice, line)  # the flash was wiped
    board.temp(1)
    board.uplink.on_up(0)
    for _ in range(50):
        board.step()
        exchange(board, line, gateway, dice, 0, [])
    assert board.journal.rings[1].log != first
    assert len(gateway.accepted[board.journal.rings[1].log]) == 1
    assert gateway.gaps == []


def test_acks_that_are_not_about_us_are_ignored():
    line, dice = Line(), Dice(1)
    board = Board(new_flashes(), dice, line)
    board.temp(1)
    board.uplink.on_up(0)
    board.step()
    line.sent.clear()
    ring = board.journal.rings[1]
    for log, seq in ((ring.log + 1, 1), (ring.log + 1, 900), (0, 0)):
        board.ack(log, seq)
    board.uplink.on_ack(b"\xff\xff", 0)
    board.uplink.on_ack(b"", 0)
    board.step()
    assert ring.acked == 0 and line.sent == [] and ring.logs_begun == 0
