"""`o2o simulate coldbox`: equal seeds, readable adverts, truth beside them, what a board makes of it."""

import json
import subprocess
import sys

import pytest
from cold_adverts import Journal, Order

from firmware.rider.cold import ColdBox
from protocols import messages
from tools.ble import Decoder
from tools.parts.place import ROOT
from tools.simulate.boxtrace import adverts, plan, truth
from tools.simulate.coldbox import FORMATS, Sensor


def simulate(*words):
    return subprocess.run(
        [sys.executable, "-m", "tools.cli", "simulate", "coldbox", *words],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )


def drive(made, profile):
    """Drive a board's cold box through a plan: its journal."""
    journal = Journal()
    box = ColdBox(
        journal,
        [
            (
                bytes.fromhex(each["address"].replace(":", "")),
                each["name"],
                bytes.fromhex(each["key"]) if each["key"] else None,
                None,
            )
            for each in truth(made)["sensors"]
        ],
    )
    for sensor in box.sensors.values():
        box.reenrol("c", {"sensor": sensor.address})
    order = Order("A1", profile)
    box.on_order(order, "picked_up")
    now_ms = 0
    for line in adverts(made):
        at_ms = round(line["t_s"] * 1000)
        while now_ms + 1_000 <= at_ms:
            now_ms += 1_000
            box.step(now_ms)
        payload = bytes.fromhex(line["adv"])
        address = bytes.fromhex(line["address"].replace(":", ""))
        box.on_advert(address, payload, len(payload), line["rssi_dbm"], at_ms)
    while now_ms < made.seconds * 1_000:
        now_ms += 1_000
        box.step(now_ms)
    box.on_order(order, "handed_over")
    return journal


def test_lines_read_as_the_truth_says(tmp_path):
    formats = ",".join(FORMATS)
    plan_file = tmp_path / "plan.json"
    done = simulate("--seed", "3", "--hours", "0.2", "--formats", formats, "--truth", plan_file)
    assert done.returncode == 0 and done.stderr == ""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) > 2_000
    times = [line["t_s"] for line in lines]
    assert times == sorted(times)
    decoder = Decoder()
    heard = set()
    for number, line in enumerate(lines):
        said = decoder.take(json.dumps(line).encode(), number)
        heard.add((said["format"], said["trust"]))
        assert abs(said["temp_c"] - line["truth"]["air_c"]) < 0.15
        if "open" in said:
            assert bool(said["open"]) == line["truth"]["open"]
    assert {word for word, _ in heard} == {"bthome", "ruuvi5"}
    assert {trust for _, trust in heard} == {"counted", "signed"}
    told = json.loads(plan_file.read_text())
    assert told["simulated"] is True and len(told["sensors"]) == len(FORMATS)
    assert simulate("--seed", "3", "--hours", "0.2", "--formats", formats).stdout == done.stdout
    assert simulate("--seed", "4", "--hours", "0.2", "--formats", formats).stdout != done.stdout


def test_good_half_hours_pass_and_those_without_coolant_fail():
    seen = set()
    for seed in range(1, 7):
        made = plan("chilled", seed, 0.5, ("bthome",))
        verdict = drive(made, "chilled").of(messages.VERDICT)[0]
        spans = [event.to_s - event.from_s for event in made.events if event.what == "silence"]
        silent_s = sum(max(span - 60, 0) for span in spans)
        assert abs(verdict["unknown_s"] - silent_s) <= 2 * len(spans) + 2, seed
        assert verdict["verdict"] == ("pass" if silent_s < 175 else "inconclusive"), seed
        seen.add(verdict["verdict"])
    assert len(seen) == 2
    for profile in ("chilled", "frozen", "pharma"):
        made = plan(profile, 5, 2.0, ("ruuvi5",), excursion=True)
        verdict = drive(made, profile).of(messages.VERDICT)[0]
        assert verdict["verdict"] == "fail" and verdict["max_cc"] > 1_000, (profile, verdict)


def test_a_sealed_sensor_that_dies_is_lost_and_proves_nothing():
    made = plan("chilled", 7, 1.0, ("bthome-sealed",), death=True)
    journal = drive(made, "chilled")
    verdict = journal.of(messages.VERDICT)[0]
    assert verdict["verdict"] == "inconclusive" and verdict["trust"] == "signed"
    dead = next(event for event in made.events if event.what == "death")
    unknown_s = made.seconds - dead.from_s - 60
    assert verdict["unknown_s"] >= unknown_s - 2
    assert journal.told()[-1] == "sensor_lost"


def test_lid_openings_are_counted_as_they_were():
    made = plan("ambient", 11, 2.0, ("bthome-lid",))
    verdict = drive(made, "ambient").of(messages.VERDICT)[0]
    lids = [event for event in made.events if event.what == "lid"]
    assert abs(verdict["doors"] - len(lids)) <= 1 and len(lids) >= 3
    true_s = sum(event.to_s - event.from_s for event in lids)
    assert abs(verdict["door_s"] - true_s) <= 3 * len(lids)


def test_the_demo_s_sensors_say_what_they_said():
    sensor = Sensor("C4:38:00:00:00:01", "bthome", 4.0)
    assert sensor.payload(0.0).hex() == "0201060e16d2fc40000101570290010306" + "18"
    ruuvi = Sensor("C4:38:00:00:00:02", "ruuvi5", 4.0)
    assert ruuvi.payload(0.0).hex() == (
        "0201061bff990405032" + "05b68c87d0004fff403f8a8d6000001c43800000002"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--hours", "0"], "--hours"),
        (["--hours", "1000"], "--hours"),
        (["--formats", "smoke"], "smoke"),
        (["--interval", "0"], "--interval"),
        (["--profile", "lukewarm"], "lukewarm"),
    ],
)
def test_bad_usage_is_one_line(words, told):
    done = simulate(*words)
    assert done.returncode == 2 and told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_kind_that_is_none_is_told():
    done = subprocess.run(
        [sys.executable, "-m", "tools.cli", "simulate", "weather"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert done.returncode == 2 and "coldbox" in done.stderr
