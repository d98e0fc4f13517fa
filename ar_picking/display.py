"""What the guide shows, to whoever looks: the page, a window, the recording.

The picture of a page has only what is fixed to the store drawn in; card, map and state it shows itself.
Window and recording have it all.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from ar_picking.desk import Look, Reason
from ar_picking.overlay import render_cv2
from ar_picking.overlay.scene import SceneBuilder
from ar_picking.overlay.world import Task
from ar_picking.record import Recorder
from ar_picking.sim.picker import Frame
from ar_picking.store.records import Store
from ar_picking.vision.camera import Camera
from ar_picking.vision.track import TrackedPose
from ar_picking.web.mirror.server import PageServer

FPS = 15  # of a recording, and of the simulator
_PAGE_LAYERS = frozenset(("store",))
_NOTICE_MS = 2500

Action = dict[str, Any]
Points = list[tuple[int, int]]


class Screen(Protocol):
    """A window: shows the drawn picture, and says which actions its keys were."""

    def show(self, picture: Any, t_ms: int) -> list[Action]:
        """Show a picture taken at `t_ms`."""


class Display:
    """Draws the pictures of one camera in one store.

    press(action): takes what the window's keys were; more(): what a page that shows more than a mirror
    gets with each tick. `notice` is the last (reason, time in ms) to tell; `is_drawn` says whether
    something is fixed to the store in what was shown last.
    """

    def __init__(
        self,
        store: Store,
        camera: Camera,
        *,
        page: PageServer | None,
        window: Screen | None,
        out: Path | None,
        see_through: bool,
        press: Callable[[Action], bool],
        more: Callable[[], dict[str, Any]],
    ) -> None:
        self.scene = SceneBuilder(store, camera, see_through)
        self.recorder = None
        if out is not None:
            self.recorder = Recorder(out, (camera.width, camera.height), FPS)
        self.notice: tuple[Reason | None, int] = (None, 0)
        self.is_drawn = False
        self._page = page
        self._window = window
        self._see_through = see_through
        self._press = press
        self._more = more

    def draw(self, frame: Frame, tracked: TrackedPose, look: Look, shown: Task, t_ms: int) -> None:
        """The picture with everything on it; the way in `look` and the task `shown` are what may be
        shown.
        """
        if self._page is None and self._window is None and self.recorder is None:
            return
        recording = self.recorder is not None
        scene = self.scene.build(tracked, look.view, shown, look.path, look.tour, t_ms, recording)
        self.is_drawn = any(item["world"] for item in scene["items"])
        if self._page is not None:
            self.tick(tracked, look, t_ms, self._page_picture(frame, scene))
        if self._window is None and self.recorder is None:
            return
        picture = np.zeros_like(frame.picture) if self._see_through else frame.picture.copy()
        render_cv2.draw(picture, scene)
        if self.recorder is not None:
            self.recorder.picture(picture)
            self.recorder.offer(scene, look.view["state"], picture)
        if self._window is not None:
            for action in self._window.show(picture, t_ms):
                self._press(action)

    def tick(self, tracked: TrackedPose, look: Look, t_ms: int, jpeg: bytes | None = None) -> None:
        """State, age, place, way and view to the page, with or without a picture."""
        if self._page is None:
            return
        pose = tracked.pose
        at = None
        if pose is not None:
            at = [round(float(v), 2) for v in (*pose.position[:2], pose.heading_deg)]
        tick = {
            "type": "tick",
            "state": tracked.state,
            "age_ms": tracked.age_ms,
            "to_go_dm": look.view["to_go_dm"],
            "pose": at,
            "path": look.path,
            "tour": look.tour,
            "notice": self._notice_json(t_ms),
            "recording": self.recorder is not None,
            **self._more(),
        }
        moving = ("to_go_dm", "walked_dm")
        view = {key: value for key, value in look.view.items() if key not in moving}
        self._page.publish(tick, {"type": "view", "view": view}, jpeg)

    def _notice_json(self, t_ms: int) -> dict[str, Any] | None:
        reason, then_ms = self.notice
        if reason is None or t_ms - then_ms > _NOTICE_MS:
            return None
        code, zh, en = reason
        return {"at": then_ms, "reason": {"code": code, "zh": zh, "en": en}}

    def _page_picture(self, frame: Frame, scene: dict[str, Any]) -> bytes | None:
        """The picture as JPEG; None when nobody waits for one."""
        if self._page is None or not self._page.wants_picture():
            return None
        image = frame.picture.copy()
        render_cv2.draw(image, scene, _PAGE_LAYERS)
        ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 78])
        return data.tobytes() if ok else None
