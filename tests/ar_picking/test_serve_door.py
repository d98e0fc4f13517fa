"""What comes to the box and is no request costs it little, and is not talked about."""

import asyncio
import base64
import contextlib
import os
import socket

from edge_box import FILES, ME, pair, run, running, until

from ar_picking.web import doorkeeper, mqtt_gate, serve, sockets
from ar_picking.web.certificate import SiteCertificate, server_context
from ar_picking.web.fault_log import FaultLog
from ar_picking.web.files import Asset


def test_a_connection_that_never_asks_does_not_stay(store, monkeypatch):
    monkeypatch.setattr(doorkeeper, "PATIENCE_S", 0.2)
    monkeypatch.setattr(doorkeeper, "_LOOK_S", 0.05)

    async def doing():
        async with running(store) as (box, browser):
            port = int(box.url.rsplit(":", 1)[1].strip("/"))
            me, _ = await pair(box, browser, ME)
            page = await browser.ws_connect(box.url + "vision", headers=me)
            for said in (b"", b"G", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(said)
                assert await reader.read() == b""
                writer.close()
            assert box.figures()["http"]["ended_at_the_door"] == 3
            await page.send_str("{}")
            assert (await page.receive_json())["type"] == "reject", "the tablet is still there"

    run(doing)


def test_what_is_no_http_is_counted_and_fills_no_log(store, capsys):
    async def doing():
        async with running(store) as (box, browser):
            port = int(box.url.rsplit(":", 1)[1].strip("/"))
            head = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            for said in (
                b"\x16\x03\x01\x02\x00\x01",
                head + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
                head + b"Content-Length: -1\r\n\r\n",
                head + b"Content-Length: 9\r\nContent-Length: 8\r\n\r\n",
                head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
            ):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(said)
                assert b" 400 " in await reader.readline()
                writer.close()
            assert box.figures()["http"]["bad_requests"] >= 4
            assert box.figures()["http"]["faults"] == 0
            async with browser.get(box.url) as answer:
                assert answer.status == 200

    run(doing)
    assert capsys.readouterr().err == ""


def test_a_fault_of_our_own_is_shown_once(capsys):
    log = FaultLog()
    for _ in range(3):
        try:
            int("ours")
        except ValueError:
            log.logger.exception("Error handling request")
    assert capsys.readouterr().err.count("ValueError: invalid literal") == 1
    assert log.counts == {"bad_requests": 0, "faults": 3}


def test_a_handshake_that_never_comes_is_not_waited_for(store, tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "_SHAKE_S", 0.2)

    async def doing():
        site = SiteCertificate(tmp_path, ["127.0.0.1"])
        async with running(store, tls=server_context(*site.paths)) as (box, _):
            port = int(box.url.rsplit(":", 1)[1].strip("/"))
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b""
            writer.close()

    run(doing)


class Connection:
    """As a server has it, with its transport; `left` bytes wait to be taken."""

    def __init__(self, address="10.0.0.5", device=None):
        self.is_open, self.left, self.address, self.device = True, 0, address, device
        self.transport = self

    @property
    def protocol(self):  # it is its own request, too
        return self

    def get_extra_info(self, name):
        return {"peername": (self.address, 5)}[name]

    def get_write_buffer_size(self):
        return self.left

    def abort(self):
        self.is_open = False


class Door:
    """A doorkeeper, and connections that come a second after each other."""

    def __init__(self, **most):
        self.keeper, self.all = doorkeeper.Doorkeeper(lambda request: request.device), []
        self.now_s = 0.0

    async def come(self, count=1, asks=False, **more):
        async def nothing(_):
            pass

        for _ in range(count):
            self.all.append(Connection(**more))
            self.look()
            if asks:
                await self.keeper.middleware()(self.all[-1], nothing)

    def look(self, after_s=1.0):
        self.now_s += after_s
        self.keeper.look([each for each in self.all if each.is_open], self.now_s)

    @property
    def is_open(self):
        return [each.is_open for each in self.all]


def test_of_too_many_that_wait_the_oldest_go_first(monkeypatch):
    monkeypatch.setattr(doorkeeper, "MOST", 3)

    async def doing():
        door = Door()
        await door.come(5)
        assert door.is_open == [False, False, True, True, True]

    run(doing)


def test_who_has_asked_counts_too_but_no_tablet_goes_for_a_stranger(monkeypatch):
    monkeypatch.setattr(doorkeeper, "MOST", 3)

    async def doing():
        door = Door()
        await door.come(4, asks=True, device=ME)
        await door.come(5, asks=True)
        assert door.is_open == [True] * 4 + [False] * 2 + [True] * 3
        door.look(100.0)
        assert door.is_open == [True] * 4 + [False] * 2 + [True] * 3, "they have asked"
        assert door.keeper.ended == 2

    run(doing)


def test_one_address_and_one_tablet_have_only_so_many(monkeypatch):
    monkeypatch.setattr(doorkeeper, "MOST_OF_ONE", 2)

    async def doing():
        door = Door()
        await door.come(1, asks=True, address="10.0.0.6")
        await door.come(3, asks=True)
        await door.come(1, asks=True, address="10.0.0.6", device="picker-0002")
        await door.come(3, asks=True, address="10.0.0.7", device=ME)
        door.look()
        assert door.is_open == [True, False, True, True, True, False, True, True]

    run(doing)


def test_what_waits_to_be_taken_has_to_be_taken_in_time():
    async def doing():
        door = Door()
        await door.come(3, asks=True, device=ME)
        stuck, slow, quick = door.all
        stuck.left, slow.left = 600_000, 600_000
        for second in range(40):
            stuck.left += 125  # pongs; what is added is not what is taken
            slow.left = max(1, slow.left - 1_200)
            quick.left = 60_000 if second % 10 else 0
            door.look()
        assert door.is_open == [False, True, True]
        slow.left, quick.left = 1, 0  # the last byte never goes
        for _ in range(17):
            door.look()
        assert door.is_open == [False, False, True]

    run(doing)


def reads_nothing(port):
    """A socket to a box that takes only the little that its system takes for it."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    peer.connect(("127.0.0.1", port))
    peer.setblocking(False)
    return peer


def connections(box):
    return len(box._runners[0].server.connections)


def test_a_visitor_who_takes_no_answer_does_not_stay(store, monkeypatch):
    monkeypatch.setattr(doorkeeper, "STALL_S", 0.3)
    monkeypatch.setattr(doorkeeper, "_LOOK_S", 0.05)
    monkeypatch.setitem(FILES, "/page.wasm", Asset(bytes(3_000_000), None, "application/wasm", "x"))

    async def doing():
        async with running(store) as (box, browser):
            port = int(box.url.rsplit(":", 1)[1].strip("/"))
            me, _ = await pair(box, browser, ME)
            page = await browser.ws_connect(box.url + "vision", headers=me)
            visitors = [reads_nothing(port) for _ in range(3)]
            for each in visitors:
                each.send(b"GET /page.wasm HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 3)
            await until(lambda: box.figures()["http"]["ended_at_the_door"] == 3)
            for each in visitors:
                each.close()
            await page.send_str("{}")
            assert (await page.receive_json())["type"] == "reject", "the tablet is still there"

    run(doing)


def test_a_tablet_that_takes_nothing_is_let_go_when_another_page_takes_over(
    store, monkeypatch, capsys
):
    monkeypatch.setattr(mqtt_gate, "GOODBYE_S", 0.2)
    monkeypatch.setattr(sockets, "GOODBYE_S", 0.2)
    key = base64.b64encode(os.urandom(16)).decode()
    ping = b"\x89\xfd\0\0\0\0" + b"x" * 125

    async def flood(port, cookie):
        peer = reads_nothing(port)
        head = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        head += f"Sec-WebSocket-Key: {key}\r\nCookie: {cookie}\r\n\r\n"
        peer.send(b"GET /vision HTTP/1.1\r\nHost: 127.0.0.1\r\n" + head.encode())
        refused = 0
        while refused < 50:  # every one is answered, with what nobody reads
            try:
                peer.send(ping * 400)
                refused = 0
            except BlockingIOError:
                refused += 1
            await asyncio.sleep(0.002)
        return peer

    async def doing():
        async with running(store) as (box, browser):
            port = int(box.url.rsplit(":", 1)[1].strip("/"))
            me, _ = await pair(box, browser, ME)
            before = connections(box)
            peers = [await flood(port, me["Cookie"]) for _ in range(3)]
            assert len(box.sockets.names()) == 1
            # The two that were taken over, not the one that stands.
            await until(lambda: connections(box) == before + 1 and len(box.desk._sessions) == 1)
            box.pairings.unpair(ME)
            await until(lambda: connections(box) == before and not box.desk._sessions)
            for each in peers:
                each.close()
            me, _ = await pair(box, browser, ME)
            peers = [await flood(port, me["Cookie"])]
        # and the box has stopped with one of them open
        with contextlib.suppress(OSError):
            peers[0].close()
        assert box.log.counts["faults"] == 0

    run(doing)
    assert capsys.readouterr().err == ""


def test_a_damaged_body_is_a_bad_request(store):
    async def doing():
        async with running(store) as (box, _):
            for url, path, kind in (
                (box.url, "/pair", "application/json"),
                (box.admin_url, "/admin/pair", "application/json"),
                (box.admin_url, "/admin/unpair", "application/x-www-form-urlencoded"),
            ):
                port = int(url.split(":")[2].split("/")[0])
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 36"
                head += f"\r\nContent-Type: {kind}\r\nContent-Encoding: gzip\r\n\r\n"
                writer.write(head.encode())
                await asyncio.sleep(0.05)  # so that the handler waits for it
                writer.write(b"junk" * 9)
                answer = await reader.read()  # to its end: the connection is closed
                assert b" 400 " in answer.splitlines()[0], answer
                writer.close()
            assert box.figures()["http"]["faults"] == 0

    run(doing)
