"""The position filter in figures: canyon, open tracks, outages, stops, motion; time and heap per fix.

`make bench`. What is simulated is said so in each line. Needs the real tracks (O2O_SHARED).
"""

import random

import pytest
from interpreters import UNIX, WASM, said_by
from test_position_tracks import (
    MODES,
    OPEN,
    Track,
    by_window,
    detected,
    errors,
    fixed_kalman,
    follow,
    raw_errors,
    score,
    share,
)

from firmware.rider.estimate import HOLD, STILL
from tools.parts.place import shared_dir

ON_DEVICE = """
import gc, time
from firmware.rider.geo import Base
from firmware.rider.position import Position
from protocols.fix import Fix
HOME, FIXES = Base((31, 2304160), (121, 4737010)), 20
def make(i):
    fix = Fix()
    lat, lon = [0, 0], [0, 0]
    HOME.put_at(i * 600, i % 5 * 300, lat, lon)
    fix.place(lat, lon)
    fix.speed_mm_s, fix.course_cdeg, fix.acc_cm, fix.quality = i % 4 * 2000, i * 10, 400, 1
    return fix
def feed(position, fixes, count, start):
    at = start
    while at < start + count:
        ms = at * 1000
        position.on_fix(fixes[at % FIXES], ms, 2500, ms)
        position.step(ms + 500)
        at += 1
position, fixes = Position(), [make(i) for i in range(FIXES)]
feed(position, fixes, 100, 1)
gc.collect()
gc.disable()
before = gc.mem_alloc()
feed(position, fixes, 500, 101)
print("heap_bytes=%d" % (gc.mem_alloc() - before))
gc.enable()
best = None
for turn in range(5):
    start = time.ticks_us()
    feed(position, fixes, ROUNDS, 1000 + turn * ROUNDS)
    took = time.ticks_diff(time.ticks_us(), start)
    best = took if best is None else min(best, took)
print("us=%.1f" % (best / ROUNDS))
"""


@pytest.fixture(scope="module")
def tracks():
    """The real tracks."""
    folder = shared_dir()
    assert folder is not None, "set O2O_SHARED: this bench needs the real tracks"
    return folder / "data" / "tracks"


def line(name, values):
    print(
        f"  {name:44} p50 {share(values, 0.5):5.1f}  p68 {share(values, 0.68):5.1f}  "
        f"p95 {share(values, 0.95):5.1f}  max {max(values):5.1f} m"
    )


def test_canyon(tracks):
    track = Track(tracks / "berlin_canyon_a.csv")
    print(f"\ncanyon, {len(track.t_s)} real fixes, distance from the published truth")
    line("raw", raw_errors(track))
    line("position-only Kalman (r 15 m, q 0.5), floats", fixed_kalman(track))
    names = ("ours, position alone", "ours, recorded wheel speed, no course")
    for mode, name in zip(MODES, names, strict=False):
        line(name, errors(track, mode))
    for seed in (1, 2, 3):
        line(
            f"ours, EMULATED Doppler (0.3 m/s), seed {seed}",
            errors(track, "velocity", seed),
        )


def test_open_tracks(tracks):
    for sigma_m in (4, 8, 15):
        print(
            f"\nopen tracks, simulated AR(1) noise of {sigma_m} m an axis, 20 s; p95 in m, 3 seeds"
        )
        for name in OPEN:
            sums = dict.fromkeys(("raw", *MODES), 0.0)
            inside = count = 0
            for seed in (1, 2, 3):
                track = Track(tracks / f"{name}.csv").add_noise(sigma_m, random.Random(seed))
                sums["raw"] += share(raw_errors(track), 0.95) / 3
                for mode in MODES:
                    found = [(e, est.acc_cm) for _, e, est in follow(track, mode, seed)]
                    sums[mode] += share([e for e, _ in found], 0.95) / 3
                    if mode == "velocity":
                        inside += sum(e * 100 <= acc_cm for e, acc_cm in found)
                        count += len(found)
            figures = "  ".join(f"{mode} {value:5.1f}" for mode, value in sums.items())
            print(f"  {name:22} {figures}   within the accuracy told {inside / count:.0%}")


def test_outages(tracks):
    print("\noutages every 5 minutes, simulated noise of 4 m, emulated Doppler; error in m")
    for lost_s in (20, 60, 120):
        held, after, inside = [], [], 0
        for name in OPEN[:4]:
            track = Track(tracks / f"{name}.csv").add_noise(4, random.Random(lost_s))
            found = follow(track, "velocity", lost=lambda s, lost_s=lost_s: s % 300 > 300 - lost_s)
            for i, error_m, estimate in found:
                at_s = (track.t_s[i] - track.t_s[0]) % 300
                if estimate.source == HOLD:
                    held.append(error_m)
                    inside += error_m * 100 <= estimate.acc_cm
                elif 3 < at_s < 30:
                    after.append(error_m)
        line(f"{lost_s:3} s lost, while held ({inside / len(held):.0%} in the radius)", held)
        line(f"{lost_s:3} s lost, 3 to 30 s after", after)


def test_stops_and_motion(tracks):
    print("\nstops of 60 s put into the tracks every 200 samples, noise of 4 m: seen after, s")
    for mode in MODES:
        after_s, stops = [], 0
        for name in ("shanghai_bike_a", "toronto_bike_a", "london_bike"):
            track = Track(tracks / f"{name}.csv")
            standing = track.add_stops()
            track.add_noise(4, random.Random(5))
            seen = {}
            for i, _, estimate in follow(track, mode):
                for first_s, last_s in standing:
                    if first_s < track.t_s[i] <= last_s and estimate.motion == STILL:
                        seen.setdefault(first_s, track.t_s[i] - first_s)
            after_s += seen.values()
            stops += len(standing)
        print(
            f"  {mode:10} {len(after_s)} of {stops}: p50 {share(after_s, 0.5):.0f}, "
            f"p95 {share(after_s, 0.95):.0f}, max {max(after_s):.0f}"
        )
    print("\non foot or at a stop, labelled deliveries, by halves of the track ids")
    for name, rule in (("the notes' 10 s window", by_window), ("ours", detected)):
        for half, role in ((0, "ratios counted here"), (1, "not counted")):
            f1, precision, recall, stood = score(tracks, rule, half)
            print(
                f"  {name:24} half {half} ({role:19}) F1 {f1:.3f}  P {precision:.3f}  R {recall:.3f}"
                f"   false alarms below 0.5 m/s: {stood:.0%}"
            )


def test_time_and_heap_per_fix(tmp_path):
    print("\none fix: follower, filter, motion, cells, step")
    for name, part, rounds in (
        ("unix, 64 bit", UNIX, 20_000),
        ("WebAssembly, 32 bit", WASM, 500),
    ):
        said = said_by(part, f"ROUNDS = {rounds}\n" + ON_DEVICE, tmp_path)
        assert "heap_bytes=0" in said, said
        print(f"  {name:20} {' '.join(said.split())}")
