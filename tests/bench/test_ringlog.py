"""Ring logs: a cut at every flash operation of a long run, start-up after it, what a record costs.

`make bench`. The run is the one of tests/firmware/test_ringlog_cuts.py, longer and with more ways to
tear a write. Start-up is measured under MicroPython's unix port on full partitions of a board's size
(128 KiB of evidence, 1 MiB of track, in an image file), after a cut in the middle of a record: not an
ESP32's time.
"""

import statistics
import subprocess

from ring_cuts import body, cut_everywhere, mount, record_run

from firmware.boards.flash import PARTITIONS, partition
from firmware.boards.memory import MemoryFlash
from firmware.system.ringlog import RECORD_HEAD
from tools.parts import require
from tools.parts.place import ROOT

APPENDS = 6_000

SCRIPT = """
import gc, time
from firmware.boards.flash import partition
from firmware.system.ringlog import BUFFER_SIZE, RingLog
buffer = bytearray(BUFFER_SIZE)
for name, kind in (("evidence", 0), ("track", 1)):
    flash = partition({image!r}, name)
    gc.collect()
    start = time.ticks_us()
    ring = RingLog(flash, kind, kind == 1, lambda: 1, buffer)
    print(name, time.ticks_diff(time.ticks_us(), start), ring.next, ring.oldest, gc.mem_alloc())
"""


def test_cuts_at_every_operation():
    for kind, name in enumerate(("evidence", "track")):
        outcome = cut_everywhere(record_run(100 + kind, kind, APPENDS), kind)
        print(
            f"\n{name}: {APPENDS} records, {outcome.operations} flash operations, {outcome.cuts} cuts: "
            f"lost {outcome.lost}, wrong {outcome.wrong}, numbers twice {outcome.reused}, "
            f"stuck {outcome.stuck}; mounted in {1e3 * statistics.median(outcome.mount_s):.2f} ms "
            f"(CPython, 6 blocks of 1 KiB), at most {1e3 * max(outcome.mount_s):.1f}"
        )
        assert (outcome.lost, outcome.wrong, outcome.reused, outcome.stuck) == (0, 0, 0, 0)


def test_what_a_record_costs():
    for kind, name in enumerate(("evidence", "track")):
        for size in (26, 45, 90):
            flash = MemoryFlash(PARTITIONS[name][1])
            ring = mount(flash, kind)
            for seq in range(1, 10_001):
                ring.append(bytes(size), size)
                ring.ack(seq - 50)
            framed = 10_000 * (size + RECORD_HEAD)
            print(
                f"\n{name}, {size} B: {flash.programmed / framed:.3f} of its size with the 6-byte head, "
                f"{flash.programmed / 10_000 / size:.3f} without; {flash.erases} erases per 10,000",
                end="",
            )
    print()


def test_start_up_on_full_partitions(tmp_path):
    image = tmp_path / "flash.img"
    for kind, name in enumerate(("evidence", "track")):
        flash = partition(str(image), name)
        ring = mount(flash, kind)
        seq = 1
        while ring.append(body(seq), len(body(seq))) and not ring.dropped_from:
            seq += 1
        flash.close()
    # The cut: the end of the newest record never reached the track ring.
    flash = partition(str(image), "track")
    ring = mount(flash, 1)
    flash.close()
    cells = image.read_bytes()
    at = cells.rindex(body(ring.next - 1)[:9])
    with image.open("r+b") as file:
        file.seek(at + 6)
        file.write(b"\xff" * 80)
    done = subprocess.run(
        [
            *require("micropython"),
            *("-X", "heapsize=120k", "-c"),
            f"import sys\nsys.path.append({str(ROOT)!r})\n" + SCRIPT.format(image=str(image)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    print()
    for line in done.stdout.splitlines():
        name, us, following, oldest, heap = line.split()
        print(
            f"{name}: full, {int(following) - int(oldest)} records: start-up {int(us) / 1e3:.1f} ms"
        )
        assert int(following) > 1_000, heap
