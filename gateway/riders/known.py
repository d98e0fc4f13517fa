"""What was last heard of each device, in memory and bounded: time, position, stops, expected times."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from protocols import messages

_DEVICES_MAX = 200_000
_TOLD_MAX = 400_000
_Value = TypeVar("_Value")


@dataclass(slots=True)
class Place:
    """Where a device was: degrees x 1e7, WGS-84, at `t_ms` (Unix)."""

    lat_e7: int
    lon_e7: int
    t_ms: int


@dataclass(slots=True)
class Told:
    """What a board (`device`) said of an order: seconds to the hand-over at `t_ms`, its risk level."""

    device: str = ""
    eta_s: int | None = None
    t_ms: int = 0
    stops_before: int | None = None
    level: str = "none"


class Riders:
    """Told of every message of a device, in the committer's thread; asked there too.

    A gateway that has just started knows nothing and says so (None): nobody is silent by its ignorance.
    """

    def __init__(self) -> None:
        self._heard: OrderedDict[str, int] = OrderedDict()
        self._places: OrderedDict[str, Place] = OrderedDict()
        self._stops: OrderedDict[str, str] = OrderedDict()
        self._told: OrderedDict[str, Told] = OrderedDict()

    def hear(self, device: str, received_ms: int) -> None:
        """A message of the device came, whatever it was."""
        _put(self._heard, device, received_ms, _DEVICES_MAX)

    def place(self, device: str, lat_e7: int, lon_e7: int, t_ms: int) -> None:
        """The device was here; an older position than the known one is ignored."""
        known = self._places.get(device)
        if known is None or known.t_ms <= t_ms:
            _put(self._places, device, Place(lat_e7, lon_e7, t_ms), _DEVICES_MAX)

    def note(
        self,
        device: str,
        number: int,
        values: dict[str, Any],
        t_ms: int | None,
        received_ms: int,
    ) -> None:
        """Take what a record of a board says; values as on the feed, t_ms when it was true.

        A clock that is ahead makes nothing newer than its receipt (received_ms).
        """
        if t_ms is None:
            return
        t_ms = min(t_ms, received_ms)
        if number == messages.FIX and values.get("datum") in (None, "wgs84"):
            self.place(device, values["lat_e7"], values["lon_e7"], t_ms)
        elif number == messages.LINE:
            after_ms, lat_e7, lon_e7 = values["vertices"][-1]
            from_ms = round(datetime.fromisoformat(values["from"]).timestamp() * 1000)
            self.place(device, lat_e7, lon_e7, min(from_ms + after_ms, received_ms))
        elif number == messages.STOPS:
            _put(self._stops, device, str(values.get("sequence", "")), _DEVICES_MAX)
        elif number in (messages.RISK, messages.ALERT) and values.get("order"):
            self._note_told(device, str(values["order"]), number, values, t_ms)

    def _note_told(
        self, device: str, order: str, number: int, values: dict[str, Any], t_ms: int
    ) -> None:
        told = self._told.get(order)
        if told is None or told.device != device:
            told = _put(self._told, order, Told(device), _TOLD_MAX)
        if t_ms < told.t_ms:
            return
        told.t_ms = t_ms
        if values.get("eta_s") is not None:
            told.eta_s = values["eta_s"]
        if values.get("stops_before") is not None:
            told.stops_before = values["stops_before"]
        if number == messages.RISK:
            told.level = str(values.get("level") or "none")

    def heard_ms(self, device: str) -> int | None:
        """Return when the device was last heard, None when never since the start."""
        return self._heard.get(device)

    def where(self, device: str) -> Place | None:
        """Return the device's newest position, None when nobody knows."""
        return self._places.get(device)

    def stops(self, device: str) -> str:
        """Return the stop sequence that the board told last ('+A1,-A2'), '' when none."""
        return self._stops.get(device, "")

    def told(self, order: str, device: str) -> Told:
        """Return what this board said of an order; what another one said of it before is nothing."""
        told = self._told.get(order)
        return told if told is not None and told.device == device else Told(device)


def _put(places: OrderedDict[str, _Value], key: str, value: _Value, most: int) -> _Value:
    places[key] = value
    places.move_to_end(key)
    if len(places) > most:
        places.popitem(last=False)
    return value
