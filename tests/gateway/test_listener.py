"""The port under clients that say nothing, little, or nonsense: bounded, closed, and no traceback."""

import asyncio
import gzip
import json
import logging
import socket
import ssl
import time

import pytest
from aiohttp import web

from gateway.errors import GatewayError, IntakeError
from gateway.web import body as body_module
from gateway.web.connection import Connection
from gateway.web.http import Parts, make_app
from gateway.web.hub import Hub
from gateway.web.listener import Listener
from gateway.web.routes import OPEN, Route

HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def serve(work, tls=None, more=(), **bounds):
    """Run `work(port, listener)` against an application on a port of its own."""

    async def main():
        async def take(body):
            if not body:
                raise IntakeError("no order")
            return {"took": len(body)}

        app = make_app(Hub(), dict, lambda: "", take, take, Parts(more=more))
        listener = Listener(app, **bounds)
        port = await listener.start("127.0.0.1", 0, tls)
        try:
            await asyncio.wait_for(work(port, listener), 30)
        finally:
            await listener.stop()

    asyncio.run(main())


async def ask(port, data):
    """Send bytes on a connection of its own; returns everything that comes until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


def status(answer):
    return int(answer.split(b" ", 2)[1])


def test_connections_without_a_request_are_closed():
    async def work(port, _listener):
        for begun in (b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", HEAD):
            assert await ask(port, begun) == b""  # closed by the gateway: else this never ends
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"\r\n")
        assert b"200 OK" in await reader.readline()  # and after a request, when no other follows
        await reader.read()
        writer.close()

    serve(work, head_s=0.3)


def test_their_number_is_bounded_and_the_page_is_there_again_when_they_have_gone():
    async def work(port, listener):
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        for _, writer in idle:
            writer.write(b"GET / HTTP/1.1\r\nX: ")
        while len(listener._runner.server.connections) < 5:
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()
        assert listener.turned_away == 1
        for _, writer in idle:
            writer.close()
        while listener._runner.server.connections:
            await asyncio.sleep(0.01)
        assert status(await ask(port, HEAD + b"Connection: close\r\n\r\n")) == 200

    serve(work, connections_max=5)


class Mute(asyncio.Protocol):
    """Sends a request and reads nothing."""

    def __init__(self, request):
        self._request = request

    def connection_made(self, transport):
        transport.pause_reading()
        transport.write(self._request)


async def never_read(port, request, tls):
    """Connect somebody who never reads; the transport."""
    loop = asyncio.get_running_loop()
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    door.setblocking(False)
    await loop.sock_connect(door, ("127.0.0.1", port))
    host = "localhost" if tls else None
    return (
        await loop.create_connection(
            lambda: Mute(request), sock=door, ssl=tls, server_hostname=host
        )
    )[0]


ANSWER_BYTES = 8_000_000


@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize("is_tls", [False, True])
def test_who_asks_and_never_reads_holds_a_connection_no_longer(
    tmp_path, certificate, monkeypatch, is_last, is_tls
):
    """is_last: it is the server that has closed; what is not taken yet must not hold it either."""
    monkeypatch.setattr("gateway.web.connection._BYTES_PER_S", 1e9)
    cert, key = certificate(tmp_path, 1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    async def large(_request):
        return web.Response(body=bytes(ANSWER_BYTES))

    async def work(port, listener):
        trusting = ssl.create_default_context(cafile=str(cert)) if is_tls else None
        head = b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        one = head + (b"Connection: close\r\n" if is_last else b"") + b"\r\n"
        mute = [await never_read(port, one, trusting) for _ in range(5)]
        while len(listener._open) < 5:
            await asyncio.sleep(0.01)
        while listener._open:
            await asyncio.sleep(0.01)
        assert listener.not_taken == 5 and not listener._runner.server.connections
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=trusting and unchecked
        )
        writer.write(head + b"Connection: close\r\n\r\n")  # who reads gets all of it
        assert len(await reader.read()) > ANSWER_BYTES
        writer.close()
        for each in mute:
            each.abort()

    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    more = ((Route("GET", "/large", OPEN), large),)
    serve(work, context if is_tls else None, more, connections_max=5, head_s=0.5, take_s=0.5)


def test_a_closed_connection_is_not_held_by_what_was_not_taken():
    """Little was to send, so that nobody waited for it: the end comes after the close."""

    class Full(asyncio.Transport):
        is_over = False

        def get_extra_info(self, _name, default=None):
            return default

        def get_write_buffer_size(self):
            return 5_000

        def is_closing(self):
            return True

        def abort(self):
            self.is_over = True

    open_ones, full = set(), Full()
    each = Connection(asyncio.Protocol(), open_ones.add, open_ones.discard, 0.0)
    each.connection_made(full)
    assert not each.turn() and open_ones == {each}
    time.sleep(0.2)  # 5 kB at 32 kB/s
    assert each.turn() and full.is_over
    each.connection_lost(None)
    assert not open_ones


def test_one_address_has_some_connections_and_this_machine_as_many_as_there_are(monkeypatch):
    async def work(port, listener):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        while len(listener._open) < 4:
            await asyncio.sleep(0.01)
        assert listener.turned_away == 0 and not listener._greeting  # each counts once
        monkeypatch.setattr("gateway.web.listener.is_loopback", lambda _host: False)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b"" and listener.turned_away == 1
        assert listener._has_room("192.0.2.7")  # others have room
        for _, each in held[:3]:
            each.close()
        while len(listener._open) > 1:
            await asyncio.sleep(0.01)
        assert status(await ask(port, HEAD + b"Connection: close\r\n\r\n")) == 200
        for each in (held[3][1], writer):
            each.close()

    serve(work, of_one_max=2)


def test_a_port_that_is_taken_is_told():
    async def work(port, _listener):
        other = Listener(make_app(Hub(), dict, lambda: "", None, None))
        with pytest.raises(GatewayError, match=f"{port}.*change \\[http\\] port"):
            await other.start("127.0.0.1", port)

    serve(work)


def post(port, headers, body):
    head = b"POST /orders HTTP/1.1\r\nConnection: close\r\n" + headers
    if b"chunked" not in head:
        head += b"Content-Length: %d\r\n" % len(body)
    return ask(port, head + b"\r\n" + body)


JSON = b"Content-Type: application/json\r\n"
HOST = b"Host: 127.0.0.1\r\n"


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        (b"Host: [\r\n" + JSON, b"{}", 403),
        (b"Host: [::1\r\n" + JSON, b"{}", 403),
        (b"Host: \r\n" + JSON, b"{}", 403),
        (b"Host: 127.0.0.1:99999999\r\n" + JSON, b"{}", 202),
        (HOST + JSON + b"Origin: http://[\r\n", b"{}", 403),
        (HOST + JSON + b"Origin: null\r\n", b"{}", 403),
        (HOST + JSON + b"Content-Encoding: gzip\r\n", b"not gzip at all", 400),
        (
            HOST + JSON + b"Content-Encoding: gzip\r\n",
            gzip.compress(b"{}" * 99, mtime=0)[:-20],
            400,
        ),
        (HOST + JSON + b"Content-Encoding: deflate\r\n", b"\xff" * 40, 400),
        (HOST + JSON + b"Content-Encoding: gzip\r\n", gzip.compress(b"{}", mtime=0), 202),
        (
            HOST + JSON + b"Content-Encoding: gzip\r\n",
            gzip.compress(b" " * 10_000_000, mtime=0),
            413,
        ),
        (HOST + b"Content-Type: ;;;\r\n", b"{}", 415),
        (HOST + JSON + b"Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\nzz\r\n", 400),
        (HOST + JSON + b"Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n", 202),
        (HOST + JSON + b"Bad Header\r\n", b"{}", 400),
    ],
)
def test_odd_headers_and_bodies_get_an_answer_and_no_traceback(headers, body, expected, caplog):
    async def work(port, _listener):
        assert status(await post(port, headers, body)) == expected

    with caplog.at_level(logging.INFO):
        serve(work)
    assert [each.getMessage() for each in caplog.records if each.exc_info] == []


def test_a_body_that_does_not_come_is_waited_for_so_long(monkeypatch):
    monkeypatch.setattr(body_module, "BODY_S", 0.2)

    async def work(port, _listener):
        answer = await ask(
            port, b"POST /orders HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: 50\r\n\r\n{"
        )
        assert status(answer) == 408
        assert "did not come" in json.loads(answer.split(b"\r\n\r\n")[1])["error"]

    serve(work, head_s=1.0)


def test_a_connection_counts_while_it_has_not_come_to_terms_over_tls(tmp_path, certificate):
    cert, key = certificate(tmp_path, 1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    async def work(port, listener):
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        while len(listener._greeting) < 5:
            await asyncio.sleep(0.01)
        assert await ask(port, b"") == b"" and listener.turned_away == 1
        for reader, writer in idle:  # the greeting has its time, then they are closed
            assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
        assert await ask(port, b"GET / HTTP/1.1\r\n\r\n") == b""
        assert listener.greetings_failed == 6 and not listener._greeting
        trusting = ssl.create_default_context(cafile=str(cert))
        reader, writer = await asyncio.open_connection("localhost", port, ssl=trusting)
        writer.write(HEAD + b"\r\n")
        assert b"200 OK" in await reader.readline()
        writer.close()

    serve(work, context, connections_max=5, head_s=0.5)


def test_a_port_without_file_numbers_left_waits_and_goes_on(monkeypatch, caplog):
    async def work(port, listener):
        assert status(await ask(port, HEAD + b"Connection: close\r\n\r\n")) == 200

    real = asyncio.SelectorEventLoop.sock_accept
    faults = [OSError(24, "Too many open files")] * 3

    async def sock_accept(self, door):
        if faults:
            raise faults.pop()
        return await real(self, door)

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_accept", sock_accept)
    serve(work)
    assert "Too many open files" in caplog.text and faults == []
