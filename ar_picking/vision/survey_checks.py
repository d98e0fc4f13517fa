"""What a survey cannot know, said so that a person can do something about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ar_picking.errors import PickingError
from ar_picking.store.records import Array
from ar_picking.vision.network import Indices, Views
from ar_picking.vision.survey_views import Mask, single

MIN_FIXED = 3
_SHARE = 0.7  # of a marker's views must fit, or it was seen in two places
_MAX_SIGMA_M = 0.01
_TAPE_WRONG_M = 0.01
_UNIT = 3.0  # residuals over the corners' own sigmas (M: 1 with the right lens)
_MEDIAN_PX = 0.4  # at 1280 pixels (M: 0.12 with the right lens, 0.6 to 1 with another tablet's)
_LINE_M = 0.15  # fixed markers nearer to one line than this leave the map free to turn


def unseen(wanted: Sequence[int], pictures: dict[int, int]) -> dict[int, str]:
    """Markers in fewer than two pictures; `pictures` by id counts those with another marker in them."""
    out = {}
    for i in wanted:
        if pictures.get(i, 0) < 2:
            where = "one picture only" if pictures.get(i) else "no picture with another marker"
            out[i] = f"marker {i} was seen in {where}; film it from two or more places"
    return out


def elsewhere(ids: Sequence[int], views: Views, kept: Mask) -> dict[int, str]:
    """Markers whose views do not agree on one place."""
    every = Counter(views.marker.tolist())
    good = Counter(views.marker[kept].tolist())
    twice = set(views.marker[~single(views)].tolist())
    out = {}
    for k, i in enumerate(ids):
        if good[k] >= max(2, _SHARE * every[k]):
            continue
        if k in twice:
            out[i] = f"marker {i} hangs in the store twice; take the wrong one down and film again"
        elif good[k] < 2:
            out[i] = f"marker {i}: no two views of it fit together; film it again, slowly"
        else:
            out[i] = (
                f"marker {i} was seen in two places ({good[k]} of {every[k]} views fit the first): "
                "was it moved, or does a copy of it hang elsewhere? Put that right and film again"
            )
    return out


def apart(ids: Sequence[int], views: Views, fixed: Sequence[int]) -> dict[int, str]:
    """Markers in groups that no picture joins to the main one: the one with the `fixed` (indices).

    PickingError when no group holds three fixed ones.
    """
    group = list(range(len(ids)))

    def root(k: int) -> int:
        while group[k] != k:
            group[k] = group[group[k]]
            k = group[k]
        return k

    first: dict[int, int] = {}
    for p, m in zip(views.picture.tolist(), views.marker.tolist(), strict=True):
        group[root(m)] = root(first.setdefault(p, m))
    members = Counter(root(k) for k in (fixed or views.marker.tolist()))
    main, count = members.most_common(1)[0]
    if fixed and count < MIN_FIXED:
        raise PickingError(
            "the fixed markers are in groups that no picture joins; film from one to the next so that "
            "two markers of each group are in a picture together"
        )
    return {
        i: f"marker {i} is in a group that no picture joins to the others; film both together"
        for k, i in enumerate(ids)
        if root(k) != main
    }


def check_fixed(fixed: Sequence[int], ids: Sequence[int], centers: Array) -> None:
    """PickingError when the fixed markers that were seen do not hold the map; centres (m, 3)."""
    at = [k for k, i in enumerate(ids) if i in fixed]
    if len(at) < MIN_FIXED:
        missing = ", ".join(str(i) for i in fixed if i not in ids)
        why = f"; not seen in two pictures: {missing}" if missing else ""
        raise PickingError(f"--fix needs {MIN_FIXED} or more markers of the pictures{why}")
    spread = np.linalg.svd(centers[at] - centers[at].mean(axis=0), compute_uv=False)
    if spread[1] < _LINE_M:
        raise PickingError(
            "the fixed markers hang in one line, so the map could turn round it; tape one that is 30 "
            "cm or more beside that line"
        )


def check_tape(ids: Sequence[int], marker: Indices, off_m: Array, sigma_m: Array) -> None:
    """PickingError when a taped marker, by index `marker` (k,), is `off_m` (k,) from its place."""
    worst = int(np.argmax(off_m))
    if off_m[worst] > max(_TAPE_WRONG_M, 4.0 * sigma_m[worst]):
        raise PickingError(
            f"marker {ids[int(marker[worst])]} hangs {off_m[worst] * 1000:.0f} mm from where it was "
            "taped, seen from the other fixed ones; measure them again"
        )


def check_distances(off_m: Array, sigma_m: Array) -> None:
    """PickingError when a taped distance is `off_m` (d,) from that of the adjusted markers."""
    worst = int(np.argmax(off_m / sigma_m)) if len(off_m) else 0
    if len(off_m) and off_m[worst] > max(_TAPE_WRONG_M, 4.0 * sigma_m[worst]):
        raise PickingError(
            f"a taped distance is {off_m[worst] * 1000:.0f} mm from what the pictures show; tape it "
            "again, and measure the black square of a marker: size_m must be what was printed"
        )


def check_residual(unit: float, median_px: float) -> None:
    """PickingError when corners are off by too many of their sigmas, or pixels at 1280.

    A camera that is not the one of the device file is taken in by the places of the markers, nearly:
    what is left over is all that shows it.
    """
    if unit > _UNIT or median_px > _MEDIAN_PX:
        raise PickingError(
            f"the corners are {median_px:.2f} px off, {unit:.1f} times what they should be: is the "
            "device file (--device) of this camera, this focus and this zoom? Calibrate it, and film "
            "slowly"
        )


def vague(ids: Sequence[int], sigma_m: Array) -> dict[int, str]:
    """Markers that are not determined to a centimetre, by one sigma (m,)."""
    return {
        i: (
            f"marker {i} is known to {min(sigma, 9.999) * 1000:.0f} mm only; film it nearer, from "
            "several sides, together with others"
        )
        for i, sigma in zip(ids, sigma_m.tolist(), strict=True)
        if not sigma <= _MAX_SIGMA_M
    }


def sigmas(covariance: Array, centers: Array, taped: bool, good: Mask) -> Array:
    """One sigma of each centre (m, 3) in its worst direction, metres, shape (m,), of a covariance in m2.

    With taped markers in the store's frame; without, among one another (of the `good` ones), because how
    well the old map's frame fits the store nobody measured.
    """
    count = len(covariance) // 3
    if not taped and good.any():
        rows = np.ix_(np.repeat(good, 3), np.repeat(good, 3))
        c = centers[good]
        shift = np.tile(np.eye(3), (len(c), 1))
        turn = np.concatenate([np.cross(np.eye(3), at).T for at in c - c.mean(axis=0)])
        modes, _ = np.linalg.qr(np.concatenate([shift, turn], axis=1))
        free = np.eye(3 * len(c)) - modes @ modes.T
        covariance = covariance.copy()
        covariance[rows] = free @ covariance[rows] @ free
    blocks = np.array([covariance[3 * k : 3 * k + 3, 3 * k : 3 * k + 3] for k in range(count)])
    return np.asarray(np.sqrt(np.maximum(np.linalg.eigvalsh(blocks)[:, -1], 0.0)))
