"""BLE adverts from the interrupt to the loop, and the scan's watch; the HCI scanner that feeds it.

Runs under pytest and under MicroPython.
"""

import gc
import sys

from mutate import Chance, damaged, rounds

from firmware.boards.adverts_ring import SLOTS, AdvertsRing, ScanWatch
from firmware.boards.hci import HciScanner

OURS = bytes((0xC4, 0x38, 0, 0, 0, 1))
OTHER = bytes((0xC4, 0x38, 0, 0, 0, 2))


def taken(ring, now_ms=5):
    found = []
    ring.take(
        lambda address, payload, size, rssi_dbm, at_ms: found.append(
            (address, bytes(payload[:size]), rssi_dbm, at_ms)
        ),
        now_ms,
    )
    return found


def test_what_is_put_in_comes_out_in_order():
    ring = AdvertsRing()
    ring.listen([OTHER, OURS])
    for number in range(100):
        data = bytes((number,)) * (number % 32)
        assert ring.put(memoryview(OURS), -(number % 128), b"xy" + data, 2, len(data))
        assert taken(ring) == [(OURS, data, -(number % 128), 5)]
    assert (ring.heard, ring.foreign, ring.dropped) == (100, 0, 0) and taken(ring) == []


def test_strangers_are_counted_and_kept_out():
    ring = AdvertsRing()
    ring.listen([OURS])
    assert not ring.put(OTHER, -60, b"abc", 0, 3) and ring.put(bytearray(OURS), -60, b"abc", 0, 3)
    assert (ring.heard, ring.foreign) == (2, 1)
    assert taken(ring) == [(OURS, b"abc", -60, 5)]
    ring.listen([])
    assert not ring.put(OURS, -60, b"abc", 0, 3)
    ring.listen(None)
    assert ring.put(OTHER, 20, b"abc", 0, 3) and taken(ring) == [(OTHER, b"abc", 20, 5)]
    # One that was let through before the list changed is not handed out as another's.
    ring.put(OTHER, -1, b"abc", 0, 3)
    ring.listen([OURS])
    assert taken(ring) == []


def test_a_full_ring_drops_the_newest_and_counts_it():
    ring = AdvertsRing()
    for number in range(SLOTS + 9):
        assert ring.put(OURS, -60, bytes((number,)), 0, 1) == (number < SLOTS - 1)
    assert ring.dropped == 10 and ring.heard == SLOTS + 9
    assert [data[0] for _, data, _, _ in taken(ring)] == list(range(SLOTS - 1))
    assert ring.put(OURS, -60, b"z", 0, 1) and taken(ring)[0][1] == b"z"


def test_what_comes_in_while_the_loop_reads_waits_for_the_next_turn():
    ring = AdvertsRing(4)
    ring.put(OURS, -60, b"0", 0, 1)
    seen = []

    def busy(address, payload, size, rssi_dbm, now_ms):
        seen.append(bytes(payload[:size]))
        ring.put(OURS, -60, b"%d" % len(seen), 0, 1)

    ring.take(busy, 0)
    assert seen == [b"0"]
    ring.take(busy, 0)
    assert seen == [b"0", b"1"]


def test_a_long_or_lying_advert_is_cut_to_31_bytes():
    ring = AdvertsRing()
    assert ring.put(OURS, -60, bytes(range(60)), 0, 60) and ring.put(OURS, -60, b"", 0, -5)
    assert [data for _, data, _, _ in taken(ring)] == [bytes(range(31)), b""]


def test_neither_side_leaves_anything_on_the_heap():
    ring = AdvertsRing()
    ring.listen([OTHER, OURS])
    counts = bytearray(1)

    def handler(address, payload, size, rssi_dbm, now_ms):
        counts[0] += 1

    data, address = memoryview(bytes(31)), memoryview(bytearray(OURS))
    ring.put(address, -60, data, 0, 31)
    ring.take(handler, 0)
    if sys.implementation.name != "micropython":
        assert counts[0] == 1
        return
    gc.collect()
    gc.disable()
    try:
        before = gc.mem_alloc()
        ring.put(address, -60, data, 0, 31)
        ring.put(address, -61, data, 0, 31)
        ring.take(handler, 0)
        left = gc.mem_alloc() - before
    finally:
        gc.enable()
    assert left == 0 and counts[0] == 3, left


def test_a_scan_that_hears_nobody_is_started_again_less_and_less_often():
    watch = ScanWatch()
    begun = [now_s for now_s in range(1, 1_500) if watch.due(0, now_s * 1_000)]
    assert begun == [31, 91, 211, 451, 751, 1_051, 1_351], begun
    assert watch.rescans == 7
    assert not watch.due(1, 1_500_000)
    assert not watch.due(1, 1_529_999) and watch.due(1, 1_530_000)
    watch.begin(1_580_000)
    assert not watch.due(1, 1_630_000) and watch.due(1, 1_640_000)


# -- the HCI scanner ----------------------------------------------------------------------------------


class Controller:
    """The other end of the byte stream: answers commands, sends what it is told."""

    def __init__(self):
        self.out = b""
        self.commands = []
        self.chunk = 1_000

    def ready(self):
        return True

    def write(self, data):
        assert data[0] == 1 and len(data) == 4 + data[3]
        self.commands.append(data[1] | data[2] << 8)
        self.out += bytes((4, 0x0E, 4, 1, data[1], data[2], 0))
        return len(data)

    def read_into(self, buf):
        size = min(len(self.out), len(buf), self.chunk)
        if not size:
            return None
        buf[:size] = self.out[:size]
        self.out = self.out[size:]
        return size


def legacy(address, data, rssi_dbm=-60):
    body = bytes((2, 1, 3, 1)) + bytes(reversed(address)) + bytes((len(data),)) + data
    body += bytes((rssi_dbm & 255,))
    return bytes((4, 0x3E, len(body))) + body


def extended(address, data, rssi_dbm=-60):
    body = bytes((0x0D, 1, 0x13, 0, 1)) + bytes(reversed(address)) + bytes((1, 0, 0, 0x7F))
    body += bytes((rssi_dbm & 255,)) + bytes(9) + bytes((len(data),)) + data
    return bytes((4, 0x3E, len(body))) + body


def scan(controller, ring, turns=40, scanner=None):
    scanner = scanner or HciScanner(controller, ring)
    for _ in range(turns):
        scanner.step(0)
    return scanner


def test_the_scan_is_switched_on_and_reports_go_into_the_ring():
    for chunk in (1, 3, 7, 1_000):
        controller, ring = Controller(), AdvertsRing()
        controller.chunk = chunk
        scanner = scan(controller, ring)
        assert controller.commands == [0x0C03, 0x0C01, 0x2001, 0x200B, 0x200C]
        controller.out += legacy(OURS, b"abc", -71) + extended(OTHER, b"defg", -5) + b"\x04\x13\x00"
        scan(controller, ring, 200, scanner)
        assert taken(ring) == [(OURS, b"abc", -71, 5), (OTHER, b"defg", -5, 5)]
        assert scanner.malformed == 0 and ring.heard == 2


def test_a_scan_is_switched_off_and_on_again_with_its_duty():
    controller, ring = Controller(), AdvertsRing()
    scanner = scan(controller, ring)
    scanner.listen(50)
    scan(controller, ring, 20, scanner)
    assert controller.commands[5:] == [0x200C, 0x200B, 0x200C]
    scanner.listen(0)
    scan(controller, ring, 20, scanner)
    assert controller.commands[8:] == [0x200C]


def test_a_report_that_comes_whole_leaves_nothing_on_the_heap():
    controller, ring = Controller(), AdvertsRing()
    ring.listen([OURS])
    scanner = scan(controller, ring)
    frame = legacy(OURS, bytes(31)) + extended(OTHER, bytes(20))

    def read_into(buf):
        for i in range(len(frame)):
            buf[i] = frame[i]
        return len(frame)

    controller.read_into = read_into
    scanner.step(0)
    if sys.implementation.name != "micropython":
        assert ring.heard == 2
        return
    gc.collect()
    gc.disable()
    try:
        before = gc.mem_alloc()
        scanner.step(0)
        scanner.step(0)
        left = gc.mem_alloc() - before
    finally:
        gc.enable()
    assert left == 0 and ring.heard == 6, left


def test_the_controllers_end_of_line_is_told():
    controller, ring = Controller(), AdvertsRing()
    scanner = scan(controller, ring)
    controller.read_into = lambda buf: 0
    try:
        scanner.step(0)
    except OSError:
        return
    raise AssertionError("not told")


def test_fuzz_damaged_reports_never_raise():
    chance = Chance("hci")
    controller, ring = Controller(), AdvertsRing()
    scanner = scan(controller, ring)
    whole = legacy(OURS, b"abc") + extended(OTHER, bytes(40)) + legacy(OTHER, bytes(31))
    for _ in range(rounds(500)):
        controller.out += damaged(whole, chance)
        controller.chunk = 1 + chance.below(200)
        scan(controller, ring, 5, scanner)
        taken(ring)
    assert ring.heard > 0
