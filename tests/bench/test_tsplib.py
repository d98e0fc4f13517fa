"""The anytime search on TSPLIB's small instances: gap to the optimum by time, on both interpreters.

`make bench`. The files are public (Reinelt's TSPLIB95) and lie with the real captures (O2O_SHARED);
without them nothing is measured. Held-Karp is off: the local search alone is judged. Figures of one
run on one machine; MicroPython is the unix port, not a board.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.parts import require
from tools.parts.place import ROOT, shared_dir

DEVICE = Path(__file__).parent / "tsplib_on_device.py"
BUDGETS_MS = (100, 500, 2000)


def read(path: Path) -> list[list[int]]:
    """The distances of a file: EUC_2D, FULL_MATRIX or LOWER_DIAG_ROW."""
    head, _, body = path.read_text().partition("_SECTION")
    fields = dict(line.split(":", 1) for line in head.splitlines() if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    n = int(fields["DIMENSION"])
    words = body.split("EOF")[0].split("DISPLAY_DATA")[0].split()
    if fields["EDGE_WEIGHT_TYPE"] == "EUC_2D":
        at = [(float(words[3 * i + 1]), float(words[3 * i + 2])) for i in range(n)]
        return [
            [int(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 + 0.5) for b in at] for a in at
        ]
    if fields["EDGE_WEIGHT_FORMAT"] == "FULL_MATRIX":
        return [[int(words[i * n + j]) for j in range(n)] for i in range(n)]
    row = [[int(words[i * (i + 1) // 2 + j]) for j in range(i + 1)] for i in range(n)]
    return [[row[max(i, j)][min(i, j)] for j in range(n)] for i in range(n)]


def as_table(d: list[list[int]]) -> str:
    """City 0 is the start and the end."""
    n = len(d) - 1
    order = [*range(1, n + 1), 0]
    return f"{n}\n" + "\n".join(" ".join(str(d[i][j]) for j in order) for i in order)


def figures(command: list[str], table: Path) -> dict[str, int]:
    done = subprocess.run(
        [*command, str(DEVICE), str(ROOT), str(table), *(str(ms) for ms in BUDGETS_MS)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: int(value) for name, _, value in (w.partition("=") for w in done.stdout.split())}


@pytest.mark.timeout(300)
def test_gap_by_time(capsys, tmp_path):
    shared = shared_dir()
    if shared is None:
        with capsys.disabled():
            print("\n(TSPLIB's files are not here: set O2O_SHARED)")
        return
    folder = shared / "data/routing/tsplib"
    optima = dict(
        line.replace(" ", "").split(":")
        for line in (folder / "optima.txt").read_text().splitlines()
        if ":" in line
    )
    with capsys.disabled():
        print(
            "\n                         first     gap % at "
            + ", ".join(f"{b} ms" for b in BUDGETS_MS)
        )
        for path in sorted(folder.glob("*.tsp")):
            optimum = int(optima[path.stem])
            table = tmp_path / "table.txt"
            table.write_text(as_table(read(path)))
            for name, command in (
                ("CPython", [sys.executable]),
                ("MicroPython", [*require("micropython"), "-X", "heapsize=2m"]),
            ):
                told = figures(command, table)
                found = [told[f"at_{ms}"] for ms in BUDGETS_MS]
                assert min(found) >= optimum
                print(
                    f"  {path.stem:8} {name:11} {told['first_us'] / 1000:6.2f} ms   "
                    + "  ".join(f"{100 * (length / optimum - 1):6.3f}" for length in found)
                    + f"   longest step {told['step_us'] / 1000:.2f} ms, heap {told['heap_bytes']} B"
                )
