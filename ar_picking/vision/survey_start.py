"""A first guess for a marker survey: where each picture was taken, and markers the map has wrong.

Pictures are placed by the markers that are known, markers that are not by the pictures that are placed,
in turn, until nothing is left that can be reached (a spanning tree of the two). Every step is a vote: a
guess from few markers or one view counts for how many others agree with it, so that a map row that is
wrong, a marker that was moved or a copy of one spoils nothing. Fischler & Bolles 1981 (CACM 24(6):381).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Array
from ar_picking.vision.camera import NEAR_M, Camera
from ar_picking.vision.network import CORNERS, Indices, Network, Views, fitted

STILL_THERE_M = 0.1  # a marker of the old map nearer to its place than this has not moved
_NEAR_M = 0.15  # a marker of the old map that is farther from its place than this is not known
_AGREES_M = 0.03
GOOD_SHARE = 0.9
_SEEDS = 3
_LEAST_SHARE = 0.3  # of a marker's views must agree with its place, for a start
_TRIALS = 24
_BEST_VIEWS = 8  # of a marker: its two possible poses from each are tried


@dataclass(slots=True)
class Start:
    """A network, and which of its pictures (n,) and markers (m,) have a place in it."""

    network: Network
    placed: NDArray[np.bool_]
    known: NDArray[np.bool_]


class Placing:
    """Places pictures and markers for one camera; half sides of the markers (m,) in metres."""

    def __init__(self, camera: Camera, half_m: Array, views: Views, pictures: int) -> None:
        self._k = camera.matrix
        self._focal = (camera.fx + camera.fy) / 2.0
        self._half, self._views = half_m, views
        order = np.argsort(views.picture, kind="stable")
        bounds = np.searchsorted(views.picture[order], np.arange(pictures + 1))
        self._rows_of = [order[a:b] for a, b in itertools.pairwise(bounds)]

    def grow(self, start: Start) -> Start:
        """Place what can be reached from the known markers; what was placed before is placed anew."""
        start = Start(start.network, np.zeros_like(start.placed), start.known.copy())
        before = (-1, -1)
        while before != (int(start.placed.sum()), int(start.known.sum())):
            before = (int(start.placed.sum()), int(start.known.sum()))
            self._place_pictures(start)
            self._doubt_markers(start)
            self._place_markers(start)
        return start

    def chain(self, start: Start) -> Start:
        """Without any map: a picture with many markers is the world, its markers are a first map.

        The world is then that camera's; the caller turns it into the store's. Of the pictures with most
        markers the one that the others agree with best is taken.
        """
        most = sorted(range(len(self._rows_of)), key=lambda p: -len(self._rows_of[p]))
        best, agreed = start, -1
        for p in most[:_SEEDS]:
            known = np.zeros_like(start.known)
            rotations, centers = start.network.rotations.copy(), start.network.centers.copy()
            for row in self._rows_of[p]:
                poses = self._marker_poses(row)
                if poses:
                    m = self._views.marker[row]
                    rotations[m], centers[m], known[m] = *poses[0], True
            turns, shifts = start.network.turns.copy(), start.network.shifts.copy()
            network = Network(turns, shifts, rotations, centers)
            grown = self.grow(Start(network, start.placed, known))
            if self.agreeing(grown) > agreed:
                best, agreed = grown, self.agreeing(grown)
            if agreed >= GOOD_SHARE * len(self._views.picture):
                break
        return best

    def agreeing(self, start: Start, rough: bool = False) -> int:
        """How many views fit a start well, or roughly: as a map with a tape's errors makes them."""
        rows = np.flatnonzero(start.placed[self._views.picture] & start.known[self._views.marker])
        return int((self._away(start, rows) < (_NEAR_M if rough else _AGREES_M)).sum())

    def again(self, start: Start, pictures: NDArray[np.bool_]) -> None:
        """Place some pictures (n,) anew on the markers as they are now, mirrored poses included."""
        for p in np.flatnonzero(pictures & start.placed):
            self._place(start, int(p))

    def _place_pictures(self, start: Start) -> None:
        for p in np.flatnonzero(~start.placed):
            self._place(start, int(p))

    def _place(self, start: Start, p: int) -> None:
        rows = self._rows_of[p]
        rows = rows[start.known[self._views.marker[rows]]]
        if len(np.unique(self._views.marker[rows])) < 2:
            return
        world = self._corners(start.network, rows)
        pixels = self._views.pixels[rows]
        pose = _solved(world, pixels, self._k)
        away = self._away_m(pose, world, pixels)
        if away.max() > _NEAR_M:
            pose, away = self._voted(world, pixels, pose, away)
        good = away < _NEAR_M
        if pose is None or good.sum() < 2 or 2 * good.sum() < len(rows):
            return
        refined = _refined(world[good], pixels[good], self._k, pose)
        start.network.turns[p], start.network.shifts[p] = refined
        start.placed[p] = True

    def _voted(
        self, world: Array, pixels: Array, pose: tuple[Array, Array] | None, away: Array
    ) -> tuple[tuple[Array, Array] | None, Array]:
        """The pose from few markers that most others agree with (least median of distances)."""
        few = 2 if len(world) < 5 else 3
        trials = list(itertools.combinations(range(len(world)), few))
        step = max(1, len(trials) // _TRIALS)
        for some in trials[::step]:
            trial = _solved(world[list(some)], pixels[list(some)], self._k)
            distances = self._away_m(trial, world, pixels)
            if np.median(distances) < np.median(away):
                pose, away = trial, distances
        good = away < _NEAR_M
        if good.sum() >= 2:
            trial = _solved(world[good], pixels[good], self._k)
            distances = self._away_m(trial, world, pixels)
            if (distances < _NEAR_M).sum() >= good.sum():
                return trial, distances
        return pose, away

    def _away_m(self, pose: tuple[Array, Array] | None, world: Array, pixels: Array) -> Array:
        """The same for markers of one picture with a pose, or all inf without."""
        if pose is None:
            return np.full(len(world), np.inf)
        return self._sideways(world @ pose[0].T + pose[1], pixels)

    def _sideways(self, local: Array, pixels: Array) -> Array:
        z = local[..., 2:]
        expected = local[..., :2] / np.maximum(z, NEAR_M) * self._focal + self._k[:2, 2]
        error = np.median(np.linalg.norm(expected - pixels, axis=2), axis=1)
        away = error * z[..., 0].mean(axis=1) / self._focal
        return np.where((z[..., 0] > NEAR_M).all(axis=1), away, np.inf)

    def _doubt_markers(self, start: Start) -> None:
        """A marker that nearly all placed pictures see elsewhere is not known after all."""
        rows = np.flatnonzero(start.placed[self._views.picture])
        rows = rows[start.known[self._views.marker[rows]]]
        if not len(rows):
            return
        away = self._away(start, rows)
        for m in np.unique(self._views.marker[rows]):
            mine = away[self._views.marker[rows] == m]
            if (mine < _NEAR_M).mean() < _LEAST_SHARE:
                start.known[m] = False

    def _away(self, start: Start, rows: Indices) -> Array:
        """How far markers in placed pictures seem from their places, sideways, metres, shape (rows,)."""
        p = self._views.picture[rows]
        world = self._corners(start.network, rows)
        turned = world @ start.network.turns[p].transpose(0, 2, 1)
        return self._sideways(turned + start.network.shifts[p][:, None], self._views.pixels[rows])

    def _place_markers(self, start: Start) -> None:
        views = self._views
        for m in np.flatnonzero(~start.known):
            rows = np.flatnonzero((views.marker == m) & start.placed[views.picture])
            if len(np.unique(views.picture[rows])) < 2:
                continue
            best, most = None, (max(2.0, _LEAST_SHARE * len(rows)), -np.inf)
            for rotation, center in self._guesses(start, rows):
                start.network.rotations[m], start.network.centers[m] = rotation, center
                away = self._away(start, rows)
                near = away < _NEAR_M
                vote = float(near.sum()), -float(away[near].sum())
                if vote > most:
                    best, most = (rotation, center), vote
            if best is not None:
                start.network.rotations[m], start.network.centers[m] = best
                start.known[m] = True

    def _guesses(self, start: Start, rows: NDArray[np.intp]) -> list[tuple[Array, Array]]:
        """A marker's possible poses in the world by each of its largest views."""
        views = self._views
        sides = np.linalg.norm(views.pixels[rows, 0] - views.pixels[rows, 2], axis=1)
        out = []
        for row in rows[np.argsort(-sides)[:_BEST_VIEWS]]:
            turn = start.network.turns[views.picture[row]]
            shift = start.network.shifts[views.picture[row]]
            for rotation, center in self._marker_poses(int(row)):
                out.append((turn.T @ rotation, turn.T @ (center - shift)))
        return out

    def _marker_poses(self, row: int) -> list[tuple[Array, Array]]:
        """The two poses in camera axes that one view of a square allows, the likelier first.

        Collins & Bartoli 2014 (IPPE, IJCV 109:252).
        """
        m = self._views.marker[row]
        count, rvecs, tvecs, _ = cv2.solvePnPGeneric(
            CORNERS * self._half[m],
            self._views.pixels[row],
            self._k,
            None,
            flags=cv2.SOLVEPNP_IPPE_SQUARE,
        )
        return [
            (np.asarray(cv2.Rodrigues(r)[0], np.float64), np.asarray(t, np.float64).ravel())
            for r, t in list(zip(rvecs, tvecs, strict=True))[:count]
            if np.isfinite(r).all() and np.isfinite(t).all() and float(t[2, 0]) > NEAR_M
        ]

    def _corners(self, network: Network, rows: NDArray[np.intp]) -> Array:
        m = self._views.marker[rows]
        local = CORNERS[None] * self._half[m][:, None, None]
        return np.asarray(
            local @ network.rotations[m].transpose(0, 2, 1) + network.centers[m][:, None]
        )


def _solved(world: Array, pixels: Array, k: Array) -> tuple[Array, Array] | None:
    """World-to-camera from corners (r, 4, 3) and (r, 4, 2); the best of SQPNP's and a plane's two."""
    points, seen = world.reshape(-1, 3), pixels.reshape(-1, 2)
    found: list[tuple[Array, Array]] = []
    for flag in (cv2.SOLVEPNP_SQPNP, cv2.SOLVEPNP_IPPE):
        if flag == cv2.SOLVEPNP_IPPE and not _flat(points):
            continue
        try:
            count, rvecs, tvecs, _ = cv2.solvePnPGeneric(points, seen, k, None, flags=flag)
        except cv2.error:
            continue
        for rvec, tvec in list(zip(rvecs, tvecs, strict=True))[:count]:
            if np.isfinite(rvec).all() and np.isfinite(tvec).all():
                turn = np.asarray(cv2.Rodrigues(rvec)[0], np.float64)
                found.append((turn, np.asarray(tvec, np.float64).ravel()))
    return min(found, key=lambda pose: _misfit(points, seen, k, pose), default=None)


def _misfit(points: Array, seen: Array, k: Array, pose: tuple[Array, Array]) -> float:
    """Root mean square in pixels, points (n, 3) and (n, 2); inf when one is behind the camera."""
    local = points @ pose[0].T + pose[1]
    if (local[:, 2] < NEAR_M).any():
        return float("inf")
    pixels = local @ k.T
    return float(np.sqrt(np.mean((pixels[:, :2] / pixels[:, 2:] - seen) ** 2)))


def _refined(
    world: Array, pixels: Array, k: Array, pose: tuple[Array, Array]
) -> tuple[Array, Array]:
    rvec = np.asarray(cv2.Rodrigues(pose[0])[0], np.float64)
    fine = cv2.solvePnPRefineLM(
        world.reshape(-1, 3), pixels.reshape(-1, 2), k, None, rvec, pose[1].reshape(3, 1).copy()
    )
    turn = np.asarray(cv2.Rodrigues(fine[0])[0], np.float64)
    shift = np.asarray(fine[1], np.float64).ravel()
    return (turn, shift) if np.isfinite(turn).all() and np.isfinite(shift).all() else pose


def _flat(points: Array) -> bool:
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(spread[2] < 0.05 * spread[0])


def in_store(start: Start, held: Indices, at_m: Array) -> Start | None:
    """A start in some camera's axes turned into the store's by the markers `held` (k,), whose places
    are among `at_m` (m, 3); those that have moved are left out. None when fewer than three are known.
    """
    held = held[start.known[held]]
    network, near = start.network, held
    turn, shift = np.eye(3), np.zeros(3)
    for _ in range(4):
        if len(near) < 3:
            return None
        turn, shift = fitted(network.centers[near], at_m[near])
        away = np.linalg.norm(network.centers[held] @ turn.T + shift - at_m[held], axis=1)
        near = held[away <= max(STILL_THERE_M, 2.5 * float(np.median(away)))]
    turns = network.turns @ turn.T
    inside = Network(
        turns,
        network.shifts - turns @ shift,
        turn @ network.rotations,
        network.centers @ turn.T + shift,
    )
    return Start(inside, start.placed, start.known)
