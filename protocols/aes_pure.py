"""AES-128 encryption in plain Python (FIPS 197), for interpreters that bring none.

Works on bytes, so a block allocates nothing. Its look-ups depend on the key, as every table's do: a
neighbour on the same machine could time them. It is for builds that have no other, and for tests.
"""


def _substitution():
    """Return the S-box (FIPS 197, 5.1.1): the inverse in GF(2^8), then the affine map."""
    box = bytearray(256)
    p = q = 1
    while True:
        p = (p ^ p << 1 ^ (0x11B if p & 0x80 else 0)) & 0xFF  # p * 3
        q ^= q << 1  # q / 3
        q ^= q << 2
        q ^= q << 4
        q &= 0xFF
        if q & 0x80:
            q ^= 0x09
        x = q | q << 8
        box[p] = (q ^ x >> 7 ^ x >> 6 ^ x >> 5 ^ x >> 4) & 0xFF ^ 0x63
        if p == 1:
            box[0] = 0x63
            return box


_BOX = _substitution()
# Twice a value in GF(2^8), so that a round needs no branch.
_TWICE = bytearray([(x << 1 ^ (0x1B if x & 0x80 else 0)) & 0xFF for x in range(256)])


class PureAes:
    """AES with one 128-bit key; `key` (bytes-like, 16 B), another size raises ValueError."""

    def __init__(self, key):
        if len(key) != 16:
            raise ValueError("an AES-128 key has 16 bytes")
        keys = bytearray(176)
        keys[:16] = key
        constant = 1
        for at in range(16, 176, 4):
            if at & 15:
                for i in range(at, at + 4):
                    keys[i] = keys[i - 16] ^ keys[i - 4]
            else:
                for i in range(4):
                    keys[at + i] = keys[at + i - 16] ^ _BOX[keys[at - 4 + (i + 1 & 3)]]
                keys[at] ^= constant
                constant = _TWICE[constant]
        self._keys = keys
        self._state = bytearray(16)
        self._shifted = bytearray(16)

    def encrypt(self, src, dst):
        """Encrypt `src` (bytes-like, n * 16 B) into `dst` (bytearray or memoryview, same size).

        `dst` may be `src`. Other sizes raise ValueError and leave `dst` alone.
        """
        size = len(src)
        if size & 15 or len(dst) != size:
            raise ValueError("ECB takes whole blocks of 16 bytes, as many out as in")
        for at in range(0, size, 16):
            self._block(src, dst, at)

    def _block(self, src, dst, at):
        keys, box, twice = self._keys, _BOX, _TWICE
        state, shifted = self._state, self._shifted
        for i in range(16):
            state[i] = src[at + i] ^ keys[i]
        for base in range(16, 160, 16):
            for i in range(16):  # SubBytes and ShiftRows: row r moves r columns
                shifted[i] = box[state[i + 4 * (i & 3) & 15]]
            for i in range(0, 16, 4):  # MixColumns and AddRoundKey
                a = shifted[i]
                b = shifted[i + 1]
                c = shifted[i + 2]
                d = shifted[i + 3]
                whole = a ^ b ^ c ^ d
                state[i] = a ^ whole ^ twice[a ^ b] ^ keys[base + i]
                state[i + 1] = b ^ whole ^ twice[b ^ c] ^ keys[base + i + 1]
                state[i + 2] = c ^ whole ^ twice[c ^ d] ^ keys[base + i + 2]
                state[i + 3] = d ^ whole ^ twice[d ^ a] ^ keys[base + i + 3]
        for i in range(16):
            dst[at + i] = box[state[i + 4 * (i & 3) & 15]] ^ keys[160 + i]


__all__ = ["PureAes"]
