"""The past from the rows: the picture as it was, one order whole, and what bad questions get."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.feed.writer import iso
from gateway.log.store import ROUTINE, URGENT, Row, connect
from gateway.ops.histogram import Histograms
from gateway.web import history as history_module
from gateway.web import newest
from gateway.web.boards import Boards
from gateway.web.files import page_headers
from gateway.web.history import History
from gateway.web.http import Parts, make_app
from gateway.web.hub import Hub
from gateway.web.limits import PROFILES, read_profiles
from gateway.web.orders import Orders
from gateway.web.views import Views

NOW = 1_795_000_000_000


class Past:
    """A site's database into which a test writes feed messages; times in s after NOW."""

    def __init__(self, site, folder):
        self.site = site
        self.path = folder / "gateway.db"
        self.history = History(self.path)
        self.count = 0

    def put(self, stream, s, came_s=None, subject="abc", **values):
        """One row; true at `s`, received at `came_s`."""
        self.count += 1
        came_ms = NOW + round(1000 * (s + 0.1 if came_s is None else came_s))
        is_track = stream in ("fix", "track", "temp", "stops")
        message = {
            "id": f"{self.count:026}",
            "stream": stream,
            "kind": "rider",
            "subject": subject,
            "log": "track" if is_track else "evidence",
            "t": iso(NOW + round(s * 1000)),
            "received": iso(came_ms),
            "replay": came_ms - NOW - s * 1000 > 30_000,
            **values,
        }
        row = Row(
            *(ROUTINE if is_track else URGENT, message["id"], f"o2o/v1/x/rider/{subject}/{stream}"),
            *(0, came_ms, json.dumps(message, separators=(",", ":")).encode()),
        )
        with self.site.store.transaction():
            self.site.store.add_rows([row])

    def at(self, s, nows=None, of="abc"):
        picture = self.history.at(NOW + round(s * 1000), nows or {})
        return json.loads(json.dumps(picture))["subjects"].get(of)


@pytest.fixture
def past(site, tmp_path):
    return Past(site, tmp_path)


def test_the_past_has_what_was_true_then_and_nothing_later(past):
    past.put("order", 0, order="A1", state="assigned")
    past.put("fix", 10, lat_e7=1, lon_e7=2)
    past.put("temp", 12, sensor="c4", temp_cc=400)
    past.put("risk", 20, order="A1", level="intervene", was="none", late_pct=70)
    past.put("fix", 30, lat_e7=3, lon_e7=4)
    past.put("temp", 32, sensor="c4", temp_cc=1200)
    then, later = past.at(15), past.at(40)
    assert then["fix"]["lat_e7"] == 1 and then["risks"] == {}
    assert [cc for _, cc in then["temps"]["c4"]] == [400]
    assert later["fix"]["lat_e7"] == 3 and later["risks"]["A1"]["level"] == "intervene"
    assert past.at(-5) is None


def test_an_order_that_is_over_was_open_before(past):
    past.put("order", 0, order="A1", state="assigned")
    past.put("order", 50, order="A1", state="handed_over")
    assert past.at(49)["orders"] == {"A1": "assigned"}
    assert past.at(51)["orders"] == {}


def test_a_track_that_came_later_says_where_the_rider_was(past):
    way = {"from": iso(NOW), "bound_cm": 1000, "vertices": [[0, 0, 0], [100_000, 1000, 500]]}
    past.put("order", 0, order="A1", state="assigned")
    past.put("track", 0, came_s=600, **way)
    then = past.at(30)
    # On the straight between two vertices, at that time.
    assert (then["fix"]["lat_e7"], then["fix"]["lon_e7"]) == (300, 150)
    assert then["fix"]["t"] == iso(NOW + 30_000) and then["fix"]["replay"] is False
    assert past.at(100)["fix"]["lat_e7"] == 1000
    # Nobody knows the way behind a break.
    past.put("track", 0, came_s=601, subject="other", breaks=[0], **way)
    assert past.at(30, of="other")["fix"]["lat_e7"] == 0


def test_what_came_a_moment_late_is_in_time(past):
    past.put("order", 0, order="A1", state="assigned")
    past.put("risk", 10, came_s=25, order="A1", level="warn", was="none")
    assert past.at(12)["risks"]["A1"]["level"] == "warn"


def test_a_backlog_is_where_it_belongs(past):
    past.put("order", 0, order="A1", state="assigned")
    past.put("temp", 10, came_s=700, sensor="c4", temp_cc=400)
    past.put("fix", 11, came_s=700, lat_e7=5, lon_e7=6)
    assert past.at(20)["fix"]["lat_e7"] == 5 and list(past.at(20)["temps"]) == ["c4"]


def test_positions_that_are_in_no_log_come_from_memory(past):
    past.put("order", 0, order="A1", state="assigned")
    points = [(iso(NOW + 5_000), 7, 8), (iso(NOW + 9_000), 9, 9)]
    assert past.at(6, {"abc": ("rider", points)})["fix"]["lat_e7"] == 7


def test_odd_rows_are_left_out(past):
    past.put("order", 0, order="A1", state="assigned")
    past.put("track", 1, **{"from": "x"}, vertices=[[0, 1, 2]])
    past.put("fix", 2, lat_e7="north", lon_e7=1)
    with past.site.store.transaction():
        past.site.store.add_rows([Row(ROUTINE, "x", "o2o/v1/x/rider/abc/fix", 0, NOW, b"{no")])
        past.site.store.add_rows([Row(URGENT, "x", "o2o/v1/x/rider/abc/risk", 0, NOW, b"[]")])
    assert past.at(5)["orders"] == {"A1": "assigned"} and past.at(5)["fix"] is None
    assert past.history.span()["marks"] == []


def test_the_span_marks_what_needed_somebody(past, tmp_path):
    connect(tmp_path / "new.db").close()
    nothing = {"from_ms": None, "to_ms": None, "marks": []}
    assert History(tmp_path / "new.db").span() == nothing
    past.put("order", 0, order="A1", state="assigned")
    past.put("risk", 10, order="A1", level="warn", was="none")
    past.put("excursion", 20, order="A1", state="out", was="in")
    past.put("alert", 30, order="A1", alert="near")
    past.put("integrity", 40, order="A1", event="verdict", verdict="pass")
    span = past.history.span()
    assert span["marks"] == [[NOW + 10_000, 1], [NOW + 20_000, 2]]
    assert NOW <= span["from_ms"] <= NOW + 100 and span["to_ms"] == NOW + 40_100


def test_rows_are_paged_in_order_and_without_the_roster(past):
    for n in range(10):
        past.put("temp", n, sensor="c4", temp_cc=n)
    past.put("roster", 5.5, device="rider-0001")
    seen, after, more = [], 0, True
    while more:
        page = past.history.rows(NOW + 2_000, NOW + 9_000, after, 3)
        seen += [json.loads(bytes(each))["temp_cc"] for each in page["messages"]]
        after, more = page["next"], page["more"]
        assert len(page["messages"]) <= 3
    assert seen == list(range(2, 9))


def test_an_order_is_told_whole_without_its_address(past):
    assert Orders(past.path).view("A1") is None
    body = {"order": "A1", "device": "rider-0001", "profile": "chilled"}
    drop = {"lat_e7": 312304000, "lon_e7": 1214737000}
    sent = past.site.send("order", {**body, "drop": drop, "promised": "2026-11-22T12:20:00Z"})
    assert sent["order"] == "A1"
    past.put("order", 1, order="A1", state="picked_up")
    past.put("order", 2, order="A11", state="picked_up")
    past.put("excursion", 3, order="A1", sensor="c4", state="out", was="in", profile="chilled")
    for n in range(1200):
        past.put("temp", 4 + n / 10, sensor="c4", temp_cc=5000 if n == 700 else n % 50)
    found = Orders(past.path).view("A1")
    assert found["told"] == {"profile": "chilled", "promised": "2026-11-22T12:20:00Z"} | {
        name: found["told"][name] for name in found["told"] if name == "action"
    }
    assert {each["order"] for each in found["events"]} == {"A1"}
    assert found["subject"] == "abc" and "rider-0001" not in json.dumps(found)
    curve = found["temps"]["c4"]
    assert len(curve) <= 402 and max(cc for _, cc in curve) == 5000


def test_the_devices_are_told_with_what_the_registry_knows(past):
    def enrolled(device):
        return {"state": "enrolled", "not_after_s": 4e9} if device == "rider-0001" else {}

    found = {each["device"]: each for each in Boards(past.path, enrolled).view()}
    assert found["rider-0001"]["state"] == "enrolled" and found["rider-0001"]["due_s"] > 0
    assert found["rider-0002"]["state"] == "unknown" and found["rider-0002"]["due_s"] is None
    assert found["picker-0001"]["kind"] == "picker"


def test_profiles_are_those_that_boards_judge_by():
    assert PROFILES["chilled"]["low_cc"] == 0 and PROFILES["chilled"]["high_cc"] == 800
    assert PROFILES["frozen"]["low_cc"] is None
    found = read_profiles("x 3 - -1800 50 60 900 20;high -1499 out air consecutive 180")
    limit = found["x"]["limits"][0]
    assert (limit["threshold_cc"], limit["severity"], limit["seconds_s"]) == (-1499, "out", 180)


@pytest.mark.parametrize(
    ("tiles", "allowed"),
    [
        ("", "img-src 'self';"),
        (
            "https://tiles.example:8443/{z}/{x}/{y}.png",
            "img-src 'self' https://tiles.example:8443;",
        ),
        ("https://{s}.tiles.example/{z}/{x}/{y}.png", "img-src 'self' https://*.tiles.example;"),
        ("javascript:alert(1)//{z}{x}{y}", "img-src 'self';"),
        ("https://x; script-src *//{z}/{x}/{y}", "img-src 'self';"),
        ("https://[/{z}/{x}/{y}", "img-src 'self';"),
    ],
)
def test_the_policy_opens_for_the_tile_server_and_nothing_else(tiles, allowed):
    policy = page_headers(tiles)["Content-Security-Policy"]
    assert allowed in policy and "default-src 'self';" in policy and "unsafe" not in policy


def ask(past, *paths):
    """The (status, body) of each path, asked of an application with these views alone."""

    async def main():
        views = Views(past.path, Hub())
        app = web.Application()
        for route, handler in views.routes():
            app.router.add_route(route.method, route.path, handler)
        async with TestClient(TestServer(app)) as client:
            answers = []
            for path in paths:
                answer = await client.get(path)
                answers.append((answer.status, await answer.json()))
            return answers

    return asyncio.run(main())


def test_the_past_is_asked_for_by_http(past):
    past.put("order", 0, order="A/1", state="assigned")
    span, then, rows, order, nobody = ask(
        past,
        "/api/history",
        f"/api/history?at_ms={NOW + 1000}",
        f"/api/history?from_ms={NOW}&limit=5",
        "/api/orders/A%2F1",
        "/api/orders/A2",
    )
    assert span[1]["to_ms"] == NOW + 100
    assert then[1]["subjects"]["abc"]["orders"] == {"A/1": "assigned"}
    assert rows[1]["more"] is False and rows[1]["messages"][-1]["order"] == "A/1"
    assert order[1]["state"] == "assigned" and nobody[0] == 404


@pytest.mark.parametrize(
    "query",
    ["at_ms=x", "at_ms=-1", "at_ms=1e9", "at_ms=99999999999999999999", "at_ms=", "from_ms=１"],
)
def test_a_question_that_makes_no_sense_gets_400(past, query):
    status, body = ask(past, f"/api/history?{query}")[0]
    assert status == 400 and "integers" in body["error"]


def test_too_many_questions_at_once_are_turned_away_and_a_gone_database_is_503(past, tmp_path):
    async def main():
        views = Views(past.path, Hub())
        release = asyncio.Event()
        await views._turn.acquire()
        asked = [asyncio.create_task(views._devices(SimpleNamespace())) for _ in range(9)]
        await asyncio.sleep(0)
        release.set()
        views._turn.release()
        return [answer.status for answer in await asyncio.gather(*asked)]

    assert sorted(asyncio.run(main())) == [200] * 6 + [503] * 3
    gone = SimpleNamespace(path=tmp_path / "gone.db")
    assert [status for status, _ in ask(gone, "/api/history", "/api/devices")] == [503, 503]


@pytest.fixture
def tight(monkeypatch):
    """So few rows are taken whole that a handful of riders are a great fleet."""
    for name in ("_URGENT_ROWS", "_ROUTINE_ROWS", "_LATE_ROWS"):
        monkeypatch.setattr(history_module, name, 4)
    monkeypatch.setattr(newest, "_STEP_IDS", 7)


def fleet(past, riders=6):
    """Each has two orders, stood still early on, and has two sensors that went on and on."""
    for n in range(riders):
        for order in ("A", "B"):
            past.put("order", n / 10, subject=f"r{n}", order=f"{order}{n}", state="assigned")
            past.put("order", n / 10 + 5, subject=f"r{n}", order=f"{order}{n}", state="picked_up")
        past.put("risk", 7, subject=f"r{n}", order=f"B{n}", level="intervene", was="none")
        past.put("fix", 10, subject=f"r{n}", lat_e7=n, lon_e7=n)
        # A backlog that comes later, and a clock that is ahead, are not the last word.
        past.put("fix", 2, came_s=11, subject=f"r{n}", lat_e7=99, lon_e7=99)
        past.put("temp", 5_000, came_s=12, subject=f"r{n}", sensor="c4", temp_cc=n)
    for s in range(20, 40):
        for n in range(riders):
            past.put("temp", s, subject=f"r{n}", sensor="c4", temp_cc=100 * s + n)
            past.put("temp", s, subject=f"r{n}", sensor="d5", temp_cc=-100 * s)


def test_of_a_great_fleet_everybodys_last_word_is_in_the_picture(past, tight):
    fleet(past)
    picture = past.history.at(NOW + 45_000, {})
    found = json.loads(json.dumps(picture["subjects"]))
    assert picture["cut"] is True
    for n in range(6):
        rider = found[f"r{n}"]
        assert rider["fix"]["lat_e7"] == n
        assert rider["orders"] == {f"A{n}": "picked_up", f"B{n}": "picked_up"}
        assert rider["risks"][f"B{n}"]["level"] == "intervene"
        assert rider["temps"]["c4"][-1][1] == 3900 + n and rider["temps"]["d5"][-1][1] == -3900
    # The newest row before a time is not one that was written after it.
    then = json.loads(json.dumps(past.history.at(NOW + 30_500, {})["subjects"]))
    assert [then[f"r{n}"]["temps"]["c4"][-1][1] for n in range(6)] == [3000 + n for n in range(6)]


def test_a_picture_that_is_whole_says_so(past):
    fleet(past)
    assert past.history.at(NOW + 45_000, {})["cut"] is False


@pytest.mark.parametrize(("name", "value"), [("_SPEND_S", -1.0), ("_OLDER_ROWS", 2)])
def test_a_question_that_takes_too_long_or_too_much_is_cut_and_says_so(
    past, tight, monkeypatch, name, value
):
    fleet(past)
    monkeypatch.setattr(newest, name, value)
    monkeypatch.setattr(newest, "_STEP_OPERATIONS", 50)
    picture = past.history.at(NOW + 45_000, {})
    assert picture["cut"] is True and picture["rows"] < 40
    # The next question has its own time.
    monkeypatch.undo()
    assert past.history.at(NOW + 45_000, {})["cut"] is False


def test_a_shift_that_changed_is_no_end_of_an_order_in_the_past(past):
    for subject, shift in (("abc", "20261122"), ("next", "20261123")):
        with past.site.store.transaction():
            past.site.store.enrol(subject, "rider-0001", shift)
    past.put("order", 0, order="A1", state="picked_up")
    past.put("temp", 1, sensor="c4", temp_cc=400)
    assert past.at(5)["orders"] == {"A1": "picked_up"}
    past.put("risk", 10, subject="next", order="A1", level="intervene", was="none")
    past.put("temp", 11, subject="next", sensor="c4", temp_cc=500)
    found = past.at(20, of="next")
    assert past.at(20) is None and list(found["risks"]) == ["A1"]
    assert found["orders"] == {"A1": "picked_up"}
    # Before it he had his old name.
    assert past.at(5)["orders"] == {"A1": "picked_up"}
    # One order has one curve, whatever its rider was called.
    assert [cc for _, cc in Orders(past.path).view("A1")["temps"]["c4"]] == [400, 500]


def test_whole_pictures_have_answer_times_of_their_own(past):
    async def main():
        hub, answers = Hub(), Histograms()
        parts = Parts(answers=answers, more=Views(past.path, hub).routes())
        app = make_app(hub, dict, str, None, None, parts)
        async with TestClient(TestServer(app)) as client:
            for path in ("/api/state", f"/api/history?at_ms={NOW}", "/api/figures"):
                assert (await client.get(path)).status == 200
        return answers

    answers = asyncio.run(main())
    assert answers.all.count == 1
    assert {name for name, each in answers.items() if each.count == 1} == {
        *("/api/state", "/api/history", "/api/figures")
    }
