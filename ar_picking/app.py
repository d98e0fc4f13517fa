"""The picking guide as a running program: camera in, overlay, page, journal and recording out.

    app = PickerApp(store, camera, desk, page=page, out=Path("out"))
    app.submit({"list": "L1", "lines": [...]})      # from any thread, also while it runs
    summary = app.run(until_done=True)              # in the thread that owns the camera

The guide is touched by the running thread only; lists and button presses from other threads wait in
queues. The simulator's clock goes by pictures, so a slow machine shows a slow picker, not a jumping
one; a live camera's clock is the wall's.
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

from ar_picking.desk import Desk, Look, Reason
from ar_picking.guide import picklist
from ar_picking.guide.steps import DONE, IDLE
from ar_picking.overlay import render_cv2
from ar_picking.overlay.scene import SceneBuilder
from ar_picking.overlay.world import Task
from ar_picking.record import Figures, ListFigures, Recorder, totals
from ar_picking.sim.picker import Frame
from ar_picking.store.records import Array, Store
from ar_picking.vision.camera import Camera
from ar_picking.vision.localize import Localized, Localizer
from ar_picking.vision.track import TRACKED
from ar_picking.web.mirror.server import PageServer

_FPS = 15
_QUEUE = 16
_NOTICE_MS = 2500
_PAGE_LAYERS = frozenset(("store",))  # the page has the rest in its own type
_AFTER_DONE_MS = 2000  # the last screen stays readable in the video

Action = dict[str, Any]
# told of each press and what the guide made of it: the action, the reason's code or None
Watcher = Callable[[Action, str | None], None]


class CameraSource(Protocol):
    """Where pictures come from. A real camera ignores `read` and has no actions."""

    camera: Camera

    def frame(self, t_ms: int, draw: bool = True) -> Frame | None:
        """The picture at `t_ms`; None when there is no new one, or draw is False."""

    def read(self, view: dict[str, Any], path_dm: list[tuple[int, int]]) -> None:
        """What the screen shows now."""

    def actions(self) -> list[Action]:
        """Events for the guide since the last call: buttons, scans."""


class Screen(Protocol):
    """A window: shows the drawn picture, and says which actions its keys were."""

    def show(self, picture: Any, t_ms: int) -> list[Action]:
        """Show a picture taken at `t_ms`."""


class PickerApp:
    """One picker's guide.

    page: its page, served by whoever made it; window: shows the picture with everything drawn into it;
    out: record there; speed: how many times faster than real time a simulator may run; pace: False
    runs as fast as it can; live: the camera's time is the wall's; guided(): whether the way may be
    shown (a trainer hides it); watch: told of each press.
    """

    def __init__(
        self,
        store: Store,
        camera: CameraSource,
        desk: Desk,
        *,
        out: Path | None = None,
        page: PageServer | None = None,
        window: Screen | None = None,
        speed: float = 1.0,
        pace: bool = True,
        live: bool = False,
        see_through: bool = False,
        guided: Callable[[], bool] = lambda: True,
        watch: Watcher | None = None,
    ) -> None:
        self.store = store
        self.desk = desk
        self._camera = camera
        self.page = page
        self._window = window
        self._speed = speed
        self._pace = pace
        self._live = live
        self._see_through = see_through
        self._guided = guided
        self._watch = watch
        self._localizer = Localizer(store, camera.camera)
        self._scene = SceneBuilder(store, camera.camera, see_through)
        size = (camera.camera.width, camera.camera.height)
        self._recorder = Recorder(out, size, _FPS) if out is not None else None
        self._figures = Figures(camera.camera)
        self._lists: queue.Queue[Action] = queue.Queue(_QUEUE)
        self._presses: queue.Queue[Action] = queue.Queue(_QUEUE)
        self._taken: set[str] = set()
        self._taken_lock = threading.Lock()
        self._stop = threading.Event()
        self._ends = ListFigures()
        self._look: Look = desk.look()
        self._notice: tuple[Reason | None, int] = (None, 0)
        self._busy_s = 0.0
        self._wanted: Array = np.zeros((0, 3))  # what the last picture had to show in the store
        self.t_ms = 0

    def submit(self, obj: Any) -> str | None:
        """Hand in a pick list from any thread.

        None: it will be picked after those before it; else why not.
        """
        checked, reason = picklist.check(obj, self.store.stops, self.store.id)
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
        """An event for the guide, from any thread (ar_picking.web.mirror.presses). False: too many."""
        try:
            self._presses.put_nowait(action)
        except queue.Full:
            return False
        return True

    def entry(self, event: str, fields: dict[str, Any]) -> None:
        """An entry of the guide's journal, for the summary; whoever made the desk hands them on."""
        self._ends.entry(event, fields)

    def stop(self) -> None:
        """Ask `run` to return after the picture it is at; from any thread or a signal handler."""
        self._stop.set()

    def run(self, seconds: float | None = None, until_done: bool = False) -> dict[str, Any]:
        """Guide until `stop`, `seconds` of the camera's time, the end of a video, or with `until_done`
        until all lists are done.

        Returns the summary, which is also in OUT/picking.json.
        """
        began = time.monotonic()
        done_ms = 0
        try:
            while not self._stop.is_set() and (seconds is None or self.t_ms < seconds * 1000):
                busy = time.perf_counter()
                self._step(self.t_ms)
                self._busy_s += time.perf_counter() - busy
                if getattr(self._camera, "ended", False):
                    break
                idle = self._idle and self._lists.empty()
                done_ms = done_ms if idle and done_ms else self.t_ms if idle else 0
                if until_done and self._ends.done and idle and self.t_ms - done_ms > _AFTER_DONE_MS:
                    break
                self.t_ms = self._next_time(self.t_ms, began)
        finally:
            summary = self._summary(self.t_ms)
        return summary

    @property
    def _idle(self) -> bool:
        view = self._look.view
        return view["state"] in (IDLE, DONE) and not view["waiting"]

    def _next_time(self, t_ms: int, began: float) -> int:
        """The time of the next picture.

        Sleeps when we are early, leaves pictures out when a fast run is late.
        """
        step = 1000 // _FPS
        if self._live:
            self._stop.wait(0.005)
            return max(t_ms + 1, round((time.monotonic() - began) * 1000))
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
            self.desk.work()
            return
        seen = self._localizer.update(frame.picture, frame.t_ms, self._wanted)
        self._feed(seen, frame.t_ms)
        view, path, tour = self._look.view, self._look.path, self._look.tour
        if not self._guided():
            path, tour = [], []
        tracked = seen.tracked
        shown = Task.of_view(view, path) if self._guided() else Task(view["state"])
        self._camera.read(view, path if tracked.state == TRACKED else [])
        self._wanted = self._scene.world.points(shown)
        self._figures.add(tracked, frame.truth, self._wanted)
        if self.page is None and self._window is None and self._recorder is None:
            return
        recording = self._recorder is not None
        scene = self._scene.build(tracked, view, shown, path, tour, t_ms, recording)
        if self.page is not None:
            self._publish(seen, path, tour, self._page_picture(frame, scene), t_ms)
        self._show(frame, scene, t_ms)

    def _show(self, frame: Frame, scene: dict[str, Any], t_ms: int) -> None:
        """The whole scene into the picture, for the window and the recording."""
        if self._window is None and self._recorder is None:
            return
        picture = np.zeros_like(frame.picture) if self._see_through else frame.picture
        render_cv2.draw(picture, scene)
        if self._recorder is not None:
            self._recorder.picture(picture)
            self._recorder.offer(scene, self._look.view["state"], picture)
        if self._window is not None:
            for action in self._window.show(picture, t_ms):
                self.press(action)

    def _feed(self, seen: Localized, t_ms: int) -> None:
        """Positions, sightings and presses into the guide; then the next list."""
        desk = self.desk
        if seen.fit is not None and seen.tracked.age_ms == 0:  # believed, if not fit to draw with
            x, y = seen.fit.pose.position[:2]
            desk.event({"type": "at", "x_mm": round(x * 1000), "y_mm": round(y * 1000)}, t_ms)
        presses: list[Action] = [
            {"type": "seen", "marker": each.id, "distance_mm": each.distance_mm}
            for each in seen.sightings
        ]
        presses += [*self._camera.actions(), *_drained(self._presses)]
        for action in presses:
            reason = desk.event(action, t_ms)
            if reason is not None:
                self._notice = (reason, t_ms)
            if self._watch is not None:
                self._watch(action, None if reason is None else reason[0])
        for obj in _drained(self._lists):
            desk.event({"type": "list", "list": obj}, t_ms)
        desk.work()
        self._look = desk.look()
        view = self._look.view
        if view["list"] and view["bound_dm"] is not None:
            self._ends.bounds[view["list"]] = view["bound_dm"]

    def _publish(
        self,
        seen: Localized,
        path: list[tuple[int, int]],
        tour: list[tuple[int, int]],
        jpeg: bytes | None,
        t_ms: int,
    ) -> None:
        assert self.page is not None
        pose = seen.tracked.pose
        at = (
            None
            if pose is None
            else [round(float(v), 2) for v in (*pose.position[:2], pose.heading_deg)]
        )
        tick = {
            "type": "tick",
            "state": seen.tracked.state,
            "age_ms": seen.tracked.age_ms,
            "to_go_dm": self._look.view["to_go_dm"],
            "pose": at,
            "path": path,
            "tour": tour,
            "notice": self._notice_json(t_ms),
            "recording": self._recorder is not None,
            **self.more(),
        }
        moving = ("to_go_dm", "walked_dm")
        view = {key: value for key, value in self._look.view.items() if key not in moving}
        self.page.publish(tick, {"type": "view", "view": view}, jpeg)

    def more(self) -> dict[str, Any]:
        """What a page that shows more than a mirror gets with each tick."""
        return {}

    def _notice_json(self, t_ms: int) -> dict[str, Any] | None:
        reason, then_ms = self._notice
        if reason is None or t_ms - then_ms > _NOTICE_MS:
            return None
        code, zh, en = reason
        return {"at": then_ms, "reason": {"code": code, "zh": zh, "en": en}}

    def _page_picture(self, frame: Frame, scene: dict[str, Any]) -> bytes | None:
        """The picture as JPEG without card and map, which the page shows itself.

        None when nobody waits for one.
        """
        if self.page is None or not self.page.wants_picture():
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
            "lists": self._ends.done,
            **totals(self._ends.done),
            "seconds": round(t_ms / 1000, 1),
            **figures,
            "frames_per_second": round(figures["frames"] / busy, 1) if busy else None,
        }
        return summary if self._recorder is None else self._recorder.close(summary)


def _drained(waiting: queue.Queue[dict[str, Any]], most: int = _QUEUE) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    while len(out) < most:
        try:
            out.append(waiting.get_nowait())
        except queue.Empty:
            break
    return out
