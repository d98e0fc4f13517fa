"""What an event of the guide takes, with its flash: a list of LINES lines in a shop of 8 aisles.

Run by tests/bench/test_guide.py on an interpreter of boards; prints one line per kind of event.
"""

import time

from guide_world import CONFIG, PARTITIONS, Board

from ar_picking.guide.shop import Shop
from ar_picking.guide.tablet import Tablet
from firmware.picker import maps
from firmware.system import config

AISLES = 8


def graph():
    """Aisles of 20 m between three cross-aisles, 4 m apart, as a map file brings it: with its order."""
    edges = []
    for i in range(AISLES):
        edges += [[3 * i, 3 * i + 1, 100], [3 * i + 1, 3 * i + 2, 100]]
        for k in range(3):
            if i:
                edges.append([3 * i - 3 + k, 3 * i + k, 40])
    junctions = [[40 * i, y] for i in range(AISLES) for y in (0, 100, 200)]
    made, reason = maps.from_map({"junctions": junctions, "edges": edges, "depot": 0})
    assert made, reason
    made.elimination()
    return made


def ticks():
    return time.ticks_us() if hasattr(time, "ticks_us") else time.perf_counter_ns() // 1000


def since(began):
    return time.ticks_diff(ticks(), began) if hasattr(time, "ticks_us") else ticks() - began


def shop():
    walkways = graph()
    long = [e for e in range(walkways.edges) if walkways.length_dm[e] == 100]
    bins = {}
    for k in range(400):
        edge, offset_dm = long[k % len(long)], k * 37 % 100
        x_dm, y_dm = walkways.point((edge, offset_dm))
        sku = f"s{k % 300}"
        bins[f"B{k:03d}"] = (edge, offset_dm, (k,), 100 * x_dm, 100 * y_dm, 0, sku, "")
    return Shop(walkways, bins, "demo")


def next_event(tablet, number):
    """What a picker does next, now and then something else: (its name, the event)."""
    guide = tablet.guide
    line, step = guide.line(), guide.step()
    if guide.propose:
        return "substitute", {"type": "substitute", "accept": False}
    if step == "bin":
        for every, kind in ((17, "skip"), (23, "blocked"), (29, "open")):
            if number % every == 0:
                return kind, {"type": kind}
        if number % 3:
            row = guide.shop.bins[line["bin"]]
            return "at", {"type": "at", "x_mm": row[3], "y_mm": row[4]}
        return "scan of the bin", {"type": "scan", "code": line["bin"]}
    if step == "item":
        if number % 11 == 0:
            return "short", {"type": "short", "found": 1}
        if number % 13 == 0:
            return "undo", {"type": "undo"}
        return "scan of the goods", {"type": "scan", "code": line["sku"]}
    return "put, picked", {"type": "put", "slot": line["slot"]}


def run(lines):
    PARTITIONS["lists"] = PARTITIONS["evidence"] = 32
    board = Board()
    began = ticks()
    board.ticks_ms = lambda: since(began) // 1000
    tablet = Tablet(board, config.check(CONFIG), shop())
    rows = []
    for k in range(lines):
        row = {"line": k + 1, "order": f"A{k % 4}", "sku": f"s{k * 3 % 400 % 300}"}
        row.update({"name": "可口可乐 330ml 罐装", "bin": f"B{k * 3 % 400:03d}", "qty": 2})
        rows.append(row)
    took = {}

    def timed(name, call):
        start = ticks()
        said = call()
        took.setdefault(name, []).append(since(start))
        return said

    obj = {"list": "L1", "store": "demo", "lines": rows}
    assert timed("list", lambda: tablet.event({"type": "list", "list": obj})) is None
    while timed("step", tablet.step):
        pass
    number = 0
    while tablet.guide.state in ("walk", "pick") and number < 20 * lines:
        number += 1
        name, event = next_event(tablet, number)
        timed(name, lambda event=event: tablet.event(event))
        timed("view", tablet.guide.view)
        timed("step", tablet.step)
    assert tablet.guide.state == "return", tablet.guide.state
    for name in sorted(took):
        each = sorted(took[name])
        print("figure", name.replace(" ", "_"), len(each), each[len(each) // 2], each[-1], sep=" ")
    print("figure", "snapshot_bytes", 1, tablet.state._size, tablet.state._size)


run(LINES)  # noqa: F821 (the bench puts it before this text)
