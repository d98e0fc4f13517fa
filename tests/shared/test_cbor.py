"""CBOR: the bytes of RFC 8949's own examples, and no exception on anything else."""

from mutate import Chance, damaged, rounds

from protocols.cbor import Reader, Writer, is_utf8


def written(put, room=256):
    writer = Writer(bytearray(room))
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


def an_item(chance, depth):
    """Return an item of the subset, drawn."""
    kind = chance.below(9 if depth else 6)
    if kind == 0:
        return chance.below(24)
    if kind == 1:
        return -1 - chance.below(1 << chance.below(32))
    if kind == 2:
        return (chance.below(0xFFFFFFFF) << 32 | chance.below(0xFFFFFFFF)) >> chance.below(64)
    if kind == 3:
        return chance.bytes(chance.below(30))
    if kind == 4:
        return "\u6c34x\U0001f6b2"[: chance.below(4)]
    if kind == 5:
        return chance.pick((None, True, False))
    if kind == 6:
        return [an_item(chance, depth - 1) for _ in range(chance.below(5))]
    keys = (1, 77, 4_000_000_000, -5, "k", "")
    return {chance.pick(keys): an_item(chance, depth - 1) for _ in range(chance.below(4))}


def test_fuzz_cbor():
    chance = Chance("cbor")
    good = bad = 0
    for _ in range(rounds(1500)):
        item = an_item(chance, 5)
        data = written(lambda w, i=item: w.value(i), 8000)
        assert Reader(data).read() == item
        data = damaged(data, chance) if chance.below(4) else chance.bytes(chance.below(24))
        reader = Reader(data)
        back = reader.read()
        assert 0 <= reader.pos <= len(data)
        if reader.error is None:
            # Whatever it was taken for is written in the one shortest form, and read as the same.
            again = written(lambda w, i=back: w.value(i), 8000)
            assert len(again) <= reader.pos and Reader(again).read() == back
            good += 1
        else:
            assert back is None and not reader.more()
            bad += 1
    assert good and bad
    print("fuzz:", good, "items read,", bad, "refused")


# RFC 3629: forms that a lenient decoder takes, and one board would read where another refuses.
NOT_UTF8 = (
    "c080",  # overlong NUL
    "c1bf",
    "e08080",
    "e09fbf",
    "f0808080",
    "f08fbfbf",
    "eda080",  # surrogates
    "edbfbf",
    "f4908080",  # above U+10FFFF
    "f5808080",
    "ff",
    "80",
    "c3",
    "e6b0",
    "f09f9a",
    "c3c3",
)
UTF8 = ("00", "7f", "c280", "dfbf", "e0a080", "ed9fbf", "ee8080", "f0908080", "f48fbfbf")


def test_text_is_utf8_by_the_letter_on_every_interpreter():
    for text in NOT_UTF8:
        data = bytes.fromhex(text)
        assert not is_utf8(data), text
        reader = Reader(bytes([0x60 + len(data)]) + data)
        assert reader.read() is None and reader.error == "utf8", text
    for text in UTF8:
        data = bytes.fromhex(text)
        assert is_utf8(data), text
        assert Reader(bytes([0x60 + len(data)]) + data).read().encode() == data


def test_a_map_that_cannot_be_whole_is_refused_at_its_head():
    reader = Reader(bytes.fromhex("a3010203"))
    assert reader.read() is None and reader.error == "truncated" and reader.pos == 1
