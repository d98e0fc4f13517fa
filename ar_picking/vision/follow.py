"""Follow known markers from picture to picture without searching for them.

The map and the predicted pose say where each marker's corners are to a few pixels; where a head turns
faster than foreseen, a few markers drawn from the map and compared with the picture tell by how much.
The line fit takes it from there, and the marker's own code, read at the fitted corners, says whether
it really is the one. So a marker that nobody has seen yet is found as cheaply as one that was seen
before, and one that is covered, or another in its place, is not believed. Blur that breaks a
detector's threshold leaves an edge that can still be fitted.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Array
from ar_picking.vision.detect import Detection
from ar_picking.vision.refine import fit_corners

_INNER = 6  # modules of the code, without its border
_ALIKE = 0.6  # correlation of grey with the code; another code of the family has 0.39 at most
_SHIFT_PX = 0.7  # others found this far from where they were expected: try again from there
_WORST_PX = 1.5  # a corner less sure than this says nothing
_STEADY_PX = 1.5  # as long as markers are found so near, nothing has to be searched
_LOST_PX = 8.0
_REACH_PX = 16
_DRAWN = 3  # markers drawn and searched for
_LARGEST_PX = 160
_TEXEL = 4
# pixels of a drawn card to modules of its square, whose corner is one module in
_TEXELS = np.array(
    [[1 / _TEXEL, 0, 0.5 / _TEXEL - 1], [0, 1 / _TEXEL, 0.5 / _TEXEL - 1], [0, 0, 1]]
)
_SQUARE = np.array([[0.0, 0.0], [8.0, 0.0], [8.0, 8.0], [0.0, 8.0]], np.float32)
_MIDDLES = np.array(
    [(x + 1.5, y + 1.5) for y in range(_INNER) for x in range(_INNER)], np.float32
).reshape(1, -1, 2)


class Follower:
    """Follows markers with `ids` 0..586 of 36h11."""

    def __init__(self, ids: Iterable[int]) -> None:
        self._usual_px = _LOST_PX  # how far from where they were expected markers are found
        self._family = family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
        self._codes: dict[int, NDArray[np.float32]] = {}
        for number in ids:
            code = family.generateImageMarker(int(number), 8)[1:-1, 1:-1]
            even = code.ravel().astype(np.float32)
            even -= even.mean()
            self._codes[int(number)] = even / np.float32(np.linalg.norm(even))

    def follow(
        self, grey: NDArray[np.uint8], ids: list[int], quads: Array
    ) -> tuple[list[Detection], list[int]]:
        """Markers expected with corners (n, 4, 2) px, off by up to 16 px all together.

        Returns those found, and the places (0..n-1) of the others.
        """
        if not ids:
            return [], []
        expected = quads
        if self._usual_px > _STEADY_PX:
            quads = quads + self._shift(grey, ids, quads)
        found, missed = self._fitted(grey, ids, quads, list(range(len(ids))))
        if found and missed:
            # what moved the others has moved these too
            shift = np.median([d.corners - quads[i] for i, d in found.items()], axis=(0, 1))
            if float(np.abs(shift).max()) > _SHIFT_PX:
                more, missed = self._fitted(grey, ids, quads + shift, missed)
                found.update(more)
        off = [float(np.abs(d.corners - expected[i]).max()) for i, d in found.items()]
        self._usual_px = 0.7 * self._usual_px + 0.3 * (float(np.median(off)) if off else _LOST_PX)
        return [found[i] for i in sorted(found)], missed

    def _shift(self, grey: NDArray[np.uint8], ids: list[int], quads: Array) -> Array:
        """How far the whole picture is from where it was expected, (2,) px, by a few markers drawn as
        they should look and searched for near their places (Lewis 1995, normalised correlation).
        """
        height, width = grey.shape
        shifts = []
        for number, quad in zip(ids[:_DRAWN], quads[:_DRAWN], strict=False):
            rim = float(np.ptp(quad, axis=0).max()) / 8.0
            x0, y0 = np.floor(quad.min(axis=0) - rim).astype(int)
            x1, y1 = np.ceil(quad.max(axis=0) + rim).astype(int) + 1
            if (
                x0 < _REACH_PX
                or y0 < _REACH_PX
                or x1 + _REACH_PX > width
                or y1 + _REACH_PX > height
            ):
                continue
            if max(x1 - x0, y1 - y0) > _LARGEST_PX:
                continue
            to_patch = _to_quad((quad - (x0, y0)).astype(np.float32)) @ _TEXELS
            drawn = cv2.warpPerspective(
                self._card(number), to_patch, (int(x1 - x0), int(y1 - y0)),
                flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
            )  # fmt: skip
            near = grey[y0 - _REACH_PX : y1 + _REACH_PX, x0 - _REACH_PX : x1 + _REACH_PX]
            alike = cv2.matchTemplate(near, drawn, cv2.TM_CCOEFF_NORMED)
            _, best, _, at = cv2.minMaxLoc(alike)
            if best > _ALIKE:
                shifts.append((at[0] - _REACH_PX, at[1] - _REACH_PX))
        return np.median(shifts, axis=0) if shifts else np.zeros(2)

    def _card(self, number: int) -> NDArray[np.uint8]:
        """The marker with its white rim, a few pixels a module."""
        code = self._family.generateImageMarker(number, 8)
        code = cv2.copyMakeBorder(code, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=255)
        return np.repeat(np.repeat(code, _TEXEL, axis=0), _TEXEL, axis=1)

    def _fitted(
        self, grey: NDArray[np.uint8], ids: list[int], quads: Array, places: list[int]
    ) -> tuple[dict[int, Detection], list[int]]:
        corners, sigma = fit_corners(grey, quads[places])
        sure = np.asarray((sigma < _WORST_PX).all(axis=1))
        found: dict[int, Detection] = {}
        tried = [k for k in range(len(places)) if sure[k]]
        if tried:
            alike = self._likeness(grey, [ids[places[k]] for k in tried], corners[tried])
            for k, value in zip(tried, alike, strict=True):
                if value >= _ALIKE:
                    found[places[k]] = Detection(ids[places[k]], corners[k], sigma[k])
        return found, [i for i in places if i not in found]

    def _likeness(self, grey: NDArray[np.uint8], ids: list[int], quads: Array) -> Array:
        """Correlation of the grey in the middle of each module with the code, (n,), -1 to 1."""
        at = np.empty((len(ids), _INNER * _INNER, 2), np.float32)
        for k, quad in enumerate(quads.astype(np.float32)):
            at[k] = cv2.perspectiveTransform(_MIDDLES, _to_quad(quad))[0]
        values = cv2.remap(
            grey, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.float32)
        values -= values.mean(axis=1, keepdims=True)
        size = np.maximum(np.linalg.norm(values, axis=1), 1e-6)
        codes = np.array([self._codes[n] for n in ids])
        return np.asarray(np.einsum("ij,ij->i", values, codes) / size, np.float64)


def _to_quad(quad: NDArray[np.float32]) -> Array:
    return np.asarray(cv2.getPerspectiveTransform(_SQUARE, quad), np.float64)
