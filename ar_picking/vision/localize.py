"""A picture in, a place in the store out: detection, pose and tracking in one step."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Array, Store
from ar_picking.store.shelves import MIN_HEIGHT_M, Footprints, shelves
from ar_picking.vision.camera import Camera
from ar_picking.vision.detect import Detection, MarkerDetector
from ar_picking.vision.pose import Fit, PoseSolver
from ar_picking.vision.track import TRACKED, PoseTracker, TrackedPose

_LOCAL_M = 9.0  # a 20 cm marker farther away is too small to read
_EVERYWHERE_EVERY = 30  # pictures; so that a wrong place cannot keep itself alive


@dataclass(frozen=True, slots=True)
class Sighting:
    """A marker in view that is where the map says, and its distance from the camera."""

    id: int
    distance_mm: int


@dataclass(frozen=True, slots=True)
class Localized:
    """What one picture said."""

    tracked: TrackedPose
    fit: Fit | None
    detections: list[Detection]
    sightings: list[Sighting]


class Localizer:
    """Localizes one camera in one store; feed pictures in the order of their times."""

    def __init__(self, store: Store, camera: Camera) -> None:
        self.camera = camera
        self._markers = store.markers
        self._centers = np.array([m.center_m for m in store.markers.values()])
        self._normals = np.array([m.normal for m in store.markers.values()])
        self._ids = np.array(list(store.markers))
        self._detector = MarkerDetector(store.markers)
        self._solver = PoseSolver(camera, store.markers, store.room_m)
        self._tracker = PoseTracker(camera)
        self._footprints = Footprints(shelves(list(store.bins.values())))
        self._local: tuple[int, ...] | None = None
        self._pictures = 0

    def update(
        self, picture: NDArray[np.uint8], t_ms: int, drawn: Array | None = None
    ) -> Localized:
        """From a BGR or grey picture of the camera's size, taken at `t_ms`.

        `drawn`: points in the store, shape (n, 3), that the overlay wants to draw; the state is
        `tracked` only when they would be drawn in the right place.
        """
        grey = (
            picture
            if picture.ndim == 2
            else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        )
        self._pictures += 1
        everywhere = self._local is None or self._pictures % _EVERYWHERE_EVERY == 0
        detections = self._detector.detect(grey, None if everywhere else self._local)
        fit = self._solver.solve(detections, self._tracker.expected(t_ms), drawn)
        tracked = self._tracker.update(t_ms, fit)
        self._local = self._nearby() if tracked.state == TRACKED else None
        return Localized(tracked, fit, detections, self._sightings(detections, fit, tracked))

    def _nearby(self) -> tuple[int, ...] | None:
        """Markers that could be read from about here.

        Not too far, facing this way, not behind a shelf.
        """
        eye = self._tracker.last_position()
        if eye is None:
            return None
        away = eye - self._centers
        seen = np.linalg.norm(away, axis=1) < _LOCAL_M
        seen &= np.einsum("ij,ij->i", away, self._normals) > -0.3
        low = self._centers[:, 2] < MIN_HEIGHT_M  # what hangs higher is seen over the shelves
        fronts = self._centers[:, :2] + 0.03 * self._normals[:, :2]
        seen &= ~(low & self._footprints.hidden(eye[:2], fronts))
        return tuple(int(n) for n in self._ids[seen])

    def _sightings(
        self, detections: list[Detection], fit: Fit | None, tracked: TrackedPose
    ) -> list[Sighting]:
        out = []
        for d in detections:
            if fit is not None and d.id in fit.dropped:
                continue  # it is not where the map says: moved, or a copy
            marker = self._markers[d.id]
            if tracked.pose is not None and fit is not None:
                distance = float(np.linalg.norm(marker.center_m - tracked.pose.position))
            else:
                distance = self.camera.fx * marker.size_mm / 1000.0 / max(d.side_px, 1e-6)
            out.append(Sighting(d.id, round(distance * 1000)))
        return out
