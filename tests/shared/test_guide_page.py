"""The guide behind a page: texts in, texts out, and only what is new."""

import json

from guide_world import CONFIG, Board, graph, shop

from ar_picking.guide.page import Page
from firmware.picker import mapfile


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
