"""The shared tests again, under the interpreters that boards run: the unix port and the 32-bit build.

Each file is a process of its own; they run two at a time, ahead of the tests that look at them.
"""

import re
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from interpreters import UNIX, WASM, command_of

from tools.parts import require
from tools.parts.place import ROOT

SHARED = ROOT / "tests" / "shared"
# test_* run under pytest too; device_* ask what only a board's interpreter can answer (heap, viper).
NAMES = sorted(path.stem for kind in ("test_*.py", "device_*.py") for path in SHARED.glob(kind))
# Modules of the boards that carry the shared tests' code, and every module that is flashed.
FLASHED = sorted(
    str(path.relative_to(ROOT).with_suffix("")).replace("/", ".")
    for folder in ("protocols", "firmware/system", "firmware/rider", "firmware/picker")
    for path in (ROOT / folder).rglob("*.py")
)


def outcome(text: str) -> tuple[int, int]:
    """Read the runner's last line, 'N passed, N failed'."""
    found = re.findall(r"^(\d+) passed, (\d+) failed$", text, re.MULTILINE)
    assert found, text
    return int(found[-1][0]), int(found[-1][1])


def count_tests(name: str) -> int:
    return len(re.findall(r"^def test_", (SHARED / f"{name}.py").read_text(), re.MULTILINE))


def command_for(test: str, name: str) -> list[str]:
    if test == "test_passes_on_the_unix_port":
        return [*command_of(UNIX, "16m"), str(SHARED / "run.py"), str(ROOT), name]
    return [*command_of(WASM), name]


def run(command: list[str]) -> str:
    # A hung interpreter is a failure, not a wait.
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def said(request):
    """{(test, name): what its run says, to come} of the tests that were asked for."""
    with ThreadPoolExecutor(2) as pool:
        runs: dict[tuple[str, str], Future[str]] = {}
        for item in request.session.items:
            call = getattr(item, "callspec", None)
            if item.module is request.module and call is not None:
                key = (item.originalname, call.params["name"])
                runs[key] = pool.submit(run, command_for(*key))
        yield runs
        for each in runs.values():
            each.cancel()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_passes_on_the_unix_port(said, name):
    told = said["test_passes_on_the_unix_port", name].result()
    assert outcome(told) == (count_tests(name), 0), told


def test_every_flashed_module_can_be_imported_there():
    code = f"import sys\nsys.path.append({str(ROOT)!r})\n" + "\n".join(
        f"import {name}" for name in FLASHED if not name.endswith("__init__")
    )
    done = subprocess.run(
        [*require("micropython"), "-X", "heapsize=4m", "-c", code + "\nprint('all here')"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.strip().endswith("all here"), done.stdout + done.stderr


def test_every_flashed_module_compiles_for_the_boards(tmp_path):
    cross = require("mpy-cross")
    for name in FLASHED:
        source = ROOT / (name.replace(".", "/") + ".py")
        # Bytecode is the same for every processor; only machine code is not.
        has_code = "@micropython." in source.read_text(encoding="utf-8")
        for arch in ("xtensawin", "armv7emsp") if has_code else ("xtensawin",):
            done = subprocess.run(
                [
                    *cross,
                    f"-march={arch}",
                    "-o",
                    str(tmp_path / "x.mpy"),
                    str(source),
                ],
                capture_output=True,
                text=True,
                timeout=30,
            )
            assert done.returncode == 0, f"{name} for {arch}: {done.stdout}{done.stderr}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_passes_on_the_32_bit_build(said, name):
    told = said["test_passes_on_the_32_bit_build", name].result()
    assert outcome(told) == (count_tests(name), 0), told
