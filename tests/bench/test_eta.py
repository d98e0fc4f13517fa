"""What a position costs in riding times, alerts, risk and overspeed: time and heap on a board's VMs.

`make bench`. Figures of one run on one machine; the budget is 0 bytes of heap a position and, on the
unix port, 1 ms with twelve open orders: a board is some 50 times slower and gets one position a second.
"""

from interpreters import UNIX, WASM, said_by

from tools.parts.place import ROOT

SHARED = ROOT / "tests" / "shared"
SCRIPT = """
import gc, time
from doorsteps import Journal, Order, Rider
from firmware.rider.outlook import Outlook

def go(orders, count):
    stops = [(Order("A%d" % n, 30_000 + 200 * n, due_s=80_000), True) for n in range(orders)]
    rider = Rider(Outlook(Journal()), stops)
    for second in range(100):
        rider.at(500 * second, 5_000)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    start = time.ticks_us()
    for second in range(count):
        rider.at(50_000 + 500 * second, 5_000)
    took_us = time.ticks_diff(time.ticks_us(), start)
    print(orders, took_us / count, gc.mem_alloc() - before)
    gc.enable()

for orders in (0, 1, 12):
    go(orders, 2000)
"""


def show(name: str, said: str) -> None:
    for line in said.splitlines():
        orders, took_us, heap_bytes = line.split()
        print(f"  {name:12} {orders:>2} orders: {float(took_us):7.1f} us, {heap_bytes} B of heap")


def test_a_position_on_a_boards_interpreters(tmp_path):
    print("\na position a second, 2,000 of them, risk judged every fifth")
    show("32-bit build", said_by(WASM, SCRIPT, tmp_path))
    show("unix port", said_by(UNIX, SCRIPT, tmp_path, "4m"))
