"""What the page makes of the feed: its own modules in Chromium, fed by hand, without a gateway."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dashboard_site import open_browser, open_modules
from playwright.sync_api import Page

from gateway.feed.writer import iso
from gateway.web.hub import Hub

_T0 = 1_795_000_000_000
# text: JSON of the feed's messages, the state to begin with or null, and what time it is.
_SHOW = """async (text) => {
  const [feed, state, now] = JSON.parse(text);
  const { Picture } = await import("/picture.js");
  const { coldOf, standing } = await import("/standing.js");
  const picture = new Picture();
  if (state) picture.load(state);
  for (const message of feed) picture.take(message);
  const of = (person) => {
    const { word, age, need, rank, at } = standing(person, now, false);
    const { trail, stops } = person;
    const orders = [...person.orders].map(([name, o]) => [name, o.state, o.risk.level, coldOf(o)[2]]);
    return { word, age, need: need.map((each) => each[2]), rank, at, trail, orders, stops };
  };
  return {
    people: Object.fromEntries([...picture.people].map(([name, person]) => [name, of(person)])),
    events: picture.events.length,
    stands: picture.events.filter((event) => picture.stands(event, now)).map((event) => event.stream),
  };
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with open_browser() as browser, open_modules(browser) as page:
        yield page


# text: JSON of the points of a trail; returns how many pixels of it there are west, in the middle, east.
_DRAW = """async (text) => {
  const [trail, now] = JSON.parse(text);
  const { FleetMap } = await import("/map.js");
  document.documentElement.style.setProperty("--trail", "#00ff00");
  document.body.innerHTML = "<canvas style='width:600px;height:300px'></canvas>";
  const canvas = document.querySelector("canvas");
  const map = new FleetMap(canvas, { onPick() {}, onMode() {} });
  const [, lat, lon] = trail.at(-1);
  const calm = { told: null, course_deg: null, accuracy_m: 0, note: "", sign: "", isAlarmed: false };
  map.show([{ name: "abc", standing: "live", lat, lon, trail, ...calm }], now, null);
  map.surface.draw();
  const { data } = canvas.getContext("2d").getImageData(0, 0, 600, 300);
  const counts = [0, 0, 0];
  for (let i = 0; i < data.length; i += 4) {
    const [red, green, blue] = data.slice(i, i + 3);
    if (red < 60 && green > 60 && blue < 60) counts[Math.floor(((i / 4) % 600) / 200)] += 1;
  }
  return counts;
}"""

Show = Callable[..., dict[str, Any]]


@pytest.fixture
def show(page: Page) -> Show:
    """show(*messages, at_s=...): what the page makes of them; the same by way of the hub's picture."""

    def run(*messages: dict[str, Any], at_s: float = 1000.0) -> dict[str, Any]:
        hub = Hub()
        queue = hub.watch()
        for message in messages:
            hub.take(json.dumps(message).encode())
        told = [json.loads(queue.get_nowait() or b"null") for _ in range(queue.qsize())]
        state = json.loads(json.dumps(hub.picture()))
        now = _T0 + at_s * 1000
        live: dict[str, Any] = page.evaluate(_SHOW, json.dumps([told, None, now]))
        loaded = page.evaluate(_SHOW, json.dumps([[], state, now]))
        assert loaded["people"] == live["people"] and loaded["stands"] == live["stands"]
        assert page.evaluate(_SHOW, json.dumps([told * 2, None, now])) == live
        return live

    return run


_count = iter(range(1, 1_000_000))


def _iso(s: float) -> str:
    return iso(_T0 + round(s * 1000))


def _m(stream: str, s: float, late_s: float = 0.1, **values: Any) -> dict[str, Any]:
    log = "evidence" if stream in ("order", "risk", "excursion", "integrity", "alert") else "track"
    head = {"id": f"{next(_count):026}", "stream": stream, "kind": "rider", "subject": "abc"}
    stamps = {"t": _iso(s), "received": _iso(s + late_s), "replay": late_s > 30}
    return {**head, "log": log, **stamps, **values}


def _now(s: float, lat_e7: int = 0, **values: Any) -> dict[str, Any]:
    return _m("now", s, lat_e7=lat_e7, lon_e7=0, acc_cm=300, **values)


def _track(s: float, *steps: tuple[int, int], sent_s: float) -> dict[str, Any]:
    vertices = [[ms * 1000, lat, 0] for ms, lat in steps]
    return _m("track", s, sent_s - s, **{"from": _iso(s)}, vertices=vertices, bound_cm=1000)


def _trail(shown: dict[str, Any]) -> list[tuple[float, int, int]]:
    """(s, lat, how it came) of each point; 0 fix, 1 now, 2 first of a stretch, 3 on its line."""
    return [((t - _T0) / 1000, lat, how) for t, lat, _, how in shown["people"]["abc"]["trail"]]


def test_a_stretch_of_track_takes_the_place_of_the_rough_points_of_its_span(show: Show) -> None:
    nows = [_now(s, s) for s in (90, 110, 150, 190, 210)]
    line = _track(100, (0, 1), (30, 2), (100, 3), sent_s=205)
    want = [(90, 90, 1), (100, 1, 2), (130, 2, 3), (200, 3, 3), (210, 210, 1)]
    assert _trail(show(*nows, line)) == want
    # A message that comes after the stretch of its time adds nothing to it.
    assert _trail(show(*nows[:3], line, *nows[3:])) == want


def test_stretches_that_share_a_vertex_are_one_line(show: Show) -> None:
    one = _track(100, (0, 1), (100, 2), sent_s=201)
    two = _track(200, (0, 2), (300, 3), sent_s=501)
    assert [how for _, _, how in _trail(show(one, two))] == [2, 3, 3]
    assert [s for s, _, _ in _trail(show(one, two))] == [100, 200, 500]
    apart = _track(260, (0, 2), (300, 3), sent_s=561)
    assert [how for _, _, how in _trail(show(one, apart))] == [2, 3, 2, 3]


def test_of_a_stretch_that_came_twice_the_longer_one_stands(show: Show) -> None:
    short = _track(100, (0, 1), (50, 2), sent_s=151)
    long = _track(100, (0, 1), (90, 3), sent_s=191)
    for pair in ((short, long), (long, short)):
        assert [lat for _, lat, _ in _trail(show(*pair))] == [1, 3]


def test_two_messages_of_now_that_came_in_one_millisecond_are_two(show: Show) -> None:
    one, two = _now(100, 1), _now(110, 2)
    assert [lat for _, lat, _ in _trail(show(one, {**two, "id": one["id"]}))] == [1, 2]


def test_where_the_way_is_not_known_a_new_line_begins(show: Show) -> None:
    line = _track(100, (0, 1), (20, 2), (35, 3), (60, 4), sent_s=161)
    assert [how for _, _, how in _trail(show({**line, "breaks": [1]}))] == [2, 3, 2, 3]
    assert [how for _, _, how in _trail(show({**line, "breaks": []}))] == [2, 3, 3, 3]


@pytest.mark.parametrize(
    ("gap_s", "how", "joined"),
    [(300, 3, True), (20, 2, False), (0, 2, True), (20, 0, True), (40, 0, False)],
)
def test_a_way_is_drawn_where_it_is_known(page: Page, gap_s: int, how: int, joined: bool) -> None:
    # From the west to the east third of the map; the middle is crossed in between.
    places = [(0, -100), (10, -70), (10 + gap_s, 70), (20 + gap_s, 100)]
    ways = [2, 3, how, 3 if how else 0]
    trail = [
        [_T0 + s * 1000, 0, lon * 400, way] for (s, lon), way in zip(places, ways, strict=True)
    ]
    counts = page.evaluate(_DRAW, json.dumps([trail, _T0 + 400_000]))
    assert counts[0] > 20 and counts[2] > 20
    assert (counts[1] > 100) == joined and (joined or counts[1] < 20)


def test_recorded_fixes_stay_in_the_trail(show: Show) -> None:
    fixes = [_m("fix", s, lat_e7=s, lon_e7=0) for s in (120, 121)]
    found = _trail(show(*fixes, _track(100, (0, 1), (100, 2), sent_s=201)))
    assert [(s, how) for s, _, how in found] == [(100, 2), (120, 0), (121, 0), (200, 3)]


def test_a_position_is_carried_on_for_a_minute_and_its_age_stays_its_own(show: Show) -> None:
    riding = _now(100, speed_mm_s=5000, course_cdeg=9000, motion="ride")
    east_e7 = 5 / 0.0111319491  # per second at the equator
    for at_s, carried_s, word in ((130, 30, "live"), (160, 60, "live"), (185, 60, "live")):
        found = show(riding, at_s=at_s)["people"]["abc"]
        assert found["word"] == word and found["age"] == (at_s - 100) * 1000
        assert abs(found["at"]["lon"] - carried_s * east_e7) < 2 and abs(found["at"]["lat"]) < 1
    # Nobody knows any more: where it was told last.
    silent = show(riding, at_s=191)["people"]["abc"]
    assert silent["word"] == "silent" and silent["at"] == {"lat": 0, "lon": 0}


@pytest.mark.parametrize(
    "values",
    [
        {"speed_mm_s": 5000, "course_cdeg": 9000, "motion": "still"},
        {"speed_mm_s": 0, "course_cdeg": 9000, "motion": "ride"},
        {"speed_mm_s": 5000},
        {"speed_mm_s": 5000, "course_cdeg": 9000, "source": "hold"},
        {"speed_mm_s": "5000", "course_cdeg": {}},
    ],
)
def test_who_does_not_ride_on_is_not_carried_on(show: Show, values: dict[str, Any]) -> None:
    found = show(_now(100, 7, **values), at_s=140)["people"]["abc"]
    assert found["at"] == {"lat": 7, "lon": 0}


def test_a_board_that_records_every_second_is_silent_after_ten(show: Show) -> None:
    fix = _m("fix", 100, lat_e7=1, lon_e7=2, speed_mm_s=5000, course_cdeg=0)
    assert show(fix, at_s=110)["people"]["abc"]["word"] == "live"
    silent = show(fix, at_s=111)["people"]["abc"]
    assert silent["word"] == "silent" and silent["at"] == {"lat": 1, "lon": 2}


def test_the_end_of_a_stretch_is_a_position_when_no_message_of_now_came(show: Show) -> None:
    line = _track(100, (0, 1), (890, 5), sent_s=991)
    found = show(_now(500, 9), line)["people"]["abc"]
    assert found["word"] == "live" and found["age"] == 10_000 and found["at"]["lat"] == 5
    assert show(_now(995, 9), line)["people"]["abc"]["at"]["lat"] == 9


def _order(state: str, order: str = "A1", **more: Any) -> dict[str, Any]:
    return _m("order", 900, order=order, state=state, **more)


_LATE: dict[str, Any] = {"order": "A1", "was": "none", "late_pct": 70}


def test_the_worst_need_comes_first_and_ends_with_its_order(show: Show) -> None:
    warm = _m("excursion", 950, order="A2", sensor="c4", side="high", state="out", was="warn")
    risk = _m("risk", 950, level="compensate", **_LATE)
    start = (_order("assigned"), _order("picked_up", "A2"), risk, warm)
    found = show(*start)
    abc = found["people"]["abc"]
    assert abc["need"] == ["compensate", "out of range"] and abc["rank"] == 5
    assert abc["orders"] == [
        ["A1", "assigned", "compensate", ""],
        ["A2", "picked_up", "none", "out of range"],
    ]
    assert found["stands"] == ["risk", "excursion"]
    # It was dealt with: what happened stays in the list, but not on top of it.
    done = show(*start, _m("risk", 960, **{**_LATE, "level": "none"}), _order("failed", "A2"))
    assert done["people"]["abc"]["need"] == [] and done["stands"] == []
    assert done["people"]["abc"]["orders"] == [["A1", "assigned", "none", ""]]
    assert done["events"] == 6


def test_a_warning_needs_nobody_yet(show: Show) -> None:
    found = show(_order("assigned"), _m("risk", 950, level="warn", **_LATE))
    assert found["people"]["abc"]["rank"] == 1 and found["stands"] == []


def test_an_order_given_to_another_takes_its_risk_from_the_first(show: Show) -> None:
    risk = _m("risk", 950, level="intervene", **_LATE)
    found = show(_order("assigned"), risk, _order("assigned", subject="other"), {**risk, "id": "x"})
    assert found["people"]["abc"]["orders"] == [] and found["people"]["abc"]["need"] == []
    assert found["people"]["other"]["orders"] == [["A1", "assigned", "none", ""]]


def test_what_comes_after_an_order_is_over_does_not_bring_it_back(show: Show) -> None:
    late = _m("risk", 950, level="intervene", **_LATE)
    found = show(_order("assigned"), _order("handed_over"), late)
    assert found["people"]["abc"]["orders"] == [] and found["events"] == 3


def test_customers_alerts_are_no_alarms_and_a_lost_sensor_is_one_until_it_is_heard(
    show: Show,
) -> None:
    told = [_m("alert", 990, alert=word, order="A1") for word in ("near", "approach", "arrived")]
    assert show(*told)["people"]["abc"]["need"] == [] and show(*told)["stands"] == []
    lost = _m("alert", 990, alert="sensor_lost", sensor="c4")
    found = show(*told, lost)
    assert found["people"]["abc"]["need"] == ["sensor lost"] and found["stands"] == ["alert"]
    reading = _m("temp", 995, sensor="c4", temp_cc=400, state="live")
    for pair in (
        (lost, reading),
        (reading, lost),
    ):  # evidence and readings come in logs of their own
        heard = show(*pair)
        assert heard["people"]["abc"]["need"] == [] and heard["stands"] == []


def test_a_failed_verdict_is_an_alarm_for_five_minutes(show: Show) -> None:
    verdict = _m("integrity", 900, event="verdict", order="A1", verdict="fail")
    assert show(verdict)["people"]["abc"]["need"] == ["alarm"]
    assert show(verdict, at_s=1201)["people"]["abc"]["need"] == []
    assert show({**verdict, "verdict": "pass"})["people"]["abc"]["need"] == []


@pytest.mark.parametrize(
    "odd",
    [
        _m("risk", 950, order="A1", level="__proto__"),
        _m("risk", 950, order="A1", level="toString"),
        _m("excursion", 950, order="A1", state="constructor", side="high"),
        _m("order", 950, order="__proto__", state="assigned"),
        _m("stops", 950, sequence="__proto__,,,+"),
    ],
)
def test_words_that_nobody_knows_need_nobody(show: Show, odd: dict[str, Any]) -> None:
    assert show(odd)["people"]["abc"]["need"] == []


def _roster(s: float, subject: str, shift: str) -> dict[str, Any]:
    return _m("roster", s, subject=subject, device="rider-0001", shift=shift)


def test_at_midnight_an_order_stays_with_its_rider_and_its_alarms_stand(show: Show) -> None:
    start = (
        _roster(899, "abc", "20261122"),
        _order("picked_up"),
        _m("temp", 905, sensor="c4", temp_cc=900),
    )
    # A position under the new name may come before the page knows whose it is.
    early = _m("now", 940, lat_e7=5, lon_e7=6, acc_cm=300, subject="next")
    risk = _m("risk", 960, level="intervene", subject="next", **_LATE)
    warm = _m("excursion", 961, subject="next", order="A1", sensor="c4", side="high", state="out")
    found = show(*start, early, _roster(950, "next", "20261123"), risk, warm)
    rider = found["people"]["next"]
    assert list(found["people"]) == ["next"] and rider["at"] == {"lat": 5, "lon": 6}
    assert rider["orders"] == [["A1", "picked_up", "intervene", "out of range"]]
    assert rider["need"] == ["out of range"] or rider["need"] == ["intervene", "out of range"]
    assert found["stands"] == ["risk", "excursion"]
    # What the backlog brings under the old name brings nobody back.
    late = show(*start, _roster(950, "next", "20261123"), risk, _now(890, 9))
    assert list(late["people"]) == ["next"]


def test_a_sensor_whose_clock_was_ahead_is_lost_when_it_falls_silent(show: Show) -> None:
    ahead = _m("temp", 4500, late_s=-3600, sensor="c4", temp_cc=400)
    assert show(ahead, at_s=905)["people"]["abc"]["need"] == []
    lost = show(ahead, _m("temp", 960, sensor="c4", state="lost"))["people"]["abc"]
    assert lost["need"] == ["sensor lost"]
    alert = _m("alert", 960, alert="sensor_lost", sensor="c4")
    assert show(ahead, {**alert, "t": None})["people"]["abc"]["need"] == ["sensor lost"]
