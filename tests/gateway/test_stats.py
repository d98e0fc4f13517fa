"""The gateway's own figures on the feed."""

import json
from pathlib import Path

import jsonschema

from gateway.feed.stats import Stats, numbers
from tools.parts.place import ROOT

SCHEMA = json.loads(Path(ROOT, "protocols/feed/schema/stats.json").read_text())


def test_once_a_minute_what_is_a_number_is_told_and_fits_its_schema(site):
    told = []
    figures = {"frames": 7, "trouble": "", "devices_broker": True, "sinks": {}, "Bad Name": 1}
    stats = Stats(
        *("shanghai", "gw-1", site.feed._identity, lambda: figures),
        lambda topic, payload, expiry_s: told.append((topic, json.loads(payload), expiry_s)),
    )
    for _ in range(25):
        site.run(lambda store: stats.step(store, site.now_ms))
        site.now_ms += 5_000
    assert len(told) == 3
    topic, body, expiry_s = told[0]
    assert topic == "o2o/v1/shanghai/gateway/gw-1/stats" and expiry_s > 60
    assert body["figures"] == {"frames": 7, "devices_broker": 1}
    jsonschema.validate(body, SCHEMA)


def test_after_a_sweep_it_is_told_again_at_once(site):
    told = []
    stats = Stats("shanghai", "gw-1", site.feed._identity, dict, lambda *_: told.append(1))
    for _ in range(2):
        site.run(lambda store: stats.step(store, site.now_ms))
        stats.forget()
    assert len(told) == 2


def test_numbers_are_numbers():
    assert numbers({"a": None, "b": 1.5, "c": False, "d": "x"}) == {"a": None, "b": 1.5, "c": 0}
