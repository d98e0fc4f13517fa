"""Reads the feed from a broker, and publishes a recorded one to it."""

from __future__ import annotations

import argparse
import queue
import secrets
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from tools.errors import ToolError, UsageError
from tools.feed.heard import Heard

_QUEUE = 10_000
_CONNECT_S = 10.0
_SESSION_S = 86_400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how the broker is reached."""
    parser.add_argument("--broker", metavar="HOST:PORT", help="the feed's broker")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="TLS: the site's CA (PEM)")
    parser.add_argument("--cert", type=Path, metavar="FILE", help="TLS: our certificate (PEM)")
    parser.add_argument("--key", type=Path, metavar="FILE", help="TLS: its key (PEM)")
    parser.add_argument("--user", metavar="NAME", help="log in by name")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="and this password")
    parser.add_argument("--protocol", choices=("5", "3.1.1"), default="5", help="MQTT version")


def address(text: str) -> tuple[str, int]:
    """Return (host, port) of 'HOST:PORT' or '[::1]:PORT'; UsageError for anything else."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise UsageError(f"--broker takes HOST:PORT, not '{text}'")
    return host.strip("[]"), int(port)


class Connection:
    """A connection that is made again when it breaks.

    session: a name under which the broker keeps what comes while we are away; '' for none.
    """

    def __init__(self, args: argparse.Namespace, filters: list[str], session: str = ""):
        self._host, self._port = address(args.broker)
        self._filters = filters
        self._is_v5 = args.protocol == "5"
        self._session = session
        self.heard: queue.Queue[Heard] = queue.Queue(_QUEUE)
        self._answer: queue.Queue[str] = queue.Queue()
        self._closing = False
        self._is_open = False
        options: dict[str, Any] = {} if self._is_v5 else {"clean_session": not session}
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=session or f"o2o-feed-{secrets.token_hex(6)}",
            protocol=mqtt.MQTTv5 if self._is_v5 else mqtt.MQTTv311,
            **options,
        )
        self.client.on_connect = self._connected
        self.client.on_subscribe = self._subscribed
        self.client.on_disconnect = self._disconnected
        self.client.on_message = self._message
        self.client.reconnect_delay_set(1, 10)
        self._secure(args)

    def _secure(self, args: argparse.Namespace) -> None:
        if (args.cert is None) != (args.key is None):
            raise UsageError("--cert and --key belong together")
        if args.cert and not args.ca:
            raise UsageError("--cert needs --ca: without the site's CA nobody knows who answers")
        for path in (args.key, args.password_file):
            if path is not None and path.stat().st_mode & 0o077:
                raise ToolError(f"{path} can be read by others; run: chmod 600 {path}")
        if args.ca:
            try:
                context = ssl.create_default_context(cafile=str(args.ca))
                if args.cert:
                    context.load_cert_chain(args.cert, args.key)
            except ssl.SSLError as fault:
                raise ToolError(f"the certificates cannot be used: {fault}") from fault
            self.client.tls_set_context(context)
        if args.user:
            password = args.password_file.read_text().strip() if args.password_file else None
            self.client.username_pw_set(args.user, password)

    def open(self) -> None:
        """Connect and subscribe; ToolError when nobody answers or we are refused."""
        options: dict[str, Any] = {}
        if self._is_v5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = _SESSION_S if self._session else 0
            options = {"clean_start": not self._session, "properties": properties}
        where = f"{self._host}:{self._port}"
        try:
            self.client.connect(self._host, self._port, 30, **options)
        except OSError as fault:
            raise ToolError(f"no broker answers at {where}: {fault}") from fault
        self.client.loop_start()
        try:
            refused = self._answer.get(timeout=_CONNECT_S)
        except queue.Empty:
            self.close()
            raise ToolError(
                f"{where} does not answer as an MQTT broker; try --protocol 3.1.1, or --ca for TLS"
            ) from None
        if refused:
            self.close()
            raise ToolError(f"{where} refused: {refused}")
        self._is_open = True

    def _connected(self, client: Any, _u: Any, _f: Any, code: Any, _p: Any = None) -> None:
        if code.is_failure:
            self._answer.put(str(code))
            return
        if not self._filters:
            self._answer.put("")
        elif self._is_v5:
            # As published: only so a reader sees that a live message is one that is kept.
            options = SubscribeOptions(qos=1, retainAsPublished=True)
            client.subscribe([(each, options) for each in self._filters])
        else:
            client.subscribe([(each, 1) for each in self._filters])

    def _subscribed(self, _c: Any, _u: Any, _mid: int, codes: list[Any], _p: Any = None) -> None:
        bad = [str(code) for code in codes if code.is_failure]
        self._answer.put(f"not all may be read: {bad[0]}" if bad else "")

    def _disconnected(self, _c: Any, _u: Any, _f: Any, code: Any, _p: Any = None) -> None:
        if not self._is_open:  # before the first subscription stood: waiting would not help
            self._answer.put(f"the connection was closed ({code}); does it want a certificate?")

    def _message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # no topic of the feed, and an exception here would end the connection
        properties = getattr(message, "properties", None)
        user = dict(getattr(properties, "UserProperty", []))
        heard = Heard(
            time.time_ns() // 1_000_000,
            topic,
            bytes(message.payload),
            message.retain,
            getattr(properties, "MessageExpiryInterval", 0),
            user,
            getattr(properties, "ContentType", ""),
        )
        # Waiting here stops reading from the socket: the broker holds the rest, not our memory.
        while not self._closing:
            try:
                self.heard.put(heard, timeout=0.5)
                return
            except queue.Full:
                continue

    def messages(self, seconds: float | None, count: int | None = None) -> Iterator[Heard]:
        """Yield what comes, for so many seconds or messages; None: for ever."""
        end = None if seconds is None else time.monotonic() + seconds
        left = count
        while left is None or left > 0:
            now = time.monotonic()
            if end is not None and now >= end:
                return
            wait_s = 0.5 if end is None else min(0.5, end - now)
            try:
                yield self.heard.get(timeout=wait_s)
            except queue.Empty:
                continue
            if left is not None:
                left -= 1

    def close(self) -> None:
        """End the connection."""
        self._closing = True
        self.client.disconnect()
        self.client.loop_stop()
