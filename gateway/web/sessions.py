"""Who is logged in: 256-bit cookies, kept as hashes, with an idle and an absolute end.

Sessions outlive the gateway's process in a file of hashes: after a restart at the dinner peak nobody has
to log in again. A hash lets nobody in; the file is the gateway's alone all the same.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from gateway.web.users import digest

IDLE_S = 1_800
ABSOLUTE_S = 12 * 3600
_SESSIONS_MAX = 1_000
_OF_ONE_MAX = 20
_SAVE_S = 60

log = logging.getLogger(__name__)


class Session(msgspec.Struct):
    """One log-in. `role` is '' when the users file decides. `key` is the cookie's hash; times Unix s.

    epoch: the user's at the log-in (gateway.web.users.User); it ends when theirs is another one.
    """

    key: str
    user: str
    role: str
    made_s: float
    seen_s: float
    epoch: str = ""


class Sessions:
    """At most 1,000 sessions, 20 of one user: the one unused for longest makes room.

    path: where they outlive a restart, None for nowhere. A file that cannot be read is no sessions.
    in_background: written by a thread, so that a disk that stands still does not hold up the rest.
    """

    def __init__(
        self,
        path: Path | None = None,
        now_s: Callable[[], float] = time.time,
        in_background: bool = False,
    ):
        self._path = path
        self._in_background = in_background
        self._lock = threading.Lock()
        self._waiting: bytes | None = None
        self._is_writing = False
        self._now_s = now_s
        self._sessions: dict[str, Session] = {}
        self._saved_s = 0.0
        self._load()

    def __len__(self) -> int:
        return len(self._sessions)

    def begin(self, user: str, role: str = "", epoch: str = "") -> tuple[Session, str]:
        """Begin a session; returns it with the cookie's value, which is kept nowhere."""
        cookie = secrets.token_urlsafe(32)
        now_s = self._now_s()
        session = Session(digest(cookie), user, role, now_s, now_s, epoch)
        self._sweep()
        own = [each for each in self._sessions.values() if each.user == user]
        for crowd, most in ((own, _OF_ONE_MAX), (list(self._sessions.values()), _SESSIONS_MAX)):
            if len(crowd) >= most:
                del self._sessions[min(crowd, key=lambda each: each.seen_s).key]
        self._sessions[session.key] = session
        self.save()
        return session, cookie

    def find(self, cookie: str) -> Session | None:
        """Return the session of a cookie and note its use; None when it is over or was never."""
        session = self._sessions.get(digest(cookie))
        if session is None or not self.stands(session):
            return None
        session.seen_s = max(session.seen_s, self._now_s())
        return session

    def stands(self, session: Session) -> bool:
        """Tell whether a session has neither ended nor run out."""
        now_s = self._now_s()
        if self._sessions.get(session.key) is not session:
            return False
        if now_s - session.seen_s > IDLE_S or now_s - session.made_s > ABSOLUTE_S:
            del self._sessions[session.key]
            return False
        return True

    def end(self, session: Session) -> None:
        """Log out."""
        if self._sessions.pop(session.key, None) is not None:
            self.save()

    def turn(self) -> None:
        """Drop what ran out and write down who was seen; call it now and then."""
        self._sweep()
        if abs(self._now_s() - self._saved_s) >= _SAVE_S:
            self.save()

    def _sweep(self) -> None:
        for session in list(self._sessions.values()):
            self.stands(session)

    def save(self) -> None:
        """Write the sessions down, if there is a place for them."""
        self._saved_s = self._now_s()
        if self._path is None:
            return
        with self._lock:
            self._waiting = msgspec.json.encode(list(self._sessions.values()))
            is_written, self._is_writing = self._is_writing, True
        if is_written:
            return  # the writer takes it with what it has
        if self._in_background:
            threading.Thread(target=self._write, args=(self._path,), daemon=True).start()
        else:
            self._write(self._path)

    def _write(self, path: Path) -> None:
        new = path.with_suffix(".new")
        while True:
            with self._lock:
                data, self._waiting = self._waiting, None
                if data is None:
                    self._is_writing = False
                    return
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
                with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
                    file.write(data)
                new.replace(path)
            except OSError as fault:
                # A full disk must not keep the person out who has come to mend it.
                log.warning("sessions are not written down: %s", fault.strerror)

    def _load(self) -> None:
        if self._path is None or not self._path.exists():
            return
        try:
            is_private = not self._path.stat().st_mode & 0o077
            data = self._path.read_bytes() if is_private else b"[]"
            kept = msgspec.json.decode(data, type=list[Session])
        except (OSError, msgspec.MsgspecError) as fault:
            log.warning("sessions of before are not taken (%s): everybody logs in again", fault)
            return
        for session in kept[:_SESSIONS_MAX]:
            # A clock that was ahead must not make a session live for ever.
            session.made_s = min(session.made_s, self._now_s())
            session.seen_s = min(session.seen_s, self._now_s())
            self._sessions[session.key] = session
        self._sweep()
