"""A connection to a broker that is always being made again.

paho-mqtt makes the connection: TLS, the greeting, the broker's answer, subscriptions. The traffic is
ours (gateway.wire): paho reads a packet in four calls of recv() and writes one in one send(). Measured
in the same program: 4,308 records/s with paho's loop, 9,825 to 11,986 with this one
(tests/bench/test_gateway.py).
Nothing is ever queued for a connection that is not there; who uses the link sends while it is up.
"""

from __future__ import annotations

import logging
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import paho.mqtt.client as mqtt

from gateway import packets
from gateway.greeting import REFUSALS, Greeting, Refused, Version
from gateway.sections import Broker
from gateway.wire import Handlers, Wire

_BACKOFF_MIN_S = 0.5
# A city has few gateways, so there is no herd; and a whole feed waits for this connection.
_BACKOFF_MAX_S = 5.0
# A connection that did not last so long is no success: two gateways with one name throw each other out.
_LASTED_S = 5.0
_REFUSED_S = 60.0
_PACKET_MAX_BYTES = 64 * 1024

log = logging.getLogger(__name__)


class Message(NamedTuple):
    """A message from the broker.

    retained: the broker had kept it from before we subscribed. qos: 0 or 1; ack(): releases one of
    QoS 1 at the broker, and does nothing on a connection that is gone meanwhile.
    """

    topic: str
    payload: bytes
    retained: bool
    qos: int
    ack: Callable[[], None]


class Link(threading.Thread):
    """Keeps one connection alive. All callbacks run in this thread.

    session_s: how long the broker keeps our subscriptions and their messages while we are away
    (0: a clean session). packet_max_bytes: what an MQTT 5 broker may send us (larger messages it
    drops); a larger one of a 3.1.1 broker is released unread. must_take: a message that the broker
    will not take ends the connection, for a minute where it is for want of rights. So does a
    subscription that it refuses: who would be deaf is not up. on_up(link): connected; on_down(): no
    longer. on_pubacks(mids): the broker has these of ours.

    Figures: `connects`, `refusals` connections that a person must look after (credentials,
    certificates, rights), `oversize` messages released unread, `not_taken` messages of ours that the
    broker would not take; `trouble`: why there is no connection, '' while there is one; `retains`:
    False when this broker takes no retained messages.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        session_s: int = 0,
        packet_max_bytes: int = _PACKET_MAX_BYTES,
        must_take: bool = False,
        on_up: Callable[[Link], None] | None = None,
        on_down: Callable[[], None] | None = None,
        on_message: Callable[[Message], None] | None = None,
        on_pubacks: Callable[[list[int]], None] | None = None,
    ):
        super().__init__(name=f"link-{client_id}", daemon=True)
        self._broker = broker
        self._where = f"{broker.host}:{broker.port}"
        self._client_id = client_id
        self._session_s = session_s
        self._packet_max_bytes = packet_max_bytes
        self._must_take = must_take
        self._on_up = on_up
        self._on_down = on_down
        self._on_message = on_message
        self._on_pubacks = on_pubacks
        self._version = Version(broker.protocol)
        self._stop_asked = threading.Event()
        self._hang_ups = 0
        self._client: mqtt.Client | None = None
        self._wire: Wire | None = None
        self.up = False
        self.retains = True
        self.connects = 0
        self.refusals = 0
        self.oversize = 0
        self.not_taken = 0
        self.trouble = "not connected yet"

    @property
    def is_v5(self) -> bool:
        """True when messages may carry MQTT 5 properties."""
        return self._version.is_v5

    # -- for the link's users -----------------------------------------------------------------------

    def subscribe(self, topics: list[str]) -> None:
        """Subscribe at QoS 1; call it from on_up."""
        if self._client is not None:
            self._client.subscribe([(topic, 1) for topic in topics])

    def publish(
        self,
        topic: str,
        payload: bytes,
        retain: bool = False,
        expiry_s: int = 0,
        user: tuple[tuple[str, str], ...] = (),
        json: bool = False,
        may_wait: bool = False,
    ) -> int:
        """Send at QoS 1, from any thread; returns the number for on_pubacks, or 0: not now.

        may_wait: see Wire.publish().
        """
        wire = self._wire
        if wire is None:
            return 0
        more = packets.properties(json, expiry_s, user) if self.is_v5 else b""
        return wire.publish(packets.string(topic), more, payload, retain, may_wait)

    def stop(self) -> None:
        """Write what waits, end the connection and the thread."""
        self._stop_asked.set()
        wire = self._wire
        if wire is not None:
            wire.stop()
        self.join(timeout=5)

    # -- the loop -----------------------------------------------------------------------------------

    def run(self) -> None:
        """Connect, serve, and connect again until stop()."""
        failures = 0
        while not self._stop_asked.is_set():
            begin = time.monotonic()
            try:
                was_up = self.serve()
            except Refused as why:
                self._note_refusal(str(why))
                self._stop_asked.wait(_REFUSED_S * random.uniform(0.75, 1.25))
                continue
            lasted = was_up and time.monotonic() - begin > _LASTED_S
            failures = 0 if lasted else min(failures + 1, 10)
            longest_s = min(_BACKOFF_MAX_S, _BACKOFF_MIN_S * 2**failures)
            self._stop_asked.wait(random.uniform(0, longest_s))

    def _note_refusal(self, why: str) -> None:
        self.refusals += 1
        if why != self.trouble:
            log.error("%s: %s; trying again each minute", self._client_id, why)
        self.trouble = why

    def serve(self) -> bool:
        """Hold one connection; returns whether it was up. Refused: a person must act."""
        greeting = Greeting(self._broker, self._client_id, self.is_v5, self._session_s)
        was_up = False
        try:
            sock = greeting.connect(self._packet_max_bytes, self._stop_asked.is_set)
            was_up = True
            self._talk(greeting, sock)
        except (OSError, ValueError, packets.PacketError) as fault:
            self.trouble = f"{self._where}: {fault}"
            log.debug("%s: %s", self._client_id, fault)
        except Refused:
            raise
        except Exception as fault:
            # A broker that speaks nonsense costs a connection, not the gateway.
            self.trouble = f"{self._where}: {fault!r}"
            log.exception("%s: connection dropped", self._client_id)
        finally:
            greeting.close()
            hung_up_on_5 = self.is_v5 and not self._version.is_settled
            self._version.note(greeting, was_up)
        self._note_hang_up(greeting, hung_up_on_5)
        return was_up

    def _note_hang_up(self, greeting: Greeting, may_be_older: bool) -> None:
        """Whether a broker's word on our certificate comes before it hangs up is a matter of luck."""
        if greeting.code is not None or self._broker.tls is None:
            self._hang_ups = 0
        elif greeting.tcp_stood:
            self._hang_ups += 1
            if self._hang_ups > 1 and not may_be_older:
                raise Refused(
                    f"{self._where} hangs up on us behind the TLS handshake; "
                    "see 'cert' and 'key' in 'tls' (does it know their CA?)"
                )

    def _talk(self, greeting: Greeting, sock: socket.socket) -> None:
        """Take over from paho, which never takes more from the socket than it needs."""
        # What waits is joined here; Nagle's algorithm would hold an answer back for 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = packets.Stream(self.is_v5, self._packet_max_bytes)
        handlers = Handlers(
            self._message, self._held, self._refused, self._not_granted, self._farewell
        )
        wire = Wire(sock, stream, greeting.receive_max, handlers)
        self._client, self._wire, self.up = greeting.client, wire, True
        self.retains = greeting.retains
        self.connects += 1
        self.trouble = ""
        try:
            if self._on_up is not None:
                self._on_up(self)
            if self._stop_asked.is_set():
                wire.stop()
            wire.talk()
        except ssl.SSLError as fault:
            raise ConnectionError(f"TLS: {fault.reason or fault}") from fault
        finally:
            self.up, self._wire, self._client = False, None, None
            wire.close()
            self.trouble = self.trouble or f"{self._where}: the connection was lost"
            if self._on_down is not None:
                self._on_down()

    # -- what the wire tells ------------------------------------------------------------------------

    def _message(self, packet: packets.Publish) -> None:
        wire, mid = self._wire, packet.mid

        def ack() -> None:
            if mid and wire is not None:
                wire.write(packets.puback(mid))

        if packet.size > len(packet.payload):
            self.oversize += 1
            log.warning("a message of %d bytes released unread", packet.size)
            ack()
            return
        if self._on_message is None:
            return
        try:
            self._on_message(
                Message(packet.topic, packet.payload, packet.retained, packet.qos, ack)
            )
        except Exception:
            # It stays unacknowledged; the link goes on.
            log.exception("message on %s", packet.topic)

    def _held(self, mids: list[int]) -> None:
        if self._on_pubacks is not None:
            self._on_pubacks(mids)

    def _refused(self, _mid: int, code: int) -> None:
        self.not_taken += 1
        why = f"{self._where} does not take what we publish: reason 0x{code:02x}"
        if code in REFUSALS:
            why += "; see its ACL"
            if self._must_take:
                raise Refused(why)
        if self.not_taken == 1:
            log.error("%s: %s", self._client_id, why)
        if self._must_take:
            raise ConnectionError(why)  # a quota, say: it passes

    def _not_granted(self) -> None:
        raise Refused(f"{self._where} does not let us subscribe; see its ACL")

    def _farewell(self, code: int) -> None:
        if code:
            self.trouble = f"{self._where} ended the connection: reason 0x{code:02x}"
            log.warning("%s: %s", self._client_id, self.trouble)
        if code in REFUSALS:
            raise Refused(self.trouble)
