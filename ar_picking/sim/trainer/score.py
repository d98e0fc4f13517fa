"""How well a lesson went: points from what happened, and advice in two languages.

A pure function of the record of a lesson: the same record gives the same sheet, on any machine. Points
are 30 for the time, 30 for the walk, 30 for no mistakes, 10 for no hints:

    time    full up to the par time, none at three times of it, straight between
    walk    full up to 1.2 times the shortest walk (nobody walks on a line), none at twice of it
    errors  10 off for each wrong bin, article, count, slot; 15 for goods reported missing that are there
    hints   2 off for each

Goods reported missing that are there, or missing and not reported, let nobody pass, nor do mistakes that
cost all 30: whoever is fast at picking nothing has not learnt it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PASS = 70
_TIME, _WALK, _ERRORS, _HINTS = 30, 30, 30, 10
_ERROR_COSTS = {
    "wrong_bin": 10,
    "wrong_item": 10,
    "wrong_count": 10,
    "wrong_slot": 10,
    "false_short": 15,
    "missed_short": 15,
}
_FATAL = ("false_short", "missed_short")
# par: a calm walk, and the hands' work, in ms and mm/s
_WALK_MM_S = 800
_LINE_MS = 9_000
_PIECE_MS = 1_500
_START_MS = 5_000


@dataclass(slots=True)
class Record:
    """What happened in a lesson. Times in ms, lengths in dm."""

    lines: int
    pieces: int
    shortest_dm: int
    time_ms: int = 0
    walked_dm: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    hints: int = 0
    picked: int = 0
    short: int = 0
    finished: bool = False

    def error(self, kind: str) -> None:
        """Count a mistake of one of the kinds of _ERROR_COSTS; others are no mistakes."""
        if kind in _ERROR_COSTS:
            self.errors[kind] = self.errors.get(kind, 0) + 1


def par_ms(record: Record) -> int:
    """The time a practised picker takes without hurry."""
    walk = record.shortest_dm * 100_000 // _WALK_MM_S
    return _START_MS + walk + record.lines * _LINE_MS + record.pieces * _PIECE_MS


def sheet(record: Record) -> dict[str, Any]:
    """The score sheet: {"points", "passed", "parts": {time, walk, errors, hints}, "figures", "advice":
    [[zh, en], ...]}. A lesson that was left before its end has 0 points. passed: PASS points, no wrong
    word about missing goods, and not so many mistakes that their part is 0.
    """
    par = par_ms(record)
    parts = {
        "time": _share(_TIME, record.time_ms, par, 3 * par),
        "walk": _share(
            _WALK, record.walked_dm, record.shortest_dm * 12 // 10, record.shortest_dm * 2
        ),
        "errors": max(0, _ERRORS - sum(_ERROR_COSTS[k] * n for k, n in record.errors.items())),
        "hints": max(0, _HINTS - 2 * record.hints),
    }
    points = sum(parts.values()) if record.finished else 0
    passed = points >= PASS and _is_trusted(record, parts)
    return {
        "points": points,
        "passed": passed,
        "finished": record.finished,
        "parts": parts,
        "of": {"time": _TIME, "walk": _WALK, "errors": _ERRORS, "hints": _HINTS},
        "figures": {
            "time_s": round(record.time_ms / 1000),
            "par_s": round(par / 1000),
            "walked_m": record.walked_dm / 10,
            "shortest_m": record.shortest_dm / 10,
            "errors": dict(sorted(record.errors.items())),
            "hints": record.hints,
            "picked": record.picked,
            "short": record.short,
            "lines": record.lines,
        },
        "advice": _advice(record, parts, par),
    }


def _is_trusted(record: Record, parts: dict[str, int]) -> bool:
    return parts["errors"] > 0 and not any(record.errors.get(kind) for kind in _FATAL)


def _share(most: int, value: int, full: int, none: int) -> int:
    if value <= full:
        return most
    if value >= none:
        return 0
    return most * (none - value) // (none - full)


_WORDS = {
    "wrong_bin": ("先对货位号，再伸手", "Check the bin's number before you reach"),
    "wrong_item": ("拿起来先扫码，红色就放回去", "Scan what you take; red means put it back"),
    "wrong_count": ("大声数件数，数完再确认", "Count aloud, then confirm"),
    "wrong_slot": ("看黄色的格位再放", "Look for the yellow slot before you put"),
    "false_short": ("报缺货前再看一遍货位", "Look again before you report goods missing"),
    "missed_short": ("货不够要报缺货，不能按全部确认", "Report what is missing; never confirm it"),
}


def _advice(record: Record, parts: dict[str, int], par: int) -> list[list[str]]:
    out = []
    if not record.finished:
        out.append(["这一课没有做完", "This lesson was not finished"])
    elif not _is_trusted(record, parts):
        out.append(["这样的差错，分数再高也不算通过", "With these mistakes no points pass"])
    out += [list(_WORDS[kind]) for kind in _WORDS if record.errors.get(kind)]
    if record.finished and parts["walk"] < _WALK:
        out.append(["跟着蓝色路线走，不用来回找", "Follow the blue way; it is the shortest"])
    if record.finished and parts["time"] < _TIME:
        out.append(
            [f"熟练后约 {par // 1000} 秒可以完成", f"About {par // 1000} s once you are practised"]
        )
    if record.hints > 2:
        out.append(["先看地图上的橙色点，再用提示", "Look for the orange dot on the map first"])
    if not out:
        out.append(["做得很好，可以上下一课", "Very good: on to the next lesson"])
    return out
