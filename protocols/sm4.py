"""SM4, the block cipher of GB/T 32907-2016 (GM/T 0002-2012): encryption of whole blocks.

Only the forward direction is here: CCM (protocols/ccm.py) needs no other, and nobody but a mode may
call a bare block cipher.

On CPython the work is done by cryptography, on a board by protocols/sm4_viper.py, and where neither
can be had by the bytecode below. Ours works on halves of 16 bits: a 32-bit board keeps an int above
2^30 on the heap, and SM4 written with 32-bit words left 32.8 kB of garbage per block there (measured
on the 32-bit build). In halves no value passes 2^30 and a block allocates nothing.

The tables are looked up by secret values, so a neighbour on the same processor could time them; a
board has no such neighbour, and the gateway uses cryptography.
"""

from array import array

from protocols.compat import MICROPYTHON

BLOCK_SIZE = 16
KEY_SIZE = 16

_viper_blocks = None
_openssl_sm4 = None
if MICROPYTHON:
    try:
        from protocols.sm4_viper import encrypt_blocks as _viper_blocks
    except (ImportError, SyntaxError, ValueError):
        # A build without machine code (the WebAssembly one: SyntaxError), or code compiled for
        # another processor (ValueError).
        pass
else:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        try:
            Cipher(algorithms.SM4(bytes(16)), modes.ECB()).encryptor()  # noqa: S305
            _openssl_sm4 = algorithms.SM4
        except UnsupportedAlgorithm:  # its OpenSSL was built without SM4
            pass
    except ImportError:  # an install without the gateway's extra
        pass

# GB/T 32907-2016, 6.2, table 1.
_BOX = (
    b"\xd6\x90\xe9\xfe\xcc\xe1\x3d\xb7\x16\xb6\x14\xc2\x28\xfb\x2c\x05"
    b"\x2b\x67\x9a\x76\x2a\xbe\x04\xc3\xaa\x44\x13\x26\x49\x86\x06\x99"
    b"\x9c\x42\x50\xf4\x91\xef\x98\x7a\x33\x54\x0b\x43\xed\xcf\xac\x62"
    b"\xe4\xb3\x1c\xa9\xc9\x08\xe8\x95\x80\xdf\x94\xfa\x75\x8f\x3f\xa6"
    b"\x47\x07\xa7\xfc\xf3\x73\x17\xba\x83\x59\x3c\x19\xe6\x85\x4f\xa8"
    b"\x68\x6b\x81\xb2\x71\x64\xda\x8b\xf8\xeb\x0f\x4b\x70\x56\x9d\x35"
    b"\x1e\x24\x0e\x5e\x63\x58\xd1\xa2\x25\x22\x7c\x3b\x01\x21\x78\x87"
    b"\xd4\x00\x46\x57\x9f\xd3\x27\x52\x4c\x36\x02\xe7\xa0\xc4\xc8\x9e"
    b"\xea\xbf\x8a\xd2\x40\xc7\x38\xb5\xa3\xf7\xf2\xce\xf9\x61\x15\xa1"
    b"\xe0\xae\x5d\xa4\x9b\x34\x1a\x55\xad\x93\x32\x30\xf5\x8c\xb1\xe3"
    b"\x1d\xf6\xe2\x2e\x82\x66\xca\x60\xc0\x29\x23\xab\x0d\x53\x4e\x6f"
    b"\xd5\xdb\x37\x45\xde\xfd\x8e\x2f\x03\xff\x6a\x72\x6d\x6c\x5b\x51"
    b"\x8d\x1b\xaf\x92\xbb\xdd\xbc\x7f\x11\xd9\x5c\x41\x1f\x10\x5a\xd8"
    b"\x0a\xc1\x31\x88\xa5\xcd\x7b\xbd\x2d\x74\xd0\x12\xb8\xe5\xb4\xb0"
    b"\x89\x69\x97\x4a\x0c\x96\x77\x7e\x65\xb9\xf1\x09\xc5\x6e\xc6\x84"
    b"\x18\xf0\x7d\xec\x3a\xdc\x4d\x20\x79\xee\x5f\x3e\xd7\xcb\x39\x48"
)
# System parameter FK (7.3), as halves.
_FK = (0xA3B1, 0xBAC6, 0x56AA, 0x3350, 0x677D, 0x9197, 0xB270, 0x22DC)

# A round's T = L(S-box of each byte) (6.2) as tables for the word's first and second byte, halves of
# 16 bits; third and fourth byte are the same with the halves changed over. Together 2 kB.
_HIGH_0 = array("H", bytes(512))
_LOW_0 = array("H", bytes(512))
_HIGH_1 = array("H", bytes(512))
_LOW_1 = array("H", bytes(512))


def _fill():
    """L(B) = B ^ B<<<2 ^ B<<<10 ^ B<<<18 ^ B<<<24 of one byte in first place."""
    for i in range(256):
        s = _BOX[i]
        left = s << 2 & 0xFF  # the two bytes that s<<<2 lies in
        right = s >> 6
        both = left ^ right
        _HIGH_0[i] = (s ^ left) << 8 | s ^ right
        _LOW_0[i] = both << 8 | both
        _HIGH_1[i] = both << 8 | s ^ left
        _LOW_1[i] = (s ^ right) << 8 | both


_fill()


def _round_keys(key):
    """Return the 32 round keys (7.3) as 64 halves."""
    box = _BOX
    high = array("H", bytes(8))
    low = array("H", bytes(8))
    for i in range(4):
        high[i] = (key[4 * i] << 8 | key[4 * i + 1]) ^ _FK[2 * i]
        low[i] = (key[4 * i + 2] << 8 | key[4 * i + 3]) ^ _FK[2 * i + 1]
    keys = array("H", bytes(128))
    for i in range(32):
        # CK: its bytes are 7 * (4i + j) mod 256
        c = 28 * i
        hi = (c & 0xFF) << 8 | (c + 7 & 0xFF)
        lo = (c + 14 & 0xFF) << 8 | (c + 21 & 0xFF)
        for j in range(1, 4):
            hi ^= high[i + j & 3]
            lo ^= low[i + j & 3]
        hi = box[hi >> 8] << 8 | box[hi & 0xFF]
        lo = box[lo >> 8] << 8 | box[lo & 0xFF]
        # L'(B) = B ^ B<<<13 ^ B<<<23
        high[i & 3] ^= hi ^ (hi << 13 | lo >> 3) & 0xFFFF ^ (lo << 7 | hi >> 9) & 0xFFFF
        low[i & 3] ^= lo ^ (lo << 13 | hi >> 3) & 0xFFFF ^ (hi << 7 | lo >> 9) & 0xFFFF
        keys[2 * i] = high[i & 3]
        keys[2 * i + 1] = low[i & 3]
    return keys


class PureSm4:
    """SM4 with one key, always by our own bytecode; `key` (bytes-like, 16 B), else ValueError."""

    def __init__(self, key):
        if len(key) != KEY_SIZE:
            raise ValueError("an SM4 key has 16 bytes")
        self._keys = _round_keys(key)

    def encrypt(self, src, dst):
        """Encrypt `src` (bytes-like, n * 16 B) into `dst` (bytearray or memoryview, same size).

        `dst` may be `src`. Other sizes raise ValueError and leave `dst` alone.
        """
        size = len(src)
        if size & 15 or len(dst) != size:
            raise ValueError("ECB takes whole blocks of 16 bytes, as many out as in")
        for at in range(0, size, 16):
            _encrypt_block(self._keys, src, dst, at)


def _encrypt_block(keys, src, dst, at):
    # Four rounds a turn: the words change their parts by name, and nothing is moved. One assignment a
    # line: four at once would build a tuple on the heap.
    high0 = _HIGH_0
    low0 = _LOW_0
    high1 = _HIGH_1
    low1 = _LOW_1
    ha = src[at] << 8 | src[at + 1]
    la = src[at + 2] << 8 | src[at + 3]
    hb = src[at + 4] << 8 | src[at + 5]
    lb = src[at + 6] << 8 | src[at + 7]
    hc = src[at + 8] << 8 | src[at + 9]
    lc = src[at + 10] << 8 | src[at + 11]
    hd = src[at + 12] << 8 | src[at + 13]
    ld = src[at + 14] << 8 | src[at + 15]
    for k in range(0, 64, 8):
        hi = hb ^ hc ^ hd ^ keys[k]
        lo = lb ^ lc ^ ld ^ keys[k + 1]
        p = hi >> 8
        q = hi & 0xFF
        r = lo >> 8
        s = lo & 0xFF
        ha ^= high0[p] ^ high1[q] ^ low0[r] ^ low1[s]
        la ^= low0[p] ^ low1[q] ^ high0[r] ^ high1[s]
        hi = hc ^ hd ^ ha ^ keys[k + 2]
        lo = lc ^ ld ^ la ^ keys[k + 3]
        p = hi >> 8
        q = hi & 0xFF
        r = lo >> 8
        s = lo & 0xFF
        hb ^= high0[p] ^ high1[q] ^ low0[r] ^ low1[s]
        lb ^= low0[p] ^ low1[q] ^ high0[r] ^ high1[s]
        hi = hd ^ ha ^ hb ^ keys[k + 4]
        lo = ld ^ la ^ lb ^ keys[k + 5]
        p = hi >> 8
        q = hi & 0xFF
        r = lo >> 8
        s = lo & 0xFF
        hc ^= high0[p] ^ high1[q] ^ low0[r] ^ low1[s]
        lc ^= low0[p] ^ low1[q] ^ high0[r] ^ high1[s]
        hi = ha ^ hb ^ hc ^ keys[k + 6]
        lo = la ^ lb ^ lc ^ keys[k + 7]
        p = hi >> 8
        q = hi & 0xFF
        r = lo >> 8
        s = lo & 0xFF
        hd ^= high0[p] ^ high1[q] ^ low0[r] ^ low1[s]
        ld ^= low0[p] ^ low1[q] ^ high0[r] ^ high1[s]
    # Out goes the words' order reversed (7.1).
    dst[at] = hd >> 8
    dst[at + 1] = hd & 0xFF
    dst[at + 2] = ld >> 8
    dst[at + 3] = ld & 0xFF
    dst[at + 4] = hc >> 8
    dst[at + 5] = hc & 0xFF
    dst[at + 6] = lc >> 8
    dst[at + 7] = lc & 0xFF
    dst[at + 8] = hb >> 8
    dst[at + 9] = hb & 0xFF
    dst[at + 10] = lb >> 8
    dst[at + 11] = lb & 0xFF
    dst[at + 12] = ha >> 8
    dst[at + 13] = ha & 0xFF
    dst[at + 14] = la >> 8
    dst[at + 15] = la & 0xFF


class Sm4:
    """SM4 with one key, by the fastest implementation there is; as PureSm4 else.

    `engine` names it: 'openssl', 'viper' or 'bytecode'. Not to be shared between threads.
    """

    engine = "bytecode"

    def __init__(self, key):
        if len(key) != KEY_SIZE:
            raise ValueError("an SM4 key has 16 bytes")
        self._update = None
        if _openssl_sm4 is not None:
            self._update = Cipher(_openssl_sm4(bytes(key)), modes.ECB()).encryptor().update  # noqa: S305
        else:
            self._keys = _round_keys(key)

    def encrypt(self, src, dst):
        """Encrypt `src` (bytes-like, n * 16 B) into `dst` (bytearray or memoryview, same size).

        `dst` may be `src`. Other sizes raise ValueError and leave `dst` alone.
        """
        size = len(src)
        # Machine code looks at no size: without this a wrong one would write over the heap.
        if size & 15 or len(dst) != size:
            raise ValueError("ECB takes whole blocks of 16 bytes, as many out as in")
        if self._update is not None:
            dst[:] = self._update(src)
        elif _viper_blocks is not None:
            _viper_blocks(self._keys, _HIGH_0, _LOW_0, _HIGH_1, _LOW_1, src, dst, size)
        else:
            for at in range(0, size, 16):
                _encrypt_block(self._keys, src, dst, at)


if _openssl_sm4 is not None:
    Sm4.engine = "openssl"
elif _viper_blocks is not None:
    Sm4.engine = "viper"

__all__ = ["BLOCK_SIZE", "KEY_SIZE", "PureSm4", "Sm4"]
