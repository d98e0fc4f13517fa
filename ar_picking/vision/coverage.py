"""Which parts of the picture a calibration has seen the board in, and what to do about the rest."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Array
from ar_picking.vision.charuco import View

Counts = NDArray[np.intp]
Words = tuple[str, str]  # Chinese, English

CELLS = (10, 6)  # across, down: about square in a 16:9 picture
ENOUGH_VIEWS = 2  # a cell is covered when so many views have a corner in it
_PART = 0.5  # a ninth of the picture with less than this share of covered cells is asked for
_ACROSS = (("左", "left"), ("", ""), ("右", "right"))
_DOWN = (("上", "top"), ("", ""), ("下", "bottom"))


def counts(views: Sequence[View], size: tuple[int, int]) -> Counts:
    """In how many views a cell of the picture (width, height) holds a corner; shape (down, across)."""
    out = np.zeros((CELLS[1], CELLS[0]), np.intp)
    for view in views:
        out += cells(view.pixels, size)
    return out


def cells(pixels: Array, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which cells hold one of the pixels (n, 2), shape (down, across)."""
    at = ((pixels + 0.5) / np.array(size) * np.array(CELLS)).astype(int)
    at = np.clip(at, 0, np.array(CELLS) - 1)
    out = np.zeros((CELLS[1], CELLS[0]), np.bool_)
    out[at[:, 1], at[:, 0]] = True
    return out


def share(seen: Counts) -> float:
    """Share of cells that are covered, 0 to 1."""
    return float((seen >= ENOUGH_VIEWS).mean())


def empty_parts(seen: Counts) -> list[Words]:
    """The ninths of the picture that need more views, as words: ("左上角", "top left corner")."""
    covered = seen >= ENOUGH_VIEWS
    out = []
    for j, rows in enumerate(np.array_split(np.arange(CELLS[1]), 3)):
        for i, columns in enumerate(np.array_split(np.arange(CELLS[0]), 3)):
            if covered[np.ix_(rows, columns)].mean() < _PART:
                out.append(_part(i, j))
    return out


def _part(i: int, j: int) -> Words:
    zh, en = _ACROSS[i][0] + _DOWN[j][0], f"{_DOWN[j][1]} {_ACROSS[i][1]}".strip()
    if i != 1 and j != 1:
        return f"{zh}角", f"{en} corner"
    if zh:
        return f"{zh}边", f"{en} edge"
    return "中间", "middle"


def heat(seen: Counts, views: Sequence[View], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A BGR picture of half the camera's size: cells from dark (none) to bright, corners as dots.

    Covered cells are framed, so that it can be read without colours.
    """
    width, height = max(160, size[0] // 2), max(90, size[1] // 2)
    level = np.clip(seen * 40, 0, 255).astype(np.uint8)
    flat = cv2.resize(level, (width, height), interpolation=cv2.INTER_NEAREST)
    out = np.asarray(cv2.applyColorMap(flat, cv2.COLORMAP_VIRIDIS), np.uint8)
    for (j, i), count in np.ndenumerate(seen):
        x0, x1 = (round(k * width / CELLS[0]) for k in (i, i + 1))
        y0, y1 = (round(k * height / CELLS[1]) for k in (j, j + 1))
        if count >= ENOUGH_VIEWS:
            cv2.rectangle(out, (x0 + 2, y0 + 2), (x1 - 3, y1 - 3), (255, 255, 255), 1)
        cv2.putText(
            out, str(count), (x0 + 6, y0 + 18), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1
        )
    for view in views:
        for x, y in view.pixels * (width / size[0], height / size[1]):
            cv2.circle(out, (round(float(x)), round(float(y))), 1, (80, 200, 255), -1)
    return out
