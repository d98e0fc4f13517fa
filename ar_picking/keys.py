"""Keys of a window as buttons: a ring or hand scanner types its code in a burst and ends with Enter.

People type slower than 50 ms a key, scanners faster (most send a key every 1 to 20 ms), so a code is
never taken for typing, and a single Enter or space stays a tap.
"""

from __future__ import annotations

from typing import Any

Action = dict[str, Any]

CODE_MAX = 64
_BURST_MS = 60  # between two keys of one code
_SHORTEST = 4
ENTER = ("\r", "\n")
_BUTTONS: dict[str, Action] = {
    " ": {"type": "tap"},
    "k": {"type": "skip"},
    "u": {"type": "undo"},
    "b": {"type": "blocked"},
    "o": {"type": "open"},
    "y": {"type": "substitute", "accept": True},
    "n": {"type": "substitute", "accept": False},
}


class Keys:
    """Takes one key after the other with its time; actions of the guide come out."""

    def __init__(self) -> None:
        self._typed = ""
        self._last_ms = -_BURST_MS * 10

    def press(self, key: str, t_ms: int) -> list[Action]:
        """What a key means: nothing yet, a scan, or the buttons that were typed."""
        out: list[Action] = []
        if t_ms - self._last_ms > _BURST_MS:
            out = self._buttons()
        self._last_ms = t_ms
        if key not in ENTER:
            self._typed = (self._typed + key)[-CODE_MAX - 1 :]
            return out
        typed, self._typed = self._typed, ""
        if _SHORTEST <= len(typed) <= CODE_MAX:
            return [*out, {"type": "scan", "code": typed}]
        if typed:
            return out  # too long or too short for a code, too fast for a hand
        return [*out, {"type": "tap"}]

    def rest(self, t_ms: int) -> list[Action]:
        """Buttons that are certain now because no key followed them."""
        return self._buttons() if t_ms - self._last_ms > _BURST_MS else []

    def _buttons(self) -> list[Action]:
        """What was typed slowly; digits report how many are there (short)."""
        typed, self._typed = self._typed, ""
        if len(typed) != 1:
            return []
        if typed in "0123456789":
            return [{"type": "short", "found": int(typed)}]
        return [dict(_BUTTONS[typed])] if typed in _BUTTONS else []
