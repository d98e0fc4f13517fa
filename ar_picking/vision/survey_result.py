"""What a marker survey found out."""

from __future__ import annotations

from dataclasses import dataclass

from ar_picking.store.records import Array

MOVED_M = 0.02


@dataclass(frozen=True, slots=True)
class Surveyed:
    """One marker: its centre (3,) in metres and rotation (3, 3) in the store, one sigma of the centre
    in its worst direction, how many views gave it, and how far it is from the old map.
    """

    id: int
    center_m: Array
    rotation: Array
    sigma_m: float
    views: int
    moved_m: float


@dataclass(frozen=True, slots=True)
class Survey:
    """The result: markers by id, why others have none, and how well it all fits.

    `grown` is the printed size over the map's; `elsewhere` counts views by marker that do not fit it.
    """

    markers: dict[int, Surveyed]
    refused: dict[int, str]
    elsewhere: dict[int, int]
    pictures: int
    views: int
    median_px: float
    grown: float
    steps: int
    converged: bool

    @property
    def moved(self) -> dict[int, float]:
        """Markers more than 2 cm from where the old map has them, in metres."""
        return {m.id: m.moved_m for m in self.markers.values() if m.moved_m > MOVED_M}
