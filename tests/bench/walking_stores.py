"""Stores and baskets for the walking benches: generated ones with a fixed seed, and the public form.

Junctions are numbered column by column, so that a junction's column, its aisle, is its number divided by
the rows. A rectangular store has straight aisles between cross-aisles, a supermarket uneven ones with
shelves on some cross-aisles too.
"""

import json
import random
from pathlib import Path
from typing import Any

from firmware.picker import maps

Stop = tuple[int, int]
DATA = "data/routing/pick"
MAPS = ("r1s", "r1l", "r2", "r3", "r4", "s63", "s84", "s124", "s145")


class Store:
    """A store: its graph, `rows` of junctions, the edges with shelves; `block` when it is one block of
    straight aisles: (aisles, their length_dm, their pitch_dm).
    """

    def __init__(self, name: str, written: dict[str, Any], rows: int, shelves: list[int]):
        self.name = name
        self.graph, why = maps.from_map(written)
        assert self.graph is not None, why
        self.rows = rows
        self.shelves = shelves
        self.block: tuple[int, int, int] | None = None

    def aisle(self, stop: Stop) -> int:
        """The column of a pick; a cross-aisle belongs to the column at its left."""
        return min(int(self.graph.u[stop[0]]), int(self.graph.v[stop[0]])) // self.rows


def rectangular(name: str, aisles: int, blocks: int, length_dm: int, pitch_dm: int) -> Store:
    rows = blocks + 1
    junctions = [[pitch_dm * a, length_dm * r] for a in range(aisles) for r in range(rows)]
    edges = [
        [a * rows + r, a * rows + r + 1, length_dm] for a in range(aisles) for r in range(blocks)
    ]
    shelves = list(range(len(edges)))
    edges += [
        [a * rows + r, (a + 1) * rows + r, pitch_dm] for a in range(aisles - 1) for r in range(rows)
    ]
    store = Store(name, {"junctions": junctions, "edges": edges}, rows, shelves)
    if blocks == 1:
        store.block = aisles, length_dm, pitch_dm
    return store


def supermarket(name: str, columns: int, rows: int, seed: int) -> Store:
    """Uneven aisles; a quarter of the inner cross-aisles is not there, some others have shelves."""
    chance = random.Random(seed)
    at = [(40 * c + chance.randint(-6, 6), 80 * r) for c in range(columns) for r in range(rows)]
    edges, shelves = [], []
    for c in range(columns):
        for r in range(rows):
            j = c * rows + r
            if r + 1 < rows:
                shelves.append(len(edges))
                edges.append([j, j + 1, 80 + chance.randint(-20, 20)])
            inner = 0 < r < rows - 1
            if c + 1 < columns and not (inner and chance.random() < 0.25):
                if chance.random() < 0.15:
                    shelves.append(len(edges))
                edges.append([j, j + rows, max(10, at[j + rows][0] - at[j][0])])
    return Store(name, {"junctions": [list(p) for p in at], "edges": edges}, rows, shelves)


def made() -> list[Store]:
    """The four stores of the tables."""
    return [
        rectangular("1 block, 10 aisles", 10, 1, 120, 30),
        rectangular("2 blocks, 12 aisles", 12, 2, 120, 30),
        supermarket("supermarket 6 x 3", 6, 3, 63),
        supermarket("supermarket 8 x 4", 8, 4, 84),
    ]


class Shoppers:
    """Baskets of one store: what few places hold is bought often (weights 1 / rank)."""

    def __init__(self, store: Store, seed: int):
        self.chance = random.Random(seed)
        self.places = [
            (edge, offset)
            for edge in store.shelves
            for offset in range(5, store.graph.length_dm[edge], 10)
        ]
        self.chance.shuffle(self.places)
        self.weights = [1 / (rank + 3) for rank in range(len(self.places))]

    def basket(self, items: int) -> list[Stop]:
        """So many different places, in the sequence in which the customer thought of them."""
        basket: list[Stop] = []
        while len(basket) < items:
            (place,) = self.chance.choices(self.places, self.weights)
            if place not in basket:
                basket.append(place)
        return basket


def instances(shared: Path) -> list[tuple[Store, dict[str, Any]]]:
    """The instances with proven optima, each with its store."""
    out = []
    for name in MAPS:
        written = json.loads((shared / DATA / f"map_{name}.json").read_text())
        rows = written["rows"] if "rows" in written else written["blocks"] + 1
        store = Store(name, written, rows, written["shelf"])
        if written.get("blocks") == 1:
            store.block = written["aisles"], written["blen"], written["pitch"]
        out += [(store, instance) for instance in written["instances"]]
    return out
