"""NMEA decoding: time and heap per sentence on the interpreters of a board, beside pynmea2 on CPython.

`make bench`. Figures of one run, on one machine, beside a peer in the same run; ratios are what counts.
"""

import statistics
import subprocess
import time

import pynmea2

from protocols.gnss import Receiver
from protocols.nmea import Framer
from tools.parts import require
from tools.parts.place import ROOT
from tools.simulate.ride import generate
from tools.simulate.sentences import now_on_the_second, ride

SCRIPT = """
import sys, gc, time
sys.path.append({root!r})
from protocols.gnss import Receiver
from protocols.nmea import Framer
with open({log!r}, "rb") as file:
    data = file.read()
framer, receiver = Framer(), Receiver()
buf = bytearray(64)
def feed():
    pos = 0
    while pos < len(data):
        n = min(64, len(data) - pos)
        buf[:n] = data[pos:pos + n]
        pos += n
        at = 0
        while at < n:
            at = framer.feed(buf, at, n)
            if framer.ready:
                receiver.take(framer)
feed()
before = framer.valid
start = time.ticks_us()
feed()
took = time.ticks_diff(time.ticks_us(), start)
count = framer.valid - before
one = data[:data.find(b"$", 1)]
heap = 0
gc.collect(); gc.disable()
for byte in range(0, 4000, 50):
    piece = data[byte:byte + 50]
    a = gc.mem_alloc()
    at = 0
    while at < 50:
        at = framer.feed(piece, at, 50)
        if framer.ready:
            receiver.take(framer)
    heap += gc.mem_alloc() - a
print(took / count, heap / 80)
"""


def test_nmea(tmp_path):
    bursts = ride(generate(1, 600), now_on_the_second())[:300]
    data = b"".join(burst for _, burst in bursts)
    log = tmp_path / "ride.log"
    log.write_bytes(data)
    done = subprocess.run(
        [
            *require("micropython"),
            "-X",
            "heapsize=1m",
            "-c",
            SCRIPT.format(root=str(ROOT), log=str(log)),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    us, heap = (float(word) for word in done.stdout.split())
    lines = data.decode().splitlines()
    ours, theirs = [], []
    for _ in range(5):
        start = time.perf_counter()
        framer, receiver = Framer(), Receiver()
        pos = 0
        while pos < len(data):
            pos = framer.feed(data, pos, len(data))
            if framer.ready:
                receiver.take(framer)
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        for line in lines:
            sentence = pynmea2.parse(line)
            if sentence.sentence_type in ("RMC", "GGA"):
                _ = sentence.latitude, sentence.longitude, sentence.timestamp
        theirs.append(time.perf_counter() - start)
    mine, peer = statistics.median(ours), statistics.median(theirs)
    print(f"\nNMEA, {len(lines)} sentences of a BeiDou receiver")
    print(f"  MicroPython unix, bytecode   {us:8.1f} us/sentence   {heap:.1f} B heap per 50 bytes")
    print(f"  CPython, ours                {1e6 * mine / len(lines):8.1f} us/sentence")
    print(f"  CPython, pynmea2             {1e6 * peer / len(lines):8.1f} us/sentence")
    print(f"  ratio pynmea2 / ours         {peer / mine:8.2f}")
