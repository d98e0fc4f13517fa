"""One short demo with everything against it: strangers on its feed, a second demo in its folder, and too
little time for the picking. It goes on, and says why its exit code is 1."""

import re
import subprocess
import sys
import time

import pytest
from paho.mqtt import publish

from tools.parts.place import ROOT

STRANGE = (b"[1, 2]", b'{"id": "x"}', b"not json", b"x" * 400_000, b"[" * 100_000)


def command(folder):
    return [
        *(sys.executable, "-m", "tools.cli", "demo", "--once", "--seconds", "1"),
        *("--out", str(folder), "--http-port", "0", "--picking-port", "0"),
    ]


def wait_for(condition, limit_s=60.0):
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.timeout(150)
def test_a_short_demo_among_strangers(tmp_path):
    said = tmp_path / "stderr"
    with said.open("w") as file:
        demo = subprocess.Popen(
            command(tmp_path), stdout=subprocess.PIPE, stderr=file, text=True, cwd=ROOT
        )
    try:
        wait_for(lambda: "boards switched on" in said.read_text() or demo.poll() is not None)
        port = int(re.search(r"on port (\d+); gateway", said.read_text())[1])
        for number, payload in enumerate(STRANGE):
            topic = f"o2o/v1/shanghai/rider/stranger{number}/order"
            publish.single(topic, payload, 1, hostname="127.0.0.1", port=port)
        second = subprocess.run(
            command(tmp_path), capture_output=True, text=True, cwd=ROOT, timeout=60
        )
        assert second.returncode == 2, second.stderr
        assert f"process {demo.pid}" in second.stderr.strip().splitlines()[-1]
        out, _ = demo.communicate(timeout=100)
    finally:
        if demo.poll() is None:
            demo.kill()
            demo.communicate()
    told = said.read_text()
    assert "Traceback" not in told, told
    assert f"feed: {len(STRANGE)} malformed messages ignored" in out, out + told
    assert "nothing was lost" in out, out + told
    lines = [line for line in out.splitlines() if line.startswith("picking was not done")]
    assert demo.returncode == 1 and len(lines) == 1, (demo.returncode, out)
