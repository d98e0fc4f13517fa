"""A password as it is kept: scrypt (RFC 7914) with a salt, and what it cost."""

from __future__ import annotations

import hashlib
import hmac
import secrets

import msgspec

from gateway.errors import GatewayError

PASSWORD_MIN = 10
PASSWORD_MAX_BYTES = 1_024


class Password(msgspec.Struct, frozen=True):
    """A password as scrypt: `salt` and `hash` in hex, and what it cost."""

    salt: str
    hash: str
    n: int
    r: int
    p: int


# Cost of a new password: 32 MB and about a quarter of a second (OWASP's cheat sheet: N=2^15, r=8, p=3).
COST = (1 << 15, 8, 3)
_NOBODY = Password(salt="00" * 16, hash="00" * 32, n=COST[0], r=COST[1], p=COST[2])


def make_password(text: str) -> Password:
    """Hash a new password; GatewayError when it is too short or too long."""
    data = text.encode("utf-8", "surrogatepass")
    if len(text) < PASSWORD_MIN or len(data) > PASSWORD_MAX_BYTES or "\0" in text:
        raise GatewayError(
            f"a password takes {PASSWORD_MIN} characters or more, {PASSWORD_MAX_BYTES} bytes at most"
        )
    salt, (n, r, p) = secrets.token_bytes(16), COST
    return Password(salt.hex(), _scrypt(data, salt, n, r, p).hex(), n, r, p)


def is_password(kept: Password | None, text: str) -> bool:
    """Check a password; takes as long for nobody as for somebody. Slow: call it in a thread."""
    kept = kept or _NOBODY
    data = text.encode("utf-8", "surrogatepass")[: PASSWORD_MAX_BYTES + 1]
    found = _scrypt(data, bytes.fromhex(kept.salt), kept.n, kept.r, kept.p)
    is_same = hmac.compare_digest(found, bytes.fromhex(kept.hash))
    # HMAC, and so scrypt, does not tell trailing zeros from none.
    is_odd = len(data) > PASSWORD_MAX_BYTES or 0 in data
    return is_same and kept is not _NOBODY and not is_odd


def is_sound(kept: Password) -> bool:
    """Tell whether what a file says of a password can be one, and is not dear to check."""
    try:
        sizes = len(bytes.fromhex(kept.salt)), len(bytes.fromhex(kept.hash))
    except ValueError:
        return False
    is_power = 1 < kept.n <= 1 << 18 and kept.n & (kept.n - 1) == 0
    return (
        sizes[0] >= 8
        and sizes[1] == 32
        and is_power
        and kept.r in range(1, 17)
        and kept.p in range(1, 17)
    )


def _scrypt(data: bytes, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(data, salt=salt, n=n, r=r, p=p, maxmem=256 * n * r + (1 << 20), dklen=32)
