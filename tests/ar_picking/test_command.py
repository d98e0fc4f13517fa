"""Given the command line, when it is used well or badly, then it works, or says in one line what to
do.
"""

import json
import subprocess
import sys

import pytest

from ar_picking.commands.guide import address, picture_size, read_list
from ar_picking.errors import ConfigError, PickingError
from ar_picking.store import sample


def call(*words):
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=100)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def o2o(*words):
    return call("-m", "tools.cli", *words)


def test_a_store_is_made_checked_and_drawn(tmp_path):
    made = o2o(
        "store",
        "init",
        str(tmp_path / "s"),
        "--aisles",
        "2",
        "--bays",
        "3",
        "--levels",
        "3",
        "--id",
        "s1",
    )
    assert made.returncode == 0 and json.loads(made.stdout)["bins"] == 36
    checked = o2o("store", "check", str(tmp_path / "s"))
    assert checked.returncode == 0 and json.loads(checked.stdout.splitlines()[-1])["faults"] == 0
    drawn = o2o("store", "plot", str(tmp_path / "s"), "--out", str(tmp_path / "s.svg"))
    assert drawn.returncode == 0 and (tmp_path / "s.svg").exists()
    (tmp_path / "s" / "bins.csv").write_text("bin_id\n", encoding="utf-8")
    checked = o2o("store", "check", str(tmp_path / "s"))
    assert checked.returncode == 1 and "bins.csv line 1" in checked.stdout
    again = o2o("store", "init", str(tmp_path / "s"))
    assert (
        again.returncode == 1
        and again.stderr.count("\n") == 1
        and "choose another folder" in again.stderr
    )


def test_the_guide_runs_from_a_file(store, store_dir, tmp_path):
    lists = tmp_path / "list.json"
    lists.write_text(json.dumps(sample.sample_list(store, "L9", 1, seed=3)), encoding="utf-8-sig")
    words = (
        "guide",
        "--store",
        str(store_dir),
        "--picklist",
        str(lists),
        "--size",
        "480x270",
        "--speed",
        "20",
    )
    done = call("-m", "ar_picking", *words, "--seconds", "2", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    first, *_, last = (json.loads(line) for line in done.stdout.splitlines())
    assert first["event"] == "list_started" and first["list"] == "L9"
    assert last["summary"]["size"] == [480, 270] and last["summary"]["seconds"] >= 2
    assert (tmp_path / "out" / "picking.mp4").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--store", "{none}"), 1, "store.json"),
        (("--store", "{store}", "--camera", "usb"), 1, "no such video"),
        (("--store", "{store}", "--size", "big"), 2, "write it like 960x540"),
        (("--store", "{store}", "--http", "0.0.0.0:0"), 2, "loopback only"),
        (("--store", "{store}", "--speed", "0"), 2, "--speed must be"),
        (("--store", "{store}", "--picklist", "{none}"), 1, "No such file"),
    ],
)
def test_bad_usage_is_one_sentence(store_dir, tmp_path, words, code, said):
    places = {"{store}": str(store_dir), "{none}": str(tmp_path / "none")}
    done = call("-m", "ar_picking", "guide", *(places.get(word, word) for word in words))
    assert done.returncode == code and said in done.stderr and done.stderr.count("\n") == 1


def test_values_of_options():
    assert picture_size("1280x720") == (1280, 720) and address("127.0.0.1:80") == ("127.0.0.1", 80)
    assert address("[::1]:80") == ("::1", 80)
    for bad in ("", "x", "960", "960x", "9999x99", "961x540", "-960x540", "９60x540"):
        with pytest.raises(ConfigError):
            picture_size(bad)
    for bad in ("", "80", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000"):
        with pytest.raises(ConfigError):
            address(bad)


def test_a_file_that_is_no_list(tmp_path):
    path = tmp_path / "x.json"
    for data, said in (
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b"x" * 1_000_001, "larger"),
    ):
        path.write_bytes(data)
        with pytest.raises(PickingError, match=said):
            read_list(path)
