"""Which pictures of a survey walk count: those taken from another place than the others.

Forty pictures from one place say no more than one: their errors are the same, and where they agree
they agree on the same wrong depth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ar_picking.store.records import Array
from ar_picking.vision.network import Network, Views
from ar_picking.vision.survey_views import Still

_SAME = 1.5 / 1280.0  # of the picture's longer side: noise, not a step aside
_LEAST_RAD = 0.035  # 2 degrees, 7 cm at 2 m


def distinct(stills: Sequence[Still], longer_px: int) -> list[Still]:
    """The stills without those that show the same markers in the same places as one before."""
    limit = _SAME * longer_px
    before: dict[tuple[int, ...], list[Array]] = {}
    out = []
    for still in stills:
        found = sorted(still.detections, key=lambda d: (d.id, float(d.corners[0, 0])))
        corners = np.array([d.corners for d in found], np.float64).reshape(-1)
        like = before.setdefault(tuple(d.id for d in found), [])
        if found and like:
            with np.errstate(invalid="ignore", over="ignore"):
                off = np.median(np.abs(np.array(like) - corners), axis=1)
            if (off < limit).any():
                continue
        like.append(corners)
        out.append(still)
    return out


def one_sided(ids: Sequence[int], network: Network, views: Views) -> dict[int, str]:
    """Markers whose `views` were all taken from one place: directions differ by under 2 degrees."""
    eyes = -np.einsum("nji,nj->ni", network.turns, network.shifts)
    out = {}
    for k, i in enumerate(ids):
        rays = eyes[views.picture[views.marker == k]] - network.centers[k]
        rays /= np.maximum(np.linalg.norm(rays, axis=1, keepdims=True), 1e-9)
        if not len(rays) or float((rays @ rays.T).min()) > np.cos(_LEAST_RAD):
            out[i] = (
                f"marker {i} was seen from one place only; film it from two or more, a step apart"
            )
    return out
