"""/metrics: real figures under the names of the plan, and nothing from outside as a label."""

import asyncio
import json
import ssl
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from cryptography import x509
from prometheus_client.parser import text_string_to_metric_families

from gateway.config import check
from gateway.errors import ConfigError
from gateway.log.store import ROUTINE, Row
from gateway.ops import vitals as vitals_module
from gateway.ops.meters import Meters
from gateway.ops.metrics import Metrics
from gateway.ops.vitals import days_left
from gateway.ops.watch import Watch
from gateway.sinks.outlet import Sent
from gateway.web.hub import Hub
from gateway.web.tls import Tls


def iso(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def payload(stream, ago_s=0.0, t_ago_s=None, replay=False, **more):
    now = datetime.now(UTC)
    t = now - timedelta(seconds=ago_s if t_ago_s is None else t_ago_s)
    body = {
        "id": "A" * 26,
        "stream": stream,
        "kind": "rider",
        "subject": "abc",
        "log": "track",
        "t": iso(t),
        "received": iso(now - timedelta(seconds=ago_s)),
        "replay": replay,
        **more,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def row(stream, **values):
    received_ms = int(datetime.now(UTC).timestamp() * 1000)
    data = payload(stream, **values)
    return Row(ROUTINE, "A" * 26, f"o2o/v1/x/rider/abc/{stream}", 0, received_ms, data)


class Upstream:
    """An outlet that answers when it is told to."""

    def __init__(self):
        self.up = True
        self.tickets = []
        self.was_lost = False

    def start(self, on_change):
        pass

    def send(self, message):
        self.tickets.append(len(self.tickets) + 1)
        return self.tickets[-1]

    def answered(self):
        return list(self.tickets)

    def lost(self):
        was, self.was_lost = self.was_lost, False
        return was

    def keep(self, topic, payload, expiry_s):
        return True

    def stop(self):
        pass


@pytest.fixture
def config(tmp_path):
    return check({"site": {"id": "gw-1", "city": "x", "data": str(tmp_path)}})


def series(text):
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for each in family.samples:
            found[each.name, tuple(sorted(each.labels.items()))] = each.value
    return found


def test_figures_become_series_and_what_is_absent_is_absent(config):
    figures = {
        "uptime_s": 5,
        "devices_broker": True,
        "records_repeated": 7,
        "frames_malformed": 3,
        "records": 90,
        "trouble": "",
        "sinks": {"city": {"up": True, "acknowledged": 12, "rewinds": 2, "backlog_rows": 4}},
    }
    hub = Hub()
    watch = Watch(config, lambda: figures, hub)
    watch.meters.note([row("fix"), row("fix"), row("order")])
    watch.meters.answers.note("/api/state", 0.03)
    watch.probe()()
    watch.turn()
    found = series(Metrics(lambda: figures, watch).text())
    assert found["gw_duplicates_total", ()] == 7
    assert found["gw_dropped_total", (("reason", "frames_malformed"),)] == 3
    assert found["gw_received_total", (("stream", "fix"),)] == 2
    assert found["gw_forwarded_total", (("sink", "city"),)] == 12
    assert found["gw_reconnects_total", (("sink", "city"),)] == 2
    assert found["gw_upstream_connected", (("sink", "city"),)] == 1
    assert found["gw_figure", (("name", "records"),)] == 90
    assert found["gw_answer_seconds_bucket", (("le", "0.05"), ("route", "/api/state"))] == 1
    assert found["gw_answer_seconds_bucket", (("le", "0.02"), ("route", "/api/state"))] == 0
    assert found["gw_commit_seconds_count", ()] == 1
    assert found["gw_devices", (("age", "never"),)] == 0
    assert found["gw_threshold_level", (("name", "answer_ms"),)] == 0
    names = {name for name, _ in found}
    assert "gw_puback_seconds_count" not in names  # nothing was sent yet: absent, not 0
    assert "gw_log_rows" not in names and "gw_log_oldest_seconds" not in names
    assert not any("trouble" in str(labels) for _, labels in found)


def test_a_terminal_s_receiver_and_radio_are_shown_when_there_are_some(config):
    watch = Watch(config, dict, Hub())
    figures = {"terminal_nmea_good": 7, "terminal_adverts_heard": 9, "terminal_fixes": 3}
    figures |= {"terminal_nmea_good_GN": 5, "terminal_nmea_bad_BD": 2, "terminal_nmea_bad_\n": 1}
    figures |= {f"terminal_nmea_good_{n:02d}": 1 for n in range(60)}
    found = series(Metrics(lambda: figures, watch).text())
    told = {labels: n for (name, labels), n in found.items() if name == "gw_nmea_sentences_total"}
    assert len(told) <= 34 and sum(told.values()) == 68
    assert told[("ok", "false"), ("talker", "BD")] == 2
    assert found["gw_ble_adverts_total", ()] == 9
    assert found["gw_figure", (("name", "terminal_fixes"),)] == 3
    silent = series(Metrics(dict, watch).text())
    assert not any(name.startswith(("gw_nmea", "gw_ble")) for name, _ in silent)


def test_devices_are_counted_by_age_and_never_named(config):
    hub = Hub()
    watch = Watch(config, dict, hub)
    now = datetime.now(UTC)
    for number, ago_s in enumerate((1, 30, 300, 3_000, 30_000)):
        hub.subjects[f"subject{number}"] = SimpleNamespace(
            seen=iso(now - timedelta(seconds=ago_s)), presence="online"
        )
    hub.subjects["silent"] = SimpleNamespace(seen="", presence="online")
    assert watch.vitals.ages() == {"10s": 1, "1m": 1, "10m": 1, "1h": 1, "older": 1, "never": 1}
    assert b"subject0" not in Metrics(dict, watch).text()
    assert round(watch.vitals.read({}, 0.0)["silent_pct"]) == round(100 * 4 / 6)


def test_times_are_taken_of_what_goes_out_and_is_answered():
    meters, upstream = Meters(), Upstream()
    outlet = meters.sink(upstream)
    live = Sent(1, "A", "o2o/v1/x/rider/abc/fix", 0, payload("fix", ago_s=0.3))
    assert outlet.send(live) == 1 and outlet.answered() == [1]
    assert meters.puback.count == 1
    assert 0.2 < meters.feed_delay.quantile_s(0.99) <= 0.35
    late = Sent(2, "A", "o2o/v1/x/rider/abc/alert", 0, payload("alert", t_ago_s=8.0))
    outlet.send(late)
    outlet.answered()
    assert 5 < meters.alert_delay.quantile_s(0.99) <= 10
    odd = Sent(3, "A", "o2o/v1/x/rider/abc/alert", 0, b'{"t":"x","received":"","replay":false}')
    outlet.send(odd)
    outlet.answered()
    assert (meters.alert_delay.count, meters.feed_delay.count, meters.puback.count) == (1, 2, 3)
    # What was under way when a connection was lost is no answer.
    outlet.send(late)
    upstream.was_lost = True
    assert outlet.lost()
    outlet.answered()
    assert meters.puback.count == 3


def test_a_backlog_s_rows_are_no_measure_of_the_feed_s_delay():
    meters, upstream = Meters(), Upstream()
    outlet = meters.sink(upstream)
    outlet.send(Sent(1, "A", "o2o/v1/x/rider/abc/fix", 0, payload("fix", 900, replay=True)))
    outlet.answered()
    assert (meters.puback.count, meters.feed_delay.count) == (1, 0)


def test_the_clock_is_measured_against_the_boards(monkeypatch):
    meters = Meters()
    assert meters.skew_ms() is None
    for number in range(40):
        meters._sampled_s = 0.0
        meters.note([row("fix", t_ago_s=-3.0 + number / 10)])  # a network adds up to 4 s
    assert 2_500 < meters.skew_ms() < 3_100
    meters.note([row("fix", t_ago_s=-9_000.0, replay=True)])
    assert meters.skew_ms() < 3_100


def test_the_days_of_the_certificate_that_ends_first(tmp_path, certificate):
    cert, key = certificate(tmp_path, 12)
    site = {"id": "gw-1", "city": "x", "data": str(tmp_path)}
    config = check({"site": site, "http": {"cert": str(cert), "key": str(key)}})
    watch = Watch(config, dict, Hub())
    assert 11.9 < watch.vitals.read({}, 0.0)["certificate_days"] < 12
    enrolled = {"devices_enrolled": 3, "certificate_end_s": 86_400}
    assert watch.vitals.read(enrolled, 0.0)["certificate_days"] == 1
    cert.write_text("spoilt")
    assert days_left(cert) == 0
    assert days_left(tmp_path / "absent") == 0


def test_rejects_are_counted_per_minute(config, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(vitals_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    vitals = Watch(config, dict, Hub()).vitals
    rates = []
    for count in (5, 5, 45, 45):
        rates.append(vitals.read({"frames_malformed": count}, 0.0)["rejects_per_min"])
        now[0] += 25
    assert rates == [0, 0, 40, 40]
    now[0] += 61
    assert vitals.read({"frames_malformed": 45}, 0.0)["rejects_per_min"] == 0
    assert vitals.read({}, 0.0)["devices_down_s"] == now[0] - 100


def test_tls_takes_a_renewed_certificate_and_refuses_a_key_that_others_read(tmp_path, certificate):
    cert, key = certificate(tmp_path, 10)
    tls = Tls(cert, key)
    assert tls.context.minimum_version == ssl.TLSVersion.TLSv1_2

    async def serial():
        async def answer(_reader, writer):
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls.context)
        port = server.sockets[0].getsockname()[1]
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        found = writer.get_extra_info("ssl_object").getpeercert(True)
        writer.close()
        server.close()
        return x509.load_der_x509_certificate(found).serial_number

    first = asyncio.run(serial())
    certificate(tmp_path, 90)
    tls.turn()
    second = asyncio.run(serial())
    assert first != second
    key.write_text("half a key")
    tls.turn()
    assert asyncio.run(serial()) == second
    for spoil, words in (
        (lambda: key.chmod(0o644), "chmod 600"),
        (lambda: (key.chmod(0o600), key.write_text("")), "no certificate with its key"),
        (key.unlink, "cannot read"),
    ):
        spoil()
        with pytest.raises(ConfigError, match=words):
            Tls(cert, key)
