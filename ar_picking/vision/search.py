"""Find every marker in a photograph, however small, dark or blurred, and take the time for it.

The photograph is searched in several sizes, with several threshold windows and contrasts, for squares
of the whole family; what was not readable one way may be another way. For single pictures
(`o2o ar detect`, calibration), not for a camera's: 0.1 to 1 s a picture.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Array
from ar_picking.vision.codes import CODES, CodeBook, heights_px
from ar_picking.vision.detect import Detection, measure
from ar_picking.vision.refine import fit_corners
from ar_picking.vision.squares import find_squares

_SIZES = (0.125, 0.25, 0.5, 1.0, 2.0)
# a near marker's modules are wider than the windows, and its border comes out hollow: it shows in a
# small copy of the picture, which is too rough for others
_NEAR_SIZE = 0.25
_NEAR_PX = 240.0
_LARGE_PX = 4_000_000  # a picture with more pixels is not enlarged
_LEAST_PX = 10
_WINDOWS_PX = (5, 9, 15, 25)
_CONTRASTS = (3, 8)
_SMALL_PX = 32.0  # a marker lower than this is measured in the enlarged picture
_ENLARGED = 2
_MOST = 5000  # squares that are measured; a marker makes up to 24


def search(grey: NDArray[np.uint8], ids: Iterable[int] = range(CODES)) -> list[Detection]:
    """All markers of `ids` in a grey picture (height, width), by id and then from left to right.

    The same id may be there several times.
    """
    book = CodeBook(sorted(set(ids)))
    quads = np.concatenate([_squares(grey, size, book) for size in _SIZES])
    return measure(grey, quads[:_MOST], book, _fit)


def _fit(grey: NDArray[np.uint8], quads: Array) -> tuple[Array, Array]:
    """fit_corners, but what is small or fails is fitted in the enlarged picture.

    There a module has the pixels that the fit's windows need.
    """
    corners, sigma = _twice(grey, quads)
    again = ~np.isfinite(sigma).all(axis=1)
    again |= heights_px(quads) < _SMALL_PX
    if again.any() and grey.size <= _LARGE_PX:
        large = _scaled(grey, _ENLARGED)
        fine, error = _twice(large, (quads[again] + 0.5) * _ENLARGED - 0.5)
        # neighbouring pixels of an enlarged picture say the same: its sigma is too small by the factor
        better = np.isfinite(error) | ~np.isfinite(sigma[again])
        corners[again] = np.where(better[..., None], (fine + 0.5) / _ENLARGED - 0.5, corners[again])
        sigma[again] = np.where(better, error, sigma[again])
    return corners, sigma


def _twice(grey: NDArray[np.uint8], quads: Array) -> tuple[Array, Array]:
    """fit_corners, begun again from what it found: a rough corner may be 3 px off.

    Edges are taken as straight, as other detectors do: where a lens bends them, what is told is where
    the straight lines meet.
    """
    return fit_corners(grey, fit_corners(grey, quads, True)[0], True)


def _squares(grey: NDArray[np.uint8], size: float, book: CodeBook) -> Array:
    if (size > 1.0 and grey.size > _LARGE_PX) or size * min(grey.shape) < _LEAST_PX:
        return np.empty((0, 4, 2))
    scaled = _scaled(grey, size)
    found = []
    for window in _WINDOWS_PX:
        for contrast in _CONTRASTS:
            # pixel centres are whole numbers in every size
            quads = (find_squares(scaled, window, contrast) + 0.5) / size - 0.5
            if size <= _NEAR_SIZE:
                quads = quads[heights_px(quads) > _NEAR_PX]
            found.append(quads[book.suspects(grey, quads)])
    return np.concatenate(found)


def _scaled(grey: NDArray[np.uint8], size: float) -> NDArray[np.uint8]:
    if size == 1.0:
        return grey
    how = cv2.INTER_CUBIC if size > 1.0 else cv2.INTER_AREA
    return np.asarray(cv2.resize(grey, None, fx=size, fy=size, interpolation=how), np.uint8)
