"""The terminal as a child: watched, started again, its figures read; and the action by itself."""

import json
import logging
import subprocess
import sys
import time

import pytest

from gateway import config as gateway_config
from gateway.terminal import process, settings
from gateway.terminal.process import TerminalProcess
from tools.parts.place import ROOT


def config(folder, broker=None, **terminal):
    tree = {
        "broker": {"port": 1},
        "site": {"id": "gw-1", "city": "shanghai", "data": str(folder)},
        "terminal": {"device": "bike-1", "serial": "/dev/ttyUSB0", **terminal},
    }
    if broker:
        tree["broker"] = broker
    return gateway_config.check(tree)


def until(told, what):
    end = time.monotonic() + 20
    while not told():
        assert time.monotonic() < end, what
        time.sleep(0.02)


@pytest.fixture
def children(tmp_path, monkeypatch):
    """Make a TerminalProcess whose child is a line of Python."""
    monkeypatch.setattr(process, "_BACKOFF_S", 0.05)
    made = []

    def make(script):
        command = [sys.executable, "-c", "import os, sys, time, json, signal\n" + script]
        made.append(TerminalProcess(config(tmp_path), command))
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.stop()
        assert each._child is None or each._child.poll() is not None


TELL = "print(json.dumps({'fixes': %s, 'list': [1], 'none': None}), flush=True)\n"


def test_the_childs_figures_are_the_gateways(children):
    terminal = children(TELL % "os.getpid()" + "time.sleep(60)")
    until(lambda: terminal.is_up, "it never came up")
    pid = terminal._child.pid
    told = {"terminal_up": True, "terminal_starts": 1, "terminal_fixes": pid}
    assert terminal.figures() == told
    terminal.stop()
    assert terminal.figures() == {"terminal_up": False, "terminal_starts": 1}


def test_a_child_that_dies_is_started_again(children, caplog):
    with caplog.at_level(logging.WARNING):
        terminal = children(TELL % 1 + "os.kill(os.getpid(), 9)")
        until(lambda: terminal.starts >= 4, "it was not started again")
    assert "signal 9" in caplog.text and "started again" in caplog.text


def test_a_child_that_hangs_is_killed(children, monkeypatch, caplog):
    monkeypatch.setattr(process, "_SILENT_S", 0.3)
    terminal = children("signal.signal(15, signal.SIG_IGN); time.sleep(60)")
    until(lambda: terminal.starts >= 2, "it was not killed")
    assert "said nothing" in caplog.text


def test_a_child_that_talks_nonsense_harms_nobody(children):
    terminal = children(
        "os.write(1, bytes(range(256)) * 1000 + b'\\n[1]\\n{\\n')\n"
        "print(json.dumps({str(i): i for i in range(2000)}), flush=True)\n" + "time.sleep(60)"
    )
    until(lambda: terminal.is_up, "its figures did not come")
    assert 3 <= len(terminal.figures()) <= 102


def test_a_program_that_is_not_there_is_tried_again(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(process, "_BACKOFF_S", 0.01)
    terminal = TerminalProcess(config(tmp_path), [str(tmp_path / "absent")])
    terminal.start()
    until(lambda: terminal.starts >= 3, "it gave up")
    terminal.stop()
    assert "does not start" in caplog.text


def test_the_child_does_not_feed_the_gateways_watchdog(children, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    terminal = children(
        "print(json.dumps({'notify': str(os.environ.get('NOTIFY_SOCKET'))}), flush=True)\n"
        "time.sleep(60)"
    )
    until(lambda: terminal.is_up, "it never came up")
    assert terminal.figures()["terminal_notify"] == "None"


def run_command(*words, stdout=subprocess.PIPE):
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", "terminal", *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_the_action_runs_by_itself_and_ends_with_its_reader(tmp_path):
    folder = settings.prepare(config(tmp_path, serial=str(tmp_path / "absent")))
    with run_command("--folder", str(folder), "--figures") as child:
        told = json.loads(child.stdout.readline())
        assert told["epochs"] == 0 and told["rss_bytes"] > 0
        child.stdout.close()  # the gateway died
        assert child.wait(20) == 0
        assert "is not there: is the receiver plugged in" in child.stderr.read()


def test_the_actions_faults_are_one_line(tmp_path):
    path = tmp_path / "gateway.toml"
    site = f'[site]\nid = "gw-1"\ncity = "shanghai"\ndata = "{tmp_path}"\n'
    for text, code, words in (
        (site, 2, "there is no [terminal]"),
        (site + '[terminal]\ndevice = "b"\nreplay = "no.nmea"\n', 2, "cannot be played"),
        (site + '[terminal]\ndevice = "b"\nserial = "x"\nsetup = "y"\n', 2, "'setup' is 'y'"),
    ):
        path.write_text(text)
        with run_command("--config", str(path)) as child:
            said = child.communicate(timeout=20)[1]
        assert child.returncode == code and words in said.splitlines()[-1], said
        assert "Traceback" not in said


def test_both_command_lines_reach_the_actions(tmp_path):
    path = tmp_path / "gateway.toml"
    path.write_text(
        f'[site]\nid = "gw-1"\ncity = "shanghai"\ndata = "{tmp_path}"\n'
        '[terminal]\ndevice = "b"\nserial = "/dev/ttyUSB0"\nsetup = "y"\n'
    )
    o2o = "import sys; from tools.cli import main; sys.exit(main())"
    for words in (["-m", "gateway"], ["-c", o2o, "gateway"]):
        command = [sys.executable, *words, "check", "--config", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT)
        assert done.returncode == 2 and "'setup' is 'y'" in done.stderr, done.stderr
