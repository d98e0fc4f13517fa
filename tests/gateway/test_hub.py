"""The picture behind the page: what of the board's newer streams it keeps, drops and refuses."""

import json

import pytest

from gateway.web.hub import Hub

MESSAGE = {
    "id": "A" * 26,
    "kind": "rider",
    "subject": "abc",
    "log": "evidence",
    "t": "2026-11-22T10:00:00.000Z",
    "received": "2026-11-22T10:00:00.100Z",
    "replay": False,
}
NOW = {"stream": "now", "log": "track", "lat_e7": 10, "lon_e7": 20}
TRACK = {
    "stream": "track",
    "log": "track",
    "from": "2026-11-22T09:45:00.000Z",
    "bound_cm": 1000,
    "vertices": [[0, 1, 2], [890_000, 3, 4]],
}
ORDER = {"stream": "order", "order": "A1", "state": "assigned"}
RISK = {"stream": "risk", "order": "A1", "level": "intervene", "was": "warn", "late_pct": 66}
COLD = {"stream": "excursion", "order": "A1", "sensor": "c4", "side": "high", "state": "out"}
TEMP = {"stream": "temp", "log": "track", "sensor": "c4"}
VERDICT = {"stream": "integrity", "event": "verdict", "order": "A1", "verdict": "fail"}
STOPS = {"stream": "stops", "log": "track", "sequence": "+A1,-A1", "late": 1}


def fed(*messages):
    """A hub that took these, each over what all messages have."""
    hub = Hub()
    for message in messages:
        hub.take(json.dumps({**MESSAGE, **message}).encode())
    return hub


def view(*messages, of="abc"):
    """The picture of a subject after these."""
    hub = fed(*messages)
    assert hub.odd == 0
    return json.loads(json.dumps(hub.picture()))["subjects"][of]


def at(minute, second=0):
    """The stamps of a message of then."""
    t = f"2026-11-22T10:{minute:02}:{second:02}"
    return {"t": f"{t}.000Z", "received": f"{t}.100Z"}


def test_a_position_of_now_is_where_the_rider_is_and_a_rough_point_of_the_trail():
    found = view(NOW)
    assert found["fix"]["lat_e7"] == 10
    assert found["nows"] == [[MESSAGE["t"], 10, 20]] and found["trail"] == []


def test_a_stretch_of_track_is_kept_and_its_end_is_a_position_if_nothing_newer_is_known():
    found = view(TRACK)
    way = {"from": TRACK["from"], "vertices": TRACK["vertices"], "breaks": []}
    assert found["ways"] == [way]
    assert view({**TRACK, "breaks": [0]})["ways"] == [{**way, "breaks": [0]}]
    assert found["fix"]["t"] == "2026-11-22T09:59:50.000Z" and found["fix"]["lat_e7"] == 3
    assert view(NOW, TRACK)["fix"]["stream"] == "now"


def test_a_clock_that_is_ahead_does_not_stop_the_rider():
    ahead = {**NOW, "t": "2026-11-23T10:00:00.000Z", "lat_e7": 7}
    assert view(ahead, {**NOW, **at(1)})["fix"]["lat_e7"] == 10


def test_of_a_stretch_that_came_twice_the_longer_one_stands():
    short = {**TRACK, "vertices": [[0, 1, 2], [100_000, 5, 6], [200_000, 5, 6]]}
    for pair in ((TRACK, short), (short, TRACK)):
        assert [each["vertices"] for each in view(*pair)["ways"]] == [TRACK["vertices"]]


def test_nows_and_stretches_are_bounded():
    line = [[ms, ms, ms] for ms in range(400)]
    ways = [
        {**TRACK, "from": f"2026-11-22T09:{minute:02}:00.000Z", "vertices": line}
        for minute in range(5)
    ]
    found = view(*ways, *({**NOW, **at(n // 60, n % 60)} for n in range(500)))
    assert [way["from"][14:16] for way in found["ways"]] == ["03", "04"]
    assert len(found["nows"]) == 180 and found["nows"][-1][0] == at(8, 19)["t"]


def test_delay_risk_is_kept_by_order_until_it_falls_to_none_or_the_order_is_over():
    found = view(ORDER, RISK)
    assert found["risks"] == {"A1": {"level": "intervene", "late_pct": 66, "t": MESSAGE["t"]}}
    assert view(ORDER, RISK, {**RISK, "level": "none"})["risks"] == {}
    for state in ("handed_over", "failed", "cancelled", "refused"):
        found = view(ORDER, RISK, COLD, {**ORDER, "state": state})
        assert (found["orders"], found["risks"], found["colds"]) == ({}, {}, {}), state
    assert view(ORDER, {**ORDER, "state": "picked_up"})["orders"] == {"A1": "picked_up"}


def test_what_comes_after_an_order_is_over_is_an_event_only():
    hub = fed(ORDER, {**ORDER, "state": "handed_over"}, RISK, COLD, VERDICT)
    found = hub.picture()["subjects"]["abc"]
    assert (found["risks"], found["colds"]) == ({}, {})
    assert [event["stream"] for event in hub.events][2:] == ["risk", "excursion", "integrity"]
    # Given out again, it counts again.
    again = view(ORDER, {**ORDER, "state": "failed"}, ORDER, RISK)
    assert list(again["risks"]) == ["A1"]


def test_an_order_takes_its_risk_along_to_nobody():
    other = {**ORDER, "subject": "other"}
    hub = fed(ORDER, RISK, COLD, other, RISK)
    found = hub.picture()["subjects"]
    assert found["abc"]["risks"] == found["abc"]["colds"] == found["other"]["risks"] == {}
    # A picture that begins in the middle of an order knows of it by its risk.
    assert list(view(RISK)["risks"]) == ["A1"]


def test_a_cold_chain_has_a_state_by_sensor_and_side():
    low = {**COLD, "side": "low", "state": "warn"}
    assert view(COLD, low)["colds"] == {"A1": {"c4 high": "out", "c4 low": "warn"}}
    assert view(COLD, low, {**COLD, "state": "in"})["colds"] == {"A1": {"c4 low": "warn"}}
    assert view(COLD, {**COLD, "state": "in"}, {**COLD, "state": "in"})["colds"] == {}
    assert view({**COLD, "state": "latched"})["colds"] == {"A1": {"c4 high": "latched"}}


def test_a_sensor_is_lost_until_it_is_heard_again():
    lost = {**TEMP, "state": "lost", **at(1)}
    alert = {"stream": "alert", "alert": "sensor_lost", "sensor": "c4", **at(1)}
    for message in (lost, alert):
        assert view(message)["lost"] == {"c4": at(1)["t"]}
        assert view({**TEMP, "temp_cc": 400}, message)["lost"] == {"c4": at(1)["t"]}
        assert view(message, {**TEMP, "temp_cc": 400, **at(2)})["lost"] == {}
        # The alert overtakes readings, and the backlog comes late.
        assert view({**TEMP, "temp_cc": 400, **at(2)}, message)["lost"] == {}


def test_the_stops_are_the_last_that_were_told():
    assert view(STOPS, {**STOPS, "sequence": "-A1", "late": 0})["stops"] == {
        "sequence": "-A1",
        "late": 0,
    }


def test_events_of_the_new_streams_are_told_and_reports_are_not():
    restart = {"stream": "health", "event": "restart", "subsystem": "gnss", "log": "track"}
    overspeed = {"stream": "exception", "code": "overspeed"}
    hub = fed(RISK, COLD, VERDICT, restart, overspeed, {**restart, "event": "report"}, STOPS, TRACK)
    assert [event["stream"] for event in hub.events] == [
        *("risk", "excursion", "integrity", "health", "exception")
    ]


@pytest.mark.parametrize(
    "message",
    [
        {**TRACK, "vertices": []},
        {**TRACK, "vertices": None},
        {**TRACK, "vertices": [[0, 1]]},
        {**TRACK, "vertices": [[0, 1, "2"], [1, 2, 3]]},
        {**TRACK, "vertices": [[10**18, 1, 2]]},
        {**TRACK, "vertices": [[ms, 1, 2] for ms in range(1_001)]},
        {**TRACK, "breaks": ["x"]},
        {**TRACK, "breaks": 1},
        {**TRACK, "breaks": [0] * 1_001},
        {**TRACK, "from": "yesterday"},
        {**TRACK, "from": 7},
        {**NOW, "lat_e7": "north"},
        {**NOW, "received": 5},
        {**RISK, "order": ["A1"]},
        {key: value for key, value in RISK.items() if key != "level"},
        {key: value for key, value in COLD.items() if key != "state"},
        {key: value for key, value in STOPS.items() if key != "sequence"},
        {**TEMP, "sensor": {}, "temp_cc": 1},
        {"stream": "alert"},
    ],
)
def test_an_odd_message_is_counted_and_changes_nothing(message):
    hub = fed(ORDER, NOW)
    before = json.dumps(hub.picture())
    queue = hub.watch()
    hub.take(json.dumps({**MESSAGE, **message}).encode())
    hub.take(json.dumps({**MESSAGE, **message, "subject": "new"}).encode())
    assert hub.odd == 2 and queue.empty()
    assert json.dumps(hub.picture()) == before
