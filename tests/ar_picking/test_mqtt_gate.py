"""The way from a tablet to the broker over real sockets: bytes go both ways, no faster than they are
taken, and no further than the rules let them. The device at the end is the real one, and its broker.
"""

import asyncio
import contextlib
import ssl
import threading
import time
from collections import deque

import aiohttp
import paho.mqtt.client as paho
import pytest
from aiohttp import web
from mqtt_packets import ME, OTHER, SHIFT, publish, topic

from ar_picking.web.certificate import SiteCertificate, server_context
from ar_picking.web.mqtt_gate import MAX_MESSAGE_BYTES, MqttGate
from firmware.boards.linux import LinuxBoard
from firmware.system import config
from firmware.system.device import Device
from protocols import messages
from protocols.cbor import Writer
from protocols.topics import device_topic
from tools.demo.children import Children, wait_for
from tools.demo.site import answers, free_ports
from tools.parts import require


class Broker:
    """A TCP server that says what it gets and sends what it is told."""

    def __init__(self, tls=None):
        self._tls = tls

    async def __aenter__(self):
        self.got, self.lines, self.ended = bytearray(), [], asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, limit=1_024, ssl=self._tls
        )
        self.address = self._server.sockets[0].getsockname()[:2]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for writer in self.lines:
            writer.close()

    async def _serve(self, reader, writer):
        self.lines.append(writer)
        with contextlib.suppress(ConnectionError):
            while True:
                await self.reads.wait()
                data = await reader.read(1_024)
                if not data:
                    break
                self.got += data
        self.ended.set()


@contextlib.asynccontextmanager
async def gated(address, tls=None):
    """A gate in front of a broker at `address`, as ws_connect() of a tablet, and the gate."""
    gate = MqttGate(address, tls)

    async def handler(request):
        socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, compress=False)
        await socket.prepare(request)
        await gate.serve(socket, ME)
        return socket

    app = web.Application()
    app.router.add_get("/mqtt", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/mqtt"
    async with aiohttp.ClientSession() as session:
        try:
            yield lambda: session.ws_connect(url, max_msg_size=0), gate
        finally:
            await runner.cleanup()


def run(doing):
    asyncio.run(asyncio.wait_for(doing(), 30))


async def until(true):
    while not true():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


def test_bytes_go_to_the_broker_and_back_and_the_end_of_one_side_ends_the_other():
    async def doing():
        async with Broker() as broker, gated(broker.address) as (open_socket, gate):
            async with open_socket() as page:
                await page.send_bytes(SHIFT[0][:9])
                await page.send_bytes(SHIFT[0][9:] + SHIFT[1])
                await until(lambda: bytes(broker.got) == SHIFT[0] + SHIFT[1])
                broker.lines[0].write(publish(topic("down"), b"list"))
                message = await page.receive()
                assert message.data == publish(topic("down"), b"list")
            await asyncio.wait_for(broker.ended.wait(), 5)
            async with open_socket() as page:
                await page.send_bytes(SHIFT[0])
                await until(lambda: len(broker.lines) == 2)
                broker.lines[1].close()
                message = await page.receive()
                assert message.type is aiohttp.WSMsgType.CLOSE
                assert message.data == 1013 and message.extra == "the broker closed"
            assert gate.counts["opened"] == 2 and gate.counts["packets_up"] == 3

    run(doing)


def test_the_way_to_the_broker_may_be_encrypted_and_its_name_is_checked(tmp_path):
    site = SiteCertificate(tmp_path, ["127.0.0.1"])
    trust = ssl.create_default_context(cafile=site.ca_path)

    async def doing():
        async with Broker(server_context(*site.paths)) as broker:
            async with gated(broker.address, trust) as (open_socket, _), open_socket() as page:
                await page.send_bytes(SHIFT[0])
                await until(lambda: bytes(broker.got) == SHIFT[0])
            other = ssl.create_default_context()
            async with gated(broker.address, other) as (open_socket, gate), open_socket() as page:
                assert (await page.receive()).data == 1013
                assert gate.counts["unreachable"] == 1

    run(doing)


def test_a_packet_that_may_not_pass_ends_the_connection_with_the_reason_and_reaches_nobody():
    async def doing():
        async with Broker() as broker, gated(broker.address) as (open_socket, gate):
            async with open_socket() as page:
                await page.send_bytes(SHIFT[0])
                await until(lambda: broker.got)
                await page.send_bytes(publish(topic("up", OTHER)))
                message = await page.receive()
                assert message.data == 1008 and "topic" in message.extra
            async with open_socket() as page:
                await page.send_str("hello")
                assert (await page.receive()).data == 1003
            async with open_socket() as page:
                await page.send_bytes(b"\x30" * (MAX_MESSAGE_BYTES + 1))
                assert (await page.receive()).data == 1009
            async with open_socket() as page:
                await page.send_bytes(SHIFT[0])
                await until(lambda: len(broker.lines) == 4)
                broker.lines[3].write(publish(topic("down", OTHER), b"not yours"))
                message = await page.receive()
                assert message.type is aiohttp.WSMsgType.CLOSE and message.data == 1011
            assert bytes(broker.got) == SHIFT[0] * 2 and gate.counts["refused"] == 2

    run(doing)


def test_without_a_broker_the_page_is_told_to_come_back():
    async def doing():
        (port,) = free_ports(1)
        async with gated(("127.0.0.1", port)) as (open_socket, gate), open_socket() as page:
            message = await page.receive()
            assert message.data == 1013 and message.extra == "the broker is not reached"
            assert gate.counts["unreachable"] == 1

    run(doing)


def test_a_page_that_says_nothing_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("ar_picking.web.mqtt_gate._CONNECT_S", 0.1)

    async def doing():
        async with Broker() as broker, gated(broker.address) as (open_socket, _):
            async with open_socket() as page:
                message = await page.receive()
                assert message.data == 1008 and message.extra == "no CONNECT came"
            await asyncio.wait_for(broker.ended.wait(), 5)
            assert not broker.got

    run(doing)


def test_a_broker_that_takes_nothing_holds_the_tablet_back(monkeypatch):
    """What waits in between is bounded by the sockets; then the tablet's own writes stop."""
    monkeypatch.setattr("ar_picking.web.mqtt_gate._PACKETS_A_SECOND", 1_000_000)
    monkeypatch.setattr("ar_picking.web.mqtt_gate._SLOW_S", 1.0)

    async def doing():
        async with Broker() as broker, gated(broker.address) as (open_socket, gate):
            async with open_socket() as page:
                await page.send_bytes(SHIFT[0])
                await until(lambda: broker.got)
                broker.reads.clear()
                frames = publish(topic("up"), b"f" * 1_200) * 12
                sent = 0
                with pytest.raises((TimeoutError, ConnectionError)):
                    while True:
                        await asyncio.wait_for(page.send_bytes(frames), 0.5)
                        sent += len(frames)
                        assert sent < 60_000_000
                await until(lambda: gate.counts["slow"] == 1)
            broker.reads.set()

    run(doing)


def test_a_tablet_that_takes_nothing_holds_the_broker_back(monkeypatch):
    monkeypatch.setattr("ar_picking.web.mqtt_gate._SLOW_S", 1.0)

    async def doing():
        async with Broker() as broker, gated(broker.address) as (open_socket, gate):
            page = await open_socket()
            await page.send_bytes(SHIFT[0])
            await until(lambda: broker.got)
            page._response.connection.transport.pause_reading()
            data = publish(topic("down"), b"c" * 900) * 50
            sent = 0
            with contextlib.suppress(TimeoutError, ConnectionError):
                while True:
                    broker.lines[0].write(data)
                    sent += len(data)
                    assert sent < 60_000_000
                    await asyncio.wait_for(broker.lines[0].drain(), 0.5)
            await until(lambda: gate.counts["slow"] == 1)
            page._response.connection.transport.abort()

    run(doing)


# -- the real device, the real broker ----------------------------------------------------------------


class Line(threading.Thread):
    """A WebSocket as the stream of firmware.system.mqtt, as the page has it in its worker."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self._url, self._in, self._out = url, deque(), deque()
        self._up = self._gone = self._end = False
        self.start()

    def run(self):
        with contextlib.suppress(aiohttp.ClientError):
            asyncio.run(self._serve())
        self._gone = True

    async def _serve(self):
        async with aiohttp.ClientSession() as session, session.ws_connect(self._url) as socket:
            self._up = True
            reader = asyncio.create_task(self._read(socket))
            while not self._end and not reader.done():
                while self._out:
                    await socket.send_bytes(self._out.popleft())
                await asyncio.sleep(0.002)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _read(self, socket):
        async for message in socket:
            self._in.append(message.data)

    def ready(self):
        if self._gone:
            raise OSError("closed")
        return self._up

    def read_into(self, buf):
        if not self._in:
            return 0 if self._gone else None
        data = self._in.popleft()
        if len(data) > len(buf):
            self._in.appendleft(data[len(buf) :])
        buf[: len(data[: len(buf)])] = data[: len(buf)]
        return min(len(data), len(buf))

    def write(self, buf, start, size):
        if len(self._out) > 4:
            return None
        self._out.append(bytes(memoryview(buf)[start : start + size]))
        return size

    def close(self):
        self._end = True


class PageLike(LinuxBoard):
    """A board whose streams are WebSockets to the box."""

    def __init__(self, root, url):
        super().__init__(root)
        self._url, self.opened = url, []

    def open_stream(self, host, port, tls=None):
        self.opened.append(Line(self._url))
        return self.opened[-1]


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broker")
    (port,) = free_ports(1)
    (folder / "broker.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    children = Children(folder)
    children.start("broker", [*require("mosquitto"), "-c", str(folder / "broker.conf")])
    wait_for(lambda: answers(port), 15, children, "the broker")
    yield port
    children.stop()


class GateThread(threading.Thread):
    """A gate in a loop of its own, for a device that is not asynchronous."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self._port, self.up, self.url, self.gate = port, threading.Event(), "", None
        self.start()
        assert self.up.wait(10)

    def run(self):
        asyncio.run(self._serve())

    async def _serve(self):
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with gated(("127.0.0.1", self._port)) as (open_socket, self.gate):
            self.url = open_socket.__closure__[1].cell_contents
            self.up.set()
            await self._end.wait()

    def stop(self):
        self._loop.call_soon_threadsafe(self._end.set)
        self.join(10)


def test_the_devices_own_client_runs_through_the_gate_to_a_real_broker_and_its_ring_is_freed(
    mosquitto, tmp_path
):
    gate = GateThread(mosquitto)
    heard, presence = [], []
    reader = paho.Client(paho.CallbackAPIVersion.VERSION2, "gateway")

    def on_message(_client, _data, message):
        if message.topic.endswith("presence"):
            presence.append(bytes(message.payload))
            return
        heard.append(bytes(message.payload))

    reader.on_message = on_message
    reader.connect("127.0.0.1", mosquitto)
    reader.subscribe(device_topic("picker", ME, "up"), 1)
    reader.subscribe(device_topic("picker", ME, "presence"), 1)
    reader.loop_start()
    settings = config.check(
        {"version": 1, "device": ME, "kind": "picker", "brokers": [["box", 1]], "backoff_max_s": 1}
    )
    board = PageLike(str(tmp_path), gate.url)
    device = Device(board, settings, lambda *_: False, lambda _: False, lambda: None)
    device.clock.set(*board.utc(), "system")
    device.record_health("boot", {})

    def step_until(true):
        end_s = time.monotonic() + 20
        while not true():
            assert time.monotonic() < end_s, (device.mqtt.fault, heard, gate.gate.counts)
            device.step(device.clock.tick())
            time.sleep(0.005)

    def ack(up_to):
        for ring in device.journal.rings:
            writer = Writer(bytearray(32))
            messages.put_ack(writer, ring.log, up_to(ring))
            reader.publish(device_topic("picker", ME, "ack"), bytes(writer.buf[: writer.n]), 1)

    try:
        assert device.held == 1
        step_until(lambda: device.is_up and heard)
        ack(lambda ring: ring.acked)  # the gateway's answer to hello: send what follows
        step_until(lambda: len(heard) == 2)
        ack(lambda ring: ring.next - 1)  # all of it is committed
        step_until(lambda: device.held == 0)
        assert gate.gate.counts["refused"] == 0 and b"online" in presence
        board.opened[-1].close()  # the Wi-Fi is gone: the will is told, and the device comes back
        step_until(lambda: presence[-1] == b"offline")
        step_until(lambda: device.is_up and device.mqtt.connects == 2)
    finally:
        reader.loop_stop()
        reader.disconnect()
        device.mqtt.close(device.clock.tick())
        time.sleep(0.05)
        gate.stop()
        for ring in device.journal.rings:
            ring.flash.close()
