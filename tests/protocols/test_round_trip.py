"""Whatever hypothesis puts into a record or a command comes back, and cbor2 reads the same bytes.

The strategies are made from the tables: ends of ranges, every word, any Unicode, absent fields.
"""

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import commands, messages
from protocols import fields as wire
from protocols.cbor import Reader, Writer
from protocols.units import DAY_MAX, MS_OF_DAY_MAX, U32_MAX

U32 = st.integers(0, U32_MAX)


def text_of_bytes(lo: int, hi: int):
    """Texts of lo..hi bytes of UTF-8."""
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=hi).filter(
        lambda text: lo <= len(text.encode()) <= hi
    )


def value_of(field):
    _, _, kind, lo, hi = field
    if kind == wire.INT:
        return st.integers(lo, hi) | st.sampled_from([lo, hi])
    if kind == wire.ENUM:
        return st.sampled_from(lo)
    if kind == wire.BYTES:
        return st.binary(min_size=lo, max_size=hi)
    if kind == wire.TEXT:
        return text_of_bytes(lo, hi) | st.sampled_from(["x" * lo, "x" * hi])
    if kind == wire.BOOL:
        return st.booleans()
    return st.lists(st.lists(U32, min_size=lo, max_size=lo), max_size=hi)


def values_of(fields, needed):
    return st.fixed_dictionaries(
        {field[1]: value_of(field) for field in fields if field[1] in needed},
        optional={field[1]: value_of(field) for field in fields if field[1] not in needed},
    )


STAMPS = st.tuples(
    st.just(0), st.just(0), st.integers(0, DAY_MAX), st.integers(0, MS_OF_DAY_MAX)
) | st.tuples(U32, U32, st.just(-1), st.just(0))


def on_the_wire(fields, values):
    """Return the map that `values` must be on the wire."""
    table = {field[1]: field for field in fields}
    return {
        table[name][0]: table[name][3].index(value) if table[name][2] == wire.ENUM else value
        for name, value in values.items()
    }


@pytest.mark.parametrize("kind", sorted(messages.RECORDS))
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_record(kind, data):
    _, _, fields, needed = messages.RECORDS[kind]
    values, stamp = data.draw(values_of(fields, needed)), data.draw(STAMPS)
    writer = Writer(bytearray(4000))
    messages.put_record(writer, kind, stamp, values)
    assert not writer.full
    encoded = bytes(writer.buf[: writer.n])
    boot, tick_ms, day, ms = stamp
    head = {0: kind, 1: day, 2: ms} if day >= 0 else {0: kind, 3: tick_ms, 4: boot}
    item = cbor2.loads(encoded)
    assert item == {**head, **on_the_wire(fields, values)}
    assert cbor2.dumps(item) == encoded
    reader = Reader(encoded)
    assert messages.check_record(reader.read()) == (kind, stamp, values, 0)
    assert not reader.more()


@pytest.mark.parametrize("kind", sorted(commands.COMMANDS))
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_command(kind, data):
    _, _, fields, needed = commands.COMMANDS[kind]
    values = data.draw(values_of(fields, needed))
    name = data.draw(text_of_bytes(1, wire.ID_MAX))
    day, ms = data.draw(st.integers(0, DAY_MAX)), data.draw(st.integers(0, MS_OF_DAY_MAX))
    writer = Writer(bytearray(1000))
    commands.put_command(writer, name, day, ms, kind, values)
    encoded = bytes(writer.buf[: writer.n])
    assert cbor2.loads(encoded) == [1, name, day, ms, kind, on_the_wire(fields, values)]
    assert commands.read_command(encoded) == (name, day, ms, kind, values)


@settings(max_examples=150, deadline=None)
@given(U32, U32, U32)
def test_heads_and_acks(log, oldest, seq):
    writer = Writer(bytearray(40))
    messages.put_frame_head(writer, log, oldest, seq)
    assert cbor2.loads(bytes(writer.buf[: writer.n])) == [1, log, oldest, seq]
    assert messages.read_frame_head(Reader(writer.buf, 0, writer.n)) == (log, oldest, seq)
    writer.reset()
    messages.put_ack(writer, log, seq)
    assert messages.read_ack(bytes(writer.buf[: writer.n])) == (log, seq)


ITEMS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=40)
    | text_of_bytes(0, 40),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.integers(-(2**64), 2**64 - 1) | text_of_bytes(0, 9), inner, max_size=5)
    ),
    max_leaves=20,
)


def depth(item) -> int:
    if isinstance(item, list):
        return 1 + max(map(depth, item), default=0)
    if isinstance(item, dict):
        return 1 + max(map(depth, item.values()), default=0)
    return 0


@settings(max_examples=500, deadline=None)
@given(ITEMS.filter(lambda item: depth(item) <= 6))
def test_any_item_of_the_subset_as_cbor2_has_it(item):
    writer = Writer(bytearray(8000))
    writer.value(item)
    encoded = bytes(writer.buf[: writer.n])
    assert not writer.full
    assert encoded == cbor2.dumps(item)
    reader = Reader(encoded)
    assert reader.read() == item
    assert reader.error is None and reader.pos == len(encoded)


@settings(max_examples=500, deadline=None)
@given(st.integers(-180, 180), st.integers(0, 9_999_999), st.booleans())
def test_a_position_in_two_parts_is_what_cbor2_writes(degrees, fraction, negative):
    sign = -1 if negative or degrees < 0 else 1
    degrees = abs(degrees)
    fraction = 0 if degrees == 180 else fraction
    writer = Writer(bytearray(9))
    writer.e7(sign * degrees, sign * fraction)
    whole = sign * (degrees * 10_000_000 + fraction)
    assert bytes(writer.buf[: writer.n]) == cbor2.dumps(whole)
