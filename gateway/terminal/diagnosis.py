"""What a person with a receiver in his hand wants to know: does it talk, how fast, does it see sky.

One word for the figures (`terminal_receiver_state`), and one line in the log whenever it changes.
"""

from __future__ import annotations

import logging

_log = logging.getLogger(__name__)

# A receiver talks once a second; some are silent for as long as it takes to try two speeds.
_QUIET_MS = 6_000
_NO_FIX_MS = 15_000
# For how long a new word must be true before it is said.
_HOLD_MS = 2_000

_WORDS = {
    "position": "positions come, at {baud} baud",
    "no position": "sentences come at {baud} baud, but no position: {view} satellites in view. It needs "
    "open sky, and up to a minute after power-on; indoors there is none",
    "noise": "bytes come that are no NMEA, at {baud} baud now; the other speeds are tried. If it goes "
    "on: another device's port, or a receiver set to a binary protocol",
    "silent": "the port is open and nothing comes: another port, TX and RX exchanged, or no power",
}


class Diagnosis:
    """look() once a second; `state`: 'none' (no receiver), 'no port', 'silent', 'noise', 'no position',
    'position', 'ended' (a replay)."""

    def __init__(self) -> None:
        self.state = "none"
        self._next = "none"
        self._since_ms = 0
        self._bytes = self._valid = 0
        self._bytes_ms = self._valid_ms = self._open_ms = 0

    def look(
        self,
        now_ms: int,
        trouble: str,
        counts: tuple[int, int],
        fix_age_ms: int,
        baud: int,
        in_view: int,
    ) -> str:
        """Return the state. trouble: the line's; counts: (bytes, sentences with a right checksum) so
        far; fix_age_ms: -1 before the first."""
        byte_count, valid = counts
        if byte_count != self._bytes:
            self._bytes, self._bytes_ms = byte_count, now_ms
        if valid != self._valid:
            if now_ms - self._valid_ms > _QUIET_MS:
                self._open_ms = now_ms  # it has begun to talk
            self._valid, self._valid_ms = valid, now_ms
        word = self._judge(now_ms, trouble, fix_age_ms)
        if word != self._next:
            self._next, self._since_ms = word, now_ms
        if word != self.state and now_ms - self._since_ms >= _HOLD_MS:
            self.state = word
            self._say(word, baud, in_view)
        return self.state

    def _judge(self, now_ms: int, trouble: str, fix_age_ms: int) -> str:
        if trouble:
            return "ended" if "at its end" in trouble else "no port"
        if self._valid and now_ms - self._valid_ms <= _QUIET_MS:
            if 0 <= fix_age_ms <= _NO_FIX_MS:
                return "position"
            # Between power-on and the first position a while is nothing to talk about.
            return "no position" if now_ms - self._open_ms >= _NO_FIX_MS else self._next
        if self._bytes and now_ms - self._bytes_ms <= _QUIET_MS:
            return "noise" if now_ms - self._valid_ms > _QUIET_MS else self._next
        return "silent" if now_ms - self._bytes_ms > _QUIET_MS else self._next

    def _say(self, word: str, baud: int, in_view: int) -> None:
        text = _WORDS.get(word)
        if text is None:
            return  # the line says itself what is wrong with it
        speed = baud or "its own"
        level = logging.INFO if word == "position" else logging.WARNING
        _log.log(level, "receiver: " + text.format(baud=speed, view=in_view))
