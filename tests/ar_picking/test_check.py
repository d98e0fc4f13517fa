"""Given a store folder with one thing wrong, when it is checked, then that is found, and what to do."""

import json
import os
import shutil

import cv2
import pytest

from ar_picking.store import (
    blind,
    check,
    finding_words,
    folder,
    layout,
    plot,
    proposal,
    sheets,
    sight,
)
from protocols.storemap import BIN_COLUMNS, MARKER_COLUMNS

cv2.setNumThreads(1)
BINS = [column[0] for column in BIN_COLUMNS]
MARKERS = [column[0] for column in MARKER_COLUMNS]


@pytest.fixture(scope="module")
def small_dir(tmp_path_factory):
    path = tmp_path_factory.mktemp("small")
    layout.make(layout.Layout("s", "小店", 2, 3, 4), path)
    return path


@pytest.fixture
def small(small_dir, tmp_path):
    path = tmp_path / "small"
    shutil.copytree(small_dir, path)
    return path


@pytest.fixture
def copy(store_dir, tmp_path):
    path = tmp_path / "copy"
    shutil.copytree(store_dir, path)
    return path


def rows(path):
    """The rows of a sheet as dicts by column."""
    found = sheets.read(path, path.read_bytes(), [], [])
    return [dict(zip(found.header, cells, strict=True)) for _, cells in found.rows]


def change(path, key, value, **new):
    """Give the row whose `key` is `value` other cells."""
    table = rows(path)
    for row in table:
        if row[key] == value:
            row.update(new)
    path.write_bytes(sheets.write(list(table[0]), table))


def faults(path):
    return [f for f in check.check(path)[1] if not f.get("note")]


def test_a_store_as_made_has_no_fault_and_says_what_is_only_a_note(store_dir):
    found = check.check(store_dir)[1]
    assert {f["finding"] for f in found} == {"blind headings"} and all(f["note"] for f in found)


@pytest.mark.parametrize(
    ("name", "key", "value", "new", "finding"),
    [
        ("bins.csv", "bin_id", "A1-03-2", {"y_m": "3.800"}, "inside"),
        ("bins.csv", "bin_id", "A1-03-2", {"z_m": "0.05"}, "under the floor"),
        ("bins.csv", "bin_id", "A1-03-2", {"z_m": "3.5"}, "above the ceiling"),
        ("bins.csv", "bin_id", "A1-03-2", {"x_m": "-2"}, "outside"),
        ("bins.csv", "bin_id", "A1-03-2", {"x_m": "0.8"}, "beside its shelf"),
        ("bins.csv", "bin_id", "A1-03-2", {"y_m": "5.600"}, "beside its shelf"),
        ("bins.csv", "bin_id", "A1-03-2", {"facing_deg": "180"}, "faces away"),
        ("bins.csv", "bin_id", "A1-03-2", {"bin_id": "ａ1-03-1"}, "same name"),
        ("bins.csv", "bin_id", "A1-03-2", {"aisle": "A2"}, "too far"),
        ("markers.csv", "marker_id", "5", {"x": "0.300"}, "inside"),
        ("markers.csv", "marker_id", "5", {"yaw": "270"}, "inside"),
        ("markers.csv", "marker_id", "5", {"x": "1.400"}, "in the air"),
        ("markers.csv", "marker_id", "5", {"z": "-0.2"}, "outside"),
        ("markers.csv", "marker_id", "5", {"y": "40"}, "outside"),
        ("markers.csv", "marker_id", "5", {"y": "5.000"}, "beside its bin"),
    ],
)
def test_what_cannot_stand_is_a_fault(small, name, key, value, new, finding):
    change(small / name, key, value, **new)
    found = faults(small)
    assert finding in {f["finding"] for f in found}, found
    one = next(f for f in found if f["finding"] == finding)
    about = str(one.get("bin", one.get("marker")))
    assert about in (value, new.get("bin_id")) or finding == "inside"
    assert about in one["text"]


def test_markers_that_cover_each_other_are_found(small):
    table = rows(small / "markers.csv")
    first = next(row for row in table if row["label"] == "A1-03-4")
    change(
        small / "markers.csv", "marker_id", "17", **{k: first[k] for k in ("x", "y", "z", "yaw")}
    )
    assert any("cover each other" in f["text"] for f in faults(small))


def test_what_is_only_unusual_is_a_note(copy):
    change(copy / "bins.csv", "bin_id", "A1-03-4", z_m="2.600")
    change(copy / "markers.csv", "label", "A2 饮料", x="3.00", y="8.4", z="1.2")
    found = [f for f in check.check(copy)[1] if f["finding"] == "in the air"]
    assert any(f.get("bin") == "A1-03-4" and f["note"] for f in found)


def test_an_article_with_two_names_is_a_note(small):
    table = rows(small / "bins.csv")
    change(small / "bins.csv", "bin_id", "A1-03-2", sku=table[0]["sku"])
    found = [f for f in check.check(small)[1] if f["finding"] == "two names"]
    assert [f["sku"] for f in found] == [table[0]["sku"]] and table[0]["name"] in found[0]["text"]


def test_every_finding_has_its_chinese_words():
    """Each kind that the sources of the check name."""
    import re
    from pathlib import Path

    kinds = set()
    for path in Path(check.__file__).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        kinds |= set(re.findall(r'"finding": "([a-z ]+)"', text))
        kinds |= set(re.findall(r'\bfault\(\s*"([a-z ]+)"', text))
    assert kinds == set(finding_words.ZH)


def edit_walk(path, name, **properties):
    walk = json.loads((path / "walk.geojson").read_text(encoding="utf-8"))
    for feature in walk["features"]:
        if feature["properties"]["id"] == name:
            feature["properties"].update(properties.pop("properties", {}))
            feature["geometry"].update(properties)
    (path / "walk.geojson").write_text(json.dumps(walk), encoding="utf-8")


def test_a_walkway_through_a_shelf_or_too_near_to_one_is_found(small):
    edit_walk(small, "A2", coordinates=[[4.1, 1.0], [2.8, 3.0], [4.1, 5.7]])
    assert "through a shelf" in {f["finding"] for f in faults(small)}
    edit_walk(small, "A2", coordinates=[[4.1, 1.0], [3.35, 3.0], [4.1, 5.7]])
    kinds = {f["finding"] for f in faults(small)}
    assert "narrow" in kinds and "through a shelf" not in kinds


def test_a_blocked_aisle_is_noted_and_its_bins_are_unreachable(copy):
    for name in ("A2", "C1.2"):
        edit_walk(copy, name, properties={"blocked": True})
    found = check.check(copy)[1]
    assert {f["walkway"] for f in found if f["finding"] == "blocked"} == {"A2", "C1.2"}
    assert sum(f["finding"] == "unreachable" for f in found) == 48


def test_a_removed_marker_is_found_where_it_is_needed(copy, store):
    # of A1-01-1 .. A1-01-4, the bay at the aisle's end: nobody else's marker is on that face
    lost = [n for n, m in store.markers.items() if m.label.startswith("A1-01-")]
    table = [row for row in rows(copy / "markers.csv") if int(row["marker_id"]) not in lost]
    (copy / "markers.csv").write_bytes(sheets.write(MARKERS, table))
    found = faults(copy)
    assert {f["bin"] for f in found if f["finding"] == "no marker"} == {
        f"A1-01-{level}" for level in (1, 2, 3, 4)
    }
    # and any single one that a bin has for itself, one by one
    single = {ids[0]: name for name, ids in store.bin_markers.items() if len(ids) == 1}
    before = dict(zip(store.bins, sight.at_bins(store), strict=True))
    for number in list(single)[::40]:
        after = sight.at_bins(folder_without(store, number))
        own, seen = dict(zip(store.bins, after, strict=True))[single[number]]
        assert seen < before[single[number]][1] or not own


def folder_without(store, number):
    """The same store as loaded from a folder without a marker."""
    from dataclasses import replace

    from ar_picking.store import confirming

    left = {n: m for n, m in store.markers.items() if n != number}
    return replace(store, markers=left, bin_markers=confirming.markers(store.bins, left))


def without(path, keep):
    table = [row for row in rows(path / "markers.csv") if keep(row)]
    (path / "markers.csv").write_bytes(sheets.write(MARKERS, table))


def test_a_blind_aisle_is_a_fault_and_the_proposals_end_it(copy):
    without(copy, lambda row: row["label"] and "A2" not in row["label"] and " " not in row["label"])
    store, found = check.check(copy)
    nowhere = [f for f in found if f["finding"] == "blind" and "in no direction" in f["text"]]
    assert {f["walkway"] for f in nowhere} == {"A2"}
    for _ in range(4):  # 50 proposals a round, and the codes suffice for all
        put = [f for f in found if f["finding"] == "put marker"]
        if not put:
            break
        assert len({f["marker"] for f in put}) == len(put)
        assert not {f["marker"] for f in put} & set(store.markers)
        table = rows(copy / "markers.csv") + [f["row"] for f in put]
        (copy / "markers.csv").write_bytes(sheets.write(MARKERS, table))
        store, found = check.check(copy)
    assert [f for f in found if not f.get("note")] == []


def test_proposals_are_few(copy):
    """Two signs are gone at an end of one aisle: a handful of places suffices, not fifty."""
    without(copy, lambda row: row["label"][:2] != "A1" or "-" in row["label"])
    _, found = check.check(copy)
    wanted = [f for f in found if f["finding"] == "blind"]
    put = [f for f in found if f["finding"] == "put marker"]
    assert len(put) <= max(2, len(wanted)) and all("put marker" in f["text"] for f in put)
    if wanted:
        assert put


def test_more_is_proposed_when_every_heading_counts(store):
    spots = blind.spots(store)
    assert proposal.proposals(store, spots) == []
    put = proposal.proposals(store, spots, every_heading=True)
    assert put and all(f["note"] for f in put)


def test_a_one_way_walkway_is_looked_along_in_its_direction_only(copy):
    edit_walk(copy, "A2", properties={"oneway": True})
    spots = [spot for spot in blind.spots(folder.load(copy)) if spot.walkway == "A2"]
    inner = [spot for spot in spots if 1.1 < spot.y_m < 8.3]
    assert {sum(look.along for look in spot.looks) for spot in inner} == {1}


def test_the_drawing_shows_blind_places_and_where_to_put_markers(copy, tmp_path):
    without(copy, lambda row: "A2" not in row["label"] and " " not in row["label"])
    store = folder.load(copy)
    drawing, _ = plot.shapes(store, checked=True)
    plot.write(store, drawing, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    for words in ("定位盲区 lost here", "建议加标签 put a marker here", "标签及其朝向"):
        assert words in text
    assert "定位盲区" not in "".join(str(s) for s in plot.shapes(store)[0].shapes)


def test_numbers_that_are_used_up_are_said(store, monkeypatch):
    monkeypatch.setattr(proposal, "DICTIONARY_SIZE", len(store.markers))
    put = proposal.proposals(store, blind.spots(store), every_heading=True)
    assert [f["finding"] for f in put] == ["no number", "still blind"]


@pytest.mark.parametrize("size", [(1, 1, 1), (3, 9, 5)])
def test_stores_of_other_sizes_have_no_blind_place(tmp_path, size):
    layout.make(layout.Layout("s", "店", *size), tmp_path / "s")
    found = check.check(tmp_path / "s")[1]
    assert not [f for f in found if f["finding"] in ("blind", "inside", "in the air", "narrow")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"version": 1', '"version": ' + "1" * 5000),
        ('"depot": [', '"depot": [1' + "0" * 400 + ", "),
        ('"depot": [', '"depot": [NaN, '),
    ],
)
def test_a_number_of_any_length_is_a_sentence(small, old, new):
    path = small / "store.json"
    text = json.dumps(json.loads(path.read_text(encoding="utf-8-sig")))
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    store, found = check.check(small)
    assert store is None and "store.json" in found[0]["text"]


@pytest.mark.parametrize("name", ["bins.csv", "store.json", "walk.geojson", "markers-wear.csv"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(small, name):
    (small / name).unlink(missing_ok=True)
    os.mkfifo(small / name)
    found = check.check(small)[1]
    assert any(name in f["text"] and "not a file" in f["text"] for f in found)


@pytest.mark.parametrize(
    ("sigma_mm", "kinds"), [(5, []), (10, []), (11, [True]), (20, [True]), (21, [None])]
)
def test_markers_nobody_measured_are_told(small, sigma_mm, kinds):
    path = small / "markers.csv"
    table = rows(path)
    for row in table:
        row["sigma_mm"] = sigma_mm
    path.write_bytes(sheets.write(list(table[0]), table))
    found = [f for f in check.check(small)[1] if f["finding"] == "not measured"]
    assert [f.get("note") for f in found] == kinds
    assert all("survey" in f["text"] for f in found)
