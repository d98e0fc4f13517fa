"""Where a rider is right now, in nine bytes: the live message.

    short      48 | kind u1 = 0 | time u12 | accuracy u3 | motion u2 | north s7 | east s7
                  | lat u16 | lon u16
    absolute   4b | kind u1 = 1 | ... the same ... | lat high u9 | lon high u10 | 5 zero bits

It goes up on the board's own topic at QoS 0 and is in no log. It is one CBOR byte string, so its first
byte (0x48, 0x4b) tells it from a frame, which begins with an array (0x84 or above). Bits big-endian.

time: tenths of a second since 2020-01-01, UTC, modulo 4096 (409 s). lat + 90 and lon + 180 are in
1/100,000 degree, nearest; the short form has their low 16 bits: a window of 72 km, east-west by the
cosine (at least 30 km up to 65 degrees). As with aircraft (ADS-B's CPR) the receiver resolves it by the
last position that it knows of this rider, not older than 10 minutes; the absolute form needs none.
Within a degree of longitude 180, where a turn is no whole number of windows, all are absolute.
north, east: the velocity by which the receiver goes on, 0.25 m/s, -16..15.75; zero at a stop.

Here is the receiver's side; put() is protocols.live_put, which is all that a board imports.
"""

from math import cos, radians

from protocols.live_put import put

__all__ = ["AHEAD_MS", "is_live", "put", "read", "shown"]

AHEAD_MS = 300_000  # the longest keep-alive: a board is silent no longer

_SHORT_BYTES = 9
_ABSOLUTE_BYTES = 12
_STEP_MM_S = 250
_TIME_DS = 4_096
_DAY_DS = 864_000
_FINE_E7 = 100
_FINES = 100_000
_WINDOW = 65_536
_MOTIONS = 3
# One sigma, in cm, of the classes 0..6: the smallest that holds it; the last is for all above, too.
_ACCURACIES_CM = (300, 500, 1_000, 2_000, 5_000, 10_000, 100_000)


def is_live(data) -> bool:
    """Tell whether a message of the board's topic is a live message (any form of it) and no frame."""
    return len(data) > 0 and data[0] >> 5 == 2


def read(data, last, day: int, ms: int):
    """Return (values, None), or (None, why).

    last: (lat_e7, lon_e7) where the rider was within the last 10 minutes, None when nobody knows;
    day, ms: the receiver's own UTC, within 3 minutes of the message's. values: dict of `lat_e7 lon_e7
    day ms acc_cm` (None: not known) `motion` (0 still 1 foot 2 ride) `north_mm_s east_mm_s`. `why` is
    'layout', 'truncated', 'trailing', 'range' or, for a short one without `last`, 'unknown'.
    """
    if not is_live(data) or data[0] & 31 > 23:
        return None, "layout"
    size = (data[0] & 31) + 1
    if len(data) != size:
        return None, "truncated" if len(data) < size else "trailing"
    if size not in (_SHORT_BYTES, _ABSOLUTE_BYTES):
        return None, "layout"
    whole = size == _ABSOLUTE_BYTES
    if (data[1] >> 7 == 1) != whole:
        return None, "layout"
    motion = data[3] >> 6
    lat, lon = data[5] << 8 | data[6], data[7] << 8 | data[8]
    if whole:
        high = data[9] << 11 | data[10] << 3 | data[11] >> 5
        lat, lon = high >> 10 << 16 | lat, (high & 1_023) << 16 | lon
        if data[11] & 31:
            return None, "range"
    elif last is None:
        return None, "unknown"
    else:
        lat = _nearest(lat, last[0] // _FINE_E7 + 90 * _FINES)
        lon = _nearest(lon, last[1] // _FINE_E7 + 180 * _FINES)
    if motion >= _MOTIONS or not (0 <= lat <= 180 * _FINES and 0 <= lon < 360 * _FINES):
        return None, "range"
    accuracy = data[2] & 7
    at_ds = day * _DAY_DS + ms // 100
    at_ds += ((data[1] & 127) << 5 | data[2] >> 3) - at_ds + _TIME_DS // 2 & _TIME_DS - 1
    at_ds -= _TIME_DS // 2
    return {
        "lat_e7": (lat - 90 * _FINES) * _FINE_E7,
        "lon_e7": (lon - 180 * _FINES) * _FINE_E7,
        "day": at_ds // _DAY_DS,
        "ms": at_ds % _DAY_DS * 100,
        "acc_cm": _ACCURACIES_CM[accuracy] if accuracy < 7 else None,
        "motion": motion,
        "north_mm_s": _signed((data[3] & 63) << 1 | data[4] >> 7) * _STEP_MM_S,
        "east_mm_s": _signed(data[4] & 127) * _STEP_MM_S,
    }, None


def shown(values, day: int, ms: int):
    """Return (lat_e7, lon_e7) that a receiver shows at a UTC time: straight on from what read() gave.

    For the gateway's side (floats). Not before the message's own time, and not beyond AHEAD_MS after it:
    a rider who has not been heard for so long is shown where the way ended.
    """
    age_ms = (day - values["day"]) * _DAY_DS * 100 + ms - values["ms"]
    age_ms = min(max(age_ms, 0), AHEAD_MS)
    north_e7 = values["north_mm_s"] * age_ms * 8.98311e-5
    east_e7 = values["east_mm_s"] * age_ms * 8.98311e-5 / cos(radians(values["lat_e7"] / 1e7))
    lon_e7 = values["lon_e7"] + round(east_e7) + 1_800_000_000
    return values["lat_e7"] + round(north_e7), lon_e7 % 3_600_000_000 - 1_800_000_000


def _nearest(low, about):
    """Return the number with these low 16 bits that is nearest to `about`."""
    return about + (low - about + _WINDOW // 2) % _WINDOW - _WINDOW // 2


def _signed(seven):
    return seven - 128 if seven > 63 else seven
