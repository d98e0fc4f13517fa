"""The fewest markers that end what is wrong with a store's sight, by a greedy cover.

Wanted are: at each blind place two markers along the walkway (or in one direction at all), and for each
bin its own marker and one more for somebody who stands before it. Greedy picks are within ln n of the
fewest (Chvatal 1979, Math. of OR 4(3)). Rails and shelf ends come before walls and signs that see as
much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ar_picking.store import blind, confirming, new_folder, places, sight
from ar_picking.store.blind import NEEDED, Spot
from ar_picking.store.places import Place
from ar_picking.store.records import Array, Bin, Store
from ar_picking.store.shelves import Footprints, NDArrayBool, shelves
from ar_picking.store.sight import Faces
from protocols.storemap import DICTIONARY_SIZE

MOST = 50  # proposals of one check
_ALONG = 3  # a look along the walkway, or at a bin, counts as much as three others
_MOST_LOOKS = 4000  # of one cover; the rest comes when these are mended


@dataclass(slots=True)
class _Want:
    """One thing that markers are missing for: how many, how urgent, and which places help."""

    need: int
    weight: int
    helps: NDArrayBool


def proposals(
    store: Store, found: list[Spot], every_heading: bool = False, most: int = MOST
) -> list[dict[str, Any]]:
    """Markers to add, best first, for the faults that `blind` and `sight` find.

    found: of blind.spots. every_heading: also for directions that are only notes. Each finding names
    its place, pose, a free id and its row of markers.csv; a last one tells what no place helps.
    """
    boxes = shelves(list(store.bins.values()))
    footprints = Footprints(boxes)
    choice = places.free(store, boxes, found)
    wants = _wants(store, found, choice, footprints, every_heading)
    if not wants or not choice:
        return []
    need = np.array([want.need for want in wants])
    weight = np.array([want.weight for want in wants])
    helps = np.array([want.helps for want in wants]).T
    bonus = np.array([place.bonus for place in choice])
    gain = helps @ weight.astype(np.float64)
    spread = places.Spread.of(choice)
    usable = np.ones(len(choice), dtype=bool)
    free = iter(n for n in range(DICTIONARY_SIZE) if n not in store.markers)
    out: list[dict[str, Any]] = []
    while len(out) < most:
        best = int(np.argmax(np.where(usable, gain * bonus, 0.0)))
        if not usable[best] or gain[best] < 0.5:
            break
        number = next(free, None)
        if number is None:
            text = f"all {DICTIONARY_SIZE} marker numbers are used; take markers away elsewhere"
            out.append({"finding": "no number", "note": True, "text": text})
            break
        helped = np.flatnonzero(helps[best] & (need > 0))
        need[helped] -= 1
        done = helped[need[helped] == 0]
        gain -= helps[:, done] @ weight[done].astype(np.float64)
        usable &= ~spread.covered_by(best)
        out.append(_said(choice[best], number, len(helped)))
    left = int((need > 0).sum())
    if left:
        text = f"{left} blind directions or bins remain that these proposals do not end"
        out.append({"finding": "still blind", "note": True, "text": text})
    return out


def _said(place: Place, number: int, helped: int) -> dict[str, Any]:
    row = new_folder.upright(
        number, place.size_m, place.x_m, place.y_m, place.z_m, place.facing_deg, place.label
    )
    at = (round(place.x_m, 3), round(place.y_m, 3), round(place.z_m, 3))
    return {
        "finding": "put marker",
        "note": True,
        "marker": number,
        "place": place.text,
        "size_m": place.size_m,
        "at_m": list(at),
        "yaw_deg": float(row["yaw"]),
        "row": row,
        "text": f"put marker {number} ({place.size_m * 100:.0f} cm) {place.text}, at x {at[0]} "
        f"y {at[1]} z {at[2]}, yaw {row['yaw']}: helps {helped} directions or bins",
    }


def _wants(
    store: Store,
    found: list[Spot],
    choice: Sequence[Place],
    footprints: Footprints,
    every_heading: bool,
) -> list[_Want]:
    faces = Faces.of([place.marker(0) for place in choice])
    out: list[_Want] = []
    for spot in found:
        if not (spot.fault or (every_heading and spot.blind)):
            continue
        nowhere = len(spot.blind) == len(spot.looks)
        for look, mask in zip(spot.looks, blind.seen_from(spot, faces, footprints), strict=True):
            if look.seen < NEEDED and (look.along or nowhere or every_heading):
                out.append(_Want(NEEDED - look.seen, _ALONG if look.along else 1, mask))
    standing = sight.at_bins(store)
    for item, (own, seen) in zip(store.bins.values(), standing, strict=True):
        if len(out) >= _MOST_LOOKS:
            break
        if own and seen >= NEEDED:
            continue
        mask = sight.visible(sight.CAMERA, sight.standing(store, item), faces, footprints)
        if not own:
            out.append(_Want(1, _ALONG, mask & _confirms(store, item, faces)))
        if seen < NEEDED:
            out.append(_Want(NEEDED - seen, _ALONG, mask))
    return out


def _confirms(store: Store, item: Bin, faces: Faces) -> NDArrayBool:
    """Which further markers would be the bin's own: on its rail, or nearer than what it has now.

    The rule is that of `confirming`.
    """
    foot = item.center_m - [0.0, 0.0, item.h_mm / 2000.0]
    away: Array = faces.centers - foot
    on_face = (np.abs(away @ item.normal) < 0.04) & (faces.normals @ item.normal > 0.99)
    on_face &= np.hypot(away[:, 0], away[:, 1]) <= item.w_mm / 2000.0
    rail = np.abs(away[:, 2]) <= confirming.RAIL_M
    own = [store.markers[number].center_m - foot for number in store.bin_markers[item.id]]
    if any(abs(float(there[2])) <= confirming.RAIL_M for there in own):
        return np.asarray(on_face & rail)
    nearest = min((float(np.linalg.norm(there)) for there in own), default=confirming.REACH_M)
    return np.asarray(on_face & (rail | (np.linalg.norm(away, axis=1) < nearest)))
