"""How often somebody may try to log in: after some failures a delay that grows, to a bound.

Counted per address, per name, and per name at an address. Nobody is locked out for ever: the delay ends
at 30 s, an attempt that comes too early is not looked at and makes it no longer, and a right password
takes back what was counted of that name at that address, and no more: at an address that many share it
must not cover for guesses at other names. Where a name has logged in before, only what was done to that
name from there counts: nobody waits for what others do to other names, or to theirs from elsewhere.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

_FREE = 4  # failures before the first delay
_FIRST_S = 1.0
_LAST_S = 30.0
_FORGET_S = 900.0
_KEYS_MAX = 4_000

# ("address", network), ("name", name) or ("both", name, network).
_Key = tuple[str, ...]


class Attempts:
    """Delays of log-in attempts. `slowed` counts attempts that came too early."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic):
        self._clock_s = clock_s
        # key -> (failures, when the last one was)
        self._failed: OrderedDict[_Key, tuple[int, float]] = OrderedDict()
        self._homes: OrderedDict[tuple[str, str], None] = OrderedDict()
        self.slowed = 0

    def wait_s(self, address: str, name: str) -> float:
        """Return for how many seconds this attempt must still wait; 0: now."""
        home = network(address)
        both, *others = _keys(name, home)
        counted = [both] if (name, home) in self._homes else [both, *others]
        wait_s = max(self._wait_s(key) for key in counted)
        self.slowed += wait_s > 0
        return wait_s

    def _wait_s(self, key: _Key) -> float:
        count, at_s = self._failed.get(key, (0, 0.0))
        if count < _FREE:
            return 0.0
        delay_s = min(_LAST_S, _FIRST_S * 2.0 ** min(count - _FREE, 16))
        return max(0.0, at_s + delay_s - self._clock_s())

    def failed(self, address: str, name: str) -> None:
        """A name and its password did not fit."""
        now_s = self._clock_s()
        for key in _keys(name, network(address)):
            count, at_s = self._failed.pop(key, (0, now_s))
            self._failed[key] = (1 if now_s - at_s > _FORGET_S else count + 1, now_s)
            if len(self._failed) > _KEYS_MAX:
                self._failed.popitem(last=False)

    def passed(self, address: str, name: str) -> None:
        """A name logged in from an address."""
        home = network(address)
        both, *others = _keys(name, home)
        own, _ = self._failed.pop(both, (0, 0.0))
        for key in others:
            count, at_s = self._failed.get(key, (0, 0.0))
            if count > own:
                self._failed[key] = count - own, at_s
            else:
                self._failed.pop(key, None)
        self._homes[name, home] = None
        self._homes.move_to_end((name, home))
        if len(self._homes) > _KEYS_MAX:
            self._homes.popitem(last=False)


def _keys(name: str, home: str) -> tuple[_Key, _Key, _Key]:
    return ("both", name, home), ("address", home), ("name", name)


def network(address: str) -> str:
    """Return an address as one person has it: IPv4 whole, of IPv6 the first 64 bits."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return found.exploded[:19]
    return str(found)
