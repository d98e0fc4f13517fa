"""The main job: a log on a pty, a MicroPython board, a gateway, and a reader that knows only the feed
document. Every epoch's position arrives, in order, none lost, none twice; also when the gateway or
the broker is killed on the way."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from paho.mqtt import publish

from tools.demo.children import Children, wait_for
from tools.demo.rider import Rider
from tools.demo.site import Site, free_ports
from tools.parts.place import ROOT
from tools.simulate import replay, sentences
from tools.simulate.ride import generate

DOCUMENT = ROOT / "protocols" / "feed" / "asyncapi.yaml"


class Run:
    """One rider, one site, one independent reader."""

    def __init__(self, folder: Path, bursts):
        self.children = Children(folder)
        self.site = Site(folder, self.children, 0, "mosquitto")
        self.site.start_broker()
        self.site.start_gateway()
        self.out = folder / "feed.jsonl"
        self.reader = self.children.start(
            "reader",
            [
                *(sys.executable, str(ROOT / "tests" / "e2e" / "reader.py"), str(DOCUMENT)),
                *("127.0.0.1", str(self.site.broker_port), str(self.out)),
            ],
        )
        log = folder / "reader.log"
        wait_for(lambda: "subscribed" in log.read_text(), 15, self.children, "the reader")
        self.sensor = {
            "address": "C4:38:00:00:00:01",
            "name": "box-1",
            "format": "ruuvi5",
            "base_c": -18.5,
            "boards": [0],
        }
        self.rider = Rider("rider-0001", folder / "rider", bursts, [self.sensor], free_ports(1)[0])
        self.site.start_air(
            {"boards": [self.rider.radio_port], "sensors": [self.sensor], "interval_ms": 300}
        )
        self.rider.start_board(self.children, self.site.broker_port)

    def play(self, kills=(), limit_s=60.0):
        """Let the receiver play; kills: (second, child), started again 2 s later."""
        self.rider.receiver.start()
        begin = time.monotonic()
        due = sorted(kills, key=lambda each: each[0])
        restarts = []
        while (not self.rider.receiver.done or due or restarts) and (
            time.monotonic() - begin < limit_s
        ):
            t_s = time.monotonic() - begin
            if due and due[0][0] <= t_s:
                child = due.pop(0)[1]
                child.kill()
                restarts.append((t_s + 2.0, child))
            if restarts and restarts[0][0] <= t_s:
                restarts.pop(0)[1].start()
            if not restarts:
                self.children.check()
            time.sleep(0.05)

    def drain(self, count: int, limit_s=30.0):
        """Wait until `count` fixes have arrived and the rings hold nothing back."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline and len(self.fixes()) < count:
            time.sleep(0.2)
        time.sleep(1.0)

    def messages(self):
        lines = self.out.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def fixes(self):
        return [
            each["body"]
            for each in self.messages()
            if "body" in each and each["body"]["stream"] == "fix"
        ]

    def stop(self):
        self.rider.receiver.halt()
        self.children.stop()
        self.rider.receiver.close()


@pytest.fixture
def start(tmp_path):
    runs = []

    def begin(bursts):
        run = Run(tmp_path, bursts)
        runs.append(run)
        return run

    yield begin
    for run in runs:
        run.stop()


def ms_of_day(text):
    when = datetime.fromisoformat(text).astimezone(UTC)
    return ((when.hour * 60 + when.minute) * 60 + when.second) * 1000 + when.microsecond // 1000


def heard(run):
    return [(ms_of_day(each["t"]), each["lat_e7"], each["lon_e7"]) for each in run.fixes()]


def sent(run):
    return [(each.ms, each.lat_e7, each.lon_e7) for each in run.rider.epochs()]


def check_feed(run):
    """Every message is valid by the document and every sequence is without a hole."""
    bodies = [each for each in run.messages() if "body" in each]
    assert [each for each in bodies if each["valid"] is not True] == []
    for log in ("track", "evidence"):
        numbers = [each["body"]["seq"] for each in bodies if each["body"]["log"] == log]
        assert numbers == sorted(set(numbers)), log


def oracle_epochs(shared, name):
    """Return the distinct (time, lat, lon) that pynmeagps reads in a log, in order."""
    epochs = []
    for line in (shared / "data" / "nmea" / f"{name}.sent.jsonl").read_text().splitlines():
        item = json.loads(line)
        if "lat_e7" not in item or "time" not in item or item["t"][2:] not in ("RMC", "GGA"):
            continue
        text = str(item["time"])
        hours, minutes, seconds = text.split(":")
        ms = round((int(hours) * 60 + int(minutes)) * 60_000 + float(seconds) * 1000)
        each = (ms, item["lat_e7"], item["lon_e7"])
        if not epochs or epochs[-1] != each:
            epochs.append(each)
    return epochs


@pytest.mark.oracle
@pytest.mark.timeout(150)
def test_a_real_log_arrives_epoch_by_epoch(start, shared):
    log = replay.read_log(shared / "data" / "nmea" / "quectel-l76k-nmea.log")
    run = start(list(replay.bursts(log, None)))
    begin = time.monotonic()
    run.play()
    took_s = time.monotonic() - begin
    expected = oracle_epochs(shared, "quectel-l76k-nmea")
    run.drain(len(expected))
    assert len(expected) == 151
    assert heard(run) == expected
    check_feed(run)
    assert took_s > 28  # at the receiver's pace: 30 s of log
    assert run.rider.receiver.dropped == 0
    presence = [
        each["body"]
        for each in run.messages()
        if "body" in each and each["body"]["stream"] == "presence"
    ]
    assert any(each.get("implementation", "").startswith("micropython 1.") for each in presence)
    maps = Path(f"/proc/{run.rider.board.pid}/maps").read_text()
    assert "/micropython" in maps


@pytest.mark.oracle
@pytest.mark.timeout(200)
def test_nothing_is_lost_when_gateway_and_broker_are_killed(start, shared):
    log = replay.read_log(shared / "data" / "nmea" / "quectel-l76k-nmea.log")
    run = start(list(replay.bursts(log, sentences.now_on_the_second())))
    run.play(kills=[(9, run.site.gateway), (18, run.site.broker)])
    run.drain(151, 40)
    assert run.site.gateway.kills == 1 and run.site.broker.kills == 1
    assert heard(run) == sent(run)
    assert len(heard(run)) == 151
    check_feed(run)
    run.reader.stop()
    assert run.messages()[-1]["repeats"] > 0  # they came, and were told apart by id


@pytest.mark.timeout(120)
def test_a_generated_ride_with_temperatures_and_an_order(start):
    """The path that needs no captures: generated BeiDou sentences, adverts over HCI, an order."""
    samples = generate(5, 140)[:30]
    run = start(sentences.ride(samples, sentences.now_on_the_second()))
    order = {
        "order": "A1",
        "device": "rider-0001",
        "drop": {"lat_e7": samples[-1].lat_e7, "lon_e7": samples[-1].lon_e7},
    }
    publish.single(  # the platform's other way in: MQTT
        "o2o/v1/shanghai/intake/A1/order-in",
        json.dumps(order),
        1,
        hostname="127.0.0.1",
        port=run.site.broker_port,
    )
    run.play()
    run.drain(len(samples))
    assert heard(run) == sent(run)
    assert len(sent(run)) == len(samples)
    check_feed(run)
    bodies = [each["body"] for each in run.messages() if "body" in each]
    temps = [each["temp_cc"] for each in bodies if each["stream"] == "temp"]
    assert temps and all(-1_910 - 100 < each < -1_790 + 100 for each in temps)
    assert all(each["bds_used"] == 10 for each in bodies if each["stream"] == "fix")
    alerts = [each for each in bodies if each["stream"] == "alert"]
    assert [each["alert"] for each in alerts] == ["near", "arrived"]
    assert "米" in alerts[0]["text_zh"]
    states = [each["state"] for each in bodies if each["stream"] == "order"]
    assert states[:2] == ["received", "assigned"] and "arrived" in states


@pytest.mark.timeout(90)
def test_a_broker_that_knows_mqtt_3_1_1_only(tmp_path):
    """Where mosquitto cannot be had the demo runs on amqtt, which refuses MQTT 5."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tools.cli", "demo", "--once", "--no-picking"),
            *("--broker", "amqtt", "--seconds", "6", "--out", str(tmp_path)),
            *("--http-port", "0", "--picking-port", "0"),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "amqtt" in done.stderr and "nothing was lost" in done.stdout


@pytest.mark.timeout(60)
def test_children_do_not_outlive_their_parent(tmp_path):
    """kill -9 of the demo leaves nothing behind."""
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from tools.demo.children import Children\n"
        f"child = Children(Path({str(tmp_path)!r})).start('x', ['sleep', '300'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(300)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    time.sleep(0.5)  # the guard has to be in place before the parent dies
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.05)
    os.kill(pid, 9)
    raise AssertionError("the child lives on")
