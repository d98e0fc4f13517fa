"""The ciphers and the hash: time and heap per block on the interpreters of a board, beside OpenSSL.

`make bench`. Figures of one run on one machine; the ratios are what counts. The heap goal is 0 B per
block on both builds; the speed goal is machine code at least ten times faster than bytecode.
"""

import hashlib
import time
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from interpreters import UNIX, WASM, said_by

from protocols.aes import Aes
from protocols.aes_pure import PureAes
from protocols.ccm import Ccm
from protocols.sealing import field_cipher
from protocols.sm3 import PureSm3
from protocols.sm4 import PureSm4, Sm4

# Runs on all three interpreters. A line per measurement: name, us, heap bytes (-1: no such count).
MEASURE = """
import gc, time
from protocols.aes import Aes
from protocols.aes_pure import PureAes
from protocols.ccm import Ccm
from protocols.sm3 import PureSm3, hmac
from protocols.sm4 import PureSm4, Sm4
from protocols.sealing import field_cipher

block, many, nonce = bytearray(16), bytearray(16 * 64), bytes(13)

def measure(name, call, given, per, count):
    call(*given)
    best = 1e9
    for _ in range(5):
        start = time.time_ns()
        for _ in range(count):
            call(*given)
        best = min(best, (time.time_ns() - start) / 1000 / count / per)
    heap = -1
    if hasattr(gc, "mem_alloc"):
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        call(*given)
        heap = gc.mem_alloc() - before
        gc.enable()
    print(name, best, heap / per)

def ccm_of(cipher):
    ccm = Ccm(cipher, 4, 13)
    return ccm.open, (nonce, ccm.seal(nonce, bytes(12)))

key = bytes(16)
measure("sm4", Sm4(key).encrypt, (many, many), 64, {count})
measure("sm4-bytecode", PureSm4(key).encrypt, (many, many), 64, {count})
measure("sm4-one-block", Sm4(key).encrypt, (block, block), 1, {count} * 20)
measure("aes", Aes(key).encrypt, (many, many), 64, {count})
measure("aes-bytecode", PureAes(key).encrypt, (many, many), 64, {count})
measure("sm3-bytecode", PureSm3().update, (bytes(64 * 16),), 16, {count})
measure("bthome-open", *ccm_of(Aes(key)), 1, {count} * 5)
ccm = Ccm(Sm4(key), 16, 12)
measure("field-64B-seal", ccm.seal, (bytes(12), bytes(64), b"rider-7"), 1, {count} * 5)
measure("field-cipher", field_cipher, (bytes(32), 7), 1, {count})
"""


def on_unix(tmp_path: Path) -> dict[str, tuple[float, float]]:
    return read(said_by(UNIX, MEASURE.format(count=40), tmp_path, "4m"))


def on_32_bit(tmp_path: Path) -> dict[str, tuple[float, float]]:
    return read(said_by(WASM, MEASURE.format(count=20), tmp_path))


def read(said: str) -> dict[str, tuple[float, float]]:
    rows = [line.split() for line in said.splitlines() if line.strip()]
    return {name: (float(us), float(heap)) for name, us, heap in rows}


def best_us(call, per: int, count: int) -> float:
    """The fastest of five runs, in us per unit."""
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(count):
            call()
        best = min(best, (time.perf_counter() - start) / count / per)
    return 1e6 * best


def here() -> dict[str, tuple[float, float]]:
    """The same on CPython; 'peer-*' are OpenSSL's own, through cryptography and hashlib."""
    key, nonce, many = bytes(16), bytes(13), bytearray(16 * 64)
    peer_sm4 = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()
    peer_aes = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    peer_ccm = AESCCM(key, 4)
    sealed = peer_ccm.encrypt(nonce, bytes(12), None)
    sm4, pure_sm4, aes, pure_aes = Sm4(key), PureSm4(key), Aes(key), PureAes(key)
    advert, field = Ccm(aes, 4, 13), Ccm(sm4, 16, 12)
    rows = {
        "sm4": (lambda: sm4.encrypt(many, many), 64, 500),
        "sm4-bytecode": (lambda: pure_sm4.encrypt(many, many), 64, 10),
        "aes": (lambda: aes.encrypt(many, many), 64, 500),
        "aes-bytecode": (lambda: pure_aes.encrypt(many, many), 64, 10),
        "sm3-bytecode": (lambda: PureSm3(bytes(64 * 16)), 16, 10),
        "bthome-open": (lambda: advert.open(nonce, sealed), 1, 5000),
        "field-64B-seal": (lambda: field.seal(bytes(12), bytes(64), b"rider-7"), 1, 2000),
        "field-cipher": (lambda: field_cipher(bytes(32), 7), 1, 500),
        "peer-sm4": (lambda: peer_sm4.update(many), 64, 5000),
        "peer-aes": (lambda: peer_aes.update(many), 64, 5000),
        "peer-sm3": (lambda: hashlib.new("sm3", bytes(64 * 16)), 16, 5000),
        "peer-aes-ccm": (lambda: peer_ccm.decrypt(nonce, sealed, None), 1, 5000),
    }
    return {name: (best_us(*row), -1) for name, row in rows.items()}


def test_crypto(tmp_path):
    unix, small, cpython = on_unix(tmp_path), on_32_bit(tmp_path), here()
    print(f"\n  {'us, and heap bytes':18}{'unix 64-bit':>22}{'32-bit build':>22}{'CPython':>12}")
    for name in [*unix, *(each for each in cpython if each not in unix)]:
        line = f"  {name:18}"
        for table in (unix, small):
            us, heap = table.get(name, (None, None))
            line += f"{us:13.2f} {heap:6.0f} B" if us is not None else f"{'':22}"
        line += f"{cpython[name][0]:12.2f}" if name in cpython else ""
        print(line)
    viper, bytecode = unix["sm4"][0], unix["sm4-bytecode"][0]
    print(f"  SM4 on the unix port: machine code {bytecode / viper:.1f} times bytecode (goal 10)")
    print(f"  SM4 in machine code: {16 / viper:.1f} MB/s; bytecode {1000 * 16 / bytecode:.0f} kB/s")
    print(f"  SM4 through OpenSSL (CPython): {16 / cpython['peer-sm4'][0]:.1f} MB/s")
    for table in (unix, small):
        for name in ("sm4", "sm4-bytecode", "sm4-one-block", "aes", "aes-bytecode", "sm3-bytecode"):
            assert table[name][1] == 0, f"{name}: {table[name][1]} B of heap per block"
