"""The tablet's way to the broker: a WebSocket whose bytes go on to a TCP connection, packet by packet.

Only what mqtt_rules lets through goes on. Each direction waits for the other side to take what it
has, so a slow tablet holds back the broker and a slow broker the tablet, with a few kilobytes in
between. When one side ends, the other is ended too: the tablet comes back with a pause of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from aiohttp import WSCloseCode, WSMsgType, web

from ar_picking.web.halves import until_one_ends
from ar_picking.web.mqtt_rules import DownRules, MqttRefusedError, UpRules

MAX_MESSAGE_BYTES = 16_384
_CONNECT_S = 10.0
_SLOW_S = 30.0  # nothing taken for so long: that side is gone
_READ_BYTES = 4_096
_HEARTBEAT_S = 20.0
_PACKETS_A_SECOND = 400
_DISCONNECT_S = 0.5
GOODBYE_S = 3.0


class MqttGate:
    """Lets paired devices through to one broker at (host, port), over TLS when `tls` is given.

    `counts`: opened, refused (a packet that may not pass), unreachable, slow, packets_up, packets_down.
    """

    def __init__(self, broker: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        self._broker = broker
        self._tls = tls
        names = ("opened", "refused", "unreachable", "slow", "packets_up", "packets_down")
        self.counts = dict.fromkeys(names, 0)

    async def serve(self, socket: web.WebSocketResponse, device: str) -> None:
        """Carry bytes between a prepared WebSocket of `device` and the broker until one side ends."""
        try:
            reader, writer = await asyncio.wait_for(
                asyncio.open_connection(*self._broker, ssl=self._tls), _CONNECT_S
            )
        except (OSError, TimeoutError):
            self.counts["unreachable"] += 1
            await close(socket, WSCloseCode.TRY_AGAIN_LATER, "the broker is not reached")
            return
        self.counts["opened"] += 1
        try:
            code, why = await until_one_ends(
                self._up(socket, writer, UpRules(device)),
                self._down(socket, reader, DownRules(device)),
            )
        finally:
            # Not a goodbye: a tablet that vanished leaves its will to be told.
            writer.transport.abort()
        await close(socket, code, why)

    async def _up(
        self, socket: web.WebSocketResponse, writer: asyncio.StreamWriter, rules: UpRules
    ) -> tuple[int, str]:
        clock = asyncio.get_running_loop().time
        since_s, count = clock(), 0
        while True:
            try:
                message = await socket.receive(None if rules.is_greeted else _CONNECT_S)
            except TimeoutError:
                return WSCloseCode.POLICY_VIOLATION, "no CONNECT came"
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
                return WSCloseCode.OK, ""
            if message.type is not WSMsgType.BINARY:
                return WSCloseCode.UNSUPPORTED_DATA, "only MQTT's bytes pass here"
            before = rules.packets
            try:
                data = rules.feed(message.data)
            except MqttRefusedError as fault:
                self.counts["refused"] += 1
                return WSCloseCode.POLICY_VIOLATION, str(fault)
            fresh = rules.packets - before
            self.counts["packets_up"] += fresh
            if data:
                try:
                    writer.write(data)
                    await asyncio.wait_for(writer.drain(), _SLOW_S)
                except TimeoutError:
                    self.counts["slow"] += 1
                    return WSCloseCode.TRY_AGAIN_LATER, "the broker takes nothing"
                except OSError:
                    return WSCloseCode.TRY_AGAIN_LATER, "the broker closed"
            if rules.is_over:
                # The broker closes on a DISCONNECT; our abort must not overtake it.
                await asyncio.sleep(_DISCONNECT_S)
                return WSCloseCode.OK, ""
            if clock() - since_s >= 1.0:
                since_s, count = clock(), 0
            count += fresh
            if count > _PACKETS_A_SECOND:  # held back, not thrown out: a backlog drains that fast
                await asyncio.sleep(max(0.0, since_s + 1.0 - clock()))

    async def _down(
        self, socket: web.WebSocketResponse, reader: asyncio.StreamReader, rules: DownRules
    ) -> tuple[int, str]:
        while True:
            try:
                data = await reader.read(_READ_BYTES)
            except OSError:
                data = b""
            if not data:
                return WSCloseCode.TRY_AGAIN_LATER, "the broker closed"
            before = rules.packets
            try:
                data = rules.feed(data)
            except MqttRefusedError as fault:
                self.counts["refused"] += 1
                return WSCloseCode.INTERNAL_ERROR, str(fault)
            self.counts["packets_down"] += rules.packets - before
            if not data:
                continue
            try:
                await asyncio.wait_for(socket.send_bytes(data), _SLOW_S)
            except TimeoutError:
                self.counts["slow"] += 1
                return WSCloseCode.TRY_AGAIN_LATER, "the tablet takes nothing"
            except (ConnectionError, RuntimeError):  # closed while we waited
                return WSCloseCode.OK, ""


async def close(socket: web.WebSocketResponse, code: int, why: str) -> bool:
    """Close a WebSocket with a reason; False when it took no goodbye within 3 s: cut it off."""
    with contextlib.suppress(ConnectionError, RuntimeError):
        try:
            await asyncio.wait_for(socket.close(code=code, message=why.encode()[:123]), GOODBYE_S)
        except TimeoutError:
            return False
    return True
