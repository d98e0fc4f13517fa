"""`o2o ble`: one object a line in order, trust over the file, bad lines named, never a traceback."""

import json
import os
import pty
import subprocess
import sys

import pytest

from tools.ble import Decoder
from tools.parts.place import ROOT

PLAIN = "0201060a16d2fc4002ca0903bf13"
COUNTED = "0916d2fc40000902ca09"
SEALED = "0201061216d2fc41a47266c95f730011223378237214"  # bthome.io/encryption, the example
ADDRESS = "54:48:E6:8F:80:A5"
KEY = "231d39c1d7cc1ab1aee224cd096db932"
COMMAND = [sys.executable, "-m", "tools.cli", "ble"]


def o2o_ble(*words, text=None):
    return subprocess.run(
        [*COMMAND, *map(str, words)], input=text, capture_output=True, timeout=60, cwd=ROOT
    )


def objects(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def lines_of(*items):
    return "".join(json.dumps(item) + "\n" for item in items).encode()


def test_a_file_in_its_order(tmp_path):
    file = tmp_path / "adverts.jsonl"
    file.write_bytes(
        lines_of(
            {"adv": PLAIN},
            {"adv": "02011a1aff4c000215" + "00" * 21},
            {"adv": "1bff99040512fc5394c37c0004fffc040cac364200cdcbb8334c884f"},
            {"adv": "11ff330117550e10061eff2f02a6ff030100"},
            {"adv": SEALED, "address": ADDRESS, "bindkey": KEY},
        )
    )
    done = o2o_ble(file)
    assert done.returncode == 0 and done.stderr == b""
    assert objects(done) == [
        {"format": "bthome", "temp_c": 25.06, "hum_pct": 50.55, "trust": "plain"},
        {"format": None},
        {
            "format": "ruuvi5",
            "temp_c": 24.3,
            "hum_pct": 53.49,
            "press_hpa": 1000.44,
            "batt_mv": 2977,
            "moves": 66,
            "seq": 205,
            "ax_mg": 4,
            "ay_mg": -4,
            "az_mg": 1036,
            "trust": "counted",
        },
        {
            "format": "tempodisc",
            "temp_c": -20.9,
            "hum_pct": 67.8,
            "batt_pct": 85,
            "dew_c": -25.3,
            "trust": "plain",
        },
        {"format": "bthome", "temp_c": 25.06, "hum_pct": 50.55, "trust": "signed"},
    ]


def test_trust_is_followed_over_the_lines():
    decoder = Decoder()

    def trust(adv, **more):
        item = decoder.take(json.dumps({"adv": adv, **more}).encode(), 1)
        assert ("trust" in item) != ("duplicate" in item)
        return item.get("trust", "duplicate")

    keyed = {"address": ADDRESS, "bindkey": KEY}
    assert trust(SEALED, **keyed) == "signed"
    assert trust(SEALED, **keyed) == "duplicate"
    assert trust(PLAIN, **keyed) == "untrusted"  # a sensor with a key does not speak openly
    assert trust(PLAIN, address=ADDRESS) == "plain"
    assert trust(COUNTED) == "counted"
    assert trust(COUNTED, address=ADDRESS) == "counted"
    assert trust(COUNTED, address=ADDRESS) == "duplicate"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"address": ADDRESS, "bindkey": "00" * 16}, "does not open"),
        ({"address": ADDRESS, "bindkey": KEY[:24]}, "12 bytes"),
        ({"bindkey": KEY}, "address"),
        ({"address": "61DE521B-F0BF-9F44-64D4-75BBE1738105", "bindkey": KEY}, "address"),
        ({}, None),
    ],
)
def test_what_does_not_open_says_why(more, words):
    item = Decoder().take(json.dumps({"adv": SEALED, **more}).encode(), 1)
    assert item["format"] is None and "temp_c" not in item
    assert words is None or words in item["note"]


def test_a_name_in_place_of_an_address_costs_no_reading():
    for name in ("Kitchen-Fridge", "FridgeSensor", "cold box two"):
        done = o2o_ble("-", text=lines_of({"adv": PLAIN, "address": name}))
        assert done.returncode == 0 and b'"temp_c": 25.06' in done.stdout, name


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"nonsense", "not JSON"),
        (b"[1]", "not an object"),
        (b"{}", "no `adv`"),
        (b'{"adv": 5}', "not text"),
        (b'{"adv": "zz"}', "not hex"),
        (b'{"adv": "020"}', "not hex"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b'{"adv": "", "address": "zz:zz:zz:zz:zz:zz"}', "not hex"),
        (b'{"adv": "", "bindkey": 5}', "not text"),
        (b'{"adv": "' + b"00" * 40_000 + b'"}', "longer"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_read(line, words):
    good = lines_of({"adv": PLAIN})
    done = o2o_ble("-", text=good + line + b"\n\n" + good)
    assert done.returncode == 1
    first, bad, last = objects(done)
    assert first == last and first["temp_c"] == 25.06
    assert words in bad["error"] and "line 2" in bad["error"]
    assert b"Traceback" not in done.stderr
    said = done.stderr.decode().splitlines()
    assert len(said) == 1 and said[0].startswith("o2o ble: 1 of 4 lines")


def test_no_such_file(tmp_path):
    done = o2o_ble(tmp_path / "absent.jsonl")
    assert done.returncode == 1 and b"no such file" in done.stderr


def test_a_pipe_is_answered_line_by_line():
    with subprocess.Popen(
        [*COMMAND, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        for _ in range(3):
            child.stdin.write(lines_of({"adv": PLAIN}))
            child.stdin.flush()
            assert json.loads(child.stdout.readline())["temp_c"] == 25.06
        child.stdin.close()
        assert child.wait(30) == 0


def test_a_table_for_people(tmp_path):
    file = tmp_path / "adverts.jsonl"
    file.write_bytes(
        lines_of({"adv": PLAIN}, {"adv": "020106"}) + b"x\n" + lines_of({"adv": COUNTED})
    )
    done = o2o_ble(file, "--table")
    rows = done.stdout.decode().splitlines()
    assert done.returncode == 1 and len(rows) == 5
    at = rows[0].index("temp_c") + len("temp_c")
    assert rows[1][:at].endswith(" 25.06") and rows[4][:at].endswith(" 25.06")
    assert rows[2].startswith("-") and "not JSON" in rows[3]


def test_a_progress_bar_on_a_terminal_only(tmp_path):
    file = tmp_path / "adverts.jsonl"
    file.write_bytes(lines_of({"adv": PLAIN}) * 20_000)
    leader, follower = pty.openpty()
    try:
        with subprocess.Popen(
            [*COMMAND, str(file)], stdout=subprocess.DEVNULL, stderr=follower, cwd=ROOT
        ) as child:
            os.close(follower)
            shown = b""
            try:
                while piece := os.read(leader, 4096):
                    shown += piece
            except OSError:  # the last writer has closed the terminal
                pass
            assert child.wait(30) == 0
    finally:
        os.close(leader)
    assert b"adverts.jsonl [" in shown and b"%" in shown
    done = o2o_ble(file)
    assert done.stderr == b"" and len(done.stdout.splitlines()) == 20_000


def test_adverts_from_a_million_other_sensors_do_not_fill_the_memory():
    decoder = Decoder()
    for i in range(5000):
        line = json.dumps({"adv": COUNTED, "address": f"{i:012x}"}).encode()
        assert decoder.take(line, i)["trust"] == "counted"
    assert len(decoder._counted) == 4096
