"""The terminal's way to its broker: which TLS, and what it says when there is none."""

import logging
import time
from types import SimpleNamespace

import pytest

from gateway import config as gateway_config
from gateway.errors import ConfigError
from gateway.terminal import settings
from gateway.terminal.board import Runner


def config(folder, **more):
    terminal = {"device": "bike-1", "serial": str(folder / "absent"), **more.pop("terminal", {})}
    site = {"id": "gw-1", "city": "shanghai", "data": str(folder)}
    return gateway_config.check({"site": site, "terminal": terminal, "broker": {"port": 1}, **more})


def own(folder):
    return {name: str(folder / f"bike.{name}") for name in ("ca", "cert", "key")}


def test_a_terminals_own_tls_is_used_whatever_the_gateways_broker_says(tmp_path):
    terminal = {"tls": own(tmp_path), "port": 8883}
    full = settings.read(settings.prepare(config(tmp_path, terminal=terminal)))
    assert full["brokers"] == [("127.0.0.1", 8883, "127.0.0.1")]
    assert full["tls"] == {"ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"}
    # At the port without TLS nobody would answer, and without a word nothing would be told.
    with pytest.raises(ConfigError, match=r"terminal\.port.*8883"):
        config(tmp_path, terminal={"tls": own(tmp_path)})
    with pytest.raises(ConfigError, match="give 'ca', 'cert' and 'key'"):
        only_ca = {"tls": {"ca": "ca.crt"}, "port": 8883}
        settings.prepare(config(tmp_path, terminal=only_ca))


def test_a_worker_runs_no_terminal(tmp_path):
    commit = {"engine": "jetstream"}
    with pytest.raises(ConfigError, match="own_service = true and `gateway terminal`"):
        config(tmp_path, commit=commit)
    assert config(tmp_path, commit=commit, terminal={"own_service": True}).terminal is not None


def said(caplog):
    return [(each.levelname, each.getMessage()) for each in caplog.records if "broker" in each.msg]


def test_why_the_broker_is_not_reached_is_said_once(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    runner = Runner(settings.prepare(config(tmp_path)))
    end = time.monotonic() + 20
    while not said(caplog):
        assert time.monotonic() < end, "it said nothing"
        runner.step()
        runner.is_due()
    ((level, words),) = said(caplog)
    assert level == "WARNING" and "127.0.0.1:1: " in words and "refused" in words
    runner.end()


def test_each_change_of_the_link_is_said(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    runner = Runner(settings.prepare(config(tmp_path)))
    own_mqtt, mqtt = runner.board.device.mqtt, SimpleNamespace(is_up=False, fault="")
    runner.board.device.mqtt = mqtt
    for is_up, fault in (
        *((False, ""), (False, "no CONNACK"), (False, "no CONNACK"), (False, "refused")),
        *((True, "refused"), (True, "refused"), (False, "no PINGRESP"), (True, "no PINGRESP")),
    ):
        mqtt.is_up, mqtt.fault = is_up, fault
        runner._told_ms = -1_000
        assert runner.is_due()
    words = ["no CONNACK", "refused", "connected", "no PINGRESP", "connected"]
    assert [word in line for word, (_, line) in zip(words, said(caplog), strict=True)] == [True] * 5
    runner.board.device.mqtt = own_mqtt
    runner.end()


def test_a_recordings_end_is_no_fault_of_a_receiver(tmp_path, monkeypatch):
    ride = tmp_path / "ride.nmea"
    ride.write_bytes(
        b"$GNRMC,055234.000,A,4739.71890,N,12219.58362,W,0.00,286.35,050826,,,A,V*13\r\n"
    )
    runner = Runner(
        settings.prepare(config(tmp_path, terminal={"serial": "", "replay": str(ride)}))
    )
    resets = []
    monkeypatch.setattr(runner.hardware, "reset", resets.append)
    runner.step()
    runner.step()
    assert runner.hardware.replay_ended()
    clock, health = runner.board.clock, runner.board.health
    monkeypatch.setattr(runner.board.device.mqtt, "step", lambda _now_ms: None)
    for _ in range(
        9 * 60
    ):  # nine hours, a minute at a time; of the broker's silence we do not speak
        clock.now_ms += 60_000
        for task in range(4):
            health.ticked(task, clock.now_ms)
        health.step(clock.now_ms, 0, 0, 0)
    assert resets == [] and health.restarts == 0
    runner.end()
