"""Standing, on foot or riding, from where the rider was a few seconds ago.

A two-state Bayes filter over the speed made good in the last four or five seconds. That speed is the
best single witness: longer windows know less, because a rider changes between the two within seconds
(docs/position.md has the figures). Causal: nothing waits for later fixes.
"""

from array import array

from firmware.rider.estimate import FOOT, RIDE, STILL
from firmware.rider.geo import hypot
from protocols.compat import const

_PLACES = const(8)
_MASK = const(0x1FFF_FFFF)  # times are kept modulo this, so that they fit after weeks
_APART_MS = const(900)
_WINDOW_MS = const(3_900)
_FORGET_MS = const(30_000)
_STILL_MM_S = const(500)
# Of 4,096: how sure it is that the rider does not ride, and what may change in five seconds unseen.
_EVEN = const(2_048)
_CHANGE = const(820)
# By speed up to .. in 0.1 m/s: how often it is seen on foot or at a stop, and how often riding, as a
# ratio. Counted on one half of the labelled delivery tracks (docs/position.md), for vans; above 3 m/s
# nobody walks, below 2 m/s nobody rides far.
_SPEED_DM_S = b"\x00\x04\x0c\x12\x17\x1e\x28\x3c\xff"
_ON_FOOT = b"\x5d\x3d\x36\x32\x12\x05\x02\x01\x01"
_RIDING = b"\x10\x10\x10\x10\x10\x10\x10\x1f\xff"


class Motion:
    """`state` STILL, FOOT or RIDE; STILL before anything is known.

    A stop is seen within 10 s of its beginning with a position every second, and a start as soon.
    """

    def __init__(self):
        self.state = STILL
        self._sure = _EVEN
        # Time, north and east of the last places, a ring.
        self._ring = array("i", bytes(4 * 3 * _PLACES))
        self._count = 0
        self._at = 0  # where the next place goes
        self._judged_ms = 0

    def clear(self) -> None:
        """Forget the places, not the state: their base has moved, or the time did."""
        self._count = 0
        self._at = 0

    def on_place(self, north_cm: int, east_cm: int, now_ms: int) -> None:
        """Take a place (both below 2^30) at board time `now_ms`; sets `state` when it is time to."""
        now_ms &= _MASK
        ring = self._ring
        if self._count:
            last = (self._at - 1) % _PLACES * 3
            since_ms = (now_ms - ring[last]) & _MASK
            if since_ms < _APART_MS:
                return
            if since_ms > _FORGET_MS:
                self.clear()
                self._sure = _EVEN
        at = self._at * 3
        ring[at] = now_ms
        ring[at + 1] = north_cm
        ring[at + 2] = east_cm
        self._at = (self._at + 1) % _PLACES
        self._count = min(self._count + 1, _PLACES)
        if self._count == 1:
            self._judged_ms = now_ms
        elif (now_ms - self._judged_ms) & _MASK >= _WINDOW_MS:
            self._judged_ms = now_ms
            self._judge(now_ms, north_cm, east_cm)

    def stands(self) -> None:
        """Take it that the rider stands, for sure: the receiver measured no speed for a while."""
        self.state = STILL
        self._sure = 4_096 - _CHANGE

    def _judge(self, now_ms, north_cm, east_cm):
        ring = self._ring
        back = 2
        at = (self._at - back) % _PLACES * 3
        while back < self._count and (now_ms - ring[at]) & _MASK < _WINDOW_MS:
            back += 1
            at = (self._at - back) % _PLACES * 3
        way_cm = hypot(north_cm - ring[at + 1], east_cm - ring[at + 2])
        # Beyond 2 km within a window it is no rider, and the product would not be small.
        speed_mm_s = min(way_cm, 200_000) * 1_000 // ((now_ms - ring[at]) & _MASK) * 10
        speed_dm_s = min((speed_mm_s + 50) // 100, 254)
        level = 0
        while speed_dm_s > _SPEED_DM_S[level]:
            level += 1
        sure = self._sure
        sure += ((4_096 - 2 * sure) * _CHANGE) >> 12
        walks = sure * _ON_FOOT[level]
        rides = (4_096 - sure) * _RIDING[level]
        # Never quite sure, or no evidence could change it.
        self._sure = sure = min(max((walks << 12) // (walks + rides), 8), 4_088)
        if sure <= _EVEN:
            self.state = RIDE
        else:
            self.state = STILL if speed_mm_s < _STILL_MM_S else FOOT
