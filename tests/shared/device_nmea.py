"""On a board's interpreter: decoding leaves no heap behind, and the machine-code twin agrees."""

import gc
import sys
from array import array

from mutate import Chance, damaged, rounds
from sentences import BODIES, sentence

from protocols import nmea, nmea_scan
from protocols.gnss import Receiver
from protocols.nmea import Framer


def left_behind(data, framer, receiver):
    size = len(data)
    pos = 0
    before = gc.mem_alloc()
    while pos < size:
        pos = framer.feed(data, pos, size)
        if framer.ready:
            receiver.take(framer)
    return gc.mem_alloc() - before


def test_no_sentence_leaves_anything_on_the_heap():
    lines = [sentence(body) for body in BODIES]
    framer, receiver = Framer(), Receiver()
    for line in lines:  # start-up
        left_behind(line, framer, receiver)
    gc.collect()
    gc.disable()
    try:
        left = [left_behind(line, framer, receiver) for line in lines]
    finally:
        gc.enable()
    assert left == [0] * len(lines), left
    assert framer.valid == 2 * len(lines) and receiver.rejected == 2


def test_there_is_a_twin_where_the_emitter_is():
    try:
        from protocols import nmea_viper
    except (ImportError, SyntaxError):
        # The 32-bit WebAssembly build has no emitter; every other interpreter of ours has.
        assert sys.maxsize < 1 << 40
        assert nmea.scan is nmea_scan.scan
    else:
        assert nmea.scan is nmea_viper.scan and nmea.decimal is nmea_viper.decimal


def events(scan, data, chunk):
    line, starts, m = bytearray(256), array("H", [0] * 65), array("h", [0] * 6)
    found = []
    for at in range(0, len(data), chunk):
        piece = data[at : at + chunk]
        pos = 0
        while pos < len(piece):
            pos = scan(piece, pos, len(piece), line, starts, m)
            event = m[nmea_scan.EVENT]
            if event == nmea_scan.READY:
                fields = m[nmea_scan.FIELDS]
                found.append(
                    (at + pos, bytes(line[: starts[fields] - 1]), list(starts[: fields + 1]))
                )
            elif event:
                found.append((at + pos, event))
    return found


def test_fuzz_the_twins_find_the_same():
    chance = Chance("nmea twins")
    whole = b"".join(sentence(body) for body in BODIES) + sentence(b"GNTXT," + b"x," * 70)
    for _ in range(rounds(100)):
        data = whole
        for _ in range(chance.below(12)):
            data = damaged(data, chance)
        one = events(nmea.scan, data, 1 + chance.below(300))
        assert one == events(nmea_scan.scan, data, 4096)
    for _ in range(rounds(1000)):
        text = b"".join(
            chance.pick((b"0", b"1", b"9", b"99", b".", b"-", b"", b"x")) for _ in range(9)
        )
        size = chance.below(len(text) + 1)
        places = chance.below(8)
        assert nmea.decimal(text, 0, size, places) == nmea_scan.decimal(text, 0, size, places), text
