"""Is the board what it should be: seen from many places, its squares square, its paper flat?

The fit takes all three for granted. A view that is there twice makes the result look surer than it is;
paper that a printer pulled longer one way, or that is bowed, bends focal length and lens instead of
leaving large residuals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ar_picking.store.records import Array
from ar_picking.vision.charuco import SQUARE_M, View

MAX_STRETCH = 0.003  # 1 % of stretch moved the focal length by 0.5 % (M)
_SAME_PX = 2.0  # at 1280 pixels: a board that was held still
_SHARED = 0.8  # of the corners, for two views to be compared
_STEP = 0.01
_SURE = 3.0  # sigmas


class Distinct:
    """Takes views of one camera, of pictures of `size`, as they come; knows those it has seen."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._limit_px = _SAME_PX * max(size) / 1280.0
        self._known: list[dict[tuple[int, int], Array]] = []
        self._middles: list[Array] = []

    def takes(self, view: View) -> bool:
        """False for a view in which the board is where it was in one before."""
        corners = dict(zip(_names(view), view.pixels, strict=True))
        middle = view.pixels.mean(axis=0)
        if self._known:
            # corners at the rim come and go, so the middle is only a first, quick sieve
            reach_px = float(np.ptp(view.pixels, axis=0).max())
            off = np.linalg.norm(np.array(self._middles) - middle, axis=1)
            near = np.flatnonzero(off < reach_px)
            if any(_apart_px(corners, self._known[k]) < self._limit_px for k in near):
                return False
        self._known.append(corners)
        self._middles.append(middle)
        return True


def distinct(views: Sequence[View], size: tuple[int, int]) -> list[View]:
    """The views without those in which the board is where it was in one before."""
    seen = Distinct(size)
    return [view for view in views if seen.takes(view)]


def smooth_share(views: Sequence[View], residuals: Sequence[Array]) -> float:
    """The residuals over what of them is noise, 1 or more.

    Noise differs from one corner to the next; what a bowed board or a wrong lens leaves over does not,
    and more views of it do not average it out.
    """
    every = within = 0.0
    corners = pairs = 0
    for view, residual in zip(views, residuals, strict=True):
        at = {name: k for k, name in enumerate(_names(view))}
        beside = [
            (k, at[there])
            for (x, y), k in at.items()
            for there in ((x + 1, y), (x, y + 1))
            if there in at
        ]
        every += float((residual**2).sum())
        corners += len(residual)
        if beside:
            i, j = np.array(beside).T
            within += float(((residual[i] - residual[j]) ** 2).sum()) / 2.0
            pairs += len(beside)
    if not pairs or within <= 0.0:
        return 1.0
    return max(1.0, float(np.sqrt(every / corners / (within / pairs))))


def stretch(
    views: Sequence[View], cost: Callable[[list[View]], float], spread_px: float
) -> tuple[float, float]:
    """How much longer the board is along its columns than across (a share), and one sigma of it.

    `cost` is the sum of the squared residuals of the best camera for views, in px2; `spread_px` one
    sigma of a corner per axis. Three cameras are fitted, to boards 1 % shorter, as drawn, 1 % longer,
    and a parabola is laid through what is left over. Sigma is inf when the views cannot tell: a board
    that was never turned in the picture looks like a camera with oblong pixels.
    """
    shorter, drawn, longer = (cost(_stretched(views, k * _STEP)) for k in (-1, 0, 1))
    bend = (shorter + longer - 2.0 * drawn) / _STEP**2
    if not bend > 0.0:
        return 0.0, float("inf")
    off = (shorter - longer) / (2.0 * _STEP) / bend
    return off, float(np.sqrt(2.0 / bend)) * spread_px


def is_stretched(off: float, sigma: float) -> bool:
    """True when a stretch is too large, and sure."""
    return abs(off) > max(MAX_STRETCH, _SURE * sigma)


def _stretched(views: Sequence[View], share: float) -> list[View]:
    return [View(v.name, v.board_m * (1.0, 1.0 + share), v.pixels) for v in views]


def _names(view: View) -> list[tuple[int, int]]:
    columns = np.rint(view.board_m / SQUARE_M).astype(int)
    return [(int(x), int(y)) for x, y in columns]


def _apart_px(a: dict[tuple[int, int], Array], b: dict[tuple[int, int], Array]) -> float:
    """How far the board moved between two views: the median of the corners they share."""
    shared = a.keys() & b.keys()
    if len(shared) < _SHARED * max(len(a), len(b)):
        return float("inf")
    return float(np.median([np.linalg.norm(a[name] - b[name]) for name in shared]))
