"""Who is who on the feed: stable message ids, and pseudonyms that belong to one shift.

The keys never leave the gateway's data folder. Without the month's key nobody can tell which rider a
pseudonym was: dropping the key is the purge.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError
from protocols.ccm import Ccm
from protocols.sealing import ENC_SM4_CCM, NONCE_SIZE, TAG_SIZE
from protocols.sm3 import hmac as sm3_hmac
from protocols.sm4 import Sm4
from protocols.units import DAY_MS

# base64.b32encode() is written in Python and cost more than the digest: two letters for ten bits.
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS = [first + second for first in _LETTERS for second in _LETTERS]
_TAG_BITS = 130  # 26 letters
_SHIFTS = [_TAG_BITS - 10 - 10 * n for n in range(13)]
# Of a city's shifts; one that is forgotten is only computed again.
_PSEUDONYMS_MAX = 50_000


class Identity:
    """Ids and pseudonyms under the keys in `folder`/keys.json, which is made at the first start."""

    def __init__(self, folder: Path, utc_offset_h: int):
        self._path = folder / "keys.json"
        self._offset_ms = utc_offset_h * 3_600_000
        self._pseudonyms: dict[tuple[str, str], str] = {}
        self._keys = self._load()

    def _load(self) -> dict[str, str]:
        if not self._path.exists():
            self._save({"feed": secrets.token_hex(32)})
        if self._path.stat().st_mode & 0o077:
            raise GatewayError(f"{self._path} can be read by others; run: chmod 600 {self._path}")
        try:
            keys: dict[str, str] = json.loads(self._path.read_text())
            bytes.fromhex(keys["feed"])
        except (ValueError, KeyError, TypeError) as fault:
            raise GatewayError(
                f"{self._path} is damaged; restore it from a backup (feed ids depend on it)"
            ) from fault
        return keys

    def _save(self, keys: dict[str, str]) -> None:
        new = self._path.with_suffix(".new")
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(keys, file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as fault:
            raise GatewayError(
                f"cannot write {self._path}: {fault.strerror}; make room on its disk, or change whose "
                "folder it is"
            ) from fault
        self._keys = keys

    def record_id(self, device: str, log: int, seq: int) -> str:
        """Return the feed id of a record: the same for every copy of it, for ever."""
        return self._tag(f"{device}|{log}|{seq}")

    def alert_id(self, order: str, kind: str) -> str:
        """Return the id of an alert: whoever raises it, and however often, it is the same alert."""
        return self._tag(f"alert|{order}|{kind}")

    def risk_act(self, order: str, level: str) -> str:
        """Return the id of what a risk level asks for: whoever says it, and however often."""
        return self._tag(f"risk|{order}|{level}")

    def seal(self, feed_id: str, field: int, data: bytes) -> dict[str, Any]:
        """Return a sensitive field as it rests and goes on the feed: {enc, kid, n, c}, in hex.

        feed_id: of the message it stands in; field: its key in the record's table. The key is the
        message's own, so that a nonce (the field) cannot come twice under it.
        """
        if "fields" not in self._keys:
            self._save({**self._keys, "fields": secrets.token_hex(32)})
        key = sm3_hmac(bytes.fromhex(self._keys["fields"]), b"o2o/feed/v1" + feed_id.encode())[:16]
        nonce = field.to_bytes(NONCE_SIZE, "big")
        hidden = Ccm(Sm4(key), TAG_SIZE, NONCE_SIZE).seal(nonce, data, feed_id.encode())
        return {"enc": ENC_SM4_CCM, "kid": 1, "n": nonce.hex(), "c": bytes(hidden).hex()}

    def customer_id(self, order: str, at_ms: int) -> str:
        """Return the id of a message to the customer of an order."""
        return self._tag(f"customer|{order}|{at_ms}")

    def stats_id(self, site: str, at_ms: int) -> str:
        """Return the id of a message with a gateway's figures."""
        return self._tag(f"stats|{site}|{at_ms}")

    def _tag(self, text: str) -> str:
        digest = hmac.digest(bytes.fromhex(self._keys["feed"]), text.encode(), hashlib.sha256)
        bits = int.from_bytes(digest[:17], "big") >> (17 * 8 - _TAG_BITS)
        return "".join([_PAIRS[bits >> at & 1023] for at in _SHIFTS])

    def shift(self, t_ms: int) -> str:
        """Return the shift (the local day, yyyymmdd) of a time in Unix ms."""
        return _day((t_ms + self._offset_ms) // DAY_MS)

    def pseudonym(self, device: str, shift: str) -> str:
        """Return the name of a device's person during one shift: 10 of a-z and 2-7."""
        known = self._pseudonyms.get((device, shift))
        if known is not None:
            return known
        month = shift[:6]
        if month not in self._keys:
            self._save({**self._keys, month: secrets.token_hex(32)})
        key = bytes.fromhex(self._keys[month])
        digest = hmac.digest(key, f"{device}|{shift}".encode(), hashlib.sha256)
        name = base64.b32encode(digest).decode()[:10].lower()
        if len(self._pseudonyms) >= _PSEUDONYMS_MAX:
            self._pseudonyms.clear()
        self._pseudonyms[device, shift] = name
        return name


@lru_cache(maxsize=64)
def _day(days: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)).strftime("%Y%m%d")
