"""The commit log of a worker: its parts, and the queue in front of them.

Jobs come from any thread; parts live in the loop of the cluster's thread. A job for a part that is not
here is not run and its message not released: the broker's session has it, and whoever has the part
gets it there.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.log.jobs import Effect, Job
from gateway.sections import Commit
from gateway.stream.batch import Queued, Totals
from gateway.stream.cluster import Cluster
from gateway.stream.names import Names
from gateway.stream.part import Part
from gateway.stream.partlog import PartLog
from protocols.topics import PARTS

_JOBS_MAX = 10_000
_BYTES_MAX = 16 * 1024 * 1024
_RELOAD_S = 1.0
# Parts of all groups that are read at a time: more would keep the lease from its turn in the loop.
_AT_ONCE = 8
INTAKE = "intake"

log = logging.getLogger(__name__)


async def _nothing(_group: str) -> None:
    """Until somebody wants to know."""


def groups_of(count: int) -> list[str]:
    """Return the names of all groups: '00'.. of parts, and the one that takes intake from MQTT."""
    return [*(f"{number:02d}" for number in range(count)), INTAKE]


def parts_of(group: str, count: int) -> list[str]:
    """Return the parts of a group, none for the intake's."""
    if group == INTAKE:
        return []
    return [f"{number:02d}" for number in range(int(group), PARTS, count)]


class StreamEngine:
    """An Engine (gateway.log.engine). on_open(group), on_close(group): a group is ready to be served,
    or must not be served any more; on_part(part), on_part_gone(name): the same for each part, before
    and after that. All in the loop. on_commit(part): there may be new rows."""

    def __init__(
        self,
        cluster: Cluster,
        names: Names,
        folder: Path,
        worker: str,
        groups: int,
        commit: Commit,
        sinks: list[str],
        may_speak: Callable[[], bool],
    ):
        self._cluster = cluster
        self._names = names
        self._folder = folder
        self._worker = worker
        self._groups = groups
        self._commit = commit
        self._sinks = sinks
        self._may_speak = may_speak
        for left in folder.glob("*.db*"):  # of a run before this one: the stream is the log
            left.unlink(missing_ok=True)
        self._room = threading.Condition()
        self._jobs = self._bytes = 0
        self._is_stopping = False
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._reading = asyncio.Semaphore(_AT_ONCE)
        self._broken = ""  # what needs a person and does not go away by itself
        self._held: set[str] = set()
        self._reloads: set[asyncio.Task[None]] = set()
        self._known: dict[str, int] = {}  # part -> the last number that the stream confirmed to us
        self.parts: dict[str, Part] = {}
        self.totals = Totals()
        self.on_open: Callable[[str], None] = lambda _group: None
        self.on_close: Callable[[str], Awaitable[None]] = _nothing
        self.on_part: Callable[[Part], None] = lambda _part: None
        self.on_part_gone: Callable[[str], None] = lambda _name: None
        self.on_commit: Callable[[Part], None] = lambda _part: None

    # -- Engine -------------------------------------------------------------------------------------

    @property
    def trouble(self) -> str:
        """What the log last complained of, '' when all is well."""
        return self._broken or self.totals.trouble

    @trouble.setter
    def trouble(self, why: str) -> None:
        self.totals.trouble = why

    @property
    def half_full(self) -> bool:
        """True when messages that may be lost should be."""
        return 2 * self._jobs >= _JOBS_MAX or 2 * self._bytes >= _BYTES_MAX

    def submit(
        self, job: Job, size: int = 0, release: Effect | None = None, part: str = ""
    ) -> None:
        """Queue a job; blocks while the queue is full. Not from the loop's own thread."""
        with self._room:
            self._room.wait_for(lambda: self._is_stopping or self._has_room(size))
            if self._is_stopping:
                return
            self._jobs += 1
            self._bytes += size
        self._hand(part, Queued(job, size, release))

    def offer(self, job: Job, size: int = 0, part: str = "") -> bool:
        """Queue a job unless the queue is full or the part is not here."""
        with self._room:
            if self._is_stopping or not self._has_room(size) or part not in self.parts:
                return False
            self._jobs += 1
            self._bytes += size
        self._hand(part, Queued(job, size))
        return True

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until what is queued so far is committed; not from the loop's own thread."""
        waiting = [threading.Event() for _ in self.parts]
        for name, done in zip(list(self.parts), waiting, strict=False):
            self.offer(lambda _store, done=done: [done.set], 0, name)  # type: ignore[misc]
        deadline = time.monotonic() + timeout_s
        return all(done.wait(max(0.0, deadline - time.monotonic())) for done in waiting)

    def stands_s(self) -> float:
        """Return for how many seconds the oldest commit under way has not come to an end."""
        begun = [each.busy_since for each in list(self.parts.values())]
        oldest = min((each for each in begun if each is not None), default=None)
        return 0.0 if oldest is None else time.monotonic() - oldest

    def _has_room(self, size: int) -> bool:
        return self._jobs == 0 or (self._jobs < _JOBS_MAX and self._bytes + size <= _BYTES_MAX)

    def _hand(self, part: str, queued: Queued) -> None:
        try:
            self._cluster.loop.call_soon_threadsafe(self._put, part, queued)
        except RuntimeError:  # the loop has ended: nothing is acknowledged
            self._taken(1, queued.size)

    def _put(self, name: str, queued: Queued) -> None:
        part = self.parts.get(name)
        if part is None:
            self.totals.figures["jobs_not_ours"] += 1
            self._taken(1, queued.size)
            return
        part.put(queued)

    def _taken(self, count: int, size: int) -> None:
        with self._room:
            self._jobs -= count
            self._bytes -= size
            self._room.notify_all()

    # -- parts --------------------------------------------------------------------------------------

    async def have(self, groups: set[str]) -> None:
        """Have these groups and no others: what is left is committed and closed before it returns,
        what is new is opened behind it. In the loop."""
        left = self._held - groups
        self._held = set(groups)
        await asyncio.gather(*(self._close(group) for group in left))
        for group in sorted(groups):
            if group not in self._opening:
                self._opening[group] = asyncio.create_task(self._open(group))

    async def _open(self, group: str) -> None:
        begun = time.monotonic()
        while group in self._held and (
            missing := [each for each in parts_of(group, self._groups) if each not in self.parts]
        ):
            try:
                await asyncio.gather(*(self._open_part(group, name) for name in missing[:_AT_ONCE]))
            except ValueError as fault:
                # What is stored cannot be read: nobody can go on with it before a person looks.
                self._broken = f"{fault}; group {group} is not served"
                log.error("%s", self._broken)  # noqa: TRY400
                return
            except (sqlite3.Error, OSError) as fault:
                self.trouble = f"the working copies cannot be made: {fault}"
                log.error("%s; see the disk of %s", self.trouble, self._folder)  # noqa: TRY400
                await asyncio.sleep(_RELOAD_S)
        if group not in self._held:
            return
        log.info("group %s is ours, ready in %.1f s", group, time.monotonic() - begun)
        self.on_open(group)

    async def _open_part(self, group: str, name: str) -> None:
        part = Part(
            name,
            self._folder,
            PartLog(self._cluster, self._names, name, self.totals.figures),
            self._worker,
            self.totals,
            self._may_speak,
            self._taken,
            self._committed,
            self._lost,
            self._sinks,
            self._commit,
        )
        try:
            async with self._reading:
                await part.load()
        except BaseException:
            part.drop()
            raise
        if group not in self._held:
            part.drop()  # given away while it was read
            return
        if part.last < self._known.get(name, 0):
            # More copies were lost than the stream can lose: devices were told of what is not there.
            self.totals.figures["parts_gone_back"] += 1
            log.error(
                "part %s: the stream ends before what it has confirmed; records are lost if their "
                "boards have freed them. Never take a node away before the copies are up to date",
                name,
            )
        self._known[name] = part.last
        self.totals.figures["parts_loaded"] += 1
        self.parts[name] = part
        self.on_part(part)

    async def _close(self, group: str) -> None:
        opening = self._opening.pop(group, None)
        if opening is not None and not opening.done():
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
        await self.on_close(group)
        names = [each for each in parts_of(group, self._groups) if each in self.parts]
        # While the lease stands, what is queued is still ours to commit; else it is dropped.
        if self._may_speak():
            await asyncio.gather(*(self.parts[name].close() for name in names))
        else:
            self.totals.figures["jobs_fenced"] += sum(self.parts[name].waiting for name in names)
        for name in names:
            self._known[name] = self.parts[name].last
            self.parts.pop(name).drop()
            self.on_part_gone(name)

    def _committed(self, part: Part) -> None:
        self.on_commit(part)

    def _lost(self, part: Part) -> None:
        """A part's commit was refused: forget what we thought it was; read it again if it is ours."""
        if self.parts.get(part.name) is not part:
            return
        del self.parts[part.name]
        self._known[part.name] = part.last
        part.drop()
        self.on_part_gone(part.name)
        group = f"{int(part.name) % self._groups:02d}"
        if group in self._held:
            task = asyncio.create_task(self._again(group, part.name))
            self._reloads.add(task)
            task.add_done_callback(self._reloads.discard)

    async def _again(self, group: str, name: str) -> None:
        # What comes for the part meanwhile stays with the broker until there is a new connection.
        await self.on_close(group)
        await asyncio.sleep(_RELOAD_S)
        while group in self._held and name not in self.parts:
            if self._may_speak():
                try:
                    await self._open_part(group, name)
                except ValueError as fault:
                    self._broken = f"{fault}; it is not served"
                    log.error("%s", self._broken)  # noqa: TRY400
                    return
                # Another part of the group may have opened it meanwhile: what came for this one then
                # was not taken, and comes again over a new connection.
                await self.on_close(group)
                self.on_open(group)
                return
            await asyncio.sleep(_RELOAD_S)

    async def stop(self) -> None:
        """Close everything; what is queued is committed. In the loop."""
        with self._room:
            self._is_stopping = True
            self._room.notify_all()
        await self.have(set())
