"""Find the store's own markers in a picture.

Dark squares are looked for in half size (a marker of 16 pixels still shows there), those that have a
black border, a light zone around it and nearly a code of ours are measured in full size by their edges,
and what then reads as a code with at most two wrong modules is a marker (M, 1280 x 720, hard scene:
all of them, corners 0.03 px median, 0.09 px p95).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Array
from ar_picking.vision.codes import CodeBook
from ar_picking.vision.refine import fit_corners
from ar_picking.vision.squares import find_squares

Region = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels; x1 and y1 are outside
Fit = Callable[[NDArray[np.uint8], Array], tuple[Array, Array]]  # as refine.fit_corners

_KEPT_BOOKS = 8
_LEAST_PX = 16  # a region smaller than this holds no marker that can be read
_HALF_FROM_PX = 480_000  # pixels; of pictures larger than this
_HALF_PART_PX = 120_000  # parts larger than this are searched in half size
_WINDOW_PX = 9  # threshold window at the size that is searched, where a module is 1 to 5 pixels
_CONTRAST = 10
_MOST = 300  # squares measured in one picture; a store shows some ten
_NEARLY = 8  # wrong modules of a rough square that is worth a second look
_UNKNOWN_PX = 0.5  # the error claimed for corners that nobody measured
_WINDOW_MODULES = 2.5  # threshold window for a marker of known size


@dataclass(frozen=True, slots=True)
class Detection:
    """One marker in a picture.

    Its id, its corners TL, TR, BR, BL in pixels of the picture as it is (lens not removed), shape
    (4, 2), and the one-sigma error of each corner per axis in pixels, shape (4,): infinity where the
    corner could not be measured and is only good to a pixel or two.
    """

    id: int
    corners: Array
    sigma_px: Array = field(default_factory=lambda: np.full(4, _UNKNOWN_PX))

    @property
    def side_px(self) -> float:
        """The longest edge in pixels."""
        return float(np.linalg.norm(self.corners - np.roll(self.corners, 1, axis=0), axis=1).max())


class MarkerDetector:
    """Detects markers of a fixed set of ids (0..586 of 36h11); `ids` of a call may narrow it further.

    An id outside the family raises ValueError.
    """

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = tuple(sorted(set(ids)))
        self._books: dict[tuple[int, ...], CodeBook] = {}
        self._book(self.ids)

    def detect(
        self,
        grey: NDArray[np.uint8],
        ids: Iterable[int] | None = None,
        region: Region | None = None,
        side_px: float | None = None,
    ) -> list[Detection]:
        """Markers in a grey picture (height, width), by id and then from left to right.

        An id that is seen twice is returned twice: the map decides which of them is believed.
        `region` is a box of pixels to look in; what of it lies outside the picture is left out.
        `side_px` is how long a marker's side should be there, where that is known.
        """
        wanted = self.ids if ids is None else tuple(sorted(set(ids) & set(self.ids)))
        height, width = grey.shape
        x0, y0, x1, y1 = (0, 0, width, height) if region is None else region
        x0, y0, x1, y1 = max(0, x0), max(0, y0), min(width, x1), min(height, y1)
        if not wanted or x1 - x0 < _LEAST_PX or y1 - y0 < _LEAST_PX:
            return []
        part = np.ascontiguousarray(grey[y0:y1, x0:x1])
        half = grey.size > _HALF_FROM_PX and part.size > _HALF_PART_PX
        quads = candidates(part, half, side_px)
        book = self._book(wanted)
        quads = quads[book.suspects(part, quads)[:_MOST]]
        return [_moved(d, x0, y0) for d in measure(part, quads, book)]

    def _book(self, wanted: tuple[int, ...]) -> CodeBook:
        if wanted not in self._books:
            if len(self._books) >= _KEPT_BOOKS:
                self._books.pop(next(iter(self._books)))
            self._books[wanted] = CodeBook(wanted)
        return self._books[wanted]


def candidates(grey: NDArray[np.uint8], half: bool, side_px: float | None = None) -> Array:
    """Squares of a grey picture that may be markers: (n, 4, 2) px, clockwise, good to 1 or 2 px.

    `half`: searched in half size, four times as fast, down to sides of 16 px.
    """
    window = _WINDOW_PX
    if side_px is not None:
        module = side_px / (16.0 if half else 8.0)
        window = int(np.clip(round(_WINDOW_MODULES * module), 5, 61)) | 1
    if not half:
        quads = find_squares(grey, window if side_px else 2 * window - 3, _CONTRAST)
    else:
        quads = _smaller(grey, 2, window)
    if side_px is not None:
        return quads
    # a near marker's modules are wider than the window, and its black border comes out hollow
    return np.concatenate([quads, _smaller(grey, 8 if half else 4, _WINDOW_PX)])


def _smaller(grey: NDArray[np.uint8], by: int, window_px: int) -> Array:
    """Squares of the picture made smaller, in pixels of the whole one."""
    size = (max(1, grey.shape[1] // by), max(1, grey.shape[0] // by))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    scale = np.array([grey.shape[1] / size[0], grey.shape[0] / size[1]])
    found = find_squares(np.asarray(small, np.uint8), window_px, _CONTRAST)
    return np.asarray((found + 0.5) * scale - 0.5)


def measure(
    grey: NDArray[np.uint8], quads: Array, book: CodeBook, fit: Fit = fit_corners
) -> list[Detection]:
    """What of the rough `quads` (n, 4, 2) is a marker, with its corners measured; by id, from the left.

    A square that cannot be measured but reads well as it came is kept; its sigma says infinity.
    """
    corners, sigma = fit(grey, quads)
    read = book.read(grey, corners)
    out = [_turned(number, corners[k], sigma[k], turn) for k, number, turn, _ in read]
    done = {k for k, *_ in read}
    rest = quads[[k for k in range(len(quads)) if k not in done]]
    nearly = book.read(grey, rest, _NEARLY)
    if nearly:
        others = _completed(rest[[k for k, *_ in nearly]])
        corners, sigma = fit(grey, others)
        for k, number, turn, _ in book.read(grey, corners):
            out.append(_turned(number, corners[k], sigma[k], turn))
        for k, number, turn, wrong in nearly:
            if wrong <= 1:
                out.append(_turned(number, rest[k], np.full(4, np.inf), turn))
    return sorted(_single(out), key=lambda d: (d.id, float(d.corners[0, 0])))


def _turned(number: int, corners: Array, sigma: Array, turn: int) -> Detection:
    return Detection(number, np.roll(corners, -turn, axis=0), np.roll(sigma, -turn))


def _completed(quads: Array) -> Array:
    """Each quad four times, with one corner where the other three would have it: (4 n, 4, 2).

    A corner that the threshold cut off is too far off for the fit.
    """
    out = np.repeat(quads, 4, axis=0)
    for k in range(4):
        out[k::4, k] = quads[:, k - 1] + quads[:, (k + 1) % 4] - quads[:, k - 2]
    return out


def _single(found: list[Detection]) -> list[Detection]:
    """Without repeats: the same id at the same place, measured from two rough squares."""
    out: list[Detection] = []
    for d in sorted(found, key=lambda d: float(np.minimum(d.sigma_px, 9.0).sum())):
        middle = d.corners.mean(axis=0)
        if not any(e.id == d.id and _inside(middle, e.corners) for e in out):
            out.append(d)
    return out


def _inside(point: Array, quad: Array) -> bool:
    """Whether a point lies in a clockwise quad (in pixels: y is down)."""
    side, to = np.roll(quad, -1, axis=0) - quad, point - quad
    return bool((side[:, 0] * to[:, 1] > side[:, 1] * to[:, 0]).all())


def _moved(found: Detection, x: int, y: int) -> Detection:
    return Detection(found.id, found.corners + np.array((x, y)), found.sigma_px)
