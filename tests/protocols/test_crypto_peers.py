"""Our cryptography beside independent ones, on random input: cryptography's OpenSSL and hashlib's.

The seed is printed; FUZZ_SEED pins it, O2O_FUZZ sets the number of rounds.
"""

import hashlib
import hmac as library_hmac
import subprocess
import sys

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from mutate import Chance, damaged, rounds

from protocols.aes import Aes
from protocols.aes_pure import PureAes
from protocols.ccm import Ccm
from protocols.sealing import field_cipher, field_key, open_field, seal_field
from protocols.sm3 import PureSm3, Sm3, hmac
from protocols.sm4 import PureSm4, Sm4
from tools.parts.place import ROOT


class Blocks:
    """A cipher that offers its blocks alone, so that our CCM runs and not the library's."""

    def __init__(self, cipher):
        self.encrypt = cipher.encrypt


def openssl(algorithm, mode=None):
    return Cipher(algorithm, mode or modes.ECB()).encryptor()


def test_fuzz_blocks():
    chance = Chance("blocks beside OpenSSL")
    for _ in range(rounds(10_000)):
        key, data = chance.bytes(16), chance.bytes(16 * (1 + chance.below(3)))
        out = bytearray(len(data))
        for ours, theirs in ((PureSm4, algorithms.SM4), (PureAes, algorithms.AES)):
            ours(key).encrypt(data, out)
            assert bytes(out) == openssl(theirs(key)).update(data), (ours, key, data)


def test_fuzz_aes_ccm_every_nonce_and_tag_size():
    chance = Chance("AES-CCM beside OpenSSL")
    seen = set()
    for _ in range(rounds(10_000)):
        key, nonce = chance.bytes(16), chance.bytes(7 + chance.below(7))
        tag_size = 4 + 2 * chance.below(7)
        text, aad = chance.bytes(chance.below(70)), chance.bytes(chance.below(40))
        seen.add((len(nonce), tag_size))
        wanted = AESCCM(key, tag_size).encrypt(nonce, text, aad)
        for cipher in (Blocks(Aes(key)), Aes(key)):
            ccm = Ccm(cipher, tag_size, len(nonce))
            assert ccm.seal(nonce, text, aad) == wanted, (key, nonce, tag_size, text, aad)
            assert ccm.open(nonce, wanted, aad) == text, (key, nonce, tag_size, text, aad)
    assert len(seen) == 7 * 7


def test_aes_ccm_where_the_aads_length_changes_its_form():
    chance = Chance("AES-CCM, long aad")
    key, nonce = chance.bytes(16), chance.bytes(13)
    for size in (*range(13, 17), 0xFEFE, 0xFEFF, 0xFF00, 0xFF01, 0xFFFF, 0x10000, 70_000):
        aad = chance.bytes(size)
        wanted = AESCCM(key, 8).encrypt(nonce, b"text", aad)
        ccm = Ccm(Blocks(Aes(key)), 8, 13)
        assert ccm.seal(nonce, b"text", aad) == wanted, size
        assert ccm.open(nonce, wanted, aad) == b"text", size


def test_the_longest_text_of_a_13_byte_nonce():
    text = bytes(65_535)
    for cipher in (Blocks(Aes(bytes(16))), Aes(bytes(16))):
        ccm = Ccm(cipher, 4, 13)
        sealed = ccm.seal(bytes(13), text)
        assert sealed == AESCCM(bytes(16), 4).encrypt(bytes(13), text, None)
        assert ccm.open(bytes(13), sealed) == text


def sm4_ccm(key, nonce, text, aad):
    """SM4-CCM (tag 16) put together anew from OpenSSL's CBC and CTR modes: SP 800-38C, 6.1."""
    q = 15 - len(nonce)
    first = bytes([(0x40 if aad else 0) | 7 << 3 | q - 1]) + nonce + len(text).to_bytes(q, "big")
    if aad:
        first += len(aad).to_bytes(2, "big") + aad
        first += bytes(-len(first) % 16)
    blocks = first + text + bytes(-len(text) % 16)
    mac = openssl(algorithms.SM4(key), modes.CBC(bytes(16))).update(blocks)[-16:]
    counter = bytes([q - 1]) + nonce + bytes(q)
    hidden = openssl(algorithms.SM4(key), modes.CTR(counter)).update(mac + text)
    return hidden[16:] + hidden[:16]


def test_fuzz_sm4_ccm():
    chance = Chance("SM4-CCM beside OpenSSL's CBC and CTR")
    for i in range(rounds(10_000)):
        key, nonce = chance.bytes(16), chance.bytes(12)
        text, aad = chance.bytes(chance.below(70)), chance.bytes(chance.below(40))
        cipher = PureSm4(key) if i % 5 == 0 else Sm4(key)
        assert Ccm(cipher, 16, 12).seal(nonce, text, aad) == sm4_ccm(key, nonce, text, aad)


def test_fuzz_sealed_fields():
    chance = Chance("sealed fields beside OpenSSL")
    for _ in range(rounds(2000)):
        device_key, device = chance.bytes(32), f"rider-{chance.below(1000)}"
        log, seq, field = 1 + chance.below(2**32 - 1), chance.below(2**32), chance.below(64)
        text = chance.bytes(chance.below(64))
        log_bytes, seq_bytes = log.to_bytes(4, "big"), seq.to_bytes(4, "big")
        key = library_hmac.new(device_key, b"o2o/field/v1" + log_bytes, "sm3").digest()[:16]
        assert field_key(device_key, log) == key
        cipher = field_cipher(device_key, log)
        sealed = seal_field(cipher, 1, device, log, seq, field, text)
        nonce = log_bytes + seq_bytes + field.to_bytes(4, "big")
        assert sealed == {
            "enc": 1,
            "kid": 1,
            "n": nonce,
            "c": sm4_ccm(key, nonce, text, device.encode()),
        }
        assert open_field(cipher, device, log, seq, field, sealed) == text


def test_fuzz_damaged_bytes_never_open():
    chance = Chance("damaged CCM")
    nonce, text = chance.bytes(12), chance.bytes(40)
    for cipher in (Aes(bytes(16)), Blocks(Aes(bytes(16))), Sm4(bytes(16))):
        ccm = Ccm(cipher, 16, 12)
        sealed = ccm.seal(nonce, text, b"rider-7")
        for _ in range(rounds(10_000)):
            other = damaged(sealed, chance)
            assert (ccm.open(nonce, other, b"rider-7") is None) == (other != sealed), other


def test_fuzz_sm3_and_its_hmac():
    chance = Chance("SM3 beside hashlib")
    for i in range(rounds(10_000)):
        data = chance.bytes(chance.below(70 if i % 10 else 1000))
        wanted = hashlib.new("sm3", data).digest()
        assert Sm3(data).digest() == wanted
        if i % 10 == 0:
            assert PureSm3(data).digest() == wanted, data
            key = chance.bytes(chance.below(100))
            assert hmac(key, data, PureSm3) == library_hmac.new(key, data, "sm3").digest()
            assert hmac(key, data, hashlib.sha256) == library_hmac.digest(key, data, "sha256")


def test_sm3_of_a_million_bytes():
    data = b"a" * 1_000_000
    assert PureSm3(data).digest() == hashlib.new("sm3", data).digest()


def test_the_second_published_million():
    # draft-ribose-cfrg-sm4-10, A.1.6: the second example, a million times.
    cipher, block = Sm4(bytes.fromhex("fedcba98765432100123456789abcdef")), bytearray(range(16))
    for _ in range(1_000_000):
        cipher.encrypt(block, block)
    assert block.hex() == "379a96d0a6a5a5060fb460c75d1879ed"


def test_without_the_library_ours_takes_over_and_machine_code_is_never_imported():
    code = """if True:
        import sys
        sys.path.insert(0, {root!r})
        sys.modules["cryptography"] = None
        import hashlib
        def unknown(name, data=b""):
            raise ValueError(name)
        hashlib.new = unknown
        from protocols import sm4, sm3, aes
        from protocols.ccm import Ccm
        key = bytes.fromhex("0123456789abcdeffedcba9876543210")
        block = bytearray(key)
        sm4.Sm4(key).encrypt(block, block)
        print(sm4.Sm4.engine, block.hex(), sm3.sm3(b"abc").hex())
        print(Ccm(aes.Aes(bytes(16)), 4, 13).seal(bytes(13), b"text").hex())
        print("protocols.sm4_viper" in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", code.format(root=str(ROOT))],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == [
        "bytecode",
        "681edf34d206965e86b3e94f536e4246",
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
        AESCCM(bytes(16), 4).encrypt(bytes(13), b"text", None).hex(),
        "False",
    ]
