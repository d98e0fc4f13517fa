"""The epochs in a receiver's bytes: what the feed has to show, one for one."""

from dataclasses import dataclass

from protocols.absent import NONE
from protocols.gnss import Receiver
from protocols.nmea import Framer


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch with a position: ms of day, degrees x 1e7."""

    ms: int
    lat_e7: int
    lon_e7: int


def epochs_in(data: bytes) -> list[Epoch]:
    """Return the epochs with a date and a position in `data`, in order."""
    framer, receiver = Framer(), Receiver()
    found: list[Epoch] = []
    pos = 0
    while pos < len(data):
        pos = framer.feed(data, pos, len(data))
        if framer.ready and receiver.take(framer):
            _note(receiver, found)
    if receiver.quiet():
        _note(receiver, found)
    return found


def _note(receiver: Receiver, found: list[Epoch]) -> None:
    fix = receiver.fix
    if fix.has_position and fix.days != NONE:
        lat = fix.lat[0] * 10_000_000 + fix.lat[1]
        lon = fix.lon[0] * 10_000_000 + fix.lon[1]
        found.append(Epoch(fix.ms, lat, lon))
