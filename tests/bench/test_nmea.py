"""NMEA decoding under MicroPython beside micropyGPS, and on CPython beside pynmea2 and pynmeagps.

`make bench`. Figures of one run on one machine, beside a peer in the same run; ratios are what counts.
micropyGPS is on no package index: clone it anywhere and name its folder in O2O_MICROPYGPS; without it
our own figures are printed alone. With the real captures at hand (O2O_SHARED) they are the feed.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pynmea2
import pynmeagps
import pytest

from protocols.gnss import Receiver
from protocols.nmea import Framer
from tools.nmea import Comments
from tools.parts import require
from tools.parts.place import ROOT, shared_dir
from tools.simulate.ride import generate
from tools.simulate.sentences import now_on_the_second, ride

HERE = Path(__file__).parent
MODULES = (
    *("__init__", "absent", "calendar", "compat", "epochs", "fix", "gnss"),
    *("nmea", "nmea_scan", "satellites", "sky"),
)
LOGS = ("quectel-l76k-nmea", "ublox-neo-m9n-nmea", "skytraq-dgps", "beidou-bd")


@pytest.fixture(scope="module")
def feed(tmp_path_factory):
    """The bytes of four real receivers, else of a generated ride."""
    shared = shared_dir()
    if shared is None:
        bursts = ride(generate(1, 600), now_on_the_second())
        data = b"".join(burst for _, burst in bursts)
    else:
        data = b"".join((shared / f"data/nmea/{name}.log").read_bytes() for name in LOGS)
    comments = Comments()
    data = comments.strip(data) + comments.rest()
    path = tmp_path_factory.mktemp("nmea") / "feed.log"
    path.write_bytes(data)
    return path


def compiled(folder: Path, *options: str, viper: bool) -> Path:
    """Compile our modules into `folder` as a board would carry them."""
    (folder / "protocols").mkdir(parents=True)
    for name in (*MODULES, *(["nmea_viper"] if viper else [])):
        words = ["-march=x64"] if name == "nmea_viper" else options
        source, target = ROOT / f"protocols/{name}.py", folder / f"protocols/{name}.mpy"
        subprocess.run([*require("mpy-cross"), *words, "-o", target, source], check=True)
    return folder


def peer(folder: Path) -> Path | None:
    """The peer's folder, compiled to bytecode, when we were told where it is."""
    source = os.environ.get("O2O_MICROPYGPS")
    if not source:
        return None
    folder.mkdir()
    shutil.copy(Path(source) / "micropyGPS.py", folder)
    subprocess.run([*require("mpy-cross"), folder / "micropyGPS.py"], check=True)
    (folder / "micropyGPS.py").unlink()
    return folder


def on_device(code: Path, feed: Path, other: Path | None, heap: str = "2m") -> dict[str, float]:
    done = subprocess.run(
        [
            *(*require("micropython"), "-X", f"heapsize={heap}", HERE / "nmea_on_device.py"),
            *(code, feed, *([other] if other else [])),
        ],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        name: float(value) for name, _, value in (w.partition("=") for w in done.stdout.split())
    }


def test_on_a_boards_interpreter(feed, tmp_path):
    other = peer(tmp_path / "peer")
    native = ("-march=x64", "-X", "emit=native")
    size = feed.stat().st_size
    print(f"\nMicroPython unix, {size} bytes, fed 64 at a time, fixes and satellites included")
    for name, options, viper in (
        ("bytecode", (), False),
        ("native", native, False),
        ("bytecode + viper", (), True),
        ("native + viper", native, True),
    ):
        code = compiled(tmp_path / name.replace(" ", ""), *options, viper=viper)
        figures = on_device(code, feed, other)
        assert figures["heap_bytes"] == 0
        ratio = (
            f"   micropyGPS {figures['peer_us']:6.1f} us, ratio {figures['ratio']:5.1f}"
            if "ratio" in figures
            else "   (micropyGPS not here: set O2O_MICROPYGPS)"
        )
        print(
            f"  {name:17} {figures['us']:6.2f} us/sentence, {figures['heap_bytes']:.0f} B heap over "
            f"{figures['sentences']:.0f}, instance {figures['instance_bytes']:.0f} B{ratio}"
        )
    plain = tmp_path / "bytecode" / "protocols"
    size = sum(path.stat().st_size for path in plain.glob("*.mpy"))
    print(f"  code {size} B of .mpy; smallest heap that loads and runs it:", end=" ")
    small = tmp_path / "small.log"
    small.write_bytes(feed.read_bytes()[:2000])
    script = (
        f"import sys; sys.path.insert(0, {str(plain.parent)!r})\n"
        "from protocols.gnss import Receiver\nfrom protocols.nmea import Framer\n"
        f"f, r, b = Framer(), Receiver(), open({str(small)!r}, 'rb').read()\n"
        "p = 0\nwhile p < len(b):\n p = f.feed(b, p, len(b))\n f.ready and r.take(f)\nprint('ran')"
    )
    for kib in range(36, 80, 2):
        done = subprocess.run(
            [*require("micropython"), "-X", f"heapsize={kib}k", "-c", script],
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.stdout.strip() == "ran":
            print(f"{kib}k (64-bit objects)")
            break


def test_on_cpython(feed):
    data = feed.read_bytes()
    texts = [line.decode() for line in data.splitlines() if line.startswith(b"$") and b"*" in line]
    lines = []
    for text in texts:
        try:
            pynmea2.parse(text)
            lines.append(text)
        except pynmea2.ParseError:
            pass
    whole = "\r\n".join(lines).encode() + b"\r\n"

    def ours():
        framer, receiver = Framer(), Receiver()
        pos = 0
        while pos < len(whole):
            pos = framer.feed(whole, pos, len(whole))
            if framer.ready:
                receiver.take(framer)

    def by_pynmea2():
        for line in lines:
            sentence = pynmea2.parse(line)
            if getattr(sentence, "sentence_type", "") in ("RMC", "GGA"):
                _ = sentence.latitude, sentence.longitude, sentence.timestamp

    def by_pynmeagps():
        for line in lines[:1000]:
            pynmeagps.NMEAReader.parse(line + "\r\n")

    took = {"ours": [], "pynmea2": [], "pynmeagps": []}
    for _ in range(5):
        for name, call, count in (
            ("ours", ours, len(lines)),
            ("pynmea2", by_pynmea2, len(lines)),
            ("pynmeagps", by_pynmeagps, min(1000, len(lines))),
        ):
            start = time.perf_counter()
            call()
            took[name].append(1e6 * (time.perf_counter() - start) / count)
    print(f"\nCPython {sys.version.split()[0]}, {len(lines)} sentences")
    mine = statistics.median(took["ours"])
    for name, times in took.items():
        figure = statistics.median(times)
        print(f"  {name:10} {figure:7.1f} us/sentence   {figure / mine:5.2f} of ours")
