"""Cones: every sample within the bound of the line at its own time; few vertices; no heap."""

import gc
import math
import sys

from mutate import Chance

from firmware.rider.cone import Cones

BOUND_CM = 1_000
CELL_4096 = 400 * 4_096


def cones(bound_cm=BOUND_CM, cell_4096=CELL_4096):
    made = Cones(bound_cm)
    made.north_4096 = made.east_4096 = cell_4096
    return made


def vertices(samples, made=None, cell_4096=CELL_4096):
    """Return the stretches of (t_ds, north_cm, east_cm) that are made of (t_ds, north_cm, east_cm)."""
    made = made or cones(cell_4096=cell_4096)

    def told():
        return made.t_ds, made.i * cell_4096 / 4096, made.j * cell_4096 / 4096

    stretches = []
    for t_ds, north_cm, east_cm in samples:
        code = made.add(t_ds, north_cm, east_cm) if stretches else -1
        if code > 0:
            stretches[-1].append(told())
        elif code < 0:
            if stretches:
                finish(made, told, stretches[-1])
            i = (north_cm * 4096 + cell_4096 // 2) // cell_4096
            j = (east_cm * 4096 + cell_4096 // 2) // cell_4096
            made.begin(t_ds, i, j)
            stretches.append([(t_ds, i * cell_4096 / 4096, j * cell_4096 / 4096)])
    finish(made, told, stretches[-1])
    return stretches


def finish(made, told, stretch):
    if made.start():
        stretch.append(told())
    if made.end():
        stretch.append(told())


def worst_cm(samples, stretches):
    """Return the largest distance of a sample from the line at its time."""
    worst = 0
    for t_ds, north_cm, east_cm in samples:
        line = [each for each in stretches if each[0][0] <= t_ds][-1]
        for k in range(len(line)):
            if line[k][0] == t_ds:
                place = line[k][1:]
            elif k and line[k - 1][0] < t_ds < line[k][0]:
                a, b = line[k - 1], line[k]
                part = (t_ds - a[0]) / (b[0] - a[0])
                place = a[1] + (b[1] - a[1]) * part, a[2] + (b[2] - a[2]) * part
            else:
                continue
            off = ((place[0] - north_cm) ** 2 + (place[1] - east_cm) ** 2) ** 0.5
            worst = max(worst, off)
            break
        else:
            raise AssertionError((t_ds, "is not on the line"))
    return worst


def ride(chance, count, noise_cm=200, every_ds=10):
    """Return samples of a rider who turns, stops and starts, with noise."""
    north = east = 0
    v_north = v_east = left = 0
    samples = []
    for k in range(count):
        if left == 0:
            left = 3 + chance.below(40)
            v_north, v_east = (
                chance.below(150) - 75,
                chance.below(150) - 75,
            )  # cm in a tenth of a second
            if chance.below(4) == 0:
                v_north = v_east = 0
        left -= 1
        north += v_north * every_ds
        east += v_east * every_ds
        wave = 2 * noise_cm + 1
        samples.append(
            (
                k * every_ds,
                north + chance.below(wave) - noise_cm,
                east + chance.below(wave) - noise_cm,
            )
        )
    return samples


def test_every_sample_is_within_the_bound_at_its_time():
    chance = Chance("rides for cones")
    for each in range(40):
        every_ds = (10, 2, 50, 1)[each % 4]
        samples = ride(chance, 300, (0, 100, 400, 1_500)[each // 4 % 4], every_ds)
        cell_4096 = (400 * 4096, 401 * 4096 + 77, 101 * 4096, 600 * 4096 + 4095)[each % 3]
        stretches = vertices(samples, cell_4096=cell_4096)
        assert worst_cm(samples, stretches) <= BOUND_CM, each
        assert len(stretches) == 1, each
        times = [vertex[0] for vertex in stretches[0]]
        assert times == sorted(set(times))
        assert times[-1] == samples[-1][0]


def test_a_straight_ride_needs_two_vertices_and_a_corner_one_more():
    straight = [(10 * k, 60 * k * 10, -20 * k * 10) for k in range(200)]
    assert [len(each) for each in vertices(straight)] == [2]
    corner = [(10 * k, 600 * min(k, 100), 600 * max(k - 100, 0)) for k in range(200)]
    assert [len(each) for each in vertices(corner)] == [3]
    stop = [(10 * k, 600 * min(k, 50) + 600 * max(k - 150, 0), 0) for k in range(250)]
    assert [len(each) for each in vertices(stop)] == [4]


def test_fewer_vertices_than_keeping_samples():
    """Free vertices and four cones against keeping, in one pass, the last sample that fits."""
    samples = [
        (10 * k, 600 * k, int(8_000 * math.sin(k / 40) + 3_000 * math.sin(k / 11)))
        for k in range(1_500)
    ]
    ours = len(vertices(samples)[0])
    kept, start = 1, 0
    for k in range(1, len(samples)):
        span = samples[k][0] - samples[start][0]
        for between in range(start + 1, k):
            part = (samples[between][0] - samples[start][0]) / span
            off = 0
            for axis in (1, 2):
                at = samples[start][axis] + (samples[k][axis] - samples[start][axis]) * part
                off += (samples[between][axis] - at) ** 2
            if off > BOUND_CM**2:
                kept += 1
                start = k - 1
                break
    assert ours < kept, (ours, kept)


def test_a_leap_changes_nothing_and_ends_the_stretch():
    samples = [(10 * k, 500 * k, 0) for k in range(30)]
    made = cones()
    made.begin(0, 0, 0)
    for each in samples[1:]:
        assert made.add(*each) == 0
    assert made.end()
    end = made.t_ds, made.i, made.j
    for leap in ((300, 400_000, 0), (300, 0, -400_000), (290, 0, 0), (280, 0, 0)):
        assert made.add(*leap) == -1
        assert made.end() and (made.t_ds, made.i, made.j) == end
    assert made.add(300, 15_000, 0) == 0  # and it goes on
    leaping = samples + [(300 + 10 * k, 500_000 + 500 * k, 0) for k in range(30)]
    stretches = vertices(leaping)
    assert len(stretches) == 2
    assert worst_cm(leaping, stretches) <= BOUND_CM


def test_a_cone_ends_after_five_minutes():
    still = [(10 * k, 0, 0) for k in range(1_000)]
    stretches = vertices(still)
    times = [vertex[0] for vertex in stretches[0]]
    assert max([times[k] - times[k - 1] for k in range(1, len(times))]) == 3_000
    assert len(times) == 5


def test_a_time_that_is_not_exact_keeps_more_distance():
    for loose_cm, branched in ((0, False), (300, True)):
        made = cones()
        made.begin(0, 0, 0)
        for k in range(1, 6):
            assert made.add(10 * k, 0, 0, loose_cm) == 0
        # 17 m off is 10 m from 7, and 7 was near enough to 0; with 7 m for 10 it was not.
        assert made.add(60, 1_700, 0, loose_cm) == 0
        assert made.start() == branched


def test_a_sample_takes_no_heap():
    used = gc.mem_alloc if hasattr(gc, "mem_alloc") else sys.getallocatedblocks
    samples = ride(Chance("heap"), 400, 300)
    made = cones()
    least = 1_000_000
    for _ in range(4):
        made.begin(samples[0][0], 0, 0)
        gc.collect()
        gc.disable()
        before = used()
        for k in range(1, len(samples)):
            made.add(samples[k][0], samples[k][1], samples[k][2])
        least = min(least, used() - before)
        gc.enable()
    # CPython: the few numbers that the object keeps are objects themselves.
    assert least <= (0 if hasattr(gc, "mem_alloc") else 8), least
