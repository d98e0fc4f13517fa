"""A backup put back: checked as a whole, the old files set aside, and what is newer here kept.

The gateway goes on where the backup was. Boards send again what they still hold, and what they do not
is recorded as gaps; the gateway's own records get numbers that were never given.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import tarfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.config import Config
from gateway.errors import GatewayError
from gateway.log import schema
from gateway.log.backup import DATA_FILES, DATABASE, MANIFEST, VERSION, sync_folder
from gateway.log.own import skip_own

_MANIFEST_MAX_BYTES = 64_000_000
_FILE_MAX_BYTES = 16_000_000
_CHUNK_BYTES = 1_048_576
# More of its own records than a gateway writes in a second.
_OWN_PER_S = 100
_NAME = re.compile(r"site(/[A-Za-z0-9_][A-Za-z0-9_.@-]*){1,6}")


@dataclass(frozen=True, slots=True)
class Restored:
    """What restore() did: `made` when the backup was made (ISO), `files` what was put back, `kept`
    what was here and stays, `aside` where the old files are ('' when there were none)."""

    made: str
    files: list[str]
    kept: list[str]
    aside: str


def restore(config: Config, source: Path, force: bool, everything: bool) -> Restored:
    """Put the backup in the file `source` into the folders of `config`.

    force: also when there is a database. everything: also users and site, which else stay as they are
    here when there are any, because whoever was revoked since then must stay so. GatewayError when the
    backup is damaged, of another gateway, or the gateway runs; then nothing has changed.
    """
    data = config.site.data
    staging = data / ".restoring"
    try:
        data.mkdir(parents=True, exist_ok=True)
        if (data / "gateway.db").exists():
            if not force:
                raise GatewayError(
                    f"there is a database in {data}; to set it aside, say --force (stop the gateway)"
                )
            _refuse_running(data / "gateway.db")
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        try:
            manifest = _unpack(source, staging)
            if manifest["site"] != config.site.id:
                raise GatewayError(
                    f"{source} is of the gateway '{manifest['site']}', this is '{config.site.id}': "
                    "its boards and keys are others"
                )
            if (staging / DATABASE).exists():
                _prepare(staging / DATABASE, config.site.id, int(manifest["made_s"]))
            return _put(config, staging, manifest, everything)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except (tarfile.TarError, EOFError) as fault:
        raise GatewayError(f"{source} is no backup, or a damaged one: {fault}") from fault
    except sqlite3.Error as fault:
        raise GatewayError(f"the database in {source} is damaged: {fault}") from fault
    except OSError as fault:
        raise GatewayError(f"restore: {fault.filename or source}: {fault.strerror}") from fault


def _refuse_running(path: Path) -> None:
    """Raise GatewayError when somebody has the database open; a damaged one is nobody's."""
    db = sqlite3.connect(path, isolation_level=None, timeout=1.0)
    try:
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        db.execute("ROLLBACK")
    except sqlite3.OperationalError as fault:
        if "locked" in str(fault):
            raise GatewayError("the gateway runs: stop it first") from fault
    except sqlite3.DatabaseError:
        pass
    finally:
        db.close()


def _unpack(source: Path, staging: Path) -> dict[str, Any]:
    """Write every file of the backup below `staging`, checked; returns the manifest."""
    with tarfile.open(source, mode="r:") as tar:
        first = tar.next()
        if first is None or first.name != MANIFEST or first.size > _MANIFEST_MAX_BYTES:
            raise GatewayError(f"{source} is no backup of a gateway")
        manifest, expected = _read_manifest(source, _content(tar, first, source).read())
        while (entry := tar.next()) is not None:
            told = expected.pop(entry.name, None)
            if told is None or not entry.isreg() or entry.size != told["bytes"]:
                raise GatewayError(f"{source}: '{entry.name}' is not as its manifest says")
            _write(_content(tar, entry, source), staging / entry.name, told, source)
    if expected:
        raise GatewayError(f"{source} ends before {next(iter(expected))}: it is not whole")
    return manifest


def _content(tar: tarfile.TarFile, entry: tarfile.TarInfo, source: Path) -> Any:
    content = tar.extractfile(entry) if entry.isreg() else None
    if content is None:
        raise GatewayError(f"{source}: '{entry.name}' is no file")
    return content


def _read_manifest(source: Path, text: bytes) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    try:
        manifest: dict[str, Any] = json.loads(text)
        if manifest["version"] != VERSION:
            raise GatewayError(
                f"{source} is of version {manifest['version']}, this reads {VERSION}"
            )
        names = {DATABASE, *(f"data/{each}" for each in DATA_FILES)}
        expected: dict[str, dict[str, Any]] = {}
        for each in manifest["files"]:
            name = str(each["name"])
            is_known = name in names or (_NAME.fullmatch(name) and ".." not in name)
            too_large = name != DATABASE and int(each["bytes"]) > _FILE_MAX_BYTES
            if not is_known or too_large or int(each["mode"], 8) & ~0o777:
                raise GatewayError(f"{source} has a file that no gateway has: '{name[:80]}'")
            expected[name] = each
        str(manifest["site"]), int(manifest["made_s"])
    except (ValueError, KeyError, TypeError) as fault:
        raise GatewayError(f"{source}: its manifest is none") from fault
    return manifest, expected


def _write(content: Any, to: Path, told: dict[str, Any], source: Path) -> None:
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fchmod(file.fileno(), int(told["mode"], 8))
        os.fsync(file.fileno())
    if digest.hexdigest() != told["sha256"]:
        raise GatewayError(f"{source}: '{told['name']}' is damaged; take an older backup")


def _prepare(path: Path, site: str, made_s: int) -> None:
    """Look the copy over, and give the gateway's own records numbers of their own."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        version = schema.prepare(db)
        if version != schema.VERSION:
            raise GatewayError(
                f"the backup has schema {version}, this gateway writes {schema.VERSION}: "
                "restore it with the version that made it"
            )
        db.execute("BEGIN IMMEDIATE")
        known = skip_own(db, site)
        skip_own(db, site, known + _OWN_PER_S * max(0, int(time.time()) - made_s))
        db.execute("COMMIT")
    finally:
        db.close()


def _put(config: Config, staging: Path, manifest: dict[str, Any], everything: bool) -> Restored:
    data, site = config.site.data, config.site.folder
    at = datetime.now(UTC)
    aside = data / f"before-restore-{at:%Y%m%dT%H%M%SZ}"
    files: list[str] = []
    kept: list[str] = []
    has_site = site is not None and site.exists() and any(site.iterdir())
    moves: list[tuple[Path, Path]] = []
    for each in manifest["files"]:
        name = str(each["name"])
        if name.startswith("site/"):
            if site is None or (has_site and not everything):
                kept.append(name)
                continue
            to = site / name.removeprefix("site/")
        else:
            to = data / name.removeprefix("data/")
            if name == "data/keys.json" and to.exists():
                _join_keys(staging / name, to)
            elif name == "data/users.json" and to.exists() and not everything:
                kept.append(name)
                continue
        moves.append((staging / name, to))
        files.append(name)
    # The database last: what is put back before it fits the old one as well.
    moves.sort(key=lambda move: move[1] == data / "gateway.db")
    for new, to in moves:
        olds = [to]
        if to == data / "gateway.db":
            # A write-ahead log of the old database must never be read into the new one.
            olds += [
                to.with_name(to.name + each) for each in ("-wal", "-shm", ".doubtful", ".salvaged")
            ]
        for old in reversed(olds):
            if old.exists():
                aside.mkdir(mode=0o700, exist_ok=True)
                old.rename(aside / old.name if old.parent == data else _place(aside, old, site))
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.move(new, to)
        sync_folder(to.parent)
    made = datetime.fromtimestamp(int(manifest["made_s"]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Restored(made, files, kept, str(aside) if aside.exists() else "")


def _place(aside: Path, old: Path, site: Path | None) -> Path:
    place = aside / "site" / (old.relative_to(site) if site is not None else Path(old.name))
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def _join_keys(backup: Path, here: Path) -> None:
    """Add the keys that are only here to those of the backup, if both are of the same gateway.

    Without this month's key the pseudonyms of riders would change in the middle of a shift.
    """
    try:
        old = json.loads(backup.read_text())
        new = json.loads(here.read_text())
        if old["feed"] != new["feed"]:
            return
    except (OSError, ValueError, KeyError, TypeError):
        return  # what is here is no use; it is set aside with the rest
    mode = backup.stat().st_mode & 0o777
    backup.write_text(json.dumps({**old, **new}))
    backup.chmod(mode)
