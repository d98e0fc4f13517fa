"""A marker survey: from pictures of a walk to where every marker hangs, to a millimetre or two.

A first guess, then bundle adjustment and throwing out of views that do not fit, in turn; then the
error of each marker from the geometry and the residuals. The store's frame comes from markers whose
places were taped, or, without any, from the old map as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from ar_picking.errors import PickingError
from ar_picking.store.records import Array, Marker
from ar_picking.vision import survey_checks as checks
from ar_picking.vision import survey_parallax as parallax
from ar_picking.vision import survey_scale as scale
from ar_picking.vision.bundle import Adjusted, Bundle
from ar_picking.vision.camera import Camera
from ar_picking.vision.network import Network, Ties, Views
from ar_picking.vision.survey_result import Survey, Surveyed
from ar_picking.vision.survey_start import GOOD_SHARE, STILL_THERE_M, Placing, Start, in_store
from ar_picking.vision.survey_views import (
    Mask,
    Still,
    best_of_twins,
    in_company,
    pictures_of,
    single,
    views_of,
)

MAX_PICTURES = 2000
TAPE_M = 0.002
_MAP_M = 0.05  # what an old map row may be wrong
_ROUNDS = 8
# round after round: what is added to a corner's error in px at 1280 pixels width, and the sigmas beyond
# which a view is left out
_GATES = ((3.0, 8.0), (1.0, 6.0), (0.3, 5.0), (0.0, 4.5))
_FEW_STEPS = 15  # of an adjustment whose views are not chosen yet
_MIRRORED = 4.0  # a picture that fits as badly as this is placed anew
_RAYLEIGH = 1.1774  # median length of a plane error with a sigma of one


def survey(
    stills: Iterable[Still],
    camera: Camera,
    markers: dict[int, Marker],
    fixed: Sequence[int] = (),
    apart: Sequence[tuple[int, int, float]] = (),
    tape_m: float = TAPE_M,
) -> Survey:
    """Survey `markers` (the old map; its sizes are believed) from what pictures show.

    `fixed` markers hang where the map says, to `tape_m` (three or more, not in a line; or none: then
    the old map as a whole gives the frame); `apart` are taped distances (id, id, metres). Raises
    PickingError with what to do when nothing can be determined.
    """
    shown = parallax.distinct(list(stills)[:MAX_PICTURES], camera.longer_px)
    return _Survey(shown, camera, markers, tuple(dict.fromkeys(fixed)), apart, tape_m).result()


class _Survey:
    def __init__(
        self,
        stills: list[Still],
        camera: Camera,
        markers: dict[int, Marker],
        fixed: Sequence[int],
        apart: Sequence[tuple[int, int, float]],
        tape_m: float,
    ) -> None:
        self._camera = camera.pinhole
        self._count = len(stills)
        views, seen = views_of(stills, camera, markers)
        pictures = dict(zip(seen, pictures_of(views, len(seen)).tolist(), strict=True))
        self.refused = checks.unseen(list(markers), pictures)
        self._ids = [i for i in seen if i not in self.refused]
        if len(self._ids) < checks.MIN_FIXED:
            raise PickingError(
                f"{len(self._ids)} markers were seen in two or more of {len(stills)} pictures; film so "
                "that at least two markers are in each picture, from 1 to 3 m, slowly"
            )
        at = {i: k for k, i in enumerate(self._ids)}
        renamed = np.array([at.get(i, -1) for i in seen], np.intp)
        views = views.where(renamed[views.marker] >= 0)
        self._views = replace(views, marker=renamed[views.marker])
        old = [markers[i] for i in self._ids]
        self._centers = np.array([m.center_m for m in old])
        self._rotations = np.array([m.rotation() for m in old])
        self._half = np.array([m.size_mm / 2000.0 for m in old])
        if fixed:
            checks.check_fixed(fixed, self._ids, self._centers)
        self._fixed = [at[i] for i in fixed if i in at]
        held = self._fixed or list(range(len(old)))
        pairs = [(at[a], at[b], d) for a, b, d in apart if a in at and b in at]
        self._ties = Ties(
            np.array(held, np.intp),
            self._centers[held],
            np.full(len(held), tape_m if self._fixed else _MAP_M),
            np.array([p[:2] for p in pairs], np.intp).reshape(-1, 2),
            np.array([p[2] for p in pairs]),
            np.full(len(pairs), tape_m),
        )
        self._steps = 0
        self._placing = Placing(self._camera, self._half, self._views, self._count)

    def result(self) -> Survey:
        start = self._start()
        ties = self._ties if self._fixed else self._still_there(start)
        bundle = Bundle(self._camera, self._half, ties)
        adjusted, kept = self._adjust(start, bundle)
        views = self._views.where(kept)
        self._refuse(checks.elsewhere(self._ids, self._views, kept))
        self._refuse(checks.apart(self._ids, views, self._fixed))
        self._refuse(parallax.one_sided(self._ids, adjusted.network, views))
        if len(self._ids) - len(self.refused.keys() & set(self._ids)) < checks.MIN_FIXED:
            raise PickingError(next(iter(self.refused.values())))
        if self._fixed:
            off_m = bundle.tie_sigmas(adjusted.network) * ties.sigma_m
            checks.check_tape(self._ids, ties.marker, off_m, ties.sigma_m)
        # the residuals say how good the corners really were; tape and pictures are weighed by that
        sure = np.isfinite(views.sigma_px)
        unit = float(np.median(adjusted.error_px[sure] / views.sigma_px[sure])) / _RAYLEIGH
        median_px = float(np.median(adjusted.error_px[sure]))
        checks.check_residual(unit, median_px * 1280.0 / self._camera.longer_px)
        checks.check_distances(bundle.apart_m(adjusted.network), ties.apart_sigma_m)
        views = replace(views, sigma_px=views.sigma_px * max(unit, 0.3))
        last = bundle.adjust(adjusted.network, views)
        good = np.array([i not in self.refused for i in self._ids])
        covariance = bundle.covariance(last.network, views)
        sigma_m = checks.sigmas(covariance, last.network.centers, bool(self._fixed), good)
        self._refuse(checks.vague(self._ids, sigma_m))
        if not self._fixed and not scale.is_taped(ties):
            old, new = ties.at_m, last.network.centers
            unsure = scale.judged(old, new[ties.marker], last.network.grown)
            sigma_m = scale.widened(sigma_m, new, unsure)
        count = Counter(views.marker.tolist())
        lost = Counter(self._views.marker[~kept].tolist())
        moved_m = np.linalg.norm(last.network.centers - self._centers, axis=1)
        return Survey(
            {
                i: Surveyed(
                    i,
                    last.network.centers[k],
                    last.network.rotations[k],
                    float(sigma_m[k]),
                    count[k],
                    float(moved_m[k]),
                )
                for k, i in enumerate(self._ids)
                if i not in self.refused
            },
            dict(sorted(self.refused.items())),
            {i: lost[k] for k, i in enumerate(self._ids) if lost[k]},
            len(set(views.picture.tolist())),
            len(views.picture),
            float(np.median(last.error_px[sure])),
            last.network.grown,
            self._steps + last.steps,
            last.converged,
        )

    def _refuse(self, why: dict[int, str]) -> None:
        self.refused = {**why, **self.refused}  # the first reason is the cause

    def _start(self) -> Start:
        """The old map when it is about right, else of three ways the one that most views agree with.

        The other two, by pictures alone and by the taped markers alone, need no map, but the error of a
        long chain of them grows from picture to picture.
        """
        n, m = self._count, len(self._ids)
        taped = np.zeros(m, np.bool_)
        taped[self._fixed] = True
        best, agreed = None, -1
        for known in (np.ones(m, np.bool_), None, taped):
            network = Network(
                np.tile(np.eye(3), (n, 1, 1)),
                np.zeros((n, 3)),
                self._rotations.copy(),
                self._centers.copy(),
            )
            blank = Start(network, np.zeros(n, np.bool_), np.zeros(m, np.bool_))
            start: Start | None
            if known is None:
                start = in_store(self._placing.chain(blank), self._ties.marker, self._centers)
            else:
                start = self._placing.grow(replace(blank, known=known))
            if start is None:
                continue
            if best is None and self._placing.agreeing(start, rough=True) >= self._most():
                return self._without_lost(start)
            if self._placing.agreeing(start) > agreed:
                best, agreed = start, self._placing.agreeing(start)
            if known is None and agreed >= self._most():
                break
        if best is None or best.placed.sum() < 2 or best.known.sum() < checks.MIN_FIXED:
            raise _does_not_fit()
        return self._without_lost(best)

    def _most(self) -> float:
        return GOOD_SHARE * len(self._views.picture)

    def _without_lost(self, best: Start) -> Start:
        lost = [self._ids[k] for k in np.flatnonzero(~best.known)]
        self._refuse(
            {i: f"marker {i} could not be placed; film it together with two others" for i in lost}
        )
        return best

    def _still_there(self, start: Start) -> Ties:
        """Ties to the old map without the markers that have plainly moved."""
        ties = self._ties
        away = np.linalg.norm(start.network.centers - self._centers, axis=1)
        near = start.known[ties.marker] & (away[ties.marker] < STILL_THERE_M)
        if near.sum() < checks.MIN_FIXED:
            raise PickingError(
                "too few markers hang where the old map says; tape the places of three or more and "
                "name them with --fix"
            )
        return replace(
            ties, marker=ties.marker[near], at_m=ties.at_m[near], sigma_m=ties.sigma_m[near]
        )

    def _adjust(self, start: Start, bundle: Bundle) -> tuple[Adjusted, Mask]:
        """Adjust, leave out views that do not fit, take back those that do, until nothing changes.

        The first rounds claim worse corners than they are: a start that is centimetres off would else
        look like a store full of wild views.
        """
        kept = before = self._usable(start) & single(self._views)
        kept &= in_company(self._views, kept)
        for turn in range(_ROUNDS):
            if kept.sum() < 2 * checks.MIN_FIXED:
                raise _does_not_fit()
            floor_px, gate = _GATES[min(turn, len(_GATES) - 1)]
            final = turn >= len(_GATES) - 1
            sigma_px = np.hypot(self._views.sigma_px, floor_px * self._camera.longer_px / 1280.0)
            views = replace(self._views, sigma_px=sigma_px)
            steps = {} if final else {"steps": _FEW_STEPS}
            adjusted = bundle.adjust(start.network, views.where(kept), **steps)
            self._steps += adjusted.steps
            start = replace(start, network=adjusted.network)
            away = self._away(bundle, start, views)
            if turn == 1:
                self._placing.again(start, self._bad(away))
                away = self._away(bundle, start, views)
            new = self._usable(start) & (away < gate) & best_of_twins(self._views, away)
            new &= in_company(self._views, new)
            if final and (new == kept).all():
                break
            kept, before = new, kept
        else:
            kept = before  # the views that the last adjustment had
        return adjusted, kept

    def _usable(self, start: Start) -> Mask:
        return np.asarray(start.placed[self._views.picture] & start.known[self._views.marker])

    def _bad(self, away: Array) -> Mask:
        """Pictures (n,) that fit badly as a whole: they may be seen mirrored."""
        order = np.argsort(self._views.picture, kind="stable")
        bounds = np.searchsorted(self._views.picture[order], np.arange(self._count + 1))
        out = np.zeros(self._count, np.bool_)
        for p in range(self._count):
            mine = away[order[bounds[p] : bounds[p + 1]]]
            out[p] = len(mine) > 0 and float(np.median(mine)) > _MIRRORED
        return out

    def _away(self, bundle: Bundle, start: Start, views: Views) -> Array:
        """How badly each view fits, (o,): its corners' median error in sigmas of all good ones."""
        residual, local, _, _ = bundle.residuals(start.network, views)
        away = np.median(np.linalg.norm(residual, axis=2) / views.sigma_px, axis=1)
        away[(local[..., 2] < 0.1).any(axis=1) | ~self._usable(start)] = np.inf
        unit = float(np.median(away[np.isfinite(away)])) / _RAYLEIGH
        return np.asarray(away / max(unit, 1.0))


def _does_not_fit() -> PickingError:
    return PickingError(
        "the pictures do not fit together; check the device file and the printed size of the markers, "
        "then film slowly with three or more markers in each picture"
    )
