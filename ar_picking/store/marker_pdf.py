"""Marker sheets as PDF at 1:1: vector squares, quiet zones, cut lines, and a ruler on every page.

Lengths are millimetres of paper (the PDF's points are 1/72 inch, written to 1/100 point: 0.004 mm).
Chinese comes from a font of this machine, embedded as a subset; where there is none the texts are
pictures drawn by OpenCV's own font, and the squares stay vectors. PDF 32000-1, 12.2: the viewer is
asked not to scale; whether it obeyed is what the ruler is for.
"""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from fpdf import FPDF, ViewerPreferences
from fpdf.errors import FPDFException
from numpy.typing import NDArray

from ar_picking.errors import ConfigError
from ar_picking.store import cjk_font
from ar_picking.store.marker_sheets import Tile
from ar_picking.store.picture import plain

PAPERS_MM = {"A4": (210.0, 297.0), "A3": (297.0, 420.0), "A2": (420.0, 594.0)}
RULER_MM = 100.0
MODULES = 8  # of a 36h11 square, its black border included
_MARGIN_MM = 5.0  # what office printers leave white
_HEAD_MM = 7.0
_FOOT_MM = 15.0
_CUT_MM = 0.15
_TEXT_SHARE = 0.24  # of a marker's size: the strip of text under it
_STRIP_MM = (10.0, 24.0)
_CAP_MM = 0.352778  # of a point
_PICTURE_PX_MM = 12.0  # texts without a font: about 300 dpi
Box = tuple[float, float, float, float]


def write(path: Path, tiles: list[Tile], paper: str, title: str, font: Path | None) -> int:
    """Write the tiles to a PDF in their sequence; the number of its pages.

    paper: a name of PAPERS_MM on which every tile `fits`. font: a Chinese one, None for pictures.
    ConfigError when a tile does not fit or the font cannot be used.
    """
    page_mm = PAPERS_MM[paper]
    for tile in tiles:
        if not fits(tile, paper):
            raise ConfigError(
                f"marker {tile.number} of {tile.size_mm:g} mm does not fit on {paper}"
            )
    pdf = _Sheets(page_mm, font)
    places = _pages(tiles, page_mm)
    for number, page in enumerate(places, 1):
        pdf.add_page()
        head = f"{title} · {paper} · {number}/{len(places)}"
        pdf.words(head, (_MARGIN_MM, _MARGIN_MM, page_mm[0] - 2 * _MARGIN_MM, 4.5))
        for tile, x, y in page:
            _tile(pdf, tile, x, y)
        _ruler(pdf, page_mm)
    pdf.save(path)
    return len(places)


def fits(tile: Tile, paper: str) -> bool:
    """True when a marker with its quiet zone and text has room on a page."""
    wide, high = _outer_mm(tile)
    page = PAPERS_MM[paper]
    return (
        wide <= page[0] - 2 * _MARGIN_MM + 0.01
        and high <= page[1] - 2 * _MARGIN_MM - _HEAD_MM - _FOOT_MM + 0.01
    )


def quiet_mm(tile: Tile) -> float:
    """The white margin round a square: one module, and never under 4 mm."""
    return max(4.0, tile.size_mm / MODULES)


def _strip_mm(tile: Tile) -> float:
    return min(_STRIP_MM[1], max(_STRIP_MM[0], tile.size_mm * _TEXT_SHARE))


def _outer_mm(tile: Tile) -> tuple[float, float]:
    wide = tile.size_mm + 2 * quiet_mm(tile)
    return wide, wide + _strip_mm(tile)


def _pages(
    tiles: list[Tile], page_mm: tuple[float, float]
) -> list[list[tuple[Tile, float, float]]]:
    """Tiles with their upper left corners, in rows from the top, page by page."""
    pages: list[list[tuple[Tile, float, float]]] = [[]]
    right, low = page_mm[0] - _MARGIN_MM, page_mm[1] - _MARGIN_MM - _FOOT_MM
    x, y, row_mm = _MARGIN_MM, _MARGIN_MM + _HEAD_MM, 0.0
    for tile in tiles:
        wide, high = _outer_mm(tile)
        if x + wide > right + 0.01:
            x, y, row_mm = _MARGIN_MM, y + row_mm, 0.0
        if y + high > low + 0.01:
            x, y, row_mm = _MARGIN_MM, _MARGIN_MM + _HEAD_MM, 0.0
            pages.append([])
        pages[-1].append((tile, x, y))
        x += wide
        row_mm = max(row_mm, high)
    return pages


def _tile(pdf: _Sheets, tile: Tile, x: float, y: float) -> None:
    wide, high = _outer_mm(tile)
    quiet = quiet_mm(tile)
    pdf.outline((x, y, wide, high))
    _square(pdf, tile, x + quiet, y + quiet)
    strip = _strip_mm(tile)
    top = y + wide
    # the arrow says which edge of the square is up; below the quiet zone, so it is never in a code
    pdf.arrow(x + quiet * 0.5 + strip * 0.2, top + 0.5, strip * 0.8)
    left = x + quiet * 0.5 + strip * 0.5
    room = x + wide - quiet * 0.5 - left
    pdf.words(tile.title, (left, top, room * 0.70, strip * 0.36), bold=True)
    pdf.words(f"№ {tile.number}", (left + room * 0.74, top, room * 0.26, strip * 0.34), bold=True)
    line_mm = strip * 0.20
    for k, line in enumerate(tile.lines[:3]):
        pdf.words(line, (left, top + strip * 0.36 + k * line_mm, room, line_mm))


def _square(pdf: _Sheets, tile: Tile, x: float, y: float) -> None:
    module = tile.size_mm / MODULES
    white = code(tile.number)
    pdf.fill((x, y, tile.size_mm, tile.size_mm), 0)
    # rows and then columns of white: where two pieces meet, one of the other kind covers the seam
    for cells, turned in ((white, False), (white.T, True)):
        for k, row in enumerate(cells):
            edges = np.flatnonzero(np.diff(np.concatenate(([0], row, [0]))))
            for a, b in zip(edges[::2], edges[1::2], strict=True):
                u, v, length = float(a) * module, k * module, float(b - a) * module
                if turned:
                    pdf.fill((x + v, y + u, module, length), 255)
                else:
                    pdf.fill((x + u, y + v, length, module), 255)


def code(number: int) -> NDArray[np.uint8]:
    """The modules of a 36h11 marker from the top left, 1 is white, shape (8, 8)."""
    family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    picture = cv2.aruco.generateImageMarker(family, number, MODULES, borderBits=1)
    return np.asarray(picture > 127, dtype=np.uint8)


def _ruler(pdf: _Sheets, page_mm: tuple[float, float]) -> None:
    x, y = _MARGIN_MM + 2.0, page_mm[1] - _MARGIN_MM - 9.0
    pdf.fill((x, y, RULER_MM, 2.0), 0)
    for k in range(11):
        pdf.fill((x + k * RULER_MM / 10 - (0.1 if 0 < k < 10 else k * 0.02), y - 2.0, 0.2, 2.0), 0)
    pdf.words(
        "打印后请量：应为 100 毫米 / measure: must be 100 mm, print at 100 %",
        (x, y + 2.6, page_mm[0] - 2 * x, 4.2),
    )


class _Sheets:
    """A PDF page in millimetres from its upper left corner: areas and texts."""

    def __init__(self, page_mm: tuple[float, float], font: Path | None) -> None:
        logging.getLogger("fpdf").setLevel(logging.ERROR)  # a missing glyph is a box, not an alarm
        logging.getLogger("fontTools").setLevel(logging.ERROR)
        self._pdf: Any = FPDF(unit="mm", format=page_mm)
        self._pdf.set_auto_page_break(False)
        self._pdf.set_margin(0)
        self._pdf.viewer_preferences = ViewerPreferences(print_scaling="None")
        self._font = font is not None
        if font is not None:
            try:
                self._pdf.add_font("cjk", "", font, collection_font_number=cjk_font.face(font))
            except (FPDFException, OSError, ValueError, KeyError) as fault:
                raise ConfigError(f"the font {font} cannot be embedded: {fault}") from fault

    def add_page(self) -> None:
        """Begin a page."""
        self._pdf.add_page()

    def fill(self, box: Box, grey: int) -> None:
        """A filled box x, y, width, height in black (0) to white (255)."""
        self._pdf.set_fill_color(grey)
        self._pdf.rect(*box, style="F")

    def outline(self, box: Box) -> None:
        """A thin dashed line to cut along."""
        self._pdf.set_draw_color(120)
        self._pdf.set_line_width(_CUT_MM)
        self._pdf.set_dash_pattern(dash=2, gap=2)
        self._pdf.rect(*box, style="D")
        self._pdf.set_dash_pattern()

    def arrow(self, x: float, top: float, high: float) -> None:
        """An arrow that points up, its tip at (x, top)."""
        self._pdf.set_fill_color(0)
        half = high * 0.3
        tip = [(x, top), (x + half, top + half * 1.4), (x - half, top + half * 1.4)]
        self._pdf.polygon(tip, style="F")
        self.fill((x - high * 0.08, top + half * 1.2, high * 0.16, high - half * 1.2), 0)

    def words(self, text: str, box: Box, bold: bool = False) -> None:
        """A line of text in a box, as large as the box allows."""
        text = plain(text).strip()
        if not text:
            return
        if not self._font:
            self._drawn(text, box, bold)
            return
        x, y, wide, high = box
        size_pt = high * 0.80 / _CAP_MM
        self._pdf.set_font("cjk", size=size_pt)
        width = self._pdf.get_string_width(text)
        if width > wide:
            size_pt *= wide / width
            self._pdf.set_font("cjk", size=size_pt)
        self._pdf.set_text_color(0)
        self._pdf.text(x, y + high * 0.80, text)

    def _drawn(self, text: str, box: Box, bold: bool) -> None:
        """The same as a picture, drawn by OpenCV's own font."""
        x, y, wide, high = box
        font = cv2.FontFace("uni")
        size_px = max(6, round(high * 0.80 * _PICTURE_PX_MM))
        weight = 600 if bold else 400
        left, _, width, _ = cv2.getTextSize((99999, 999), text, (0, 500), font, size_px, weight)
        image = np.full((round(high * _PICTURE_PX_MM), max(1, left + width + 2)), 255, np.uint8)
        ink = np.dstack([image] * 3)
        cv2.putText(ink, text, (0, round(0.8 * ink.shape[0])), (0, 0, 0), font, size_px, weight)
        ok, data = cv2.imencode(".png", ink[:, :, 0])
        if ok:
            width_mm = min(wide, ink.shape[1] / _PICTURE_PX_MM)
            self._pdf.image(io.BytesIO(data.tobytes()), x, y, width_mm, high)

    def save(self, path: Path) -> None:
        """Write the file."""
        self._pdf.output(str(path))


def split_by_paper(tiles: list[Tile], paper: str) -> dict[str, list[Tile]]:
    """The tiles by the paper they go on: `paper`, or the next larger one that holds them.

    ConfigError when no paper does.
    """
    names = list(PAPERS_MM)
    chain = names[names.index(paper) :]
    out: dict[str, list[Tile]] = {}
    for tile in tiles:
        name = next((p for p in chain if fits(tile, p)), None)
        if name is None:
            raise ConfigError(
                f"marker {tile.number} of {tile.size_mm:g} mm fits on no paper up to {chain[-1]}"
            )
        out.setdefault(name, []).append(tile)
    return out
