"""A QR code for a screen: as text for the console, as SVG for a page.

The squares are OpenCV's (error correction M, byte mode); read back in the tests by OpenCV's other
detector.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

QUIET = 4  # modules of white round it, ISO/IEC 18004 section 6.3.8
_MAX_LETTERS = 300


def modules(words: str) -> NDArray[np.bool_]:
    """The squares of `words` (ASCII, 300 characters at most), shape (n, n), True is black, no rim.

    ValueError for anything else.
    """
    if not words.isascii() or not 0 < len(words) <= _MAX_LETTERS:
        raise ValueError(f"a QR code here has 1 to {_MAX_LETTERS} ASCII characters")
    settings = cv2.QRCodeEncoder.Params()
    settings.correction_level = cv2.QRCODE_ENCODER_CORRECT_LEVEL_M
    settings.mode = cv2.QRCODE_ENCODER_MODE_BYTE
    black = np.asarray(cv2.QRCodeEncoder.create(settings).encode(words)) == 0
    rows, columns = np.flatnonzero(black.any(axis=1)), np.flatnonzero(black.any(axis=0))
    return np.asarray(black[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], np.bool_)


def text(words: str) -> str:
    """For a terminal, two rows a line, black on white whatever the terminal's colours are."""
    black = np.pad(modules(words), QUIET)
    if len(black) % 2:
        black = np.pad(black, ((0, 1), (0, 0)))
    letters = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}
    lines = (
        "".join(letters[int(a), int(b)] for a, b in zip(top, low, strict=True))
        for top, low in zip(black[::2], black[1::2], strict=True)
    )
    return "\n".join(f"\x1b[30;107m{line}\x1b[0m" for line in lines) + "\n"


def svg(words: str) -> str:
    """For a page: one SVG element that scales, its squares as one path."""
    black = modules(words)
    side = len(black) + 2 * QUIET
    path = "".join(f"M{x + QUIET} {y + QUIET}h1v1h-1z" for y, x in np.argwhere(black))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img" '
        f'shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/>'
        f'<path fill="#000" d="{path}"/></svg>'
    )
