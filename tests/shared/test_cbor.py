"""CBOR: the bytes of RFC 8949's own examples, and no exception on anything else."""

from protocols.cbor import Reader, Writer


def written(put):
    writer = Writer(bytearray(256))
    put(writer)
    assert not writer.full
    return bytes(writer.buf[: writer.n])


# RFC 8949, appendix A, as far as our subset goes.
EXAMPLES = (
    (0, "00"),
    (1, "01"),
    (10, "0a"),
    (23, "17"),
    (24, "1818"),
    (25, "1819"),
    (100, "1864"),
    (1000, "1903e8"),
    (1000000, "1a000f4240"),
    (1000000000000, "1b000000e8d4a51000"),
    (-1, "20"),
    (-10, "29"),
    (-100, "3863"),
    (-1000, "3903e7"),
    (False, "f4"),
    (True, "f5"),
    (None, "f6"),
    (b"", "40"),
    (b"\x01\x02\x03\x04", "4401020304"),
    ("", "60"),
    ("IETF", "6449455446"),
    ("\u00fc", "62c3bc"),
    ("\u6c34", "63e6b0b4"),
    ([], "80"),
    ([1, 2, 3], "83010203"),
    ([1, [2, 3], [4, 5]], "8301820203820405"),
    ({}, "a0"),
    ({1: 2}, "a10102"),
)


def test_the_rfcs_examples_both_ways():
    for value, text in EXAMPLES:
        data = written(lambda w, v=value: w.value(v))
        assert data == bytes.fromhex(text), value
        reader = Reader(data)
        back = reader.read()
        assert back == value and type(back) is type(value)
        assert reader.error is None and not reader.more()


def test_a_map_keeps_its_pairs():
    # MicroPython's dict has no order, so only the pairs can be compared.
    value = {1: 2, -3: "x", "k": [1]}
    assert Reader(written(lambda w: w.value(value))).read() == value


def test_a_position_in_two_parts_is_the_same_integer():
    for degrees, fraction in (
        (0, 0),
        (0, 1),
        (0, -1),
        (31, 2304180),
        (121, 4737010),
        (-122, -3263937),
        (180, 0),
        (-180, 0),
        (107, 3741823),
        (107, 3741824),
        (-107, -3741823),
        (-107, -3741824),
        (-107, -3741825),
        (90, 9999999),
    ):
        whole = degrees * 10_000_000 + fraction
        data = written(lambda w, d=degrees, f=fraction: w.e7(d, f))
        assert data == written(lambda w, v=whole: w.integer(v)), whole
        assert Reader(data).read() == whole


def test_what_does_not_fit_is_not_half_written():
    writer = Writer(bytearray(4))
    writer.integer(1)
    writer.octets(b"12345")
    assert writer.full
    assert writer.n == 1
    writer.integer(1)
    assert writer.n == 1
    writer.reset()
    writer.integer(7)
    assert not writer.full and writer.n == 1


def test_a_type_outside_the_subset_is_refused():
    writer = Writer(bytearray(16))
    writer.value(1.5)
    assert writer.full and writer.n == 0


BAD = (
    ("", "truncated"),
    ("18", "truncated"),
    ("1903", "truncated"),
    ("4401", "truncated"),
    ("8201", "truncated"),
    ("a101", "truncated"),
    ("9b00ffffffffffffff", "truncated"),
    ("bb00ffffffffffffff", "truncated"),
    ("5bffffffffffffffff", "truncated"),
    ("fa47c35000", "unsupported"),
    ("f97c00", "unsupported"),
    ("c074", "unsupported"),
    ("9fff", "unsupported"),
    ("5f", "unsupported"),
    ("1c", "unsupported"),
    ("f7", "unsupported"),
    ("62c328", "utf8"),
    ("a2010201 03".replace(" ", ""), "key"),
    ("a1400 1".replace(" ", ""), "key"),
    ("81818181818181818100", "depth"),
)


def test_bad_bytes_get_a_reason_and_no_exception():
    for text, why in BAD:
        reader = Reader(bytes.fromhex(text))
        assert reader.read() is None
        assert reader.error == why, text
        assert reader.read() is None and not reader.more()


def test_any_bytes_at_all():
    # A small generator of our own: the same stream under both interpreters.
    state = 12345
    for _ in range(3000):
        data = bytearray()
        state = (state * 1103515245 + 12345) & 0x3FFFFFFF
        for _ in range(state % 24):
            state = (state * 1103515245 + 12345) & 0x3FFFFFFF
            data.append(state >> 8 & 255)
        reader = Reader(bytes(data))
        while reader.more():
            reader.read()
        assert reader.pos <= len(data)
