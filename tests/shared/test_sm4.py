"""SM4 against GB/T 32907-2016's examples and OpenSSL's answers, on every interpreter."""

import gc
import sys

from mutate import Chance, rounds
from refusal import refused

from protocols.sm4 import PureSm4, Sm4

KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")
# key, block, encrypted
PUBLISHED = (
    # GB/T 32907-2016, A.1
    (
        "0123456789abcdeffedcba9876543210",
        "0123456789abcdeffedcba9876543210",
        "681edf34d206965e86b3e94f536e4246",
    ),
    # draft-ribose-cfrg-sm4-10, A.1.4 (and GmSSL): the second example
    (
        "fedcba98765432100123456789abcdef",
        "000102030405060708090a0b0c0d0e0f",
        "f766678f13f01adeac1b3ea955adb594",
    ),
)
# Every bit, the high bit of every word, of every byte, all but those: where a 32-bit word would wrap.
# The answers are OpenSSL's.
ZERO, ONES, HIGH = "00000000" * 4, "ffffffff" * 4, "80000000" * 4
WRAPPING = (
    (ZERO, ZERO, "9f1f7bff6f5511384d9430531e538fd3"),
    (ZERO, ONES, "61eb6915e56e4e80b5048d06ac8fe3a9"),
    (ZERO, HIGH, "a120449bc4b7573f3ba31b2f6c25360f"),
    (ONES, ZERO, "e28f2c531ed6183dd16487c1614710e6"),
    (ONES, ONES, "edb119f8455fd2327ad6fbedcb5b4f5d"),
    (ONES, HIGH, "17bb8f58eb7627d426ae5d0b81858737"),
    ("80808080" * 4, ZERO, "225cf594c18a89c9ae6f158ba4bf08b8"),
    ("80808080" * 4, ONES, "8bad1aeb4b7cfb67431b6bd8ae3ba4e6"),
    ("80808080" * 4, HIGH, "4a77fc3956f157ea3541288dc44efa8d"),
    ("7f7f7f7f" * 4, ZERO, "34471fe2c50e9ef45f2c78fd04da50a3"),
    ("7f7f7f7f" * 4, ONES, "50e7f1ef2a30d291e1833fff16632cda"),
    ("7f7f7f7f" * 4, HIGH, "9a2ed85765fbde4c31785af8ca20c9e7"),
    (HIGH, ZERO, "c0770d97e443d7964ebc3af177e10b6e"),
    (HIGH, ONES, "1ab6e7b3682e3155632037b569afb43e"),
    (HIGH, HIGH, "54d2226c9148deb18acf2ab274b320ff"),
)


def encrypted(kind, key, block):
    out = bytearray(len(block))
    kind(key).encrypt(block, out)
    return bytes(out)


def again_and_again(cipher, block, times):
    block = bytearray(block)
    for _ in range(times):
        cipher.encrypt(block, block)
    return bytes(block)


def test_published_and_wrapping_blocks():
    for key, block, wanted in PUBLISHED + WRAPPING:
        for kind in (Sm4, PureSm4):
            got = encrypted(kind, bytes.fromhex(key), bytes.fromhex(block))
            assert got == bytes.fromhex(wanted), (kind, key, block)


def test_the_standards_many_rounds():
    # A.2: a million times by the engine that is there; bytecode alone, a thousand (OpenSSL's answer).
    thousand = bytes.fromhex("d735e91cc5689cf312bcc1efb740e813")
    million = bytes.fromhex("595298c7c6fd271f0402f804c33d3f66")
    assert again_and_again(PureSm4(KEY), KEY, 1000) == thousand
    bytecode = Sm4.engine == "bytecode"
    times = 1000 if bytecode else 1_000_000
    assert again_and_again(Sm4(KEY), KEY, times) == (thousand if bytecode else million)


def test_every_interpreter_has_the_engine_it_should():
    if sys.implementation.name == "cpython":
        assert Sm4.engine == "openssl"
    elif sys.platform == "webassembly":
        assert Sm4.engine == "bytecode"  # that build knows no machine code
    else:
        assert Sm4.engine == "viper"


def test_every_single_bit_of_key_and_block_agrees():
    for bit in range(128):
        one = bytearray(16)
        one[bit >> 3] = 0x80 >> (bit & 7)
        one = bytes(one)
        assert encrypted(Sm4, one, KEY) == encrypted(PureSm4, one, KEY), bit
        assert encrypted(Sm4, KEY, one) == encrypted(PureSm4, KEY, one), bit


def test_fuzz_both_agree_on_random_keys_and_blocks():
    chance = Chance("sm4")
    for _ in range(rounds(2000)):
        key, block = chance.bytes(16), chance.bytes(16)
        assert encrypted(Sm4, key, block) == encrypted(PureSm4, key, block), (key, block)


def test_many_blocks_in_place_and_into_a_window():
    data = bytes(range(48))
    for kind in (Sm4, PureSm4):
        wanted = b"".join([encrypted(kind, KEY, data[i : i + 16]) for i in (0, 16, 32)])
        same = bytearray(data)
        kind(KEY).encrypt(same, same)
        assert bytes(same) == wanted
        window = bytearray(b"\xaa" * 64)
        kind(KEY).encrypt(memoryview(data), memoryview(window)[8:56])
        assert bytes(window) == b"\xaa" * 8 + wanted + b"\xaa" * 8
        kind(KEY).encrypt(b"", bytearray())


def test_wrong_sizes_are_refused_and_touch_nothing():
    for kind in (Sm4, PureSm4):
        for size in (0, 15, 17, 32):
            assert refused(kind, bytes(size)), size
        for size, room in ((15, 15), (16, 32), (32, 16), (1, 16), (16, 0)):
            out = bytearray(b"\x55" * room)
            assert refused(kind(KEY).encrypt, bytes(size), out), (size, room)
            assert out == b"\x55" * room


def test_a_block_takes_no_heap():
    # MicroPython counts every allocation while the collector is off; CPython tells what is left over.
    used = gc.mem_alloc if hasattr(gc, "mem_alloc") else sys.getallocatedblocks
    for cipher in (Sm4(KEY), PureSm4(KEY)):
        if hasattr(cipher, "_update") and cipher._update is not None:
            continue  # OpenSSL's returns its result as an object
        block = bytearray(b"\xff" * 64)
        least = 1_000_000
        for _ in range(5):
            gc.collect()
            gc.disable()
            before = used()
            cipher.encrypt(block, block)
            least = min(least, used() - before)
            gc.enable()
        assert least == 0, (cipher, least)
