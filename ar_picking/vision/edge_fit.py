"""Straight edges from dark to light, fitted to pixels by least squares, many at once.

grey = black + rise * Phi((d - shift - tilt t - bend (t^2 - 1/3)) / blur): d is a pixel's distance from a
first guess of the line and t its place along it, -1 to 1 (the blurred step of Nalwa & Binford 1986,
PAMI 8(6):699, in two dimensions). Gauss-Newton steps; pixels that fit badly count for less.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Array

Floats = NDArray[np.float32]
# distance outwards from the line, place along it, value, weight: (n, m) each
Pixels = tuple[Floats, Floats, Floats, Floats]

_LEAST_RISE = 6.0  # grey values from black to white
_START_BLUR_PX = 1.3
_BLUR_PX = (0.3, 4.0)
_STEP_PX = 1.0
_OUTLIER = 3.0  # of the residuals' own sigma: from there a pixel counts for less
_MISFIT = 0.15  # residual rms as a share of the rise: above it there is no such edge
_PLAIN_MISFIT = 0.35
_ODD = 0.09  # above it the edge is fitted again, more warily (M: 1 in 200 edges)
_HOPELESS = 0.5
_TOGETHER = 4.0
_WARY_STEPS, _WARY_BLUR_PX = 5, 1.0
_BENT_STEPS = 3
_LEAST_KEPT = 0.4  # of the pixels' weight, after outliers
_NOISE_FLOOR = 0.5  # grey values: rounding to whole greys alone makes 0.29


class EdgeFit:
    """What is known of n edges.

    `shift`, `tilt`, `bend` and `blur` in px, their residuals' `misfit` as a share of the rise, `good`,
    all (n,); `cov`, the covariance of shift, tilt and bend, (n, 3, 3).
    """

    def __init__(
        self,
        values: Array,
        cov: Array,
        noise: Array,
        good: NDArray[np.bool_],
        most: float = _MISFIT,
    ) -> None:
        self.shift, self.tilt, self.blur = values[:, 0], values[:, 1], values[:, 4]
        self.bend = values[:, 5] if values.shape[1] > 5 else np.zeros(len(values))
        self.cov = cov
        self.misfit = noise / values[:, 3]
        self.seen = good
        self.good = good & (self.misfit < most)

    def bend_long(self, pixels: Pixels, long: NDArray[np.bool_]) -> None:
        """Fit the `long` edges anew with a bend: a lens bends them by more than their error."""
        if long.any():
            part = np.flatnonzero(long & self.seen)
            self._put(part, fit_edges(_of(pixels, part), _BENT_STEPS, self.blur[part], bent=True))

    def again_where_odd(self, pixels: Pixels) -> None:
        """Fit anew, more warily, the edges that something else lies over: a hand, glare, a price tag."""
        odd = np.flatnonzero((self.misfit > _ODD) & (self.misfit < _HOPELESS) & self.seen)
        if len(odd):
            blur = np.full(len(odd), _WARY_BLUR_PX)
            self._put(odd, fit_edges(_of(pixels, odd), _WARY_STEPS, blur, wary=True))

    def _put(self, where: NDArray[np.intp], other: EdgeFit) -> None:
        for name in ("shift", "tilt", "bend", "blur", "cov", "misfit", "good"):
            getattr(self, name)[where] = getattr(other, name)


def _of(pixels: Pixels, where: NDArray[np.intp]) -> Pixels:
    d, t, values, weight = pixels
    return d[where], t[where], values[where], weight[where]


def fit_edges(
    pixels: Pixels,
    steps: int,
    blur: Array | None,
    wary: bool = False,
    bent: bool = False,
    plain: bool = False,
) -> EdgeFit:
    """Least squares of (shift, tilt, black, rise, blur), and bend if `bent`, for each edge.

    Without a `blur` to start from it is a first look: outliers count in full and nothing is judged.
    `plain`: all pixels count in full. `wary`: what is an outlier is decided by the median, which half
    the pixels may not sway.
    """
    d, t, values, weight = pixels
    count = len(d)
    size = 6 if bent else 5
    p = np.zeros((count, size), np.float32)
    inner, outer = weight * (d < -0.5), weight * (d > 0.5)
    black = np.einsum("ij,ij->i", inner, values) / np.maximum(inner.sum(1), 1.0)
    white = np.einsum("ij,ij->i", outer, values) / np.maximum(outer.sum(1), 1.0)
    p[:, 2], p[:, 3] = black, np.maximum(white - black, 1.0)
    p[:, 4] = _START_BLUR_PX if blur is None else blur
    jac = np.empty((count, size, d.shape[1]), np.float32)
    jac[:, 2] = 1.0
    w = weight
    total = weight.sum(1)
    bow = t * t - np.float32(1.0 / 3.0) if bent else t
    for step in range(steps):
        z = d - p[:, :1] - p[:, 1:2] * t
        if bent:
            z -= p[:, 5:] * bow
        z /= p[:, 4:5]
        np.clip(z, -5.0, 5.0, out=z)
        zz = z * z
        rise = 0.5 + 0.5 * np.tanh(z * (0.79788 + 0.035677 * zz))  # Phi to 2e-4 (Page 1977)
        residual = values - p[:, 2:3] - p[:, 3:4] * rise
        if blur is not None and step > 0:
            squared = _f32(residual * residual)
            noise2 = _noise2(w, squared, wary)
            if not plain:
                w = _f32(weight / (1.0 + squared / (_OUTLIER**2 * noise2[:, None])) ** 2)
        slope = np.exp(-0.5 * zz) * (-0.39894 * p[:, 3:4] / p[:, 4:5])
        jac[:, 0], jac[:, 1], jac[:, 3], jac[:, 4] = slope, slope * t, rise, slope * z
        if bent:
            jac[:, 5] = slope * bow
        weighted = jac * w[:, None, :]
        normal = np.einsum("eij,ekj->eik", weighted, jac).astype(np.float64)
        normal += np.eye(size) * (1e-6 * np.trace(normal, axis1=1, axis2=2) + 1e-9)[:, None, None]
        right = (weighted @ residual[:, :, None]).astype(np.float64)
        change = np.linalg.solve(normal, right)[:, :, 0]
        change[:, [0, 1, -1]] = np.clip(change[:, [0, 1, -1]], -_STEP_PX, _STEP_PX)
        change[:, 4] = np.clip(change[:, 4], -0.3 * p[:, 4], 0.3 * p[:, 4])
        p += np.nan_to_num(change).astype(np.float32)
        p[:, 4] = np.clip(p[:, 4], *_BLUR_PX)
        p[:, 3] = np.maximum(p[:, 3], 1.0)
    if blur is None:
        nothing = np.zeros((count, 3, 3)), np.zeros(count)
        return EdgeFit(p.astype(np.float64), *nothing, np.ones(count, bool))
    noise2 = _noise2(w, squared, False)
    # where something lies over an edge its pixels are wrong together: all residuals count for the error
    claimed = _noise2(weight, squared, False) * _TOGETHER if wary else noise2
    cov = np.zeros((count, 3, 3))
    known = [0, 1, 5][: size - 3]
    cov[:, : len(known), : len(known)] = np.linalg.inv(normal)[:, known][:, :, known]
    cov *= claimed[:, None, None]
    good = p[:, 3] >= _LEAST_RISE
    good &= np.isfinite(cov).all(axis=(1, 2)) & (w.sum(1) > _LEAST_KEPT * total)
    most = _PLAIN_MISFIT if plain else _MISFIT
    return EdgeFit(p.astype(np.float64), cov, np.sqrt(noise2), good, most)


def _f32(values: NDArray[np.floating]) -> Floats:
    return np.asarray(values, np.float32)


def _noise2(w: Floats, squared: Floats, wary: bool) -> Floats:
    """The residuals' variance, (4n,), from their squares and weights (4n, m)."""
    if wary:
        # of the pixels that count: the others are sorted to the end
        ranked = np.sort(np.where(w > 0.0, squared, np.inf), axis=1)
        half = (np.count_nonzero(w > 0.0, axis=1) // 2)[:, None]
        # the median of squares is 0.455 of their mean
        noise2 = np.take_along_axis(ranked, half, axis=1)[:, 0] * 2.2
    else:
        noise2 = np.einsum("ij,ij->i", w, squared) / np.maximum(w.sum(1) - 5.0, 1.0)
    return np.asarray(np.maximum(noise2, _NOISE_FLOOR**2), np.float32)
