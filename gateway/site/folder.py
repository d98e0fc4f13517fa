"""The site's folder: where its files lie, who may read them, and how they are written whole.

  ca/          .crt and .key of ca, readers, gateways: only `gateway device` needs them
  broker/      mosquitto.conf acl *.crt *-crl.pem server.crt server.key data/
  gateway/     gateway.crt/.key (to the broker) http.crt/.key (the dashboard)
  devices/     <id>/<serial>.crt: what was issued; keys of devices are not kept
  secrets/     <id>-<kid>.key: keys of sealed fields
  moves/       what the running gateway is asked to hand over (gateway.site.moves)
  devices.json the registry

Folders are 700, files that hold a secret 600. One that others can read is refused with what to do.

What root writes belongs to whom its folder belongs: a site is one user's, and `sudo gateway device` must
not take the registry from the gateway and the broker that run as him. He may be taken over, so root
follows no link of his, opens nothing that he put there, and hands over only what it has just made.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import GatewayError

FOLDERS = ("ca", "broker", "broker/data", "gateway", "devices", "secrets", "moves")
FILE_MAX_BYTES = 64 * 1024 * 1024
_NO_LOCK = "{} is no lock of ours: look who put it there, and remove it"


def write_whole(path: Path, data: bytes, mode: int = 0o600, is_copy: bool = False) -> None:
    """Write a file so that a reader, or a power cut, finds the old one or the new one.

    is_copy: it can be had again, so it may take its time to the disk. By root: the folder's owner's.
    """
    new = path.name + ".new"
    try:
        with _opened(path.parent) as folder:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(new, dir_fd=folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            number = os.open(new, flags, mode, dir_fd=folder)
            with os.fdopen(number, "wb") as file:
                _hand_over(number, folder)
                os.fchmod(number, mode)  # whatever the umask
                file.write(data)
                file.flush()
                if not is_copy:
                    os.fsync(number)
            os.rename(new, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            if not is_copy:
                os.fsync(folder)
    except OSError as fault:
        raise GatewayError(f"cannot write {path}: {fault.strerror}") from fault


def make_folder(path: Path) -> None:
    """Make a folder, mode 700, unless it is there; by root: of the owner of the one it is in."""
    try:
        with _opened(path.parent) as above:
            try:
                os.mkdir(path.name, 0o700, dir_fd=above)
            except FileExistsError:
                return
            if os.geteuid() == 0:
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                number = os.open(path.name, flags, dir_fd=above)
                try:
                    _hand_over(number, above)
                finally:
                    os.close(number)
    except OSError as fault:
        raise GatewayError(f"cannot make {path}: {fault.strerror}") from fault


@contextlib.contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Hold the lock `path` (made if need be); waits for who holds it. GatewayError for what is no lock:
    a link, a pipe, a file that has another name besides."""
    try:
        with _opened(path.parent) as folder:
            number = _open_lock(path.name, folder)
    except OSError as fault:
        if fault.errno == errno.ELOOP:
            raise GatewayError(_NO_LOCK.format(path)) from fault
        raise GatewayError(f"cannot lock {path}: {fault.strerror}") from fault
    try:
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise GatewayError(_NO_LOCK.format(path))
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def _open_lock(name: str, folder: int) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        number = os.open(name, flags | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
    except FileExistsError:
        return os.open(name, flags, dir_fd=folder)
    try:
        _hand_over(number, folder)
    except OSError:
        os.close(number)
        raise
    return number


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """A folder to work in, whatever becomes of its path; root follows a link only if it is root's."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    if os.geteuid() == 0 and folder.is_symlink() and folder.lstat().st_uid == 0:
        number = os.open(folder, flags)
    else:
        number = os.open(folder, flags | (os.O_NOFOLLOW if os.geteuid() == 0 else 0))
    try:
        yield number
    finally:
        os.close(number)


def _hand_over(number: int, folder: int) -> None:
    """Give a file or folder that was just made to the owner of the folder that it is in: root can."""
    owner = os.fstat(folder)
    if os.geteuid() == 0 and (owner.st_uid, owner.st_gid) != (0, 0):
        os.fchown(number, owner.st_uid, owner.st_gid)


def read_limited(path: Path, most_bytes: int = FILE_MAX_BYTES) -> bytes:
    """Return a regular file's bytes; GatewayError for one that is missing, none, or too large."""
    try:
        # NONBLOCK: opening a pipe that somebody put there must not wait for its writer.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(number, "rb") as file:
            found = os.fstat(number)
            if not stat.S_ISREG(found.st_mode) or found.st_size > most_bytes:
                raise GatewayError(f"{path} is no file of at most {most_bytes} bytes")
            return file.read(most_bytes + 1)[:most_bytes]
    except OSError as fault:
        raise GatewayError(f"cannot read {path}: {fault.strerror}") from fault


def read_secret(path: Path, most_bytes: int = 64 * 1024) -> bytes:
    """Return a secret file's bytes; GatewayError when anybody but its owner may read or write it."""
    try:
        mode = path.stat().st_mode
    except OSError as fault:
        raise GatewayError(f"cannot read {path}: {fault.strerror}") from fault
    if mode & 0o077:
        raise GatewayError(
            f"{path} can be read by others (mode {mode & 0o777:o}): chmod 600 {path}"
        )
    return read_limited(path, most_bytes)


class SiteFolder:
    """Paths in a site's folder. `path` is made absolute: mosquitto.conf names its files in full."""

    def __init__(self, path: Path):
        self.path = path.absolute()
        self.registry = self.path / "devices.json"
        self.broker = self.path / "broker"
        self.acl = self.broker / "acl"
        self.config = self.broker / "mosquitto.conf"
        self.pid = self.broker / "mosquitto.pid"
        self.moves = self.path / "moves"
        self.secrets = self.path / "secrets"
        self.issued = self.path / "devices"

    def authority(self, name: str) -> tuple[Path, Path]:
        """Return certificate and key of an authority."""
        return self.path / "ca" / f"{name}.crt", self.path / "ca" / f"{name}.key"

    def revocations(self, name: str) -> Path:
        """Return the list of what an authority took back, where mosquitto reads it."""
        return self.broker / f"{'crl' if name == 'ca' else name + '-crl'}.pem"

    def trusted(self, name: str) -> Path:
        """Return the authority's certificate in the broker's own folder."""
        return self.broker / f"{name}.crt"

    def make(self) -> None:
        """Make the folders; GatewayError when a site, or anything else, is there already."""
        if self.registry.exists() or any((self.path / each).exists() for each in FOLDERS):
            raise GatewayError(
                f"{self.path} holds a site already; it is left as it is. Choose another folder, or "
                "use `gateway device` to change this one; remove one that was made half"
            )
        self._check_owner()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            for each in FOLDERS:
                (self.path / each).mkdir(mode=0o700)
        except OSError as fault:
            raise GatewayError(f"cannot make {self.path}: {fault.strerror}") from fault

    def _check_owner(self) -> None:
        """A site is its maker's altogether: mosquitto.conf names him as who runs the broker."""
        if os.geteuid() == 0 and self.path.exists() and (uid := self.path.stat().st_uid) != 0:
            raise GatewayError(
                f"{self.path} belongs to user {uid}, you are root: have that user make the site "
                f"(setpriv --reuid={uid} --clear-groups, or su)"
            )

    def check_modes(self) -> None:
        """Raise GatewayError when others may look into the folder."""
        try:
            mode = self.path.stat().st_mode
        except OSError as fault:
            raise GatewayError(
                f"no site in {self.path}: {fault.strerror}; `gateway init-site` makes one"
            ) from fault
        if mode & 0o077:
            raise GatewayError(
                f"{self.path} is open to others (mode {mode & 0o777:o}): chmod 700 {self.path}"
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One change of the site at a time: the second one waits for the first."""
        self.check_modes()
        with lock_file(self.path / ".lock"):
            yield
