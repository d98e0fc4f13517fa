"""Cold chain: time and heap of a reading, with one order on the way and with twelve.

`make bench`. A reading is what a board does in a second: an advert of a sensor and a step of time,
with a counter that goes on, so that no advert is a duplicate. Figures of one run on one machine; a board
is slower than both interpreters, and the heap is what counts: 0 B of garbage a reading.
"""

import subprocess
import sys
from pathlib import Path

from interpreters import UNIX, WASM, said_by

from tools.parts.place import ROOT

SCRIPT = """
import gc, time
from firmware.rider.cold import ColdBox

class Order:
    profile = "chilled"
    def __init__(self, name):
        self.name = name

class Journal:
    records = 0
    def record(self, kind, values):
        self.records += 1
        return True

BOX = bytes((0xC4, 0x38, 0, 0, 0, 1))
ADVERTS = [bytes((9, 0x16, 0xD2, 0xFC, 0x40, 0, n, 2, 0x90 + n % 5, 1)) for n in range(256)]

def measure(orders, count):
    journal = Journal()
    box = ColdBox(journal, [(BOX, "box-1")])
    for number in range(orders):
        box.on_order(Order("A%d" % number), "picked_up")
    now_ms = 0
    def second():
        box.on_advert(BOX, ADVERTS[now_ms // 1000 & 255], 10, -60, now_ms)
        box.step(now_ms)
    for _ in range(120):
        second()
        now_ms += 1000
    best = 1e9
    for _ in range(5):
        start = time.time_ns()
        for _ in range(count):
            box.on_advert(BOX, ADVERTS[now_ms // 1000 & 255], 10, -60, now_ms)
            box.step(now_ms)
            now_ms += 1000
        best = min(best, (time.time_ns() - start) / 1000 / count)
    heap = -1
    if hasattr(gc, "mem_alloc"):
        heap = 0
        gc.collect()
        gc.disable()
        for _ in range(30):
            now_ms += 1000
            told = journal.records
            before = gc.mem_alloc()
            box.on_advert(BOX, ADVERTS[now_ms // 1000 & 255], 10, -60, now_ms)
            box.step(now_ms)
            after = gc.mem_alloc()
            if journal.records == told:
                heap = max(heap, after - before)
        gc.enable()
    print(orders, best, heap)

for orders in (0, 1, 12):
    measure(orders, {count})
"""


def read(said: str) -> dict[int, tuple[float, int]]:
    rows = [line.split() for line in said.splitlines() if line.strip()]
    return {int(orders): (float(us), int(heap)) for orders, us, heap in rows}


def on_cpython(text: str) -> str:
    command = [sys.executable, "-c", f"import sys\nsys.path.append({str(ROOT)!r})\n{text}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_time_and_heap_of_a_reading(tmp_path: Path) -> None:
    tables = {"cpython": read(on_cpython(SCRIPT.replace("{count}", "2000")))}
    for part, count in ((UNIX, 2_000), (WASM, 300)):
        tables[part] = read(said_by(part, SCRIPT.replace("{count}", str(count)), tmp_path))
    print()
    print(f"{'a reading and a step':>22} {'orders':>7} {'us':>9} {'heap B':>7}")
    for part, rows in tables.items():
        for orders, (us, heap) in rows.items():
            print(f"{part:>22} {orders:7} {us:9.1f} {'-' if heap < 0 else heap:>7}")
            assert heap <= 0, (part, orders)
