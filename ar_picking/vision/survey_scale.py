"""How large the store is by a survey without a tape: by the printed markers, judged by the old map.

A printer that fits to the page makes every marker the same share smaller, and pictures alone cannot
tell that from a store that is as much larger. Only the old map's places say otherwise, so they are
asked, as a whole: a similarity with scale from old to new centres (Umeyama 1991, PAMI 13(4):376).
"""

from __future__ import annotations

import numpy as np

from ar_picking.errors import PickingError
from ar_picking.store.records import Array
from ar_picking.vision.network import Ties, fitted

_WRONG = 0.005  # a printer that does not fit to the page is nearer than this
_SURE = 3.0  # sigmas of the old map's scale
_TAPED = 0.001  # distances that hold the scale to this need no map
_PRINT = 0.003  # how well the printed size is known when nothing contradicts it
# a picture shows markers this far from their middle; two of them do not see the rest of the error
_IN_VIEW_M = 2.0
_TRIMMED = 2.5  # times the median distance; what is farther was moved
_ROUNDS = 4


def is_taped(ties: Ties) -> bool:
    """True when the taped distances tell the scale."""
    if not len(ties.pairs):
        return False
    return float(np.linalg.norm(ties.apart_m / ties.apart_sigma_m)) * _TAPED >= 1.0


def judged(old_m: Array, new_m: Array, grown: float) -> float:
    """One sigma of the scale (a share), from old and new centres (k, 3) of markers that did not move.

    `grown` is the printed size over the map's in the adjustment. PickingError when the old map and the
    printed size contradict each other: nobody knows then which of them is right.
    """
    share, sigma = _scale(old_m, new_m)
    off = share / grown - 1.0  # of the store that the printed size as it is in the map would give
    if abs(off) > max(_WRONG, _SURE * sigma):
        small = off > 0.0
        raise PickingError(
            f"the markers are printed {abs(1.0 / (1.0 + off) - 1.0) * 100:.1f} % too "
            f"{'small' if small else 'large'}, or the old map is that much too "
            f"{'small' if small else 'large'}: measure the black square of one and correct size_m, or "
            "tape the distance between two markers far apart and give it with --distance"
        )
    return float(np.hypot(off, min(sigma, _PRINT)))


def widened(sigma_m: Array, centers_m: Array, scale: float) -> Array:
    """Sigmas (m,) with the error that an unsure `scale` makes among markers in one picture."""
    away = np.linalg.norm(centers_m - np.median(centers_m, axis=0), axis=1)
    return np.asarray(np.hypot(sigma_m, scale * np.minimum(away, _IN_VIEW_M)))


def _scale(old_m: Array, new_m: Array) -> tuple[float, float]:
    """Size of the new places over that of the old ones, and one sigma of it; moved markers left out."""
    kept = np.ones(len(old_m), np.bool_)
    share, sigma = 1.0, np.inf
    for _ in range(_ROUNDS):
        a, b = old_m[kept], new_m[kept]
        turn, _ = fitted(a, b)
        middle, there = a.mean(axis=0), b.mean(axis=0)
        arms = (a - middle) @ turn.T
        size = max(float((arms**2).sum()), 1e-12)
        share = float((arms * (b - there)).sum()) / size
        expected = share * (old_m - middle) @ turn.T + there
        away = np.linalg.norm(new_m - expected, axis=1)
        # seven unknowns; a millimetre is what a map written by hand is rounded to
        spread = float((away[kept] ** 2).sum()) / max(1.0, 3.0 * kept.sum() - 7.0)
        sigma = float(np.sqrt((spread + 1e-6) / size))
        near = away <= max(0.005, _TRIMMED * float(np.median(away)))
        if (near == kept).all() or near.sum() < 3:
            break
        kept = near
    return share, sigma
