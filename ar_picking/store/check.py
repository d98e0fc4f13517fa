"""Is a store fit for guiding? Every bin reached, confirmed and localized from where a picker stands.

What is looked at: the way from the depot to each bin and back and its distance from the walkway; bins,
shelves, walkways and markers as bodies (`solids`, `hanging`); whether a picker who looks at a bin's
label sees its marker and one more (`sight`), whether one who walks sees two everywhere (`blind`,
`proposal`), and how well markers' places are known (`exactness`);
and what daily use says about the markers (`wear`).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ar_picking.store import (
    blind,
    exactness,
    finding_words,
    folder,
    hanging,
    proposal,
    regular_file,
    sight,
    solids,
    wear,
)
from ar_picking.store.records import Store
from firmware.picker.graph import AT_JUNCTION

REACH_MM = 1500  # farther from its walkway than this a bin is not picked by hand
Finding = dict[str, Any]


def check(path: Path, every_heading: bool = False) -> tuple[Store | None, list[Finding]]:
    """The store and what is wrong with it: {"finding", "zh", "bin" | "marker" | "walkway", "text"}.

    "zh" is the finding in Chinese; notes have "note": True. With `every_heading` markers are
    proposed for notes of blind headings too.
    """
    store, found = _check(path, every_heading)
    return store, [
        {"finding": one["finding"], "zh": finding_words.ZH[one["finding"]], **one} for one in found
    ]


def _check(path: Path, every_heading: bool) -> tuple[Store | None, list[Finding]]:
    store, faults = folder.read(path)
    if store is None:
        return None, [{"finding": "file", "text": text} for text in faults]
    findings: list[Finding] = [
        {
            "finding": "changed",
            "file": name,
            "note": True,
            "text": f"{name} differs from the sum in store.json",
        }
        for name in store.changed
    ]
    findings += [{"finding": "file", "note": True, "text": text} for text in store.notes]
    findings += _walk_findings(store)
    findings += solids.findings(store)
    findings += hanging.findings(store)
    findings += exactness.findings(store)
    findings += sight.bin_findings(store)
    spots = blind.spots(store)
    findings += blind.findings(spots)
    findings += proposal.proposals(store, spots, every_heading)
    findings += wear.findings(store)
    return store, findings


def seal(store: Store) -> None:
    """Write the files' present sums into store.json."""
    path = store.folder / "store.json"
    head = json.loads(path.read_text(encoding="utf-8-sig"))
    head["sha256"] = {
        name: hashlib.sha256(
            regular_file.read(store.folder / name, folder.MAX_FILE_BYTES)
        ).hexdigest()
        for name in sorted(store.sha256)
    }
    path.write_text(json.dumps(head, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _walk_findings(store: Store) -> list[Finding]:
    depot = (AT_JUNCTION, store.graph.depot)
    out = []
    for name, stop in store.stops.items():
        if store.graph.path(depot, stop) is None or store.graph.path(stop, depot) is None:
            text = f"no way from the depot to {name} and back"
            out.append({"finding": "unreachable", "bin": name, "text": text})
        if store.stand_mm[name] > REACH_MM:
            text = f"{name} is {store.stand_mm[name] / 1000:.2f} m from its walkway"
            out.append({"finding": "too far", "bin": name, "text": text})
    return out
