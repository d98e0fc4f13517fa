"""`o2o track`: its figures, its file, its words on bad input; and the goals on real rides."""

import csv
import json
import math

import pytest
from test_track import metres

from tools.cli import main

BIKES = ("london_bike", "shanghai_bike_a", "toronto_bike_a", "uk_loughborough_bike")


def write(path, rows, head="t_s,lat_e7,lon_e7"):
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def ride(count=1_200, t0_s=0, step_s=1):
    """A rider on a wavy road who stops for a minute now and then."""
    rows, way_m = [], 0.0
    for k in range(count):
        way_m += 0 if k % 300 > 240 else 6.0 * step_s
        north_m, east_m = way_m, 60 * math.sin(way_m / 200)
        rows.append(
            (
                t0_s + k * step_s,
                312_300_000 + round(north_m * 90),
                1_214_700_000 + round(east_m * 105),
            )
        )
    return rows


def track(capsys, *words):
    code = main(["track", *map(str, words)])
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


def decoded(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_figures_and_the_file_are_of_one_ride(capsys, tmp_path):
    rows = ride()
    source, out = write(tmp_path / "ride.csv", rows), tmp_path / "out.csv"
    code, (told,), _ = track(capsys, source, "--bound-m", 10, "--decoded", out)
    assert code == 0
    names = ["vertices", "bytes", "message_bytes", "hours", "bytes_per_hour", "max_error_m"]
    assert list(told)[:8] == [*names, "live_error_m", "messages_per_hour"]
    assert told["hours"] == round(1_199 / 3600, 4)
    assert told["bytes_per_hour"] == pytest.approx(told["bytes"] / (1_199 / 3600), abs=0.1)
    assert told["message_bytes"] > told["record_bytes"] > told["bytes"] > 13 * told["lines"]
    assert told["lines"] == 2 and told["samples"] == 1_200 and told["ignored"] == 0
    back = decoded(out)
    assert [row["t_s"] for row in back] == [str(row[0]) for row in rows]
    worst_m = max(
        metres(row[1:], (int(got["lat_e7"]), int(got["lon_e7"])))
        for row, got in zip(rows, back, strict=True)
    )
    assert worst_m == pytest.approx(told["max_error_m"], abs=0.05) and worst_m <= 10
    assert told["live_error_m"] <= 30


def test_a_tighter_bound_costs_more(capsys, tmp_path):
    source = write(tmp_path / "ride.csv", ride())
    told = {}
    for bound_m, live_m in ((1, 5), (5, 15), (10, 30), (40, 100)):
        _, (told[bound_m],), _ = track(capsys, source, "--bound-m", bound_m, "--live-m", live_m)
        assert told[bound_m]["max_error_m"] <= bound_m
        assert told[bound_m]["live_error_m"] <= live_m
    for name in ("vertices", "bytes", "messages_per_hour"):
        assert told[1][name] > told[5][name] > told[10][name] > told[40][name]


def test_a_gap_is_not_counted_and_a_track_column_parts_rides(capsys, tmp_path):
    rows = ride(100) + ride(100, 200)
    code, (told,), _ = track(capsys, write(tmp_path / "gap.csv", rows), "--bound-m", 10)
    assert code == 0 and told["hours"] == round(198 / 3600, 4) and told["lines"] == 1
    named = [("a", *row) for row in ride(100)] + [("b", *row) for row in ride(100, 500)]
    source = write(tmp_path / "named.csv", named, "track,t_s,lat_e7,lon_e7")
    out = tmp_path / "out.csv"
    code, (told,), _ = track(capsys, source, "--bound-m", 10, "--decoded", out)
    assert code == 0 and told["lines"] == 2
    assert [row["track"] for row in decoded(out)] == ["a"] * 100 + ["b"] * 100
    # A time that starts over is another ride too.
    code, (told,), _ = track(capsys, write(tmp_path / "again.csv", ride(100) * 2), "--bound-m", 10)
    assert code == 0 and told["lines"] == 2 and told["max_error_m"] <= 10


def test_times_twice_or_back_are_ignored_and_still_told(capsys, tmp_path):
    rows = ride(300)
    rows.insert(100, (98, 0, 0))
    rows.insert(50, (49, 0, 0))
    out = tmp_path / "out.csv"
    _, (told,), _ = track(
        capsys, write(tmp_path / "odd.csv", rows), "--bound-m", 10, "--decoded", out
    )
    assert told["ignored"] == 2 and told["max_error_m"] <= 10
    assert len(decoded(out)) == 302


@pytest.mark.parametrize(
    ("text", "words", "code", "said"),
    [
        ("t_s,lat_e7\n0,1\n", (), 1, "no column lon_e7"),
        ("", (), 1, "no column"),
        ("t_s,lat_e7,lon_e7\n", (), 1, "no position"),
        ("t_s,lat_e7,lon_e7\n0,1,x\n", (), 1, "line 2"),
        ("t_s,lat_e7,lon_e7\n0,1\n", (), 1, "line 2"),
        ("t_s,lat_e7,lon_e7\nnan,1,1\n", (), 1, "line 2"),
        ("t_s,lat_e7,lon_e7\n0,1,1\n-5,1,1\n", (), 1, "line 3"),
        ("t_s,lat_e7,lon_e7\n0,850000000,1\n", (), 1, "line 2"),
        ("t_s,lat_e7,lon_e7\n0,1,1\n", ("--bound-m", "0.5"), 2, "--bound-m"),
        ("t_s,lat_e7,lon_e7\n0,1,1\n", ("--bound-m", "nan"), 2, "--bound-m"),
        ("t_s,lat_e7,lon_e7\n0,1,1\n", ("--live-m", "1"), 2, "--live-m"),
        (b"t_s,lat_e7,lon_e7\n0,1,\xff\n", (), 1, "UTF-8"),
    ],
)
def test_bad_input_is_named(capsys, tmp_path, text, words, code, said):
    path = tmp_path / "bad.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    got, objects, err = track(capsys, path, "--bound-m", "10", *words)
    assert (got, objects) == (code, []) and said in err and err.count("\n") == 1


def test_one_sample_is_a_line_of_one_vertex(capsys, tmp_path):
    code, (told,), _ = track(capsys, write(tmp_path / "one.csv", ride(1)), "--bound-m", 10)
    assert code == 0 and told["vertices"] == 1 and told["bytes"] == 13 and told["hours"] == 0


@pytest.mark.oracle
def test_the_goals_on_real_bicycle_rides(capsys, shared, tmp_path):
    told = []
    for name in BIKES:
        out = tmp_path / f"{name}.csv"
        source = shared / "data" / "tracks" / f"{name}.csv"
        code, (figures,), _ = track(capsys, source, "--bound-m", 10, "--decoded", out)
        assert code == 0
        with source.open(encoding="utf-8") as file:
            for row, got in zip(csv.DictReader(file), decoded(out), strict=True):
                here = int(row["lat_e7"]), int(row["lon_e7"])
                assert metres(here, (int(got["lat_e7"]), int(got["lon_e7"]))) <= 10
        assert figures["max_error_m"] <= 10 and figures["live_error_m"] <= 30
        told.append(figures)

    def mean(key):
        return sum(each[key] for each in told) / len(told)

    with capsys.disabled():
        names = ("bytes", "vertices", "messages", "message_bytes")
        print(
            "\n" + ", ".join(f"{name}/h {mean(name + '_per_hour'):.1f}" for name in names), end=" "
        )
    assert mean("bytes_per_hour") <= 560
    assert mean("vertices_per_hour") <= 150
    assert mean("messages_per_hour") <= 170
    assert mean("message_bytes_per_hour") <= 2_200


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["lisbon_foot", "berlin_canyon_a", "delivery_a"])
@pytest.mark.parametrize(("bound_m", "live_m"), [(10, 30), (5, 15), (20, 100)])
def test_the_bounds_on_every_other_real_track(capsys, shared, name, bound_m, live_m):
    source = shared / "data" / "tracks" / f"{name}.csv"
    code, (told,), _ = track(capsys, source, "--bound-m", bound_m, "--live-m", live_m)
    assert code == 0 and told["max_error_m"] <= bound_m and told["live_error_m"] <= live_m
