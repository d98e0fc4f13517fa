"""The cold orders on the way: one trip for each order and each sensor that serves it."""

from firmware.rider.loading import forget, load
from firmware.rider.trip import Trip
from protocols.compat import const
from protocols.units import DAY_MS

# The numbers of rider.trip and rider.sensor, again: private ones cost a board no heap.
_AGE_MS = const(1)
_TOTAL_MS = const(6)
_UNKNOWN_MS = const(7)
_BLIND = const(27)
_BASE = const(28)
_FLAGS = const(7)
_DOORS = const(13)
_SIDES = const(24)
_TOLD = const(2)
_TICKS = const(0x3FFF_FFFF)

_OUTAGE_MAX_DAYS = const(5)
_VERSION = const(1)
_NAME_MAX = const(40)  # of an order, in bytes; a profile's is not longer
_DEFAULT_GRACE_MS = const(30_000)


class Trips:
    """Trips of the orders that were picked up and not handed over.

    journal, clock (None: no UTC) as for rider.cold.ColdBox; sensors: address -> rider.sensor.Sensor.
    `open` the trips; `worst` state of all: 0 in, 1 warn, 2 out, 3 latched; `now_ms` to which they have
    come; `cut` (UTC day, ms, board time) of a restart whose outage is not known yet, else None.
    """

    def __init__(self, journal, sensors, clock):
        self._journal = journal
        self._sensors = sensors
        self._clock = clock
        self.open = []
        self.worst = 0
        self.now_ms = 0
        self.cut: "tuple | None" = None

    def advance(self, now_ms: int) -> None:
        """Let all trips pass to `now_ms`, board time in its lowest 30 bits; record what changed."""
        self.now_ms = now_ms
        if self.cut is not None:
            self.resolve_outage()
        verdict = None
        for trip in self.open:
            sides = trip.advance(now_ms)
            if sides:
                verdict = verdict or load("verdict")
                trip.sensor.state[_FLAGS] &= ~_TOLD  # its next reading is recorded at once
                for side in (0, 1):
                    bits = sides >> 5 * side & 31
                    if bits:
                        verdict.put_excursion(self._journal, trip, side, bits >> 2 & 3, bits & 3)
        if verdict is not None:
            forget("verdict")
            self.find_worst()

    def on_order(self, order, state: str) -> None:
        """Follow an order: see rider.cold.ColdBox.on_order."""
        if state == "picked_up":
            if order.profile and not [trip for trip in self.open if trip.order == order.name]:
                self.open += self._begin(order.name, order.profile)
        elif state in ("handed_over", "failed", "cancelled"):
            ended = [trip for trip in self.open if trip.order == order.name]
            self.open = [trip for trip in self.open if trip.order != order.name]
            if not ended and state == "handed_over" and order.profile:
                ended = self._begin(order.name, order.profile)
            if ended:
                load("verdict").put_verdict(self._journal, ended)
                forget("verdict")
                self.find_worst()

    def grace_ms(self) -> int:
        """Return how long the lid may be open: the strictest of all orders on the way, else 30 s."""
        grace_ms = -1
        for trip in self.open:
            if grace_ms < 0 or trip.profile.grace_ms < grace_ms:
                grace_ms = trip.profile.grace_ms
        return grace_ms if grace_ms >= 0 else _DEFAULT_GRACE_MS

    def _begin(self, name, profile_name):
        profile = self.profile(profile_name)
        trips = []
        for sensor in self._sensors.values():
            if sensor.profile is None or sensor.profile == profile_name:
                trip = Trip(name, profile, sensor, self.now_ms)
                for at in range(4):
                    trip.state[_BASE + at] = sensor.state[_DOORS + at]
                trips.append(trip)
        return trips or [Trip(name, profile, None, self.now_ms)]

    def profile(self, name: str):
        """Return the Profile of that name, shared where an order on the way has it already."""
        for trip in self.open:
            if trip.profile.name == name:
                return trip.profile  # it takes as much heap as a trip
        found = load("profiles").find(name)
        forget("profiles")
        return found

    def find_worst(self) -> None:
        """Look which state is the worst now."""
        self.worst = 0
        for trip in self.open:
            self.worst = max(self.worst, trip.state[_SIDES], trip.state[_SIDES + 1])

    def save(self) -> list:
        """Return what has to survive a power cut, and the time at which it is true."""
        day, ms = -1, 0
        if self._clock is not None:
            day, ms = self._clock.day(), self._clock.ms()
        if self.cut is not None:
            day, ms = self.cut[0], self.cut[1]  # an outage that is not accounted for yet began then
        return [_VERSION, day, ms, [trip.save() for trip in self.open]]

    def resolve_outage(self) -> None:
        """Account for the time without power, once UTC tells how long it was.

        Known at once, it is led through like any silence. Known later, it is unknown time. What nobody
        can know (no UTC before the cut, or a clock that went back) leaves the trips blind.
        """
        day, ms, from_ms = self.cut
        outage_ms = -1
        if day >= 0 and self._clock is not None:
            if self._clock.day() < 0:
                return
            if 0 <= self._clock.day() - day <= _OUTAGE_MAX_DAYS:
                outage_ms = (self._clock.day() - day) * DAY_MS + self._clock.ms() - ms
                outage_ms -= self.now_ms - from_ms & _TICKS
        self.cut = None
        for trip in self.open:
            state = trip.state
            if outage_ms < 0:
                state[_BLIND] = 1
            elif state[_BLIND] == 2:
                state[_BLIND] = 0
                state[_TOTAL_MS] += outage_ms
                state[_UNKNOWN_MS] += outage_ms
            elif self.now_ms == from_ms:
                trip.at_ms = trip.at_ms - outage_ms & _TICKS
