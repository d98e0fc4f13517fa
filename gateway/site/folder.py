"""The site's folder: where its files lie, who may read them, and how they are written whole.

  ca/          .crt and .key of ca, readers, gateways: only `gateway device` needs them
  broker/      mosquitto.conf acl *.crt *-crl.pem server.crt server.key data/
  gateway/     gateway.crt/.key (to the broker) http.crt/.key (the dashboard)
  devices/     <id>/<serial>.crt: what was issued; keys of devices are not kept
  secrets/     <id>-<kid>.key: keys of sealed fields
  moves/       what the running gateway is asked to hand over (gateway.site.moves)
  devices.json the registry

Folders are 700, files that hold a secret 600. One that others can read is refused with what to do.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import GatewayError

FOLDERS = ("ca", "broker", "broker/data", "gateway", "devices", "secrets", "moves")
FILE_MAX_BYTES = 64 * 1024 * 1024


def write_whole(path: Path, data: bytes, mode: int = 0o600, is_copy: bool = False) -> None:
    """Write a file so that a reader, or a power cut, finds the old one or the new one.

    is_copy: it can be had again, so it may take its time to the disk.
    """
    new = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    try:
        number = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(number, "wb") as file:
            os.fchmod(number, mode)  # whatever the umask
            file.write(data)
            file.flush()
            if not is_copy:
                os.fsync(number)
        new.rename(path)
        if is_copy:
            return
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as fault:
        raise GatewayError(f"cannot write {path}: {fault.strerror}") from fault


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
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            for each in FOLDERS:
                (self.path / each).mkdir(mode=0o700)
        except OSError as fault:
            raise GatewayError(f"cannot make {self.path}: {fault.strerror}") from fault

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
        try:
            number = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as fault:
            raise GatewayError(f"cannot lock {self.path}: {fault.strerror}") from fault
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            yield
        finally:
            os.close(number)
