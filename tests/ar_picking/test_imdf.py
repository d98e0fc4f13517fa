"""Given an indoor map (IMDF 1.0), when it is imported, then its free floor becomes walkways."""

import json
import math
import os
import random
import zipfile

import cv2
import numpy as np
import pytest

from ar_picking.errors import PickingError, StoreError
from ar_picking.store import centerline, floorplan, folder, imdf
from firmware.picker import maps
from protocols import storemap

cv2.setNumThreads(1)
LON, LAT, TURN_DEG = 121.4737, 31.2304, 25.0
_DEGREE_M = math.radians(1.0) * 6_371_008.8


def test_a_damaged_archive_is_refused(tmp_path):
    path = tmp_path / "map.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", "{}")
        archive.writestr("level.geojson", '{"type": "FeatureCollection", "features": []}' * 50)
    data = bytearray(path.read_bytes())
    at = data.find(b"level.geojson") + len("level.geojson")
    data[at : at + 12] = b"\xff" * 12
    path.write_bytes(data)
    with pytest.raises(StoreError, match="cannot be read as an IMDF archive"):
        imdf.read(path, None)


def box(x0, y0, x1, y1):
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]


def on_earth(points):
    """Metres of a plan turned by 25 degrees and laid on a city."""
    c, s = math.cos(math.radians(TURN_DEG)), math.sin(math.radians(TURN_DEG))
    return [
        [
            LON + (x * c - y * s) / (_DEGREE_M * math.cos(math.radians(LAT))),
            LAT + (x * s + y * c) / _DEGREE_M,
        ]
        for x, y in points
    ]


def feature(kind, category, shape, number, level="L0", **more):
    polygon = len(shape) > 2
    coordinates = [on_earth(shape)] if polygon else on_earth(shape)
    return {
        "id": f"{kind}-{number}",
        "type": "Feature",
        "feature_type": kind,
        "geometry": {"type": "Polygon" if polygon else "LineString", "coordinates": coordinates},
        "properties": {"category": category, "level_id": level, "name": None, **more},
    }


def supermarket(shelves=4):
    """20 x 12 m: a sales floor with shelves two deep, an office, a door."""
    units = [
        feature("unit", "walkway", box(0, 0, 20, 12), 1, name={"en": "Sales", "zh": "卖场"}),
        feature("unit", "office", box(16, 8, 20, 12), 2),
    ]
    fixtures = [
        feature("fixture", "equipment", box(2.5 + 3 * k, 2.5, 3.5 + 3 * k, 9.0), k)
        for k in range(shelves)
    ]
    doors = [feature("opening", "pedestrian.principal", [[1.0, 0.0], [2.0, 0.0]], 1)]
    levels = [feature("level", "unspecified", box(0, 0, 20, 12), 0)]
    levels[0]["id"] = "L0"
    levels[0]["properties"] = {"ordinal": 0, "name": {"en": "Ground"}}
    return {"unit": units, "fixture": fixtures, "opening": doors, "level": levels}


def written(path, content):
    path.mkdir(exist_ok=True)
    (path / "manifest.json").write_text('{"version": "1.0.0"}')
    for kind, features in content.items():
        collection = {"type": "FeatureCollection", "features": features}
        (path / f"{kind}.geojson").write_text(json.dumps(collection), encoding="utf-8")
    return path


def graph_of(out):
    walk = json.loads((out / "walk.geojson").read_text(encoding="utf-8"))["features"]
    edges = [storemap.walk_edge(edge)[0] for edge in walk]
    head = json.loads((out / "store.json").read_text(encoding="utf-8"))
    depot = tuple(round(v * 1000) for v in head["depot"])
    graph, reason = maps.from_walk(edges, depot)
    assert reason is None
    return graph, edges, head


def test_a_turned_map_of_a_supermarket_becomes_a_grid_of_walkways(tmp_path):
    floor = imdf.read(written(tmp_path / "imdf", supermarket()))
    assert abs(floor.turn_deg - TURN_DEG) < 0.01
    assert floor.size_m == (pytest.approx(20, abs=0.05), pytest.approx(12, abs=0.05))
    told = floorplan.make(floor, "s1", "", tmp_path / "out")
    graph, edges, head = graph_of(tmp_path / "out")
    # five aisles between and beside four shelves, joined in front and behind: 4 rings
    assert graph.edges - graph.junctions + 1 == 4
    assert graph.edges <= 14
    assert told["walkways"] == graph.edges and "neither" in told["missing"]
    assert math.dist(head["depot"], (1.5, 0)) < 2.5 and head["name"] == "Ground"
    shelves = [np.array(box(2.5 + 3 * k, 2.5, 3.5 + 3 * k, 9.0)[:4]) for k in range(4)]
    office = np.array(box(16, 8, 20, 12)[:4])
    for edge in edges:
        for x, y in np.array(edge["points_mm"]).reshape(-1, 2) / 1000:
            for shape in [*shelves, office]:
                away = cv2.pointPolygonTest(shape.astype(np.float32), (float(x), float(y)), True)
                assert away < -0.2
            assert 0.2 < x < 19.8 and 0.2 < y < 11.8
    middle = [p for e in edges for p in np.array(e["points_mm"]).reshape(-1, 2) / 1000]
    for aisle_x in (4.5, 7.5, 10.5):  # between two shelves: their middle
        assert min(abs(x - aisle_x) for x, _ in middle) < 0.2


def test_every_part_of_the_floor_is_reached_from_the_depot(tmp_path):
    floor = imdf.read(written(tmp_path / "imdf", supermarket()))
    floorplan.make(floor, "s1", "一店", tmp_path / "out")
    graph, _, _ = graph_of(tmp_path / "out")
    for edge in range(graph.edges):
        assert graph.path((-1, graph.depot), (edge, 0)) is not None


def test_bins_and_markers_wait_to_be_filled_in(tmp_path):
    floor = imdf.read(written(tmp_path / "imdf", supermarket()))
    floorplan.make(floor, "s1", "一店", tmp_path / "out")
    store, findings = folder.read(tmp_path / "out")
    assert store is None and any("bins.csv: no bins" in text for text in findings)
    rooms = json.loads((tmp_path / "out/rooms.geojson").read_text(encoding="utf-8"))["features"]
    assert len(rooms) == 2 + 4
    assert {room["properties"]["name"] for room in rooms} == {"卖场", ""}


def test_a_zip_with_a_folder_in_it_is_the_same(tmp_path):
    source = written(tmp_path / "imdf", supermarket())
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in source.iterdir():
            archive.write(file, f"venue/{file.name}")
    a, b = imdf.read(source), imdf.read(tmp_path / "a.zip")
    assert [x.ring.tolist() for x in a.areas] == [x.ring.tolist() for x in b.areas]


def test_of_several_levels_one_is_chosen(tmp_path):
    content = supermarket()
    upper = json.loads(json.dumps(content["level"][0]))
    upper["id"], upper["properties"] = "L1", {"ordinal": 1, "name": {"en": "Up"}}
    content["level"].append(upper)
    content["unit"].append(feature("unit", "walkway", box(0, 0, 9, 9), 9, level="L1"))
    source = written(tmp_path / "imdf", content)
    with pytest.raises(StoreError, match=r"2 levels fit; choose one with --level N of 0, 1"):
        imdf.read(source)
    assert imdf.read(source, 1).name == "Up" and len(imdf.read(source, 1).areas) == 1
    with pytest.raises(StoreError, match="0 levels fit"):
        imdf.read(source, 7)


def test_what_is_no_map_is_refused(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"no zip")
    with pytest.raises(StoreError, match="cannot be read as an IMDF archive"):
        imdf.read(tmp_path / "x.zip")
    with pytest.raises(StoreError, match=r"no unit\.geojson"):
        imdf.read(tmp_path)
    content = supermarket()
    content["unit"][0]["geometry"]["coordinates"] = [on_earth(box(0, 0, 9000, 5))]
    with pytest.raises(StoreError, match="a store is at most"):
        imdf.read(written(tmp_path / "far", content))
    only = {"unit": [feature("unit", "office", box(0, 0, 9, 9), 1)]}
    with pytest.raises(PickingError, match="no floor to walk on"):
        floorplan.make(imdf.read(written(tmp_path / "o", only)), "s", "", tmp_path / "out")
    narrow = {"unit": [feature("unit", "walkway", box(0, 0, 9, 0.4), 1)]}
    with pytest.raises(PickingError, match="wide enough"):
        floorplan.make(imdf.read(written(tmp_path / "n", narrow)), "s", "", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_zip_that_unpacks_to_gigabytes_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(imdf, "_MOST_BYTES", 100_000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("unit.geojson", b" " * 5_000_000)
    with pytest.raises(StoreError, match="is larger than"):
        imdf.read(tmp_path / "bomb.zip")


def test_random_damage_is_read_or_refused_and_nothing_else(tmp_path):
    chance = random.Random(int(os.environ.get("FUZZ_SEED", "6")))
    source = written(tmp_path / "imdf", supermarket(2))
    odd = (b"null", b"1e999", b"NaN", b"[]", b"-1", b'"x"', b"{", b"[" * 3000, b"true", b"\xff")
    for _ in range(int(os.environ.get("O2O_FUZZ", "150"))):
        name = chance.choice(("unit", "fixture", "level", "opening"))
        good = (source / f"{name}.geojson").read_bytes()
        data = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(data))
            data[at : at + chance.randrange(0, 20)] = chance.choice(odd)
        (source / f"{name}.geojson").write_bytes(bytes(data))
        try:
            floor = imdf.read(source)
        except StoreError:
            pass
        else:
            assert floor.areas and all(np.isfinite(area.ring).all() for area in floor.areas)
        (source / f"{name}.geojson").write_bytes(good)


def test_a_cross_is_thinned_to_its_middle_lines():
    bitmap = np.zeros((60, 60), np.uint8)
    bitmap[25:36, 5:55] = 1
    bitmap[5:55, 25:36] = 1
    thin = centerline.thinned(bitmap)
    assert thin.sum() < 130 and thin[30, 10] and thin[10, 30]
    assert cv2.connectedComponents(thin, connectivity=8)[0] == 2  # ground and one line


def test_a_ring_is_two_walkways():
    outer, inner = np.array(box(0, 0, 10, 10)), np.array(box(3, 3, 7, 7))
    lines = centerline.lines([outer], [inner])
    assert len(lines) == 2
    ends = {line[k] for line in lines for k in (0, -1)}
    assert len(ends) == 2
