"""Pairing a tablet: a code that works once, and the session that it becomes.

A code is 80 random bits in 16 letters, good for ten minutes and for one tablet. The session is 256
random bits in a cookie; the box keeps only its SHA-256, in a file, so that a restarted box still
knows its tablets and a copied file opens nothing. One device has one session: a new pairing ends the
old one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path

from ar_picking.errors import ConfigError, PickingError
from protocols.topics import is_name

CODE_S = 600
SESSION_S = 90 * 86_400  # a tablet that nobody has used for a season is paired anew
MAX_DEVICES = 64
_CODE_BYTES = 10
_TOKEN_BYTES = 32
_TRIES = 10  # of one address in _TRIES_S
_TRIES_S = 60.0
_ADDRESSES = 256
_FILE = "sessions.json"
_MAX_FILE_BYTES = 64_000


class TooManyTriesError(PickingError):
    """An address has offered too many wrong codes; it may try again in a minute."""


class Pairings:
    """The devices that may pair, their open codes and their sessions.

    devices: names as in MQTT topics (1 to 32 of a-z, 0-9 and '-'), at most 64; folder: where sessions
    are kept, made when missing, or None to keep them in memory. on_end(device): called when a
    device's session is over, so that its sockets can be closed. monotonic_s and now_s: the clocks.
    ConfigError for a device name that is none; PickingError for a file that cannot be used.
    """

    def __init__(
        self,
        devices: Iterable[str],
        folder: Path | None,
        on_end: Callable[[str], None] = lambda _: None,
        monotonic_s: Callable[[], float] = time.monotonic,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.devices = tuple(dict.fromkeys(devices))
        if not 1 <= len(self.devices) <= MAX_DEVICES:
            raise ConfigError(f"--pickers takes 1 to {MAX_DEVICES} names")
        for name in self.devices:
            if not is_name(name):
                raise ConfigError(f"--pickers: '{name}' is not 1 to 32 of a-z, 0-9 and '-'")
        self._on_end = on_end
        self._monotonic_s, self._now_s = monotonic_s, now_s
        self._codes: dict[str, tuple[bytes, float]] = {}  # device -> SHA-256 of the code, its end
        self._sessions: dict[str, tuple[bytes, float]] = {}  # device -> SHA-256 of the token, since
        self._tries: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self.counts = {"paired": 0, "wrong_codes": 0, "refused_tries": 0, "unpaired": 0}
        self._path = None if folder is None else folder / _FILE
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._sessions = self._load(self._path)

    # -- codes ------------------------------------------------------------------------------------

    def new_code(self, device: str) -> str:
        """A code for a device, 16 letters and digits; the device's last one is void from now on."""
        if device not in self.devices:
            raise PickingError(f"'{device}' is not one of --pickers")
        code = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode()
        self._codes[device] = _sum(code), self._monotonic_s() + CODE_S
        return code

    def pair(self, code: str, address: str) -> tuple[str, str] | None:
        """(device, token of its new session) for a code that is right, else None; address: who asks.

        TooManyTriesError after 10 wrong codes of one address within a minute, right or not.
        """
        now_s = self._monotonic_s()
        self._may_try(address, now_s)
        offered = _sum(code)
        found = None
        for device, (expected, end_s) in list(self._codes.items()):
            if now_s >= end_s:
                del self._codes[device]
            elif hmac.compare_digest(expected, offered):
                found = device  # no early end: the time taken tells nothing
        if found is None:
            self._count_try(address, now_s)
            return None
        del self._codes[found]
        if found in self._sessions:
            self._on_end(found)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._sessions[found] = _sum(token), self._now_s()
        self._save()
        self.counts["paired"] += 1
        return found, token

    def _may_try(self, address: str, now_s: float) -> None:
        since_s, count = self._tries.get(address, (now_s, 0))
        if count >= _TRIES and now_s - since_s < _TRIES_S:
            self.counts["refused_tries"] += 1
            raise TooManyTriesError("too many wrong codes; try again in a minute")

    def _count_try(self, address: str, now_s: float) -> None:
        self.counts["wrong_codes"] += 1
        since_s, count = self._tries.pop(address, (now_s, 0))
        if now_s - since_s >= _TRIES_S:
            since_s, count = now_s, 0
        self._tries[address] = since_s, count + 1
        while len(self._tries) > _ADDRESSES:
            self._tries.popitem(last=False)

    # -- sessions ---------------------------------------------------------------------------------

    def device_of(self, token: str | None) -> str | None:
        """The device that a session's token belongs to; None for anything else, and when it is over."""
        if not token or len(token) > 100:
            return None
        offered = _sum(token)
        found = None
        for device, (expected, since_s) in self._sessions.items():
            if hmac.compare_digest(expected, offered) and self._now_s() - since_s < SESSION_S:
                found = device
        return found

    def unpair(self, device: str) -> bool:
        """End a device's session and void its code; False when it had neither."""
        had = self._codes.pop(device, None) is not None
        if self._sessions.pop(device, None) is not None:
            had = True
            self._save()
            self.counts["unpaired"] += 1
            self._on_end(device)
        return had

    def paired_since_s(self, device: str) -> float | None:
        """When a device was paired, seconds since 1970; None while it is not."""
        session = self._sessions.get(device)
        if session is None or self._now_s() - session[1] >= SESSION_S:
            return None
        return session[1]

    def has_code(self, device: str) -> bool:
        """Whether a code of a device is open."""
        code = self._codes.get(device)
        return code is not None and self._monotonic_s() < code[1]

    def _load(self, path: Path) -> dict[str, tuple[bytes, float]]:
        """The sessions of the file, of devices that are still ours."""
        try:
            with path.open("rb") as file:
                data = file.read(_MAX_FILE_BYTES)
        except FileNotFoundError:
            return {}
        try:
            obj = json.loads(data)
            found = {
                device: (bytes.fromhex(obj[device]["sha256"]), float(obj[device]["since_s"]))
                for device in self.devices
                if device in obj
            }
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise PickingError(f"{path} is damaged; delete it and pair the tablets anew") from None
        return found

    def _save(self) -> None:
        """Write the file anew, whole or not at all: a power cut must not lose every pairing."""
        if self._path is None:
            return
        obj = {
            device: {"sha256": sum_.hex(), "since_s": since_s}
            for device, (sum_, since_s) in self._sessions.items()
        }
        fresh = self._path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(obj, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _sum(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
