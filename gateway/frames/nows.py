"""Live messages of boards -> positions of right now, which are shown and told, and not stored."""

import math
from collections import OrderedDict
from typing import Any

from gateway.feed.writer import REPLAY_MS, unix_ms, wire_time
from protocols import live, messages

# A short message is resolved by where the rider was within this time (protocols.live).
_KNOWN_MS = 600_000
_DEVICES_MAX = 200_000
# A message says its time modulo 409 s: one that a broker held longer than half of that would be dated
# into the future. A board's clock is a receiver's, ours is the net's: they differ by less than this.
_AHEAD_MAX_MS = 10_000
_MOTIONS = messages.words(messages.FIX, "motion")


class Nows:
    """Reads live messages; remembers of each device where it was, in memory and bounded.

    A gateway that has just started, or a device that it has not heard for long, waits for the next
    absolute message: five minutes at most.
    """

    def __init__(self) -> None:
        self._last: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    def read(
        self, device: str, payload: bytes, received_ms: int
    ) -> tuple[dict[str, Any] | None, int, str]:
        """Return (values for the feed, Unix ms of the position, ''), or (None, 0, why).

        why: of protocols.live, or 'late' for a position that is not of now.
        """
        known = self._last.get(device)
        last = None
        if known is not None and 0 <= received_ms - known[0] <= _KNOWN_MS:
            last = known[1:]
        told, why = live.read(payload, last, *wire_time(received_ms))
        if told is None:
            return None, 0, str(why)
        t_ms = unix_ms(told["day"], told["ms"])
        if not -_AHEAD_MAX_MS <= received_ms - t_ms <= REPLAY_MS:
            return None, 0, "late"
        place = (told["lat_e7"], told["lon_e7"])
        self._last[device] = (received_ms, *place)
        self._last.move_to_end(device)
        if len(self._last) > _DEVICES_MAX:
            self._last.popitem(last=False)
        north, east = told["north_mm_s"], told["east_mm_s"]
        values = {
            "lat_e7": place[0],
            "lon_e7": place[1],
            "speed_mm_s": round(math.hypot(north, east)),
            "motion": _MOTIONS[told["motion"]],
            "datum": "wgs84",
        }
        if north or east:
            values["course_cdeg"] = round(math.degrees(math.atan2(east, north)) * 100) % 36_000
        if told["acc_cm"] is not None:
            values["acc_cm"] = told["acc_cm"]
        return values, t_ms, ""
