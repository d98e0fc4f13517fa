"""Who has which group: one record, changed only by who has read its newest version.

All of it is in one record so that nobody ever sees half a change. Nothing in it is a time of day: a
worker adds one to its `beat` while it lives, and the others, each by a clock of its own that only
measures differences, see when that stops.
"""

import random
import time
from dataclasses import dataclass, field

import msgspec


class Member(msgspec.Struct):
    """A worker: its beat, which run of it this is, its address for people (url), and its groups."""

    beat: int = 0
    run: str = ""
    url: str = ""
    groups: list[str] = msgspec.field(default_factory=list)


class Deal(msgspec.Struct):
    """The record. keys: digest of the keys that all workers of the city share."""

    keys: str = ""
    workers: dict[str, Member] = msgspec.field(default_factory=dict)

    def owner(self, group: str) -> str:
        """Return who has a group, '' for nobody."""
        for name, member in self.workers.items():
            if group in member.groups:
                return name
        return ""


def read(data: bytes) -> Deal:
    """Return the record; an empty one for b''; ValueError for what is none."""
    if not data:
        return Deal()
    try:
        return msgspec.json.decode(data, type=Deal)
    except (msgspec.MsgspecError, UnicodeError) as fault:
        raise ValueError(f"the record of the workers cannot be read: {fault}") from fault


def write(deal: Deal) -> bytes:
    """Return the record as bytes."""
    return msgspec.json.encode(deal)


def boot_s() -> float:
    """Return seconds of a clock that never steps, and goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def take(deal: Deal, me: str, groups: list[str]) -> set[str]:
    """Deal out for `me`: returns the groups that it has afterwards; `deal` is changed.

    Every live worker has as many as any other, or one less: what is too many is given up, what nobody
    has is taken. `groups` are all there are.
    """
    mine = deal.workers[me].groups
    mine[:] = [each for each in mine if each in groups]
    count = len(deal.workers)
    ranked = sorted(deal.workers, key=lambda name: (-len(deal.workers[name].groups), name))
    # The first so many may keep one more than the rest.
    most = len(groups) // count + (ranked.index(me) < len(groups) % count)
    free = [each for each in groups if not deal.owner(each)]
    while len(mine) < most and free:
        mine.append(free.pop(0))
    del mine[most:]
    return set(mine)


@dataclass(slots=True)
class _Seen:
    beat: int
    at_s: float


@dataclass(slots=True)
class Watch:
    """Tells which workers are gone: whose beat has stood for lease_s while the record could be read.

    While the cluster itself was silent nobody could beat: from its return on everybody has a moment,
    a quarter of lease_s and at least a second.
    """

    lease_s: float
    jitter_s: float = field(default_factory=lambda: random.uniform(0, 0.3))
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _read_s: float = 0.0
    _since_s: float = 0.0

    def gone(self, deal: Deal, me: str, now_s: float) -> list[str]:
        """Look at a record that was just read; returns the names of the dead."""
        grace_s = max(1.0, self.lease_s / 4)
        if now_s - self._read_s > self.lease_s / 2:
            self._since_s = now_s
        self._read_s = now_s
        for name, member in deal.workers.items():
            seen = self._seen.get(name)
            if seen is None or seen.beat != member.beat:
                self._seen[name] = _Seen(member.beat, now_s)
        for name in [each for each in self._seen if each not in deal.workers]:
            del self._seen[name]
        if now_s - self._since_s < grace_s + self.jitter_s:
            return []
        return [
            name
            for name, seen in self._seen.items()
            if name != me and now_s - seen.at_s > self.lease_s + self.jitter_s
        ]
