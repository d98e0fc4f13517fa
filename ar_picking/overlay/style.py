"""Colours and draw-list items of the overlay; one vocabulary for every renderer.

The palette is Okabe & Ito's (2008), told apart by all common kinds of colour vision; state is never
colour alone, it also has a shape and a word. Items are plain dicts that JSON can carry, in pixels
of the picture:

    {"kind": "area", "polygons": [[[x, y], ...], ...], "color", "alpha"}      filled, a union
    {"kind": "line", "points": [[x, y], ...], "color", "width", "closed"}
    {"kind": "text", "x", "y", "text", "size", "color", "weight", "anchor"}   left, center, right
    {"kind": "panel", "x", "y", "w", "h", "color", "alpha", "radius"}

`"world": true` marks what is fixed to the store; a scene without a trusted pose has none. `"layer"`
says what an item belongs to (store, state, card, map), so that a page with a card and a map of its
own can leave those out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ar_picking.store.records import Array

Item = dict[str, Any]

BLUE = "#56b4e9"
DEEP_BLUE = "#0072b2"
ORANGE = "#e69f00"
GREEN = "#009e73"
RED = "#d55e00"
YELLOW = "#f0e442"
WHITE = "#ffffff"
INK = "#10161c"
GREY = "#9aa5ad"


def area(polygons: list[Array], color: str, alpha: float, world: bool = False) -> Item:
    """Filled polygons, shape (n, 2) each; where they overlap they are not darker."""
    return {
        "kind": "area",
        "polygons": [rounded(p) for p in polygons if len(p) >= 3],
        "color": color,
        "alpha": alpha,
        "world": world,
    }


def line(
    points: Array, color: str, width: float, closed: bool = False, world: bool = False
) -> Item:
    """A line through points, shape (n, 2)."""
    return {
        "kind": "line",
        "points": rounded(points),
        "color": color,
        "width": round(width, 1),
        "closed": closed,
        "world": world,
    }


def text(
    x: float,
    y: float,
    words: str,
    size: float,
    color: str = WHITE,
    weight: int = 500,
    anchor: str = "left",
) -> Item:
    """One line of text; its base line starts, is centred, or ends at (x, y)."""
    return {
        "kind": "text",
        "x": round(x, 1),
        "y": round(y, 1),
        "text": words,
        "size": round(size),
        "color": color,
        "weight": weight,
        "anchor": anchor,
        "world": False,
    }


def panel(
    x: float,
    y: float,
    w: float,
    h: float,
    color: str = INK,
    alpha: float = 0.72,
    radius: float = 10,
) -> Item:
    """A filled rectangle with rounded corners."""
    box = {"x": round(x), "y": round(y), "w": round(w), "h": round(h)}
    return {
        "kind": "panel",
        **box,
        "color": color,
        "alpha": alpha,
        "radius": round(radius),
        "world": False,
    }


def layered(layer: str, items: list[Item]) -> list[Item]:
    """The items, each marked as part of a layer."""
    for item in items:
        item["layer"] = layer
    return items


def rounded(points: Array) -> list[list[float]]:
    """Points as JSON numbers with a tenth of a pixel; far outside the picture is far enough."""
    clipped = np.clip(np.asarray(points, dtype=np.float64), -20000.0, 20000.0)
    return [[round(float(x), 1), round(float(y), 1)] for x, y in clipped]


def width_em(words: str) -> float:
    """How wide a line of text is in units of its size, without asking a font.

    1 for Chinese, about half for Latin.
    """
    return sum(
        1.0 if ord(c) > 0x2E7F else 0.62 if c.isupper() or c in "MW@%" else 0.53 for c in words
    )


def fitted(words: str, size: float, width: float) -> str:
    """The text, cut with an ellipsis where it would be wider than `width` pixels."""
    if width_em(words) * size <= width:
        return words
    while words and (width_em(words) + 1.0) * size > width:
        words = words[:-1]
    return words + "…"
