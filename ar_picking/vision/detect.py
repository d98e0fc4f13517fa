"""Find the store's own markers in a picture.

The cost of 36h11 is comparing every candidate with every code, so the dictionary is cut down to the
codes that can be in view: all of the store's, or those around the last known place. One threshold
window is enough for a known marker size (M: 126 -> 15 ms at 1280x720). Corners are refined with
cv2.cornerSubPix, whose window follows the size of the marker's modules so that no other edge of the
code is in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Array

_WINDOW_PX = 13  # adaptive threshold window at 1280 pixels width
_KEPT_DETECTORS = 8
_INWARD_PX = 0.8


@dataclass(frozen=True, slots=True)
class Detection:
    """One marker in a picture: its id and its corners TL, TR, BR, BL in pixels, shape (4, 2)."""

    id: int
    corners: Array

    @property
    def side_px(self) -> float:
        """The longest edge in pixels."""
        return float(np.linalg.norm(self.corners - np.roll(self.corners, 1, axis=0), axis=1).max())


class MarkerDetector:
    """Detects markers of a fixed set of ids (0..586 of 36h11); `ids` of a call may narrow it further."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = tuple(sorted(set(ids)))
        self._family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
        self._detectors: dict[tuple[tuple[int, ...], int], cv2.aruco.ArucoDetector] = {}

    def detect(self, grey: NDArray[np.uint8], ids: Iterable[int] | None = None) -> list[Detection]:
        """Markers in a grey picture (height, width), by id.

        An id that is seen twice is dropped: one is a fake.
        """
        wanted = self.ids if ids is None else tuple(sorted(set(ids) & set(self.ids)))
        if not wanted:
            return []
        corners, numbers, _ = self._detector(wanted, grey.shape[1]).detectMarkers(grey)
        if numbers is None or len(numbers) == 0:
            return []
        found: dict[int, Detection] = {}
        twice: set[int] = set()
        for index, quad in zip(np.asarray(numbers).ravel(), corners, strict=True):
            number = wanted[int(index)]
            if number in found:
                twice.add(number)
            found[number] = Detection(
                number, refine(grey, np.asarray(quad, np.float32).reshape(4, 2))
            )
        return [found[n] for n in sorted(found) if n not in twice]

    def _detector(self, wanted: tuple[int, ...], width: int) -> cv2.aruco.ArucoDetector:
        window = max(5, round(_WINDOW_PX * width / 1280)) | 1
        key = (wanted, window)
        if key not in self._detectors:
            if len(self._detectors) >= _KEPT_DETECTORS:
                self._detectors.pop(next(iter(self._detectors)))
            codes = self._family.bytesList[list(wanted)]
            part = cv2.aruco.Dictionary(
                codes, self._family.markerSize, self._family.maxCorrectionBits
            )
            parameters = cv2.aruco.DetectorParameters()
            parameters.adaptiveThreshWinSizeMin = window
            parameters.adaptiveThreshWinSizeMax = window
            parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_NONE
            self._detectors[key] = cv2.aruco.ArucoDetector(part, parameters)
        return self._detectors[key]


def refine(grey: NDArray[np.uint8], corners: NDArray[np.float32]) -> Array:
    """Corners (4, 2) to a fraction of a pixel.

    The detector's corners lie 0.8 px inside the marker (M, against rendered truth); started there,
    a small window misses the corner and a large one catches the code's inner edges, so they are
    moved out first.
    """
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    window = int(np.clip(round(float(edges.min()) / 8.0 * 0.55), 2, 6))
    out = corners - corners.mean(axis=0)
    start = corners + _INWARD_PX * out / np.linalg.norm(out, axis=1, keepdims=True)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 20, 0.01)
    start = start.astype(np.float32).reshape(-1, 1, 2)
    fine = cv2.cornerSubPix(grey, start, (window, window), (-1, -1), criteria)
    return np.asarray(fine.reshape(4, 2), np.float64)
