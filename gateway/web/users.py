"""Who may use the gateway's HTTP: [site].data/users.json, and how a password or a token is checked.

Passwords are kept as scrypt (gateway.web.passwords); tokens and links are 256 random bits, kept as
SHA-256 (what cannot be guessed needs no slow hash). The file is the gateway's alone (mode 600), written
whole or not at all, and read again when it has changed: `gateway user` works on it while the gateway
runs.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gateway.errors import GatewayError
from gateway.site.folder import lock_file, make_folder, write_whole
from gateway.web.passwords import Password, is_sound, make_password
from gateway.web.routes import ROLES

LINK_S = 600
_USERS_MAX = 1_000
_TOKENS_MAX = 20  # of one user
_FILE_MAX_BYTES = 4_000_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")

log = logging.getLogger(__name__)


class Token(msgspec.Struct, frozen=True):
    """An API token: `id` is shown, `hash` is its SHA-256 in hex; `made_s` Unix seconds."""

    id: str
    hash: str
    made_s: int


class Link(msgspec.Struct, frozen=True):
    """An address that logs in: `hash` of its secret, `until_s` Unix seconds, its `uses` left."""

    hash: str
    until_s: int
    uses: int = 1


class User(msgspec.Struct, frozen=True):
    """One user of the file; without a password only tokens and links let them in.

    epoch: random, another one for every new password and for a name that is given again: a session that
    began in an epoch ends with it. '' in a file of an earlier version.
    """

    name: str
    role: str
    password: Password | None = None
    tokens: tuple[Token, ...] = ()
    links: tuple[Link, ...] = ()
    epoch: str = ""


def digest(secret: str) -> str:
    """Return the SHA-256 of a token, link or cookie in hex."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class Users:
    """The users file at `path`; no file, no users. GatewayError when it is damaged or others read it."""

    def __init__(self, path: Path, now_s: Callable[[], float] = time.time):
        self.path = path
        self._now_s = now_s
        self._seen: tuple[int, int, int] | None = None
        self._users: dict[str, User] = {}
        self._tokens: dict[str, str] = {}  # hash -> user
        self._load()

    # -- asking -------------------------------------------------------------------------------------

    def all(self) -> list[User]:
        """Return the users by name."""
        self._refresh()
        return [self._users[name] for name in sorted(self._users)]

    def user(self, name: str) -> User | None:
        """Return a user, or None."""
        self._refresh()
        return self._users.get(name)

    def epoch(self, name: str) -> str | None:
        """Return the epoch of a user: a session that keeps another one is over. None for no user."""
        user = self.user(name)
        return None if user is None else user.epoch

    def of_token(self, hashed: str) -> User | None:
        """Return whose API token has this digest(), or None."""
        self._refresh()
        found = self._tokens.get(hashed)
        return self._users.get(found) if found else None

    # -- changing -----------------------------------------------------------------------------------

    def put(self, name: str, role: str, password: str | None) -> None:
        """Add a user, or change role and password (None: as it was) of one.

        A new password ends the sessions of before: who asks for one may have lost a cookie too.
        """
        if not _NAME.fullmatch(name):
            raise GatewayError(f"a user's name takes 1 to 64 of A-Z a-z 0-9 . _ @ -, not {name!r}")
        if role not in ROLES:
            raise GatewayError(f"a role is one of {', '.join(ROLES)}, not {role!r}")
        hashed = None if password is None else make_password(password)
        with self._changing() as users:
            old = users.get(name)
            if old is None:
                if len(users) >= _USERS_MAX:
                    raise GatewayError(f"there are {_USERS_MAX} users already; remove some")
                users[name] = User(name, role, hashed, epoch=_new_epoch())
            elif hashed is None:
                users[name] = msgspec.structs.replace(old, role=role)
            else:
                users[name] = msgspec.structs.replace(
                    old, role=role, password=hashed, epoch=_new_epoch()
                )

    def remove(self, name: str) -> None:
        """Remove a user; their sessions and tokens end with it."""
        with self._changing() as users:
            self._known(users, name)
            del users[name]

    def add_token(self, name: str) -> str:
        """Make an API token and return it: this is the only time that it is known."""
        token = "o2o_" + secrets.token_urlsafe(32)
        with self._changing() as users:
            user = self._known(users, name)
            if len(user.tokens) >= _TOKENS_MAX:
                raise GatewayError(f"{name} has {_TOKENS_MAX} tokens already; remove some")
            made = Token(secrets.token_hex(4), digest(token), int(self._now_s()))
            users[name] = msgspec.structs.replace(user, tokens=(*user.tokens, made))
        return token

    def remove_token(self, name: str, token_id: str) -> None:
        """Take an API token back."""
        with self._changing() as users:
            user = self._known(users, name)
            left = tuple(each for each in user.tokens if each.id != token_id)
            if len(left) == len(user.tokens):
                raise GatewayError(
                    f"{name} has no token {token_id!r}; `gateway user list` shows them"
                )
            users[name] = msgspec.structs.replace(user, tokens=left)

    def add_link(self, name: str, for_s: int = LINK_S, uses: int = 1) -> str:
        """Make a link that logs `name` in, `uses` times within `for_s` seconds; returns its secret."""
        secret = secrets.token_urlsafe(32)
        with self._changing() as users:
            user = self._known(users, name)
            now_s = int(self._now_s())
            links = [each for each in user.links if each.until_s > now_s][-_TOKENS_MAX:]
            links.append(Link(digest(secret), now_s + for_s, uses))
            users[name] = msgspec.structs.replace(user, links=tuple(links))
        return secret

    def use_link(self, secret: str) -> User | None:
        """Use a link once; returns whom it lets in, or None. The use is on the disk then."""
        wanted = digest(secret)
        if not any(each.hash == wanted for user in self.all() for each in user.links):
            return None
        with self._changing() as users:
            for user in users.values():
                for link in user.links:
                    if link.hash != wanted:
                        continue
                    rest = [each for each in user.links if each is not link]
                    is_good = link.uses > 0 and link.until_s > self._now_s()
                    if is_good and link.uses > 1:
                        rest.append(msgspec.structs.replace(link, uses=link.uses - 1))
                    users[user.name] = msgspec.structs.replace(user, links=tuple(rest))
                    return users[user.name] if is_good else None
        return None

    # -- the file -----------------------------------------------------------------------------------

    @staticmethod
    def _known(users: dict[str, User], name: str) -> User:
        if name not in users:
            raise GatewayError(f"there is no user {name!r}; `gateway user list` shows who there is")
        return users[name]

    def _refresh(self) -> None:
        try:
            self._load()
        except GatewayError as fault:
            # What was read before holds: a file that somebody spoilt neither lets in nor locks out.
            log.error("%s; the users of before hold", fault)  # noqa: TRY400

    def _load(self) -> None:
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            self._seen = None
            self._users, self._tokens = {}, {}
            return
        except OSError as fault:
            raise GatewayError(f"cannot read {self.path}: {fault.strerror}") from fault
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen == self._seen:
            return
        self._seen = seen
        if found.st_mode & 0o077 and not stat.S_ISLNK(found.st_mode):
            raise GatewayError(f"{self.path} can be read by others; run: chmod 600 {self.path}")
        self._users = _read(self.path)
        self._tokens = {
            each.hash: user.name for user in self._users.values() for each in user.tokens
        }

    @contextmanager
    def _changing(self) -> Iterator[dict[str, User]]:
        """The users to change, alone: the command and the gateway both write."""
        for folder in reversed((self.path.parent, *self.path.parent.parents)):
            if not folder.is_dir():
                make_folder(folder)
        with lock_file(self.path.with_suffix(".lock")):
            self._seen = None  # a file that is damaged is not written over by what was read before
            self._load()
            users = dict(self._users)
            yield users
            # `gateway user` by root must not take the file from the service's own user: it does not.
            write_whole(self.path, msgspec.json.format(msgspec.json.encode(list(users.values()))))
            self._load()


def _read(path: Path) -> dict[str, User]:
    try:
        # No link is followed: as root, `gateway user` would copy a stranger's file for its maker.
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(number, "rb") as file:
            found = os.fstat(number)
            if not stat.S_ISREG(found.st_mode) or found.st_size > _FILE_MAX_BYTES:
                raise GatewayError(f"{path} is no users file; restore it from a backup")
            users = msgspec.json.decode(file.read(_FILE_MAX_BYTES), type=list[User])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise GatewayError(
            f"{path} is damaged ({fault}); restore it, or move it away and add the users again"
        ) from fault
    for user in users:
        is_odd = user.password is not None and not is_sound(user.password)
        if is_odd or user.role not in ROLES or not _NAME.fullmatch(user.name):
            raise GatewayError(f"{path} is damaged (user {user.name[:64]!r}); restore it")
    return {user.name: user for user in users}


def _new_epoch() -> str:
    return secrets.token_hex(16)
