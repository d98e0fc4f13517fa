"""SM3 against GB/T 32905-2016's examples and OpenSSL's answers, and HMAC over it."""

import gc
import sys

from mutate import Chance, rounds

from protocols.sm3 import PureSm3, Sm3, hmac, sm3

PUBLISHED = (
    # GB/T 32905-2016, A.1 and A.2
    (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
    (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    # OpenSSL
    (b"", "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b"),
    (b"\xff" * 64, "5b8a34626c9d5c569a99c23b3279d13140745a4c7c49dd5c2af7ccbfee324c46"),
    (b"\xff" * 119, "77c229f93bb45492f25de6a62f257a8dfa94d5e205d9f6b96c52c661e3e8f965"),
    (b"\x80\x00\x00\x00" * 32, "0a24eea66f4c05e58d92439d9698fa2d50fc6fa5586e8e4bc888057429c0adb0"),
)
# OpenSSL's HMAC-SM3: key, data, result. Keys below, at and above the block of 64 bytes.
MACS = (
    (b"", b"", "0d23f72ba15e9c189a879aefc70996b06091de6e64d31b7a84004356dd915261"),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882",
    ),
    (b"\x0b" * 20, b"Hi There", "51b00d1fb49832bfb01c3ce27848e59f871d9ba938dc563b338ca964755cce70"),
    (
        b"\xaa" * 64,
        b"\xdd" * 50,
        "490b7bada995134210650f120a39fa92af6f45b67afeee8887e62b146d33a147",
    ),
    (
        b"\xaa" * 65,
        b"\xdd" * 50,
        "977335765f09a73fdbcf090bb65ba738bc6a35d88c95b8a144108017f2291a15",
    ),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "b4fd844e13342002f0b2e0690ea7741f1497d993a70494cea601e657bedf67a0",
    ),
)


def test_published_messages():
    for message, wanted in PUBLISHED:
        for got in (sm3(message), PureSm3(message).digest(), Sm3(message).digest()):
            assert got == bytes.fromhex(wanted), message


def test_every_length_around_the_padding():
    # The hash of the hashes of 0..199 bytes, the same by OpenSSL.
    message = bytes([(7 * i + 3) & 0xFF for i in range(200)])
    for kind in (Sm3, PureSm3):
        whole = kind()
        for size in range(200):
            whole.update(kind(message[:size]).digest())
        assert whole.digest() == bytes.fromhex(
            "d5a45558507f9e3dc1d6e7271c55f2e7f6e812ec8fe5283a8822bd88c9721f4d"
        ), kind


def test_any_split_gives_the_same_and_a_digest_changes_nothing():
    message = bytes(range(256)) * 2
    wanted = sm3(message)
    for kind in (Sm3, PureSm3):
        for step in (1, 7, 55, 63, 64, 65, 200, 512):
            one = kind()
            for at in range(0, len(message), step):
                one.update(memoryview(message)[at : at + step])
                one.digest()
            assert one.digest() == wanted, (kind, step)
            assert one.digest() == wanted, (kind, step)


def test_hmac():
    for key, data, wanted in MACS:
        assert hmac(key, data) == bytes.fromhex(wanted), key
        assert hmac(key, data, PureSm3) == bytes.fromhex(wanted), key
        assert hmac(bytearray(key), memoryview(data)) == bytes.fromhex(wanted), key


def test_hmac_over_another_hash():
    from hashlib import sha256

    # RFC 4231, 4.2, 4.3 and 4.7
    for key, data, wanted in (
        (
            b"\x0b" * 20,
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ):
        assert hmac(key, data, sha256) == bytes.fromhex(wanted), key


def test_fuzz_both_agree_on_random_messages_in_pieces():
    chance = Chance("sm3")
    for _ in range(rounds(2000) // 10):
        message = chance.bytes(chance.below(200))
        one, cut = PureSm3(), chance.below(200)
        one.update(message[:cut])
        one.update(message[cut:])
        assert one.digest() == sm3(message), message


def test_a_block_takes_no_heap():
    # MicroPython counts every allocation while the collector is off; CPython tells what is left over.
    used = gc.mem_alloc if hasattr(gc, "mem_alloc") else sys.getallocatedblocks
    one, block = PureSm3(), b"\xff" * 64
    least = 1_000_000
    for _ in range(5):
        gc.collect()
        gc.disable()
        before = used()
        one.update(block)
        least = min(least, used() - before)
        gc.enable()
    assert least == 0, least
