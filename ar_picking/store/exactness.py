"""Are the markers' places known well enough to draw by?

A pose is no better than the map: from about 2 cm on nothing is drawn that is fixed to the store
(M, demo store: with `sigma_mm` 30 everywhere none of 192 bins is tracked), so guiding there is by
shelf labels only.
"""

from __future__ import annotations

from ar_picking.store.records import Store
from ar_picking.store.solids import Finding

MOST_MM = 20
GOOD_MM = 10
_NAMED = 8


def findings(store: Store) -> list[Finding]:
    """One fault for all markers known worse than to 20 mm, one note for those worse than 10 mm."""
    out = []
    vague = [m.id for m in store.markers.values() if m.sigma_mm > MOST_MM]
    rough = [m.id for m in store.markers.values() if GOOD_MM < m.sigma_mm <= MOST_MM]
    for ids, limit_mm, note in ((vague, MOST_MM, False), (rough, GOOD_MM, True)):
        if ids:
            why = "they are drawn by less often" if note else "nothing can be drawn by them"
            text = (
                f"{len(ids)} of {len(store.markers)} markers ({_names(ids)}) are known to worse than "
                f"{limit_mm} mm (sigma_mm): {why}; survey them (`o2o ar survey`)"
            )
            out.append(
                {"finding": "not measured", "text": text, **({"note": True} if note else {})}
            )
    return out


def _names(ids: list[int]) -> str:
    words = ", ".join(str(i) for i in ids[:_NAMED])
    return words + (", ..." if len(ids) > _NAMED else "")
