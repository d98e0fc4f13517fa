"""What the trainer's page may ask for beside the guide's own presses (ar_picking.web.mirror.presses)."""

from __future__ import annotations

from typing import Any

from ar_picking.sim.trainer.scenarios import BY_KEY
from ar_picking.web.mirror import presses


def _whole(low: int, high: int) -> presses.Check:
    return lambda v: type(v) is int and low <= v <= high


def _lesson(value: Any) -> bool:
    return isinstance(value, str) and value in BY_KEY


PRESSES: dict[str, dict[str, presses.Check]] = {
    **presses.PRESSES,
    "begin": {"lesson": _lesson},
    "leave": {},
    "move": {"walk_cm": _whole(-50, 50), "turn_deg": _whole(-30, 30), "look_deg": _whole(-20, 20)},
    "halt": {},
    "goto": {"x_cm": _whole(-100_000, 100_000), "y_cm": _whole(-100_000, 100_000)},
    "click": {"x": _whole(0, 4095), "y": _whole(0, 4095)},
    "hint": {},
}
