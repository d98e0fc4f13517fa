"""Listening sockets on which one address has only so many young connections at a time.

A connection whose TLS handshake has not come to its end is not among the server's yet, so the
doorkeeper does not see it: from one address they would take every file descriptor within seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import time
import weakref
from collections import OrderedDict, deque
from typing import Any

YOUNG_S = 10.0  # as long as a handshake may take
# Of one address that are open. Where all tablets come from one address (a router between) and
# connect at once, the rest of them come in with their next try.
MOST_YOUNG = 128
_ADDRESSES = 1_024
_REFUSALS = 100  # in a row, then the event loop has its turn


class Porch:
    """Who has come lately; `refused`: connections that were closed at once."""

    def __init__(self) -> None:
        self._young: OrderedDict[str, deque[tuple[float, weakref.ref[socket.socket]]]]
        self._young = OrderedDict()
        self.refused = 0

    def admits(self, peer: socket.socket, address: str, now_s: float) -> bool:
        """Whether a connection of `address` that came at `now_s` may stay."""
        young = self._young.setdefault(address, deque())
        self._young.move_to_end(address)
        while len(self._young) > _ADDRESSES:
            self._young.popitem(last=False)
        while young and now_s - young[0][0] >= YOUNG_S:
            young.popleft()
        if self.is_full(address):
            self.refused += 1
            return False
        self._young[address].append((now_s, weakref.ref(peer)))
        return True

    def is_full(self, address: str) -> bool:
        """Whether an address has as many young ones open as it may have."""
        young = self._young.get(address, ())
        if len(young) >= MOST_YOUNG:  # seldom: so each one need not be looked at each time
            self._young[address] = young = deque(each for each in young if _is_open(each[1]))
        return len(young) >= MOST_YOUNG

    async def listen(self, host: str, port: int) -> list[socket.socket]:
        """Sockets bound to every address of a host ("": all of this machine); OSError as bind's."""
        found = await asyncio.get_running_loop().getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        out: list[socket.socket] = []
        fault = OSError(f"{host} has no address to listen on")
        for family, kind, protocol, _, address in dict.fromkeys(found):
            try:
                out.append(self._bound(family, kind, protocol, address))
            except OSError as why:
                fault = OSError(why.errno, f"{host or 'all'} port {port}: {why.strerror or why}")
                if why.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    break
                # A machine without IPv6 may name such an address all the same.
        else:
            if out:
                return out
        for each in out:
            each.close()
        raise fault

    def _bound(self, family: int, kind: int, protocol: int, address: Any) -> socket.socket:
        listener = _Listener(self, family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
        return listener


class _Listener(socket.socket):
    def __init__(self, porch: Porch, family: int, kind: int, protocol: int) -> None:
        super().__init__(family, kind, protocol)
        self._porch = porch

    def accept(self) -> tuple[socket.socket, tuple[str, int]]:
        """The next one that may stay; asyncio calls it until there is none."""
        for _ in range(_REFUSALS):
            peer, address = super().accept()
            if self._porch.admits(peer, str(address[0]), time.monotonic()):
                return peer, address
            with contextlib.suppress(OSError):
                peer.close()
        raise InterruptedError


def _is_open(peer: weakref.ref[socket.socket]) -> bool:
    found = peer()
    return found is not None and found.fileno() >= 0
