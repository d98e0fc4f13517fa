"""The track reporter and the live message: bytes and messages an hour, time and heap per fix.

`make bench`. The rival in the same run: a position every 5 s, in metres, as zigzag varints of second
differences. What the best choice of samples off line costs in layout 2 is printed by
tests/protocols/test_track_rides.py. The rides are the real tracks (O2O_SHARED), else a generated one.
"""

import math
from pathlib import Path

from interpreters import UNIX, WASM, said_by

from tools.parts.place import shared_dir
from tools.track import Measured, Sample, measure, read_rides, report

SCRIPT = """
import gc, time
from array import array
from firmware.rider.estimate import RIDE, Estimate
from firmware.rider.live import Live
from firmware.rider.reporter import Reporter

ROWS = {rows!r}

class Journal:
    def begin(self, kind, fields, day, ms):
        return self
    def integer(self, value):
        pass
    def octets(self, value):
        pass
    def commit(self, kind):
        return True

gc.collect()
before = gc.mem_alloc()
reporter = Reporter(Journal())
gc.collect()
print("reporter-object", 0, gc.mem_alloc() - before)
before = gc.mem_alloc()
live = Live((3000, 3000, 3000))
gc.collect()
print("live-object", 0, gc.mem_alloc() - before)

estimate = Estimate()
estimate.valid = True
estimate.motion = RIDE
columns = [array("i", column) for column in ROWS]

def run(take, k):
    estimate.t_ms = estimate.ms = columns[0][k]
    estimate.lat[0], estimate.lat[1] = columns[1][k], columns[2][k]
    estimate.lon[0], estimate.lon[1] = columns[3][k], columns[4][k]
    take(estimate)

def nothing(estimate):
    pass

estimate.day = 2500
best = [1e9, 1e9, 1e9]
for turn in range(3):
    for which in range(3):
        take = (nothing, reporter.take, live.take)[which]
        gc.collect()
        start = time.time_ns()
        for k in range(len(columns[0])):
            run(take, k)
        best[which] = min(best[which], (time.time_ns() - start) / 1000 / len(columns[0]))
        if which == 1:
            reporter.close()
    estimate.day += 1
for name, which in (("reporter", 1), ("live", 2)):
    heap = 0
    owner = (reporter, live)[which - 1]
    take = owner.take
    gc.collect()
    gc.disable()
    for k in range(len(columns[0])):
        base = owner._base
        held = gc.mem_alloc()
        run(take, k)
        if k and owner._base is base:  # a new line, and a base every few km, are events
            heap = max(heap, gc.mem_alloc() - held)
    gc.enable()
    print(name, best[which] - best[0], heap)
"""


def rides():
    """Return {name: path or None}, real ones where they are here."""
    shared = shared_dir()
    if shared is None:
        return {"generated": None}
    return {path.stem: path for path in sorted((shared / "data/tracks").glob("*.csv"))}


def generated():
    rows = []
    for k in range(3_600):
        way_m = 6 * (k - max(0, k % 300 - 240))
        rows.append(
            (
                k * 1000,
                312_300_000 + way_m * 90,
                1_214_700_000 + round(6_000 * math.sin(way_m / 200)),
            )
        )
    return [(None, [Sample(t, lat, lon, str(t / 1000)) for t, lat, lon in rows])]


def test_bytes_and_messages():
    print("\nbound 10 m, live bound 30 m; per hour of riding")
    print(f"  {'':22} vertices  line B  all B  messages  worst m  live m | 5 s: B")
    for name, path in rides().items():
        if path is None:
            parts = generated()
        else:
            with path.open(encoding="utf-8") as file:
                parts = list(read_rides(file))
        total = Measured()
        for _, samples in parts:
            measure(samples, report(samples, 1_000, 3_000), 30, total)
        told = total.as_object()
        hours = told["hours"]
        print(
            f"  {name:22} {told['vertices_per_hour']:8.1f} {told['bytes_per_hour']:7.1f}"
            f" {told['message_bytes_per_hour']:6.0f} {told['messages_per_hour']:9.1f}"
            f" {told['max_error_m']:8.2f} {told['live_error_m']:7.2f}"
            f" | {sum(every_5_s(samples) for _, samples in parts) / hours:6.0f}"
        )


def every_5_s(samples):
    """Return the bytes of a position every 5 s in metres, as varints of second differences."""
    size, last, step, due = 12, None, (0, 0, 0), 0
    for t_ms, lat, lon, _ in samples:
        if t_ms < due:
            continue
        due = t_ms + 5_000
        here = (t_ms // 1000, lat // 90, lon // 90)
        if last is not None:
            now = tuple(a - b for a, b in zip(here, last, strict=True))
            for a, b in zip(now, step, strict=True):
                size += max(1, -(-((abs(a - b) * 2).bit_length()) // 7))
            step = now
        last = here
    return size


def test_time_and_heap_per_fix(tmp_path: Path):
    path = rides().get("london_bike")
    samples = generated()[0][1]
    if path is not None:
        with path.open(encoding="utf-8") as file:
            samples = next(read_rides(file))[1]
    samples = samples[:850]  # one line: its start and its record are events
    rows = [[], [], [], [], []]
    for sample in samples:
        rows[0].append(sample.t_ms)
        for k, value in ((1, sample.lat_e7), (3, sample.lon_e7)):
            sign = -1 if value < 0 else 1
            rows[k].append(sign * (abs(value) // 10_000_000))
            rows[k + 1].append(sign * (abs(value) % 10_000_000))
    print(
        f"\nper fix, {len(samples)} fixes: us (interpreted), bytes of heap left behind; objects in bytes"
    )
    for part in (UNIX, WASM):
        told = {}
        for line in said_by(part, SCRIPT.format(rows=rows), tmp_path, "4m").splitlines():
            name, us, heap = line.split()
            told[name] = float(us), int(heap)
        print(
            f"  {part:17} reporter {told['reporter'][0]:6.1f} us {told['reporter'][1]} B,"
            f" live {told['live'][0]:5.1f} us {told['live'][1]} B;"
            f" objects {told['reporter-object'][1]} and {told['live-object'][1]} B"
        )
        assert told["reporter"][1] == told["live"][1] == 0
