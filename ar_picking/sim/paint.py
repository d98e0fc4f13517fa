"""Textures of a store: shelf bays with their goods and price rails, shelf ends, signs, walls, floor
and ceiling.

Every painter takes sizes in metres and a resolution in pixels per metre and returns a BGR picture
whose first row is the top. Bays are lit by the shop's ceiling; chilled and frozen ones are white
cabinets with their own light.
"""

from __future__ import annotations

import random
import zlib

import cv2
import numpy as np

from ar_picking.sim.products import Color, Image, centred, hue, sprite, text, text_width
from ar_picking.store.goods import form_of
from ar_picking.store.records import Bin
from ar_picking.store.shelves import Bay

_STEEL: Color = (176, 178, 180)
_FRAMES: tuple[Color, Color, Color] = (_STEEL, (236, 232, 226), (232, 222, 206))
_INSIDES: tuple[Color, Color, Color] = ((58, 60, 64), (150, 142, 132), (142, 124, 104))
_BANDS: tuple[Color, Color, Color] = ((60, 110, 40), (150, 110, 20), (160, 70, 20))
_RAIL_M = 0.10


def bay(stretch: Bay, aisle: str, height_m: float, ppm: float) -> Image:
    """The front of one bay, from the floor to the top of its header."""
    width_m = stretch.end_m - stretch.start_m
    w, h = max(8, round(width_m * ppm)), max(8, round(height_m * ppm))
    zone = stretch.bins[0].zone if stretch.bins else 0
    art: Image = np.empty((h, w, 3), np.uint8)
    art[:] = _FRAMES[zone]
    for item in stretch.bins:
        _stock(art, item, _x_of(stretch, item, ppm), h, ppm)
    top = max((b.z_mm + b.h_mm / 2) / 1000 for b in stretch.bins)
    _header(art, f"{aisle}-{stretch.number:02d}", h - round(top * ppm), zone)
    post = max(1, round(0.012 * ppm))
    for x0, x1 in ((0, post), (w - post, w)):
        art[:, x0:x1] = tuple(int(c * 0.72) for c in _FRAMES[zone])
    return art


def _x_of(stretch: Bay, item: Bin, ppm: float) -> tuple[int, int]:
    """Columns of a bin; bins of one bay stand side by side in the order of their position along the
    face.
    """
    along = np.array([-item.normal[1], item.normal[0], 0.0])
    at = float(item.center_m @ along)
    left = min(float(b.center_m @ along) - b.w_mm / 2000 for b in stretch.bins)
    start = round((at - item.w_mm / 2000 - left) * ppm)
    return start, start + round(item.w_mm / 1000 * ppm)


def _stock(art: Image, item: Bin, columns: tuple[int, int], floor_row: int, ppm: float) -> None:
    x0, x1 = columns
    y1 = floor_row - round((item.z_mm - item.h_mm / 2) / 1000 * ppm)
    y0 = y1 - round(item.h_mm / 1000 * ppm)
    y0, x0 = max(0, y0), max(0, x0)
    part = art[y0:y1, x0:x1]
    if part.shape[0] < 24 or part.shape[1] < 24:
        return
    inside = np.array(_INSIDES[item.zone], np.float64)
    fall = np.linspace(0.45, 1.05, part.shape[0])
    part[:] = np.clip(inside[None, None, :] * fall[:, None, None], 0, 255).astype(np.uint8)
    rng = random.Random(zlib.crc32(item.id.encode()))
    height = int(part.shape[0] * rng.uniform(0.72, 0.93))
    facing, mask = sprite(item.name or item.sku or item.id, item.sku, form_of(item.name), height)
    pitch = facing.shape[1] + max(2, round(0.006 * ppm))
    count = max(1, (part.shape[1] - 4) // pitch)
    x = (part.shape[1] - count * pitch) // 2
    behind, behind_mask = facing[: int(height * 0.9)], mask[: int(height * 0.9)]
    for i in range(count):
        at = x + i * pitch
        back_row = part.shape[0] - height - round(0.012 * ppm)
        if back_row >= 0:
            _blend(part, behind, behind_mask, at + 2, back_row, 0.55)
        if rng.random() > 0.07:  # now and then a facing is sold out
            _blend(
                part,
                facing,
                mask,
                at + rng.randint(-1, 1),
                part.shape[0] - height,
                rng.uniform(0.92, 1.06),
            )
    shade = max(2, round(0.03 * ppm))
    part[:shade] = (part[:shade] * np.linspace(0.35, 0.9, shade)[:, None, None]).astype(np.uint8)
    _rail(art[y1 : y1 + round(_RAIL_M * ppm), x0:x1], item, ppm)


def _blend(part: Image, art: Image, mask: Image, x: int, y: int, gain: float) -> None:
    h, w = mask.shape
    x0, x1 = max(0, x), min(part.shape[1], x + w)
    if x1 <= x0 or y < 0 or y + h > part.shape[0]:
        return
    a = mask[:, x0 - x : x1 - x, None].astype(np.float32) / 255.0
    under = part[y : y + h, x0:x1]
    under[:] = np.clip(under * (1.0 - a) + art[:, x0 - x : x1 - x] * (a * gain), 0, 255).astype(
        np.uint8
    )


def _rail(rail: Image, item: Bin, ppm: float) -> None:
    """The price rail under a bin.

    A card with name, price and bin, left free where the marker card hangs.
    """
    h, w = rail.shape[:2]
    if h < 8:
        return
    tone = _FRAMES[item.zone]
    shade = np.concatenate([np.linspace(1.08, 0.98, h - h // 5), np.linspace(0.85, 0.6, h // 5)])
    rail[:] = np.clip(np.array(tone)[None, None, :] * shade[:, None, None], 0, 255).astype(np.uint8)
    cw, ch = round(0.19 * ppm), round(0.068 * ppm)
    left, top = w // 2 - cw // 2, round(0.012 * ppm)
    card = rail[top : top + ch, left : left + cw]
    if card.shape[0] < 12:
        return
    card[:] = (250, 250, 250)
    card[:, : max(1, cw // 40)] = (40, 40, 210)
    small = max(6, round(ch * 0.36))
    words = item.name or item.sku
    while words and text_width(words, small) > cw * 0.9:
        words = words[:-1]
    text(card, words, cw * 0.06, ch * 0.4, small, (40, 40, 40), 600)
    price = 3 + zlib.crc32(item.sku.encode()) % 470 / 10
    text(card, f"¥{price:.1f}", cw * 0.06, ch * 0.88, max(6, round(ch * 0.44)), (30, 30, 190), 800)
    text(card, item.id, cw * 0.52, ch * 0.88, max(6, round(ch * 0.32)), (60, 60, 60), 600)


def _header(art: Image, label: str, rows: int, zone: int) -> None:
    w = art.shape[1]
    if rows < 16:
        return
    art[:rows] = _BANDS[zone]
    art[:rows] = np.clip(art[:rows] * np.linspace(1.15, 0.85, rows)[:, None, None], 0, 255).astype(
        np.uint8
    )
    size = int(rows * 0.5)
    centred(art, label, w / 2, rows * 0.68, size, (250, 250, 250), 700)
    art[rows - max(1, rows // 16) : rows] = (40, 40, 40)


def end_panel(width_m: float, height_m: float, ppm: float, label: str, seed: int) -> Image:
    """The end of a shelf row: a coloured panel with the aisle's number."""
    w, h = max(8, round(width_m * ppm)), max(8, round(height_m * ppm))
    base = np.array(hue(seed * 5 + 8, 0.35, 0.66), np.float64)
    art = np.clip(base[None, None, :] * np.linspace(1.12, 0.8, h)[:, None, None], 0, 255)
    panel = np.ascontiguousarray(np.broadcast_to(art, (h, w, 3))).astype(np.uint8)
    cv2.rectangle(panel, (0, 0), (w - 1, h - 1), (90, 90, 92), max(2, round(0.02 * ppm)))
    size = min(int(w * 0.5), int(h * 0.12))
    centred(panel, label, w / 2, h * 0.16, size, (255, 255, 255), 800)
    panel[int(h * 0.94) :] = (70, 70, 72)
    return panel


def sign(width_m: float, height_m: float, ppm: float, label: str) -> Image:
    """A hanging board; the marker card hangs in its middle, the words left and right of it."""
    w, h = max(8, round(width_m * ppm)), max(8, round(height_m * ppm))
    art: Image = np.empty((h, w, 3), np.uint8)
    art[:] = (122, 74, 20)
    cv2.rectangle(art, (0, 0), (w - 1, h - 1), (235, 235, 235), max(1, round(0.012 * ppm)))
    number, _, theme = label.partition(" ")
    size = int(h * 0.46)
    centred(art, number, w * 0.2, h * 0.66, size, (255, 255, 255), 800)
    size = min(int(h * 0.3), int(w * 0.34 / max(1, len(theme))))
    if theme:
        centred(art, theme, w * 0.81, h * 0.6, size, (255, 255, 255), 600)
    return art


def card_board(size_m: float, ppm: float) -> Image:
    """A plain board behind a marker that hangs on no shelf."""
    n = max(8, round(size_m * ppm))
    art: Image = np.full((n, n, 3), 225, np.uint8)
    return art


def wall(width_m: float, height_m: float, ppm: float, seed: int) -> Image:
    """A stretch of wall: light paint, a coloured band, a skirting board, and now and then a poster."""
    w, h = max(8, round(width_m * ppm)), max(8, round(height_m * ppm))
    art = np.clip(
        np.array((214, 222, 226))[None, None, :] * np.linspace(1.02, 0.84, h)[:, None, None], 0, 255
    )
    panel = np.ascontiguousarray(np.broadcast_to(art, (h, w, 3))).astype(np.uint8)
    band = h - round(2.25 * ppm)
    panel[max(0, band) : max(0, band + round(0.14 * ppm))] = (130, 150, 60)
    panel[h - max(1, round(0.1 * ppm)) :] = (96, 98, 100)
    if seed % 3 == 0 and w > ppm:
        x, y = round(w * 0.5 - 0.35 * ppm), h - round(1.0 * ppm)
        cv2.rectangle(
            panel, (x, y), (x + round(0.7 * ppm), y + round(0.55 * ppm)), hue(seed, 0.4, 0.8), -1
        )
        words = ("天天平价", "新鲜直达", "三十分钟达")[seed // 3 % 3]
        centred(
            panel, words, x + 0.35 * ppm, y + 0.34 * ppm, round(0.12 * ppm), (255, 255, 255), 800
        )
    return panel


def floor(width_m: float, depth_m: float, ppm: float, mat_m: tuple[float, float]) -> Image:
    """The floor from above, first row at the far side (+y).

    60 cm tiles, and the packing mat at `mat_m`.
    """
    w, h = max(8, round(width_m * ppm)), max(8, round(depth_m * ppm))
    rng = np.random.default_rng(3)
    rows, columns = int(depth_m / 0.6) + 1, int(width_m / 0.6) + 1
    tone = rng.normal(0.0, 2.2, (rows, columns, 1)).repeat(3, axis=2) + np.array(
        [176.0, 184.0, 188.0]
    )
    tiles = cv2.resize(
        np.clip(tone, 0, 255).astype(np.uint8),
        (max(1, round(columns * 0.6 * ppm)), max(1, round(rows * 0.6 * ppm))),
        interpolation=cv2.INTER_NEAREST,
    )
    art: Image = np.ascontiguousarray(tiles[:h, :w])
    if art.shape[:2] != (h, w):
        art = np.asarray(cv2.resize(art, (w, h)), np.uint8)
    line = max(1, round(0.008 * ppm))
    for i in range(columns + 1):
        art[:, round(i * 0.6 * ppm) : round(i * 0.6 * ppm) + line] = (148, 154, 158)
    for i in range(rows + 1):
        art[round(i * 0.6 * ppm) : round(i * 0.6 * ppm) + line] = (148, 154, 158)
    x, y = round(mat_m[0] * ppm), h - round(mat_m[1] * ppm)
    half_w, half_h = round(0.5 * ppm), round(0.35 * ppm)
    cv2.rectangle(art, (x - half_w, y - half_h), (x + half_w, y + half_h), (96, 120, 60), -1)
    cv2.rectangle(
        art, (x - half_w, y - half_h), (x + half_w, y + half_h), (230, 236, 230), max(1, line)
    )
    centred(art, "打包台", x, y + 0.08 * ppm, max(8, round(0.24 * ppm)), (240, 244, 240), 800)
    return art


def ceiling(width_m: float, depth_m: float, ppm: float) -> Image:
    """The ceiling from below, first row at the far side: panels and rows of lamps."""
    w, h = max(8, round(width_m * ppm)), max(8, round(depth_m * ppm))
    art: Image = np.full((h, w, 3), 205, np.uint8)
    for i in range(int(depth_m / 0.6) + 1):
        art[round(i * 0.6 * ppm) : round(i * 0.6 * ppm) + 1] = 188
    for i in range(int(width_m / 0.6) + 1):
        art[:, round(i * 0.6 * ppm) : round(i * 0.6 * ppm) + 1] = 188
    x = 0.7
    while x < width_m:
        y = 0.6
        while y + 1.2 < depth_m:
            a, b = round(x * ppm), round(y * ppm)
            cv2.rectangle(
                art, (a, b), (a + round(0.16 * ppm), b + round(1.2 * ppm)), (255, 255, 255), -1
            )
            y += 2.4
        x += 2.7 / 2
    return art
