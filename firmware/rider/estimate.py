"""Where the rider is, as the application sees it: one position with its doubt and its age."""

from protocols.absent import NONE
from protocols.compat import const
from protocols.fix import WGS84

# Sources, by their place in messages' words.
GNSS = const(0)
HOLD = const(1)  # the last good position, its doubt growing
CELL = const(2)
RTK = const(3)

# Motions, by their place in messages.MOTIONS.
STILL = const(0)
FOOT = const(1)
RIDE = const(2)


class Estimate:
    """The present position; rider.position writes it, all others only read.

    `valid` False until there was one; `lat`, `lon` [degrees, fraction_e7], both signed; `t_ms` board
    time at which it was true; `day`, `ms` the same in UTC, day -1 while the clock is unset;
    `speed_mm_s`, `course_cdeg` (absent.NONE when nobody knows); `acc_cm` one sigma, horizontal, at
    t_ms; `source` GNSS HOLD CELL RTK; `motion` STILL FOOT RIDE; `datum` and `flags` as in protocols.fix.
    """

    def __init__(self):
        self.lat = [0, 0]
        self.lon = [0, 0]
        self.valid = False
        self.t_ms = 0
        self.day = -1
        self.ms = 0
        self.speed_mm_s = NONE
        self.course_cdeg = NONE
        self.acc_cm = NONE
        self.source = GNSS
        self.motion = STILL
        self.datum = WGS84
        self.flags = 0

    def doubt_cm(self, now_ms: int) -> int:
        """Return how far off it may be by now: accuracy, and age at its speed (5 m/s if unknown)."""
        speed_mm_s = self.speed_mm_s if self.speed_mm_s != NONE else 5_000
        age_ms = min(max(now_ms - self.t_ms, 0), 100_000)
        return self.acc_cm + speed_mm_s // 10 * (age_ms // 10) // 100
