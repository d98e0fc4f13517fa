"""A guide with a journal and a clock, and the small store that its tests walk through."""

from ar_picking.guide.machine import Guide
from ar_picking.guide.shop import Shop
from firmware.picker import maps

BINS = {
    "A1-01-1": (0, 20, (1,), 0, 2000, 0, "690", "4006381333931"),
    "A1-02-1": (0, 60, (2, 12), 0, 6000, 0, "691", "0012345678905"),
    "A2-01-1": (1, 20, (3,), 4000, 2000, 0, "692", ""),
    "A2-02-1": (1, 90, (4,), 4000, 9000, 0, "694", ""),
    "A2-03-1": (1, 90, (), 4000, 9000, 0, "693", ""),  # a bin without a marker
    "A2-04-1": (1, 40, (5,), 4000, 4000, 2, "690", "4006381333931"),  # 690 once more, frozen
}


def graph():
    """Two aisles of 10 m between two cross-aisles, 4 m apart; the depot is the corner of the first."""
    made, reason = maps.from_map(
        {
            "junctions": [[0, 0], [0, 100], [40, 0], [40, 100]],
            "edges": [[0, 1, 100], [2, 3, 100], [0, 2, 40], [1, 3, 40]],
            "depot": 0,
        }
    )
    assert made, reason
    return made


def pick_list(bins, name="L1", qty=2, orders=1):
    lines = []
    for i in range(len(bins)):
        sku = BINS[bins[i]][6]
        order = "A100{}".format(1 + i % orders)
        line = {"line": i + 1, "order": order, "sku": sku, "name": "可乐", "bin": bins[i]}
        line["qty"] = qty
        lines.append(line)
    return {"list": name, "store": "demo", "lines": lines}


class Book:
    """A journal that can be full."""

    def __init__(self):
        self.entries = []
        self.full = False

    def __call__(self, event, fields):
        if self.full:
            return False
        self.entries.append((event, fields))
        return True

    def names(self):
        return [event for event, _ in self.entries]


class Picker:
    """A guide, its journal, and a clock that moves on with every event."""

    def __init__(self, bins=(), store="demo", settings=None, obj=None, made=None, **switches):
        self.book = Book()
        self.t_ms = 0
        self.guide = Guide(Shop(made or graph(), BINS, store, settings), self.book)
        if switches:
            assert self("confirm", **switches) is None
        if bins or obj:
            assert self("list", list=obj or pick_list(bins)) is None
            self.plan()

    def __call__(self, kind, **more):
        self.t_ms += 2000
        event = {"type": kind}
        event.update(more)
        return self.guide.event(event, self.t_ms)

    def plan(self):
        for _ in range(4000):
            if not self.guide.advance() and not self.guide.planning:
                return
        raise AssertionError("planning does not end")

    def look(self, marker=None, distance_mm=900, times=3, gap_ms=66):
        """Hold the camera to a marker, the present bin's if none is named."""
        if marker is None:
            marker = BINS[self.line["bin"]][2][0]
        said = None
        self.t_ms += 2000
        for _ in range(times):
            self.t_ms += gap_ms
            event = {"type": "seen", "marker": marker, "distance_mm": distance_mm}
            said = self.guide.event(event, self.t_ms) or said
        return said

    @property
    def line(self):
        return self.guide.line()

    @property
    def at(self):
        return self.guide.state, self.guide.step()
