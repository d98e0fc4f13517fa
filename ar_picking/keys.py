"""Keys of a window as buttons: a ring or hand scanner types its code in a burst and ends with Enter.

A window hands its keys over picture by picture, so a code may come in pieces as far apart as the
pictures are. A key therefore counts as a button only when none came shortly before or after it, and
behind a piece of a code that never ended nothing is a button for a while: half a code must never
become a tap.
"""

from __future__ import annotations

from typing import Any

Action = dict[str, Any]

CODE_MAX = 64
HOLD_MS = (
    300  # keys nearer than this are one code: scanners are faster, and pictures come more often
)
_MUTE_MS = 2_000  # behind half a code
_SHORT_MS = 4_000  # from s to the number
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
        self._last_ms = -10 * HOLD_MS
        self._muted_ms = -10 * HOLD_MS  # nothing is a button until then
        self._short_ms = -10 * _SHORT_MS

    def press(self, key: str, t_ms: int) -> list[Action]:
        """What a key means: nothing yet, a scan, or the button that was typed before it."""
        out = self.rest(t_ms)
        self._last_ms = t_ms
        if key not in ENTER:
            self._typed = (self._typed + key)[-CODE_MAX - 1 :]
            return out
        typed, self._typed = self._typed, ""
        if t_ms < self._muted_ms:
            return out
        if not typed:
            return [*out, {"type": "tap"}]
        if _SHORTEST <= len(typed) <= CODE_MAX:
            return [*out, {"type": "scan", "code": typed}]
        self._muted_ms = t_ms + _MUTE_MS  # no code, and too fast for a hand
        return out

    def rest(self, t_ms: int) -> list[Action]:
        """Buttons that are certain now because no key followed them."""
        if t_ms - self._last_ms <= HOLD_MS or not self._typed:
            return []
        typed, self._typed = self._typed, ""
        if len(typed) > 1:
            self._muted_ms = t_ms + _MUTE_MS
            return []
        if t_ms < self._muted_ms:
            return []
        if typed == "s":
            self._short_ms = t_ms
        elif typed in "0123456789" and t_ms - self._short_ms <= _SHORT_MS:
            self._short_ms = t_ms - 2 * _SHORT_MS
            return [{"type": "short", "found": int(typed)}]
        elif typed in _BUTTONS:
            return [dict(_BUTTONS[typed])]
        return []
