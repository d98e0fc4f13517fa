"""The track codec over real rides: what it promises holds at every sample, at its cost in bytes.

Which vertices to keep is the reporter's business; here they are chosen off line (Douglas-Peucker by the
distance between points at the same time), so that the sum of both errors can be checked.
"""

import csv

import pytest
from test_track import metres

from protocols.cbor import Writer
from protocols.track import PACKED, VARINT, Encoder, error_mm, pair_of
from protocols.track_decode import decode, position_at

pytestmark = pytest.mark.oracle
GAP_MS = 10_000
BOUND_M = 10.0


def segments(path):
    """Return lists of (t_ms, lat_e7, lon_e7); a gap over 10 s, or another `track`, begins a new one."""
    found, last = [], None
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            t_ms = round(float(row["t_s"]) * 1000)
            here = (row.get("track"), t_ms)
            if last is None or here[0] != last[0] or not 0 <= t_ms - last[1] <= GAP_MS:
                found.append([])
            found[-1].append((t_ms, int(row["lat_e7"]), int(row["lon_e7"])))
            last = here
    return found


def thinned(samples, bound_m):
    """Return the samples to keep so that every other one is within `bound_m` of the line at its time."""
    keep, spans = {0, len(samples) - 1}, [(0, len(samples) - 1)]
    while spans:
        low, high = spans.pop()
        line = [samples[low], samples[high]]
        worst_m, worst = bound_m, None
        for i in range(low + 1, high):
            off_m = metres(position_at(line, samples[i][0]), samples[i][1:])
            if off_m > worst_m:
                worst_m, worst = off_m, i
        if worst is not None:
            keep.add(worst)
            spans += [(low, worst), (worst, high)]
    return [samples[i] for i in sorted(keep)]


def lines(vertices, grid_dm, layout, tick_ds=1, room=1100):
    """Return the polylines that hold `vertices`: the last one of each is the first of the next."""
    done, encoder, before = [], Encoder(bytearray(room), grid_dm, tick_ds, layout), None
    for vertex in vertices:
        parts = (vertex[0] - vertices[0][0], *pair_of(vertex[1]), *pair_of(vertex[2]))
        if not encoder.add(*parts):
            done.append(bytes(encoder.buf[: encoder.n]))
            encoder.reset()
            assert encoder.add(*before) and encoder.add(*parts)
        before = parts
    return [*done, bytes(encoder.buf[: encoder.n])]


def decoded(blobs, t0_ms):
    vertices = []
    for blob in blobs:
        part, why = decode(blob)
        assert why is None
        part = [(t_ms + t0_ms, lat, lon) for t_ms, lat, lon in part]
        vertices += part[1:] if vertices else part
    return vertices


def rides(shared):
    found = sorted((shared / "data" / "tracks").glob("*.csv"))
    assert found
    return found


@pytest.mark.parametrize("layout", [VARINT, PACKED])
@pytest.mark.parametrize("grid_dm", [1, 20, 100])
def test_every_sample_as_a_vertex_comes_back_within_the_error(shared, layout, grid_dm):
    for path in rides(shared):
        for samples in segments(path):
            blobs = lines(samples, grid_dm, layout)
            back = decoded(blobs, samples[0][0])
            assert len(back) == len(samples)
            for want, got in zip(samples, back, strict=True):
                assert got[0] == want[0]
                assert metres(want[1:], got[1:]) * 1000 <= error_mm(grid_dm)


@pytest.mark.parametrize("grid_dm", [10, 20])
def test_a_thinned_ride_keeps_its_bound_at_every_sample(shared, grid_dm):
    inner_m = BOUND_M - error_mm(grid_dm) / 1000
    for path in rides(shared):
        count = rows = worst_m = 0
        size = {VARINT: 0, PACKED: 0}
        for samples in segments(path):
            vertices = thinned(samples, inner_m)
            count += len(vertices)
            for layout in size:
                blobs = lines(vertices, grid_dm, layout, tick_ds=10 if on_seconds(samples) else 1)
                size[layout] += sum(map(len, blobs))
                back = decoded(blobs, samples[0][0])
                for sample in samples:
                    off_m = metres(position_at(back, sample[0]), sample[1:])
                    worst_m = max(worst_m, off_m)
            rows += plain_rows(vertices)
        assert worst_m <= BOUND_M
        print(
            f"\n{path.stem}, {grid_dm / 10:.0f} m grid, {count} vertices, worst {worst_m:.2f} m, "
            f"bytes a vertex: packed {size[PACKED] / count:.2f}, varint {size[VARINT] / count:.2f}, "
            f"rows of CBOR {rows / count:.2f}",
            end="",
        )


def on_seconds(samples):
    return all((sample[0] - samples[0][0]) % 1000 == 0 for sample in samples)


def plain_rows(vertices):
    """Return the bytes of the same as CBOR rows: [dt_ms, dlat_e7, dlon_e7] after a whole first one."""
    writer = Writer(bytearray(100 * len(vertices) + 100))
    last = (0, 0, 0)
    for vertex in vertices:
        writer.value([now - then for now, then in zip(vertex, last, strict=True)])
        last = vertex
    assert not writer.full
    return writer.n
