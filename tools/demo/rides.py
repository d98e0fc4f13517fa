"""What the demo's riders ride: a replayed log, a track, or generated ways; and where each ends."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tools.demo.epochs import epochs_in
from tools.errors import UsageError
from tools.simulate import replay, sentences
from tools.simulate.ride import ORIGIN_E7, Sample, generate, read_csv

RIDERS = 3
_RIDE_M = 380.0
# A few blocks apart, so that one map shows them all.
_STARTS_E7 = ((0, 0), (11_000, -18_000), (-14_000, 16_000))

Bursts = list[tuple[float, bytes]]


@dataclass(frozen=True, slots=True)
class Ride:
    """One rider's way: samples of a track, or the sentences of a log; ridden for `seconds` at most."""

    samples: list[Sample] | None
    log: list[replay.Sentence] | None
    shift: bool
    seconds: float | None

    def bursts(self, start: datetime) -> Bursts:
        """Return what the receiver says: (seconds since the start, bytes); it starts at `start`."""
        if self.log is not None:
            said = list(replay.bursts(self.log, start if self.shift else None))
        else:
            assert self.samples is not None
            said = sentences.ride(self.samples, start)
        return [each for each in said if self.seconds is None or each[0] <= self.seconds]

    def end(self) -> tuple[int, int]:
        """Return where the ride ends (degrees x 1e7), (0, 0) for a log without a position."""
        if self.log is not None:
            epochs = epochs_in(b"".join(burst for _, burst in replay.bursts(self.log, None)))
            return (epochs[-1].lat_e7, epochs[-1].lon_e7) if epochs else (0, 0)
        assert self.samples is not None
        limit = self.samples[0].t_s + (self.seconds or float("inf"))
        last = [sample for sample in self.samples if sample.t_s <= limit][-1]
        return last.lat_e7, last.lon_e7


def plan(nmea: Path | None, track: Path | None, shift: bool, seconds: float | None) -> list[Ride]:
    """Return the rides; rider 1's is the log or the track if there is one.

    Errors of the tools' tree for a file that is none, before anything else is started.
    """
    rides = []
    for number in range(RIDERS):
        samples: list[Sample] | None = None
        log: list[replay.Sentence] | None = None
        if number == 0 and nmea:
            log = replay.read_log(nmea)
            begin = replay.first_time(log)
            if not shift and begin is not None and begin.year < 2020:
                raise UsageError(
                    f"{nmea} begins on {begin:%Y-%m-%d}, and the records' clock on 2020-01-01: "
                    "leave out --replay-time keep"
                )
        elif number == 0 and track:
            samples = read_csv(track)
        else:
            north, east = _STARTS_E7[number]
            origin = (ORIGIN_E7[0] + north, ORIGIN_E7[1] + east)
            samples = generate(number + 1, _RIDE_M, origin)
        rides.append(Ride(samples, log, shift, seconds))
    return rides
