"""The guide behind a page: texts in, texts out, and only what is new."""

import json

from guide_world import CONFIG, EDGES, Board, draw_event, graph, shop
from mutate import Chance

from ar_picking.guide.page import Page
from ar_picking.guide.shop import map_crc
from firmware.picker import mapfile, maps


def page(board):
    return Page(
        board, dict(CONFIG), json.loads(json.dumps(shop().as_json())), mapfile.pack(graph())
    )


def turned(made, board, ms):
    """Step for `ms` of the board's time; what was told for the screen, newest of each."""
    told = {}
    for _ in range(ms // 25):
        board.now_ms += 25
        while made.step():
            pass
        text = made.take()
        if text:
            told.update(json.loads(text))
    return told


def a_list():
    names = sorted(shop().bins)[:3]
    lines = []
    for i in range(3):
        sku = shop().bins[names[i]][6]
        lines.append(
            {"line": i + 1, "order": "A1", "sku": sku, "name": '"} <b>', "bin": names[i], "qty": 1}
        )
    return {"list": "L1", "store": shop().id, "lines": lines}


def test_a_page_is_told_everything_once_and_then_what_is_new():
    board = Board()
    made = page(board)
    told = turned(made, board, 500)
    assert sorted(told) == ["net", "view", "way"]
    assert told["view"]["state"] == "idle" and told["net"]["up"] is False
    assert turned(made, board, 2000) == {}


def test_a_list_is_planned_and_its_names_come_through_as_they_are():
    board = Board()
    made = page(board)
    turned(made, board, 300)
    assert made.events(json.dumps([{"type": "list", "list": a_list()}])) == ""
    told = turned(made, board, 3000)
    assert told["view"]["state"] == "walk" and told["view"]["planning"] is False
    assert told["view"]["line"]["name"] == '"} <b>'
    assert told["view"]["to_go_dm"] is None  # it is told with the way, which changes all the time
    assert told["net"]["pending"] >= 1


def test_a_refusal_is_told_with_its_words_and_its_clips():
    board = Board()
    made = page(board)
    refused = json.loads(made.events('[{"type": "tap"}, {"type": "undo"}]'))
    assert refused["code"] == "nothing_to_confirm"  # the first of them
    assert refused["zh"] and refused["en"] and refused["clip"]
    for text in ('[{"type": "fly"}]', "[{}]", "[17]", "[null]"):
        assert json.loads(made.events(text))["code"] == "bad_event", text


def test_positions_move_the_way_and_not_the_card():
    board = Board()
    made = page(board)
    made.events(json.dumps([{"type": "list", "list": a_list()}]))
    turned(made, board, 3000)
    made.events('[{"type": "at", "x_mm": 0, "y_mm": 1000}]')
    turned(made, board, 3000)
    made.events('[{"type": "at", "x_mm": 0, "y_mm": 1300}]')
    told = turned(made, board, 400)
    assert "way" in told and told["way"]["path"]
    assert "view" not in told


def test_what_the_box_served_wrong_is_said():
    for map_bytes, rows in ((b"no map", shop().as_json()), (mapfile.pack(graph()), {"bins": 1})):
        try:
            Page(Board(), dict(CONFIG), rows, map_bytes)
        except ValueError as fault:
            assert "map" in str(fault) or "shop" in str(fault)
        else:
            raise AssertionError("taken")


def test_a_map_of_another_version_of_the_store_is_told_by_its_code():
    other, reason = maps.from_map(
        {
            "junctions": [[0, 0], [0, 100], [40, 0], [40, 100], [80, 0], [80, 100], [120, 0]],
            "edges": EDGES,
            "zone": [0, 0, 2, 0, 0, 0, 0, 1],
            "depot": 0,
        }
    )
    assert other, reason
    told = json.loads(json.dumps(shop().as_json()))
    assert len(told["map_crc"]) == 8
    try:
        Page(Board(), dict(CONFIG), told, mapfile.pack(other))
    except ValueError as fault:
        assert str(fault).startswith("store_mixed: ")
    else:
        raise AssertionError("taken")
    told["map_crc"] = "{:08x}".format(map_crc(mapfile.pack(other)))
    assert Page(Board(), dict(CONFIG), told, mapfile.pack(other))
    for wrong in ("", "0", 7, "0x123456", "ABCDEF01", "123456789", [1, 2]):
        told["map_crc"] = wrong
        try:
            Page(Board(), dict(CONFIG), told, mapfile.pack(graph()))
        except ValueError as fault:
            assert "map_crc" in str(fault)
        else:
            raise AssertionError(wrong)


def test_the_rest_of_the_walk_is_worked_out_when_it_changes_and_not_at_every_step():
    board = Board()
    made = page(board)
    made.events(json.dumps([{"type": "list", "list": a_list()}]))
    turned(made, board, 3000)
    guide = made.tablet.guide
    asked = []
    kind = type(guide)
    guide.tour = lambda: asked.append("tour") or kind.tour(guide)
    guide.view = lambda: asked.append("view") or kind.view(guide)
    for step in range(10):
        made.events(json.dumps([{"type": "at", "x_mm": 0, "y_mm": 300 * step}]))
        turned(made, board, 200)
    assert len(asked) <= 4, asked  # a plan may have changed once or twice
    before = len(asked)
    assert made.events('[{"type": "skip"}]') == ""
    assert asked[before:] == ["view", "tour"]
    told = turned(made, board, 600)
    assert json.loads(json.dumps(told["way"]["tour"])) == [list(each) for each in kind.tour(guide)]


def test_what_the_page_is_told_is_what_the_guide_shows():
    chance = Chance("guide: page")
    board = Board()
    made = page(board)
    guide = made.tablet.guide
    made.events(json.dumps([{"type": "list", "list": a_list()}]))
    turned(made, board, 1000)
    for _ in range(150):
        board.now_ms += 300
        made.events(json.dumps([draw_event(chance, guide)]))
        while made.step():
            pass
        made._look()
        view = guide.view()
        view["to_go_dm"] = view["walked_dm"] = None
        assert json.loads(made._told["view"]) == json.loads(json.dumps(view))
        way = json.loads(made._told["way"])
        assert way["tour"] == json.loads(json.dumps(guide.tour()[:400]))
        assert way["path"] == json.loads(json.dumps(guide.path()[:400]))
