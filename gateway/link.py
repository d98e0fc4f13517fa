"""A connection to a broker that is always being made again: paho-mqtt, driven by our own loop.

paho's own reconnect has no jitter, reorders what it had queued, and keeps messages in memory that
nobody counts. So each connection is a fresh client, nothing is ever queued in paho, and who uses the
link sends only while it is up.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.sections import Broker

_KEEPALIVE_S = 30
_CONNECT_S = 10.0
_BACKOFF_MIN_S = 0.5
_BACKOFF_MAX_S = 30.0
_REFUSED_S = 60.0
_RECEIVE_MAX = 1_000
_PACKET_MAX_BYTES = 64 * 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
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
    (0: a clean session). packet_max_bytes: what an MQTT 5 broker may send us; larger messages it
    drops. on_up(link): connected; on_down(): no longer. on_puback(mid): the broker has ours.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        session_s: int = 0,
        packet_max_bytes: int = _PACKET_MAX_BYTES,
        on_up: Callable[["Link"], None] | None = None,
        on_down: Callable[[], None] | None = None,
        on_message: Callable[[Message], None] | None = None,
        on_puback: Callable[[int], None] | None = None,
    ):
        super().__init__(name=f"link-{client_id}", daemon=True)
        self._broker = broker
        self._client_id = client_id
        self._session_s = session_s
        self._packet_max_bytes = packet_max_bytes
        self._on_up = on_up
        self._on_down = on_down
        self._on_message = on_message
        self._on_puback = on_puback
        self._protocol = mqtt.MQTTv311 if broker.protocol == "3.1.1" else mqtt.MQTTv5
        self._stop_asked = threading.Event()
        self._client: mqtt.Client | None = None
        self.up = False
        self.connects = 0

    @property
    def is_v5(self) -> bool:
        """True when messages may carry MQTT 5 properties."""
        return self._protocol == mqtt.MQTTv5

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
        user: list[tuple[str, str]] | None = None,
        json: bool = False,
    ) -> int:
        """Send at QoS 1; returns the message id for on_puback, or 0 when it could not be sent."""
        client = self._client
        if client is None or not self.up:
            return 0
        properties = None
        if self.is_v5:
            properties = Properties(PacketTypes.PUBLISH)
            if json:
                properties.ContentType = "application/json"
                properties.PayloadFormatIndicator = 1
            if expiry_s:
                properties.MessageExpiryInterval = expiry_s
            if user:
                properties.UserProperty = user
        info = client.publish(topic, payload, 1, retain, properties)
        return int(info.mid) if info.rc == mqtt.MQTT_ERR_SUCCESS else 0

    # -- the loop -----------------------------------------------------------------------------------

    def run(self) -> None:
        """Connect, serve, and connect again until stop()."""
        failures = 0
        while not self._stop_asked.is_set():
            served, refused = self._serve()
            failures = 0 if served else failures + 1
            if refused:
                pause = random.uniform(_REFUSED_S / 2, _REFUSED_S)
            else:
                pause = random.uniform(0, min(_BACKOFF_MAX_S, _BACKOFF_MIN_S * 2**failures))
            self._stop_asked.wait(pause)

    def _serve(self) -> tuple[bool, bool]:
        """Hold one connection; returns (it was up, the broker refused our credentials)."""
        client = self._make_client()
        outcome: list[ReasonCode] = []

        def on_connect(_c: Any, _u: Any, _f: Any, code: ReasonCode, _p: Any = None) -> None:
            outcome.append(code)

        client.on_connect = on_connect
        was_up = False
        try:
            self._connect(client)
            begin = time.monotonic()
            while not self._stop_asked.is_set():
                if client.loop(timeout=0.5) != mqtt.MQTT_ERR_SUCCESS:
                    break
                if outcome and not was_up:
                    if outcome[0].is_failure:
                        break
                    was_up = True
                    self._client, self.up = client, True
                    self.connects += 1
                    if self._on_up is not None:
                        self._on_up(self)
                if not outcome and time.monotonic() - begin > _CONNECT_S:
                    break
        except (OSError, ValueError) as fault:
            log.debug("%s: %s", self._client_id, fault)
        except Exception:
            # A broker that speaks nonsense costs a connection, not the gateway.
            log.exception("%s: connection dropped", self._client_id)
        finally:
            self.up, self._client = False, None
            client.disconnect()
            if was_up and self._on_down is not None:
                self._on_down()
        if not was_up:
            self._consider_older_protocol(outcome)
        return was_up, bool(outcome and outcome[0].is_failure and "uthor" in str(outcome[0]))

    def _consider_older_protocol(self, outcome: list[ReasonCode]) -> None:
        """A broker that answers MQTT 5 with a refusal, or hangs up on it, may know 3.1.1 only."""
        if self._broker.protocol != "auto" or self.connects:
            return  # told which, or this broker has already shown what it speaks
        if outcome and "protocol" in str(outcome[0]).lower():
            self._protocol = mqtt.MQTTv311
        elif not outcome and self._hung_up:
            self._protocol = mqtt.MQTTv311 if self.is_v5 else mqtt.MQTTv5

    def _make_client(self) -> mqtt.Client:
        options: dict[str, Any] = {}
        if not self.is_v5:
            options["clean_session"] = self._session_s == 0
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=self._protocol,
            manual_ack=True,
            **options,
        )
        client.max_inflight_messages_set(65_535)  # the window is ours, not paho's
        client.on_message = self._message
        client.on_publish = self._published
        client.connect_timeout = _CONNECT_S
        return client

    def _connect(self, client: mqtt.Client) -> None:
        self._hung_up = False
        options: dict[str, Any] = {}
        if self.is_v5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = self._session_s
            properties.ReceiveMaximum = _RECEIVE_MAX
            properties.MaximumPacketSize = self._packet_max_bytes
            options = {"clean_start": self._session_s == 0, "properties": properties}
        client.connect(self._broker.host, self._broker.port, _KEEPALIVE_S, **options)
        self._hung_up = True  # TCP stood: if MQTT does not, it is not for want of a broker

    def _message(self, client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        if self._on_message is None:
            return
        mid, qos = message.mid, message.qos

        def ack() -> None:
            client.ack(mid, qos)

        try:
            payload = bytes(message.payload)
            self._on_message(Message(message.topic, payload, message.retain, qos, ack))
        except Exception:
            # Left to paho, an exception here would end the loop: the message stays unacknowledged.
            log.exception("message on %s", message.topic)

    def _published(self, _c: Any, _u: Any, mid: int, _code: Any = None, _p: Any = None) -> None:
        if self._on_puback is not None:
            self._on_puback(mid)

    def stop(self) -> None:
        """End the connection and the thread."""
        self._stop_asked.set()
        self.join(timeout=5)
