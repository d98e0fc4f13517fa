"""Records, frames, acks and commands: written, read back, and everything wrong refused by name."""

from protocols import commands, messages
from protocols import fields as wire
from protocols.cbor import Reader, Writer

STAMP = (7, 123_456, 2517, 40_000_000)  # boot, tick_ms, day, ms
NO_TIME = (7, 123_456, -1, 0)
FIX = {
    "lat_e7": 312_300_108,
    "lon_e7": 1_214_707_730,
    "mode": 3,
    "sats_used": 18,
    "bds_used": 10,
    "speed_mm_s": 6800,
    "source": "gnss",
    "datum": "wgs84",
}


def test_half_a_stamp_is_none():
    for stamp in ({1: 2400}, {2: 5}, {3: 77}, {4: 1}, {1: 2400, 3: 77, 4: 1}, {}):
        item = {0: messages.GAP, 5: 0, 6: 1, 7: 2}
        item.update(stamp)
        assert messages.check_record(item)[1] == "stamp", stamp
    for stamp in ({1: 2400, 2: 5}, {3: 77, 4: 1}):
        item = {0: messages.GAP, 5: 0, 6: 1, 7: 2}
        item.update(stamp)
        assert messages.check_record(item)[0] == messages.GAP, stamp


def record(kind, values, stamp=STAMP):
    writer = Writer(bytearray(1200))
    messages.put_record(writer, kind, stamp, values)
    assert not writer.full
    return bytes(writer.buf[: writer.n])


def checked(data):
    return messages.check_record(Reader(data).read())


def test_a_record_comes_back_as_it_was():
    kind, stamp, values, unknown = checked(record(messages.FIX, FIX))
    assert kind == messages.FIX
    assert stamp == (0, 0, 2517, 40_000_000)
    assert values == FIX
    assert unknown == 0


def test_before_the_clock_is_set_it_carries_ticks_and_boot():
    _, stamp, values, _ = checked(record(messages.FIX, FIX, NO_TIME))
    assert stamp == (7, 123_456, -1, 0)
    assert values == FIX


def test_every_record_type_round_trips_at_both_ends_of_every_range():
    for kind in messages.RECORDS:
        for end in (3, 4):
            values = {}
            for _, name, how, lo, hi in messages.RECORDS[kind][2]:
                if how == wire.INT:
                    values[name] = lo if end == 3 else hi
                elif how == wire.ENUM:
                    values[name] = lo[0] if end == 3 else lo[-1]
                elif how == wire.BYTES:
                    values[name] = b"\x01" * (lo if end == 3 else hi)
                elif how == wire.TEXT:
                    values[name] = "x" * (lo if end == 3 else hi)
                elif how == wire.ROWS:
                    values[name] = [[0] * lo] if end == 3 else [[1] * lo] * hi
            got, _, back, unknown = checked(record(kind, values))
            assert got == kind and back == values and unknown == 0, messages.RECORDS[kind][0]


def test_keys_and_names_are_used_once():
    for table in [messages.RECORDS[kind][2] for kind in messages.RECORDS] + [
        commands.COMMANDS[kind][2] for kind in commands.COMMANDS
    ]:
        keys = [field[0] for field in table]
        names = [field[1] for field in table]
        assert len(set(keys)) == len(keys)
        assert len(set(names)) == len(names)
    for kind in messages.RECORDS:
        for field in messages.RECORDS[kind][2]:
            assert field[0] > messages.KEY_BOOT


def test_an_old_reader_goes_on_over_new_keys_and_new_words():
    item = Reader(record(messages.FIX, FIX)).read()
    item[99] = "from the future"
    item[15] = 200  # a source that this table has no word for
    kind, _, values, unknown = messages.check_record(item)
    assert kind == messages.FIX
    assert unknown == 2  # the key and the word
    assert values["source"] is None
    assert values["lat_e7"] == FIX["lat_e7"]


def test_what_is_wrong_with_a_record_is_named():
    good = Reader(record(messages.FIX, FIX)).read()
    for change, why in (
        ({messages.KEY_TYPE: 250}, "type"),
        ({messages.KEY_TYPE: "x"}, "type"),
        ({messages.KEY_DAY: -5}, "stamp"),
        ({messages.KEY_MS: 90_000_000}, "stamp"),
        ({5: 900_000_001}, "range:lat_e7"),
        ({6: "121"}, "range:lon_e7"),
        ({8: True}, "range:mode"),
        ({12: -1}, "range:hdop_c"),
    ):
        item = dict(good)
        item.update(change)
        assert messages.check_record(item)[:2] == (None, why), change
    assert messages.check_record([1])[:2] == (None, "shape")
    assert messages.check_record({0: 2})[:2] == (None, "stamp")


def test_a_misspelt_name_is_a_programmers_error():
    try:
        record(messages.FIX, {"latitude": 1})
    except KeyError:
        return
    raise AssertionError("it was written")


def test_a_frame_is_a_head_and_records():
    writer = Writer(bytearray(1200))
    messages.put_frame_head(writer, 0xDEADBEEF, 10, 12)
    for _ in range(3):
        messages.put_record(writer, messages.FIX, STAMP, FIX)
    reader = Reader(writer.buf, 0, writer.n)
    assert messages.read_frame_head(reader) == (0xDEADBEEF, 10, 12)
    count = 0
    while reader.more():
        assert messages.check_record(reader.read())[0] == messages.FIX
        count += 1
    assert count == 3


def test_what_is_no_frame_head():
    for item in (
        [2, 1, 1, 1],
        [1, 1, 1],
        [1, -1, 1, 1],
        [1, 1 << 32, 1, 1],
        [1, True, 1, 1],
        5,
        None,
    ):
        writer = Writer(bytearray(64))
        writer.value(item)
        assert messages.read_frame_head(Reader(writer.buf, 0, writer.n)) is None, item
    assert messages.read_frame_head(Reader(b"")) is None


def test_acks():
    writer = Writer(bytearray(16))
    messages.put_ack(writer, 4711, 0)
    assert messages.read_ack(bytes(writer.buf[: writer.n])) == (4711, 0)
    assert messages.read_ack(b"") is None
    assert messages.read_ack(b"\x83\x01\x01") is None
    assert messages.read_ack(b"\x83\x02\x01\x01") is None
    assert messages.read_ack(b"\x83\x01\x01\x20") is None
    assert messages.read_ack(b"\x83\x01\x01\x01\x00") is None


ASSIGN = {
    "order": "A1001",
    "lat_e7": 312_300_108,
    "lon_e7": 1_214_707_730,
    "promised_day": 2517,
    "promised_ms": 1,
}


def command(values, kind=commands.ASSIGN):
    writer = Writer(bytearray(400))
    commands.put_command(writer, "c-1", 2517, 5, kind, values)
    return bytes(writer.buf[: writer.n])


def test_a_command_comes_back_as_it_was():
    assert commands.read_command(command(ASSIGN)) == ("c-1", 2517, 5, commands.ASSIGN, ASSIGN)


def test_a_command_with_a_field_missing_or_wrong_is_refused():
    for name in ASSIGN:
        less = dict(ASSIGN)
        del less[name]
        assert commands.read_command(command(less))[:2] == (None, "missing:" + name)
    worse = dict(ASSIGN)
    worse["lat_e7"] = 2_000_000_000
    assert commands.read_command(command(worse))[:2] == (None, "range:lat_e7")
    assert commands.read_command(command({"order": "A"}, commands.CANCEL))[0] == "c-1"
    for data in (b"", b"\x80", b"\xff" * 10, command(ASSIGN)[:-3]):
        assert commands.read_command(data)[0] is None
