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

import numpy as np

from ar_picking.desk import Desk, Look
from ar_picking.display import FPS, Action, Display, Screen
from ar_picking.guide import picklist
from ar_picking.guide.steps import DONE, IDLE
from ar_picking.overlay.world import Task
from ar_picking.record import Figures, ListFigures, totals
from ar_picking.sim.picker import Frame
from ar_picking.store.records import Array, Store
from ar_picking.vision.camera import Camera
from ar_picking.vision.localize import Localized, Localizer
from ar_picking.vision.track import TRACKED
from ar_picking.web.mirror.server import PageServer

_QUEUE = 16
_SILENT_MS = 100  # without a picture for so long, the guide goes on without
_AFTER_DONE_MS = 2000  # the last screen stays readable in the video

# told of each press and what the guide made of it: the action, the reason's code or None
Watcher = Callable[[Action, str | None], None]
# told of a list that was not taken: its name, the reason's code, and why in words
Refused = Callable[[str, str, str], None]
# a guide that cannot take a list now can take it later
_LATER = frozenset(("queue_full", "lists_full", "journal_full"))


class CameraSource(Protocol):
    """Where pictures come from. A real camera ignores `read` and has no actions."""

    camera: Camera

    def frame(self, t_ms: int, draw: bool = True) -> Frame | None:
        """The picture at `t_ms`; None when there is no new one, or draw is False."""

    def read(self, view: dict[str, Any], path_dm: list[tuple[int, int]]) -> None:
        """What the screen shows now."""

    def actions(self) -> list[Action]:
        """Events for the guide since the last call: buttons, scans."""


class PickerApp:
    """One picker's guide.

    page: its page, served by whoever made it; window: shows the picture with everything drawn into it;
    out: record there; speed: how many times faster than real time a simulator may run; pace: False
    runs as fast as it can; live: the camera's time is the wall's; guided(): whether the way may be
    shown (a trainer hides it); watch: told of each press; ends: what becomes of lists is kept there,
    told of each journal entry by whoever made the desk; refused: told of each list not taken.
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
        ends: ListFigures | None = None,
        refused: Refused = lambda *_: None,
    ) -> None:
        self.store = store
        self.desk = desk
        self._camera = camera
        self.page = page
        self._speed = speed
        self._pace = pace
        self._live = live
        self._guided = guided
        self._watch = watch
        self._localizer = Localizer(store, camera.camera)
        self._display = Display(
            store,
            camera.camera,
            page=page,
            window=window,
            out=out,
            see_through=see_through,
            press=self.press,
            more=self.more,
        )
        self._figures = Figures(camera.camera)
        self._lists: queue.Queue[Action] = queue.Queue(_QUEUE)
        self._presses: queue.Queue[Action] = queue.Queue(_QUEUE)
        self._taken: set[str] = set()
        self._taken_lock = threading.Lock()
        self._stop = threading.Event()
        self._ends = ends or ListFigures()
        self._refused = refused
        self._later: list[Action] = []  # lists that the guide had no room for
        self._turned_down = 0
        self._look: Look = desk.look()
        self._busy_s = 0.0
        self._wanted: Array = np.zeros((0, 3))  # what the last picture had to show in the store
        self.t_ms = 0
        self._fed_ms = 0
        self._frame: Frame | None = None  # the newest

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
                idle = self._idle and self._lists.empty() and not self._later
                done_ms = done_ms if idle and done_ms else self.t_ms if idle else 0
                ended = self._ends.done or self._turned_down
                if until_done and ended and idle and self.t_ms - done_ms > _AFTER_DONE_MS:
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
        step = 1000 // FPS
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
            self._without(t_ms)
            return
        seen = self._localizer.update(frame.picture, frame.t_ms, self._wanted)
        self._feed(seen, frame.t_ms)
        shown, look = self._shown()
        self._camera.read(look.view, look.path if seen.tracked.state == TRACKED else [])
        self._wanted = self._display.scene.world.points(shown)
        self._figures.add(seen.tracked, frame.truth, self._wanted)
        self._frame = frame
        self._display.draw(frame, seen.tracked, look, shown, t_ms)

    def _without(self, t_ms: int) -> None:
        """No new picture: presses and lists still count, the state ages, and what was drawn into the
        last picture is taken out of it when its pose is too old.
        """
        if t_ms - self._fed_ms < _SILENT_MS:
            self.desk.work()
            return
        self._feed(None, t_ms)
        tracked = self._localizer.at(t_ms)
        shown, look = self._shown()
        if self._frame is not None and self._display.is_drawn and tracked.state != TRACKED:
            self._display.draw(self._frame, tracked, look, shown, t_ms)
        else:
            self._display.tick(tracked, look, t_ms)

    def _shown(self) -> tuple[Task, Look]:
        """The task, and of what the guide says that which may be shown."""
        view = self._look.view
        if not self._guided():
            return Task(view["state"]), Look(view, [], [])
        return Task.of_view(view, self._look.path), self._look

    def _feed(self, seen: Localized | None, t_ms: int) -> None:
        """Positions, sightings and presses into the guide; then lists."""
        desk = self.desk
        self._fed_ms = t_ms
        presses: list[Action] = []
        if seen is not None:
            if (
                seen.fit is not None and seen.tracked.age_ms == 0
            ):  # believed, if not fit to draw with
                x, y = seen.fit.pose.position[:2]
                desk.event({"type": "at", "x_mm": round(x * 1000), "y_mm": round(y * 1000)}, t_ms)
            presses += [
                {"type": "seen", "marker": each.id, "distance_mm": each.distance_mm}
                for each in seen.sightings
            ]
        for action in (*presses, *self._camera.actions(), *_drained(self._presses)):
            reason = desk.event(action, t_ms)
            if reason is not None:
                self._display.notice = (reason, t_ms)
            if self._watch is not None:
                self._watch(action, None if reason is None else reason[0])
        self._hand_in(t_ms)
        desk.work()
        self._look = desk.look()
        view = self._look.view
        if view["list"] and view["bound_dm"] is not None:
            self._ends.bounds[view["list"]] = view["bound_dm"]

    def _hand_in(self, t_ms: int) -> None:
        """Lists in the order they came; what the guide has no room for waits here, the rest is told."""
        self._later += _drained(self._lists, _QUEUE - len(self._later))
        while self._later:
            obj = self._later[0]
            reason = self.desk.event({"type": "list", "list": obj}, t_ms)
            if reason is not None and reason[0] in _LATER:
                return
            self._later.pop(0)
            if reason is not None:
                self._turned_down += 1
                self._display.notice = (reason, t_ms)
                self._refused(str(obj.get("list")), reason[0], reason[2])

    def more(self) -> dict[str, Any]:
        """What a page that shows more than a mirror gets with each tick."""
        return {}

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
        recorder = self._display.recorder
        return summary if recorder is None else recorder.close(summary)


def _drained(waiting: queue.Queue[dict[str, Any]], most: int = _QUEUE) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    while len(out) < most:
        try:
            out.append(waiting.get_nowait())
        except queue.Empty:
            break
    return out
