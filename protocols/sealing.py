"""Sensitive fields of records, sealed with SM4-CCM (DESIGN section 5, "Privacy"; RFC 8998, 2).

A sealed field travels and rests as the map {enc, kid, n, c}:
  enc  1 = SM4-CCM, tag of 16 bytes          kid  which of the device's keys, 0..65535
  n    the nonce, 12 bytes                   c    what is hidden, and its tag
  key   = HMAC-SM3(device key, "o2o/field/v1" | log, 4 bytes)[:16]
  nonce = log | seq | the field's key in its record's table, 4 bytes each; most significant byte first
  aad   = the device's id

The nonce discipline. Two texts under one nonce would give away their XOR, and more. One (log, seq,
field) is sealed once: a ring's seq never comes back, `log` is drawn anew when a ring is formatted,
a field stands once in a record. This module holds what it can of that: numbers are checked, and a
Sealer refuses a place it has been at. What it cannot see is a record that was sealed and then not
kept: a seq that the ring refused, or that a power cut took, is given out again. So its caller seals
as the last step before the append, and a sealed record leaves the board only after the append.
"""

from struct import pack

from protocols.ccm import Ccm
from protocols.compat import const
from protocols.sm3 import hmac
from protocols.sm4 import Sm4
from protocols.topics import is_name
from protocols.units import U16_MAX, U32_MAX

ENC_SM4_CCM = const(1)
TAG_SIZE = const(16)
NONCE_SIZE = const(12)
KEY_MIN_BYTES = const(16)
# A phone number, an address, the digest of a signature; a record of 1,200 B has no room for more.
DATA_MAX_BYTES = const(256)
_LABEL = b"o2o/field/v1"


def field_key(device_key, log: int) -> bytes:
    """Return the 16-byte key for the sensitive fields of one log of one device.

    `device_key` (bytes-like, at least 16 B); `log` 1..2^32-1. Others raise ValueError.
    """
    if len(device_key) < KEY_MIN_BYTES:
        raise ValueError("a device key has at least 16 bytes")
    if not 0 < log <= U32_MAX:
        raise ValueError("a log is 1..2^32-1")
    return hmac(device_key, _LABEL + pack(">I", log))[:16]


def field_cipher(device_key, log: int) -> Ccm:
    """Return the CCM for one log, keyed with `field_key`: make it once, use it for every field."""
    return Ccm(Sm4(field_key(device_key, log)), TAG_SIZE, NONCE_SIZE)


def _is_place(log, seq, field) -> bool:
    return 0 < log <= U32_MAX and 0 <= seq <= U32_MAX and 0 <= field <= U32_MAX


def seal_field(cipher: Ccm, kid: int, device: str, log: int, seq: int, field: int, data):
    """Return the map {enc, kid, n, c} of one field's `data` (bytes-like, 0..256 B).

    `cipher` of field_cipher(device key, log); `kid` 0..65535; `device` the id as in topics; `log`
    1..2^32-1, `seq` and `field` 0..2^32-1: where the field stands, and it stands there once (see the
    top). Anything outside raises ValueError: no record may go out with a nonce cut short.
    """
    if not _is_place(log, seq, field):
        raise ValueError("log is 1..2^32-1, seq and field 0..2^32-1")
    if not 0 <= kid <= U16_MAX:
        raise ValueError("kid is 0..65535")
    if not is_name(device):
        raise ValueError("not a device id: {}".format(device))
    if len(data) > DATA_MAX_BYTES:
        raise ValueError("a sealed field holds at most {} bytes".format(DATA_MAX_BYTES))
    nonce = pack(">III", log, seq, field)
    return {
        "enc": ENC_SM4_CCM,
        "kid": kid,
        "n": nonce,
        "c": cipher.seal(nonce, data, device.encode()),
    }


def open_field(cipher: Ccm, device: str, log: int, seq: int, field: int, sealed) -> "bytes | None":
    """Return the data of a field found at (device, log, seq, field), or None.

    None for anything that seal_field does not make or that was sealed for another place, under
    another key, or changed on the way; never an exception. The caller has looked up the device key
    by `sealed["kid"]`.
    """
    if not isinstance(sealed, dict) or not _is_place(log, seq, field):
        return None
    if sealed.get("enc") != ENC_SM4_CCM or sealed.get("n") != pack(">III", log, seq, field):
        return None
    hidden = sealed.get("c")
    if not isinstance(hidden, bytes) or len(hidden) > DATA_MAX_BYTES + TAG_SIZE:
        return None
    return cipher.open(sealed["n"], hidden, device.encode())


class Sealer:
    """Seals the fields of one log, and refuses what would use a nonce twice in its lifetime.

    `device_key`, `kid`, `device` and `log` as for field_key and seal_field.
    """

    def __init__(self, device_key, kid: int, device: str, log: int):
        self._cipher = field_cipher(device_key, log)
        self._kid = kid
        self._device = device
        self._log = log
        self._seq = -1
        self._fields: "list[int]" = []  # of the record `_seq`

    def seal(self, seq: int, field: int, data):
        """Return {enc, kid, n, c} as seal_field; ValueError also where (seq, field) does not go on.

        Seqs may be left out and never go back; in one record each field comes once.
        """
        if seq < self._seq or (seq == self._seq and field in self._fields):
            raise ValueError("already sealed here: seq {} field {}".format(seq, field))
        sealed = seal_field(self._cipher, self._kid, self._device, self._log, seq, field, data)
        if seq != self._seq:
            self._seq = seq
            self._fields.clear()
        self._fields.append(field)
        return sealed


__all__ = [
    "DATA_MAX_BYTES",
    "ENC_SM4_CCM",
    "NONCE_SIZE",
    "TAG_SIZE",
    "Sealer",
    "field_cipher",
    "field_key",
    "open_field",
    "seal_field",
]
