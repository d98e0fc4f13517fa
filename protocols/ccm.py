"""CCM: encryption with a tag, by any cipher of 16-byte blocks (NIST SP 800-38C, RFC 3610).

BTHome seals adverts with AES-CCM (nonce 13, tag 4, no further data); sensitive fields of records are
sealed with SM4-CCM (RFC 8998: nonce 12, tag 16).

The one rule its user must keep: a nonce is never used twice under one key. Two messages under one
nonce give away their XOR. Nothing here can check that; protocols/sealing.py says how it is kept.
"""

_AAD_SHORT_MAX = 0xFEFF  # SP 800-38C A.2.2: from 0xFF00 on the length takes six bytes


class Ccm:
    """CCM over `cipher` (an object with `encrypt(src, dst)` for whole blocks, key inside).

    `tag_size` 4, 6, .. 16 B; `nonce_size` 7..13 B; other values raise ValueError. Its buffers are
    used again from call to call: one thread at a time. Where the cipher can make a whole CCM itself
    (`cipher.ccm(tag_size)` is not None: cryptography's, on CPython) that one does the work.
    """

    def __init__(self, cipher, tag_size: int, nonce_size: int):
        if not 4 <= tag_size <= 16 or tag_size & 1:
            raise ValueError("a CCM tag has 4, 6, .. 16 bytes")
        if not 7 <= nonce_size <= 13:
            raise ValueError("a CCM nonce has 7..13 bytes")
        self.tag_size = tag_size
        self.nonce_size = nonce_size
        self._encrypt = cipher.encrypt  # bound once: each binding is an object on the heap
        self._whole = cipher.ccm(tag_size) if hasattr(cipher, "ccm") else None
        self._length_size = 15 - nonce_size
        self._flags = (tag_size - 2) // 2 << 3 | self._length_size - 1
        self._mac = bytearray(16)
        self._first = bytearray(16)  # E(counter 0), which hides the tag
        self._counter = bytearray(16)
        self._pad = bytearray(16)
        self._prefix = bytearray(6)

    def seal(self, nonce, data, aad=b"") -> bytes:
        """Return `data` encrypted, and its tag: len(data) + tag_size bytes.

        `nonce` nonce_size bytes, never used before under this key; `data` at most
        2^(8 * (15 - nonce_size)) - 1 bytes; `aad` is covered by the tag and not sent. All bytes-like.
        Wrong sizes raise ValueError: they are the programmer's.
        """
        size = len(data)
        if len(nonce) != self.nonce_size:
            raise ValueError("this CCM takes nonces of {} bytes".format(self.nonce_size))
        if size >> 8 * self._length_size:
            raise ValueError("too long for this nonce size: {} bytes".format(size))
        if self._whole is not None:
            return self._whole.seal(nonce, data, aad)
        out = bytearray(size + self.tag_size)
        self._authenticate(nonce, data, size, aad)
        self._crypt(nonce, data, size, out)
        for i in range(self.tag_size):
            out[size + i] = self._mac[i] ^ self._first[i]
        return bytes(out)

    def open(self, nonce, sealed, aad=b"") -> "bytes | None":
        """Return what was sealed, or None when a size cannot be or the tag does not fit.

        Nothing of the text is given out before its tag has been found right. The comparison takes
        the same time wherever the first wrong byte is.
        """
        size = len(sealed) - self.tag_size
        if len(nonce) != self.nonce_size or size < 0 or size >> 8 * self._length_size:
            return None
        if self._whole is not None:
            return self._whole.open(nonce, sealed, aad)
        text = bytearray(size)
        self._crypt(nonce, sealed, size, text)
        self._authenticate(nonce, text, size, aad)
        wrong = 0
        for i in range(self.tag_size):
            wrong |= sealed[size + i] ^ self._mac[i] ^ self._first[i]
        if wrong:
            return None
        return bytes(text)

    def _authenticate(self, nonce, data, size, aad):
        """Leave CBC-MAC(B0, aad, data) in `_mac` (SP 800-38C 6.1 and A.2)."""
        mac = self._mac
        mac[0] = self._flags | (0x40 if len(aad) else 0)
        for i in range(self.nonce_size):
            mac[i + 1] = nonce[i]
        for i in range(15, self.nonce_size, -1):
            mac[i] = (size >> 8 * (15 - i)) & 0xFF
        self._encrypt(mac, mac)
        count = len(aad)
        if count:
            prefix = self._prefix
            if count <= _AAD_SHORT_MAX:
                used = 2
            else:
                used = 6
                prefix[0] = 0xFF
                prefix[1] = 0xFE
            for i in range(1, 3 if used == 2 else 5):
                prefix[used - i] = (count >> 8 * (i - 1)) & 0xFF
            for i in range(used):
                mac[i] ^= prefix[i]
            self._absorb(aad, count, used)
        self._absorb(data, size, 0)

    def _absorb(self, data, size, place):
        """XOR `data[:size]` into the MAC from byte `place` on; zeros fill the last block."""
        mac = self._mac
        encrypt = self._encrypt
        for i in range(size):
            mac[place] ^= data[i]
            place += 1
            if place == 16:
                encrypt(mac, mac)
                place = 0
        if place:
            encrypt(mac, mac)

    def _crypt(self, nonce, data, size, out):
        """XOR `data[:size]` with the key stream into `out`, and E(counter 0) into `_first`."""
        counter, pad = self._counter, self._pad
        encrypt = self._encrypt
        counter[0] = self._length_size - 1
        for i in range(self.nonce_size):
            counter[i + 1] = nonce[i]
        for i in range(1 + self.nonce_size, 16):
            counter[i] = 0
        encrypt(counter, self._first)
        place = 16
        for i in range(size):
            if place == 16:
                place = 0
                last = 15
                while counter[last] == 0xFF:  # never passes into the nonce: the size was checked
                    counter[last] = 0
                    last -= 1
                counter[last] += 1
                encrypt(counter, pad)
            out[i] = data[i] ^ pad[place]
            place += 1


__all__ = ["Ccm"]
