"""QoS 1 messages a second of the board's client beside umqtt.simple and mqtt_as, one run, one mosquitto.

`make bench`. Figures of one machine, turn by turn, so that a noisy neighbour meets all; ratios are what
counts. The peers are on no package index: put `umqtt/simple.py` (micropython-lib) and `mqtt_as/`
(micropython-mqtt) into a folder and name it in O2O_PEERS; without it our own figures are printed alone.
"""

import getpass
import os
import statistics
import subprocess
from pathlib import Path

import pytest

from tools.demo.children import Children, wait_for
from tools.demo.site import answers, free_ports
from tools.parts import require
from tools.parts.place import ROOT

SCRIPT = Path(__file__).parent / "mqtt_on_device.py"
CONFIG = "user {user}\nlistener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
OURS = ("ours", "ours-1")
PEERS = ("umqtt.simple", "mqtt_as", "mqtt_as-10")
ROUNDS = 3


def measure(client: str, port: int, peers: str) -> dict[str, float]:
    done = subprocess.run(
        [
            *(*require("micropython"), "-X", "heapsize=1m", str(SCRIPT)),
            *(str(ROOT), str(port), client, peers),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        name: float(value) for name, _, value in (w.partition("=") for w in done.stdout.split())
    }


@pytest.mark.timeout(600)
def test_mqtt(tmp_path):
    peers = os.environ.get("O2O_PEERS", "")
    children = Children(tmp_path)
    (port,) = free_ports(1)
    config = tmp_path / "mosquitto.conf"
    config.write_text(CONFIG.format(user=getpass.getuser(), port=port))
    children.start("broker", [*require("mosquitto"), "-c", str(config)])
    try:
        wait_for(lambda: answers(port), 15, children, "the broker")
        clients = OURS + (PEERS if peers else ())
        figures = {client: [] for client in clients}
        for _ in range(ROUNDS):
            for client in clients:
                figures[client].append(measure(client, port, peers))
    finally:
        children.stop()
    print("\n  64 B at QoS 1, MicroPython's unix port to mosquitto on loopback, median of 3 turns")
    if not peers:
        print("  (umqtt.simple and mqtt_as not here: set O2O_PEERS)")
    best = statistics.median(each["rate"] for each in figures["ours"])
    for client in clients:
        rates = sorted(each["rate"] for each in figures[client])
        rate = statistics.median(rates)
        print(
            f"  {client:13} {rate:10,.1f} messages/s ({rates[0]:,.1f} to {rates[-1]:,.1f})"
            f"   {figures[client][0]['heap']:7.0f} B heap a message   ours / this {best / rate:8,.1f}"
        )
    # Heap is counted, not timed.
    assert all(each["heap"] == 0 for client in OURS for each in figures[client])
