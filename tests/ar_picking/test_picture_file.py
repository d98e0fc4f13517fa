"""Given files that only look like pictures, when they are opened, then a sentence says so, at once."""

import json
import os
import struct
import subprocess
import sys
import zlib

import pytest

from ar_picking.errors import PickingError, StoreError
from ar_picking.store import regular_file
from ar_picking.vision import picture_file


def bomb(path, side_px=32_700):
    """A grey PNG of a gigapixel in 130 kB."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    packer = zlib.compressobj(9)
    rows = bytes(100 * (side_px // 8 + 1))
    data = b"".join(packer.compress(rows) for _ in range(side_px // 100)) + packer.flush()
    head = struct.pack(">IIBBBBB", side_px, side_px, 1, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("command", ["detect", "calibrate"])
def test_a_gigapixel_is_refused_before_its_memory_is_taken(tmp_path, command):
    bomb(tmp_path / "bomb.png")
    code = (
        "import re, runpy, sys\n"
        "sys.argv = ['o2o', 'ar', *sys.argv[1:]]\n"
        "try:\n    runpy.run_module('tools.cli', run_name='__main__')\n"
        "except SystemExit as end:\n    print('code', end.code)\n"
        # not getrusage: its peak is that of the process which started this one, too
        "print('kB', re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, command, str(tmp_path / "bomb.png")],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "not a picture that can be read" in done.stderr and "Traceback" not in done.stderr
    said = dict(line.split() for line in done.stdout.splitlines() if line[:2] in ("co", "kB"))
    assert said["code"] == "1" and int(said["kB"]) < 400_000, json.dumps(said)


def test_what_is_no_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", "/dev/zero"):
        with pytest.raises(PickingError, match="not a file"):
            picture_file.read_grey(path)
    with pytest.raises(PickingError, match="No such file"):
        picture_file.read_grey(tmp_path / "gone.png")
    with pytest.raises(PickingError, match="s a directory"):
        picture_file.read_grey(tmp_path)
    (tmp_path / "long").write_bytes(bytes(2001))
    assert len(regular_file.read(tmp_path / "long", 2001)) == 2001
    with pytest.raises(StoreError, match="larger than 2 kB"):
        regular_file.read(tmp_path / "long", 2000)
