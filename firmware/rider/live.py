"""When to tell where the rider is: whenever what the gateway shows would be too far off.

The gateway goes on from the last live message (protocols.live) at that message's velocity. The board
does the same sum at every position and sends the next message when the two are a bound apart: 100 m on
the way, 30 m within 1 km of a customer, 15 m within 300 m; when the last one is older than `keep_ms`;
when the rider has stopped; when the caller says that the last one did not go out.
"""

from array import array

from firmware.rider.estimate import GNSS, RTK, STILL
from firmware.rider.geo import Base, hypot
from protocols.compat import const
from protocols.fix import WGS84
from protocols.live_put import put

_UNFIT = const(85)  # protocols.fix: ESTIMATED, JUMP, DATUM, STEP
_NEAR_DM = const(3_000)
_NEARER_THAN_DM = const(10_000)
_ABSOLUTE_MS = const(300_000)
_NEAR_BASE_CM = const(100_000)
# Velocity is the way of two seconds, and half of how much that has just changed: of the simple ways
# it needed the fewest messages on real rides.
_PLACES = const(4)
_PLACE = const(3)  # ms since the first, north, east
_APART_MS = const(900)  # faster receivers are looked at about once a second
_WINDOW_MS = const(2_500)
_STILL_MM_S = const(500)
_DAY_MS = const(86_400_000)
_STEP_MM_S = const(250)  # of the message's velocity


class Live:
    """Decides on live messages; bounds_cm: on the way, within 1 km, within 300 m of a customer.

    `buf` holds the message that take() told of; `keep_ms` (15,000..300,000) is the power profile's.
    """

    def __init__(self, bounds_cm=(10_000, 3_000, 1_500)):
        self.buf = bytearray(12)
        self.keep_ms = 60_000
        self._bounds_cm = bounds_cm
        self._base = None
        self._lat = [0, 0]
        self._lon = [0, 0]
        self._places = array("i", bytes(4 * _PLACE * _PLACES))
        self._count = 0
        self._day = 0
        self._sent_ms = -1  # counted like the places; -1: whoever listens knows nothing
        self._whole_ms = 0
        self._is_whole_due = True
        self._sent_north_cm = self._sent_east_cm = 0
        self._north = self._east = 0  # velocity that was sent, in the message's steps

    def anew(self) -> None:
        """Whoever listens may know nothing: the next message is due at once and absolute.

        Call it at every connection, and when a message that take() told of could not be sent.
        """
        self._sent_ms = -1
        self._is_whole_due = True

    def take(self, estimate, near_dm: int = -1) -> int:
        """Take a position; return the size of the message in `buf` that is due now, 0 when none is.

        near_dm: distance to the next customer, -1 when there is none or nobody knows. A held or cell
        position is told when a message is due by age, standing still, with its accuracy.
        """
        if (
            not estimate.valid
            or estimate.day < 0
            or estimate.datum != WGS84
            or estimate.flags & _UNFIT
        ):
            return 0
        base = self._base
        if base is None or not base.locate(estimate.lat, estimate.lon):
            self._base = base = Base(estimate.lat, estimate.lon)
            base.locate(estimate.lat, estimate.lon)
            self._count = 0
            self._sent_ms = -1
        days = estimate.day - self._day
        if not 0 <= days <= 3:
            self._day = estimate.day
            self._count = 0
            self._sent_ms = -1
            days = 0
        t_ms = estimate.ms + days * _DAY_MS
        measured = estimate.source == GNSS or estimate.source == RTK
        if measured:
            self._note(t_ms, base.north_cm, base.east_cm)
        if self._sent_ms >= 0:
            age_ms = t_ms - self._sent_ms
            if age_ms <= 0 and age_ms > -_WINDOW_MS:
                return 0
            if 0 < age_ms < self.keep_ms and not (
                measured and self._is_due(estimate, age_ms, near_dm)
            ):
                return 0
        if days:  # nothing is open across midnights but this
            self._day = estimate.day
            self._count = 0
            t_ms = estimate.ms
        return self._tell(estimate, t_ms, measured)

    def _is_due(self, estimate, age_ms, near_dm):
        """Tell whether the position that the gateway shows is too far off, or rolls on from a stop."""
        if estimate.motion == STILL and (self._north or self._east):
            return True
        near = 0 if near_dm < 0 or near_dm > _NEARER_THAN_DM else 1 if near_dm > _NEAR_DM else 2
        bound_cm = self._bounds_cm[near]
        # A step is a centimetre in 40 ms.
        north_cm = self._north * age_ms // 40
        east_cm = self._east * age_ms // 40
        # The receiver's metres and ours agree to 0.04 % of the way, and the ellipsoid's to 0.25 %.
        margin_cm = 2 + bound_cm // 400 + (abs(north_cm) + abs(east_cm)) // 2_500
        north_cm += self._sent_north_cm - self._base.north_cm
        east_cm += self._sent_east_cm - self._base.east_cm
        return hypot(north_cm, east_cm) > bound_cm - margin_cm

    def _note(self, t_ms, north_cm, east_cm):
        """Keep a place for the velocity, once a second."""
        places = self._places
        last = (self._count - 1) % _PLACES * _PLACE
        if self._count and 0 <= t_ms - places[last] < _APART_MS:
            return
        if self._count and t_ms < places[last]:
            self._count = 0
        at = self._count % _PLACES * _PLACE
        places[at] = t_ms
        places[at + 1] = north_cm
        places[at + 2] = east_cm
        self._count += 1
        if self._count >= 2 * _PLACES:
            self._count -= _PLACES

    def _velocity(self, column, back):
        """Return mm/s along a column, over the two seconds that ended `back` places ago."""
        places = self._places
        newest = (self._count - 1 - back) % _PLACES * _PLACE
        held = min(self._count, _PLACES) - 1 - back
        for more in (2, 1):
            if more > held:
                continue
            older = (self._count - 1 - back - more) % _PLACES * _PLACE
            took_ms = places[newest] - places[older]
            if took_ms <= _WINDOW_MS or (more == 1 and took_ms <= 4 * _WINDOW_MS):
                way_cm = min(
                    max(places[newest + column] - places[older + column], -100_000), 100_000
                )
                return way_cm * 10_000 // took_ms
        return 0

    def _step(self, column):
        """Return the velocity along a column that the gateway shall go on with, in mm/s."""
        now = self._velocity(column, 0)
        if self._count < 3:
            return now
        return now + (now - self._velocity(column, 1)) // 2

    def _tell(self, estimate, t_ms, measured):
        north = self._step(1) if measured else 0
        east = self._step(2) if measured else 0
        if estimate.motion == STILL or hypot(north, east) < _STILL_MM_S:
            north = east = 0
        fastest = max(abs(north), abs(east))
        most = 63 * _STEP_MM_S
        if fastest > most:  # slower, in the same direction
            north = north // 16 * (most // 16) // (fastest // 16)
            east = east // 16 * (most // 16) // (fastest // 16)
        self._north = (north + _STEP_MM_S // 2) // _STEP_MM_S
        self._east = (east + _STEP_MM_S // 2) // _STEP_MM_S
        if self._is_whole_due or self._sent_ms < 0 or not 0 <= t_ms - self._whole_ms < _ABSOLUTE_MS:
            self._whole_ms = t_ms
            self._is_whole_due = True
        whole = self._is_whole_due
        self._is_whole_due = False
        self._sent_ms = (t_ms + 50) // 100 * 100  # as the message has it
        self._anchor(estimate)
        return put(
            self.buf,
            estimate.day,
            estimate.ms,
            estimate.lat,
            estimate.lon,
            self._north,
            self._east,
            estimate.acc_cm,
            estimate.motion,
            whole,
        )

    def _anchor(self, estimate):
        """Keep where the receiver now is: to 1/100,000 degree, within a km of the base."""
        base = self._base
        north_cm, east_cm = base.north_cm, base.east_cm
        if max(abs(north_cm), abs(east_cm)) > _NEAR_BASE_CM:
            self._base = base = Base(estimate.lat, estimate.lon)
            places = self._places
            for i in range(1, _PLACE * _PLACES, _PLACE):
                places[i] -= north_cm
                places[i + 1] -= east_cm
        for i in range(2):
            self._lat[i] = estimate.lat[i]
            self._lon[i] = estimate.lon[i]
        self._lat[1] = (self._lat[1] + 50) // 100 * 100
        self._lon[1] = (self._lon[1] + 50) // 100 * 100
        base.locate(self._lat, self._lon)
        self._sent_north_cm = base.north_cm
        self._sent_east_cm = base.east_cm
