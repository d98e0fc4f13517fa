"""A long run of one ring log, cut at every flash operation; shared by the test and the bench.

The run is made once and its flash operations are written down. Then, operation by operation, an image
of the flash as it was before is given a part of the operation (nothing, some bytes, all of it), and a
ring is mounted on it: the power cut at that very place, without running up to it again.
"""

import random
import time
from dataclasses import dataclass, field

from ring_reading import read_all

from firmware.boards.memory import MemoryFlash
from firmware.system.ringlog import BUFFER_SIZE, RingLog

BLOCKS, BLOCK_SIZE = 6, 1024
# How much of the operation under way still happens: clean cuts at both ends, torn ones between.
TORN = (0.0, 0.04, 0.5, 0.97, 1.0)


@dataclass
class Told:
    """What the ring had promised when an operation began."""

    accepted: int
    keep_from: int  # what is older may be gone: acknowledged, or given up and told as a gap


@dataclass
class Outcome:
    """What the cuts came to. `lost`: accepted records gone; `wrong`: read back as something else."""

    operations: int = 0
    cuts: int = 0
    lost: int = 0
    wrong: int = 0
    reused: int = 0  # numbers given out twice
    stuck: int = 0  # rings that took no further record
    mount_s: list[float] = field(default_factory=list)
    programmed: int = 0
    stored: int = 0


class Recorder(MemoryFlash):
    """A flash that writes down its operations as (block, offset, bytes or None for an erase)."""

    def __init__(self, blocks: int, block_size: int):
        super().__init__(blocks, block_size)
        self.log: list[tuple[int, int, bytes | None, Told]] = []
        self.told = Told(0, 1)

    def program(self, block, offset, buf):
        self.log.append((block, offset, bytes(buf), Told(self.told.accepted, self.told.keep_from)))
        super().program(block, offset, buf)

    def erase(self, block):
        self.log.append((block, 0, None, Told(self.told.accepted, self.told.keep_from)))
        super().erase(block)


def body(seq: int) -> bytes:
    """A record whose bytes follow from its number; 12 to 91 of them."""
    size = 12 + seq * 37 % 80
    return (f"{seq:08d}|".encode() + bytes((seq + i) & 255 for i in range(size)))[:size]


def mount(flash, kind: int) -> RingLog:
    return RingLog(flash, kind, kind == 1, lambda: 4711, bytearray(BUFFER_SIZE))


def record_run(seed: int, kind: int, appends: int) -> Recorder:
    """Fill and acknowledge a ring in fits and starts, with restarts in between."""
    dice = random.Random(seed)
    flash = Recorder(BLOCKS, BLOCK_SIZE)
    ring = mount(flash, kind)
    told = flash.told
    while told.accepted < appends:
        if dice.random() < 0.02:
            ring = mount(flash, kind)
        if dice.random() < 0.12 and ring.pending:
            seq = ring.acked + dice.randint(1, ring.pending)
            told.keep_from = max(told.keep_from, seq + 1)
            ring.ack(seq)
        # What an overwrite gives up is given up the moment it begins.
        record = body(ring.next)
        if kind == 1:
            block = (ring.tail + 1) % BLOCKS
            behind = ring.first_of((block + 1) % BLOCKS) if ring.first_of(block) else 0
            told.keep_from = max(told.keep_from, behind)
        if ring.append(record, len(record)):
            told.accepted = ring.next - 1
        else:
            seq = ring.acked + max(1, ring.pending // 2)
            told.keep_from = max(told.keep_from, seq + 1)
            ring.ack(seq)
    return flash


def cut_everywhere(recorder: Recorder, kind: int, torn=TORN) -> Outcome:
    """Cut the power at every operation of a recorded run; returns what came of it."""
    outcome = Outcome(programmed=recorder.programmed)
    image = MemoryFlash(BLOCKS, BLOCK_SIZE)
    scratch = MemoryFlash(BLOCKS, BLOCK_SIZE)
    for block, offset, data, told in recorder.log:
        outcome.operations += 1
        for part in torn:
            scratch.data[:] = image.data
            _apply(scratch.data, block, offset, data, part)
            _judge(scratch, kind, told, outcome)
        _apply(image.data, block, offset, data, 1.0)
    outcome.stored = sum(len(body(seq)) for seq in range(1, recorder.told.accepted + 1))
    return outcome


def _apply(cells: bytearray, block: int, offset: int, data: bytes | None, part: float) -> None:
    start = block * BLOCK_SIZE + offset
    if data is None:
        size = int(BLOCK_SIZE * part)
        cells[start : start + size] = b"\xff" * size
        return
    for i in range(int(len(data) * part)):
        cells[start + i] &= data[i]


def _judge(flash: MemoryFlash, kind: int, told: Told, outcome: Outcome) -> None:
    outcome.cuts += 1
    start = time.perf_counter()
    ring = mount(flash, kind)
    outcome.mount_s.append(time.perf_counter() - start)
    outcome.reused += ring.next <= told.accepted
    found = read_all(ring)
    outcome.lost += sum(seq not in found for seq in range(told.keep_from, told.accepted + 1))
    outcome.wrong += sum(record != body(seq) for seq, record in found.items())
    # It goes on: with room (an ack) the next record is taken and read back.
    ring.ack(told.accepted)
    following = ring.next
    record = body(following)
    taken = ring.append(record, len(record))
    outcome.stuck += not taken or read_all(ring).get(following) != record
