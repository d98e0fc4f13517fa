"""What goes wrong for a person: one line that says what to do, exit code 2 or 1, never a traceback."""

import os
import shutil
import socket
import subprocess
import sys

import pytest

from tools.demo.run import check_room
from tools.errors import ToolError
from tools.parts.place import ROOT


def o2o(*words, **options):
    env = {**os.environ, **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "tools.cli", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=options.pop("cwd", ROOT),
        env={**env, "PYTHONPATH": str(ROOT)},
    )


def check(done, code, *words):
    """One last line for the person, with these words in it, and no traceback above."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last, last


def test_no_such_file(tmp_path):
    absent = tmp_path / "absent.log"
    check(
        o2o("demo", "--once", "--nmea", absent, "--out", tmp_path), 1, "no such file", str(absent)
    )


def test_a_log_that_is_none(tmp_path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(os.urandom(5000))
    done = o2o("demo", "--once", "--nmea", picture, "--out", tmp_path)
    check(done, 1, str(picture), "no NMEA sentence")


def test_a_folder_instead_of_a_log(tmp_path):
    check(o2o("demo", "--once", "--nmea", tmp_path, "--out", tmp_path), 1, "is a folder")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", ["lat_e7", "missing"]),
        ("t_s,lat_e7,lon_e7\n1,2,x\n", ["line 2"]),
        ("t_s,lat_e7,lon_e7\n", ["no samples"]),
        ("t_s,lat_e7,lon_e7\n0,950000000,0\n", ["line 2", "earth"]),
    ],
)
def test_a_track_that_is_none(tmp_path, text, words):
    track = tmp_path / "track.csv"
    track.write_text(text)
    done = o2o("demo", "--once", "--track", track, "--out", tmp_path)
    check(done, 2 if "missing" in words else 1, str(track), *words)


def test_a_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = o2o("demo", "--once", "--http-port", port, "--out", tmp_path)
    check(done, 1, str(port), "in use", "--http-port")


def test_no_micropython(tmp_path):
    env = {"PATH": "/nonexistent", "O2O_CACHE": str(tmp_path), "O2O_MICROPYTHON": ""}
    done = o2o(
        "demo",
        "--once",
        "--no-picking",
        *("--http-port", 0, "--picking-port", 0),
        "--broker",
        "amqtt",
        "--out",
        tmp_path,
        env=env,
    )
    check(done, 1, "micropython is missing", "O2O_MICROPYTHON")


@pytest.mark.parametrize(
    "words",
    [
        ["demo", "--seconds", "0"],
        ["demo", "--kill", "world@3"],
        ["demo", "--kill", "gateway"],
        ["demo", "--nmea", "a", "--track", "b"],
        ["demo", "--http-port", "99999"],
        ["demo", "--picking-port", "-1"],
        ["demo", "--colour", "red"],
        ["frobnicate"],
        [],
    ],
)
def test_a_wrong_command_line(words):
    done = o2o(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_help_lists_every_command():
    done = o2o("--help")
    assert done.returncode == 0
    for name in ("demo", "store", "ar", "parts", "contract"):
        assert name in done.stdout


@pytest.fixture
def full_disk(tmp_path):
    """A file system with no room left (CI is root and may mount one)."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)], check=True)
    (folder / "filler").write_bytes(b"x" * 440_000)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def nearly_full(monkeypatch):
    """Without root: the disk says that it is full."""
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1000))


if os.geteuid() == 0:

    def test_a_full_disk(full_disk):
        done = o2o("demo", "--once", "--no-picking", "--out", full_disk)
        check(done, 1, "no space left", "--out")

    def test_a_gateway_on_a_full_disk(full_disk, tmp_path):
        config = tmp_path / "gateway.toml"
        config.write_text(
            f'[site]\nid = "gw-1"\ncity = "shanghai"\ndata = "{full_disk}"\n[http]\nport = 0\n'
        )
        (full_disk / "more").write_bytes(b"x" * 60_000)
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "run", "--config", str(config)],
            capture_output=True,
            text=True,
            timeout=30,
            cwd=ROOT,
        )
        check(done, 1, "no space left")

else:

    def test_a_full_disk(nearly_full, tmp_path):
        with pytest.raises(ToolError, match="no space left"):
            check_room(tmp_path)
