"""A rider's day, second by second, and all that goes wrong in it; everything from one seed.

The truth is a ride: streets of tools.simulate.ride, or a recorded track. What the receiver says of it is
the truth with slow noise (AR(1), 20 s), more of it in canyons, nothing in tunnels.
"""

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tools.simulate.ride import METRES_PER_E7, ORIGIN_E7, Sample, generate

DAY_S = 86_400
# name -> (how many a day, shortest, longest in seconds)
FAULTS = {
    "tunnel": (14, 40, 300),
    "canyon": (16, 120, 600),
    "receiver_silent": (8, 20, 120),
    "wrong_baud": (3, 30, 90),
    "radio_dead": (4, 300, 1_200),
    "dead_zone": (20, 60, 1_800),
    "broker_frozen": (6, 60, 600),
    "gateway_down": (5, 60, 1_200),
    "dropped": (30, 1, 2),
    # Long enough that a track ring runs over: 1 MiB at one record a second.
    "blackout": (1, 28_000, 30_000),
}
DAILY = tuple(FAULTS)[:-1]
_SIGMA_M, _CANYON_M, _TAU_S = 2.5, 15.0, 20.0
_NIGHT_S = (22.5 * 3600, 7.5 * 3600)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the platform does at a second of the day: an intake order message."""

    at_s: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """A fault from `start_s` to `end_s`."""

    name: str
    start_s: int
    end_s: int


@dataclass(slots=True)
class Second:
    """One second of the world. `seen`: what the receiver would say, None while it has no fix."""

    t_s: int
    truth: Sample
    seen: Sample | None
    faults: set[str]
    events: list[Event] = field(default_factory=list)
    cut: bool = False


class World:
    """A world of `hours` hours that begins at second `start_s` of the day.

    track: samples of a recorded ride as the truth (it is ridden again and again); None: generated
    streets. cuts: how many power cuts. faults: which of FAULTS there are.
    """

    def __init__(
        self,
        seed: int,
        hours: float,
        start_s: int = 10 * 3600,
        track: list[Sample] | None = None,
        cuts: int = 0,
        faults: tuple[str, ...] = DAILY,
    ):
        self._dice = random.Random(seed)
        self.seconds = round(hours * 3600)
        self.start_s = start_s
        self.events: list[Event] = []
        self.truth = self._loop(track) if track else self._day()
        self.spans = sorted(self._spans(faults), key=lambda span: span.start_s)
        share = range(60, max(61, self.seconds - 120))
        self.cuts = sorted(self._dice.sample(share, min(cuts, len(share))))

    def __iter__(self) -> Iterator[Second]:
        dice = random.Random(self._dice.random())
        east = north = 0.0
        keep = math.exp(-1 / _TAU_S)
        events, cuts = list(self.events), set(self.cuts)
        for t_s in range(self.seconds):
            truth = self.truth[t_s]
            faults = {span.name for span in self.spans if span.start_s <= t_s < span.end_s}
            sigma = _CANYON_M if "canyon" in faults else _SIGMA_M
            east = keep * east + dice.gauss(0, sigma * math.sqrt(1 - keep * keep))
            north = keep * north + dice.gauss(0, sigma * math.sqrt(1 - keep * keep))
            seen = None
            if "tunnel" not in faults:
                seen = _moved(truth, north, east, 2.4 if "canyon" in faults else 0.8)
            second = Second(t_s, truth, seen, faults, cut=t_s in cuts)
            while events and events[0].at_s <= t_s:
                second.events.append(events.pop(0))
            yield second

    # -- the rider ----------------------------------------------------------------------------------

    def _is_night(self, t_s: int) -> bool:
        of_day = (self.start_s + t_s) % DAY_S
        return of_day > _NIGHT_S[0] or of_day < _NIGHT_S[1]

    def _day(self) -> list[Sample]:
        """Ride trips of one to five orders through generated streets, with rests in between."""
        dice = self._dice
        truth: list[Sample] = []
        here = ORIGIN_E7
        numbers = itertools.count(1001)
        self._park(truth, here, dice.randint(60, 240))
        while len(truth) < self.seconds:
            if self._is_night(len(truth)):
                self._park(truth, here, 600)
                continue
            shop = here
            orders = [f"A{next(numbers)}" for _ in range(dice.choice((1, 1, 2, 3, 4, 5)))]
            assigned_s = len(truth)
            self._park(truth, here, dice.randint(90, 300))  # the goods are being handed over
            ready_s = len(truth)
            for number, order in enumerate(orders):
                leg = generate(dice.randrange(1 << 30), dice.uniform(300, 2_200), here)
                moving = len(leg) - 600  # it ends with ten minutes at the door
                begin_s = len(truth)
                truth += [replace(each, t_s=begin_s + i) for i, each in enumerate(leg[:moving])]
                here = (leg[-1].lat_e7, leg[-1].lon_e7)
                drop = here
                arrived_s = len(truth)
                self._park(truth, here, dice.randint(40, 210))
                self._tell(order, number, shop, drop, (assigned_s, ready_s, arrived_s, len(truth)))
            self._park(truth, here, dice.randint(120, 1_500))
        self.events.sort(key=lambda event: event.at_s)
        return truth[: self.seconds]

    def _park(self, truth: list[Sample], here: tuple[int, int], seconds: int) -> None:
        begin_s = len(truth)
        truth += [Sample(begin_s + i, *here, 0.0, None) for i in range(seconds)]

    def _tell(
        self,
        order: str,
        number: int,
        shop: tuple[int, int],
        drop: tuple[int, int],
        times_s: tuple[int, int, int, int],
    ) -> None:
        """What the platform says of an order: assigned, picked up, and in the end handed over."""
        dice = self._dice
        assigned_s, ready_s, _, left_s = times_s
        assign = {
            "order": order,
            "drop": {"lat_e7": drop[0], "lon_e7": drop[1]},
            "promised_s": assigned_s + dice.randint(900, 2_400),
            "profile": dice.choice(("chilled", "chilled", "frozen", "ambient")),
            "building": f"b{drop[0] // 20_000}-{drop[1] // 20_000}",
            "floor": dice.randint(0, 30),
        }
        if number % 2 == 0:
            assign["pickup"] = {"lat_e7": shop[0], "lon_e7": shop[1]}
            self.events.append(Event(ready_s, {"order": order, "action": "picked_up"}))
        self.events.append(Event(assigned_s + dice.randint(0, 30), assign))
        chance = dice.random()
        if chance < 0.05:
            end = {"order": order, "action": "failed", "reason": "nobody at home"}
        elif chance < 0.1:
            end = {"order": order, "action": "cancel"}
        else:
            end = {"order": order, "action": "handed_over"}
        self.events.append(Event(left_s - 1, end))

    def _loop(self, track: list[Sample]) -> list[Sample]:
        """A recorded ride there and back again, as often as the day is long; one order a way."""
        dice = self._dice
        seconds = list(_each_second(track))
        truth: list[Sample] = []
        for number in itertools.count():
            if len(truth) >= self.seconds:
                break
            way = seconds if number % 2 == 0 else seconds[::-1]
            order = f"T{number}"
            here = (way[0].lat_e7, way[0].lon_e7)
            assigned_s = len(truth)
            self._park(truth, here, 120)
            ready_s = len(truth)
            truth += [replace(each, t_s=ready_s + i) for i, each in enumerate(way)]
            arrived_s = len(truth)
            there = (way[-1].lat_e7, way[-1].lon_e7)
            self._park(truth, there, dice.randint(60, 180))
            self._tell(order, 1, here, there, (assigned_s, ready_s, arrived_s, len(truth)))
        self.events.sort(key=lambda event: event.at_s)
        return truth[: self.seconds]

    # -- what goes wrong ----------------------------------------------------------------------------

    def _spans(self, faults: tuple[str, ...]) -> Iterator[Span]:
        for name in faults:
            count, shortest, longest = FAULTS[name]
            share = count * self.seconds / DAY_S
            for _ in range(max(1, round(share))):
                start = self._dice.randrange(30, max(31, self.seconds - longest))
                longest = max(shortest, min(longest, self.seconds - start))
                yield Span(name, start, start + self._dice.randint(shortest, longest))


def _each_second(track: list[Sample]) -> Iterator[Sample]:
    """Fill the holes of a recording with standing still where it stopped."""
    for sample, following in itertools.pairwise([*track, track[-1]]):
        yield sample
        for _ in range(min(int(following.t_s - sample.t_s) - 1, 600)):
            yield replace(sample, speed_m_s=0.0)


def _moved(truth: Sample, north_m: float, east_m: float, hdop: float) -> Sample:
    cos_lat = math.cos(math.radians(truth.lat_e7 / 1e7))
    return replace(
        truth,
        lat_e7=truth.lat_e7 + round(north_m / METRES_PER_E7),
        lon_e7=truth.lon_e7 + round(east_m / METRES_PER_E7 / cos_lat),
        hdop=hdop,
    )
