"""`o2o demo --out DIR` empties what a demo has made, and nothing else."""

import os
import subprocess
import sys

import pytest

from tools.demo.folder import MARKER, Claim
from tools.errors import UsageError
from tools.parts.place import ROOT

HOLD = (
    "import subprocess, sys, time\n"
    "from pathlib import Path\n"
    "from tools.demo.folder import Claim\n"
    "claim = Claim(Path(sys.argv[1]))\n"
    "child = subprocess.Popen(['sleep', '30'])\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(30)\n"
)


def test_a_demo_s_folder_is_emptied_and_what_was_not_there_is_made(tmp_path):
    folder = tmp_path / "a" / "demo"
    Claim(folder).release()
    (folder / "rider-0001").mkdir()
    (folder / "rider-0001" / "flash.img").write_bytes(b"x")
    (folder / "elsewhere").symlink_to(tmp_path)
    Claim(folder).release()
    assert [each.name for each in folder.iterdir()] == [MARKER]
    assert tmp_path.is_dir()  # the link went, not what it leads to


def test_what_no_demo_has_made_is_kept(tmp_path):
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "thesis.txt").write_text("all of it")
    with pytest.raises(UsageError, match=r"no demo has made.*--out"):
        Claim(folder)
    assert (folder / "thesis.txt").read_text() == "all of it"
    assert not (folder / MARKER).exists()


def test_a_file_in_its_place_is_kept(tmp_path):
    (tmp_path / "demo").write_text("notes")
    with pytest.raises(UsageError, match="--out"):
        Claim(tmp_path / "demo")
    assert (tmp_path / "demo").read_text() == "notes"


def test_a_running_demo_keeps_its_folder_until_it_dies(tmp_path):
    folder = tmp_path / "demo"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    child = int(holder.stdout.readline())
    try:
        (folder / "gateway.db").write_text("rows")
        with pytest.raises(UsageError, match=f"process {holder.pid}.*--out"):
            Claim(folder)
        assert (folder / "gateway.db").exists()
        holder.kill()
        holder.wait()
        os.kill(child, 0)  # what it had started lives on and holds nothing
        Claim(folder).release()
        assert not (folder / "gateway.db").exists()
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
        os.kill(child, 9)


def test_the_command_refuses_in_one_line(tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.txt").write_text("all of it")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tools.cli", "demo", "--once", "--out", str(tmp_path)),
            *("--http-port", "0", "--picking-port", "0"),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "no demo has made" in done.stderr.strip().splitlines()[-1]
    assert (tmp_path / "demo" / "thesis.txt").read_text() == "all of it"
