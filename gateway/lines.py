"""Stretches of track: the board's packed polyline as the feed's list of vertices."""

from typing import Any

from gateway.feed import iso
from protocols.track_decode import decode
from protocols.units import DAY_MS


def unpack(values: dict[str, Any], t_ms: int | None) -> tuple[dict[str, Any] | None, str]:
    """Return (feed values, '') of a track record, or (None, why) when it cannot be read.

    values: of a `track` record; t_ms: the record's time, Unix ms: the vertices count from the midnight
    before it. The feed's `from` is the first vertex's time; `vertices` are
    [ms after it, lat_e7, lon_e7].
    """
    if t_ms is None:
        return None, "track:time"
    vertices, why = decode(values["packed"])
    if vertices is None:
        return None, f"track:{why}"
    midnight_ms = t_ms - t_ms % DAY_MS
    start = vertices[0][0]
    return {
        "from": iso(midnight_ms + start),
        "bound_cm": values["bound_cm"],
        "vertices": [[t - start, lat_e7, lon_e7] for t, lat_e7, lon_e7 in vertices],
    }, ""
