"""Frames, records, commands and acks: whatever may stand in them comes back; nothing else does."""

import gc
import sys

from drawn import one_beyond, stamp_of, value_of, values_of
from mutate import Chance, damaged, rounds

from protocols import commands, messages
from protocols import fields as wire
from protocols.cbor import Reader, Writer

RECORDS = sorted(messages.RECORDS)
COMMANDS = sorted(commands.COMMANDS)


def written(put):
    writer = Writer(bytearray(4000))
    put(writer)
    assert not writer.full
    return bytes(writer.buf[: writer.n])


def a_record(kind, chance):
    """Return (bytes, stamp, values) of a record with values drawn from its table."""
    _, _, fields, needed = messages.RECORDS[kind]
    stamp, values = stamp_of(chance), values_of(fields, needed, chance)
    return written(lambda w: messages.put_record(w, kind, stamp, values)), stamp, values


def a_command(kind, chance):
    _, _, fields, needed = commands.COMMANDS[kind]
    values = values_of(fields, needed, chance)
    return written(lambda w: commands.put_command(w, "c-1", 2517, 5, kind, values)), values


def a_frame(chance):
    """Return (bytes, head) of a frame with one to four records."""
    head = (chance.below(0xFFFFFFFF), chance.below(0xFFFFFFFF), chance.below(0xFFFFFFFF))
    data = written(lambda w: messages.put_frame_head(w, head[0], head[1], head[2]))
    for _ in range(1 + chance.below(4)):
        data += a_record(chance.pick(RECORDS), chance)[0]
    return data, head


def test_records_drawn_from_their_tables_come_back():
    chance = Chance("records")
    for _ in range(60):
        for kind in RECORDS:
            data, stamp, values = a_record(kind, chance)
            reader = Reader(data)
            assert messages.check_record(reader.read()) == (kind, stamp, values, 0), values
            assert reader.pos == len(data)


def test_commands_drawn_from_their_tables_come_back():
    chance = Chance("commands")
    for _ in range(60):
        for kind in COMMANDS:
            data, values = a_command(kind, chance)
            assert commands.read_command(data) == ("c-1", 2517, 5, kind, values)


def test_one_beyond_each_end_is_refused_by_name():
    chance = Chance("ends")
    for kind in RECORDS:
        _, _, fields, needed = messages.RECORDS[kind]
        values = {field[1]: value_of(field, chance) for field in fields}
        data = written(lambda w, k=kind, v=values: messages.put_record(w, k, (0, 0, 1, 2), v))
        for field in fields:
            for wrong in one_beyond(field):
                item = Reader(data).read()
                item[field[0]] = wrong
                why = (None, "range:" + field[1], None, 0)
                assert messages.check_record(item) == why, (field, wrong)
            item = Reader(data).read()
            del item[field[0]]
            missing = (None, "missing:" + field[1], None, 0)
            assert (messages.check_record(item) == missing) == (field[1] in needed), field


def test_a_programmers_error_is_told_before_anything_is_written():
    writer = Writer(bytearray(400))
    for kind, values in (
        (messages.FIX, {"lat_e7": 1, "lon_e7": 1, "latitude": 1}),
        (messages.FIX, {"lat_e7": 1, "lon_e7": 1, "source": "guess"}),
    ):
        try:
            messages.put_record(writer, kind, (0, 0, 1, 2), values)
        except (KeyError, ValueError):
            assert writer.n == 0
            continue
        raise AssertionError(values)


def test_an_absent_value_and_none_are_the_same():
    bare = written(lambda w: commands.put_command(w, "c", 1, 2, commands.CANCEL, {"order": "A"}))
    assert commands.read_command(bare)[0] == "c"
    some = {"sensor": b"123456", "temp_cc": None}
    data = written(lambda w: messages.put_record(w, messages.TEMP, (0, 0, 1, 2), some))
    assert messages.check_record(Reader(data).read())[2] == {"sensor": b"123456"}


def least_heap(work):
    """Return the fewest bytes (CPython: objects left over) that a run of `work` took."""
    used = gc.mem_alloc if hasattr(gc, "mem_alloc") else sys.getallocatedblocks
    least = 1_000_000
    for _ in range(5):
        gc.collect()
        gc.disable()
        before = used()
        work()
        least = min(least, used() - before)
        gc.enable()
    return least


STAMP = (7, 123_456, 2517, 40_000_000)
NO_TIME = (7, 123_456, -1, 0)


def put_fixes(writer):
    """Write a head and ten fixes as the rider's board does, in degrees and fraction."""
    writer.reset()
    messages.put_frame_head(writer, 0x1EADBEEF, 10, 12)
    for each in range(10):
        messages.begin_record(writer, messages.FIX, STAMP if each & 1 else NO_TIME, 7)
        writer.integer(5)
        writer.e7(-33, -8_688_000)
        writer.integer(6)
        writer.e7(151, 2_093_000)  # 1,512,093,000 would be a heap object on a board
        for key in (7, 12, 13, 14, 15):
            writer.integer(key)
            writer.integer(36_000)


def test_a_frame_of_fixes_is_written_without_heap():
    writer = Writer(bytearray(1200))
    assert least_heap(lambda: put_fixes(writer)) == 0
    reader = Reader(writer.buf, 0, writer.n)
    assert messages.read_frame_head(reader) == (0x1EADBEEF, 10, 12)
    for _ in range(10):
        assert messages.check_record(reader.read())[2]["lon_e7"] == 1_512_093_000
    assert not writer.full and not reader.more()


def read_all(data):
    """Read a frame as a gateway does; return (head, [what check_record said]); asserts its promises."""
    reader = Reader(data)
    head = messages.read_grown_head(reader)
    results = []
    if head is None:
        return None, results
    for number in head:
        assert 0 <= number <= 0xFFFFFFFF
    while reader.more():
        item = reader.read()
        if reader.error is not None:
            break
        before = dict(item) if isinstance(item, dict) else item
        result = messages.check_record(item)
        assert item == before  # what is checked is not changed
        kind, why, values, _ = result
        if kind is None:
            assert isinstance(why, str) and values is None
        else:
            held(kind, why, values)
        results.append(result)
    return head, results


def held(kind, stamp, values):
    """Assert that an accepted record keeps its table, by writing it again and reading it."""
    _, _, fields, needed = messages.RECORDS[kind]
    for name in needed:
        assert name in values
    for _, name, how, lo, hi in fields:
        if values.get(name) is not None and how == wire.INT:
            assert lo <= values[name] <= hi
    known = {name: values[name] for name in values if values[name] is not None}
    if len(known) == len(values) and stamp[2] >= 0:
        again = written(lambda w: messages.put_record(w, kind, stamp, known))
        result = messages.check_record(Reader(again).read())
        assert result[0] == kind and result[1][2:] == stamp[2:] and result[2] == values


def test_fuzz_frames():
    chance = Chance("device frames, commands and acks")
    tables = repr(messages.RECORDS.items()) + repr(commands.COMMANDS.items())
    counts = {"frames": 0, "heads refused": 0, "records": 0, "refused": 0, "told": 0, "untold": 0}
    wanted = []
    downs = [a_command(kind, chance)[0] for kind in COMMANDS for _ in range(2)]
    acks = [written(lambda w, n=n: messages.put_ack(w, n * 77_777, n)) for n in range(4)]
    for each in range(rounds(600)):
        if each % 1000 == 0:
            wanted = [(frame, read_all(frame)) for frame, _ in [a_frame(chance) for _ in range(24)]]
        counts["frames"] += 1
        which = chance.below(8)
        if which == 0:
            result = commands.read_command(damaged(chance.pick(downs), chance))
            assert len(result) == 5 and (result[0] is None) == (result[4] is None)
        elif which == 1:
            result = messages.read_ack(damaged(chance.pick(acks), chance))
            assert result is None or 0 <= result[1] <= 0xFFFFFFFF
        else:
            frame, whole = chance.pick(wanted)
            bad = damaged(frame, chance)
            head, results = read_all(bad)
            refused = sum([1 for result in results if result[0] is None])
            counts["heads refused"] += head is None
            counts["records"] += len(results)
            counts["refused"] += refused
            # Nothing but the transport's own checksum can tell these from what was sent.
            silent = head is not None and not refused and len(results) == len(whole[1])
            counts["untold" if silent and (head, results) != whole else "told"] += 1
    assert repr(messages.RECORDS.items()) + repr(commands.COMMANDS.items()) == tables
    assert counts["refused"] and counts["heads refused"]
    for frame, whole in wanted:
        assert read_all(frame) == whole
    print("fuzz:", counts)
