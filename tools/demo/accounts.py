"""The demo's accounts: what was written on the boards against what came out of the feed."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.feed.identity import Identity
from tools.demo.backend import Backend
from tools.demo.epochs import Epoch
from tools.demo.rings import Written


@dataclass(slots=True)
class Account:
    """One device: `written` records on its flash, `arrived` of them on the feed, and the details."""

    device: str
    written: int = 0
    arrived: int = 0
    lost: int = 0
    repeated: int = 0
    epochs: int = 0
    epochs_right: int = 0
    temperatures: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    alerts: list[str] = field(default_factory=list)
    orders: dict[str, str] = field(default_factory=dict)
    implementation: str = ""

    def faults(self) -> list[str]:
        """Return what is wrong with this account, one line each; nothing when all came through."""
        found = []
        if not self.written:
            found.append(f"{self.device} wrote no record: see its log")
        if self.lost:
            found.append(f"LOST: {self.lost} of {self.written} records of {self.device}")
        wrong = self.epochs - self.epochs_right
        if wrong:
            found.append(
                f"LOST: {wrong} of {self.epochs} epochs of {self.device} (or not in order)"
            )
        return found


class Ledger:
    """Compares boards with the backend. data: the gateway's folder (its keys make the ids)."""

    def __init__(self, data: Path, backend: Backend):
        self._identity = Identity(data, 8)
        self._backend = backend

    def missing(self, device: str, written: dict[str, Written]) -> list[str]:
        """Return the feed ids of this device's records that the backend has not seen."""
        seen, _ = self._backend.snapshot()
        return [each for each in self._ids(device, written) if each not in seen]

    def _ids(self, device: str, written: dict[str, Written]) -> list[str]:
        return [
            self._identity.record_id(device, ring.log, seq)
            for ring in written.values()
            for seq in range(1, ring.count + 1)
        ]

    def account(self, device: str, written: dict[str, Written], epochs: list[Epoch]) -> Account:
        """Return the account of one device; `epochs`: those its receiver sent with a position."""
        subjects = {name for name, owner in self._backend.devices().items() if owner == device}
        _, streams = self._backend.snapshot()
        mine = {
            stream: [each for each in messages if each["subject"] in subjects]
            for stream, messages in streams.items()
        }
        missing = self.missing(device, written)
        total = sum(ring.count for ring in written.values())
        account = Account(device, total, total - len(missing), len(missing))
        account.repeated = sum(self._backend.repeats[subject] for subject in subjects)
        account.epochs = len(epochs)
        account.epochs_right = _count_right(mine.get("fix", []), epochs)
        for reading in mine.get("temp", []):
            if "temp_cc" in reading:
                low, high, count = account.temperatures.get(
                    reading["sensor"], (reading["temp_cc"], reading["temp_cc"], 0)
                )
                account.temperatures[reading["sensor"]] = (
                    min(low, reading["temp_cc"]),
                    max(high, reading["temp_cc"]),
                    count + 1,
                )
        account.alerts = [each.get("text_zh", "") for each in mine.get("alert", [])]
        for each in mine.get("order", []):
            account.orders[each["order"]] = each.get("state", "")
        for each in mine.get("presence", []):
            account.implementation = each.get("implementation") or account.implementation
        return account


def _count_right(fixes: list[dict[str, Any]], epochs: list[Epoch]) -> int:
    """Return how many epochs are on the feed, with the right position, in the right order.

    Fixes that answer no epoch, or come in another order, do not count.
    """
    heard = [(_ms_of_day(fix["t"]), fix["lat_e7"], fix["lon_e7"]) for fix in fixes if fix["t"]]
    sent = [(epoch.ms % 86_400_000, epoch.lat_e7, epoch.lon_e7) for epoch in epochs]
    if heard == sent:
        return len(sent)
    at = right = 0
    for each in sent:
        try:
            at = heard.index(each, at) + 1
            right += 1
        except ValueError:
            continue
    return right


def _ms_of_day(text: str) -> int:
    when = datetime.fromisoformat(text).astimezone(UTC)
    midnight = when.replace(hour=0, minute=0, second=0, microsecond=0)
    return round((when - midnight).total_seconds() * 1000)
