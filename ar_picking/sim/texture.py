"""Pictures on demand: painted when first seen, kept in several sizes, forgotten when memory is short.

A texture seen from the side is squeezed in one direction only, so width and height are halved
independently (rip maps): goods down an aisle neither flicker nor blur.
"""

from __future__ import annotations

from collections import OrderedDict

import cv2
import numpy as np

from ar_picking.sim.panels import Panel
from ar_picking.sim.products import Image

_LEVELS = 5


class TextureCache:
    """Panel pictures by panel number and halvings.

    At most `limit_bytes` are kept, least recently used go first.
    """

    def __init__(
        self, panels: list[Panel], grey: bool = False, limit_bytes: int = 256_000_000
    ) -> None:
        self._panels = panels
        self._grey = grey
        self._limit = limit_bytes
        self._kept: OrderedDict[tuple[int, int, int], Image] = OrderedDict()
        self._bytes = 0

    def picture(self, panel: int, across_px_m: float, down_px_m: float) -> Image:
        """The picture best sampled at the given pixels per metre along the panel's two directions."""
        ppm = self._panels[panel].ppm
        return self._at(panel, halvings(ppm, across_px_m), halvings(ppm, down_px_m))

    def _at(self, panel: int, i: int, j: int) -> Image:
        key = (panel, i, j)
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        if i == j == 0:
            art = self._panels[panel].paint(self._panels[panel].ppm)
            if self._grey:
                art = np.asarray(cv2.cvtColor(art, cv2.COLOR_BGR2GRAY), np.uint8)
        else:
            larger = (panel, i - 1, j) if i >= j else (panel, i, j - 1)
            known = larger in self._kept
            art = _halved(self._at(*larger), across=i >= j)
            if not known and larger in self._kept:
                self._kept.move_to_end(
                    larger, last=False
                )  # only a step on the way: the first to go
        self._kept[key] = art
        self._bytes += art.nbytes
        while self._bytes > self._limit and len(self._kept) > 1:
            _, old = self._kept.popitem(last=False)
            self._bytes -= old.nbytes
        return art


def halvings(ppm: float, px_m: float) -> int:
    """How often a picture of `ppm` should be halved to be drawn at `px_m` pixels per metre."""
    if px_m <= 0.0:
        return _LEVELS - 1
    return int(min(_LEVELS - 1, max(0, np.floor(np.log2(ppm / px_m) + 0.4))))


def _halved(art: Image, across: bool) -> Image:
    h, w = art.shape[:2]
    size = (max(2, w // 2), h) if across else (w, max(2, h // 2))
    return np.asarray(cv2.resize(art, size, interpolation=cv2.INTER_AREA), np.uint8)
