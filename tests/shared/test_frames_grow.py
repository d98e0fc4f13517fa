"""An old reader meets what a newer minor appends and goes on, counting it; a new version it refuses.

The rule of protocols.frames, message by message: arrays grow at their end, maps by keys, enumerations by
words, the stream by types.
"""

from protocols import commands, messages
from protocols.cbor import Reader, Writer

FIX = {0: 2, 1: 2517, 2: 5, 5: 312_300_108, 6: 1_214_707_730}
HEAD = [1, 0xDEADBEEF, 10, 12]


def encoded(*items):
    writer = Writer(bytearray(1200))
    for item in items:
        writer.value(item)
    assert not writer.full
    return bytes(writer.buf[: writer.n])


def longer(items, *more):
    return items + list(more)


def grown(item, more):
    result = dict(item)
    result.update(more)
    return result


def test_new_keys_are_counted_and_the_rest_of_the_record_stands():
    for more, count in (
        ({}, 0),
        ({99: 1}, 1),
        ({99: [1, {2: 3}], 100: "x", 4_000_000_000: None}, 3),
        ({"word": 1, -1: 2}, 2),
    ):
        kind, _, values, unknown = messages.check_record(grown(FIX, more))
        assert (kind, unknown) == (messages.FIX, count)
        assert values == {"lat_e7": 312_300_108, "lon_e7": 1_214_707_730}


def test_a_new_word_is_nobodys_and_counted():
    kind, _, values, unknown = messages.check_record(grown(FIX, {15: 33, 16: 77}))
    assert (kind, unknown) == (messages.FIX, 2)
    assert values["source"] is None and values["datum"] is None
    # Also where the field must be there: the record is of use without it.
    order = {0: 6, 1: 1, 2: 1, 5: "A1", 6: 40}
    assert messages.check_record(order)[2:] == ({"order": "A1", "state": None}, 1)


def test_a_new_type_is_named_and_the_next_record_is_read():
    frame = encoded(HEAD, FIX, {0: 77, 1: 2517, 2: 5, 5: "new"}, FIX)
    reader = Reader(frame)
    assert messages.read_frame_head(reader) == (0xDEADBEEF, 10, 12)
    kinds = []
    while reader.more():
        kinds.append(messages.check_record(reader.read())[:2])
    assert [kind for kind, _ in kinds] == [2, None, 2]
    assert kinds[1][1] == "type"


def test_a_head_may_grow_at_its_end():
    for more in ([7], ["x", None], [b"", True, [1, 2], -5]):
        reader = Reader(encoded(longer(HEAD, *more), FIX))
        assert messages.read_grown_head(reader) == (0xDEADBEEF, 10, 12, len(more))
        assert messages.check_record(reader.read())[0] == messages.FIX
        assert messages.read_frame_head(Reader(encoded(longer(HEAD, *more)))) == (
            0xDEADBEEF,
            10,
            12,
        )


def test_a_head_with_a_damaged_count_does_not_swallow_a_record():
    # Each later record would get its neighbour's number, and be thrown away as a repeat one day.
    frame = bytearray(encoded(HEAD, FIX, FIX, FIX))
    for count in (5, 6, 7):
        frame[0] = 0x80 | count
        assert messages.read_frame_head(Reader(bytes(frame))) is None
    frame[0] = 0x83
    assert messages.read_frame_head(Reader(bytes(frame))) is None


def test_a_row_may_grow_at_its_end():
    hello = {0: 32, 1: 1, 2: 1, 5: [[1, 0, 2, 3, 9], [4, 1, 5, 6]], 6: 7}
    kind, _, values, unknown = messages.check_record(hello)
    assert (kind, unknown) == (messages.HELLO, 1)
    assert values["logs"] == [[1, 0, 2, 3], [4, 1, 5, 6]]
    assert hello[5][0] == [1, 0, 2, 3, 9]  # what was checked is as it was


def test_an_ack_may_grow_at_its_end():
    assert messages.read_ack(encoded([1, 4711, 9, 5, "x"])) == (4711, 9)
    assert messages.read_ack(encoded([1, 4711, 9, {}])) is None
    assert messages.read_ack(encoded([1, 4711, 9], 5)) is None


def test_a_command_may_grow_but_is_never_half_understood():
    good = [1, "c-1", 2517, 5, 2, {0: "A1"}]
    want = ("c-1", 2517, 5, commands.CANCEL, {"order": "A1"})
    assert commands.read_command(encoded(good)) == want
    assert commands.read_command(encoded(longer(good, 7, "x"))) == want
    assert commands.read_command(encoded(longer(good[:5], {0: "A1", 50: 1}))) == want
    for wrong, why in (
        ([1, "c-1", 2517, 5, 99, {0: "A1"}], "type"),
        ([2, "c-1", 2517, 5, 2, {0: "A1"}], "version"),
        ([True, "c-1", 2517, 5, 2, {0: "A1"}], "version"),
        ([1, "c-1", 2517, 5, 2], "shape"),
        ([1, "c-1", 2517, 5, 2, {50: "A1"}], "missing:order"),
        ([1, "", 2517, 5, 2, {0: "A1"}], "id"),
        ([1, "c-1", -1, 5, 2, {0: "A1"}], "expiry"),
    ):
        assert commands.read_command(encoded(wrong)) == (None, why, 0, 0, None), wrong
    assert commands.read_command(encoded(good, 1))[:2] == (None, "trailing")


def test_another_version_is_refused_whole():
    for version in (0, 2, 255, -1, True, "1", None):
        assert messages.read_frame_head(Reader(encoded(longer([version], *HEAD[1:]), FIX))) is None
        assert messages.read_ack(encoded([version, 4711, 9])) is None


def test_true_is_not_the_key_one():
    # True equals 1 in a dict: as a key it could pass for the field of that number.
    reader = Reader(b"\xa1\xf5\x02")
    assert reader.read() is None and reader.error == "key"
