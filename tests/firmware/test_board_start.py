"""A board that cannot start says so in one line: exit code 2 for its config, 1 for what is not there."""

import json
import os
import pty
import subprocess

import pytest

from tools.image import HEAP, START, rider_image
from tools.parts import require

CONFIG = {
    "version": 1,
    "device": "rider-0001",
    "kind": "rider",
    "brokers": [["127.0.0.1", 1]],
    "board": {},
}


def start(folder, *, image=None, wait_s=20.0, **changes):
    """Start a board; returns (exit code or None when it runs, what it said)."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}))
    return begin(folder, image, wait_s)


def begin(folder, image=None, wait_s=20.0):
    command = [*require("micropython"), "-X", f"heapsize={HEAP}", str(START)]
    board = subprocess.Popen(
        [*command, str(image or rider_image()), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said, _ = board.communicate(timeout=wait_s)
    except subprocess.TimeoutExpired:
        board.kill()
        said, _ = board.communicate()
        return None, said
    return board.returncode, said


def check(outcome, code, *words):
    assert outcome[0] == code, outcome
    lines = outcome[1].strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("board: "), outcome[1]
    for word in words:
        assert word in lines[0], lines[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"profile": "nope"}, ["profile", "nope", "every-epoch"]),
        ({"profile": 5}, ["profile"]),
        ({"kind": "door"}, ["kind", "door"]),
        ({"brokers": [[5, 1883]]}, ["brokers", "[5, 1883]"]),
        ({"brokers": [["", 1883]]}, ["brokers"]),
        ({"brokers": [["127.0.0.1", 0]]}, ["brokers"]),
        ({"brokers": [["127.0.0.1", True]]}, ["brokers"]),
        ({"brokers": [["127.0.0.1", 65536]]}, ["brokers"]),
        ({"health_s": 0}, ["health_s", "1 to 86400"]),
        ({"backoff_max_s": -1}, ["backoff_max_s"]),
        ({"sensors": [{"address": "C4:38:00:00:00:01", "name": 5}]}, ["name"]),
        ({"board": {"serial": 5}}, ["serial"]),
        ({"board": {"radio_port": "1"}}, ["radio_port"]),
        ({"board": {"uart": "/dev/ttyS0"}}, ["uart", "serial"]),
    ],
)
def test_a_wrong_value_is_told_by_its_key(tmp_path, changes, words):
    check(start(tmp_path / "b", **changes), 2, str(tmp_path / "b" / "config.json"), *words)
    assert not (tmp_path / "b" / "flash.img").exists()  # nothing was begun


def test_a_missing_line_of_the_receiver_is_told(tmp_path):
    absent = str(tmp_path / "ttyX")
    check(start(tmp_path / "b", board={"serial": absent}), 1, absent, "serial")


def test_a_missing_config_and_a_config_of_other_bytes_are_told(tmp_path):
    check(begin(tmp_path), 2, "config.json", "cannot read")
    (tmp_path / "config.json").write_bytes(b"\xff\xfe\x00")
    check(begin(tmp_path), 2, "config.json")
    (tmp_path / "config.json").write_text("[]")
    check(begin(tmp_path), 2, "config.json", "object")


def test_a_missing_image_is_told(tmp_path):
    absent = tmp_path / "absent.romfs"
    check(start(tmp_path / "b", image=absent), 1, str(absent))


def test_a_flash_that_cannot_be_made_is_told(tmp_path):
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "flash.img").mkdir()
    check(start(folder), 1, str(folder))


def test_a_right_config_runs(tmp_path):
    leader, follower = pty.openpty()
    try:
        outcome = start(tmp_path / "b", wait_s=3.0, board={"serial": os.ttyname(follower)})
    finally:
        os.close(leader)
        os.close(follower)
    assert outcome == (None, "")
    assert (tmp_path / "b" / "flash.img").exists()
