"""The keys that all workers of a city share.

keys.json (gateway.feed.identity) is copied by hand or with the site's folder; what it must agree in is
K_feed. The keys that come with time (a month's, which hides who was who) are made by whoever needs one
first, and lie in the bucket of the workers, sealed under K_feed: who can read the cluster alone cannot
read them, and dropping one there and in every keys.json is still the purge.
"""

import hashlib
import hmac
import logging
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import GatewayError
from gateway.feed.identity import Identity
from gateway.stream.cluster import Bucket, Refused

_NONCE_BYTES = 12
_DAY_MS = 86_400_000
# How far a record's own time may be off to decide about its shift (gateway.feed.writer).
_PAST_DAYS, _FUTURE_DAYS = 31, 2
# Keys of no month.
_OTHERS = ("fields",)

log = logging.getLogger(__name__)


class SharedIdentity(Identity):
    """An Identity whose new keys are agreed with the other workers before they are needed."""

    def __init__(self, folder: Path, utc_offset_h: int):
        self._agreed: dict[str, str] | None = None
        super().__init__(folder, utc_offset_h)
        self._agreed = dict(self._keys)

    def _save(self, keys: dict[str, str]) -> None:
        agreed = self._agreed
        if agreed is not None and any(agreed.get(name) != key for name, key in keys.items()):
            # Each worker would make its own, and one person would have as many names.
            raise GatewayError("a key is needed that the workers have not agreed on yet")
        super()._save(keys)

    @property
    def digest(self) -> str:
        """Return what tells K_feed from another, and tells nothing else of it."""
        return hmac.digest(self._root, b"o2o/workers/digest/v1", hashlib.sha256).hex()

    @property
    def _root(self) -> bytes:
        return bytes.fromhex(self._keys["feed"])

    def wanted(self, now_ms: int) -> list[str]:
        """Return the names of the keys that records of now may need and that are not here."""
        days = (-_PAST_DAYS, 0, _FUTURE_DAYS)
        months = {self.shift(now_ms + day * _DAY_MS)[:6] for day in days}
        return sorted(name for name in {*months, *_OTHERS} if name not in self._keys)

    async def agree(self, bucket: Bucket, now_ms: int) -> None:
        """Get, or make, the keys that are wanted; NotNow, Refused, GatewayError."""
        for name in self.wanted(now_ms):
            key = await self._shared(bucket, name)
            self._agreed = {**self._keys, name: key}
            self._save(self._agreed)

    async def _shared(self, bucket: Bucket, name: str) -> str:
        where = f"key-{name}"
        box = AESGCM(hmac.digest(self._root, b"o2o/workers/keys/v1", hashlib.sha256))
        for _ in range(10):
            sealed, revision = await bucket.get(where)
            if sealed:
                try:
                    plain = box.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
                except InvalidTag as fault:
                    raise GatewayError(
                        f"the key '{name}' in the cluster was made with another keys.json: copy "
                        "keys.json from another worker of this city"
                    ) from fault
                return plain.hex()
            key, nonce = secrets.token_bytes(32), secrets.token_bytes(_NONCE_BYTES)
            try:
                await bucket.put(where, nonce + box.encrypt(nonce, key, name.encode()), revision)
            except Refused as fault:
                if not fault.is_stale:
                    raise
            else:
                log.info("made the key '%s' for all workers", name)
                return key.hex()
        raise Refused(f"the key '{name}' cannot be agreed on")
