"""The picture behind the page: what of the board's newer streams it keeps, drops and refuses."""

import json
import logging

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


ROSTER = {"stream": "roster", "log": "gateway", "device": "rider-0001", "shift": "20261122"}
NEXT = {**ROSTER, "subject": "next", "shift": "20261123"}
READING = {**TEMP, "temp_cc": 400}


def test_at_midnight_a_rider_goes_on_under_the_new_name_with_all_that_he_carries():
    hub = fed(ROSTER, ORDER, RISK, COLD, READING, NOW, STOPS, NEXT)
    assert list(hub.subjects) == ["next"]
    late = {**RISK, "subject": "next", "level": "compensate", **at(1)}
    hub.take(json.dumps({**MESSAGE, **late}).encode())
    found = hub.picture()["subjects"]["next"]
    assert found["orders"] == {"A1": "assigned"} and found["risks"]["A1"]["level"] == "compensate"
    assert found["colds"] == {"A1": {"c4 high": "out"}} and list(found["temps"]) == ["c4"]
    assert found["fix"]["lat_e7"] == 10 and found["stops"]["late"] == 1
    # An order ends under the new name, and what is told under the old one belongs to him too.
    hub.take(json.dumps({**MESSAGE, **ORDER, "order": "A2", **at(2)}).encode())
    assert list(hub.subjects) == ["next"]
    over = {**ORDER, "subject": "next", "state": "handed_over", **at(3)}
    hub.take(json.dumps({**MESSAGE, **over}).encode())
    assert hub.picture()["subjects"]["next"]["orders"] == {"A2": "assigned"}
    assert {event["subject"] for event in hub.events} == {"next"} and hub.odd == 0


def test_the_pages_are_told_the_new_name_and_no_device():
    hub = fed(ROSTER, ORDER)
    queue = hub.watch()
    for message in (NEXT, {**RISK, "subject": "next"}, {**NOW, **at(1)}):
        hub.take(json.dumps({**MESSAGE, **message}).encode())
    told = [json.loads(queue.get_nowait()) for _ in range(queue.qsize())]
    assert told[0] == {"stream": "rename", "kind": "rider", "subject": "next", "was": "abc"}
    assert [(each["stream"], each["subject"]) for each in told[1:]] == [
        ("risk", "next"),
        ("now", "next"),
    ]
    assert "rider-0001" not in json.dumps(told)


def test_what_came_under_the_new_name_first_stands():
    early = {"subject": "next", **at(5)}
    hub = fed(
        *(ROSTER, ORDER, NOW, READING, {**TEMP, "sensor": "d5", "state": "lost"}),
        *({**NOW, **early, "lat_e7": 77}, {**READING, **early, "temp_cc": 500}, NEXT),
    )
    found = hub.picture()["subjects"]["next"]
    assert list(hub.subjects) == ["next"] and found["fix"]["lat_e7"] == 77
    assert [lat for _, lat, _ in found["nows"]] == [10, 77]
    assert [cc for _, cc in found["temps"]["c4"]] == [400, 500]
    assert list(found["lost"]) == ["d5"] and found["orders"] == {"A1": "assigned"}


def test_a_backlog_of_an_earlier_shift_takes_no_name_away():
    hub = fed(NEXT, {**NOW, "subject": "next"}, ROSTER, {**ORDER, **at(1)})
    assert list(hub.subjects) == ["next"]
    assert hub.picture()["subjects"]["next"]["orders"] == {"A1": "assigned"}
    third = {**ROSTER, "subject": "third", "shift": "20261124"}
    for message in (third, NOW):
        hub.take(json.dumps({**MESSAGE, **message}).encode())
    assert list(hub.subjects) == ["third"]


@pytest.mark.parametrize("field", ["device", "subject", "shift"])
def test_an_odd_line_of_the_roster_is_counted(field):
    hub = fed(ORDER, {**ROSTER, field: ["x"]}, {**ROSTER, field: None})
    assert hub.odd == 2 and list(hub.subjects) == ["abc"]


def test_a_stamp_ahead_of_time_counts_as_when_it_came():
    ahead = {"t": "2026-11-22T11:00:00.000Z", "received": "2026-11-22T10:00:00.100Z"}
    lost = {**TEMP, "state": "lost", **at(1)}
    alert = {"stream": "alert", "alert": "sensor_lost", "sensor": "c4", **at(1)}
    for message in (lost, alert):
        assert view({**READING, **ahead}, message)["lost"] == {"c4": at(1)["t"]}
        heard = view({**message, **ahead}, {**READING, **at(2)})
        assert heard["lost"] == {} and len(heard["temps"]["c4"]) == 1
    found = view({**READING, **ahead}, {**RISK, **ahead}, {**COLD, "profile": "chilled", **ahead})
    assert found["temps"]["c4"] == [[ahead["received"], 400]]
    assert found["risks"]["A1"]["t"] == ahead["received"]
    assert found["marks"]["c4"] == [[ahead["received"], "out"]]


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b'{"id":"ID7","stream":"fix","text":"her secret"}', "id ID7, stream fix"),
        (b'["her secret"]', "no JSON object"),
        (b'{"her secret', "no JSON object"),
    ],
)
def test_what_cannot_be_shown_is_named_in_the_log_and_not_quoted(payload, said, caplog):
    with caplog.at_level(logging.WARNING):
        Hub().take(payload)
    assert said in caplog.text and "secret" not in caplog.text
