"""The calibration board: a chessboard whose white squares hold small markers, so that a part of it is
enough and every corner has a name. Printed on A4; how large it came out does not matter, only that it is
flat and its squares are square.

Its markers are 4x4 codes, so that a board left lying about is never taken for a store's marker.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Array

Grey = NDArray[np.uint8]

COLUMNS, ROWS = 7, 10
SQUARE_M, MARKER_M = 0.025, 0.018
LEAST_CORNERS = 12
_PAGE_PX = (
    2100,
    2970,
)  # A4 at 254 dpi: ten pixels a millimetre, so that every edge is on a pixel's
_PX_M = 10_000
_RULER_MM = 100


@dataclass(frozen=True, slots=True)
class View:
    """What one picture shows of the board: corners on it in metres (n, 2), and in pixels (n, 2)."""

    name: str
    board_m: Array
    pixels: Array


class BoardDetector:
    """Finds the board in grey pictures."""

    def __init__(self) -> None:
        self._board = board()
        self._detector = cv2.aruco.CharucoDetector(self._board)

    def find(self, name: str, grey: Grey) -> View | None:
        """The board's inner corners in a picture (h, w); None under 12 of them, or in one line."""
        corners, ids, _, _ = self._detector.detectBoard(grey)
        if ids is None or len(ids) < LEAST_CORNERS:
            return None
        every = np.asarray(self._board.getChessboardCorners(), np.float64).reshape(-1, 3)
        board_m = every[np.asarray(ids).ravel(), :2]
        seen = np.asarray(corners, np.float64).reshape(-1, 2)
        spread = np.linalg.svd(board_m - board_m.mean(axis=0), compute_uv=False)
        if spread[1] < SQUARE_M or not np.isfinite(seen).all():
            return None
        return View(name, board_m, seen)


def board() -> cv2.aruco.CharucoBoard:
    """OpenCV's object for the board."""
    family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    return cv2.aruco.CharucoBoard((COLUMNS, ROWS), SQUARE_M, MARKER_M, family)


def picture() -> Grey:
    """The board alone, without margin: 250 pixels a square, black and white."""
    size = (round(COLUMNS * SQUARE_M * _PX_M), round(ROWS * SQUARE_M * _PX_M))
    return np.asarray(board().generateImage(size, marginSize=0, borderBits=1), np.uint8)


def sheet() -> Grey:
    """The A4 page (2970, 2100): the board, a ruler of 100 mm, and how to print it."""
    page: Grey = np.full((_PAGE_PX[1], _PAGE_PX[0]), 255, np.uint8)
    art = picture()
    x, y = (_PAGE_PX[0] - art.shape[1]) // 2, 150
    page[y : y + art.shape[0], x : x + art.shape[1]] = art
    ruler = y + art.shape[0] + 70
    page[ruler : ruler + 20, x : x + _RULER_MM * 10] = 0
    for mm in range(0, _RULER_MM + 1, 10):
        page[ruler - 25 : ruler + 20, max(x, x + mm * 10 - 4) : x + mm * 10] = 0
    page[ruler - 25 : ruler + 20, x : x + 4] = 0
    lines = (
        "打印比例 100 %，量此尺：应为 100 毫米；贴在平板上",
        "Print at 100 %; this ruler measures 100 mm; glue it to something flat",
    )
    for k, line in enumerate(lines):
        _write(page, line, (x, ruler + 80 + 60 * k))
    return np.where(page > 127, 255, 0).astype(np.uint8)


def _write(page: Grey, line: str, at: tuple[int, int]) -> None:
    # OpenCV 4 has no Chinese characters; the ruler says it all the same
    if hasattr(cv2, "FontFace"):
        cv2.putText(page, line, at, 0, cv2.FontFace("uni"), 44, 400)
    elif line.isascii():
        cv2.putText(page, line, at, cv2.FONT_HERSHEY_SIMPLEX, 1.4, 0, 3)


def png(page: Grey) -> bytes:
    """A page as PNG that says its own size, 254 dpi, so that it prints 1:1 (PNG 3rd ed., 11.3.4.3)."""
    done, data = cv2.imencode(".png", page)
    assert done
    raw = data.tobytes()
    body = b"pHYs" + struct.pack(">IIB", _PX_M, _PX_M, 1)
    chunk = struct.pack(">I", 9) + body + struct.pack(">I", zlib.crc32(body))
    return raw[:33] + chunk + raw[33:]  # after the signature and IHDR


def pdf(page: Grey) -> bytes:
    """A page as PDF of one A4 sheet, 1:1 (ISO 32000-1, 8.9.5: one bit a pixel, Flate)."""
    bits = zlib.compress(np.packbits(page > 127, axis=1).tobytes(), 9)
    h, w = page.shape
    points = (w / _PX_M / 0.0254 * 72.0, h / _PX_M / 0.0254 * 72.0)
    draw = b"q %.4f 0 0 %.4f 0 0 cm /I Do Q" % points
    bodies = (
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %.4f %.4f] /Contents 4 0 R "
        b"/Resources << /XObject << /I 5 0 R >> >> >>" % points,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(draw), draw),
        b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray "
        b"/BitsPerComponent 1 /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream"
        % (w, h, len(bits), bits),
    )
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(bodies) + 1,
        table,
    )
    return bytes(out)
