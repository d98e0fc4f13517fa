"""Stretches of track: the board's packed polyline as the feed's list of vertices."""

from typing import Any

from gateway.feed.writer import iso
from protocols.track_decode import stretches
from protocols.units import DAY_MS


def unpack(values: dict[str, Any], t_ms: int | None) -> tuple[dict[str, Any] | None, str]:
    """Return (feed values, '') of a track record, or (None, why) when it cannot be read.

    values: of a `track` record; t_ms: the record's time, Unix ms: the vertices count from the midnight
    before it. The feed's `from` is the first vertex's time; `vertices` are [ms after it, lat, lon], in
    1e-7 degree; `breaks`, where there are any, the places in it behind which nobody knows the way.
    """
    if t_ms is None:
        return None, "track:time"
    found, why = stretches(values["packed"])
    if found is None:
        return None, f"track:{why}"
    midnight_ms = t_ms - t_ms % DAY_MS
    start = found[0][0][0]
    told: dict[str, Any] = {
        "from": iso(midnight_ms + start),
        "bound_cm": values["bound_cm"],
        "vertices": [
            [t - start, lat_e7, lon_e7] for stretch in found for t, lat_e7, lon_e7 in stretch
        ],
    }
    if len(found) > 1:
        ends, count = [], 0
        for stretch in found[:-1]:
            count += len(stretch)
            ends.append(count - 1)
        told["breaks"] = ends
    return told, ""
