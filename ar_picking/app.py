"""The picking guide as a running program: camera in, overlay, page, journal and recording out.

    app = PickerApp(store, camera, journal=print_entry, out=Path("out"), http=("127.0.0.1", 8081))
    app.submit({"list": "L1", "lines": [...]})      # from any thread, also while it runs
    summary = app.run(until_done=True)              # in the thread that owns the camera

The guide is touched by the running thread only; lists and button presses from other threads wait in
queues. The simulator's clock goes by pictures, so a slow machine shows a slow picker, not a jumping
one.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from ar_picking.guide import machine, picklist
from ar_picking.overlay import render_cv2
from ar_picking.overlay.minimap import plan_view
from ar_picking.overlay.scene import SceneBuilder
from ar_picking.overlay.world import Task
from ar_picking.record import Figures, Recorder, list_figures, totals
from ar_picking.sim.picker import Frame
from ar_picking.store.records import Array, Store
from ar_picking.store.shelves import shelves
from ar_picking.vision.camera import Camera
from ar_picking.vision.localize import Localized, Localizer
from ar_picking.vision.track import TRACKED
from ar_picking.web.mirror.server import PageServer

Journal = Callable[[str, dict[str, Any]], None]

_FPS = 15
_QUEUE = 16
_NOTICE_MS = 2500
_PAGE_LAYERS = frozenset(("store", "state"))
_AFTER_DONE_MS = 2000  # the last screen stays readable in the video


class CameraSource(Protocol):
    """Where pictures come from. A real camera ignores `read` and has no actions."""

    camera: Camera

    def frame(self, t_ms: int, draw: bool = True) -> Frame | None:
        """The picture at `t_ms`; None when draw is False."""

    def read(self, view: dict[str, Any], path_dm: list[tuple[int, int]]) -> None:
        """What the screen shows now."""

    def actions(self) -> list[dict[str, Any]]:
        """Buttons pressed since the last call."""


class PickerApp:
    """One picker's guide. `speed` is how many times faster than real time the simulator may run."""

    def __init__(
        self,
        store: Store,
        camera: CameraSource,
        *,
        journal: Journal,
        out: Path | None = None,
        http: tuple[str, int] | None = None,
        speed: float = 1.0,
        pace: bool = True,
    ) -> None:
        self.store = store
        self._camera = camera
        self._speed = speed
        self._pace = pace
        bins = {name: (*stop, store.bin_markers[name]) for name, stop in store.stops.items()}
        self.guide = machine.Guide(store.graph, bins, journal, store.id)
        self._localizer = Localizer(store, camera.camera)
        self._scene = SceneBuilder(store, camera.camera)
        size = (camera.camera.width, camera.camera.height)
        self._recorder = Recorder(out, size, _FPS) if out is not None else None
        self._figures = Figures(camera.camera)
        self._lists: queue.Queue[dict[str, Any]] = queue.Queue(_QUEUE)
        self._presses: queue.Queue[dict[str, Any]] = queue.Queue(_QUEUE)
        self._taken: set[str] = set()
        self._taken_lock = threading.Lock()
        self._stop = threading.Event()
        self._done: list[dict[str, Any]] = []
        self._notice = ("", 0)
        self._busy_s = 0.0
        self._wanted: Array = np.zeros((0, 3))  # what the last picture had to show in the store
        self._page: PageServer | None = None
        if http is not None:
            plan = plan_view(store, shelves(list(store.bins.values())))
            self._page = PageServer(http[0], http[1], plan, self.press)

    @property
    def url(self) -> str | None:
        """Where the page is, once `start` or `run` was called; None without a page."""
        return self._page.url if self._page else None

    def start(self) -> None:
        """Serve the page (if one was asked for).

        `run` does it too; here the caller learns early what fails.
        """
        if self._page is not None:
            self._page.start()

    def submit(self, obj: Any) -> str | None:
        """Hand in a pick list from any thread.

        None: it will be picked after those before it; else why not.
        """
        checked, reason = picklist.check(obj, self.guide.bins, self.store.id)
        if checked is None:
            return str(reason)
        with self._taken_lock:
            if checked["list"] in self._taken:
                return f"list {checked['list']} was handed in before"
            try:
                self._lists.put_nowait(obj)
            except queue.Full:
                return f"{_QUEUE} lists are waiting already"
            self._taken.add(checked["list"])
        return None

    def press(self, action: dict[str, Any]) -> bool:
        """A button of the page, from any thread: {"type": "tap" | "short" | "skip", "found": n}.

        False: too many.
        """
        try:
            self._presses.put_nowait(action)
        except queue.Full:
            return False
        return True

    def stop(self) -> None:
        """Ask `run` to return after the picture it is at; from any thread or a signal handler."""
        self._stop.set()

    def run(self, seconds: float | None = None, until_done: bool = False) -> dict[str, Any]:
        """Guide until `stop`, `seconds` of the camera's time, or with `until_done` until all lists
        are done.

        Returns the summary, which is also in OUT/picking.json.
        """
        self.start()
        began = time.monotonic()
        t_ms = done_ms = 0
        try:
            while not self._stop.is_set() and (seconds is None or t_ms < seconds * 1000):
                busy = time.perf_counter()
                self._step(t_ms)
                self._busy_s += time.perf_counter() - busy
                idle = self.guide.state in (machine.IDLE, machine.DONE) and self._lists.empty()
                done_ms = done_ms if idle and done_ms else t_ms if idle else 0
                if until_done and self._done and idle and t_ms - done_ms > _AFTER_DONE_MS:
                    break
                t_ms = self._next_time(t_ms, began)
        finally:
            summary = self._summary(t_ms)
            if self._page is not None:
                self._page.stop()
        return summary

    def _next_time(self, t_ms: int, began: float) -> int:
        """The time of the next picture.

        Sleeps when we are early, leaves pictures out when a fast run is late.
        """
        step = 1000 // _FPS
        t_ms += step
        if not self._pace:
            return t_ms
        ahead = t_ms / 1000.0 / self._speed - (time.monotonic() - began)
        if ahead > 0:
            self._stop.wait(ahead)
            return t_ms
        # at real speed every picture is shown; a fast run may skip as many as it is fast
        behind = int(-ahead * self._speed * 1000 // step)
        return t_ms + step * min(behind, max(0, round(self._speed) - 1))

    def _step(self, t_ms: int) -> None:
        frame = self._camera.frame(t_ms)
        if frame is None:
            return
        seen = self._localizer.update(frame.picture, t_ms, self._wanted)
        self._feed(seen, t_ms)
        view, path, tour = self.guide.view(), self.guide.path(), self.guide.tour()
        tracked = seen.tracked
        scene = self._scene.build(tracked, view, path, tour, t_ms, self._recorder is not None)
        self._camera.read(view, path if tracked.state == TRACKED else [])
        self._wanted = self._scene.world.points(Task.of_view(view, path))
        self._figures.add(tracked, frame.truth, self._wanted)
        if self._page is not None:
            self._publish(seen, view, path, tour, self._page_picture(frame, scene), t_ms)
        if self._recorder is not None:
            render_cv2.draw(frame.picture, scene)
            self._recorder.picture(frame.picture)
            self._recorder.offer(scene, view["state"], frame.picture)

    def _feed(self, seen: Localized, t_ms: int) -> None:
        """Positions, sightings and buttons into the guide; then the next list if it is free."""
        guide = self.guide
        before = guide.state
        if seen.fit is not None and seen.tracked.age_ms == 0:  # believed, if not fit to draw with
            x, y = seen.fit.pose.position[:2]
            guide.position(round(x * 1000), round(y * 1000))
        for sighting in seen.sightings:
            guide.sighted(sighting.id, sighting.distance_mm, t_ms)
        for action in (*self._camera.actions(), *_drained(self._presses)):
            reason = self._act(action, t_ms)
            if reason:
                self._notice = (reason, t_ms)
        if guide.state == machine.DONE and before != machine.DONE:
            self._done.append(list_figures(guide.view()))
        if guide.state in (machine.IDLE, machine.DONE):
            for obj in _drained(self._lists, 1):
                guide.start(obj, t_ms, lambda: time.monotonic_ns() // 1_000_000)

    def _act(self, action: dict[str, Any], t_ms: int) -> str | None:
        kind = action.get("type")
        if kind == "tap":
            return _said(self.guide.tap(t_ms))
        if kind == "short":
            return _said(self.guide.short(action.get("found"), t_ms))
        if kind == "skip":
            return _said(self.guide.skip(t_ms))
        return "unknown button"

    def _publish(
        self,
        seen: Localized,
        view: dict[str, Any],
        path: list[tuple[int, int]],
        tour: list[tuple[int, int]],
        jpeg: bytes | None,
        t_ms: int,
    ) -> None:
        assert self._page is not None
        pose = seen.tracked.pose
        notice = self._notice[0] if t_ms - self._notice[1] < _NOTICE_MS else ""
        at = (
            None
            if pose is None
            else [round(float(v), 2) for v in (*pose.position[:2], pose.heading_deg)]
        )
        tick = {
            "type": "tick",
            "state": seen.tracked.state,
            "age_ms": seen.tracked.age_ms,
            "to_go_dm": view["to_go_dm"],
            "pose": at,
            "path": path,
            "notice": notice,
            "recording": self._recorder is not None,
        }
        task = {
            "type": "task",
            "tour": tour,
            **{k: v for k, v in view.items() if k not in ("to_go_dm", "walked_dm")},
        }
        self._page.publish(tick, task, jpeg)

    def _page_picture(self, frame: Frame, scene: dict[str, Any]) -> bytes | None:
        """The picture as JPEG without card and map, which the page shows itself.

        None when nobody waits for one.
        """
        if self._page is None or not self._page.wants_picture():
            return None
        image = frame.picture.copy() if self._recorder is not None else frame.picture
        render_cv2.draw(image, scene, _PAGE_LAYERS)
        ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 78])
        return data.tobytes() if ok else None

    def _summary(self, t_ms: int) -> dict[str, Any]:
        figures = self._figures.as_json()
        busy = self._busy_s
        summary = {
            "store": self.store.id,
            "camera": "simulated" if self._figures.simulated else "real",
            "size": [self._camera.camera.width, self._camera.camera.height],
            "lists": self._done,
            **totals(self._done),
            "seconds": round(t_ms / 1000, 1),
            **figures,
            "frames_per_second": round(figures["frames"] / busy, 1) if busy else None,
        }
        return summary if self._recorder is None else self._recorder.close(summary)


def _said(reason: Any) -> str | None:
    return None if reason is None else str(reason)


def _drained(waiting: queue.Queue[dict[str, Any]], most: int = _QUEUE) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    while len(out) < most:
        try:
            out.append(waiting.get_nowait())
        except queue.Empty:
            break
    return out
