"""The beginning of a connection to a broker: TLS, CONNECT and the broker's answer, by paho-mqtt."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, cast

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.sections import Broker, Tls
from gateway.wire import KEEPALIVE_S

_CONNECT_S = 10.0
_RECEIVE_MAX = 1_000
_UNLIMITED = 65_535
# User name or password, not authorised, banned, authentication method: MQTT 5 section 2.4. paho gives
# 3.1.1's codes 4 and 5 the same numbers.
REFUSALS = (0x86, 0x87, 0x8A, 0x8C)
# So many times must a broker hang up on MQTT 5 before it is taken for one that knows 3.1.1 only: one
# that is just starting, or a proxy before it, hangs up too.
_HANG_UPS = 3


class Refused(Exception):  # noqa: N818
    """Trying again at once is of no use: a person must do something. The message says what."""


class _Context(ssl.SSLContext):
    """Remembers its socket: paho leaves one open whose handshake failed."""

    made: ssl.SSLSocket | None = None

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        self.made = super().wrap_socket(*args, **options)
        return self.made


class Greeting:
    """One attempt: connect(), then `code` is the broker's answer, None where none came.

    tcp_stood: it is not for want of a broker. retains: False when the broker says that it takes no
    retained messages. close() in any case.
    """

    def __init__(self, broker: Broker, client_id: str, is_v5: bool, session_s: int):
        self._broker = broker
        self._where = f"{broker.host}:{broker.port}"
        self._is_v5 = is_v5
        self._session_s = session_s
        self._context: _Context | None = None
        self.code: ReasonCode | None = None
        self.receive_max = _UNLIMITED
        self.retains = True
        self.tcp_stood = False
        options: dict[str, Any] = {} if is_v5 else {"clean_session": session_s == 0}
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv5 if is_v5 else mqtt.MQTTv311,
            manual_ack=True,
            **options,
        )
        self.client.connect_timeout = _CONNECT_S
        self.client.on_connect = self._answered

    def _answered(
        self, _client: Any, _user: Any, _flags: Any, code: ReasonCode, answer: Any = None
    ) -> None:
        self.code = code
        self.receive_max = int(getattr(answer, "ReceiveMaximum", 0) or _UNLIMITED)
        self.retains = bool(getattr(answer, "RetainAvailable", 1))

    def connect(self, packet_max_bytes: int, is_stopped: Callable[[], bool]) -> socket.socket:
        """Connect and wait for the answer; returns the socket, from which paho has taken no more.

        Refused: for the broker's answer, or for TLS. OSError, ValueError: no connection.
        """
        try:
            self._connect(packet_max_bytes, is_stopped)
        except ssl.SSLError as fault:
            raise Refused(self._about_tls(fault)) from fault
        if self.code is not None and self.code.value in REFUSALS:
            raise Refused(f"{self._where} refuses us: {self.code}; see its users and its ACL")
        sock = self.client.socket()
        if sock is None or self.code is None or self.code.is_failure:
            raise ConnectionError(str(self.code or "it hangs up on our greeting"))
        return cast(socket.socket, sock)

    def _connect(self, packet_max_bytes: int, is_stopped: Callable[[], bool]) -> None:
        options: dict[str, Any] = {}
        if self._is_v5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = self._session_s
            properties.ReceiveMaximum = _RECEIVE_MAX
            properties.MaximumPacketSize = packet_max_bytes
            options = {"clean_start": self._session_s == 0, "properties": properties}
        # What paho keeps to itself: in TLS 1.3 a broker refuses our certificate behind the handshake.
        said: list[str] = []
        self.client.on_log = lambda _c, _u, _level, text: said.append(text)
        if self._broker.tls is not None:
            self._context = tls_context(self._broker.tls)
            self.client.tls_set_context(self._context)
        self.client.connect(self._broker.host, self._broker.port, KEEPALIVE_S, **options)
        self.tcp_stood = True
        deadline = time.monotonic() + _CONNECT_S
        while self.code is None and not is_stopped() and time.monotonic() < deadline:
            sock = self.client.socket()
            if sock is None:
                break
            has_more = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
            if has_more or _has_bytes(sock, 0.2):
                rc = self.client.loop_read()
                if rc not in (mqtt.MQTT_ERR_SUCCESS, mqtt.MQTT_ERR_AGAIN):
                    break
        alerts = [text for text in said if "SSL" in text]
        if self.code is None and alerts:
            raise ssl.SSLError(1, alerts[-1])

    def _about_tls(self, fault: ssl.SSLError) -> str:
        if isinstance(fault, ssl.SSLCertVerificationError):
            return (
                f"the certificate of {self._where} is not good: {fault.verify_message}; "
                "see that certificate, the CA in 'tls' and this machine's clock"
            )
        reason = getattr(fault, "reason", None) or fault.args[-1]
        return (
            f"{self._where} and we do not agree on TLS: {reason}; "
            "see 'cert' and 'key' in 'tls' (expired? revoked?)"
        )

    def close(self) -> None:
        """Say farewell where that is possible, and close the socket."""
        sock = self.client.socket()
        self.client.disconnect()
        if sock is not None:
            sock.close()  # paho leaves it open when its farewell finds no room
        if self._context is not None and self._context.made is not None:
            self._context.made.close()


class Version:
    """Which MQTT to greet a broker with: `is_v5`, False for 3.1.1. protocol: as in sections.Broker.

    'auto' greets with 5. A broker that says it does not know it, or hangs up on it three times, is
    greeted once with 3.1.1; after each connection 5 has its turn first. Where 5 has stood it is 5.
    """

    def __init__(self, protocol: str):
        self.is_v5 = protocol != "3.1.1"
        self.is_settled = protocol != "auto"
        self._hang_ups = 0

    def note(self, greeting: Greeting, was_up: bool) -> None:
        """Learn from an attempt that is over."""
        if self.is_settled:
            return
        if was_up and self.is_v5:
            self.is_settled = True
        elif not self.is_v5:
            self.is_v5 = True
            self._hang_ups = _HANG_UPS - 1  # one more will do
        elif greeting.code is not None:
            self.is_v5 = "protocol" not in str(greeting.code).lower()
        elif greeting.tcp_stood:
            self._hang_ups += 1
            self.is_v5 = self._hang_ups < _HANG_UPS


def tls_context(tls: Tls) -> _Context:
    """Return the context of a connection, read anew each time so that a renewed certificate counts.

    Refused names files that cannot be used.
    """
    try:
        context = _Context(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(tls.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if tls.cert is not None:
            context.load_cert_chain(tls.cert, tls.key)
    except OSError as fault:  # SSLError is one
        names = ", ".join(str(each) for each in (tls.ca, tls.cert, tls.key) if each is not None)
        raise Refused(f"TLS cannot begin with {names}: {fault.strerror or fault}") from fault
    return context


def _has_bytes(sock: Any, timeout_s: float) -> bool:
    poll = select.poll()  # select() takes no file number above 1,023
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))
