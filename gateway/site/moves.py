"""What `gateway device` asks of the running gateway: a file in the site's folder, answered there.

A file NAME.json is {"what": ..., "device": ..., "new": ...}; it is done in one transaction of the commit
log, then NAME.done says what was moved. A gateway that does not run does it when it starts. Doing one
twice (a power cut between commit and answer) changes nothing more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from gateway.errors import GatewayError
from gateway.log.engine import Engine
from gateway.log.jobs import Effect
from gateway.log.store import Row, Store
from gateway.site.folder import read_secret, write_whole
from gateway.site.handover import Handover, Moved, Work
from protocols.topics import part_of

_FILE_MAX_BYTES = 4 * 1024
_AT_ONCE = 16
_EVERY_S = 1.0
_KEPT_S = 86_400
_Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")]
_NoName = Annotated[str, msgspec.Meta(pattern="^([a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?)?$")]

log = logging.getLogger(__name__)


class Ask(msgspec.Struct, forbid_unknown_fields=True):
    """what: 'board' (another board under the same name), 'succeed' (`new` takes over), 'gone'."""

    what: Literal["board", "succeed", "gone"]
    device: _Name
    new: _NoName = ""


def ask(folder: Path, what: Ask) -> Path:
    """Leave a request in the site's `moves` folder; returns the file of its answer to be."""
    name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
    write_whole(folder / f"{name}.json", msgspec.json.encode(what))
    return folder / f"{name}.done"


def answer(path: Path, wait_s: float) -> Moved | None:
    """Wait for an answer and take it away; None when none came in time: no gateway runs."""
    until_s = time.monotonic() + wait_s
    while not path.exists():
        if path.with_suffix(".bad").exists():
            raise GatewayError(f"the gateway refused {path.stem}: its log says why")
        if time.monotonic() >= until_s:
            return None
        time.sleep(0.1)
    moved = msgspec.json.decode(read_secret(path), type=Moved)
    path.unlink(missing_ok=True)
    return moved


class Moves:
    """Takes the requests of a folder to the commit log; run() does, or sweep() now and then.

    on_rows(rows): told of new feed rows after the commit. Counts moves_done and moves_refused.
    """

    def __init__(
        self,
        folder: Path,
        handover: Handover,
        engine: Engine,
        on_rows: Callable[[list[Row]], None],
        counters: Counter[str],
    ):
        self._folder = folder
        self._handover = handover
        self._engine = engine
        self._on_rows = on_rows
        self._counters = counters
        self._under_way: set[str] = set()

    async def run(self) -> None:
        """Look for requests each second, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                self.sweep(time.time_ns() // 1_000_000)
            except Exception:
                log.exception("the requests in %s wait", self._folder)

    def sweep(self, at_ms: int) -> None:
        """Offer what is there, oldest first; at_ms: now, Unix ms."""
        try:
            found = sorted(self._folder.iterdir())
        except OSError as fault:
            log.warning("cannot look into %s: %s", self._folder, fault.strerror)
            return
        for path in found:
            if path.suffix in (".done", ".bad"):
                self._forget(path, at_ms)
            elif path.suffix == ".json" and path.name not in self._under_way:
                if len(self._under_way) >= _AT_ONCE:
                    return
                self._offer(path, at_ms)

    def _forget(self, path: Path, at_ms: int) -> None:
        with contextlib.suppress(OSError):
            if at_ms / 1000 - path.stat().st_mtime > _KEPT_S:
                path.unlink()

    def _offer(self, path: Path, at_ms: int) -> None:
        try:
            wanted = _read(path)
        except (GatewayError, msgspec.DecodeError, UnicodeError) as fault:
            log.error("%s is not done: %s", path, fault)  # noqa: TRY400
            self._counters["moves_refused"] += 1
            with contextlib.suppress(OSError):
                path.rename(path.with_suffix(".bad"))
            return

        def job(store: Store) -> list[Effect]:
            work = self._handover.run(store, wanted.what, wanted.device, wanted.new, at_ms)
            store.add_rows(work.rows)
            return [lambda: self._done(path, work), *work.effects]

        self._under_way.add(path.name)
        if not self._engine.offer(job, _FILE_MAX_BYTES, part_of(wanted.device)):
            self._under_way.discard(path.name)

    def _done(self, path: Path, work: Work) -> None:
        self._counters["moves_done"] += 1
        self._on_rows(work.rows)
        with contextlib.suppress(GatewayError, OSError):
            write_whole(path.with_suffix(".done"), msgspec.json.encode(work.moved))
            path.unlink(missing_ok=True)
        self._under_way.discard(path.name)


def _read(path: Path) -> Ask:
    wanted = msgspec.json.decode(read_secret(path, _FILE_MAX_BYTES), type=Ask)
    if (wanted.what == "succeed") != bool(wanted.new) or wanted.new == wanted.device:
        raise GatewayError("'new' is another device's name, with 'succeed' alone")
    return wanted
