"""One MQTT connection that stands: its socket, what waits to be written, which messages are open.

One thread reads and writes (talk()); others only leave bytes and ring. So a lock is held for
microseconds, writes are joined, and TLS, which allows no two threads, is the same.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gateway import packets

KEEPALIVE_S = 30
_READ_BYTES = 256 * 1024
# A broker that joins small writes (mosquitto, unless told `set_tcp_nodelay true`) waits for TCP's word
# on the last one, which Linux holds back for 40 ms; not sticky, so it is asked for after each read.
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)
# What waits for a socket that does not take it: then the other side is slow, and who sends must wait.
_WAITING_MAX_BYTES = 1024 * 1024
_MIDS = 65_535
LATER = 1 << 17
_LATER_MAX = 5_000
# A broker that answers pings and no messages is as good as gone; a connection made anew may help.
_ANSWER_S = 60.0
# Below are the numbers that subscriptions have.
_FIRST_MID = 100


@dataclass(frozen=True, slots=True)
class Handlers:
    """Who is told, in the thread of talk(): of messages, of the numbers of ours that the broker holds,
    of those it would not take (mid, reason), of a refused subscription, of its farewell (reason)."""

    message: Callable[[packets.Publish], None]
    held: Callable[[list[int]], None]
    not_taken: Callable[[int, int], None]
    not_granted: Callable[[], None]
    farewell: Callable[[int], None]


class Wire:
    """A connection whose greeting is done. most_open: messages under way that the broker allows."""

    def __init__(
        self, sock: socket.socket, stream: packets.Stream, most_open: int, handlers: Handlers
    ):
        self._sock = sock
        self._stream = stream
        self._most_open = min(most_open, _MIDS - 1)
        self._handlers = handlers
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._later: deque[tuple[bytes, bytes, bytes, bool]] = deque()
        self._is_asleep = False
        self._is_gone = False
        self._open: set[int] = set()
        self._answered_s = 0.0  # or since when there is something to answer, monotonic
        self._mid = _FIRST_MID
        self._stop_asked = False
        # Who writes from another thread wakes the one that talks by a byte.
        self._ear, self._bell = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)

    # -- from any thread ----------------------------------------------------------------------------

    def publish(
        self, topic: bytes, more: bytes, payload: bytes, retain: bool, may_wait: bool = False
    ) -> int:
        """Send at QoS 1; returns the message's number, or 0: not now. See packets.publish().

        may_wait: where the broker allows no more under way, it waits here and goes before what comes
        later; the number returned is then LATER, and nobody is told of its answer.
        """
        with self._lock:
            if self._is_gone or self._waiting_bytes > _WAITING_MAX_BYTES:
                return 0
            if len(self._open) >= self._most_open:
                if not may_wait or len(self._later) >= _LATER_MAX:
                    return 0
                self._later.append((topic, more, payload, retain))
                return LATER
            return self._publish(topic, more, payload, retain)

    def _publish(self, topic: bytes, more: bytes, payload: bytes, retain: bool) -> int:
        mid = self._mid % _MIDS + 1
        while mid in self._open:
            mid = mid % _MIDS + 1
        self._mid = mid
        if not self._open:
            self._answered_s = time.monotonic()
        self._open.add(mid)
        self._leave(packets.publish(topic, mid, more, payload, retain))
        return mid

    def write(self, data: bytes) -> None:
        """Have bytes written; nothing on a connection that is gone."""
        with self._lock:
            if not self._is_gone:
                self._leave(data)

    def _leave(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._is_asleep:
            self._is_asleep = False
            self._ring()

    def _ring(self) -> None:
        try:
            self._bell.send(b"!")
        except OSError:
            return  # full of rings already

    def stop(self) -> None:
        """Let talk() write what waits, and return."""
        with self._lock:
            self._stop_asked = True
            if not self._is_gone:
                self._ring()

    def close(self) -> None:
        """Take no more, from whatever thread."""
        with self._lock:
            self._is_gone = True
            self._waiting.clear()
            self._waiting_bytes = 0
            self._ear.close()
            self._bell.close()

    # -- the thread that talks ----------------------------------------------------------------------

    def talk(self) -> None:
        """Read and write until the broker hangs up, or stop(). OSError or PacketError: it broke."""
        sock = self._sock
        heard = told = time.monotonic()
        pinged = False
        out = b""
        while not self._stop_asked or out or self._waiting:
            out = out or self._gather()
            readable = self._wait(bool(out))
            now = time.monotonic()
            if readable:
                if not self._read():
                    return
                heard, pinged = time.monotonic(), False  # handing on may have taken long
            if out:
                written = _send(sock, out)
                told = now if written else told
                out = out[written:]
                if self._stop_asked and not written:
                    return
            if now - heard > 1.5 * KEEPALIVE_S:
                raise TimeoutError(f"nothing was heard for {now - heard:.0f} s")
            if self._open and now - self._answered_s > _ANSWER_S:
                raise TimeoutError(f"no message was acknowledged for {_ANSWER_S:.0f} s")
            if not pinged and now - min(heard, told) > KEEPALIVE_S / 2:
                self.write(packets.PINGREQ)
                told, pinged = now, True

    def _wait(self, has_more: bool) -> bool:
        """Wait for the socket or a ring; returns whether there is something to read."""
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            return True
        poll = select.poll()  # select() takes no file number above 1,023
        poll.register(self._sock, select.POLLIN | (select.POLLOUT if has_more else 0))
        poll.register(self._ear, select.POLLIN)
        events = dict(poll.poll(0 if self._stop_asked else 500))
        if self._ear.fileno() in events:
            self._ear.recv(256)
        with self._lock:
            self._is_asleep = False
        return bool(events.get(self._sock.fileno(), 0) & ~select.POLLOUT)

    def _gather(self) -> bytes:
        """Return what waits to be written; from then on what comes rings."""
        with self._lock:
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._waiting_bytes = 0
            self._is_asleep = True
        return data

    def _read(self) -> bool:
        """Read what is there and hand it on; False when the broker has hung up."""
        try:
            data = self._sock.recv(_READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        if not data:
            return False
        if _QUICKACK is not None:
            self._sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        answers: list[packets.Answer] = []
        for packet in self._stream.feed(data):
            if isinstance(packet, packets.Publish):
                self._handlers.message(packet)
            elif isinstance(packet, packets.Answer):
                answers.append(packet)
            elif isinstance(packet, packets.Granted):
                if any(code >= packets.FAILED for code in packet.codes):
                    self._handlers.not_granted()
            else:
                self._handlers.farewell(packet.code)
        if answers:
            self._take(answers)
        return True

    def _take(self, answers: list[packets.Answer]) -> None:
        with self._lock:
            self._open.difference_update([each.mid for each in answers])
            self._answered_s = time.monotonic()
            while self._later and len(self._open) < self._most_open:
                self._publish(*self._later.popleft())
        held = [each.mid for each in answers if each.code < packets.FAILED]
        if held:
            self._handlers.held(held)
        for each in answers:
            if each.code >= packets.FAILED:
                self._handlers.not_taken(each.mid, each.code)


def _send(sock: socket.socket, data: bytes) -> int:
    try:
        return sock.send(data)
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return 0
