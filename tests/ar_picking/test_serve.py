"""Given an edge box on loopback, when tablets and others ask, then each gets what is its own."""

import asyncio
import json

import aiohttp
import pytest
from edge_box import ME, OTHER, pair, run, running, until

from ar_picking.web.mqtt_gate import MqttGate
from protocols.topics import device_topic


def test_files_come_with_their_type_their_hash_and_strict_headers(store):
    async def doing():
        async with running(store) as (box, browser):
            async with browser.get(box.url) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert answer.status == 200 and answer.content_type == "text/html"
                assert "default-src 'none'" in policy and "'wasm-unsafe-eval'" in policy
                assert "unsafe-inline" not in policy and "*" not in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Referrer-Policy"] == "same-origin"
                assert "camera=(self)" in answer.headers["Permissions-Policy"]
                assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            async with browser.get(box.url + "code.json", auto_decompress=False) as answer:
                assert answer.headers["Content-Encoding"] == "gzip"
                assert len(await answer.read()) < 200
                etag = answer.headers["ETag"]
                assert answer.headers["Cache-Control"] == "no-cache"
            plain = {"Accept-Encoding": "identity"}
            async with browser.get(box.url + "code.json", headers=plain) as answer:
                assert "Content-Encoding" not in answer.headers
                assert json.loads(await answer.read())["a.py"] == "x" * 5_000
            for known, status in ((etag, 304), (f'W/{etag}, "x"', 304), ('"x"', 200)):
                headers = {"If-None-Match": known}
                async with browser.get(box.url + "code.json", headers=headers) as answer:
                    assert answer.status == status and answer.headers["ETag"] == etag
            for path in ("admin", "admin/pair", "sessions.json", "../serve.py", "%2e%2e/serve.py"):
                async with browser.get(box.url + path) as answer:
                    assert answer.status == 404
                    assert answer.headers["X-Content-Type-Options"] == "nosniff"

    run(doing)


def test_another_site_and_another_name_are_turned_away(store):
    async def doing():
        async with running(store, names=["box.shop"]) as (box, browser):
            port = box.url.rsplit(":", 1)[1].strip("/")
            for headers in (
                {"Host": "evil.example"},
                {"Host": f"evil.example:{port}"},
                {"Host": ""},
                {"Host": "box.shop@evil.example"},
                {"Host": "127.0.0.1.evil.example"},
                {"Host": "[::1"},
                {"Origin": "http://evil.example"},
                {"Origin": "null"},
                {"Origin": "http://127.0.0.1:1"},
                {"Origin": f"https://127.0.0.1:{port}"},
            ):
                for path in ("", "session", "vision", "mqtt"):
                    async with browser.get(box.url + path, headers=headers) as answer:
                        assert answer.status == 403, headers
                async with browser.post(box.url + "pair", json={}, headers=headers) as answer:
                    assert answer.status == 403
            for host in (
                "box.shop",
                f"BOX.shop:{port}",
                "10.0.0.7",
                "[::1]:1",
                f"localhost:{port}",
            ):
                headers = {"Host": host, "Origin": f"http://{host}"}
                async with browser.get(box.url, headers=headers) as answer:
                    assert answer.status == 200, host

    run(doing)


def test_a_code_pairs_a_tablet_once_and_the_cookie_is_for_this_box_alone(store):
    async def doing():
        async with running(store) as (box, browser):
            me, cookie = await pair(box, browser, ME)
            for word in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="):
                assert word in cookie
            assert "Domain" not in cookie
            async with browser.get(box.url + "session", headers=me) as answer:
                body = await answer.json()
                assert answer.status == 200 and body["device"] == ME and body["store"] == store.id
                assert answer.headers["Cache-Control"] == "no-store"
            code = box.pairings.new_code(OTHER)
            typed = " ".join(code.lower()[i : i + 4] for i in range(0, 16, 4))
            for status in (200, 403):
                async with browser.post(box.url + "pair", json={"code": typed}) as answer:
                    assert answer.status == status
            for body, status in (
                (b"", 400),
                (b"{", 400),
                (b"[]", 400),
                (b'{"code": 7}', 400),
                (b'{"code": "\xc3\xa9"}', 400),
                (b"[" * 900, 400),
                (b'{"code": "' + b"A" * 2_000 + b'"}', 413),
            ):
                kind = {"Content-Type": "application/json"}
                async with browser.post(box.url + "pair", data=body, headers=kind) as answer:
                    assert answer.status == status, body[:20]
            async with browser.post(box.url + "pair", data=b"code=x") as answer:
                assert answer.status == 415

    run(doing)


def test_guesses_are_held_back(store):
    async def doing():
        async with running(store) as (box, browser):
            statuses = []
            for _ in range(12):
                async with browser.post(box.url + "pair", json={"code": "A" * 16}) as answer:
                    statuses.append(answer.status)
            assert statuses == [403] * 10 + [429] * 2

    run(doing)


def test_without_a_session_there_is_no_socket_and_a_foreign_cookie_is_none(store):
    async def doing():
        async with running(store) as (box, browser):
            me, _ = await pair(box, browser, ME)
            name, _, token = me["Cookie"].partition("=")
            cookies = ({}, {"Cookie": f"{name}={token[:-1]}"}, {"Cookie": f"x={token}"})
            for headers in (*cookies, {"Cookie": f"{name}={ME}"}, {"Cookie": "=;" * 500}):
                for path in ("session", "vision", "mqtt"):
                    async with browser.get(box.url + path, headers=headers) as answer:
                        assert answer.status == 401, headers
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await browser.ws_connect(box.url + "vision", headers=headers)
                assert refused.value.status == 401
            async with browser.get(box.url + "mqtt", headers=me) as answer:
                assert answer.status == 503, "paired, but this box has no broker"

    run(doing)


def test_a_new_pairing_and_unpairing_end_what_is_open_and_leave_the_other_tablet_alone(store):
    async def doing():
        async with running(store) as (box, browser):
            me, _ = await pair(box, browser, ME)
            you, _ = await pair(box, browser, OTHER)
            mine = await browser.ws_connect(box.url + "vision", headers=me)
            yours = await browser.ws_connect(box.url + "vision", headers=you)
            again, _ = await pair(box, browser, ME)
            message = await mine.receive()
            assert message.data == 1008 and message.extra == "this tablet is unpaired"
            async with browser.get(box.url + "session", headers=me) as answer:
                assert answer.status == 401
            mine = await browser.ws_connect(box.url + "vision", headers=again)
            twice = await browser.ws_connect(box.url + "vision", headers=again)
            message = await mine.receive()
            assert message.data == 1008 and message.extra == "another page took over"
            box.pairings.unpair(ME)
            assert (await twice.receive()).data == 1008
            await yours.send_str("{}")
            assert (await yours.receive_json())["type"] == "reject"
            await until(lambda: box.sockets.of(ME) == [])
            assert box.sockets.of(OTHER) == ["vision"]

    run(doing)


def test_a_tablets_way_to_the_broker_is_for_its_own_name_alone(store):
    def connect(device):
        will = device_topic("picker", device, "presence").encode()
        body = b"\0\4MQTT\4\x2e\0\x1e"
        for part in (device.encode(), will, b"offline"):
            body += len(part).to_bytes(2) + part
        return b"\x10" + bytes([len(body)]) + body

    async def doing():
        got = asyncio.Queue()

        async def broker(reader, writer):
            got.put_nowait(await reader.read(2_000))
            writer.close()

        server = await asyncio.start_server(broker, "127.0.0.1", 0)
        gate = MqttGate(server.sockets[0].getsockname()[:2])
        async with running(store, gate=gate) as (box, browser):
            cookies = {device: (await pair(box, browser, device))[0] for device in (ME, OTHER)}
            for mine, said in ((ME, OTHER), (OTHER, ME), (ME, ME), (OTHER, OTHER)):
                async with browser.ws_connect(box.url + "mqtt", headers=cookies[mine]) as page:
                    await page.send_bytes(connect(said))
                    message = await page.receive()
                    assert message.type is aiohttp.WSMsgType.CLOSE
                    assert message.data == (1013 if mine == said else 1008)
                    assert await got.get() == (connect(said) if mine == said else b"")
        server.close()

    run(doing)


def test_a_tablet_in_use_gets_its_cookie_again_once_a_day(store):
    async def doing():
        async with running(store) as (box, browser):
            me, first = await pair(box, browser, ME)

            def a_day_later():
                session = box.pairings._sessions[ME]
                box.pairings._sessions[ME] = session._replace(used_s=session.used_s - 90_000)

            async def asked():
                async with browser.get(box.url + "session", headers=me) as answer:
                    return answer.headers.getall("Set-Cookie", [])

            assert await asked() == []
            a_day_later()
            assert await asked() == [first] and await asked() == []
            a_day_later()  # and a page that is never loaded anew, but has to connect anew
            seen = []
            for _ in range(2):
                async with browser.ws_connect(box.url + "vision", headers=me) as page:
                    seen.append(page._response.headers.getall("Set-Cookie", []))
            assert seen == [[first], []]
            assert box.pairings._sessions[ME].used_s > box.pairings.paired_since_s(ME) - 1

    run(doing)


def test_a_restarted_box_keeps_its_pairings(store, tmp_path):
    async def doing():
        async with running(store, tmp_path) as (box, browser):
            me, _ = await pair(box, browser, ME)
            socket = await browser.ws_connect(box.url + "vision", headers=me)
            stop = asyncio.create_task(box.stop())
            message = await socket.receive()
            assert message.data == 1001 and message.extra == "the box stops"
            await stop
        async with (
            running(store, tmp_path) as (box, browser),
            browser.get(box.url + "session", headers=me) as answer,
        ):
            assert (await answer.json())["device"] == ME

    run(doing)
