"""Time of an event of the guide on the interpreters of boards, its flash writes in it. `make bench`.

An answer on a screen has 200 ms; this is the machine's time, not a tablet's.
"""

import pytest
from interpreters import UNIX, WASM, said_by

from tools.parts.place import ROOT

LINES = 100


@pytest.mark.parametrize("part", [UNIX, WASM])
def test_an_event_is_answered_within_200_ms(part, tmp_path, capsys):
    text = (ROOT / "tests" / "bench" / "guide_on_device.py").read_text()
    said = said_by(part, f"LINES = {LINES}\n{text}", tmp_path, "16m")
    rows = [line.split()[1:] for line in said.splitlines() if line.startswith("figure")]
    with capsys.disabled():
        print(f"\nguide on {part}, a list of {LINES} lines; ms: median, worst")
        for name, count, median, worst in rows:
            if name == "snapshot_bytes":
                print(f"  {'last snapshot':20} {median} bytes")
            else:
                print(
                    f"  {name:20} {count:>5} times {int(median) / 1000:8.1f} {int(worst) / 1000:8.1f}"
                )
    assert len(rows) > 8
