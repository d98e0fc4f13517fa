"""What a simulated picker does with its hands: takes goods, scans, counts, puts, and sometimes errs.

It answers what the guide's screen asks for (`step` of the view) in the time people need for it. Before
a guide without steps it does what it always did: one tap, or one report of missing goods.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from ar_picking.store.records import Store

LOOK_MS = 500  # from seeing that the bin is confirmed to reaching for it
GRASP_MS = 450  # per piece
PUT_MS = 500
SCAN_MS = 350
ANSWER_MS = 900  # to read and answer a question
SEARCH_MS = 2500  # unconfirmed for this long: look around the bin
BY_HAND_MS = 4000  # a bin without a label is confirmed by hand after this long before it

Action = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Habits:
    """How a picker works. `mistakes`: share of goods that are first scanned from a wrong bin, 0 to 1;
    `misputs`: share that is first laid into a wrong slot; `accepts`: share of proposed substitutes
    that are taken.
    """

    scans: bool = False  # goods by their barcode instead of a tap
    mistakes: float = 0.0
    misputs: float = 0.0
    accepts: float = 1.0
    seed: int = 1

    def __post_init__(self) -> None:
        """ValueError for a share outside 0 to 1."""
        if not all(0.0 <= share <= 1.0 for share in (self.mistakes, self.misputs, self.accepts)):
            raise ValueError("mistakes, misputs and accepts are shares from 0 to 1")


class Hands:
    """One picker's hands. `shorts`: bin -> how many pieces are found there."""

    def __init__(self, store: Store, habits: Habits, shorts: dict[str, int]) -> None:
        self._store = store
        self._habits = habits
        self._shorts = dict(shorts)
        self._rng = random.Random(habits.seed)
        self._erred: set[tuple[Any, ...]] = set()
        self.wrong_scans = 0
        self.wrong_puts = 0

    def press(self, view: dict[str, Any], waited_ms: int, stands: bool) -> Action | None:
        """The button or scan for the screen as it has been for `waited_ms`; None: not yet.

        `stands`: the picker is before the bin, or at the exit.
        """
        if view.get("propose"):
            if waited_ms <= ANSWER_MS:
                return None
            return {"type": "substitute", "accept": self._rng.random() < self._habits.accepts}
        step = view.get("step", "item" if view["state"] == "pick" else None)
        if step == "exit":
            wanted = stands and waited_ms > BY_HAND_MS and "tap" in view.get("can", ())
            return {"type": "tap"} if wanted else None
        line = view["line"]
        if line is None or step is None:
            return None
        if step == "bin":
            wanted = stands and waited_ms > BY_HAND_MS and "tap" in view.get("can", ("tap",))
            labelled = self._store.bin_markers.get(line["bin"])
            return {"type": "tap"} if wanted and not labelled else None
        if not stands:
            return None
        if "step" not in view:
            return self._all_at_once(line, waited_ms)
        return self._step(view, line, step, waited_ms)

    def _all_at_once(self, line: dict[str, Any], waited_ms: int) -> Action | None:
        found = self._found(line)
        if waited_ms <= LOOK_MS + GRASP_MS * max(1, found) + PUT_MS:
            return None
        return {"type": "tap"} if found >= line["qty"] else {"type": "short", "found": found}

    def _step(
        self, view: dict[str, Any], line: dict[str, Any], step: str, waited_ms: int
    ) -> Action | None:
        found = self._found(line)
        if step == "item":
            if waited_ms <= LOOK_MS + GRASP_MS:
                return None
            if found < line["qty"]:
                self._took(line, found)
                return {"type": "short", "found": found}
            return self._scan(view, line) if self._habits.scans else {"type": "tap"}
        if step == "qty":
            if waited_ms <= GRASP_MS * max(0, found - 1) + SCAN_MS:
                return None
            if found < line["qty"]:
                self._took(line, found)
                return {"type": "short", "found": found}
            return {"type": "count", "qty": line["qty"]}
        return self._put(view, line) if waited_ms > PUT_MS else None

    def _put(self, view: dict[str, Any], line: dict[str, Any]) -> Action:
        slot = line["slot"]
        if self._errs((view["list"], line["line"], "put"), self._habits.misputs):
            self.wrong_puts += 1
            slot = slot - 1 if slot > 1 else slot + 1
        return {"type": "put", "slot": slot}

    def _errs(self, what: tuple[Any, ...], share: float) -> bool:
        """Whether this is done wrong: at the first go only, nobody takes the wrong one twice."""
        if what in self._erred:
            return False
        self._erred.add(what)
        return self._rng.random() < share

    def _scan(self, view: dict[str, Any], line: dict[str, Any]) -> Action:
        code = line.get("barcode") or line["sku"]
        if self._errs((view["list"], line["line"], "scan"), self._habits.mistakes):
            wrong = self._wrong_code(line["bin"], (code, line["sku"]))
            if wrong is not None:
                self.wrong_scans += 1
                code = wrong
        return {"type": "scan", "code": code}

    def _wrong_code(self, name: str, right: tuple[str, str]) -> str | None:
        """The code of what stands nearest, as a hasty hand takes it."""
        at = self._store.bins[name].center_m
        others = [
            (float(((b.center_m - at) ** 2).sum()), b.barcode or b.sku)
            for b in self._store.bins.values()
            if b.id != name and (b.barcode or b.sku) and not {b.barcode, b.sku} & set(right)
        ]
        return min(others)[1] if others else None

    def _found(self, line: dict[str, Any]) -> int:
        return int(min(line["qty"], self._shorts.get(line["bin"], line["qty"])))

    def _took(self, line: dict[str, Any], found: int) -> None:
        if line["bin"] in self._shorts:
            self._shorts[line["bin"]] -= found
