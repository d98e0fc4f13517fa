"""What is fixed to the screen: the pick card, the state line, the turn arrow. None of it needs a pose.

Chinese first and large, English small below it. Sizes follow the height of the picture; `unit` is 1
at 720 lines.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ar_picking.overlay import style
from ar_picking.overlay.style import Item

_STATES = {
    "tracked": ("●", "定位正常", "tracked", style.GREEN),
    "degraded": ("▲", "定位减弱", "degraded", style.ORANGE),
    "lost": ("✕", "定位丢失", "lost", style.RED),
}


def state_line(state: str, age_ms: int | None, recording: bool, unit: float) -> list[Item]:
    """The pill at the top left: shape, word and age of the last trusted pose.

    And whether pictures are recorded.
    """
    _, zh, en, color = _STATES[state]
    age = "" if age_ms is None else f" {age_ms} ms" if age_ms < 10_000 else f" {age_ms // 1000} s"
    words = f"{zh} {en}{age}"
    size = 22 * unit
    x, y, h = 16 * unit, 14 * unit, 38 * unit
    width = (style.width_em(words) * size) + 52 * unit
    items = [style.panel(x, y, width, h, radius=19 * unit)]
    items.append(style.area([_mark(state, x + 22 * unit, y + h / 2, 9 * unit)], color, 1.0))
    items.append(style.text(x + 40 * unit, y + 27 * unit, words, size, weight=600))
    if recording:
        left = x + width + 10 * unit
        items.append(style.panel(left, y, 130 * unit, h, radius=19 * unit))
        items.append(
            style.area([_mark("tracked", left + 22 * unit, y + h / 2, 8 * unit)], style.RED, 1.0)
        )
        items.append(style.text(left + 40 * unit, y + 27 * unit, "录像 REC", 19 * unit, weight=600))
    if state == "lost":
        items.append(
            style.panel(16 * unit, 60 * unit, 420 * unit, 40 * unit, style.INK, 0.8, 10 * unit)
        )
        hint = "请将镜头对准货架标签 · look at shelf labels"
        items.append(style.text(30 * unit, 87 * unit, hint, 19 * unit, style.WHITE, 600))
    return items


def _mark(state: str, x: float, y: float, r: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Round for tracked, a triangle for degraded, a cross-like square on its tip for lost."""
    count, turn = {"tracked": (20, 0.0), "degraded": (3, -math.pi / 2), "lost": (4, 0.0)}[state]
    angle = np.linspace(0.0, 2 * np.pi, count, endpoint=False) + turn
    return np.stack([x + r * np.cos(angle), y + r * np.sin(angle)], axis=1)


def pick_card(view: dict[str, Any], width: int, height: int, unit: float) -> list[Item]:
    """The card at the bottom left: what to do, bin, goods, quantity and slot, how far; above it the
    slots of the cart.
    """
    words = _card_words(view)
    w, h = min(456 * unit, width * 0.62), 172 * unit
    x, y = 16 * unit, height - h - 16 * unit
    accent = style.GREEN if view["state"] in ("pick", "done") else style.ORANGE
    items = [style.panel(x, y, w, h, alpha=0.78, radius=14 * unit)]
    items.append(style.panel(x, y, 10 * unit, h, accent, 1.0, 5 * unit))
    left, right = x + 26 * unit, x + w - 20 * unit
    room = right - left
    side = words["side"]
    doing = room - (style.width_em(side) * 20 + 14) * unit
    items.append(
        style.text(
            left,
            y + 28 * unit,
            style.fitted(words["do"], 19 * unit, doing),
            19 * unit,
            style.GREY,
            600,
        )
    )
    if side:
        items.append(style.text(right, y + 28 * unit, side, 20 * unit, style.BLUE, 600, "right"))
    items.append(style.text(left, y + 74 * unit, words["big"], 44 * unit, style.WHITE, 800))
    if words["count"]:
        items.append(
            style.text(right, y + 74 * unit, words["count"], 46 * unit, accent, 800, "right")
        )
    goods = style.fitted(words["goods"], 28 * unit, room)
    items.append(style.text(left, y + 110 * unit, goods, 28 * unit, weight=600))
    put = style.fitted(words["put"], 21 * unit, room)
    items.append(style.text(left, y + 138 * unit, put, 21 * unit, style.YELLOW, 600))
    en = style.fitted(words["en"], 15 * unit, room)
    items.append(style.text(left, y + 160 * unit, en, 15 * unit, style.GREY))
    return items + _cart(view, x, y - 8 * unit, w, unit)


def _cart(view: dict[str, Any], x: float, bottom: float, room: float, unit: float) -> list[Item]:
    """The slots of the cart, one box an order: its number and how many of its lines are in. The one to
    put into is filled and framed, so that colour is not all that tells it.
    """
    slots = view.get("slots") or []
    if len(slots) < 2:
        return []
    now = view["line"]["slot"] if view["line"] and view["state"] == "pick" else None
    gap, h = 8 * unit, 52 * unit
    w = min(76 * unit, (room + gap) / len(slots) - gap)
    items: list[Item] = []
    for k, slot in enumerate(slots):
        left, top = x + k * (w + gap), bottom - h
        mine, full = slot["slot"] == now, slot["done"] >= slot["total"]
        color = style.YELLOW if mine else style.INK
        ink = style.INK if mine else style.GREY if full else style.WHITE
        if mine:
            items.append(style.panel(left - 3, top - 3, w + 6, h + 6, style.WHITE, 1.0, 11 * unit))
        items.append(style.panel(left, top, w, h, color, 1.0 if mine else 0.78, 9 * unit))
        middle = left + w / 2
        number = f"{slot['slot']} ✓" if full else str(slot["slot"])
        items.append(style.text(middle, top + 28 * unit, number, 25 * unit, ink, 800, "center"))
        share = f"{slot['done']}/{slot['total']}"
        items.append(style.text(middle, top + 46 * unit, share, 15 * unit, ink, 600, "center"))
    return items


def _card_words(view: dict[str, Any]) -> dict[str, str]:
    """The card's words. What to do next is the guide's own hint; the rest is what it is about."""
    line, state, hint = view["line"], view["state"], view["hint"]
    go = "" if view["to_go_dm"] is None else f"{view['to_go_dm'] / 10:.1f} m"
    done = f"{view['picked'] + view['short']}/{view['total']}"
    short = f"，缺货 {view['short']} 行" if view["short"] else ""
    words = {"do": hint["zh"], "side": done, "count": "", "put": "", "en": hint["en"]}
    if state in ("walk", "pick") and line:
        return words | {
            "side": f"{done}  {go}" if state == "walk" else done,
            "big": line["bin"],
            "count": f"×{line['qty']}",
            "goods": line["name"] or line["sku"],
            "put": f"放入 {line['slot']} 号格 · 订单 {line['order']}",
        }
    if state == "return":
        goods = f"已拣 {view['picked']} 行{short}"
        return words | {
            "side": go,
            "big": "返回打包台",
            "goods": goods,
            "put": f"{view['orders']} 个订单",
        }
    if state == "done":
        walked = f"行走 {view['walked_dm'] / 10:.1f} m"
        return words | {
            "big": "拣货完成",
            "goods": f"已拣 {view['picked']} 行{short}",
            "put": walked,
        }
    return words | {"side": "", "big": "待命", "goods": "没有任务"}


def turn_arrow(bearing_deg: float, label: str, width: int, height: int, unit: float) -> list[Item]:
    """An arrow at the rim of the picture for something outside it; bearing to the left is positive."""
    behind = abs(bearing_deg) > 135.0
    left = bearing_deg > 0.0
    words = "掉头" if behind else "左转" if left else "右转"
    en = "turn round" if behind else "turn left" if left else "turn right"
    w, h = 128 * unit, 176 * unit
    x = 14 * unit if left else width - w - 14 * unit
    y = height * 0.36 - h / 2 + (0.0 if left else 120 * unit)
    items = [style.panel(x, y, w, h, alpha=0.78, radius=14 * unit)]
    cx, cy, r = x + w / 2, y + 56 * unit, 38 * unit
    sign = -1.0 if left else 1.0
    head = np.array(
        [[cx + sign * r, cy], [cx - sign * r * 0.1, cy - r], [cx - sign * r * 0.1, cy - r * 0.42]]
    )
    shaft = np.array(
        [
            [cx - sign * r, cy - r * 0.42],
            [cx - sign * r, cy + r * 0.42],
            [cx - sign * r * 0.1, cy + r * 0.42],
        ]
    )
    tail = np.array([[cx - sign * r * 0.1, cy + r]])
    items.append(style.area([np.concatenate([head, shaft, tail])], style.BLUE, 1.0))
    items.append(style.text(cx, y + 122 * unit, words, 28 * unit, style.WHITE, 700, "center"))
    items.append(style.text(cx, y + 144 * unit, en, 16 * unit, style.GREY, 500, "center"))
    items.append(style.text(cx, y + 167 * unit, label, 19 * unit, style.ORANGE, 700, "center"))
    return items
