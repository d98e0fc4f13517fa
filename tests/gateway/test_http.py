"""The gateway's own HTTP: what it serves, what it refuses."""

import asyncio
import json

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.errors import IntakeError
from gateway.web import hub as hub_module
from gateway.web.http import make_app
from gateway.web.hub import Hub

FIX = {
    "id": "A" * 26,
    "stream": "fix",
    "kind": "rider",
    "subject": "abc",
    "log": "track",
    "t": "2026-11-22T10:00:00.000Z",
    "received": "2026-11-22T10:00:00.100Z",
    "lat_e7": 1,
    "lon_e7": 2,
}


def use(work):
    """Run `work(client, hub, taken)` against a served application."""

    async def main():
        hub = Hub()
        taken = []

        async def take(body):
            if b"bad" in body:
                raise IntakeError("no good")
            taken.append(body)
            return {"accepted": True}

        app = make_app(hub, lambda: {"site": "gw"}, lambda: "", take, take)
        async with TestClient(TestServer(app)) as client:
            await work(client, hub, taken)

    asyncio.run(main())


def test_the_page_and_its_parts_are_served_with_a_strict_policy():
    async def work(client, _hub, _taken):
        for path in ("/", "/app.js", "/map.js", "/chart.js", "/style.css"):
            answer = await client.get(path)
            assert answer.status == 200, path
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"

    use(work)


@pytest.mark.parametrize(
    "path",
    ["/../store.py", "/%2e%2e/store.py", "/page/index.html", "/gateway.db", "/x//etc/passwd"],
)
def test_nothing_else_is_served(path):
    async def work(client, _hub, _taken):
        assert (await client.get(path)).status == 404

    use(work)


def test_other_names_and_other_pages_are_refused():
    async def work(client, _hub, taken):
        answer = await client.get("/api/state", headers={"Host": "evil.example"})
        assert answer.status == 403
        json_type = {"Content-Type": "application/json"}
        answer = await client.post(
            "/orders", data=b"{}", headers={**json_type, "Origin": "http://evil.example"}
        )
        assert answer.status == 403
        assert taken == []

    use(work)


def test_intake_takes_json_of_a_bounded_size_and_tells_what_is_wrong():
    async def work(client, _hub, taken):
        json_type = {"Content-Type": "application/json"}
        assert (await client.post("/orders", data=b"{}", headers=json_type)).status == 202
        assert (await client.post("/picklists", data=b"{}", headers=json_type)).status == 202
        assert len(taken) == 2
        assert (await client.post("/orders", data=b"{}")).status == 415
        answer = await client.post("/orders", data=b"bad", headers=json_type)
        assert answer.status == 400 and (await answer.json()) == {"error": "no good"}
        answer = await client.post("/orders", data=b"x" * 300_000, headers=json_type)
        assert answer.status == 413
        assert (await client.get("/orders")).status == 405

    use(work)


def test_the_picture_and_the_stream_of_changes():
    async def work(client, hub, _taken):
        hub.take(json.dumps(FIX).encode())
        state = await (await client.get("/api/state")).json()
        assert state["subjects"]["abc"]["fix"]["lat_e7"] == 1
        assert state["figures"]["site"] == "gw"
        async with client.get("/api/events") as answer:
            assert answer.headers["Content-Type"] == "text/event-stream"
            await asyncio.sleep(0.05)
            hub.take(json.dumps({**FIX, "lat_e7": 7}).encode())
            line = await asyncio.wait_for(answer.content.readline(), 5)
            assert json.loads(line.removeprefix(b"data: "))["lat_e7"] == 7

    use(work)


def test_a_page_that_reads_too_slowly_is_told_to_load_anew():
    async def main():
        hub = Hub()
        queue = hub.watch()
        for _ in range(hub_module._CLIENT_QUEUE + 100):
            hub.take(json.dumps(FIX).encode())
        assert queue.qsize() == 1 and queue.get_nowait() is None
        hub.take(json.dumps(FIX).encode())
        assert queue.empty()

    asyncio.run(main())


def test_the_picture_is_bounded():
    hub = Hub()
    for number in range(hub_module._SUBJECTS + 100):
        hub.take(json.dumps({**FIX, "subject": f"s{number}"}).encode())
    for number in range(1_000):
        hub.take(json.dumps({**FIX, "subject": "last", "lat_e7": number}).encode())
    assert len(hub.subjects) == hub_module._SUBJECTS <= 10_000
    assert len(hub.subjects["last"].trail) <= 900


def test_a_message_that_makes_no_sense_is_counted_and_costs_nothing_else():
    hub = Hub()
    queue = hub.watch()
    without_place = {key: value for key, value in FIX.items() if key != "lat_e7"}
    for message in (
        without_place,
        {**FIX, "stream": "temp", "temp_cc": 1},
        [],
        {},
        {"stream": "fix"},
    ):
        hub.take(json.dumps(message).encode())
    hub.take(b"\xff")
    assert hub.odd == 6 and queue.empty()
    hub.take(json.dumps(FIX).encode())
    assert hub.subjects["abc"].fix is not None and queue.qsize() == 1


def test_the_page_does_not_learn_who_is_behind_a_pseudonym():
    hub = Hub()
    queue = hub.watch()
    hub.take(json.dumps(FIX).encode())
    roster = {**FIX, "stream": "roster", "device": "rider-0001"}
    hub.take(json.dumps(roster).encode())
    hub.take(json.dumps({**roster, "subject": "new"}).encode())
    assert queue.qsize() == 1
    assert "rider-0001" not in json.dumps(hub.picture())
    assert "abc" not in hub.subjects  # a new shift: the old name is nobody any more


def test_a_backlog_does_not_move_a_rider_back():
    hub = Hub()
    hub.take(
        json.dumps({**FIX, "stream": "now", "t": "2026-11-22T11:00:00.000Z", "lat_e7": 9}).encode()
    )
    hub.take(json.dumps(FIX).encode())
    assert hub.subjects["abc"].fix["lat_e7"] == 9
    assert len(hub.subjects["abc"].trail) == 1


def test_an_order_is_with_one_rider():
    hub = Hub()
    order = {**FIX, "stream": "order", "order": "A1", "state": "assigned"}
    hub.take(json.dumps(order).encode())
    hub.take(json.dumps({**order, "subject": "other"}).encode())
    assert "A1" not in hub.subjects["abc"].orders and "A1" in hub.subjects["other"].orders
    hub.take(json.dumps({**order, "subject": "other", "state": "handed_over"}).encode())
    assert not hub.subjects["other"].orders


def test_a_rider_who_lets_go_of_an_order_does_not_take_it_from_the_one_who_has_it():
    hub = Hub()
    order = {**FIX, "stream": "order", "order": "A1", "state": "assigned"}
    hub.take(json.dumps(order).encode())
    hub.take(json.dumps({**order, "subject": "other"}).encode())
    for state, left in (("expired", {"A1": "expired"}), ("cancelled", {})):
        hub.take(json.dumps({**order, "state": state}).encode())
        assert hub.subjects["other"].orders == {"A1": "assigned"}
        assert hub.subjects["abc"].orders == left


def test_health_and_readiness():
    async def work(client, _hub, _taken):
        assert (await client.get("/healthz")).status == 200
        assert (await client.get("/readyz")).status == 200

    use(work)

    async def main():
        async def take(_body):
            return {}

        app = make_app(Hub(), dict, lambda: "disk full", take, take)
        async with TestClient(TestServer(app)) as client:
            answer = await client.get("/readyz")
            assert answer.status == 503 and (await answer.json())["why"] == "disk full"

    asyncio.run(main())
