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
from pathlib import Path

from gateway.errors import GatewayError


class Identity:
    """Ids and pseudonyms under the keys in `folder`/keys.json, which is made at the first start."""

    def __init__(self, folder: Path, utc_offset_h: int):
        self._path = folder / "keys.json"
        self._offset = timedelta(hours=utc_offset_h)
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
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(keys, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        self._keys = keys

    def record_id(self, device: str, log: int, seq: int) -> str:
        """Return the feed id of a record: the same for every copy of it, for ever."""
        return self._tag(f"{device}|{log}|{seq}")

    def alert_id(self, order: str, kind: str) -> str:
        """Return the id of an alert: whoever raises it, and however often, it is the same alert."""
        return self._tag(f"alert|{order}|{kind}")

    def _tag(self, text: str) -> str:
        digest = hmac.digest(bytes.fromhex(self._keys["feed"]), text.encode(), hashlib.sha256)
        return base64.b32encode(digest).decode()[:26]

    def shift(self, t_ms: int) -> str:
        """Return the shift (the local day, yyyymmdd) of a time in Unix ms."""
        return (datetime.fromtimestamp(t_ms / 1000, UTC) + self._offset).strftime("%Y%m%d")

    def pseudonym(self, device: str, shift: str) -> str:
        """Return the name of a device's person during one shift: 10 of a-z and 2-7."""
        month = shift[:6]
        if month not in self._keys:
            self._save({**self._keys, month: secrets.token_hex(32)})
        key = bytes.fromhex(self._keys[month])
        digest = hmac.digest(key, f"{device}|{shift}".encode(), hashlib.sha256)
        return base64.b32encode(digest).decode()[:10].lower()
