"""The corners of black squares on white to a few hundredths of a pixel, with their errors.

Each edge is a straight step from black to white, blurred: grey = black + rise * Phi(d / blur), d the
distance from the line (see edge_fit). All edges of all markers are fitted at once to the very pixels
near them: no interpolation, so the pixels' noise stays independent and the residuals tell the error.
Corners are where neighbouring lines meet.

All that is relied on is one white module round the square and the square's own black border of one
module: pixels are taken from three quarters of a module on both sides and the code is never read.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Array
from ar_picking.vision.edge_fit import EdgeFit, Pixels, fit_edges

_MODULES = 8.0  # of a 36h11 marker's side, border included
_WINDOW_MODULES = 0.75
_WINDOW_PX = (1.6, 3.5)
_WINDOW_BLURS = 1.3  # what lies beyond the module reaches in by this many sigmas of blur
_LEAST_WINDOW_PX = 1.3
_REACH_MODULES = 0.6  # a line may move so far: the edge of the white module is one away
_REACH_PX = (2.5, 5.0)
_LONG_PX = 64.0  # an edge longer than this may be bent by the lens (M: 0.3 px in a real 130 px one)
_END_MODULES = 0.5  # left out at the ends of an edge, where the other edge's blur reaches
_END_PX = (1.5, 4.0)
_ALONG = (10, 22)  # rows or columns of pixels per edge, at most: first look, fit
_LEAST_ALONG = 4
_LEAST_SIDE_PX = 9.0
_STEPS = (3, 2)  # Gauss-Newton steps before and after the pixels are chosen anew
_END_BLURS = 1.6  # a neighbouring edge smeared by motion reaches this many of its sigmas
_SMEAR = 1.8  # sigma of a line = this x blur x (blur / module)^3: neighbours smear in (M, rendered)
_WORST_PX = 2.0  # a corner less sure than this has no place
_FARTHEST_PX = 1e5
_SQUARE = np.array([[0.0, 0.0], [20.0, 0.0], [20.0, 20.0], [0.0, 20.0]])  # in place of no square
_FLOOR_PX = 0.015  # what no residual shows: paper that is not flat, a lens between two markers


def fit_corners(grey: NDArray[np.uint8], quads: Array, plain: bool = False) -> tuple[Array, Array]:
    """Corners (n, 4, 2) px and the one-sigma error of each per axis (n, 4) px, from rough `quads`.

    `quads` has the corners of n black squares in order round each, within 2 px and half a module of
    the truth. Where a side's fit fails (no step from black to white, cut by the picture's rim, moved
    too far) its two corners are returned as they came with an error of infinity.

    Edges longer than 64 px may be bent by a lens: the corner is where the bent edges meet. `plain`
    takes all of them as straight, and with all their pixels.
    """
    quads = np.asarray(quads, np.float64).reshape(-1, 4, 2)
    if len(quads) == 0:
        return quads.copy(), np.empty((0, 4))
    edges = _Edges(np.where(_sane(quads)[:, None, None], quads, _SQUARE))
    edges.good &= np.repeat(_sane(quads), 4)
    fit = fit_edges(edges.pixels(grey, _ALONG[0]), _STEPS[0], None)
    edges.move(fit.shift, fit.tilt)
    edges.shorten(fit.blur)
    wide_blur = fit.blur
    pixels = edges.pixels(grey, _ALONG[1])
    fit = fit_edges(pixels, _STEPS[1], fit.blur, plain=plain)
    if not plain:
        fit.bend_long(pixels, edges.length > _LONG_PX)
        fit.again_where_odd(pixels)
    edges.move(fit.shift, fit.tilt)
    edges.good &= fit.good
    blur = np.maximum(fit.blur, wide_blur)
    smear = _SMEAR * blur * (blur / edges.module) ** 3
    fit.cov[:, 0, 0] += smear * smear
    return _meet(edges, fit, quads)


def _sane(quads: Array) -> NDArray[np.bool_]:
    """Which quads have sides that can be measured, near enough to a picture to be in one."""
    with np.errstate(invalid="ignore"):
        sides = np.linalg.norm(np.roll(quads, -1, axis=1) - quads, axis=2)
        return np.asarray(((np.abs(quads) < _FARTHEST_PX).all(axis=2) & (sides > 2.0)).all(axis=1))


class _Edges:
    """4n lines: a middle, a unit direction, an outward normal; edge 4 i + k runs from corner k on."""

    def __init__(self, quads: Array) -> None:
        start, end = quads.reshape(-1, 2), np.roll(quads, -1, axis=1).reshape(-1, 2)
        along = end - start
        self.length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
        self.along = along / self.length[:, None]
        self.middle = (start + end) / 2.0
        center = np.repeat(quads.mean(axis=1), 4, axis=0)
        self.normal = np.stack([self.along[:, 1], -self.along[:, 0]], axis=1)
        out = np.einsum("ij,ij->i", self.normal, self.middle - center)
        self.normal *= np.where(out < 0.0, -1.0, 1.0)[:, None]
        module = np.maximum(np.abs(out) * 2.0 / _MODULES, 0.1)
        self.module = module
        self.window = np.clip(_WINDOW_MODULES * module, *_WINDOW_PX)
        end_px = np.clip(_END_MODULES * self.length / _MODULES, *_END_PX)
        self.half = np.maximum(self.length / 2.0 - end_px, 0.0)
        self.moved = np.zeros(len(along))
        self.allowed = np.clip(_REACH_MODULES * module, *_REACH_PX)
        self.good = (self.length >= _LEAST_SIDE_PX) & (np.abs(out) * 2.0 >= _LEAST_SIDE_PX * 0.4)

    def pixels(self, grey: NDArray[np.uint8], count: int) -> Pixels:
        """Whole pixels near each line: distance from it, place along it (-1..1), value, weight.

        Shapes (4n, m). Lines nearer to the x axis are read column by column, the others row by row.
        """
        height, width = grey.shape
        flat = np.abs(self.along[:, 0]) >= np.abs(self.along[:, 1])
        u, v = _by(flat, self.along)
        at, across = _by(flat, self.middle)
        n_major, n_minor = _by(flat, self.normal)
        major = np.rint(at[:, None] + (self.half * u)[:, None] * np.linspace(-1.0, 1.0, count))
        minor = np.rint(across[:, None] + (major - at[:, None]) * (v / u)[:, None])
        reach = int(np.ceil(float(self.window.max()) * 1.42))
        ends = np.asarray(np.where(flat, width, height))[:, None]
        inside = (major >= 0) & (major < ends) & (minor >= reach)
        inside &= minor < (width + height) - ends - reach
        self.good &= inside.all(axis=1)
        used = inside.copy()
        used[:, 1:] &= major[:, 1:] != major[:, :-1]  # a short edge has fewer columns
        self.good &= used.sum(axis=1) >= _LEAST_ALONG
        step = np.asarray(np.where(flat, 1, width))[:, None]
        stride = (width + 1) - step
        start = np.where(inside, major * step + minor * stride, reach * (width + 1.0))
        across_px = np.arange(-reach, reach + 1)
        place = start.astype(np.intp)[:, :, None] + (stride * across_px)[:, None, :]
        values = grey.ravel().take(place, mode="clip").astype(np.float32)
        major -= at[:, None]
        minor -= across[:, None]
        beside = (n_minor[:, None] * across_px).astype(np.float32)[:, None, :]
        d = (major * n_major[:, None] + minor * n_minor[:, None]).astype(np.float32)[:, :, None]
        d = d + beside
        half = np.maximum(self.half, 1.0)[:, None]
        beside = (v[:, None] * across_px / half).astype(np.float32)[:, None, :]
        t = ((major * u[:, None] + minor * v[:, None]) / half).astype(np.float32)[:, :, None]
        weight = (np.abs(d) <= self.window.astype(np.float32)[:, None, None]) & used[:, :, None]
        shape = (len(flat), -1)
        return (
            d.reshape(shape),
            (t + beside).reshape(shape),
            values.reshape(shape),
            weight.reshape(shape).astype(np.float32),
        )

    def shorten(self, blur: Array) -> None:
        """Keep away from what is smeared in, given each edge's `blur` in px (4n,): more of the ends is
        left out, and the window is narrower.
        """
        self.window = np.clip(self.module - _WINDOW_BLURS * blur, _LEAST_WINDOW_PX, self.window)
        b = blur.reshape(-1, 4)
        reach = _END_BLURS * np.maximum(np.roll(b, 1, axis=1), np.roll(b, -1, axis=1)).ravel()
        self.half = np.maximum(np.minimum(self.half, self.length / 2.0 - reach), self.length / 5.0)

    def move(self, shift: Array, tilt: Array) -> None:
        """Shift lines outwards by `shift` px and turn them so that their ends move by `tilt` px."""
        self.moved += shift
        self.good &= (np.abs(self.moved) < self.allowed) & (np.abs(tilt) < self.allowed)
        self.middle += np.where(self.good, shift, 0.0)[:, None] * self.normal
        slope = np.where(self.good, tilt, 0.0) / np.maximum(self.half, 1.0)
        along = self.along + slope[:, None] * self.normal
        normal = self.normal - slope[:, None] * self.along
        self.along = along / np.linalg.norm(along, axis=1, keepdims=True)
        self.normal = normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _by(flat: NDArray[np.bool_], vectors: Array) -> tuple[Array, Array]:
    """Vectors (n, 2) as their parts along and across the axis that each line is nearer to."""
    x, y = vectors[:, 0], vectors[:, 1]
    return np.where(flat, x, y), np.where(flat, y, x)


def _meet(edges: _Edges, fit: EdgeFit, quads: Array) -> tuple[Array, Array]:
    """Where edges k - 1 and k meet is corner k; and its error from those of the two lines."""
    n = len(quads)
    normal = edges.normal.reshape(n, 4, 2)
    middle = edges.middle.reshape(n, 4, 2)
    level = np.einsum("ijk,ijk->ij", normal, middle)
    before = np.roll(normal, 1, axis=1)
    pair = np.stack([before, normal], axis=2)  # (n, 4, 2 lines, 2)
    det = pair[..., 0, 0] * pair[..., 1, 1] - pair[..., 0, 1] * pair[..., 1, 0]
    sure = np.abs(det) > 0.1
    pair[~sure] = np.eye(2)
    inverse = np.linalg.inv(pair)
    half = np.maximum(edges.half, 1.0).reshape(n, 4)
    along, bend = edges.along.reshape(n, 4, 2), fit.bend.reshape(n, 4)
    begun = ended = np.zeros((n, 4))
    for _ in range(2 if bend.any() else 1):
        right = np.stack(
            [np.roll(level + bend * _bow(ended), 1, axis=1), level + bend * _bow(begun)], 2
        )
        corners = (inverse @ right[..., None])[..., 0]
        begun = np.einsum("ijk,ijk->ij", corners - middle, along) / half
        ended = np.einsum("ijk,ijk->ij", np.roll(corners, -1, axis=1) - middle, along) / half
    cov = fit.cov.reshape(n, 4, 3, 3)
    both = np.stack([np.roll(_variance(cov, ended), 1, axis=1), _variance(cov, begun)], axis=2)
    spread = np.einsum("ijab,ijb->ij", inverse**2, both) / 2.0  # mean of the two axes
    sigma = np.sqrt(np.maximum(spread, 0.0) + _FLOOR_PX**2)
    good = edges.good.reshape(n, 4)
    good = good & np.roll(good, 1, axis=1) & sure
    far = np.linalg.norm(corners - quads, axis=2) > 2.0 * edges.allowed.reshape(n, 4)
    good &= ~far & (sigma < _WORST_PX)
    return np.where(good[..., None], corners, quads), np.where(good, sigma, np.inf)


def _bow(at: Array) -> Array:
    """What a bend of one does at `at` half lengths from the middle of a line; 0 in the first round."""
    return np.asarray(np.where(at == 0.0, 0.0, at * at - 1.0 / 3.0))


def _variance(cov: Array, at: Array) -> Array:
    """Of a line's place at `at` half lengths from its middle."""
    by = np.stack([np.ones_like(at), at, at * at - 1.0 / 3.0], axis=-1)
    return np.asarray(np.einsum("...i,...ij,...j->...", by, cov, by))
