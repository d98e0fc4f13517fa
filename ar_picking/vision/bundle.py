"""Bundle adjustment of marker views: every camera place and every marker pose at once.

Levenberg-Marquardt with an analytic Jacobian. A picture shares no unknown with another picture, so the
pictures are eliminated first (Schur complement) and only the markers' equations, 6 a marker and one for
the size they were printed at, are solved: 200 pictures cost little more than 20. Corners are weighted
by their sigma and by Huber's loss. Triggs, McLauchlan, Hartley & Fitzgibbon 2000, "Bundle adjustment: a
modern synthesis", sections 4 and 6; Huber 1964.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ar_picking.store.records import Array
from ar_picking.vision.camera import NEAR_M, Camera
from ar_picking.vision.network import CORNERS, Indices, Network, Ties, Views, moved

_HUBER = 2.0  # sigmas
_TIE_HUBER = 3.0
_GROWN_SIGMA = 0.003  # ink spreads and printers scale: a printed square is 0.3 % off
_STEPS = 60
_STILL = 1e-6  # a step that lowers the cost by less than this share is the last


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The result; `error_px` (o, 4) is that of each corner."""

    network: Network
    error_px: Array
    cost: float
    steps: int
    converged: bool


class Bundle:
    """One adjustment problem: the camera, the markers' half sides (m,) in metres, the ties."""

    def __init__(self, camera: Camera, half_m: Array, ties: Ties) -> None:
        self._focal = np.array([camera.fx, camera.fy])
        self._center = np.array([camera.cx, camera.cy])
        self._half = half_m
        self._ties = ties

    def adjust(self, start: Network, views: Views, steps: int = _STEPS) -> Adjusted:
        """The most likely network near `start`, where no view may be behind its camera."""
        order = np.argsort(views.picture, kind="stable")
        views = views.where(order)
        bounds = _bounds(views, start)
        network, damping = start, 1e-4
        cost = self._cost(network, views)
        taken, converged = 0, False
        while taken < steps and not converged:
            taken += 1
            system = _System(self, network, views, bounds)
            while damping < 1e10:
                step = system.step(damping)
                if step is None:
                    damping *= 10.0
                    continue
                tried = moved(network, *step)
                new = self._cost(tried, views)
                if new < cost:
                    converged = cost - new < _STILL * cost
                    network, cost = tried, new
                    damping = max(1e-9, damping / 10.0)
                    break
                if new - cost <= _STILL * cost:  # nothing left to gain but rounding
                    converged = True
                    break
                damping *= 8.0
            else:
                break
        error = np.full((len(order), 4), np.nan)
        error[order] = np.linalg.norm(self.residuals(network, views)[0], axis=2)
        return Adjusted(network, error, cost, taken, converged)

    def covariance(self, network: Network, views: Views) -> Array:
        """Of all markers' centres, shape (3 m, 3 m) in m2; huge where nothing determines them."""
        views = views.where(np.argsort(views.picture, kind="stable"))
        return _System(self, network, views, _bounds(views, network)).covariance()

    def residuals(self, network: Network, views: Views) -> tuple[Array, Array, Array, Array]:
        """Seen minus expected in pixels (o, 4, 2), corners in camera axes and turned into them without
        the shift (o, 4, 3), and the corners around their marker's centre in the world (o, 4, 3).
        """
        m, p = views.marker, views.picture
        local = CORNERS[None] * (self._half[m] * network.grown)[:, None, None]
        arm = local @ network.rotations[m].transpose(0, 2, 1)
        turned = (arm + network.centers[m][:, None]) @ network.turns[p].transpose(0, 2, 1)
        local_c = turned + network.shifts[p][:, None]
        depth = np.maximum(local_c[..., 2:], NEAR_M)
        expected = self._focal * local_c[..., :2] / depth + self._center
        return views.pixels - expected, local_c, turned, arm

    def _cost(self, network: Network, views: Views) -> float:
        residual, local, _, _ = self.residuals(network, views)
        if not np.isfinite(residual).all() or (local[..., 2] < NEAR_M).any():
            return float("inf")
        sigmas = np.linalg.norm(residual, axis=2) / views.sigma_px
        ties = _huber(self.tie_sigmas(network), _TIE_HUBER)
        apart = self._apart(network)[0]
        grown = (network.grown - 1.0) / _GROWN_SIGMA
        total = _huber(sigmas, _HUBER).sum() + ties.sum() + _huber(apart, _TIE_HUBER).sum()
        return float(total + grown * grown)

    def tie_sigmas(self, network: Network) -> Array:
        """How far each tied marker is from its tie, in sigmas, shape (k,)."""
        away = network.centers[self._ties.marker] - self._ties.at_m
        return np.asarray(np.linalg.norm(away, axis=1) / self._ties.sigma_m)

    def apart_m(self, network: Network) -> Array:
        """How far each taped distance is from ours, metres, shape (d,)."""
        return np.abs(self._apart(network)[0] * self._ties.apart_sigma_m)

    def _apart(self, network: Network) -> tuple[Array, Array]:
        """Taped distances minus ours in sigmas (d,), and the directions from first to second (d, 3)."""
        ties = self._ties
        line = network.centers[ties.pairs[:, 1]] - network.centers[ties.pairs[:, 0]]
        length = np.maximum(np.linalg.norm(line, axis=1), 1e-6)
        return (ties.apart_m - length) / ties.apart_sigma_m, line / length[:, None]


class _System:
    """The normal equations at one network, pictures apart from markers."""

    def __init__(self, bundle: Bundle, network: Network, views: Views, bounds: Indices) -> None:
        self._bounds, self._marker = bounds, views.marker
        residual, local, turned, arm = bundle.residuals(network, views)
        sigmas = np.linalg.norm(residual, axis=2) / views.sigma_px
        weight = np.sqrt(_huber_weight(sigmas, _HUBER)) / views.sigma_px
        z = np.maximum(local[..., 2], NEAR_M)
        by_local = np.zeros((*z.shape, 2, 3))
        fx, fy = bundle._focal
        by_local[..., 0, 0], by_local[..., 1, 1] = fx / z, fy / z
        by_local[..., 0, 2] = -fx * local[..., 0] / (z * z)
        by_local[..., 1, 2] = -fy * local[..., 1] / (z * z)
        by_local *= weight[..., None, None]
        by_world = by_local @ network.turns[views.picture][:, None]
        # d(exp(w) v)/dw = -[v]x, and a row a of -[v]x is v x a
        n = len(views.picture)
        to_rows = (n, 8, 3)
        picture = np.concatenate(
            [np.cross(turned[:, :, None], by_local).reshape(to_rows), by_local.reshape(to_rows)], 2
        )
        marker = np.concatenate(
            [np.cross(arm[:, :, None], by_world).reshape(to_rows), by_world.reshape(to_rows)], 2
        )
        grown = (by_world @ arm[..., None] / network.grown).reshape(n, 8, 1)
        error = (residual * weight[..., None]).reshape(n, 8, 1)
        pt, mt = picture.transpose(0, 2, 1), marker.transpose(0, 2, 1)
        count, markers = len(network.turns), len(network.centers)
        self._v = np.zeros((count, 6, 6))
        np.add.at(self._v, views.picture, pt @ picture)
        self._gv = np.zeros((count, 6))
        np.add.at(self._gv, views.picture, (pt @ error)[..., 0])
        self._cross = pt @ marker  # (o, 6, 6): the only place where a picture meets a marker
        self._cross_grown = np.zeros((count, 6))
        np.add.at(self._cross_grown, views.picture, (pt @ grown)[..., 0])
        blocks, ends = np.zeros((markers, 6, 6)), np.zeros((markers, 6))
        np.add.at(blocks, views.marker, mt @ marker)
        np.add.at(ends, views.marker, (mt @ grown)[..., 0])
        gradient = np.zeros((markers, 6))
        np.add.at(gradient, views.marker, (mt @ error)[..., 0])
        size = 6 * markers + 1
        self._u = np.zeros((size, size))
        for i in range(markers):
            self._u[6 * i : 6 * i + 6, 6 * i : 6 * i + 6] = blocks[i]
        self._u[:-1, -1] = self._u[-1, :-1] = ends.ravel()
        self._u[-1, -1] = float((grown * grown).sum()) + _GROWN_SIGMA**-2
        self._gu = np.append(
            gradient.ravel(),
            float((grown * error).sum()) + (1.0 - network.grown) / _GROWN_SIGMA**2,
        )
        self._tie(bundle, network)

    def _tie(self, bundle: Bundle, network: Network) -> None:
        ties = bundle._ties
        held = _huber_weight(bundle.tie_sigmas(network), _TIE_HUBER) / ties.sigma_m**2
        for i, at, w in zip(ties.marker, ties.at_m, held, strict=True):
            rows = slice(6 * i + 3, 6 * i + 6)
            self._u[rows, rows] += w * np.eye(3)
            self._gu[rows] += w * (at - network.centers[i])
        off, along = bundle._apart(network)
        for k, (i, j) in enumerate(ties.pairs):
            row = np.zeros(len(self._gu))
            row[6 * i + 3 : 6 * i + 6], row[6 * j + 3 : 6 * j + 6] = -along[k], along[k]
            weight = float(_huber_weight(off[k : k + 1], _TIE_HUBER)[0])
            row *= np.sqrt(weight) / ties.apart_sigma_m[k]
            self._u += np.outer(row, row)
            self._gu += row * float(off[k] * np.sqrt(weight))

    def _reduced(self, damping: float) -> tuple[Array, Array, Array]:
        """The markers' equations with the pictures eliminated, and the inverses of the pictures'."""
        v = self._v.copy()
        diagonal = np.arange(6)
        v[:, diagonal, diagonal] *= 1.0 + damping
        v[:, diagonal, diagonal] += 1e-9  # a picture whose views were all dropped
        inverse = np.linalg.inv(v)
        u = self._u.copy()
        u.flat[:: len(u) + 1] *= 1.0 + damping
        right = self._gu.copy()
        for c in range(len(v)):
            at, columns = self._columns(c)
            if len(at) == 1:
                continue
            half = inverse[c] @ columns
            u[np.ix_(at, at)] -= columns.T @ half
            right[at] -= half.T @ self._gv[c]
        return u, right, np.asarray(inverse)

    def _columns(self, c: int) -> tuple[Indices, Array]:
        rows = slice(self._bounds[c], self._bounds[c + 1])
        at = (6 * self._marker[rows][:, None] + np.arange(6)).ravel()
        columns = self._cross[rows].transpose(1, 0, 2).reshape(6, -1)
        whole = np.concatenate([columns, self._cross_grown[c][:, None]], axis=1)
        return np.append(at, len(self._gu) - 1), whole

    def step(self, damping: float) -> tuple[Array, Array] | None:
        """The step of pictures (n, 6) and of markers with the size (6 m + 1,); None when singular."""
        try:
            u, right, inverse = self._reduced(damping)
            # a marker without views keeps its place
            empty = np.diagonal(u) <= 0.0
            u[empty, empty] = 1.0
            markers = np.linalg.solve(u, right)
        except np.linalg.LinAlgError:
            return None
        if not np.isfinite(markers).all():
            return None
        pictures = np.zeros_like(self._gv)
        for c in range(len(pictures)):
            at, columns = self._columns(c)
            pictures[c] = inverse[c] @ (self._gv[c] - columns @ markers[at])
        return pictures, np.asarray(markers)

    def covariance(self) -> Array:
        """Of all markers' centres, shape (3 m, 3 m) in m2; huge where nothing determines them."""
        u, _, _ = self._reduced(0.0)
        scale = 1.0 / np.sqrt(np.maximum(np.diagonal(u), 1e-12))
        values, vectors = np.linalg.eigh(u * scale[:, None] * scale)
        # what nothing determines has no curvature: floor it, so that its variance is huge, not negative
        rows = vectors * scale[:, None] / np.sqrt(np.maximum(values, 1e-13))
        centers = rows[:-1].reshape(-1, 6, len(u))[:, 3:].reshape(-1, len(u))
        return np.asarray(centers @ centers.T)


def _bounds(views: Views, network: Network) -> Indices:
    """Where the rows of each picture begin, and end, in views sorted by picture, shape (n + 1,)."""
    return np.asarray(np.searchsorted(views.picture, np.arange(len(network.turns) + 1)))


def _huber(sigmas: Array, limit: float) -> Array:
    far = np.abs(sigmas)
    return np.where(far <= limit, sigmas * sigmas, 2.0 * limit * far - limit * limit)


def _huber_weight(sigmas: Array, limit: float) -> Array:
    return limit / np.maximum(np.abs(sigmas), limit)
