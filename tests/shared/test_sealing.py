"""Sensitive fields: the bytes of DESIGN section 5, opened in their own place and nowhere else."""

from mutate import Chance, damaged, rounds
from refusal import refused

from protocols.cbor import Reader, Writer
from protocols.sealing import (
    DATA_MAX_BYTES,
    ENC_SM4_CCM,
    Sealer,
    field_cipher,
    field_key,
    open_field,
    seal_field,
)

DEVICE_KEY = bytes(range(32))
LOG, SEQ, FIELD = 0x89ABCDEF, 0xFFFFFFFE, 17
TEXT = b"13800138000"


def sealed_here():
    return seal_field(field_cipher(DEVICE_KEY, LOG), 3, "rider-7", LOG, SEQ, FIELD, TEXT)


def test_the_bytes():
    # Worked out with OpenSSL's HMAC-SM3 and SM4 in tests/protocols.
    assert field_key(DEVICE_KEY, LOG) == bytes.fromhex("c8c39228a2f7b8faeb52643725fe6ff4")
    sealed = sealed_here()
    assert sorted(sealed) == ["c", "enc", "kid", "n"]
    assert sealed["enc"] == ENC_SM4_CCM == 1
    assert sealed["kid"] == 3
    assert sealed["n"] == bytes.fromhex("89abcdeffffffffe00000011")
    assert sealed["c"] == bytes.fromhex("713868e879696e53050b959335511ed795b9581d1710fee1e8075f")


def test_it_opens_after_the_wire():
    writer = Writer(bytearray(128))
    writer.value(sealed_here())
    assert not writer.full
    got = Reader(bytes(writer.buf[: writer.n])).read()
    assert open_field(field_cipher(DEVICE_KEY, LOG), "rider-7", LOG, SEQ, FIELD, got) == TEXT


def test_it_opens_nowhere_else():
    sealed = sealed_here()
    cipher = field_cipher(DEVICE_KEY, LOG)
    assert open_field(cipher, "rider-7", LOG, SEQ, FIELD, sealed) == TEXT
    assert open_field(cipher, "rider-8", LOG, SEQ, FIELD, sealed) is None
    assert open_field(cipher, "rider-7", LOG - 1, SEQ, FIELD, sealed) is None
    assert open_field(cipher, "rider-7", LOG, SEQ + 1, FIELD, sealed) is None
    assert open_field(cipher, "rider-7", LOG, SEQ, FIELD + 1, sealed) is None
    assert open_field(field_cipher(DEVICE_KEY, LOG - 1), "rider-7", LOG, SEQ, FIELD, sealed) is None
    assert open_field(field_cipher(bytes(32), LOG), "rider-7", LOG, SEQ, FIELD, sealed) is None
    # Moved to another place, nonce and all: the place is the reader's, not the map's.
    moved = dict(sealed)
    moved["n"] = bytes.fromhex("89abcdef00000001") + sealed["n"][8:]
    assert open_field(cipher, "rider-7", LOG, 1, FIELD, moved) is None


def test_maps_that_nobody_sealed():
    cipher = field_cipher(DEVICE_KEY, LOG)
    good = sealed_here()
    for bad in (None, 0, "x", b"", [], {}, {"enc": 1}, {"enc": 1, "n": good["n"]}):
        assert open_field(cipher, "rider-7", LOG, SEQ, FIELD, bad) is None
    for key, value in (
        ("enc", 2),
        ("enc", None),
        ("enc", "1"),
        ("n", None),
        ("n", b""),
        ("n", good["n"] + b"\x00"),
        ("c", None),
        ("c", 7),
        ("c", "text"),
        ("c", b""),
        ("c", good["c"][:15]),
        ("c", good["c"][:-1]),
        ("c", bytes(DATA_MAX_BYTES + 17)),
    ):
        bad = dict(good)
        bad[key] = value
        assert open_field(cipher, "rider-7", LOG, SEQ, FIELD, bad) is None, key
    # Longer than any field: refused before a byte of it is worked on, though its tag is right.
    bad = dict(good)
    bad["c"] = cipher.seal(good["n"], bytes(DATA_MAX_BYTES + 1), b"rider-7")
    assert open_field(cipher, "rider-7", LOG, SEQ, FIELD, bad) is None
    for log, seq, field in ((0, 1, 1), (-1, 1, 1), (2**32, 1, 1), (1, 2**32, 1), (1, 1, -1)):
        assert open_field(cipher, "rider-7", log, seq, field, good) is None


def test_numbers_outside_are_refused():
    cipher = field_cipher(DEVICE_KEY, LOG)
    for given in (
        (3, "rider-7", 0, 1, 1, TEXT),
        (3, "rider-7", 2**32, 1, 1, TEXT),
        (3, "rider-7", LOG, -1, 1, TEXT),
        (3, "rider-7", LOG, 2**32, 1, TEXT),
        (3, "rider-7", LOG, 1, -1, TEXT),
        (3, "rider-7", LOG, 1, 2**32, TEXT),
        (-1, "rider-7", LOG, 1, 1, TEXT),
        (65536, "rider-7", LOG, 1, 1, TEXT),
        (3, "", LOG, 1, 1, TEXT),
        (3, "a/b", LOG, 1, 1, TEXT),
        (3, "rider-7", LOG, 1, 1, bytes(DATA_MAX_BYTES + 1)),
    ):
        assert refused(seal_field, cipher, *given), given
    assert refused(field_key, bytes(15), LOG)
    assert refused(field_key, DEVICE_KEY, 0)
    assert refused(field_key, DEVICE_KEY, 2**32)


def test_the_edges_of_the_ranges_work():
    for log, seq, field, size in ((1, 0, 0, 0), (2**32 - 1, 2**32 - 1, 2**32 - 1, DATA_MAX_BYTES)):
        cipher = field_cipher(DEVICE_KEY, log)
        sealed = seal_field(cipher, 0, "r", log, seq, field, bytes(size))
        assert open_field(cipher, "r", log, seq, field, sealed) == bytes(size)


def test_no_two_places_share_key_and_nonce():
    seen = set()
    for log in (1, 2, 256, 65536, 2**31):
        for seq in (0, 1, 255, 256, 2**31):
            for field in (0, 1, 255, 256):
                cipher = field_cipher(DEVICE_KEY, log)
                sealed = seal_field(cipher, 3, "rider-7", log, seq, field, TEXT)
                seen.add((field_key(DEVICE_KEY, log), sealed["n"]))
    assert len(seen) == 5 * 5 * 4


def test_a_sealer_never_goes_back():
    sealer = Sealer(DEVICE_KEY, 3, "rider-7", LOG)
    assert sealer.seal(SEQ - 2, FIELD, TEXT)["n"] != sealer.seal(SEQ - 2, FIELD + 1, TEXT)["n"]
    assert refused(sealer.seal, SEQ - 2, FIELD, TEXT)
    assert refused(sealer.seal, SEQ - 2, FIELD + 1, b"other")
    assert refused(sealer.seal, SEQ - 3, FIELD, TEXT)
    assert refused(sealer.seal, SEQ, 2**32, TEXT)  # a refusal uses up no place
    assert sealer.seal(SEQ, FIELD, TEXT) == sealed_here()
    assert sealer.seal(SEQ, FIELD + 1, TEXT)["c"]  # a new record, all its fields are free
    assert refused(sealer.seal, SEQ, FIELD, TEXT)
    assert refused(sealer.seal, SEQ - 1, FIELD, TEXT)


def test_fuzz_a_damaged_map_never_opens():
    chance = Chance("sealing")
    writer = Writer(bytearray(128))
    good = sealed_here()
    writer.value(good)
    wire = bytes(writer.buf[: writer.n])
    cipher = field_cipher(DEVICE_KEY, LOG)
    for _ in range(rounds(10_000)):
        got = Reader(damaged(wire, chance)).read()
        text = open_field(cipher, "rider-7", LOG, SEQ, FIELD, got)
        # `kid` only chooses the key, and what follows the map is not read.
        assert text is None or (text == TEXT and got["c"] == good["c"]), got
