"""A person who learns: keys and clicks of the training page become steps, grasps and scans in the store.

It is the camera of the guide (ar_picking.app), driven by hand. A click on goods takes a piece and scans
it, as a ring scanner does; what was taken wrongly goes back by itself, and counts as a mistake. The
guide knows only what it is told; what is true (how many pieces are in the hand, how many lie there) is
known here, and told to the score. A wrong press is one mistake, counted when the guide has answered it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ar_picking.guide.looks import FARTHEST_MM
from ar_picking.guide.shop import same_code
from ar_picking.sim.drive import Drive
from ar_picking.sim.picker import Frame
from ar_picking.sim.trainer.scenarios import Lesson
from ar_picking.store.records import Store

Action = dict[str, Any]

REACH_M = 1.6  # farther goods are out of reach
HINT_MS = 5_000
FRAME_MS = 50  # a browser is shown twenty pictures a second at most
_NEAR_BIN_M = 0.6  # a tap on the map this near to a bin means the bin
_DARK_EVERY_MS = 20_000
_DARK_FROM_MS = 8_000
_COUNTED = (None, "count_less", "count_more")  # answers to a press that was heard


class Trainee:
    """The camera and the hands of one lesson; `tell(kind, zh, en)` says what the page should say."""

    def __init__(
        self, store: Store, drive: Drive, lesson: Lesson, tell: Callable[[str, str, str], None]
    ) -> None:
        self.camera = drive.camera
        self.drive = drive
        self.hand: tuple[str, int] | None = None  # bin, pieces
        self.hints = 0
        self.errors: list[str] = []
        self._store = store
        self._lesson = lesson
        self._tell = tell
        self._left = {b.id: self._whole(b.id) for b in store.bins.values()}
        self._judged: list[tuple[Action, str]] = []  # presses the guide has not answered yet
        self._view: dict[str, Any] = {"state": "idle", "line": None, "step": None}
        self._events: list[Action] = []
        self._t_ms = 0
        self._pictured_ms = -FRAME_MS
        self._facing: str | None = None  # the bin to look at when the walk there is over
        self._hint_until_ms = -1

    # -- the camera of ar_picking.app ---------------------------------------------------------------

    def frame(self, t_ms: int, draw: bool = True) -> Frame | None:
        """The picture at `t_ms`; black while the lesson's camera is in the dark."""
        self._t_ms = t_ms
        if not draw or t_ms - self._pictured_ms < FRAME_MS:
            return None
        self._pictured_ms = t_ms
        if self._facing is not None and not self.drive.moving:
            if self._away_m(self._facing) <= REACH_M:
                self.drive.face(self._facing)
            else:
                self.drive.look(-20.0)  # carts are lower than the eye
                self._tell("in_the_way", "前面有东西挡着", "Something is in the way")
            self._facing = None
        picture = self.drive.frame(t_ms)
        if self.dark:
            picture[:] = 12  # a hand before the lens
        return Frame(picture, t_ms, None)

    def read(self, view: dict[str, Any], path_dm: list[tuple[int, int]]) -> None:
        """The guide's view. When another line is at hand, what is in the hand is put down, and its own
        bin is whole: whatever was taken for it before it was skipped or undone lies there again.
        """
        del path_dm
        before, self._view = self._view, view
        if _line_of(before) != _line_of(view):
            self.hand = None
            if view["line"]:
                self._left[view["line"]["bin"]] = self._whole(view["line"]["bin"])

    def actions(self) -> list[Action]:
        """Events for the guide since the last call."""
        out, self._events = self._events, []
        return out

    # -- what the page asks for ----------------------------------------------------------------------

    @property
    def dark(self) -> bool:
        """Whether the lesson holds its hand before the camera now."""
        since = self._t_ms - _DARK_FROM_MS
        return since >= 0 and since % _DARK_EVERY_MS < self._lesson.scenario.dark_s * 1000

    @property
    def guided(self) -> bool:
        """Whether the way may be shown now: always in a guided lesson, else while a hint lasts."""
        return self._lesson.scenario.guided or self._t_ms < self._hint_until_ms

    def press(self, action: Action) -> None:
        """One press of the page: a move, a click, a hint, or an event for the guide."""
        kind = action["type"]
        if kind in ("move", "halt", "goto"):
            self._facing = None
        if kind == "move":
            self.drive.walk(action["walk_cm"] / 100.0)
            self.drive.turn(float(action["turn_deg"]))
            self.drive.look(float(action["look_deg"]))
        elif kind == "halt":
            self.drive.stop()
        elif kind == "goto":
            self._go_to(action["x_cm"] / 100.0, action["y_cm"] / 100.0)
        elif kind == "click":
            self._click(action["x"], action["y"])
        elif kind == "hint":
            if self._t_ms >= self._hint_until_ms and not self._lesson.scenario.guided:
                self.hints += 1
                self._hint_until_ms = self._t_ms + HINT_MS
        elif kind == "scan":
            self._scan(action)
        else:
            self._events.append(self._watched(action))

    def answered(self, action: Action, code: str | None) -> None:
        """What the guide made of an event: wrong things are mistakes, and go back."""
        kind = action["type"]
        verdicts = [verdict for each, verdict in self._judged if each is action]
        self._judged = [pair for pair in self._judged if pair[0] is not action]
        if kind == "seen":
            self._seen(action)
        elif code in ("wrong_bin", "wrong_item", "wrong_slot"):
            self.errors.append(code)
            if code == "wrong_item":
                self._put_back()
        elif code in _COUNTED:
            self.errors += verdicts
        if code is None and (kind == "skip" or (kind == "undo" and not self._view["propose"])):
            self._put_back()

    def _seen(self, action: Action) -> None:
        """Says what the guide cannot: it sees the right label, but from too far away."""
        line = self._view["line"]
        if not line or self._view["step"] != "bin" or self.drive.moving:
            return
        if action["distance_mm"] <= FARTHEST_MM:
            return
        if action["marker"] in self._store.bin_markers[line["bin"]]:
            self._tell("nearer", "离标签太远，走近一点", "Too far from the label: step nearer")

    # -- hands ----------------------------------------------------------------------------------------

    def _click(self, x: int, y: int) -> None:
        """Take a piece of what is under a pixel, if it is in reach; otherwise step towards it."""
        name = self.drive.goods_at((x, y))
        if name is None:
            return
        if self._away_m(name) > REACH_M:
            self._go_to_bin(name)
        elif self.drive.stands_too_high(name):
            self.drive.face(name)  # nobody reaches into the lowest shelf standing
        else:
            self._take(name)

    def _scan(self, action: Action) -> None:
        """A real scanner at the page: the goods of the line are in no hand here, so one is taken."""
        line = self._view["line"]
        if not line or not any(same_code(action["code"], line[k]) for k in ("sku", "barcode")):
            self._events.append(action)
        elif self._away_m(line["bin"]) > REACH_M:
            self._tell("far", "先走到货位前", "Walk to the bin first")
        else:
            self._take(line["bin"], action["code"])

    def _take(self, name: str, code: str = "") -> None:
        item = self._store.bins[name]
        if self._left[name] <= 0:
            self._tell("empty", "货位空了", "Nothing is left in this bin")
            return
        self._left[name] -= 1
        had = self.hand[1] if self.hand and self.hand[0] == name else 0
        if self.hand and self.hand[0] != name:
            self._put_back()
        self.hand = (name, had + 1)
        self._events.append({"type": "scan", "code": code or item.barcode or item.sku or name})

    def _is_single(self, step: str | None) -> bool:
        """Whether a tap now says that the one piece of the line was taken."""
        return step == "item" and self._view["line"]["qty"] == 1

    def _go_to(self, x_m: float, y_m: float) -> None:
        """Walk to a point of the map, or before the bin that is there and look at it."""
        near = [(math.dist(b.center_m[:2], (x_m, y_m)), b.id) for b in self._store.bins.values()]
        line = self._view["line"]
        if line and math.dist(self._store.bins[line["bin"]].center_m[:2], (x_m, y_m)) < _NEAR_BIN_M:
            self._go_to_bin(line["bin"])  # bins hang above each other: the one that is wanted
        elif min(near)[0] < _NEAR_BIN_M:
            self._go_to_bin(min(near)[1])
        elif not self.drive.step_to((x_m, y_m)):
            self._tell("no_way", "走不过去", "There is no way to that place")

    def _go_to_bin(self, name: str) -> None:
        x_dm, y_dm = self._store.graph.point(self._store.stops[name])
        if self.drive.step_to((x_dm / 10.0, y_dm / 10.0)):
            self._facing = name
        else:
            self._tell("no_way", "走不过去", "There is no way to that place")

    def _away_m(self, name: str) -> float:
        return math.dist(self._store.bins[name].center_m[:2], self.drive.position)

    def _whole(self, name: str) -> int:
        """How many pieces lie in a bin that nobody has taken from."""
        return self._lesson.found.get(name, 999)

    def _put_back(self) -> None:
        if self.hand is not None:
            self._left[self.hand[0]] += self.hand[1]
            self.hand = None

    def _watched(self, action: Action) -> Action:
        """An event of the page on its way to the guide; what is not true in it waits for the answer."""
        verdict = self._verdict(action)
        if verdict is not None:
            self._judged.append((action, verdict))
        return action

    def _verdict(self, action: Action) -> str | None:
        """The mistake in a press: what it says against what is in the hand, and what is there at all."""
        line, step, kind = self._view["line"], self._view.get("step"), action["type"]
        if not line:
            return None
        held = self.hand[1] if self.hand and self.hand[0] == line["bin"] else 0
        there = held + self._left[line["bin"]]
        if kind == "short":
            if action["found"] < min(there, line["qty"]):
                return "false_short"
            return "wrong_count" if action["found"] > there else None
        if (kind == "count" and step == "qty") or (
            kind == "tap" and (step == "qty" or self._is_single(step))
        ):
            claimed = action.get("qty", line["qty"])
            if claimed > there:
                return "missed_short"
            return "wrong_count" if claimed != held or held > line["qty"] else None
        if step == "put" and kind in ("put", "tap") and held > line["qty"]:
            return "wrong_count"  # taken on after they were counted
        return None


def _line_of(view: dict[str, Any]) -> Any:
    return view["line"]["line"] if view.get("line") else None
