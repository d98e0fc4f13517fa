"""Runs under MicroPython: micropython nmea_on_device.py CODE LOG [PEER]; prints figures as key=value.

CODE is a folder with our packages (source, or .mpy built one way or another), PEER the folder with
micropyGPS. Ours and the peer's turns alternate, so that a busy machine burdens both.
"""

# ruff: noqa: UP031, SIM105, B905 - MicroPython has no contextlib, and zip() no keyword
import gc
import sys
import time

sys.path.insert(0, sys.argv[1])
from protocols.gnss import Receiver  # noqa: E402
from protocols.nmea import Framer  # noqa: E402

CHUNK = 64
ROUNDS = 7

gc.collect()
before = gc.mem_alloc()
framer, receiver = Framer(), Receiver()
gc.collect()
print("instance_bytes=%d" % (gc.mem_alloc() - before))
print(
    "viper=%d"
    % ("protocols.nmea_viper" in sys.modules and sys.modules["protocols.nmea_viper"] is not None)
)

with open(sys.argv[2], "rb") as file:
    data = file.read()
buf = bytearray(CHUNK)


def feed_ours():
    pos = 0
    size = len(data)
    while pos < size:
        n = min(CHUNK, size - pos)
        for i in range(n):
            buf[i] = data[pos + i]
        pos += n
        at = 0
        while at < n:
            at = framer.feed(buf, at, n)
            if framer.ready:
                receiver.take(framer)


def feed_nothing():
    pos = 0
    size = len(data)
    while pos < size:
        n = min(CHUNK, size - pos)
        for i in range(n):
            buf[i] = data[pos + i]
        pos += n


def timed(call):
    gc.collect()
    start = time.ticks_us()
    call()
    return time.ticks_diff(time.ticks_us(), start)


feed_ours()  # start-up is over
count = framer.valid


def heap():
    """Return what the feed leaves on the heap, chunk by chunk with the collector off."""
    total = pos = 0
    while pos + CHUNK <= len(data):
        for i in range(CHUNK):
            buf[i] = data[pos + i]
        pos += CHUNK
        before = gc.mem_alloc()
        at = 0
        while at < CHUNK:
            at = framer.feed(buf, at, CHUNK)
            if framer.ready:
                receiver.take(framer)
        total += gc.mem_alloc() - before
    return total


gc.collect()
gc.disable()
print("heap_bytes=%d" % heap())
gc.enable()

theirs = []
if len(sys.argv) > 3:
    sys.path.insert(0, sys.argv[3])
    from micropyGPS import MicropyGPS

    peer = MicropyGPS()
    letters = [chr(each) for each in range(256)]

    def feed_peer():
        for byte in data:
            try:
                peer.update(letters[byte])
            except IndexError:
                pass  # it lets some through


ours = []
for _ in range(ROUNDS):
    ours.append(timed(feed_ours) - timed(feed_nothing))
    if len(sys.argv) > 3:
        theirs.append(timed(feed_peer))
print("sentences=%d" % count)
print("us=%.2f" % (sorted(ours)[ROUNDS // 2] / count))
if theirs:
    print("peer_us=%.2f" % (sorted(theirs)[ROUNDS // 2] / count))
    ratios = sorted(b / a for a, b in zip(ours, theirs))
    print("ratio=%.2f" % ratios[ROUNDS // 2])
