"""Sealed adverts: BTHome v2, pvvx and ATC1441, encrypted; all AES-CCM with a tag of 4 bytes.

BTHome (https://bthome.io/encryption): byte 0 (0x41), text, counter (4, little endian), tag; the nonce
is address + D2 FC + byte 0 + counter, and nothing more is covered. The counter never comes back under
one key: protocols/adverts/guard.py holds the sensor to it.

pvvx (https://github.com/pvvx/ATC_MiThermometer, README "Encrypted"): counter (1), text (6; ATC1441: 3),
tag; the nonce is address reversed + the AD structure's first four bytes + counter, and 0x11 is covered.
Its counter comes back after 256 adverts, so such an advert is genuine, but perhaps not of today.

This is the only file of the package that needs a cipher; a board without keys does not load it.
"""

from protocols.adverts import atc, bthome
from protocols.aes import Aes
from protocols.ccm import Ccm
from protocols.compat import const

_BTHOME = const(0xFCD2)
_ATC = const(0x181A)
_TAG = const(4)
_COUNTER = const(4)
_CHECK = const(3)
_PVVX_COVERED = b"\x11"


class Key:
    """The key of one sensor: `address` 6 bytes, most significant first as printed; `key` 16 bytes.

    Other sizes raise ValueError. After `decode(.., key)`:
    `sealed`   the advert read was opened with this key
    `failed`   there was a sealed advert, and its tag does not fit (another key, or damage)
    `counter`  the counter of a sealed BTHome advert, 0..2^32-1; -1 for pvvx, whose counter is 8 bits
    `digest`   22 bits over the sealed bytes, to tell a repeat; no proof of anything
    `check`    3 bytes that belong to the key and do not tell it (the usual key check value)
    """

    def __init__(self, address, key):
        if len(address) != 6:
            raise ValueError("a sensor's address has 6 bytes")
        self.address = bytes(address)
        cipher = Aes(key)
        block = bytearray(16)
        cipher.encrypt(block, block)
        self.check = bytes(block[:_CHECK])
        self._bthome = Ccm(cipher, _TAG, 13)
        self._pvvx = Ccm(cipher, _TAG, 11)
        self._nonce = bytearray(self.address + b"\xd2\xfc\x00\x00\x00\x00\x00")
        self._reversed = bytes([self.address[5 - i] for i in range(6)])
        self.forget()

    def forget(self):
        """Forget what the last advert said."""
        self.sealed = False
        self.failed = False
        self.counter = -1
        self.digest = 0

    def open(self, buf, pos: int, end: int, reading) -> bool:
        """Read the AD structure `buf[pos:end]`; False when it is not sealed or cannot be opened."""
        number = buf[pos + 2] | buf[pos + 3] << 8
        if number == _BTHOME:
            return self._open_bthome(buf, pos + 4, end, reading)
        return number == _ATC and self._open_atc(buf, pos, end, reading)

    def _open_bthome(self, buf, pos, end, reading):
        info = buf[pos]
        if info >> 5 != 2 or not info & bthome.ENCRYPTED:
            return False
        begin = pos + 1
        if info & bthome.ADDRESS_INCLUDED:
            if bytes(buf[begin : begin + 6]) != self._reversed:
                return False  # of another sensor
            begin += 6
        at = end - _TAG - _COUNTER
        if at <= begin:
            return False
        nonce = self._nonce
        nonce[8] = info
        for i in range(_COUNTER):
            nonce[9 + i] = buf[at + i]
        text = self._bthome.open(nonce, bytes(buf[begin:at]) + bytes(buf[at + _COUNTER : end]))
        if text is None:
            self.failed = True
            return False
        if not bthome.decode_objects(text, 0, len(text), reading):
            reading.clear()
            return False
        self.sealed = True
        # On a 32-bit board a counter from 2^30 on is a heap object, which compares like any other.
        self.counter = buf[at] | buf[at + 1] << 8 | buf[at + 2] << 16 | buf[at + 3] << 24
        self.digest = digest(buf, pos, end)
        return True

    def _open_atc(self, buf, pos, end, reading):
        size = end - pos - 4
        if size != 11 and size != 8:
            return False
        nonce = self._reversed + bytes(buf[pos : pos + 5])
        text = self._pvvx.open(nonce, bytes(buf[pos + 5 : end]), _PVVX_COVERED)
        if text is None:
            self.failed = True
            return False
        reading.packet_id = buf[pos + 4]
        self.sealed = True
        self.digest = digest(buf, pos, end)
        if size == 11:
            return atc.decode_pvvx_opened(text, reading)
        return atc.decode_atc1441_opened(text, reading)


def digest(buf, pos: int, end: int) -> int:
    """Return 22 bits over `buf[pos:end]`, without heap: enough to tell a repeat from another advert."""
    mark = end - pos
    for i in range(pos, end):
        mark = (mark * 33 ^ buf[i]) & 0x3FFFFF
    return mark


__all__ = ["Key", "digest"]
