"""A picture in, a place in the store out: detection, pose and tracking in one step.

While the pose is known, only the boxes are read where the map says that markers are, and now and
then a strip of the rest, so that within a second the whole picture has been looked at: for markers
that were moved, for copies, and so that a wrong place cannot keep itself alive. Without a pose the
whole picture is read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.errors import PickingError
from ar_picking.store.records import Array, Store
from ar_picking.vision.background import Background
from ar_picking.vision.camera import Camera
from ar_picking.vision.detect import Detection, MarkerDetector
from ar_picking.vision.filter import Predicted
from ar_picking.vision.fit import Fit
from ar_picking.vision.follow import Follower
from ar_picking.vision.health import MarkerHealth
from ar_picking.vision.pose import PoseSolver
from ar_picking.vision.regions import MarkerField, RegionReader, strips
from ar_picking.vision.track import LOST, TRACKED, TRACKED_MS, PoseTracker, TrackedPose

_STRIPS = 8
_STRIP_EVERY = 4  # pictures
_WIDEST_SHARE = (
    0.08  # of the picture's longer side: markers up to this are whole in one of two strips
)
_ENOUGH = 4  # markers followed; with fewer the boxes around the others are read
_STARVED = 2  # so few markers in the boxes: the whole picture is read next time


@dataclass(frozen=True, slots=True)
class Sighting:
    """A marker in view that is where the map says, and its distance from the camera."""

    id: int
    distance_mm: int


@dataclass(frozen=True, slots=True)
class Localized:
    """What one picture said; `doubted` are markers that are not where the map says: moved, copies."""

    tracked: TrackedPose
    fit: Fit | None
    detections: list[Detection]
    sightings: list[Sighting]
    doubted: tuple[int, ...] = ()


class Localizer:
    """Localizes one camera in one store; feed pictures in the order of their times."""

    def __init__(self, store: Store, camera: Camera) -> None:
        self.camera = camera
        self._markers = store.markers
        self._detector = MarkerDetector(store.markers)
        self._field = MarkerField(store, camera)
        self._reader = RegionReader(self._detector, camera)
        self._follower = Follower(store.markers)
        self._solver = PoseSolver(camera, store.markers, store.room_m)
        self._tracker = PoseTracker(self._solver)
        self._health = MarkerHealth(store.markers)
        self._last_ms: int | None = None  # of the last picture
        self._strips = strips(camera, _STRIPS, round(_WIDEST_SHARE * camera.longer_px))
        self._background = Background(camera)
        self._chain: tuple[int, Array, float] | None = None  # time, rotation, its sigma in rad
        self._pictures = 0
        self._strip = 0
        self._whole = True  # read the whole picture next time

    def update(
        self, picture: NDArray[np.uint8], t_ms: int, drawn: Array | None = None
    ) -> Localized:
        """From a BGR or grey picture of the camera's size, taken at `t_ms`.

        `drawn`: points in the store, shape (n, 3), that the overlay wants to draw; the state is
        `tracked` only when they would be drawn in the right place. A picture of another size or kind
        raises PickingError and changes nothing. A time that is not after the last picture's is that of
        another clock: what was known is forgotten, and the picture is the first one.
        """
        grey = self._grey(picture)
        if self._last_ms is not None and t_ms <= self._last_ms:
            self._start_anew()
        self._last_ms = t_ms
        self._pictures += 1
        detections, whole = self._read(grey, t_ms)
        fit = self._solver.solve(
            detections,
            self._tracker.expected(t_ms),
            drawn,
            self._health.moved,
            self._health.vouched(t_ms),
        )
        self._follow_background(grey, t_ms, fit)
        tracked = self._tracker.update(t_ms, fit, drawn)
        self._background.keep(grey)
        if fit is not None:
            state = self._tracker.predicted(t_ms)
            self._chain = None if state is None else (t_ms, state.pose.rotation, 0.0)
        if fit is not None and tracked.age_ms == 0:
            self._health.note(fit, t_ms, tracked.state == TRACKED)
        elif tracked.rough is not None:
            tracked = self._beside(tracked, detections)
        self._whole = fit is None or (not whole and len(fit.used) <= _STARVED)
        doubted = self._doubted(detections, fit)
        sightings = self._sightings(detections, fit, tracked, doubted)
        return Localized(tracked, fit, detections, sightings, doubted)

    def _grey(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        size = (self.camera.height, self.camera.width)
        if picture.dtype != np.uint8 or picture.shape not in (size, (*size, 3)):
            raise PickingError(
                f"a picture of {picture.shape} {picture.dtype} does not fit the camera, which gives"
                f" {size[1]} x {size[0]} in 8 bits, grey or BGR; calibrate for this size or change it"
            )
        if picture.ndim == 2:
            return picture
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)

    def _start_anew(self) -> None:
        """Forget poses and everything dated by the old clock: ages would be wrong for ever."""
        self._tracker = PoseTracker(self._solver)
        self._background = Background(self.camera)
        self._chain = None
        self._whole = True
        self._health.undate()

    def at(self, t_ms: int) -> TrackedPose:
        """The state at `t_ms` when no picture has come: it ages; lost when the clock was put back."""
        if self._last_ms is not None and t_ms < self._last_ms - TRACKED_MS:
            return TrackedPose(LOST, None, None, None, None)
        return self._tracker.at(t_ms)

    def marker_health(self) -> dict[int, tuple[int, int, float]]:
        """Of every marker seen so far: times seen, times used, median residual in pixels."""
        return self._health.table()

    def moved_markers(self) -> tuple[int, ...]:
        """Markers to put back or replace: they keep being seen where the map does not have them."""
        return tuple(sorted(self._health.moved))

    def _read(self, grey: NDArray[np.uint8], t_ms: int) -> tuple[list[Detection], bool]:
        """The markers found, and whether the whole picture was read."""
        state = self._tracker.predicted(t_ms)
        found = None if state is None or self._whole else self._near(grey, state)
        if found is None:
            found = self._detector.detect(grey)
            if state is not None and len(found) < _ENOUGH:
                self._add(found, self._near(grey, state) or [])
            return found, True
        if self._pictures % _STRIP_EVERY == 0:
            self._strip = (self._strip + 1) % _STRIPS
            self._add(found, self._detector.detect(grey, None, self._strips[self._strip]))
        return found, False

    def _near(self, grey: NDArray[np.uint8], state: Predicted) -> list[Detection] | None:
        """Markers where the map has them; None when the prediction is too uncertain for that."""
        expected = self._field.expected(state)
        chosen = self._reader.chosen(expected)
        if chosen is None:
            return None
        ids = [expected.ids[i] for i in chosen]
        found, missed = self._follower.follow(grey, ids, expected.quads[chosen])
        # what is covered, or was moved a little, is looked for now and then; all of it when lost
        few = len(found) < min(len(ids), _ENOUGH)
        if missed and (few or self._pictures % _STRIP_EVERY == 1):
            boxes = self._reader.boxes(expected, [chosen[i] for i in missed])
            if boxes is None:
                return None if few else found
            nearby = self._field.ids(self._field.nearby(state.pose.position))
            self._add(found, self._reader.read(grey, boxes, nearby))
        return found

    @staticmethod
    def _add(found: list[Detection], more: list[Detection]) -> None:
        """Add what is not there yet: the same marker twice in one place is one."""
        found.extend([d for d in more if not any(_same(d, other) for other in found)])

    def _follow_background(self, grey: NDArray[np.uint8], t_ms: int, fit: Fit | None) -> None:
        """Without a pose, keep where the camera looks by what else is in the picture."""
        if fit is None and self._chain is not None:
            then, rotation, sigma = self._chain
            before, now = self._tracker.predicted(then), self._tracker.predicted(t_ms)
            turned = None
            if before is not None and now is not None:
                turned = self._background.turn(
                    grey, before.pose, now.pose, self._tracker.last_depth_m()
                )
            if turned is None or before is None or now is None:
                self._chain = None
                self._tracker.turned(t_ms, None, 0.0)
            else:
                # what the camera moved more or less than foreseen looks like a turn
                slip = np.trace(now.covariance[6:9, 6:9]) ** 0.5 * (t_ms - then) / 1000.0
                slip /= max(0.5, self._tracker.last_depth_m())
                sigma = float(np.sqrt(sigma**2 + turned[1] ** 2 + slip**2))
                self._chain = (t_ms, turned[0] @ rotation, sigma)
                self._tracker.turned(t_ms, self._chain[1], sigma)

    def _beside(self, tracked: TrackedPose, detections: list[Detection]) -> TrackedPose:
        """With one marker in view, the rough place it gives: enough to frame the bin beside it."""
        known = [d for d in detections if d.id not in self._health.moved]
        if len(known) != 1 or tracked.rough is None:
            return tracked
        branch = self._solver.nearest_branch(known[0], tracked.rough)
        return tracked if branch is None else replace(tracked, rough=branch)

    def _doubted(self, detections: list[Detection], fit: Fit | None) -> tuple[int, ...]:
        out = {d.id for d in detections if d.id in self._health.moved}
        if fit is not None:
            out.update(m.detection.id for m in fit.misfits if not m.agrees)
        else:
            ids = [d.id for d in detections]
            out.update(n for n in ids if ids.count(n) > 1)
        return tuple(sorted(out))

    def _sightings(
        self,
        detections: list[Detection],
        fit: Fit | None,
        tracked: TrackedPose,
        doubted: tuple[int, ...],
    ) -> list[Sighting]:
        if fit is None:
            believed = [d for d in detections if d.id not in doubted]
        else:
            agreeing = [m.detection for m in fit.misfits if m.agrees]
            believed = [d for d in agreeing if d.id not in self._health.moved]
        out: dict[int, Sighting] = {}
        for d in believed:
            marker = self._markers[d.id]
            if tracked.pose is not None and fit is not None:
                distance = float(np.linalg.norm(marker.center_m - tracked.pose.position))
            else:
                distance = self.camera.fx * marker.size_mm / 1000.0 / max(d.side_px, 1e-6)
            out[d.id] = Sighting(d.id, round(distance * 1000))
        return list(out.values())


def _same(a: Detection, b: Detection) -> bool:
    return a.id == b.id and float(np.abs(a.corners - b.corners).max()) < 2.0
