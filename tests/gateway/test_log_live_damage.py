"""The database of a running gateway is overwritten: it starts itself anew and saves what can be read."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.log.store import ROUTINE, Row, Store, connect

ROOT = Path(__file__).parents[2]


def wait_for(process, path, text, since=0):
    for _ in range(800):
        said = path.read_text()
        at = said.find(text, since)
        if at >= 0:
            return at + len(text)
        assert process.poll() is None, said
        time.sleep(0.1)
    raise AssertionError(f"it never said {text!r}: {path.read_text()}")


@pytest.mark.timeout(170)
def test_a_gateway_whose_database_breaks_while_it_runs_goes_on(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    path = data / "gateway.db"
    connection = connect(path, site="gw-1")
    store = Store(connection)
    with store.transaction():
        store.set_next_seq("rider-0001", 7, 42)
        for start in range(1, 20_001, 1_000):
            some = range(start, start + 1_000)
            store.add_rows(Row(ROUTINE, f"i{n}", "t/x/fix", 0, 5, b"x" * 400) for n in some)
        store.set_cursor("mqtt", ROUTINE, 20_000, 20_000)
    connection.close()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]  # nobody listens there: the brokers are down
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[site]\nid="gw-1"\ncity="shanghai"\ndata="{data}"\n[http]\nport=0\nlogin=false\n'
        f'[broker]\nhost="127.0.0.1"\nport={port}\n'
    )
    said = tmp_path / "said"
    with said.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "run", "--config", config], cwd=ROOT, stderr=file
        )
    try:
        at = wait_for(process, said, "records go to")
        size = path.stat().st_size
        with path.open("rb+") as file:
            for page in range(size // 4096 // 8, size // 4096):  # what it has yet to purge
                file.seek(page * 4096)
                file.write(os.urandom(4096))
        at = wait_for(process, said, "starting again", at)
        at = wait_for(process, said, "is set aside: saved", at)
        wait_for(process, said, "records go to", at)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert len(list(data.glob("gateway.db.damaged-*Z"))) == 1
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert db.execute("SELECT next FROM logs WHERE device='rider-0001'").fetchone() == (42,)
    # Told on the feed, once.
    told = db.execute("SELECT count(*) FROM rows WHERE topic LIKE '%/gw-1/health'").fetchone()
    assert told == (1,)
    db.close()
