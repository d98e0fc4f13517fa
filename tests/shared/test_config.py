"""Configuration: every key checked, key material never shown, a new one tried out before it is kept.

Runs under pytest and under MicroPython.
"""

import json

from mutate import Chance, damaged, rounds

from firmware.boards.memory import PowerCut
from firmware.system import config
from firmware.system.errors import ConfigError
from firmware.system.trial import Trial, begin
from protocols.receivers.families import FAMILIES

KEY = "00112233445566778899aabbccddeeff"


def good(**changes):
    item = {
        "version": 1,
        "device": "rider-0001",
        "kind": "rider",
        "brokers": [["10.0.0.5", 1883]],
    }
    item.update(changes)
    return item


def refusal(**changes):
    try:
        config.check(good(**changes))
    except ConfigError as fault:
        return str(fault)
    return ""


TLS = {"ca": "ca.der", "cert": "cert.der", "key": "key.der"}


def test_a_version_1_of_the_first_release_is_read_as_before():
    full = config.check(good(sensors=[{"address": "C4:38:00:00:00:01", "name": "box-1"}]))
    assert full["brokers"] == [("10.0.0.5", 1883, None)]
    assert full["sensors"] == [(bytes((0xC4, 0x38, 0, 0, 0, 1)), "box-1")]
    assert full["profile"] == "every-epoch" and full["health_s"] == 30
    assert full["receiver"] == {
        "setup": "none",
        "datum": "wgs84",
        "rate_ms": 1_000,
        "build_days": None,
    }
    assert full["tls"] == {} and full["shift"] == {} and full["board"] == {}


def test_a_broker_with_tls_has_the_name_in_its_certificate():
    full = config.check(
        good(
            tls=TLS,
            brokers=[
                ["10.0.0.5", 1883],
                {"host": "10.0.0.6", "port": 1883},
                {"host": "mqtt.example", "port": 8883, "tls": True},
                {"host": "10.0.0.7", "port": 8883, "tls": True, "server_name": "mqtt.example"},
            ],
        )
    )
    assert full["brokers"] == [
        ("10.0.0.5", 1883, None),
        ("10.0.0.6", 1883, None),
        ("mqtt.example", 8883, "mqtt.example"),
        ("10.0.0.7", 8883, "mqtt.example"),
    ]
    assert full["tls"] == TLS


def test_sensors_may_have_a_key_and_a_profile():
    address = "C4:38:00:00:00:01"
    full = config.check(
        good(
            sensors=[
                {"address": address, "name": "a", "key": KEY, "profile": "frozen"},
                {"address": "C4:38:00:00:00:02", "name": "b", "key": KEY.upper()},
                {"address": "C4:38:00:00:00:03", "name": "c", "profile": "hot"},
            ]
        )
    )
    key = bytes([int(KEY[i : i + 2], 16) for i in range(0, 32, 2)])
    assert full["sensors"][0] == (config.address_bytes(address), "a", key, "frozen")
    assert full["sensors"][1][2:] == (key, None) and full["sensors"][2][2:] == (None, "hot")


def test_receiver_shift_and_profile():
    full = config.check(
        good(
            profile="every-epoch",
            receiver={"setup": "casic", "datum": "gcj02", "rate_ms": 200, "build_days": 20_000},
            shift={"start_min": 420, "end_min": 1_380, "utc_offset_min": 480},
        )
    )
    assert full["profile"] == "every-epoch" and full["receiver"]["rate_ms"] == 200
    assert full["receiver"]["build_days"] == 20_000 and full["shift"]["utc_offset_min"] == 480
    assert config.SETUPS[0] == "none" and config.SETUPS[1:] == FAMILIES


def test_what_is_wrong_is_told_by_its_key():
    sensor = {"address": "C4:38:00:00:00:01", "name": "a"}
    for changes, word in (
        ({"profile": "nope"}, "profile"),
        ({"profile": "nope"}, "every-epoch"),
        ({"version": False}, "version"),
        ({"health_s": True}, "health_s"),
        ({"brokers": [{"host": "a"}]}, "brokers"),
        ({"brokers": [{"host": "a", "port": 1, "user": "x"}]}, "user"),
        ({"brokers": [{"host": "a", "port": 1, "tls": 1}]}, "tls"),
        ({"brokers": [{"host": "a", "port": 1, "tls": True}]}, "key 'tls' is missing"),
        ({"brokers": [{"host": "a", "port": 1, "server_name": "b"}]}, "server_name"),
        ({"tls": {"ca": "ca.der"}}, "three files"),
        ({"tls": {"ca": "../ca", "cert": "a", "key": "b"}}, "'ca'"),
        ({"tls": {"ca": ".ca", "cert": "a", "key": "b"}}, "'ca'"),
        ({"tls": {"ca": "", "cert": "a", "key": "b"}}, "'ca'"),
        ({"tls": {"password": "x"}}, "password"),
        ({"sensors": [sensor, sensor]}, "twice"),
        ({"sensors": [{"address": "C4:38:00:00:00:01", "name": "a", "zone": 1}]}, "zone"),
        ({"sensors": [{"address": "C4:38:00:00:00:01", "name": "a", "profile": 1}]}, "profile"),
        ({"profile": "adaptive", "receiver": {"datum": "gcj02"}}, "WGS-84"),
        ({"sensors": [sensor] * 5}, "at most 4"),
        ({"receiver": {"setup": "sirf"}}, "setup"),
        ({"receiver": {"datum": "bd09"}}, "datum"),
        ({"receiver": {"rate_ms": 50}}, "rate_ms"),
        ({"receiver": {"rate_ms": "200"}}, "rate_ms"),
        ({"receiver": {"build_days": -1}}, "build_days"),
        ({"receiver": {"build_days": None}}, "build_days"),
        ({"receiver": {"baud": 9_600}}, "baud"),
        ({"shift": {"start_min": 0, "end_min": 1_440, "utc_offset_min": 0}}, "end_min"),
        ({"shift": {"start_min": 0}}, "shift"),
        ({"shift": {"begin": 0}}, "begin"),
        ({"shift": 5}, "shift"),
    ):
        assert word in refusal(**changes), (changes, refusal(**changes))
    assert refusal() == ""


def test_key_material_is_never_shown():
    for changes in (
        {"sensors": [{"address": "C4:38:00:00:00:01", "name": "a", "key": KEY + "0"}]},
        {"sensors": [{"address": "C4:38:00:00:00:01", "name": "a", "key": "g" + KEY[1:]}]},
        {"sensors": [{"address": "C4:38:00:00:00:01", "name": "", "key": KEY}]},
        {"sensors": [{"address": KEY, "name": "a"}]},
        {"sensors": [{"address": "C4:38", "name": "a", "key": KEY}]},
        {"sensors": [{"address": KEY, "name": "a", "key": "C4:38:00:00:00:01"}]},
        {"sensors": [{"address": "C4:38:00:00:00:01", "name": "a", KEY: "key"}]},
        {"sensors": [{"address": "C4:38:00:00:00:01", "name": "a", KEY[:9]: "key"}]},
        {"sensors": [{"address": "C4:38:00:00:00:01", "name": "a", "profile": [KEY]}]},
        {"sensors": [{"key": KEY}]},
        {"sensors": [KEY]},
        {"sensors": {"key": KEY}},
        {"brokers": [{"address": "C4:38:00:00:00:01", "name": "a", "key": KEY}]},
    ):
        told = refusal(**changes)
        assert told, changes
        for i in range(len(KEY) - 3):
            assert KEY[i : i + 4] not in told, told


def test_a_wrong_sensor_is_told_by_its_number():
    first = {"address": "C4:38:00:00:00:01", "name": "a"}
    other = {"address": "C4:38:00:00:00:02", "name": "b"}
    for second, word in (
        (5, "object"),
        ({"name": "b"}, "'address'"),
        ({"address": KEY, "name": "b", "key": "C4:38:00:00:00:02"}, "'address'"),
        ({"address": "c4:38:0:0:0:1", "name": "b"}, "'address'"),
        ({"address": "C4:38:00:00:00:02", "name": ""}, "'name'"),
        ({"address": "C4:38:00:00:00:02", "name": "b", "key": "12"}, "'key'"),
        ({"address": "C4:38:00:00:00:02", "name": "b", "profile": 1}, "'profile'"),
        ({"address": "C4:38:00:00:00:02", "name": "b", "Profil": "hot"}, "'Profil'"),
        ({"address": "C4:38:00:00:00:02", "name": "b", KEY: 1}, "unknown key in"),
    ):
        told = refusal(sensors=[first, second])
        assert word in told and "sensor 2 of key 'sensors'" in told, told
        assert "sensor 3 " in refusal(sensors=[first, other, second])


def test_fuzz_damaged_json_is_refused_by_a_configuration_error_alone():
    chance = Chance("config")
    text = json.dumps(
        good(
            tls=TLS,
            sensors=[{"address": "C4:38:00:00:00:01", "name": "a", "key": KEY}],
            receiver={"setup": "casic"},
            shift={"start_min": 420, "end_min": 1_380, "utc_offset_min": 480},
        )
    ).encode()
    taken = refused = 0
    for _ in range(rounds(300)):
        try:
            config.parse(damaged(text, chance), "config.json")
            taken += 1
        except ConfigError as fault:
            assert KEY not in str(fault)
            refused += 1
    assert refused > taken


# -- trial --------------------------------------------------------------------------------------------


class Files:
    """A folder in memory; the n-th change from now on does not happen any more."""

    def __init__(self, **files):
        self.files = {}
        for name in files:
            self.files["config." + name] = json.dumps(files[name]).encode()
        self.left = -1

    def _change(self):
        if self.left == 0:
            raise PowerCut
        self.left -= 1

    def path(self, name):
        return "/board/" + name

    def read(self, name):
        return self.files.get(name)

    def write(self, name, data):
        self._change()
        self.files[name] = bytes(data)

    def rename(self, old, new):
        self._change()
        self.files[new] = self.files.pop(old)

    def remove(self, name):
        self._change()
        self.files.pop(name, None)


OLD, NEW, BROKEN = good(device="old"), good(device="new"), good(device="NO")


def started(files):
    """One start: (device in force, whether it is on trial, what was told)."""
    trial = Trial(files)
    if not trial.on_trial:
        assert trial.name == "config.json"
    return trial.config["device"], trial.on_trial, trial.told


def test_without_a_new_one_the_last_good_one_is_in_force():
    files = Files(json=OLD)
    assert started(files) == started(files) == ("old", False, "")
    assert sorted(files.files) == ["config.json"]


def test_a_new_one_is_kept_once_the_gateway_was_reached():
    files = Files(json=OLD, new=NEW)
    trial = Trial(files)
    assert trial.config["device"] == "new" and trial.on_trial
    files.rename(trial.name, "config.json")  # what a board's keep_config() does
    assert started(files) == ("new", False, "") and sorted(files.files) == ["config.json"]


def test_a_new_one_that_three_starts_reached_nothing_with_is_refused():
    files = Files(json=OLD, new=NEW)
    for _ in range(3):
        assert started(files) == ("new", True, "")
    told = ("old", False, "three starts did not reach the gateway with it")
    assert started(files) == told and started(files) == told
    assert sorted(files.files) == ["config.bad", "config.json"]
    # The next new one begins anew, and takes the old word away.
    files.files["config.new"] = json.dumps(NEW).encode()
    assert started(files) == ("new", True, "")


def test_a_new_one_that_is_wrong_is_refused_at_once_and_said_why():
    files = Files(json=OLD, new=BROKEN)
    device, on_trial, told = started(files)
    assert (device, on_trial) == ("old", False) and "device" in told and "config.new" in told
    assert started(files) == ("old", False, told)
    files = Files(json=OLD)
    files.files["config.new"] = b"\xff\x00"
    assert started(files)[0] == "old" and "config.new" in started(files)[2]


def test_a_boards_first_one_is_never_given_up():
    files = Files(new=NEW)
    for _ in range(9):
        assert started(files) == ("new", True, "")
    for files, word in ((Files(), "/board/config.json"), (Files(new=BROKEN), "device")):
        try:
            Trial(files)
        except ConfigError as fault:
            assert word in str(fault)
        else:
            raise AssertionError("it started")


def test_a_new_one_that_its_board_cannot_use_is_refused_at_once():
    def build(config, on_trial):
        built.append((config["device"], on_trial))
        if config["device"] == "new":
            raise ConfigError("key 'board' has an unknown 'uart'")
        return config["device"]

    built = []
    files = Files(json=OLD, new=NEW)
    assert begin(files, build) == "old"
    assert built == [("new", "config.try1"), ("old", "")]
    assert started(files) == ("old", False, "key 'board' has an unknown 'uart'")
    for files in (Files(new=NEW), Files(json=NEW)):
        try:
            begin(files, build)
        except ConfigError as fault:
            assert "uart" in str(fault)
        else:
            raise AssertionError("it started")


def test_a_newer_one_takes_the_place_of_one_on_trial():
    files = Files(json=OLD, new=NEW)
    started(files)
    started(files)
    files.files["config.new"] = json.dumps(good(device="newer")).encode()
    for _ in range(3):
        assert started(files) == ("newer", True, "")
    assert started(files)[0] == "old"


def test_a_power_cut_at_any_change_leaves_one_that_starts():
    cuts = 0
    for case in (
        {"json": OLD, "new": NEW},
        {"json": OLD, "new": BROKEN},
        {"json": OLD, "try3": NEW},
        {"json": OLD, "try2": NEW, "new": BROKEN},
        {"json": OLD, "try3": BROKEN, "new": NEW},
        {"new": NEW},
    ):
        left = 0
        while True:
            files = Files(**case)
            files.left = left
            try:
                started(files)
            except PowerCut:
                cuts += 1
            else:
                break
            files.left = -1
            for _ in range(5):
                assert started(files)[0] in ("old", "new")
            if "json" in case:
                assert started(files)[0] == "old" and "config.json" in files.files
            left += 1
    assert cuts >= 12, cuts
