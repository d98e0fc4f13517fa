"""What comes to the box and is no request costs it little, and is not talked about."""

import asyncio

from edge_box import ME, pair, run, running

from ar_picking.web import doorkeeper, serve
from ar_picking.web.certificate import SiteCertificate, server_context
from ar_picking.web.fault_log import FaultLog


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


def test_of_too_many_that_wait_the_oldest_go_first(monkeypatch):
    monkeypatch.setattr(doorkeeper, "MOST", 3)

    class Connection:
        def __init__(self):
            self.is_open = True

        @property
        def transport(self):
            return self

        def abort(self):
            self.is_open = False

    door, all_of_them = doorkeeper.Doorkeeper(), []
    for now_s in range(5):
        all_of_them.append(Connection())
        door.look(all_of_them, float(now_s))
    assert [each.is_open for each in all_of_them] == [False, False, True, True, True]
