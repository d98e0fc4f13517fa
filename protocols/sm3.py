"""SM3, the hash of GB/T 32905-2016 (GM/T 0004-2012), and HMAC (RFC 2104) over it or another hash.

On CPython the work is done by OpenSSL where it knows SM3, else, and on a board, by the bytecode below.
Ours works on halves of 16 bits, because a 32-bit board keeps an int above 2^30 on the heap: no value
here passes 2^30, so a block of input allocates nothing.
"""

from array import array
from struct import unpack

from protocols.compat import MICROPYTHON

BLOCK_SIZE = 64
DIGEST_SIZE = 32

_openssl_sm3 = None
if not MICROPYTHON:
    from hashlib import new as _named_hash

    try:
        _named_hash("sm3")
        _openssl_sm3 = _named_hash
    except ValueError:  # its OpenSSL was built without SM3, or forbids it
        pass

# 4.1: the initial value, as halves.
_START = unpack(
    ">16H",
    b"\x73\x80\x16\x6f\x49\x14\xb2\xb9\x17\x24\x42\xd7\xda\x8a\x06\x00"
    b"\xa9\x6f\x30\xbc\x16\x31\x38\xaa\xe3\x8d\xee\x4d\xb0\xfb\x0e\x4e",
)


def _constants():
    """Return T_j <<< j for the 64 rounds (4.2, 5.3.3), as halves."""
    table = array("H", bytes(256))
    for first, end, high, low in ((0, 16, 0x79CC, 0x4519), (16, 64, 0x7A87, 0x9D8A)):
        if first:  # T is turned by j, not by j - 16: 16 places change the halves over
            high, low = low, high
        for j in range(first, end):
            table[2 * j] = high
            table[2 * j + 1] = low
            high, low = (high << 1 & 0xFFFF | low >> 15), (low << 1 & 0xFFFF | high >> 15)
    return table


_T = _constants()


class PureSm3:
    """SM3 of bytes given bit by bit, always by our own bytecode.

    `update(data)` adds bytes-like data of any size; `digest()` returns the 32 bytes for all data so
    far and changes nothing: more may follow. At most 2^61 - 1 bytes in all (the standard's own bound).
    """

    def __init__(self, data=b""):
        self._state = array("H", _START)
        self._block = bytearray(BLOCK_SIZE)
        self._words = array("H", bytes(272))  # W_0 .. W_67
        self._size = 0
        if data:
            self.update(data)

    def update(self, data):
        """Add `data`."""
        block = self._block
        place = self._size & 63
        for i in range(len(data)):
            block[place] = data[i]
            place += 1
            if place == 64:
                _compress(self._state, self._words, block)
                place = 0
        self._size += len(data)

    def digest(self) -> bytes:
        """Return the hash of what was given so far."""
        state = array("H", self._state)
        block = bytearray(self._block)
        place = self._size & 63
        block[place] = 0x80  # 5.2: a one bit, zeros, and the length in bits as 64 bits
        for i in range(place + 1, 64):
            block[i] = 0
        if place > 55:
            _compress(state, self._words, block)
            for i in range(56):
                block[i] = 0
        block[63] = self._size << 3 & 0xFF
        for i in range(7):
            block[62 - i] = self._size >> 5 + 8 * i & 0xFF
        _compress(state, self._words, block)
        out = bytearray(DIGEST_SIZE)
        for i in range(16):
            out[2 * i] = state[i] >> 8
            out[2 * i + 1] = state[i] & 0xFF
        return bytes(out)


def _expand(words, block):
    """Fill W_0 .. W_67 from one block (5.3.2)."""
    for i in range(32):
        words[i] = block[2 * i] << 8 | block[2 * i + 1]
    for i in range(32, 136, 2):
        high = words[i - 6]
        low = words[i - 5]
        # W_(j-3) <<< 15 is one place to the right with the halves changed over; a shift to the left
        # by 15 would pass 2^30.
        h = words[i - 32] ^ words[i - 18] ^ (low >> 1 | (high & 1) << 15)
        m = words[i - 31] ^ words[i - 17] ^ (high >> 1 | (low & 1) << 15)
        # P1(X) = X ^ X<<<15 ^ X<<<23
        high = h ^ (m >> 1 | (h & 1) << 15) ^ (m << 7 & 0xFFFF | h >> 9)
        low = m ^ (h >> 1 | (m & 1) << 15) ^ (h << 7 & 0xFFFF | m >> 9)
        h = words[i - 26]
        m = words[i - 25]
        words[i] = high ^ (h << 7 & 0xFFFF | m >> 9) ^ words[i - 12]
        words[i + 1] = low ^ (m << 7 & 0xFFFF | h >> 9) ^ words[i - 11]


def _compress(state, words, block):
    """Take one block of 64 bytes into `state` (5.3.3). Names: ah, al are A's high and low half."""
    _expand(words, block)
    table = _T
    ah = state[0]
    al = state[1]
    bh = state[2]
    bl = state[3]
    ch = state[4]
    cl = state[5]
    dh = state[6]
    dl = state[7]
    eh = state[8]
    el = state[9]
    fh = state[10]
    fl = state[11]
    gh = state[12]
    gl = state[13]
    hh = state[14]
    hl = state[15]
    for j in range(0, 128, 2):
        # A <<< 12, then SS1 = (A<<<12 + E + T<<<j) <<< 7; a sum's carry goes up from the low half
        th = ah << 12 & 0xFFFF | al >> 4
        tl = al << 12 & 0xFFFF | ah >> 4
        low = tl + el + table[j + 1]
        high = th + eh + table[j] + (low >> 16) & 0xFFFF
        low &= 0xFFFF
        sh = high << 7 & 0xFFFF | low >> 9
        sl = low << 7 & 0xFFFF | high >> 9
        # TT2 = GG(E,F,G) + H + SS1 + W, into (high, low); TT1 = FF(A,B,C) + D + SS2 + W', into (th, tl)
        wh = words[j]
        wl = words[j + 1]
        if j < 32:
            low = (el ^ fl ^ gl) + hl + sl + wl
            high = (eh ^ fh ^ gh) + hh + sh + wh + (low >> 16)
            tl = (al ^ bl ^ cl) + dl + (sl ^ tl) + (wl ^ words[j + 9])
            th = (ah ^ bh ^ ch) + dh + (sh ^ th) + (wh ^ words[j + 8]) + (tl >> 16)
        else:
            low = (gl ^ el & (fl ^ gl)) + hl + sl + wl
            high = (gh ^ eh & (fh ^ gh)) + hh + sh + wh + (low >> 16)
            tl = (al & bl | cl & (al | bl)) + dl + (sl ^ tl) + (wl ^ words[j + 9])
            th = (ah & bh | ch & (ah | bh)) + dh + (sh ^ th) + (wh ^ words[j + 8]) + (tl >> 16)
        low &= 0xFFFF
        high &= 0xFFFF
        dh = ch
        dl = cl
        ch = bh << 9 & 0xFFFF | bl >> 7
        cl = bl << 9 & 0xFFFF | bh >> 7
        bh = ah
        bl = al
        ah = th & 0xFFFF
        al = tl & 0xFFFF
        hh = gh
        hl = gl
        # F <<< 19 and, in P0, X <<< 17: 16 places change the halves over
        gh = fl << 3 & 0xFFFF | fh >> 13
        gl = fh << 3 & 0xFFFF | fl >> 13
        fh = eh
        fl = el
        eh = high ^ (high << 9 & 0xFFFF | low >> 7) ^ (low << 1 & 0xFFFF | high >> 15)
        el = low ^ (low << 9 & 0xFFFF | high >> 7) ^ (high << 1 & 0xFFFF | low >> 15)
    state[0] ^= ah
    state[1] ^= al
    state[2] ^= bh
    state[3] ^= bl
    state[4] ^= ch
    state[5] ^= cl
    state[6] ^= dh
    state[7] ^= dl
    state[8] ^= eh
    state[9] ^= el
    state[10] ^= fh
    state[11] ^= fl
    state[12] ^= gh
    state[13] ^= gl
    state[14] ^= hh
    state[15] ^= hl


class Sm3:
    """SM3 by OpenSSL where it is there, else as PureSm3; same methods, same bytes."""

    def __init__(self, data=b""):
        self._hash = PureSm3(data) if _openssl_sm3 is None else _openssl_sm3("sm3", data)

    def update(self, data):
        """Add `data`, bytes-like of any size."""
        self._hash.update(data)

    def digest(self) -> bytes:
        """Return the 32-byte hash of what was given so far; more may follow."""
        return self._hash.digest()


def sm3(data) -> bytes:
    """Return the 32-byte SM3 of `data` (bytes-like)."""
    return Sm3(data).digest()


def hmac(key, data, new=Sm3) -> bytes:
    """Return the HMAC (RFC 2104) of `data` under `key`, both bytes-like of any size.

    `new(data)` makes a hash of 64-byte blocks with `update` and `digest`: Sm3, or hashlib's sha256
    (MicroPython has no hmac module).
    """
    if len(key) > BLOCK_SIZE:
        key = new(key).digest()
    pad = bytearray(BLOCK_SIZE)
    for i in range(BLOCK_SIZE):
        pad[i] = 0x36 ^ (key[i] if i < len(key) else 0)
    inner = new(pad)
    inner.update(data)
    for i in range(BLOCK_SIZE):
        pad[i] ^= 0x36 ^ 0x5C
    outer = new(pad)
    outer.update(inner.digest())
    return outer.digest()


__all__ = ["BLOCK_SIZE", "DIGEST_SIZE", "PureSm3", "Sm3", "hmac", "sm3"]
