"""Every tablet's /vision connection, and the few threads that look at their pictures.

Fair: a tablet has one picture looked at and one waiting, and the threads go round the tablets in turn. A
tablet that floods, or takes no answers, costs itself and nobody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from ar_picking.overlay.world import WorldBuilder
from ar_picking.store.records import Store
from ar_picking.web import vision_wire
from ar_picking.web.figures import PictureFigures
from ar_picking.web.halves import until_one_ends
from ar_picking.web.marker_tally import MarkerTally
from ar_picking.web.mqtt_gate import close
from ar_picking.web.vision_session import VisionSession
from ar_picking.web.vision_wire import Hello, Wish

FRAMES_A_SECOND = 60
_FLOOD_MAX = 300  # pictures beyond that rate, then the connection is ended
_TEXTS_A_SECOND = 30
_REJECTS_MAX = 50  # in a row
_HELLOS_MAX = 50  # each may mean a new Localizer
_IDLE_S = 300.0
_SLOW_S = 10.0


class VisionDesk:
    """Answers tablets' pictures of one store with `workers` threads."""

    def __init__(
        self, store: Store, devices: Path | None, tally: MarkerTally, workers: int = 2
    ) -> None:
        self._store, self._devices, self._tally = store, devices, tally
        self._world = WorldBuilder(store)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="vision")
        self._codes = ThreadPoolExecutor(1, thread_name_prefix="codes")
        # First come, first served, as a pool's own queue would be; but here the picture is chosen when
        # its turn has come.
        self._turns = asyncio.Semaphore(workers)
        self._sessions: set[VisionSession] = set()
        self.figures: dict[str, PictureFigures] = {}

    def close(self) -> None:
        """End the threads; what they are at is finished."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._codes.shutdown(wait=True, cancel_futures=True)

    def summary(self) -> dict[str, Any]:
        """The figures of every tablet that has shown pictures since the start."""
        return {device: figures.summary() for device, figures in sorted(self.figures.items())}

    async def serve(self, socket: web.WebSocketResponse, device: str) -> None:
        """Serve a prepared WebSocket of `device` until it ends."""
        figures = self.figures.setdefault(device, PictureFigures())
        figures.counts["sessions"] += 1
        session = VisionSession(
            self._store, self._world, self._devices, device, figures, self._codes.submit
        )
        self._sessions.add(session)
        news = asyncio.Event()
        try:
            code, why = await until_one_ends(
                self._receive(socket, session, figures, news),
                self._answer(socket, session, news),
            )
        finally:
            self._sessions.discard(session)
            loop = asyncio.get_running_loop()
            try:
                counts = await loop.run_in_executor(self._pool, session.health)
            except RuntimeError:  # the threads have ended: nobody looks at a picture any more
                counts = session.health()
            self._tally.ended(id(session), counts)
        await close(socket, code, why)

    async def collect(self) -> None:
        """Bring the count of markers up to date with connections that stand."""
        loop = asyncio.get_running_loop()
        for session in list(self._sessions):
            counts = await loop.run_in_executor(self._pool, session.health)
            if session in self._sessions:
                self._tally.running(id(session), counts)

    async def _receive(
        self,
        socket: web.WebSocketResponse,
        session: VisionSession,
        figures: PictureFigures,
        news: asyncio.Event,
    ) -> tuple[int, str]:
        frames, texts = _Bucket(FRAMES_A_SECOND), _Bucket(_TEXTS_A_SECOND)
        flood = hellos = bad = 0
        while True:
            try:
                message = await socket.receive(_IDLE_S)
            except TimeoutError:
                return WSCloseCode.GOING_AWAY, "nothing came for five minutes"
            if message.type is WSMsgType.BINARY:
                frame = vision_wire.frame(message.data, time.monotonic())
                if frame is None:
                    return WSCloseCode.UNSUPPORTED_DATA, "a picture without its number and time"
                if not frames.take():
                    figures.counts["flood"] += 1
                    flood += 1
                    if flood > _FLOOD_MAX:
                        return WSCloseCode.POLICY_VIOLATION, "too many pictures"
                    continue
                session.offer(frame)
                news.set()
                continue
            if message.type is not WSMsgType.TEXT:
                return WSCloseCode.OK, ""
            if not texts.take():
                return WSCloseCode.POLICY_VIOLATION, "too many messages"
            said = vision_wire.message(message.data, self._store.bins)
            if isinstance(said, Hello):
                hellos += 1
                if hellos > _HELLOS_MAX:
                    return WSCloseCode.POLICY_VIOLATION, "too many hellos"
                session.take_hello(said)
            elif isinstance(said, Wish):
                session.take_wish(said)
            else:
                figures.rejected(said)
                bad += 1
                if bad > _REJECTS_MAX:
                    return WSCloseCode.POLICY_VIOLATION, said
                await _send(socket, vision_wire.reject(None, said))

    async def _answer(
        self, socket: web.WebSocketResponse, session: VisionSession, news: asyncio.Event
    ) -> tuple[int, str]:
        loop = asyncio.get_running_loop()
        rejects = 0
        while True:
            await news.wait()
            news.clear()
            async with self._turns:
                found = await loop.run_in_executor(self._pool, session.look)
            if found is None:
                continue
            words, was_of_use = found
            rejects = 0 if was_of_use else rejects + 1
            if not await _send(socket, words):
                return WSCloseCode.TRY_AGAIN_LATER, "the tablet takes no answers"
            if rejects > _REJECTS_MAX:
                return WSCloseCode.POLICY_VIOLATION, "no picture was of use"


class _Bucket:
    """A rate with room for a burst of one second."""

    def __init__(self, per_s: int) -> None:
        self._per_s = float(per_s)
        self._level = float(per_s)
        self._since_s = time.monotonic()

    def take(self) -> bool:
        now_s = time.monotonic()
        self._level = min(self._per_s, self._level + (now_s - self._since_s) * self._per_s)
        self._since_s = now_s
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True


async def _send(socket: web.WebSocketResponse, words: str) -> bool:
    """False when the tablet took nothing for too long; True when it is gone: that is seen elsewhere."""
    with contextlib.suppress(ConnectionError, RuntimeError):
        try:
            await asyncio.wait_for(socket.send_str(words), _SLOW_S)
        except TimeoutError:
            return False
    return True
