"""Writes the live message, all that a board needs of it. The layout is told in protocols.live."""

from protocols.compat import const

_SHORT_BYTES = const(9)
_ABSOLUTE_BYTES = const(12)
_STRING = const(0x40)
_STEP_MAX = const(63)
_TIME_DS = const(4_096)
_DAY_DS = const(864_000)
_FINE_E7 = const(100)
_FINES = const(100_000)


def put(
    buf, day: int, ms: int, lat, lon, north: int, east: int, acc_cm: int, motion: int, whole
) -> int:
    """Write a message into `buf` (at least 12 bytes) and return its size; no heap.

    day, ms: UTC; lat, lon: [degrees, fraction_e7], both with the sign; north, east: steps of 0.25 m/s,
    cut at -64 and 63; acc_cm: one sigma, negative when it is not known; motion: 0..2; whole: the
    absolute form, which all have near 180 degrees of longitude.
    """
    time = (day % _TIME_DS * (_DAY_DS % _TIME_DS) + (ms + 50) // 100) % _TIME_DS
    lat_fine = (lat[0] + 90) * _FINES + (lat[1] + _FINE_E7 // 2) // _FINE_E7
    lon_fine = (lon[0] + 180) * _FINES + (lon[1] + _FINE_E7 // 2) // _FINE_E7
    lon_fine %= 360 * _FINES
    north = min(max(north, -_STEP_MAX - 1), _STEP_MAX) & 127
    east = min(max(east, -_STEP_MAX - 1), _STEP_MAX) & 127
    accuracy = 0
    for limit_m in b"\x03\x05\x0a\x14\x32\x64":
        if acc_cm > limit_m * 100:
            accuracy += 1
    if acc_cm < 0:
        accuracy = 7
    if not -179 < lon[0] < 179:  # short ones are ambiguous where longitude turns
        whole = True
    size = _ABSOLUTE_BYTES if whole else _SHORT_BYTES
    buf[0] = _STRING | size - 1
    buf[1] = (128 if whole else 0) | time >> 5
    buf[2] = (time & 31) << 3 | accuracy
    buf[3] = motion << 6 | north >> 1
    buf[4] = (north & 1) << 7 | east
    buf[5] = lat_fine >> 8 & 255
    buf[6] = lat_fine & 255
    buf[7] = lon_fine >> 8 & 255
    buf[8] = lon_fine & 255
    if whole:
        high = lat_fine >> 16 << 10 | lon_fine >> 16
        buf[9] = high >> 11
        buf[10] = high >> 3 & 255
        buf[11] = (high & 7) << 5
    return size
