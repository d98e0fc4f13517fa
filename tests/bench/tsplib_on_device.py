"""Runs under MicroPython and CPython: tsplib_on_device.py CODE TABLE MS..; prints figures as key=value.

CODE is the folder with our packages; TABLE a text: the number of stops, then the table of distances row
by row, start and end last. For each budget in ms, counted from before the first order: the length found.
"""

# ruff: noqa: UP031 - MicroPython has no string methods for that
import gc
import sys
import time

sys.path.insert(0, sys.argv[1])
from firmware.picker.search.distances import Distances  # noqa: E402
from firmware.picker.search.ladder import Search  # noqa: E402

if hasattr(time, "ticks_us"):

    def since_us(began):
        return time.ticks_diff(time.ticks_us(), began)

    now_us = time.ticks_us
else:

    def now_us():
        return time.perf_counter_ns() // 1000

    def since_us(began):
        return now_us() - began


with open(sys.argv[2]) as file:
    numbers = [int(word) for word in file.read().split()]
n = numbers[0]
table = Distances(n)
for i in range((n + 1) * (n + 1)):
    table.d[i] = numbers[i + 1]
del numbers
gc.collect()
before = gc.mem_alloc() if hasattr(gc, "mem_alloc") else 0
began = now_us()
search = Search(table, exact_stops=0, kicks=1 << 29)
print("first_us=%d" % since_us(began))
print("first=%d" % search.length_dm)
going = True
longest = 0
for budget in sys.argv[3:]:
    while going:
        at = now_us()
        if at - began >= 1000 * int(budget):
            break
        going = search.step()
        longest = max(longest, since_us(at))
    print("at_%s=%d" % (budget, search.length_dm))
print("step_us=%d" % longest)
gc.collect()
print("heap_bytes=%d" % (gc.mem_alloc() - before if hasattr(gc, "mem_alloc") else 0))
