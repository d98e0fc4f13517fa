"""Pairing a tablet: a code that works once, and the session that it becomes.

A code is 80 random bits in 16 letters, good for ten minutes and for one tablet. The session is 256
random bits in a cookie; the box keeps only its SHA-256, in a file, so that a restarted box still
knows its tablets and a copied file opens nothing. One device has one session: a new pairing ends the
old one.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ar_picking.errors import ConfigError, PickingError
from protocols.topics import is_name

CODE_S = 600
SESSION_S = 90 * 86_400  # a tablet that nobody has used for a season is paired anew
_RENEW_S = 86_400
MAX_DEVICES = 64
_CODE_BYTES = 10
_TOKEN_BYTES = 32
_TRIES = 10  # of one address in _TRIES_S
_TRIES_S = 60.0
_ADDRESSES = 256
_FILE = "sessions.json"
_MAX_FILE_BYTES = 64_000


class _Session(NamedTuple):
    """SHA-256 of the token; when it was paired, and last used to a day, seconds since 1970."""

    sum: bytes
    since_s: float
    used_s: float

    @classmethod
    def of(cls, obj: Any) -> _Session:
        """From the file, also of boxes that did not keep the use."""
        since_s = float(obj["since_s"])
        return cls(bytes.fromhex(obj["sha256"]), since_s, float(obj.get("used_s", since_s)))

    def as_json(self) -> dict[str, Any]:
        return {"sha256": self.sum.hex(), "since_s": self.since_s, "used_s": self.used_s}


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
        self._sessions: dict[str, _Session] = {}
        self.is_saved = True
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
        old = self._sessions.pop(found, None)
        if old is not None:
            self._on_end(found)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now_s = self._now_s()
        self._sessions[found] = _Session(_sum(token), now_s, now_s)
        self._save_without(old)
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
        for device, session in self._sessions.items():
            if hmac.compare_digest(session.sum, offered) and self._stands(session):
                found = device
        return found

    def renew(self, device: str) -> bool:
        """A device's session is used: it lasts 90 days from now. False when today is noted already."""
        session = self._sessions.get(device)
        now_s = self._now_s()
        if session is None or abs(now_s - session.used_s) < _RENEW_S:
            return False
        self._sessions[device] = session._replace(used_s=now_s)
        self._save()
        return True

    def unpair(self, device: str) -> bool:
        """End a device's session and void its code; False when it had neither.

        Over it is in any case. Where the file cannot be written (is_saved is False then), the session
        is struck out in the old one as far as that goes, and save_again() has more to do.
        """
        had = self._codes.pop(device, None) is not None
        session = self._sessions.pop(device, None)
        if session is not None:
            had = True
            self.counts["unpaired"] += 1
            self._on_end(device)
            self._save_without(session)
        return had

    def paired_since_s(self, device: str) -> float | None:
        """When a device was paired, seconds since 1970; None while it is not."""
        session = self._sessions.get(device)
        return session.since_s if session is not None and self._stands(session) else None

    def _stands(self, session: _Session) -> bool:
        return self._now_s() - session.used_s < SESSION_S

    def has_code(self, device: str) -> bool:
        """Whether a code of a device is open."""
        code = self._codes.get(device)
        return code is not None and self._monotonic_s() < code[1]

    def _load(self, path: Path) -> dict[str, _Session]:
        """The sessions of the file, of devices that are still ours."""
        try:
            with path.open("rb") as file:
                data = file.read(_MAX_FILE_BYTES)
        except FileNotFoundError:
            return {}
        try:
            obj = json.loads(data)
            found = {device: _Session.of(obj[device]) for device in self.devices if device in obj}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise PickingError(f"{path} is damaged; delete it and pair the tablets anew") from None
        return found

    def save_again(self) -> None:
        """Write the file if that failed the last time."""
        if not self.is_saved:
            self._save()

    def _save_without(self, over: _Session | None) -> None:
        self._save()
        if over is not None and not self.is_saved:
            self._strike_out(over)

    def _save(self) -> None:
        """Keep the sessions; said once on stderr when that cannot be, for the tablets work on."""
        try:
            if self._path is not None:
                self._write(self._path)
            self.is_saved = True
        except OSError as fault:
            if self.is_saved:
                sys.stderr.write(
                    f"{self._path}: {fault.strerror or fault}; pairings are not kept, make room: "
                    "it is tried again every minute\n"
                )
            self.is_saved = False

    def _write(self, path: Path) -> None:
        """Write the file anew, whole or not at all: a power cut must not lose every pairing."""
        obj = {device: session.as_json() for device, session in self._sessions.items()}
        fresh = path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(obj, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _strike_out(self, session: _Session) -> None:
        """Overwrite a token's sum where it stands, which takes no room on a full disk."""
        assert self._path is not None
        with contextlib.suppress(OSError), self._path.open("r+b") as file:
            place = file.read(_MAX_FILE_BYTES).find(session.sum.hex().encode())
            if place >= 0:
                file.seek(place)
                file.write(b"0" * (2 * len(session.sum)))
                file.flush()
                os.fsync(file.fileno())


def _sum(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
