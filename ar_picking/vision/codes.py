"""Read the code of a square: which marker of AprilTag's 36h11 family it is, and which way up.

The family is that of Olson 2011 (ICRA, "AprilTag: a robust and flexible visual fiducial system"): 587
codes of 6 x 6 modules inside a black border of one module, any two at least 11 modules apart in every
rotation. Codes are compared as 64-bit words, all squares with all codes at once, so that the whole
family costs no more than a store's few.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Array

_Ints = NDArray[np.intp]

FAMILY = "36h11"
CODES = 587
MODULES = 8  # of a side, border included

MOST_WRONG = 2  # modules; 11 apart allows 5, and noise that looks like a code is mostly 3 to 5 off
_INNER = 6
_LEAST_CONTRAST = 8.0  # grey values between the quiet zone and the border
_BORDER_SHARE = (
    0.8  # of the border's modules that must be dark, and of the quiet zone's that are light
)
_QUIET_SHARE = 0.6
_WHITES = 12.0  # a code has 10 to 25 white modules of 36
_MOST_WRONG_ROUGH = 8
_SMALL_PX = 26.0  # below it one pixel a module says too little: those are read more closely
_MOST_WRONG_SMALL = 11
_SHARPER = 0.25  # of what a module differs from its four neighbours: undoes some blur
_SPREAD = (-0.2, 0.2)  # where in a module it is read, from its middle


def homographies(quads: Array) -> Array:
    """Of (modules right, modules down, 1) on squares to pixels, (n, 3, 3), from corners (n, 4, 2).

    Heckbert 1989 (Fundamentals of texture mapping, 2.2.3). Folded quads give something finite.
    """
    x, y = quads[..., 0], quads[..., 1]
    dx1, dx2 = x[:, 1] - x[:, 2], x[:, 3] - x[:, 2]
    dy1, dy2 = y[:, 1] - y[:, 2], y[:, 3] - y[:, 2]
    sx, sy = x[:, 0] - x[:, 1] + x[:, 2] - x[:, 3], y[:, 0] - y[:, 1] + y[:, 2] - y[:, 3]
    det = dx1 * dy2 - dx2 * dy1
    det = np.where(np.abs(det) < 1e-9, 1e-9, det)
    g, h = (sx * dy2 - dx2 * sy) / det, (dx1 * sy - sx * dy1) / det
    out = np.empty((len(quads), 3, 3))
    out[:, 0] = np.stack(
        [x[:, 1] - x[:, 0] + g * x[:, 1], x[:, 3] - x[:, 0] + h * x[:, 3], x[:, 0]], 1
    )
    out[:, 1] = np.stack(
        [y[:, 1] - y[:, 0] + g * y[:, 1], y[:, 3] - y[:, 0] + h * y[:, 3], y[:, 0]], 1
    )
    out[:, 2] = np.stack([g, h, np.ones_like(g)], 1)
    out[:, :, :2] /= MODULES
    return out


def heights_px(quads: Array) -> Array:
    """How low each square is seen, (n,): the least distance of a corner from a side it is not on."""
    side = np.roll(quads, -1, axis=1) - quads
    side = side / np.maximum(np.linalg.norm(side, axis=2, keepdims=True), 1e-9)
    least = np.full(len(quads), np.inf)
    for step in (2, 3):
        to = np.roll(quads, -step, axis=1) - quads
        away = np.abs(side[..., 0] * to[..., 1] - side[..., 1] * to[..., 0])
        least = np.minimum(least, away.min(axis=1))
    return least


def _places(homography: Array, points: Array) -> Array:
    """Points (m, 2) in modules as pixels (n, m, 2)."""
    p = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    out = p @ homography.transpose(0, 2, 1)
    w = out[..., 2:]
    return np.asarray(out[..., :2] / np.where(np.abs(w) < 1e-6, 1e-6, w))


def _frame() -> tuple[Array, Array]:
    """Middles of the border's 28 modules, and of the 32 beside them in the quiet zone."""
    k = np.arange(MODULES) + 0.5
    lo, hi = np.full(MODULES, 0.5), np.full(MODULES, MODULES - 0.5)
    sides = [(k, lo), (k, hi), (lo[1:-1], k[1:-1]), (hi[1:-1], k[1:-1])]
    border = np.concatenate([np.stack(s, axis=1) for s in sides])
    sides = [(k, lo - 1.0), (k, hi + 1.0), (lo - 1.0, k), (hi + 1.0, k)]
    return border, np.concatenate([np.stack(s, axis=1) for s in sides])


_BORDER, _QUIET = _frame()
_FRAME = np.concatenate([_BORDER, _QUIET])
_CODE = np.array([(x + 1.5, y + 1.5) for y in range(_INNER) for x in range(_INNER)])
_ALL = np.concatenate([_BORDER, _QUIET, _CODE])
_SPOTS = np.array([(a, b) for a in _SPREAD for b in _SPREAD])
_WEIGHTS = np.left_shift(np.uint64(1), np.arange(_INNER * _INNER, dtype=np.uint64))


class CodeBook:
    """Some markers' codes (`ids` of 0..586; others raise ValueError), to read squares with."""

    def __init__(self, ids: Sequence[int]) -> None:
        if any(not 0 <= number < CODES for number in ids):
            raise ValueError(f"{FAMILY} has the ids 0 to {CODES - 1}")
        self.ids = np.array(ids, np.intp)
        self._words = _family()[self.ids]  # (n, 4)

    def suspects(self, grey: NDArray[np.uint8], quads: Array) -> _Ints:
        """Which rough quads (n, 4, 2) look like one of the markers: their indices.

        A dark border of one module, a light module around it, and a code that is nearly one of ours.
        One pixel per module is looked at; a quad may be a module off.
        """
        if not len(quads) or not len(self.ids):
            return np.empty(0, np.intp)
        at = _places(homographies(quads), _ALL)
        height, width = grey.shape
        x = np.clip(np.rint(at[..., 0]), 0, width - 1).astype(np.intp)
        y = np.clip(np.rint(at[..., 1]), 0, height - 1).astype(np.intp)
        values = grey.ravel()[y * width + x].astype(np.float32)
        border, quiet, code = np.split(values, (len(_BORDER), len(_FRAME)), axis=1)
        black, white = np.median(border, axis=1), np.median(quiet, axis=1)
        level = ((black + white) / 2.0)[:, None]
        ok = white - black >= _LEAST_CONTRAST
        ok &= (border < level).mean(axis=1) >= _BORDER_SHARE
        ok &= (quiet > level).mean(axis=1) >= _QUIET_SHARE
        bits = code > level
        ok &= np.abs(bits.sum(axis=1) - 17.5) < _WHITES
        index = np.flatnonzero(ok)
        words = (bits[index] * _WEIGHTS).sum(axis=1, dtype=np.uint64)
        wrong = np.bitwise_count(words[:, None] ^ self._words.ravel()).min(axis=1, initial=64)
        near = wrong <= _MOST_WRONG_ROUGH
        small = np.flatnonzero(~near & (heights_px(quads[index]) < _SMALL_PX))
        near[small] = (
            self._wrong(grey, quads[index[small]]).min(axis=1, initial=64) <= _MOST_WRONG_SMALL
        )
        return np.asarray(index[near])

    def _wrong(self, grey: NDArray[np.uint8], quads: Array) -> NDArray[np.uint8]:
        """Wrong modules of each quad against each of our codes, each way up: (n, 4 x codes)."""
        if not len(quads):
            return np.empty((0, self._words.size), np.uint8)
        words = (self._bits(grey, quads) * _WEIGHTS).sum(axis=1, dtype=np.uint64)
        return np.asarray(np.bitwise_count(words[:, None] ^ self._words.ravel()), np.uint8)

    def read(
        self, grey: NDArray[np.uint8], quads: Array, most_wrong: int = MOST_WRONG
    ) -> list[tuple[int, int, int, int]]:
        """(index of the quad, id, corner of it that is the tag's top left, wrong modules) of those read.

        `quads` (n, 4, 2) are clockwise on the screen, good to a third of a module.
        """
        if not len(quads) or not len(self.ids):
            return []
        wrong = self._wrong(grey, quads)
        out = []
        for index, best in enumerate(wrong.argmin(axis=1).tolist()):
            number, turn = divmod(best, 4)
            if wrong[index, best] <= most_wrong:
                out.append((index, int(self.ids[number]), turn, int(wrong[index, best])))
        return out

    def _bits(self, grey: NDArray[np.uint8], quads: Array) -> NDArray[np.uint64]:
        """The modules of each square, row by row, 1 for white: (n, 36).

        Compared with the middle between two planes of grey, one through the border, one through the
        quiet zone: a shadow over half a marker does not matter.
        """
        to_px = homographies(quads)
        n, spots = len(quads), len(_SPOTS)
        points = np.concatenate([_BORDER, _CODE])
        places = (points[:, None, :] + _SPOTS).reshape(-1, 2)
        near = _bilinear(grey, _places(to_px, places)).reshape(n, -1, spots).mean(axis=2)
        border, code = near[:, : len(_BORDER)], near[:, len(_BORDER) :]
        quiet = _bilinear(grey, _places(to_px, _QUIET))
        level = (border @ _plane(_BORDER) + quiet @ _plane(_QUIET)) / 2.0
        above = np.zeros((n, MODULES, MODULES))
        above[:, 1:-1, 1:-1] = (code - level).reshape(n, _INNER, _INNER)
        black = (border.mean(axis=1) - level.mean(axis=1))[:, None]
        above[:, 0] = above[:, -1] = black
        above[:, :, 0] = above[:, :, -1] = black
        around = above[:, :-2, 1:-1] + above[:, 2:, 1:-1] + above[:, 1:-1, :-2] + above[:, 1:-1, 2:]
        inner = above[:, 1:-1, 1:-1]
        sharp = inner + _SHARPER * (inner - around / 4.0) * 4.0
        return np.asarray((sharp > 0.0).reshape(n, -1), np.uint64)


@cache
def _plane_cached(which: bool) -> Array:
    points = _QUIET if which else _BORDER
    basis = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    at = np.concatenate([_CODE, np.ones((len(_CODE), 1))], axis=1)
    return np.asarray((at @ np.linalg.pinv(basis)).T)


def _plane(points: Array) -> Array:
    """Takes values at `points` to those of their least-squares plane at the code's modules, (m, 36)."""
    return _plane_cached(points is _QUIET)


def _bilinear(grey: NDArray[np.uint8], at: Array) -> Array:
    """Grey at places (n, m, 2) between pixels; outside the picture its rim goes on."""
    height, width = grey.shape
    x = np.clip(at[..., 0], 0.0, width - 1.001)
    y = np.clip(at[..., 1], 0.0, height - 1.001)
    i, j = x.astype(np.intp), y.astype(np.intp)
    u, v = x - i, y - j
    flat, k = grey.ravel(), j * width + i
    top = flat[k] * (1.0 - u) + flat[k + 1] * u
    low = flat[k + width] * (1.0 - u) + flat[k + width + 1] * u
    return np.asarray(top * (1.0 - v) + low * v)


@cache
def _family() -> NDArray[np.uint64]:
    """Every code as words, shape (587, 4): as its square is read beginning at corner 0, 1, 2, 3."""
    family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    out = np.empty((CODES, 4), np.uint64)
    for number in range(CODES):
        code = family.generateImageMarker(number, MODULES)[1:-1, 1:-1] > 127
        for turn in range(4):
            # a square whose corner `turn` is the tag's top left shows the tag turned clockwise
            seen = np.rot90(code, -turn)
            out[number, turn] = (seen.ravel() * _WEIGHTS).sum(dtype=np.uint64)
    return out
