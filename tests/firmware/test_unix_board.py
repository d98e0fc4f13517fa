"""The unix port as a board, in its own process: resets, power cuts, a receiver that is opened anew."""

import json
import os
import pty
import socket
import subprocess
import threading
import tty

import pytest

from firmware.boards.flash import PARTITIONS, FlashImage, partition
from firmware.system.state import State
from tools.image import START, rider_image
from tools.parts import require
from tools.parts.place import ROOT

CUT = 75

RUN = """
import sys
sys.path.append({root!r})
from firmware.boards.unix import UnixBoard
board = UnixBoard({folder!r}, {wiring!r})
"""


def run(folder, code, wiring=None, timeout_s=30):
    folder.mkdir(exist_ok=True)
    script = folder / "script.py"
    head = RUN.format(root=str(ROOT), folder=str(folder), wiring=wiring or {})
    script.write_text(head + code)
    return subprocess.run(
        [*require("micropython"), "-X", "heapsize=1m", str(script)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )


def test_a_reset_is_a_new_life_with_its_cause(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "boots").write_text("0")
    done = run(
        tmp_path / "b",
        "boots = board.count_boot()\n"
        "print(boots, board.reset_cause())\n"
        "left = bytearray(100_000)\n"
        "board.open_stream('127.0.0.1', 9)\n"
        "if boots < 40:\n"
        "    board.reset('uplink silent 2 h')\n",
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "1 power-on", done.stderr
    assert lines[1:] == [f"{boots} uplink silent 2 h" for boots in range(2, 41)]
    assert run(tmp_path / "b", "print(board.reset_cause())").stdout == "power-on\n"


def test_the_number_of_a_start_rises_and_begins_anywhere_when_it_was_forgotten(tmp_path):
    """Were it 1 again, the gateway would date this start's ticks by a start of long ago."""
    folder = tmp_path / "b"
    starts = [int(run(folder, "print(board.count_boot())").stdout) for _ in range(3)]
    assert starts == list(range(starts[0], starts[0] + 3))
    (folder / "boots").unlink()
    again = int(run(folder, "print(board.count_boot())").stdout)
    (folder / "boots").write_text("not a number")
    assert len({*starts, again, int(run(folder, "print(board.count_boot())").stdout)}) == 5


SAVES = """
from firmware.system.state import State
state = State(board.partition("state"))
for number in range(1, 9):
    assert state.save([number, bytes(300)], 0, True)
    print(number)
"""


@pytest.mark.parametrize("torn_pct", [0, 50, 100])
def test_a_power_cut_tears_the_operation_it_hits_and_ends_the_life(tmp_path, torn_pct):
    done = run(tmp_path / "b", SAVES)
    assert done.returncode == 0 and done.stdout.split()[-1] == "8", done.stderr
    for cut_at in (1, 2, 3, 4, 9, 17, 30):
        folder = tmp_path / f"b{cut_at}"
        done = run(folder, SAVES, {"cut_at": cut_at, "torn_pct": torn_pct})
        assert done.returncode == CUT, done.stderr
        saved = len(done.stdout.split())
        flash = partition(str(folder / "flash.img"), "state")
        found = State(flash).load()
        flash.close()
        assert (found[0] if found else 0) in (saved, saved + 1), (cut_at, saved, found)


def test_an_older_image_grows_and_keeps_what_it_has(tmp_path):
    path = tmp_path / "flash.img"
    older = FlashImage(str(path), 0, 288)
    older.program(287, 4_000, b"record")
    older.close()
    assert path.stat().st_size == 288 * 4_096
    state = partition(str(path), "state")
    assert State(state).save([1], 0)
    state.close()
    track = partition(str(path), "track")
    buf = bytearray(6)
    track.read(255, 4_000, buf)
    track.close()
    assert buf == b"record" and path.stat().st_size == 304 * 4_096
    ends = sorted((first, first + blocks) for first, blocks in PARTITIONS.values())
    assert all(ends[i][1] <= ends[i + 1][0] for i in range(len(ends) - 1))  # none in another


def test_the_receiver_is_told_and_its_line_opened_anew(tmp_path):
    leader, follower = pty.openpty()
    tty.setraw(leader)
    try:
        done = run(
            tmp_path / "b",
            "buf = bytearray(8)\n"
            "print(board.serial_write(b'$PCAS'), board.serial_into(buf))\n"
            "board.restart_gnss()\n"
            "print(board.serial_write(b'06,0'), board.serial_into(buf))\n",
            {"serial": os.ttyname(follower)},
        )
        assert done.stdout.split() == ["5", "0", "4", "0"], done.stderr
        data = os.read(leader, 64)
        if len(data) < 9:  # two writes may come as two reads
            data += os.read(leader, 64)
        assert data == b"$PCAS06,0"
    finally:
        os.close(leader)
        os.close(follower)


def answer(connection, opcodes, seconds):
    """Be a controller for a while: note the commands, complete each."""
    connection.settimeout(seconds)
    data = b""
    try:
        while True:
            more = connection.recv(4_096)
            if not more:
                return
            data += more
            while len(data) >= 4 and len(data) >= 4 + data[3]:
                opcodes.append(data[1] | data[2] << 8)
                connection.sendall(bytes((4, 0x0E, 4, 1, data[1], data[2], 0)))
                data = data[4 + data[3] :]
    except TimeoutError:
        return


def test_a_deaf_scan_is_begun_again_and_a_lost_controller_looked_for(tmp_path):
    begin, enable = [0x0C03, 0x0C01, 0x2001, 0x200B, 0x200C], [0x200C, 0x200B, 0x200C]
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        turns = "import time\nfor s in range(75):\n board.adverts(None, s * 1_000)\n time.sleep_ms(20)\n"
        (tmp_path / "b").mkdir()
        code = turns + "board.restart_ble()\nfor s in range(3):\n board.adverts(None, 80_000)\n"
        wiring = {"radio_port": server.getsockname()[1]}
        board = threading.Thread(target=run, args=(tmp_path / "b", code, wiring))
        board.start()
        opcodes: list[int] = []
        connection, _ = server.accept()
        answer(connection, opcodes, 10)
        connection.close()
        again, _ = server.accept()
        again.close()
        board.join(timeout=20)
    # 75 s of its own time in silence: the scan is begun again after 30 s, and not yet a second time.
    assert opcodes == begin + enable, opcodes


def test_a_configuration_on_trial_is_kept_by_one_rename(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "config.json").write_text("old")
    (tmp_path / "b" / "config.try1").write_text(json.dumps({"new": 1}))
    done = run(
        tmp_path / "b",
        "board.keep_config()\nboard.config_on_trial('config.try1')\n"
        "board.keep_config()\nboard.keep_config()\n",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "b" / "config.json").read_text() == '{"new": 1}'
    assert not (tmp_path / "b" / "config.try1").exists()


def test_a_module_that_was_forgotten_gives_its_heap_back(tmp_path):
    done = run(
        tmp_path / "b",
        "import gc, sys\n"
        "from firmware.system.forget import forget\n"
        "def held(times):\n"
        "    for _ in range(times):\n"
        "        import firmware.system.config\n"
        "        forget('firmware.system.config')\n"
        "    gc.collect()\n"
        "    return gc.mem_alloc()\n"
        "before = held(2)\n"
        "print('firmware.system.config' in sys.modules, held(20) - before < 1_000)\n",
    )
    assert done.stdout.split() == ["False", "True"], done.stdout + done.stderr


def test_a_wrong_new_configuration_leaves_the_board_running(tmp_path):
    good = {"version": 1, "device": "r-1", "kind": "rider", "brokers": [["127.0.0.1", 1]]}
    (tmp_path / "config.json").write_text(json.dumps(good))
    (tmp_path / "config.new").write_text(json.dumps({**good, "board": {"uart": 1}}))
    start = [*require("micropython"), "-X", "heapsize=400k", str(START)]
    board = subprocess.Popen(
        [*start, str(rider_image()), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said, _ = board.communicate(timeout=3)
    except subprocess.TimeoutExpired:
        board.kill()
        said, _ = board.communicate()
        assert said == ""
    else:
        pytest.fail(said)
    assert "uart" in (tmp_path / "config.bad").read_text()
    assert json.loads((tmp_path / "config.json").read_text()) == good
    assert not list(tmp_path.glob("config.[nt]*"))
