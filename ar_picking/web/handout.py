"""All that a box hands out as files: page, MicroPython and its modules, the store, the clips."""

from __future__ import annotations

import json
from pathlib import Path

from ar_picking.errors import ConfigError
from ar_picking.guide.shop import Shop
from ar_picking.overlay.minimap import plan_view
from ar_picking.store.records import Store
from ar_picking.store.shelves import shelves
from ar_picking.web import bundle
from ar_picking.web.files import Asset, clip_files, page_files, wasm_files
from firmware.picker import mapfile

PAGE = Path(__file__).parent / "page"


def files(
    store: Store,
    wasm: Path | None,
    clips: Path | None = None,
    page: Path = PAGE,
    start: str = bundle.START,
) -> dict[str, Asset]:
    """{path: asset} of a box for `store`.

    wasm: the folder with micropython.mjs and .wasm; clips: folder with zh/ and en/, or None; page:
    static files; start: the module that runs in the page. ConfigError when one of them is not there
    or no use.
    """
    if not (page / "index.html").is_file():
        raise ConfigError(f"{page} holds no index.html: this installation has no tablet page")
    if clips is not None and not clips.is_dir():
        raise ConfigError(f"--clips {clips} is not a folder (`o2o ar clips --out DIR` makes one)")
    return {
        **page_files(page),
        **clip_files(clips),
        **wasm_files(wasm),
        "/code.json": Asset.of(bundle.pack(start), ".json"),
        "/store.json": Asset.of(_store_words(store), ".json"),
        "/store.o2om": Asset.of(mapfile.pack(store.graph), ".o2om"),
    }


def _store_words(store: Store) -> bytes:
    plan = plan_view(store, shelves(list(store.bins.values())))
    words = {"plan": plan, "shop": Shop.of_store(store).as_json(), "name": store.name}
    return json.dumps(words, ensure_ascii=False, separators=(",", ":")).encode()
