"""Distances on a board: integers only, from differences to a base point.

Good to 0.2 m within 1 km (flat earth at the base's latitude); float32 would be off by up to 1.7 m.
Positions are (degrees, fraction_e7) pairs, both signed, because a longitude in 1e-7 degree is a heap
object on a 32-bit board.
"""

from math import cos, radians

from protocols.compat import const

# 1e-7 degree of latitude is 0.11132 dm: a tenth, and 1.1320 dm for every hundred.
_DM_100000 = const(11_132)
_REST_10000 = const(11_320)
_NEAR_E7 = const(90_000)  # 1 km: 90,000 * 11,132 is still a small int
# Beyond this nobody needs a distance in metres, and products would leave the small ints.
FAR_DM = const(1_000_000)
_FAR_E7 = const(9_000_000)
_REACH_E7 = const(8_000_000)


class Base:
    """A point from which distances are measured: lat, lon are (degrees, fraction_e7)."""

    def __init__(self, lat, lon):
        self.lat = (lat[0], lat[1])
        self.lon = (lon[0], lon[1])
        # The one float: computed once, when the point becomes known, never per fix.
        self.north_cm = self.east_cm = 0  # what locate() found
        self._cos_10000 = int(cos(radians(lat[0] + lat[1] / 10_000_000)) * 10_000)

    def locate(self, lat, lon) -> bool:
        """Set `north_cm`, `east_cm` to where a position lies; False, changing nothing, beyond 90 km.

        Flat earth at the base's latitude: 0.01 % of the way east-west. Uses no heap.
        """
        north = (lat[0] - self.lat[0]) * 10_000_000 + lat[1] - self.lat[1]
        turns = lon[0] - self.lon[0]
        if turns > 180:
            turns -= 360
        elif turns < -180:
            turns += 360
        if not (-3 < turns < 3 and -3 < lat[0] - self.lat[0] < 2):
            return False
        east = turns * 10_000_000 + lon[1] - self.lon[1]
        if not (-_REACH_E7 < north < _REACH_E7 and -_REACH_E7 < east < _REACH_E7):
            return False
        self.north_cm = _to_cm(north)
        east_cm = _to_cm(east)
        # In two steps, because one product would leave the small ints.
        self.east_cm = (
            east_cm // 10_000 * self._cos_10000
            + (east_cm % 10_000 * self._cos_10000 + 5_000) // 10_000
        )
        return True

    def put_at(self, north_cm: int, east_cm: int, lat, lon) -> None:
        """Write the position `north_cm`, `east_cm` (within 90 km) into `lat`, `lon` = [degrees, e7].

        The inverse of locate(): to 3 cm within 10 km, to 10 cm at 70 km. Uses no heap.
        """
        east_cm = (
            east_cm // self._cos_10000 * 10_000
            + (east_cm % self._cos_10000 * 10_000 + self._cos_10000 // 2) // self._cos_10000
        )
        _carry(self.lat[0], self.lat[1] + _to_e7(north_cm), lat)
        _carry(self.lon[0], self.lon[1] + _to_e7(east_cm), lon)

    def distance_dm(self, lat, lon) -> int:
        """Return the distance to a position in decimetres; FAR_DM (100 km) for all that is farther."""
        north = (lat[0] - self.lat[0]) * 10_000_000 + lat[1] - self.lat[1]
        turns = lon[0] - self.lon[0]
        if turns > 180:  # the shorter way round, over the date line
            turns -= 360
        elif turns < -180:
            turns += 360
        east = turns * 10_000_000 + lon[1] - self.lon[1]
        if not (-_FAR_E7 < north < _FAR_E7 and -_FAR_E7 < east < _FAR_E7):
            return FAR_DM
        north_dm = _to_dm(north)
        east_dm = _to_dm(east)
        if -_NEAR_E7 < east < _NEAR_E7:
            east_dm = (east_dm * self._cos_10000 + 5_000) // 10_000
        else:
            east_dm = east_dm // 10 * self._cos_10000 // 1_000
        return min(hypot(north_dm, east_dm), FAR_DM)


def _to_dm(e7):
    """Return a difference of latitude in decimetres: to 1 dm up to 1 km, to 1 in 10,000 beyond."""
    if -_NEAR_E7 < e7 < _NEAR_E7:
        return (e7 * _DM_100000 + 50_000) // 100_000
    # In two steps, because one product would leave the small ints.
    return e7 // 10 + e7 // 100 * _REST_10000 // 10_000


def _to_cm(e7):
    """Return a difference of latitude (below 9,000,000) in cm: 1.11320 cm each."""
    return e7 + (e7 // 10 * 1_132 + e7 % 10 * 113 + 500) // 1_000


def _to_e7(cm):
    """Return cm (below 9,000,000) in 1e-7 degree of latitude: 0.898311 each."""
    return cm - (cm // 100 * 10_169 + cm % 100 * 102 + 500) // 1_000


def _carry(degrees, e7, pair):
    """Write degrees + e7 into `pair`, both parts with one sign."""
    degrees += e7 // 10_000_000
    e7 %= 10_000_000
    if degrees >= 180:  # over the date line
        degrees -= 360
    elif degrees < -180:
        degrees += 360
    if degrees < 0 and e7:
        degrees += 1
        e7 -= 10_000_000
    pair[0] = degrees
    pair[1] = e7


def hypot(x: int, y: int) -> int:
    """Return sqrt(x*x + y*y), rounded down; exact while both are below 16,384, else within 0.02 %."""
    x = abs(x)
    y = abs(y)
    shift = 0
    while x >= 16_384 or y >= 16_384:
        x >>= 1
        y >>= 1
        shift += 1
    square = x * x + y * y
    if square < 2:
        return square << shift
    root = max(x, y) + min(x, y) // 2 + 1  # never below the root, so Newton comes down to it
    while True:
        better = (root + square // root) // 2
        if better >= root:
            return root << shift
        root = better
