"""The power goes at a random operation of the disk: what was acknowledged is there.

The layer is tests/power/power_loss.c; it forgets what was not synced, in part, in any order, torn. The
same cuts with synchronous=OFF lose records, or the layer shows nothing. O2O_CUTS_POWER: how many.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.log.store import Store, connect
from tools.parts import require

POWER = Path(__file__).parents[1] / "power"
CUTS = int(os.environ.get("O2O_CUTS_POWER", "15"))
SEED = int(os.environ.get("O2O_POWER_SEED", "7"))
CUT = 99


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    """The layer, compiled."""
    made = tmp_path_factory.mktemp("power") / "power_loss.so"
    command = [*require("cc"), "-shared", "-fPIC", "-O1", "-o", made, POWER / "power_loss.c"]
    subprocess.run([*command, "-ldl", "-lpthread"], check=True, timeout=60)
    return made


def run_until_cut(layer, folder, at, seed, synchronous):
    """Run the writer until operation `at`; returns what it acknowledged: {(log, seq)}."""
    done = subprocess.run(
        [sys.executable, POWER / "writer_on_power.py", folder / "gateway.db", synchronous],
        env={
            **os.environ,
            "LD_PRELOAD": str(layer),
            "POWER_DIR": str(folder),
            "POWER_CUT_AT": str(at),
            "POWER_SEED": str(seed),
            "PYTHONPATH": str(POWER.parents[1]),
        },
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == CUT, done.stderr.decode()
    return {tuple(map(int, line.split())) for line in done.stdout.decode().splitlines()}


def missing(folder, acknowledged):
    """Open the database as the next start does; returns what was acknowledged and is not there."""
    connection = connect(folder / "gateway.db")
    store = Store(connection)
    rows = [row[0] for row in connection.execute("SELECT feed_id FROM rows ORDER BY id")]
    assert len(rows) == len(set(rows))  # nothing twice
    there = {tuple(map(int, name.split("-"))) for name in rows}
    lost = {
        (log, seq)
        for log, seq in acknowledged
        if (log, seq) not in there or store.next_seq("rider-0001", log) <= seq
    }
    for log, seq in there:  # a record whose `next` is behind it would come twice
        if store.next_seq("rider-0001", log) <= seq:
            lost.add((log, seq))
    connection.close()
    return lost, list(folder.glob("*.damaged-*"))


def test_nothing_that_was_acknowledged_is_lost(layer, tmp_path):
    dice = random.Random(SEED)
    acknowledged, folder = set(), tmp_path
    for cut in range(CUTS):
        if cut % 10 == 0:  # a new database: its making is cut as well
            acknowledged, folder = set(), tmp_path / f"site-{cut}"
            folder.mkdir()
        at = dice.randrange(60) if cut % 10 == 0 else dice.randrange(700)
        acknowledged |= run_until_cut(layer, folder, at, dice.randrange(1 << 30), "FULL")
        lost, damaged = missing(folder, acknowledged)
        assert (lost, damaged) == (set(), []), f"cut {cut} at operation {at}, seed {SEED}"
    print(f"{CUTS} cuts, {len(acknowledged)} records acknowledged in the last database, 0 lost")
    assert CUTS < 5 or acknowledged


def test_without_syncs_the_same_cuts_lose(layer, tmp_path):
    dice = random.Random(SEED)
    lost, cuts = set(), 0
    while not lost and cuts < 20:
        folder = tmp_path / f"site-{cuts}"
        folder.mkdir()
        at = dice.randrange(300, 900)
        acknowledged = run_until_cut(layer, folder, at, dice.randrange(1 << 30), "OFF")
        assert acknowledged
        lost, damaged = missing(folder, acknowledged)
        cuts += 1
        if damaged:
            break
    print(f"synchronous=OFF: {len(lost)} records lost at cut {cuts}, damaged: {len(damaged)}")
    assert lost or damaged
