"""One tablet's pictures: each decoded, localized and answered, in the order of their times.

look() is called from a pool's thread, one picture at a time; the newest picture that has come is the one
looked at, so a box that is slow answers fewer pictures, not older ones. Pictures live in memory only.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ar_picking.errors import PickingError
from ar_picking.overlay.world import Task, WorldBuilder
from ar_picking.store.records import Array, Store
from ar_picking.vision import device_file
from ar_picking.vision.camera import Camera
from ar_picking.vision.localize import Localizer
from ar_picking.web import jpeg, vision_wire
from ar_picking.web.code_watch import CodeWatch, Job
from ar_picking.web.figures import PictureFigures
from ar_picking.web.marker_tally import Counts, added
from ar_picking.web.vision_wire import Frame, Hello, Wish

_FLAGS = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION  # a camera's pictures are not turned
_IDLE = Wish(Task(), False)


class VisionSession:
    """Localizes one tablet's camera.

    world: shared by all sessions; devices: folder of calibrations, or None; device: the tablet's
    name; read_codes(job): has a job
    done that may take long.
    """

    def __init__(
        self,
        store: Store,
        world: WorldBuilder,
        devices: Path | None,
        device: str,
        figures: PictureFigures,
        read_codes: Callable[[Job], object],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._world, self._devices = store, world, devices
        self._device, self._figures = device, figures
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._hello: Hello | None = None
        self._wish = _IDLE
        self._waiting: Frame | None = None
        # Of the pool's threads, one of them at a time:
        self._looking = threading.Lock()
        self._before: Counts = {}  # of Localizers for other sizes of picture
        self._made_for: Hello | None = None
        self._localizer: Localizer | None = None
        self._camera: dict[str, Any] = {}
        self._drawn: tuple[Task, Array] | None = None
        self._codes = CodeWatch(read_codes)
        self._last_ms = -1

    # -- from the event loop ------------------------------------------------------------------------

    def take_hello(self, hello: Hello) -> None:
        """Pictures from now on are of this camera."""
        with self._lock:
            self._hello = hello

    def take_wish(self, wish: Wish) -> None:
        """What is drawn from the next picture on."""
        with self._lock:
            self._wish = wish

    def offer(self, frame: Frame) -> Frame | None:
        """The newest picture; returns the one that waited for its turn and is now left out, or None."""
        with self._lock:
            left, self._waiting = self._waiting, frame
        self._figures.counts["pictures"] += 1
        if left is not None:
            self._figures.counts["dropped"] += 1
        return left

    # -- in the pool ----------------------------------------------------------------------------------

    def look(self) -> tuple[str, bool] | None:
        """(the answer as JSON, whether the picture was of use); None when none waits. Never raises."""
        with self._lock:
            frame, self._waiting = self._waiting, None
            hello, wish = self._hello, self._wish
        if frame is None:
            return None
        cpu_s = time.thread_time()
        try:
            with self._looking:
                found = self._look(frame, hello, wish)
        except PickingError as fault:
            found = str(fault)
        except Exception as fault:  # noqa: BLE001 (one picture must not end the box)
            self._figures.counts["box_faults"] += 1
            if self._figures.counts["box_faults"] == 1:
                sys.stderr.write("".join(traceback.format_exception(fault)))
            found = "the box failed on this picture"
        if isinstance(found, str):
            self._figures.rejected(found)
            return vision_wire.reject(frame.number, found), False
        box_ms = (self._clock_s() - frame.came_s) * 1000.0
        found["box_ms"] = round(box_ms, 1)
        cpu_ms = (time.thread_time() - cpu_s) * 1000.0
        self._figures.answered(box_ms, cpu_ms, found["state"], found["age_ms"])
        return json.dumps(found, ensure_ascii=False, separators=(",", ":")), True

    def health(self) -> Counts:
        """{marker: (seen, used, median residual in px)} of this session; waits for a look()."""
        with self._looking:
            return self._counts()

    def _counts(self) -> Counts:
        if self._localizer is None:
            return self._before
        return added([self._before, self._localizer.marker_health()])

    def _look(self, frame: Frame, hello: Hello | None, wish: Wish) -> dict[str, Any] | str:
        if hello is None:
            return "a picture before hello"
        localizer = self._localizer
        if localizer is None or hello != self._made_for:
            localizer = self._make(hello)
        size, why = jpeg.size(frame.data)
        if why:
            return f"a picture that is {why}"
        if size != hello.size:
            return (
                f"a picture of {size[0]}x{size[1]} after hello said {hello.size[0]}x{hello.size[1]}"
            )
        if frame.t_ms <= self._last_ms:
            self._figures.counts["late"] += 1
            return "a picture that is not newer than the one before"
        grey = cv2.imdecode(np.frombuffer(frame.data, np.uint8), _FLAGS)
        if grey is None or grey.shape != (size[1], size[0]):
            return "a picture that cannot be decoded"
        picture = np.asarray(grey, np.uint8)
        self._last_ms = frame.t_ms
        seen = localizer.update(picture, frame.t_ms, self._points(wish.task))
        pose = seen.tracked.pose
        items = None
        if pose is not None and seen.tracked.state == "tracked":
            items = self._world.build(pose, wish.task, frame.t_ms)
        codes = self._codes.take()
        if wish.scans:
            self._codes.offer(picture, frame.t_ms)
        else:
            codes = []  # read when nobody wants them any more
        self._figures.counts["codes"] += len(codes)
        return vision_wire.answer(frame, seen, self._camera, items, codes)

    def _make(self, hello: Hello) -> Localizer:
        camera = camera_of(hello, self._devices, self._device)
        self._before = self._counts()
        self._localizer = Localizer(self._store, camera)
        self._camera = vision_wire.camera_words(camera)
        self._made_for = hello
        self._last_ms = -1
        return self._localizer

    def _points(self, task: Task) -> Array:
        if self._drawn is None or self._drawn[0] != task:
            self._drawn = task, self._world.points(task)
        return self._drawn[1]


def camera_of(hello: Hello, devices: Path | None, device: str) -> Camera:
    """The camera that a tablet describes.

    Calibrated when it names a file of `devices`, or there is one of the tablet's own name. PickingError
    when the named file is not there, or the file is for another shape of picture: a wrong lens would
    only look right.
    """
    path = None if devices is None else devices / f"{hello.device_file or device}.json"
    if hello.device_file is None and (path is None or not path.is_file()):
        return Camera.from_hfov(*hello.size, hello.hfov_deg)
    if path is None or not path.is_file():
        raise PickingError(f"no calibration '{hello.device_file}' on this box (--devices DIR)")
    return device_file.load(path, hello.size)
