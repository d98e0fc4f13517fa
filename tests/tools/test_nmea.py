"""`o2o nmea`: epochs as JSON lines, for files and pipes, good and bad."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from protocols.calendar import days_from_civil
from tools.cli import main
from tools.nmea import Comments, iso
from tools.simulate.ride import generate
from tools.simulate.sentences import ride


@pytest.fixture
def log(tmp_path):
    bursts = ride(generate(3, 20), datetime(2026, 11, 22, 10, 0, tzinfo=UTC))[:10]
    path = tmp_path / "ride.log"
    path.write_bytes(b"# a comment with $GPGGA,1*00 in it\r\n" + b"".join(b for _, b in bursts))
    return path


def decode(capsys, *words):
    code = main(["nmea", *map(str, words)])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_one_object_an_epoch_and_the_counters_last(capsys, log):
    code, objects = decode(capsys, log)
    assert code == 0 and len(objects) == 11
    first, last = objects[0], objects[-1]
    assert first["t"] == "2026-11-22T10:00:00.000Z"
    assert first["lat_e7"] and first["mode"] == 3 and first["quality"] == 1
    assert first["sats_used"] == 18 and first["bds_used"] == 10
    assert {"sys": "BDS", "svid": 59, "signals": [1], "used": True}.items() <= first["sats"][
        -1
    ].items()
    assert last["counters"]["valid"] and last["counters"]["bad"] == 0


def test_chunks_change_nothing(capsys, log):
    whole = decode(capsys, log)
    for chunk in (1, 7, 64):
        assert decode(capsys, log, "--chunk", chunk) == whole


def test_a_table_for_people(capsys, log):
    assert main(["nmea", str(log), "--table"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("time (UTC)") and len(lines) == 12
    assert lines[1].startswith("2026-11-22T10:00:00.000Z") and " 3D " in lines[1]
    assert "valid" in lines[-1]


def test_from_a_pipe(log):
    done = subprocess.run(
        [sys.executable, "-m", "tools.cli", "nmea", "-"],
        input=log.read_bytes(),
        capture_output=True,
    )
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 11
    assert done.stderr == b""  # no bar where there is no terminal


def test_what_is_no_log_is_said_in_one_line(capsys, tmp_path):
    junk = tmp_path / "junk"
    junk.write_bytes(bytes(range(256)) * 50)
    assert main(["nmea", str(junk)]) == 1
    assert "no NMEA sentence in junk" in capsys.readouterr().err
    assert main(["nmea", str(tmp_path / "none")]) == 1
    assert "no such file" in capsys.readouterr().err
    assert main(["nmea", str(tmp_path)]) == 1
    assert "is a folder" in capsys.readouterr().err
    assert main(["nmea", str(junk), "--chunk", "0"]) == 2


def test_comments_are_text_lines_only():
    binary = b"\n#\x00\x01$GPGGA*00\n"
    for chunk in (1, 3, 100):
        for data, kept in (
            (b"# one\n$A\n#two $B\n$C\n# open end", b"$A\n$C\n"),
            (binary, binary),
            (b"$A # no comment\n", b"$A # no comment\n"),
        ):
            comments = Comments()
            out = b"".join(
                comments.strip(data[at : at + chunk]) for at in range(0, len(data), chunk)
            )
            assert out + comments.rest() == kept


def test_a_log_with_carriage_returns_alone_is_read(capsys, tmp_path, log):
    path = tmp_path / "cr.log"
    path.write_bytes(log.read_bytes().replace(b"\r\n", b"\r"))
    whole = decode(capsys, log)
    for chunk in (1, 7, 64, 65_536):
        assert decode(capsys, path, "--chunk", chunk) == whole


def test_an_endless_comment_is_none_at_any_chunk(capsys, tmp_path):
    body = b"GPTXT,01,01,01,HELLO"
    xor = 0
    for byte in body:
        xor ^= byte
    path = tmp_path / "long.log"
    path.write_bytes(b"#" + b"x" * 4_200 + b"$" + body + b"*%02X\r\n" % xor)
    for chunk in (1, 64, 4_096, 4_097, 65_536):
        _, objects = decode(capsys, path, "--chunk", chunk)
        assert objects[-1]["counters"]["valid"] == 1, chunk


def test_what_comes_through_a_pipe_is_shown_as_it_comes(log, tmp_path):
    fifo = tmp_path / "line"
    os.mkfifo(fifo)
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    reader = subprocess.Popen(
        [sys.executable, "-m", "tools.cli", "nmea", str(fifo)], stdout=subprocess.PIPE, env=environ
    )
    try:
        with open(fifo, "wb", buffering=0) as line:
            line.write(log.read_bytes())
            # Ten bursts are in, nine epochs are over, and the line is still open.
            epochs = [json.loads(reader.stdout.readline()) for _ in range(9)]
        assert epochs[8]["t"] == "2026-11-22T10:00:08.000Z"
        assert reader.wait(20) == 0
    finally:
        reader.kill()
        reader.stdout.close()


def test_times_in_utc():
    day = days_from_civil(2016, 12, 31)
    assert iso(day, 86_400_500) == "2016-12-31T23:59:60.500Z"
    assert iso(day, 86_399_999) == "2016-12-31T23:59:59.999Z"
    assert iso(day, 0) == "2016-12-31T00:00:00.000Z"
