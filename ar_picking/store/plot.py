"""A store from above as a drawing: shelves, walkways, markers, and the walk of a pick list with its
numbers.

The drawing is a list of shapes in metres; SVG for print and the browser, PNG for a quick look.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.errors import ConfigError, PickingError
from ar_picking.guide import picklist
from ar_picking.store.records import Store
from ar_picking.store.shelves import shelves
from firmware.picker import sequence

_PX_M = 90.0
_PAD_M = 0.4
_ZONES = ("#c9d1d6", "#9fd0e6", "#9db8e8")
Shape = dict[str, Any]


def shapes(store: Store, obj: Any = None) -> tuple[list[Shape], dict[str, Any] | None]:
    """The drawing of a store and, for a pick list, of its walk with the walk's figures.

    PickingError on a bad list.
    """
    out: list[Shape] = []
    for edge in store.walk:
        points = _points(edge["points_mm"], 1000.0)
        out.append(
            {
                "line": points,
                "color": "#b8b8b8" if not edge["blocked"] else "#d55e00",
                "width": 0.03,
            }
        )
    for box in shelves(list(store.bins.values())):
        zone = box.bays[0].bins[0].zone
        out.append(
            {"area": [[float(x), float(y)] for x, y in box.footprint()], "color": _ZONES[zone]}
        )
        for bay in box.bays:
            x, y, _ = (
                box.left + box.along * (bay.start_m + bay.end_m) / 2 - box.normal * box.depth_m / 2
            )
            out.append(
                {
                    "text": f"{bay.number:02d}",
                    "at": [float(x), float(y)],
                    "size": 0.16,
                    "color": "#333333",
                }
            )
    for marker in store.markers.values():
        x, y, _ = marker.center_m + marker.normal * 0.03
        out.append({"dot": [float(x), float(y)], "radius": 0.025, "color": "#000000"})
    for name, edges in store.graph.aisles.items():
        x, y = store.graph.point((edges[0], 0))
        out.append(
            {"text": name, "at": [x / 10 + 0.3, y / 10 + 0.3], "size": 0.26, "color": "#0072b2"}
        )
    x, y = store.graph.point((-1, store.graph.depot))
    out.append({"dot": [x / 10, y / 10], "radius": 0.16, "color": "#009e73"})
    if obj is None:
        return out, None
    return out, _walk(store, obj, out)


def _walk(store: Store, obj: Any, out: list[Shape]) -> dict[str, Any]:
    checked, reason = picklist.check(obj, store.bins, store.id)
    if checked is None:
        raise PickingError(str(reason))
    picks = [store.stops[line["bin"]] for line in checked["lines"]]
    plan = sequence.plan(store.graph, picks)
    walk = sequence.polyline(store.graph, picks, plan)
    out.append({"line": [[x / 10, y / 10] for x, y in walk], "color": "#0072b2", "width": 0.09})
    for number, i in enumerate(plan.order):
        item = store.bins[checked["lines"][i]["bin"]]
        x, y = float(item.center_m[0]), float(item.center_m[1])
        out.append({"dot": [x, y], "radius": 0.17, "color": "#e69f00"})
        out.append({"text": str(number + 1), "at": [x, y], "size": 0.2, "color": "#000000"})
    reached = [i for i in range(len(picks)) if i not in plan.unreachable]
    return {
        "list": checked["list"],
        "lines": len(picks),
        "order": [checked["lines"][i]["bin"] for i in plan.order],
        "unreachable": [checked["lines"][i]["bin"] for i in plan.unreachable],
        "walk_dm": plan.length_dm,
        "bound_dm": plan.bound_dm,
        "method": plan.method,
        "list_order_dm": sequence.length_in_order(store.graph, picks, reached),
    }


def write(store: Store, drawing: list[Shape], path: Path) -> None:
    """Write a drawing as .svg or .png (ConfigError for anything else)."""
    if path.suffix == ".svg":
        path.write_text(svg(store, drawing), encoding="utf-8")
    elif path.suffix == ".png":
        ok, data = cv2.imencode(".png", png(store, drawing))
        if not ok:
            raise PickingError(f"cannot make a PNG of this size for {path}")
        path.write_bytes(data.tobytes())
    else:
        raise ConfigError(f"--out {path}: the name must end in .svg or .png")


def svg(store: Store, drawing: list[Shape]) -> str:
    """The drawing as SVG; +y is up."""
    width_px, height_px, place = _frame(store)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width_px:.0f} {height_px:.0f}">',
        f'<rect width="{width_px:.0f}" height="{height_px:.0f}" fill="#ffffff"/>',
    ]
    for s in drawing:
        if "area" in s:
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(p) for p in s["area"]))
            lines.append(f'<polygon points="{points}" fill="{s["color"]}" stroke="#777777"/>')
        elif "line" in s:
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(p) for p in s["line"]))
            width = f'stroke-width="{s["width"] * _PX_M:.1f}" stroke-linejoin="round"'
            pen = f'fill="none" stroke="{s["color"]}" {width}'
            lines.append(f'<polyline points="{points}" {pen}/>')
        elif "dot" in s:
            x, y = place(s["dot"])
            lines.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{s["radius"] * _PX_M:.1f}" fill="{s["color"]}"/>'
            )
        else:
            x, y = place(s["at"])
            size = s["size"] * _PX_M
            at = f'x="{x:.1f}" y="{y + size * 0.35:.1f}" text-anchor="middle"'
            font = f'font-size="{size:.0f}" font-family="sans-serif" fill="{s["color"]}"'
            lines.append(f"<text {at} {font}>{escape(s['text'])}</text>")
    return "\n".join([*lines, "</svg>", ""])


def png(store: Store, drawing: list[Shape]) -> NDArray[np.uint8]:
    """The drawing as a BGR picture."""
    width, height, place = _frame(store)
    image: NDArray[np.uint8] = np.full((round(height), round(width), 3), 255, np.uint8)
    font = cv2.FontFace("uni")
    for s in drawing:
        color = tuple(int(s["color"][i : i + 2], 16) for i in (5, 3, 1))
        if "area" in s:
            points = np.round([place(p) for p in s["area"]]).astype(np.int32)
            cv2.fillPoly(image, [points], color)
            cv2.polylines(image, [points], True, (119, 119, 119), 1, cv2.LINE_AA)
        elif "line" in s:
            points = np.round([place(p) for p in s["line"]]).astype(np.int32)
            cv2.polylines(
                image, [points], False, color, max(1, round(s["width"] * _PX_M)), cv2.LINE_AA
            )
        elif "dot" in s:
            x, y = place(s["dot"])
            cv2.circle(
                image,
                (round(x), round(y)),
                max(2, round(s["radius"] * _PX_M)),
                color,
                -1,
                cv2.LINE_AA,
            )
        else:
            x, y = place(s["at"])
            size = round(s["size"] * _PX_M)
            box = cv2.getTextSize((9999, 999), s["text"], (0, 500), font, size, 600)
            at = (round(x - (box[0] + box[2]) / 2), round(y + size * 0.35))
            cv2.putText(image, s["text"], at, color, font, size, 600)
    return image


def _frame(store: Store) -> tuple[float, float, Any]:
    x0, y0, x1, y1, _ = store.room_m

    def place(p: list[float]) -> tuple[float, float]:
        return (p[0] - x0 + _PAD_M) * _PX_M, (y1 - p[1] + _PAD_M) * _PX_M

    return (x1 - x0 + 2 * _PAD_M) * _PX_M, (y1 - y0 + 2 * _PAD_M) * _PX_M, place


def _points(flat: list[int], scale: float) -> list[list[float]]:
    return [[x / scale, y / scale] for x, y in zip(flat[::2], flat[1::2], strict=True)]
