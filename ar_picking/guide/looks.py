"""What marker sightings say: the picker stands before the right bin, or holds the camera to another.

One wrong reading confirms nothing: a marker counts when it was seen three times in a row, near enough,
and not where the picker cannot be.
"""

from firmware.picker import line as geometry

NEAREST_MM = 200
FARTHEST_MM = 1500
SIGHTINGS = 3
GAP_MS = 600  # sightings farther apart than this are not one look
PICTURE_MS = 20  # and nearer than this they are of one picture, which counts once
CLOSE_MM = 400  # this close is held up to the camera, not walked past
POSITION_MS = 1500  # how long a trusted position says where somebody is
ELSEWHERE_MM = 2500  # beyond a sighting's distance: the marker is a copy, or was moved

RIGHT = 1
WRONG = 2


class Looks:
    """Counts sightings for one bin at a time."""

    def __init__(self):
        self._right = [0, 0]  # how often in a row, and when last, ms
        self._wrong = [0, 0]
        self._marker = -1  # the other bin's
        self._told = -1  # the one that was said to be wrong

    def begin(self):
        """Another bin is to be found."""
        self._right[0] = self._wrong[0] = 0
        self._marker = self._told = -1

    def seen(self, marker, distance_mm, t_ms, wanted, is_of_a_bin, away_mm):
        """RIGHT or WRONG when this sighting completes a look, else 0.

        wanted: the bin's markers; is_of_a_bin: whether the marker is another bin's; away_mm: how far the
        picker is from the bin by a trusted position, -1 when nobody knows.
        """
        if marker in wanted:
            if not NEAREST_MM <= distance_mm <= FARTHEST_MM:
                return 0
            if away_mm > distance_mm + ELSEWHERE_MM:
                return 0
            self._wrong[0] = 0
            return RIGHT if _again(self._right, t_ms) else 0
        if not is_of_a_bin or distance_mm > CLOSE_MM or marker == self._told:
            return 0
        if marker != self._marker:
            self._marker = marker
            self._wrong[0] = 0
        if _again(self._wrong, t_ms):
            self._told = marker
            self._wrong[0] = 0
            return WRONG
        return 0


def _again(look, t_ms):
    """Count one sighting; True when it is the last that was needed."""
    count, last_ms = look
    if count and 0 <= t_ms - last_ms < PICTURE_MS:
        return False
    if count and not 0 < t_ms - last_ms <= GAP_MS:
        count = 0
    look[0], look[1] = count + 1, t_ms
    return look[0] >= SIGHTINGS


def distance_mm(a, b):
    """Between two points (x_mm, y_mm)."""
    dx, dy = a[0] - b[0], a[1] - b[1]
    return int(geometry.isqrt(dx * dx + dy * dy))
