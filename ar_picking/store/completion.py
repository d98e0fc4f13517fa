"""A new store's markers, with those added that its own check would miss."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ar_picking.store import blind, folder, new_folder, proposal
from protocols.storemap import DICTIONARY_SIZE

Row = dict[str, Any]
_ROUNDS = 4  # a marker that is nearer to a bin than its present one changes which is the bin's own


def completed(
    head: dict[str, Any], bins: list[Row], markers: list[Row], walk: list[Row], sigma_mm: int
) -> list[Row]:
    """Rows of markers.csv with those added that sight wants, as far as codes and places suffice.

    The arguments are those of new_folder.write; sigma_mm is what the added ones get.
    """
    out = list(markers)
    for _ in range(_ROUNDS):
        with tempfile.TemporaryDirectory() as place:
            new_folder.write(Path(place), head, bins, out, walk)
            store = folder.load(Path(place))
        found = proposal.proposals(store, blind.spots(store), most=DICTIONARY_SIZE)
        rows = [one["row"] for one in found if one["finding"] == "put marker"]
        out += [{**row, "sigma_mm": sigma_mm} for row in rows]
        if not rows or len(out) >= DICTIONARY_SIZE:
            break
    return out
