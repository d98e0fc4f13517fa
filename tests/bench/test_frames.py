"""Device frames: fixes written and read, beside cbor2; time and heap on a board's interpreters.

`make bench`. Figures of one run, on one machine, beside a peer in the same run; ratios are what counts.
The peer is cbor2 with its C extension, which builds and checks nothing but CBOR; ours also turns words
into numbers and back, and holds every field to its range. Goal: 0 B of heap for a fix on both builds.
"""

import time
from pathlib import Path

import cbor2
from interpreters import UNIX, WASM, said_by

from protocols import messages
from protocols.cbor import Reader, Writer
from protocols.track import PACKED, VARINT, Encoder
from protocols.track_decode import decode

RECORDS = 12
STAMP = (7, 123_456, 2517, 40_000_000)
FIX = {
    "lat_e7": 312_300_108,
    "lon_e7": 1_214_707_730,
    "alt_cm": 1240,
    "mode": 3,
    "quality": 1,
    "sats_used": 18,
    "bds_used": 10,
    "hdop_c": 80,
    "speed_mm_s": 6800,
    "course_cdeg": 9000,
    "source": "gnss",
    "datum": "wgs84",
}

SCRIPT = """
import gc, time
from protocols import messages
from protocols.cbor import Reader, Writer
from protocols.track import PACKED, VARINT, Encoder

STAMP = {stamp!r}
FIX = {fix!r}
writer = Writer(bytearray(1200))
NUMBERS = (7, 8, 9, 10, 11, 12, 13, 14, 15, 16)

def put_fix():
    writer.reset()
    messages.begin_record(writer, messages.FIX, STAMP, 12)
    writer.integer(5)
    writer.e7(31, 2300108)
    writer.integer(6)
    writer.e7(121, 4707730)
    for key in NUMBERS:
        writer.integer(key)
        writer.integer(6800)

def put_by_name():
    writer.reset()
    messages.put_record(writer, messages.FIX, STAMP, FIX)

def read_back():
    messages.check_record(Reader(writer.buf, 0, writer.n).read())

def put_ack():
    writer.reset()
    messages.put_ack(writer, 4711, 9)

def measure(name, call, per=1):
    call()
    best = 1e9
    for _ in range(5):
        start = time.time_ns()
        for _ in range({count}):
            call()
        best = min(best, (time.time_ns() - start) / 1000 / {count} / per)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    call()
    heap = gc.mem_alloc() - before
    gc.enable()
    print(name, best, heap // per)

measure("fix-written", put_fix)
measure("fix-by-name", put_by_name)
measure("fix-read", read_back)
measure("ack-written", put_ack)
for name, layout in (("vertex-varint", VARINT), ("vertex-packed", PACKED)):
    encoder = Encoder(bytearray(400), 20, 10, layout)
    def put_line(encoder=encoder):
        encoder.reset()
        for i in range(20):
            encoder.add(1000 * i * i, 31, 2304060 + 4321 * i, 121, 4707834 - 1234 * i * i)
    measure(name, put_line, 20)
"""


def on_boards(tmp_path: Path) -> list[dict[str, tuple[float, float]]]:
    """The unix port and the 32-bit build: name -> (us, heap bytes)."""
    tables = []
    for part, count in ((UNIX, 2_000), (WASM, 500)):
        said = said_by(part, SCRIPT.format(stamp=STAMP, fix=FIX, count=count), tmp_path)
        rows = [line.split() for line in said.splitlines() if line.strip()]
        tables.append({name: (float(us), float(heap)) for name, us, heap in rows})
    return tables


def us_each(call, times: int = 400) -> float:
    """Microseconds per record of a call that does a whole frame, the fastest of seven passes."""
    best = 1e9
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(times):
            call()
        best = min(best, time.perf_counter() - start)
    return best * 1e6 / times / RECORDS


def test_frames(tmp_path):
    writer = Writer(bytearray(4000))
    maps = []

    def ours_put():
        writer.reset()
        messages.put_frame_head(writer, 4711, 1, 1)
        for _ in range(RECORDS):
            messages.put_record(writer, messages.FIX, STAMP, FIX)

    def ours_read():
        reader = Reader(data)
        messages.read_frame_head(reader)
        while reader.more():
            messages.check_record(reader.read())

    def ours_cbor_only():
        reader = Reader(data)
        while reader.more():
            reader.read()

    def theirs_put():
        cbor2.dumps(maps)

    def theirs_read():
        cbor2.loads(as_array)

    ours_put()
    data = bytes(writer.buf[: writer.n])
    reader = Reader(data)
    while reader.more():
        maps.append(reader.read())
    as_array = cbor2.dumps(maps)
    assert len(as_array) == len(data) + 1  # the same bytes, in an array instead of a sequence
    unix, wasm = on_boards(tmp_path)
    figures = [
        us_each(call) for call in (ours_put, theirs_put, ours_read, ours_cbor_only, theirs_read)
    ]
    print(f"\nA frame of {RECORDS} fixes of 12 fields, {len(data)} bytes; CPython, us a record")
    print(f"  written, checked by name     ours {figures[0]:7.2f}   cbor2 (C) {figures[1]:7.2f}")
    print(f"  read and held to its ranges  ours {figures[2]:7.2f}   cbor2 (C) {figures[4]:7.2f}")
    print(f"  read, CBOR alone             ours {figures[3]:7.2f}")
    print("  MicroPython          unix 64 bit        32 bit (WebAssembly)")
    for name in unix:
        u, w = unix[name], wasm[name]
        print(f"  {name:16} {u[0]:8.1f} us {u[1]:6.0f} B   {w[0]:8.1f} us {w[1]:6.0f} B")
    for name in ("fix-written", "ack-written", "vertex-varint", "vertex-packed"):
        assert unix[name][1] == wasm[name][1] == 0, name


def test_polylines():
    line = [
        (20_000 * i, 31, 2_304_060 + 12_345 * i, 121, 4_707_834 - 321 * i * i) for i in range(120)
    ]
    print("\nA polyline of 120 vertices, 2 m grid; CPython, us a vertex")
    for name, layout in (("varint", VARINT), ("packed", PACKED)):
        encoder = Encoder(bytearray(1100), 20, 10, layout)

        def put(encoder=encoder):
            encoder.reset()
            for vertex in line:
                assert encoder.add(*vertex)

        put()
        data = bytes(encoder.buf[: encoder.n])
        put_us = us_each(put, 30) * RECORDS / len(line)
        read_us = us_each(lambda data=data: decode(data), 30) * RECORDS / len(line)
        print(
            f"  {name}  {len(data) / len(line):.2f} B   written {put_us:.1f}   read {read_us:.1f}"
        )
