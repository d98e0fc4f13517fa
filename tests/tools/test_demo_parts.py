"""The demo's parts under what does not belong: foreign messages, dead threads, dead children, Ctrl-C."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import cli
from tools.demo import run
from tools.demo.accounts import Account
from tools.demo.backend import Backend
from tools.demo.children import Child, Children
from tools.demo.message import MESSAGE_MAX_BYTES
from tools.demo.threads import ThreadWatch
from tools.errors import ToolError

FIX = {
    "id": "a",
    "record": "a",
    "subject": "r1",
    "stream": "fix",
    "t": "2026-11-22T10:00:00Z",
    "lat_e7": 1,
    "lon_e7": 2,
}


def without(key):
    return {name: FIX[name] for name in FIX if name != key}


STRANGE = [
    b"",
    b"\xff\xfe",
    b"not json",
    b"[]",
    b"[1, 2]",
    b'"x"',
    b"5",
    b"null",
    b'{"id": "x"}',
    b'{"id": ["x"], "subject": "r1", "stream": "fix"}',
    b'{"id": "x", "subject": {}, "stream": "order"}',
    b'{"id": "x", "subject": "r1", "stream": []}',
    b'{"id": "x", "subject": "r1", "stream": "order"}',
    b'{"id": "x", "subject": "r1", "stream": "order", "order": [1], "state": "arrived"}',
    b'{"id": "x", "subject": "r1", "stream": "temp"}',
    b'{"id": "x", "subject": "r1", "stream": "temp", "sensor": "a", "temp_cc": "4"}',
    b'{"id": "x", "subject": "r1", "stream": "roster"}',
    b'{"id": "x", "subject": "r1", "stream": "alert", "text_zh": 5}',
    b"[" * 200_000,
    b'{"id": ' + b"9" * 10_000 + b"}",
    json.dumps({**FIX, "pad": "x" * MESSAGE_MAX_BYTES}).encode(),
    json.dumps({**FIX, "t": "soon"}).encode(),
    json.dumps({**FIX, "t": "2026-11-22T10:00:00"}).encode(),
    json.dumps({**FIX, "lat_e7": True}).encode(),
    *(json.dumps(without(key)).encode() for key in ("t", "lat_e7", "lon_e7", "subject", "stream")),
]


def hear(backend, payload, topic="o2o/v1/c/rider/r1/fix"):
    backend._message(None, None, SimpleNamespace(topic=topic, payload=payload))


def test_what_is_no_message_is_counted_and_the_feed_goes_on():
    backend = Backend(1, "c", lambda order: None)
    for payload in STRANGE:
        hear(backend, payload)
    assert backend.malformed == len(STRANGE)
    hear(backend, json.dumps(FIX).encode())
    hear(backend, json.dumps({**FIX, "id": "b", "record": "b", "t": None}).encode())
    records, streams = backend.snapshot()
    assert sorted(records) == ["a", "b"] and len(streams["fix"]) == 2
    assert backend.devices() == {}


def test_a_dead_thread_ends_the_demo_with_its_reason(tmp_path):
    before = threading.excepthook
    with ThreadWatch(tmp_path / "threads.log") as watch:
        watch.check()
        thread = threading.Thread(target=lambda: {}["gone"], name="backend")
        thread.start()
        thread.join()
        with pytest.raises(ToolError, match="backend died of KeyError: 'gone'"):
            watch.check()
    assert threading.excepthook is before
    assert "Traceback" in (tmp_path / "threads.log").read_text()


def sleeper(tmp_path):
    return Child("gateway", ["sleep", "60"], tmp_path / "gateway.log")


def wait_dead(child):
    deadline = time.monotonic() + 10
    while child.alive and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not child.alive


def test_a_child_killed_by_a_signal_is_told_so(tmp_path):
    children = Children(tmp_path)
    child = children.start("board", ["sh", "-c", "echo all is well; exec sleep 60"])
    log = tmp_path / "board.log"
    while "well" not in log.read_text():
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    wait_dead(child)
    with pytest.raises(ToolError, match=r"^board has stopped: killed by signal 9$"):
        children.check()


def test_a_child_that_ended_by_itself_is_told_with_its_code_and_last_words(tmp_path):
    children = Children(tmp_path)
    wait_dead(children.start("board", ["sh", "-c", "echo no flash; exit 3"]))
    with pytest.raises(ToolError, match="exit code 3: no flash"):
        children.check()
    silent = Children(tmp_path)
    wait_dead(silent.start("mute", ["true"]))
    with pytest.raises(ToolError, match="exit code 0: it said nothing"):
        silent.check()


def test_a_child_that_runs_is_not_started_twice(tmp_path):
    child = sleeper(tmp_path)
    child.start()
    pid = child.pid
    child.start()
    assert child.pid == pid
    child.kill()
    assert child.ending() == "killed by signal 9" and child.kills == 1


def test_a_second_kill_while_it_is_down_starts_it_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "_RESTART_S", 0.6)
    child = sleeper(tmp_path)
    starts = []
    begin = child.start
    monkeypatch.setattr(child, "start", lambda: (starts.append(child.alive), begin()))
    child.start()
    demo = run.Demo(options(tmp_path, kills=((0.0, "gateway"), (0.2, "gateway"))))
    try:
        demo._course(SimpleNamespace(gateway=child), Children(tmp_path), Backend(1, "c", str), None)
        assert starts == [False, False]  # at first and once again, never beside a living one
        assert child.kills == 1 and child.alive
        assert "dead already" in capsys.readouterr().err
    finally:
        child.stop()


def options(folder: Path, **changes):
    given = {
        "nmea": None,
        "track": None,
        "shift": True,
        "once": True,
        "seconds": 1.0,
        "kills": (),
        "picking": False,
        "broker": "auto",
        "http_port": 0,
        "picking_port": 0,
        "out": folder,
    }
    return run.Options(**{**given, **changes})


def test_every_way_to_exit_code_1_has_its_line():
    assert Account("r", written=3, arrived=3).faults() == []
    assert "wrote no record" in Account("r").faults()[0]
    assert "2 of 3 records" in Account("r", written=3, arrived=1, lost=2).faults()[0]
    assert "1 of 5 epochs" in Account("r", written=3, epochs=5, epochs_right=4).faults()[0]


def test_ctrl_c_during_the_imports_is_one_line(monkeypatch, capsys):
    def interrupted(_name):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.importlib, "import_module", interrupted)
    for words in (["demo", "--once"], ["--help"], []):
        assert cli.main(words) == 130
        said = capsys.readouterr().err.strip().splitlines()
        assert len(said) == 1 and "stopped" in said[0]
