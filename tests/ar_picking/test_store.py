"""Given numbers or hand-made files, when a store folder is made or read, then it is right, or says
what is wrong.
"""

import json
import shutil

import numpy as np
import pytest

from ar_picking.errors import ConfigError, StoreError
from ar_picking.store import check, folder, goods, layout, plot, sample
from ar_picking.store.records import rotation_zyx
from ar_picking.store.shelves import Footprints, shelves


def test_what_init_makes_can_be_read_and_passes_its_check(store, store_dir):
    assert len(store.bins) == 4 * 12 * 4
    item = store.bins["A1-03-2"]
    assert (item.aisle, item.side, item.bay, item.level, item.zone) == ("A1", "L", 3, 2, 0)
    assert item.name and len(item.sku) == 13 and item.sku == goods.ean13(int(item.sku[3:12]))
    assert {b.zone for b in store.bins.values()} == {0, 1, 2}
    assert store.changed == [] and store.id == "demo"
    assert [f for f in check.check(store_dir)[1] if not f.get("note")] == []


def test_a_bin_belongs_to_its_aisle_and_is_an_arm_away(store):
    for name, (edge, offset) in store.stops.items():
        assert store.walk[edge]["aisle"] == name.split("-")[0]
        assert 0 <= offset <= store.graph.length_dm[edge]
        assert 850 <= store.stand_mm[name] <= 950


def test_every_marker_lies_on_a_face_and_looks_away_from_it(store):
    up = np.array([0.0, 0.0, 1.0])
    for marker in store.markers.values():
        rotation = marker.rotation()
        assert np.allclose(rotation @ rotation.T, np.eye(3)) and np.linalg.det(rotation) > 0
        assert np.allclose(rotation[:, 1], up, atol=1e-9)  # not upside down
        tl, tr, br, bl = marker.corners_m()
        assert tl[2] > bl[2] and tr[2] > br[2]
        # from the front, left is where the right hand's cross product says
        assert np.allclose(
            np.cross(tr - tl, tl - bl) / (marker.size_mm / 1000) ** 2, marker.normal, atol=1e-6
        )
    for name, ids in store.bin_markers.items():
        item = store.bins[name]
        for number in ids:
            marker = store.markers[number]
            assert marker.label == name
            assert np.allclose(marker.normal, item.normal, atol=1e-6)
            assert abs((marker.center_m - item.center_m) @ item.normal) < 0.001


def test_angles_turn_as_the_convention_says():
    assert np.allclose(rotation_zyx(90, 0, 0) @ [1, 0, 0], [0, 1, 0])
    assert np.allclose(rotation_zyx(0, 90, 0) @ [1, 0, 0], [0, 0, -1])
    assert np.allclose(rotation_zyx(0, 0, 90) @ [0, 1, 0], [0, 0, 1])
    both = rotation_zyx(30, 20, 10)
    assert np.allclose(
        both, rotation_zyx(30, 0, 0) @ rotation_zyx(0, 20, 0) @ rotation_zyx(0, 0, 10)
    )


@pytest.mark.parametrize(
    ("aisles", "bays", "levels"), [(1, 1, 1), (2, 9, 3), (5, 4, 6), (12, 12, 4)]
)
def test_stores_of_other_sizes(tmp_path, aisles, bays, levels):
    summary = layout.make(layout.Layout("s", "店", aisles, bays, levels), tmp_path)
    store = folder.load(tmp_path)
    assert summary["bins"] == len(store.bins) == aisles * bays * 2 * levels
    assert summary["markers"] == len(store.markers) <= 587
    boxes = Footprints(shelves(list(store.bins.values())))
    walked = np.array(
        [p for e in store.walk for p in np.array(e["points_mm"]).reshape(-1, 2) / 1000]
    )
    assert not boxes.inside(walked).any()
    assert not [f for f in check.check(tmp_path)[1] if f["finding"] in ("unreachable", "too far")]


@pytest.mark.parametrize(
    "size", [{"aisles": 0}, {"bays": 41}, {"levels": 7}, {"aisles": 20, "bays": 40}]
)
def test_sizes_that_cannot_be_made(tmp_path, size):
    with pytest.raises(ConfigError):
        layout.make(layout.Layout("s", "店", **size), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_init_never_overwrites(store_dir):
    with pytest.raises(StoreError, match="is there already"):
        layout.make(layout.Layout("demo", "x"), store_dir)


@pytest.fixture
def copy(store_dir, tmp_path):
    path = tmp_path / "copy"
    shutil.copytree(store_dir, path)
    return path


def edited(path, old, new):
    data = path.read_text(encoding="utf-8")
    assert old in data
    path.write_text(data.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("bins.csv", "A1-01-2,", "A1-01-1,", r"bins.csv line 3: bin A1-01-1 is there twice"),
        (
            "bins.csv",
            "A1-01-2,A1,L,1,2,0.500",
            "A1-01-2,A1,L,1,2,half",
            r"bins.csv line 3: x_m 'half' is not",
        ),
        ("bins.csv", "temp_zone", "zone", r"bins.csv line 1: column 'temp_zone'"),
        (
            "bins.csv",
            "A1-01-2,A1,",
            "A1-01-2,A9,",
            r"bin A1-01-2 is in aisle A9, which has no walkway",
        ),
        ("markers.csv", "\n1,36h11,", "\n0,36h11,", r"markers.csv line 3: marker 0 is there twice"),
        ("markers.csv", "\n1,36h11,", "\n1,4x4,", r"markers.csv line 3: dict '4x4'"),
        (
            "markers.csv",
            "\n1,36h11,0.080,",
            "\n1,36h11,8,",
            r"markers.csv line 3: size_m '8' is not",
        ),
        ("walk.geojson", '"zone": 0', '"zone": 5', r"walk.geojson feature 1: zone"),
        ("walk.geojson", '"LineString"', '"Point"', r"walk.geojson feature 1: geometry"),
        ("walk.geojson", '"features"', '"things"', r"walk.geojson: not a FeatureCollection"),
        ("walk.geojson", "{", "{{", r"walk.geojson line \d+: not JSON"),
        ("store.json", '"version": 1', '"version": 2', r"store.json: version 2 is not 1"),
        ("store.json", '"units": "m"', '"units": "ft"', r"store.json: units"),
        ("store.json", '"depot": [', '"depot": ["x", ', r"store.json: depot"),
        ("store.json", '"36h11"', '"4x4"', r"store.json: dictionary"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(copy, name, old, new, said):
    edited(copy / name, old, new)
    with pytest.raises(StoreError, match=said):
        folder.load(copy)
    store, findings = check.check(copy)
    assert store is None and len(findings) >= 1


def test_a_missing_file_and_another_encoding(copy):
    text = (copy / "bins.csv").read_text(encoding="utf-8-sig")
    (copy / "bins.csv").write_bytes(text.encode("gbk"))
    with pytest.raises(StoreError, match=r"bins.csv line 2: not UTF-8; save the sheet as 'CSV"):
        folder.load(copy)
    (copy / "walk.geojson").unlink()
    with pytest.raises(StoreError, match=r"walk.geojson: No such file.*and 1 more"):
        folder.load(copy)


def test_spreadsheet_habits_are_all_right(copy):
    path = copy / "bins.csv"
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    header = "货位,巷道,侧,货架,层,X坐标,Y坐标,Z坐标,宽,高,深,朝向,温区,商品编码,条码,最大数量,品名"
    rows = [line.replace(",frozen,", ",冷冻,") + ",," for line in lines[1:]]
    path.write_text("\ufeff" + "\r\n".join([header, *rows, "", ",,,"]), encoding="utf-8")
    for name in ("store.json", "walk.geojson"):
        (copy / name).write_text((copy / name).read_text(encoding="utf-8"), encoding="utf-8-sig")
    store = folder.load(copy)
    assert len(store.bins) == 192 and store.bins["A4-01-1"].zone == 2
    assert store.changed == ["bins.csv", "walk.geojson"]
    check.seal(store)
    assert folder.load(copy).changed == []


def test_check_finds_bins_that_cannot_be_reached_or_confirmed(copy):
    walk = json.loads((copy / "walk.geojson").read_text(encoding="utf-8"))
    for feature in walk["features"]:
        if feature["properties"]["id"] in ("A2", "C1.2"):
            feature["properties"]["blocked"] = True
    (copy / "walk.geojson").write_text(json.dumps(walk), encoding="utf-8")
    lines = (copy / "markers.csv").read_text(encoding="utf-8-sig").splitlines()
    kept = [
        line
        for line in lines
        if not line.endswith((",A3-05-2", ",A3-05-1", ",A3-05-3", ",A3-05-4"))
    ]
    (copy / "markers.csv").write_text("\n".join(kept), encoding="utf-8")
    _, findings = check.check(copy)
    lost = {f["bin"] for f in findings if f["finding"] == "unreachable"}
    assert lost == {f"A2-{bay:02d}-{level}" for bay in range(1, 13) for level in range(1, 5)}
    bare = {f["bin"] for f in findings if f["finding"] == "no marker"}
    assert bare == {"A3-05-1", "A3-05-2", "A3-05-3", "A3-05-4"}
    changed = {f["file"] for f in findings if f["finding"] == "changed" and f["note"]}
    assert changed == {"walk.geojson", "markers.csv"}


def test_plots_show_the_walk(store, tmp_path):
    obj = sample.sample_list(store, "L1", 6)
    drawing, walk = plot.shapes(store, obj)
    assert walk["method"] == "exact" and walk["walk_dm"] <= walk["list_order_dm"]
    assert sorted(walk["order"]) == sorted(line["bin"] for line in obj["lines"])
    for name in ("a.svg", "a.png"):
        plot.write(store, drawing, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 5000
    assert "<polyline" in (tmp_path / "a.svg").read_text(encoding="utf-8")
    with pytest.raises(ConfigError):
        plot.write(store, drawing, tmp_path / "a.pdf")
