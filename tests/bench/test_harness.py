"""The gateway beside mosquitto's bridge and a naive loop, in one run: speed, cost, and what each loses.

`make bench ARGS="-k harness"` (about 20 minutes). HARNESS_MODES="sat rate" and HARNESS_PEERS="gateway"
choose. load_1min is the machine's load average: beside other work the rates are pessimistic.

Columns: lost, repeated and out of order (`behind`: first arrivals after a later one of the same log) as
the upstream's reader counts them by (device, log, seq); CPU seconds for 100,000 messages of the process
in the middle (of the bridge: its whole broker). One message is one record: the gateway's load is device
frames with 1 or 15 records each. `board` frees a record when the gateway's ack names it; `trusting` on
the broker's PUBACK, as the peers' load does.
"""

import os

import harness_site
import pytest

from tools.parts import require

FAULTS = ("kill9", "down30", "downkill", "killsat", "frozen", "slow", "full", "kills50")
# (peer, modes, options of the load)
ROUNDS = [
    ("gateway", ("sat", "rate", *FAULTS), {}),
    ("gateway", ("sat", "killsat"), {"records": 15, "total": 60_000}),
    ("gateway", ("sat", "rate", "kill9", "downkill", "killsat"), {"kind": "trusting"}),
    ("bridge", ("sat", "rate", "kill9", "down30", "downkill", "killsat", "frozen", "slow"), {}),
    ("bridge-durable", ("sat", "downkill"), {"total": 2_000}),
    ("naive", ("sat", "rate", "kill9", "down30", "downkill", "killsat", "frozen", "slow"), {}),
]
COLUMNS = (
    *("peer", "load", "mode", "total", "per_s", "cpu_s_100k", "p50_ms", "p99_ms"),
    *("lost", "repeated", "behind", "load_1min"),
)


def chosen():
    modes = os.environ.get("HARNESS_MODES", "").split()
    peers = os.environ.get("HARNESS_PEERS", "").split()
    for peer, names, options in ROUNDS:
        for mode in names:
            if (not modes or mode in modes) and (not peers or peer in peers):
                yield peer, mode, options


@pytest.mark.timeout(3600)
def test_harness(tmp_path):
    require("mosquitto")
    told = []
    print("\n| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS), flush=True)
    for number, (peer, mode, options) in enumerate(chosen()):
        result = harness_site.play(peer, mode, tmp_path / str(number), **options)
        told.append(result)
        print("| " + " | ".join(str(result[name]) for name in COLUMNS) + " |", flush=True)
    ours = [each for each in told if each["peer"] == "gateway"]
    for each in ours:
        place = (each["mode"], each["load"])
        assert each["lost"] == 0 and each["behind"] == 0 and each["bad"] == 0, place
        assert each["freed"] == each["total"], place
