"""A backup made while the gateway runs: one tar of the database, the keys, the users and the site.

The database is copied by SQLite's online backup in one step, under one snapshot: commits go on
meanwhile, into the write-ahead log. Keys are read after it, so that no pseudonym of the copy is without
its key. `manifest.json` stands first and has every file's size, mode and SHA-256.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.config import Config
from gateway.errors import GatewayError
from gateway.log.opening import explain

VERSION = 1
MANIFEST = "manifest.json"
DATABASE = "data/gateway.db"
# Of the gateway's own folder; what else lies there is made anew.
DATA_FILES = ("keys.json", "users.json")
_FILE_MAX_BYTES = 16_000_000
_FILES_MAX = 200_000


def make(config: Config, to: Path) -> dict[str, Any]:
    """Write a backup to the file `to` (mode 600) and return its manifest.

    GatewayError when something cannot be read or written; then there is no file, or the old one.
    """
    source = config.site.data / "gateway.db"
    new = to.with_name(to.name + ".part")
    copy = to.with_name(to.name + ".db-part")
    try:
        with _removed(new), _removed(copy):
            files: list[tuple[str, bytes | Path, int]] = []
            if source.exists():
                _copy_database(source, copy)
                files.append((DATABASE, copy, 0o600))
            elif config.commit.engine == "sqlite":
                raise GatewayError(f"there is no {source}: nothing to back up yet")
            files += _small_files(config)
            manifest = {
                "version": VERSION,
                "site": config.site.id,
                "city": config.site.city,
                "made_s": int(time.time()),
                "files": [_described(name, content, mode) for name, content, mode in files],
            }
            with (
                os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file,
                tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar,
            ):
                _add(tar, MANIFEST, json.dumps(manifest, indent=1).encode(), 0o600)
                for name, content, mode in files:
                    _add(tar, name, content, mode)
                tar.close()
                file.flush()
                os.fsync(file.fileno())
            new.replace(to)
            sync_folder(to.parent)
    except sqlite3.Error as fault:
        raise GatewayError(f"backup: {explain(source, fault)}") from fault
    except OSError as fault:
        raise GatewayError(f"backup: {fault.filename or to}: {fault.strerror}") from fault
    return manifest


@contextmanager
def _removed(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _copy_database(source: Path, copy: Path) -> None:
    copy.unlink(missing_ok=True)
    size = source.stat().st_size
    # The copy, and the tar with it.
    if shutil.disk_usage(copy.parent).free < 2 * size + _FILE_MAX_BYTES:
        raise GatewayError(
            f"no room for a backup in {copy.parent}: it takes {2 * size} bytes while it is made"
        )
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    here = sqlite3.connect(f"file:{source}?mode=ro", uri=True)
    there = sqlite3.connect(copy)
    try:
        here.backup(there, pages=-1)
        # A backup that was never looked at is none.
        fault = str(there.execute("PRAGMA quick_check(1)").fetchone()[0])
        if fault != "ok":
            raise sqlite3.DatabaseError(f"malformed: {fault}")
        there.execute("PRAGMA journal_mode=DELETE")
    finally:
        there.close()
        here.close()


def _small_files(config: Config) -> list[tuple[str, bytes | Path, int]]:
    found = [(f"data/{name}", config.site.data / name) for name in DATA_FILES]
    if config.site.folder is not None:
        found += [
            (f"site/{path.relative_to(config.site.folder).as_posix()}", path)
            for path in sorted(config.site.folder.rglob("*"))
            if not _is_passing(path.relative_to(config.site.folder))
        ]
    files: list[tuple[str, bytes | Path, int]] = []
    for name, path in found:
        if not path.is_file() or path.is_symlink():
            continue
        if path.stat().st_size > _FILE_MAX_BYTES or len(files) >= _FILES_MAX:
            raise GatewayError(f"{path} is too large for a file of a site: move it elsewhere")
        files.append((name, path.read_bytes(), path.stat().st_mode & 0o777))
    return files


def _is_passing(path: Path) -> bool:
    """Tell whether a file of the site's folder is a running program's, and not the site's."""
    is_running = path.parts[:2] == ("broker", "data") or path.parts[0] == "moves"
    return is_running or path.suffix in (".pid", ".lock", ".new", ".log")


def _described(name: str, content: bytes | Path, mode: int) -> dict[str, Any]:
    if isinstance(content, bytes):
        size, digest = len(content), hashlib.sha256(content)
    else:
        size = content.stat().st_size
        with content.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    return {"name": name, "bytes": size, "mode": f"{mode:o}", "sha256": digest.hexdigest()}


def _add(tar: tarfile.TarFile, name: str, content: bytes | Path, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    entry.mtime = int(time.time())
    if isinstance(content, bytes):
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    else:
        entry.size = content.stat().st_size
        with content.open("rb") as file:
            tar.addfile(entry, file)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
