"""One part that this worker has: its state, the jobs that wait for it, and its commits.

A commit runs the jobs that wait in a transaction of the working copy, stores what they changed as one
message in the part's log, and only then commits the copy and lets the jobs' effects happen. While the
message is under way the next jobs gather.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gateway.log.jobs import Effect, Job
from gateway.log.store import Store
from gateway.sections import Commit
from gateway.stream import image
from gateway.stream.aside import aside
from gateway.stream.batch import (
    JobError,
    Queue,
    Queued,
    TooLargeError,
    Totals,
    forget_sinks,
    run,
    run_by_parts,
)
from gateway.stream.cluster import NotNow, Refused
from gateway.stream.image import Behind
from gateway.stream.partlog import MESSAGE_MAX_BYTES, Fenced, PartLog
from gateway.stream.recording import Recorded, pack, replay, unpack
from protocols.topics import PARTS

_RETRY_S = 0.2
_ROWS_MIN = 10_000
_BYTES_MIN = 16_000_000

log = logging.getLogger(__name__)


class Part:
    """A part. may_speak(): this worker's lease stands. on_taken(size): a job has left the queue.

    on_lost(part): somebody else has it, or it cannot be read; on_commit(part): there may be new rows.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        partlog: PartLog,
        worker: str,
        totals: Totals,
        may_speak: Callable[[], bool],
        on_taken: Callable[[int, int], None],
        on_commit: Callable[["Part"], None],
        on_lost: Callable[["Part"], None],
        sinks: list[str],
        commit: Commit,
    ):
        self.name = name
        # A name of its own: what is being closed of an earlier turn must not take this one with it.
        self._path = folder / f"{name}-{secrets.token_hex(4)}.db"
        self._log = partlog
        self._worker = worker
        self._totals = totals
        self._may_speak = may_speak
        self._on_commit = on_commit
        self._on_lost = on_lost
        self._sinks = sinks
        self._group_s = commit.group_ms / 1000
        # A part has its share of the room, and may use some of the others'.
        self._limits = replace(
            commit,
            rows_max=max(_ROWS_MIN, 4 * commit.rows_max // PARTS),
            bytes_max=max(_BYTES_MIN, 4 * commit.bytes_max // PARTS),
        )
        self._queue = Queue(on_taken)
        self._wake = asyncio.Event()
        self._number = 0
        self._behind = Behind(0)
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False
        self.busy_since: float | None = None
        self.db: Recorded | None = None
        self.store: Store | None = None
        # Rows up to here are committed: what comes after them may still be taken back.
        self.committed_row = 0

    # -- taking over --------------------------------------------------------------------------------

    async def load(self) -> None:
        """Make the working copy from the stream and put our mark into the log; tries until it can.

        The mark makes whoever had the part before fail at its next commit. ValueError when what is
        stored cannot be read: then nobody should go on with it as if it were empty.
        """
        while True:
            try:
                found = await self._log.read()
                try:
                    await self._build(found.image, found.messages)
                except ValueError as fault:
                    raise ValueError(f"part {self.name}: {fault}") from fault
                await self._log.append(self._commit_name(), pack([]))
                break
            except (NotNow, Refused) as fault:
                self._complain(str(fault))
                await asyncio.sleep(_RETRY_S)
            except Fenced:
                await asyncio.sleep(_RETRY_S)
        self._totals.trouble = ""
        self._queue.put_own(forget_sinks)
        self._wake.set()
        self._task = asyncio.create_task(self._serve(), name=f"part-{self.name}")

    async def _build(self, packed: bytes, messages: list[bytes]) -> None:
        # While a thread works on it nobody else may have it: two of them in one connection can crash.
        self._discard(self.db)
        self.db = self.store = None
        made: list[Recorded] = []
        try:
            newer = await aside(lambda: self._replay(packed, messages, made))
        except BaseException:
            self._discard(made[0] if made else None)
            raise
        db = self.db = made[0]
        if newer:
            await self._log.save(newer)
        self._behind = Behind(len(packed))
        for message in messages:
            self._behind.note(len(message))
        self.store = Store(db, self._limits, sinks=self._sinks)
        self._note_rows()

    def _replay(self, packed: bytes, messages: list[bytes], made: list[Recorded]) -> bytes:
        """Put the working copy into `made`; returns its image if its tables had to be brought up."""
        db = image.load(self._path, packed) if packed else image.empty(self._path)
        made.append(db)
        db.execute("BEGIN")
        for message in messages:
            replay(db, unpack(message))
        db.execute("COMMIT")
        return image.make(db, self._sinks) if image.bring_up(db) else b""

    def _note_rows(self) -> None:
        db = self.db
        if db is not None:
            row = db.execute("SELECT seq FROM sqlite_sequence WHERE name='rows'").fetchone()
            self.committed_row = int(row[0]) if row else 0

    # -- jobs ---------------------------------------------------------------------------------------

    def put(self, queued: Queued) -> None:
        """Queue a job; in the loop's thread."""
        self._queue.put(queued)
        self._wake.set()

    @property
    def last(self) -> int:
        """The number of the newest message of its log that is known here."""
        return self._log.last

    @property
    def is_idle(self) -> bool:
        """True when nothing waits and nothing is under way."""
        return not self._queue and self.busy_since is None

    @property
    def waiting(self) -> int:
        """How many jobs wait or are under way."""
        return len(self._queue) + (self.busy_since is not None)

    async def close(self) -> None:
        """Commit what is queued, and end; the part can then be given away."""
        self._is_closing = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=5.0)
        self.drop()

    def drop(self) -> None:
        """Forget the part at once: what is queued is not acknowledged, and comes again elsewhere."""
        self._queue.clear()
        db, self.db, self.store = self.db, None, None
        task = self._task
        if task is None or task.done() or task is asyncio.current_task():
            self._discard(db)
        else:  # a commit is under way on it
            task.add_done_callback(lambda _done: self._discard(db))
            task.cancel()

    def _discard(self, db: Recorded | None) -> None:
        if db is not None:
            db.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self) -> None:
        try:
            # A cancel can be lost in what we await (wait_for, when its answer has just come).
            while self.store is not None:
                if not self._queue:
                    if self._is_closing:
                        return
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                if self._group_s:
                    await asyncio.sleep(self._group_s)
                await self._commit(self._queue.take())
                if self._behind.is_due(time.monotonic()):
                    await self._save()
        except Fenced:
            log.warning("part %s: another worker has written to it", self.name)
            self._on_lost(self)
        except asyncio.CancelledError:
            raise
        except Exception:
            self._totals.figures["parts_failed"] += 1
            log.exception("part %s", self.name)
            self._on_lost(self)

    # -- commits ------------------------------------------------------------------------------------

    async def _commit(self, batch: list[Queued]) -> None:
        self.busy_since = time.monotonic()
        try:
            effects, size = await self._stored(batch)
        except TooLargeError as fault:
            if len(batch) > 1:
                half = len(batch) // 2
                await self._commit(batch[:half])
                await self._commit(batch[half:])
                return
            self._totals.figures["jobs_failed"] += 1
            log.error("part %s: a job was dropped: %s", self.name, fault)  # noqa: TRY400
            effects, size = batch[0].releases(), 0
        finally:
            self.busy_since = None
        figures = self._totals.figures
        if size:
            figures["commits"] += 1
            figures["commit_bytes"] += size
            self._behind.note(size)
            self._note_rows()
        elif not self._may_speak():
            # Nothing was changed, so nobody has refused it: but we do not know whether we still may.
            figures["answers_withheld"] += len(effects)
            return
        figures["jobs"] += len(batch)
        for effect in effects:
            try:
                effect()
            except Exception:
                log.exception("after a commit")
        if size:
            self._on_commit(self)

    async def _stored(self, batch: list[Queued]) -> tuple[list[Effect], int]:
        """Run jobs, store what they changed, commit; returns their effects and the size in the log."""
        try:
            return await self._attempt(lambda store: run(store, batch))
        except JobError:
            return await self._attempt(
                lambda store: run_by_parts(store, batch, self._totals.figures)
            )

    async def _attempt(self, work: Job) -> tuple[list[Effect], int]:
        store, db = self.store, self.db
        if store is None or db is None:
            raise Fenced(self.name)
        with store.transaction():
            effects = work(store)
            body = pack(db.ops) if db.ops else b""
            if len(body) > MESSAGE_MAX_BYTES:
                raise TooLargeError(f"it changes {len(body)} bytes, more than a message takes")
            if body:
                await self._append(body)
        return effects, len(body)

    async def _append(self, body: bytes) -> None:
        """Store a commit; goes on until it is known to be stored, or Fenced."""
        name = self._commit_name()
        while True:
            try:
                await self._log.append(name, body)
            except NotNow as fault:
                self._totals.figures["commits_again"] += 1
                self._complain(str(fault))
                await asyncio.sleep(_RETRY_S)
            else:
                if self._totals.trouble:
                    log.warning("the commit log works again")
                    self._totals.trouble = ""
                return

    def _commit_name(self) -> str:
        self._number += 1
        return f"{self._worker}-{self._number}-{secrets.token_hex(6)}"

    def _complain(self, why: str) -> None:
        if not self._totals.trouble:
            log.error("NATS: %s; nothing is acknowledged meanwhile", why)
        self._totals.trouble = f"NATS: {why}"

    # -- images -------------------------------------------------------------------------------------

    async def _save(self) -> None:
        db = self.db
        if db is None:
            return
        packed = await aside(lambda: image.make(db, self._sinks))
        try:
            await self._log.save(packed)
        except (NotNow, Refused) as fault:
            # The log before it is still there: it can wait.
            log.info("part %s: its image is saved later: %s", self.name, fault)
            self._behind.put_off(time.monotonic())
            return
        self._totals.figures["images"] += 1
        self._behind = Behind(len(packed))
