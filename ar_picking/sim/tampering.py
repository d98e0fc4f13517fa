"""What went wrong with a store's markers since it was measured, for the simulator to draw.

The Store stays the map as it was; only what hangs on the shelves changes: cards that were moved or
turned, copies elsewhere, codes that do not belong here, cards that fell down or are torn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from ar_picking.store.records import Array, Marker, Store, rotation_zyx

MARKER_CODES = 587  # of the family 36h11


@dataclass(frozen=True, slots=True)
class Place:
    """Where a card hangs: its centre in metres and its angles in degrees, like a Marker's; and its
    edge.
    """

    x_m: float
    y_m: float
    z_m: float
    yaw_deg: float
    pitch_deg: float = 0.0
    roll_deg: float = 90.0
    size_mm: int = 80


@dataclass(frozen=True, slots=True)
class Tampering:
    """Changes to the cards; ids that the store does not have raise KeyError when they are applied.

    `moved`: id -> (dx_m, dy_m, dz_m, turn_deg in its own plane, anticlockwise); `duplicates`:
    (id of the store, place); `foreign`: (36h11 id that the store does not have, place); `missing`:
    ids; `torn`: id -> share of the card that is gone, 0 to 1.
    """

    moved: dict[int, tuple[float, float, float, float]] = field(default_factory=dict)
    duplicates: tuple[tuple[int, Place], ...] = ()
    foreign: tuple[tuple[int, Place], ...] = ()
    missing: tuple[int, ...] = ()
    torn: dict[int, float] = field(default_factory=dict)

    def drawn(self, store: Store) -> list[Marker]:
        """The cards that hang in the store now. ValueError when a foreign id is the store's own."""
        gone = {store.markers[number].id for number in self.missing}
        for number in (*self.moved, *self.torn):
            store.markers[number]
        out = []
        for marker in store.markers.values():
            if marker.id in gone:
                continue
            by = self.moved.get(marker.id)
            out.append(marker if by is None else moved(marker, *by))
        out.extend(hung(store.markers[number].id, place) for number, place in self.duplicates)
        for number, place in self.foreign:
            if number in store.markers or not 0 <= number < MARKER_CODES:
                raise ValueError(f"marker {number} is not a foreign one of 36h11")
            out.append(hung(number, place))
        return out


def hung(number: int, place: Place) -> Marker:
    """A marker at a place, rounded to the millimetre and a hundredth of a degree."""
    return Marker(
        id=number,
        size_mm=place.size_mm,
        x_mm=round(place.x_m * 1000),
        y_mm=round(place.y_m * 1000),
        z_mm=round(place.z_m * 1000),
        yaw_cdeg=round(place.yaw_deg * 100) % 36000,
        pitch_cdeg=round(place.pitch_deg * 100),
        roll_cdeg=round(place.roll_deg * 100),
        sigma_mm=0,
        label="",
    )


def moved(marker: Marker, dx_m: float, dy_m: float, dz_m: float, turn_deg: float) -> Marker:
    """A marker shifted in the world and turned in its own plane."""
    rotation = marker.rotation() @ rotation_zyx(turn_deg, 0.0, 0.0)
    yaw, pitch, roll = angles_zyx(rotation)
    return replace(
        marker,
        x_mm=marker.x_mm + round(dx_m * 1000),
        y_mm=marker.y_mm + round(dy_m * 1000),
        z_mm=marker.z_mm + round(dz_m * 1000),
        yaw_cdeg=round(yaw * 100) % 36000,
        pitch_cdeg=round(pitch * 100),
        roll_cdeg=round(roll * 100),
    )


def angles_zyx(rotation: Array) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees with R = Rz Ry Rx; at pitch +-90 the yaw takes it all."""
    sine = float(np.clip(-rotation[2, 0], -1.0, 1.0))
    pitch = math.degrees(math.asin(sine))
    if abs(sine) > 1.0 - 1e-9:
        return math.degrees(math.atan2(-rotation[0, 1], rotation[1, 1])), pitch, 0.0
    return (
        math.degrees(math.atan2(rotation[1, 0], rotation[0, 0])),
        pitch,
        math.degrees(math.atan2(rotation[2, 1], rotation[2, 2])),
    )


def random_tampering(store: Store, seed: int, amount: int = 3) -> Tampering:
    """`amount` cards moved by 3 to 60 cm, as many copied onto other walls' places, as many foreign
    ones, one torn and one missing; the same for the same seed. Needs 3 * amount + 2 markers.
    """
    rng = np.random.default_rng(seed)
    ids = [int(n) for n in rng.permutation(sorted(store.markers))]
    if len(ids) < 3 * amount + 2:
        raise ValueError(f"{len(ids)} markers are too few to change {3 * amount + 2} of them")
    shifted = {}
    for number in ids[:amount]:
        marker = store.markers[number]
        along = marker.rotation()[:, 0] * rng.choice((-1.0, 1.0)) * rng.uniform(0.03, 0.6)
        turn = float(rng.choice((0.0, 3.0, 90.0)))
        shifted[number] = (float(along[0]), float(along[1]), float(along[2]), turn)
    copies, strangers = [], []
    free = [n for n in range(MARKER_CODES) if n not in store.markers]
    for k in range(amount):
        host = store.markers[ids[amount + k]]
        copies.append((ids[2 * amount + k], _beside(host, 1.6 * host.size_mm / 1000.0)))
        if free:
            stranger = int(free[int(rng.integers(len(free)))])
            strangers.append((stranger, _beside(host, -1.6 * host.size_mm / 1000.0)))
    return Tampering(
        moved=shifted,
        duplicates=tuple(copies),
        foreign=tuple(dict(strangers).items()),
        missing=(ids[3 * amount],),
        torn={ids[3 * amount + 1]: float(rng.uniform(0.1, 0.6))},
    )


def _beside(marker: Marker, by_m: float) -> Place:
    """A place on the same face, `by_m` to the right."""
    x, y, z = marker.center_m + by_m * marker.rotation()[:, 0]
    return Place(
        x,
        y,
        z,
        marker.yaw_cdeg / 100.0,
        marker.pitch_cdeg / 100.0,
        marker.roll_cdeg / 100.0,
        marker.size_mm,
    )
