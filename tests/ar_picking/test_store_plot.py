"""Given a map and a walk, when it is drawn, then both directions of an aisle are seen, no number covers
another, and the legend says what is proven.
"""

import json
import math
import random
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest

from ar_picking.store import folder, labels, lanes, layout, legend, picture, plot, sample, walk_plot
from firmware.picker import maps, sequence
from tools.cli import main

SVG = "{http://www.w3.org/2000/svg}"


def comb(aisles=6, long_dm=200):
    """Aisles between two cross-aisles; zones in turn, an edge one-way."""
    junctions = [[35 * a, r * long_dm] for a in range(aisles) for r in (0, 1)]
    edges = [[2 * a, 2 * a + 1, long_dm] for a in range(aisles)]
    for a in range(aisles - 1):
        edges += [[2 * a, 2 * a + 2, 35], [2 * a + 1, 2 * a + 3, 35]]
    zone = [a % 3 for a in range(aisles)] + [0] * (len(edges) - aisles)
    return {"name": "comb", "junctions": junctions, "edges": edges, "zone": zone,
            "shelf": list(range(aisles)), "depot": 0}  # fmt: skip


def planned(picks, blocked=(), **more):
    graph, reason = maps.from_map({**comb(), **more})
    assert reason is None
    for edge in blocked:
        graph.block(edge)
    return graph, sequence.plan(graph, picks)


def words(shapes):
    return [shape["text"] for shape in shapes if "text" in shape]


def test_an_aisle_that_is_walked_twice_has_two_lanes():
    walk = [(0.0, 0.0), (100.0, 0.0), (0.0, 0.0)]
    lane = lanes.shapes(walk, [], 6.0, 4.0, "#0072b2")[1]["line"]
    out = [y for x, y in lane[: len(lane) // 2]]
    back = [y for x, y in lane[len(lane) // 2 :]]
    assert set(out) == {6.0} and set(back) == {-6.0}  # on the right of who walks, y down
    # a second time the same way: farther out than the first
    again = lanes.shapes([*walk, (100.0, 0.0)], [], 6.0, 4.0, "#0072b2")[1]["line"]
    assert max(y for x, y in again) > 6.0 + 4.0


def test_a_lane_is_cut_where_only_a_part_is_walked_twice():
    walk = [(0.0, 0.0), (100.0, 0.0), (50.0, 0.0), (50.0, 80.0), (50.0, 0.0), (100.0, 0.0)]
    lane = lanes.shapes(walk, [(50.0, 0.0)], 6.0, 4.0, "#0072b2")[1]["line"]
    assert lane[0] == (0.0, 6.0) and lane[-1][1] > 10.0


def test_a_lane_goes_round_corners_without_spikes():
    walk = [(0.0, 0.0), (100.0, 0.0), (100.0, 80.0), (20.0, 82.0), (180.0, 86.0)]
    for x, y in lanes.shapes(walk, [], 6.0, 4.0, "#0072b2")[1]["line"]:
        assert -30 < x < 210 and -30 < y < 120
    assert lanes.shapes([(5.0, 5.0)], [], 6.0, 4.0, "#0072b2") == []


def boxes(shapes):
    """The outlines of the numbers' pills: octagons."""
    out = []
    for shape in shapes:
        if len(shape.get("area", ())) == 8:
            xs, ys = [p[0] for p in shape["area"]], [p[1] for p in shape["area"]]
            out.append((min(xs), min(ys), max(xs), max(ys)))
    return out


@pytest.mark.parametrize("count", [20, 60, 100])
def test_no_number_covers_another(count):
    chance = random.Random(count)
    picks = [(chance.randrange(6), 5 * chance.randrange(41)) for _ in range(count)]
    graph, plan = planned(picks)
    drawn = walk_plot.draw(graph, set(range(6)), "t", picks, plan)
    found = boxes(drawn.shapes)
    assert len(found) == len({picks[i] for i in plan.order})
    for k, a in enumerate(found):
        for b in found[:k]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (a, b)
        assert a[0] >= 0 and a[1] >= 0 and a[2] <= drawn.width_px and a[3] <= drawn.height_px


def test_every_pick_has_its_number():
    picks = [(0, 50), (1, 80), (0, 50), (3, 0), (0, 50), (5, 199)]
    graph, plan = planned(picks)
    drawn = walk_plot.draw(graph, set(range(6)), "t", picks, plan)
    told = set()
    for text in words(drawn.shapes):
        for part in text.split(","):
            low, _, high = part.partition("-")
            if low.isdigit():
                told.update(range(int(low), int(high or low) + 1))
    assert told >= set(range(1, 7))


def test_numbers_of_one_place_share_a_label():
    places = [(1.0, 1.0), (2.0, 2.0), (1.0, 1.0), (1.0, 1.0)]
    assert walk_plot.numbered(places, [0, 2, 3, 1]) == [((1.0, 1.0), "1-3"), ((2.0, 2.0), "4")]
    assert walk_plot.numbered(places, [0, 1, 2]) == [((1.0, 1.0), "1,3"), ((2.0, 2.0), "2")]


def test_a_number_far_from_its_place_has_a_line_to_it():
    crowd = [((100.0, 100.0 + k), str(k)) for k in range(12)]
    shapes = labels.shapes(crowd, [], [], 20.0, (0, 0, 300, 300))
    lines = [shape["line"] for shape in shapes if "line" in shape]
    assert lines and all(math.dist(*line) > 20 for line in lines)


def test_the_legend_says_what_is_proven():
    made = sequence.Plan([0], [], 100, 100, "exact", None)
    assert "已证最短 proven shortest" in legend.headline(made, 1)
    made = sequence.Plan([0], [1], 110, 100, "best-found", None)
    line = legend.headline(made, 2)
    assert "11.0 m" in line and "下界 bound 10.0 m (≤ 10.0 %" in line and "1 件到不了" in line
    made = sequence.Plan([], [0], None, None, "exact", None)
    assert "no way out" in legend.headline(made, 1)


def test_a_long_line_is_broken_before_the_page_ends():
    line = "20 件 picks · 步行 walk 95.3 m · 目前最好 best found · 下界 bound 95.1 m"
    shapes, high_px = legend.shapes((10, 10), 400, 20, "t", line, ["walk", "depot"])
    texts = [shape for shape in shapes if "text" in shape]
    assert " · ".join(shape["text"] for shape in texts[1:-2]) == line and len(texts) > 4
    for shape in texts[1:]:
        assert shape["at"][0] + picture.text_px(shape["text"], shape["size"]) <= 410
        assert shape["at"][1] < 10 + high_px


def test_a_long_title_is_broken_and_cut():
    for title in ("长名字 " * 60, "x" * 5000, "店" * 200, "map · " + "order " * 40, ""):
        shapes, high_px = legend.shapes((10, 10), 400, 20, title, "line", ["walk"])
        rows = [shape for shape in shapes if shape.get("size") == 25.0]
        assert 1 <= len(rows) <= 4
        for shape in rows:
            assert shape["at"][0] + picture.text_px(shape["text"], shape["size"]) <= 410
        assert max(shape["at"][1] for shape in shapes if "text" in shape) < 10 + high_px
    assert rows[0]["text"] == ""
    shapes, _ = legend.shapes((10, 10), 400, 20, "aaa bbb · " + "ccc " * 12, "line", [])
    assert [shape["text"] for shape in shapes if shape["size"] == 25.0] == [
        "aaa bbb", "ccc ccc ccc ccc ccc ccc ccc", "ccc ccc ccc ccc ccc"
    ]  # fmt: skip


def test_what_cannot_be_written_is_a_space(tmp_path):
    name = "a\x00b\nc\ud83dd\x1b\x85\ufffe\u2028e<店>🛒"
    graph, plan = planned([(0, 9)])
    drawn = walk_plot.draw(graph, {0}, name, [(0, 9)], plan)
    for end in ("svg", "png"):
        picture.write(drawn, name, tmp_path / f"a.{end}")
    root = ET.fromstring((tmp_path / "a.svg").read_bytes())
    assert root.find(f"{SVG}title").text == "a b c d    e<店>🛒"
    assert "a b c d    e<店>🛒" in {text.text for text in root.iter(f"{SVG}text")}


def test_a_png_is_drawn_smaller_when_it_would_be_too_large():
    shapes = [
        {"area": [(0, 0), (9000, 0), (9000, 6000), (0, 6000)], "color": "#a9dcf2"},
        {"line": [(0, 3000), (9000, 3000)], "color": "#d55e00", "width": 90},
        {"line": [(0, 900), (9000, 900)], "color": "#d55e00", "width": 90, "dash": (900.0, 900.0)},
        {"dot": (4500, 1500), "radius": 300, "color": "#e69f00", "edge": "#5a3a00", "width": 9},
        {"text": "店", "at": (4500, 4500), "size": 900, "color": "#000000"},
    ]
    image = picture.png(picture.Picture(9000, 6000, shapes))
    assert image.shape == (2667, 4000, 3)
    for (x, y), color in (((100, 2600), "#a9dcf2"), ((2000, 1333), "#d55e00"),
                          ((200, 400), "#d55e00"), ((600, 400), "#a9dcf2"),
                          ((2000, 600), "#e69f00")):  # fmt: skip
        assert "#" + "".join(f"{c:02x}" for c in image[y, x, ::-1]) == color, (x, y)
    dark = np.argwhere((image < 60).all(axis=2))
    assert dark[:, 0].min() > 1700 and dark[:, 0].max() < 2300  # the sign, at its place
    assert picture.png(picture.Picture(9000, 0.1, [])).shape == (1, 4000, 3)
    assert picture.png(picture.Picture(4000, 30, [])).shape == (30, 4000, 3)


def test_arrows_point_the_way_that_is_walked():
    for to in ((200.0, 0.0), (-200.0, 0.0), (0.0, 200.0), (120.0, -160.0)):
        shapes = lanes.shapes([(0.0, 0.0), to], [], 6.0, 4.0, "#0072b2")
        heads = [shape["area"] for shape in shapes if "area" in shape]
        assert heads
        for tip, *back in heads:
            ahead = [(tip[0] - x) * to[0] + (tip[1] - y) * to[1] for x, y in back]
            assert min(ahead) > 10 * math.hypot(*to)  # px along the way


def test_a_pick_out_of_reach_is_drawn_where_it_is():
    picks = [(0, 50), (3, 80), (3, 120)]
    graph, plan = planned(picks, blocked=[3])
    drawn = walk_plot.draw(graph, set(range(6)), "t", picks, plan)
    rings = [s["dot"] for s in drawn.shapes if s.get("edge") == legend.CLOSED and "dot" in s]
    assert plan.unreachable == [1, 2] and len(rings) == 3  # and the legend's
    (x, y), (beside, above), _ = rings
    aisle = [s["line"] for s in drawn.shapes if s.get("dash") and s["line"][0][1] > y]
    assert abs(x - beside) < 1 and above < y and abs(aisle[0][0][0] - x) < 1


def test_maps_with_nothing_to_walk():
    graph, _ = maps.from_map({"junctions": [[5, 5]], "edges": []})
    drawn = walk_plot.draw(graph, set(), "t", [], sequence.plan(graph, []))
    assert "步行 walk 0.0 m" in " ".join(words(drawn.shapes))
    apart = {"junctions": [[0, 0], [9, 0], [40, 9]], "edges": [[0, 1, 9]]}
    graph, _ = maps.from_map(apart)
    plan = sequence.plan(graph, [(0, 4)], (-1, 2))
    told = words(walk_plot.draw(graph, {0}, "t", [(0, 4)], plan, (-1, 2)).shapes)
    assert any("无路可达" in text for text in told)


def test_signs_stand_only_for_what_is_there():
    graph, _ = planned([])
    told = " ".join(words(walk_plot.draw(graph, {0}, "t").shapes))
    assert "常温" in told and "冷冻" not in told and "blocked" not in told and "one way" not in told
    picks = [(0, 9), (2, 50), (1, 20)]
    graph, plan = planned(picks, blocked=[2], oneway=[6])
    told = " ".join(words(walk_plot.draw(graph, {0, 2}, "t", picks, plan, (-1, 3)).shapes))
    for word in ("冷冻 frozen", "blocked", "one way", "out of reach", "depot", "start"):
        assert word in told


def test_both_files_show_it(tmp_path):
    picks = [(0, 50), (1, 80), (4, 120)]
    graph, plan = planned(picks, blocked=[3])
    drawn = walk_plot.draw(graph, set(range(6)), "<店> & co", picks, plan)
    picture.write(drawn, "<店> & co", tmp_path / "a.svg")
    root = ET.fromstring((tmp_path / "a.svg").read_text(encoding="utf-8"))
    assert "<店> & co" in {text.text for text in root.iter(f"{SVG}text")}
    assert root.find(f"{SVG}title").text == "<店> & co"
    picture.write(drawn, "t", tmp_path / "a.png")
    image = cv2.imread(str(tmp_path / "a.png"))
    assert image.shape[:2] == (round(drawn.height_px), round(drawn.width_px))
    for color in (legend.WALK, legend.PICK, legend.DEPOT, legend.CLOSED, *legend.ZONES):
        bgr = np.array([int(color[i : i + 2], 16) for i in (5, 3, 1)])
        assert (np.abs(image.astype(int) - bgr).sum(axis=2) < 6).sum() > 20, color


def test_a_closed_way_is_dashed_in_both():
    drawn = picture.Picture(
        60, 20, [{"line": [(5, 10), (55, 10)], "color": "#d55e00", "width": 3, "dash": (8.0, 6.0)}]
    )
    assert "stroke-dasharray" in picture.svg(drawn, "t")
    row = picture.png(drawn)[10, :, 1]
    assert (row < 200).any() and (row[12:50] > 240).any()


@pytest.mark.parametrize("size", [(1, 1, 1), (5, 8, 3)])
def test_stores_of_other_sizes(tmp_path, size):
    layout.make(layout.Layout("s", "店", *size), tmp_path / "s")
    store = folder.load(tmp_path / "s")
    drawn, walk = plot.shapes(store, sample.sample_list(store, "L", 2))
    assert walk["method"] == "exact" and drawn.width_px >= 900
    for name in ("a.svg", "a.png"):
        plot.write(store, drawn, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 3000


def test_the_command_draws_a_map(capsys, tmp_path):
    place = comb()
    place["instances"] = [{"id": "a", "picks": [[0, 50], [2, 80], [4, 120]]}]
    file = tmp_path / "map.json"
    file.write_text(json.dumps(place))
    out = tmp_path / "a.svg"
    base = ["store", "plot", str(file), "--out", str(out)]
    assert main(base) == 0
    assert "路口" in out.read_text(encoding="utf-8")
    assert main([*base, "--instance", "a", "--blocked", "2", "--start", "5"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["unreachable"] == [1] and sorted(told["order"]) == [0, 2]
    assert told["walk_dm"] >= told["bound_dm"] and told["instance"] == "a"
    text = out.read_text(encoding="utf-8")
    assert "封闭" in text and f"{told['walk_dm'] / 10:.1f} m" in text


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["s63", "r1l", "s145"])
def test_a_hundred_picks_of_the_shared_maps(shared, name):
    place = json.loads((shared / "data/routing/pick" / f"map_{name}.json").read_text())
    graph, _ = maps.from_map(place)
    picks = [tuple(pick) for pick in place["instances"][-1]["picks"]]
    plan = sequence.plan(graph, picks)
    found = boxes(walk_plot.draw(graph, set(place["shelf"]), name, picks, plan).shapes)
    for k, a in enumerate(found):
        for b in found[:k]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (a, b)
