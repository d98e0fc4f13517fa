"""Read the barcode or QR code of an article held before the camera.

OpenCV's readers find the code; what they say counts only if it is a symbology that the store uses, its
check digit is right, and it was read twice within 600 ms. A barcode needs two pixels per bar: a
13-digit one of nominal size (0.33 mm a bar) is read up to 15 cm away at 1280 pixels and 70 degrees.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

EAN13, EAN8, QR = "ean13", "ean8", "qr"
KINDS = (EAN13, EAN8, QR)

AGAIN_MS = 600  # a code counts when it is read a second time within
GONE_MS = 1500  # not read for so long: the next sight of it is a new one
_QR_CHARACTERS = 128
_LEAST_PX = 24
_ENLARGED_BELOW_PX = 400_000  # a small region is also read in double size
_MOST_WAITING = 16

_NAMES = {"EAN_13": EAN13, "EAN_8": EAN8, "UPC_A": EAN13}

Region = tuple[int, int, int, int]


class Code(NamedTuple):
    """What a code says: `kind` of KINDS, `text` (digits of a barcode, all of them)."""

    kind: str
    text: str


def checksum_ok(digits: str) -> bool:
    """Whether the last digit of an EAN-8 or EAN-13 is right (GS1 General Specifications, 7.9)."""
    if not (digits.isascii() and digits.isdigit() and len(digits) in (8, 13)):
        return False
    total = sum(int(d) * (3 if k % 2 else 1) for k, d in enumerate(reversed(digits)))
    return total % 10 == 0


class CodeReader:
    """Reads codes of some `kinds` in single pictures; others are not looked for.

    A kind it does not know raises ValueError. `faults` counts pictures on which a reader gave up.
    """

    def __init__(self, kinds: Iterable[str] = (EAN13, QR)) -> None:
        self.kinds = tuple(kinds)
        unknown = set(self.kinds) - set(KINDS)
        if unknown:
            raise ValueError(f"no such symbology: {', '.join(sorted(unknown))}")
        self.faults = 0
        self._bars = cv2.barcode.BarcodeDetector()
        self._squares = cv2.QRCodeDetector()

    def read(self, grey: NDArray[np.uint8], region: Region | None = None) -> list[Code]:
        """The codes in a grey picture (height, width) or in a pixel box (x0, y0, x1, y1) of it.

        Each once, sorted; none when nothing is certain.
        """
        height, width = grey.shape
        x0, y0, x1, y1 = (0, 0, width, height) if region is None else region
        x0, y0, x1, y1 = max(0, x0), max(0, y0), min(width, x1), min(height, y1)
        if x1 - x0 < _LEAST_PX or y1 - y0 < _LEAST_PX:
            return []
        part = np.ascontiguousarray(grey[y0:y1, x0:x1])
        found = self._read(part)
        if not found and part.size < _ENLARGED_BELOW_PX:
            found = self._read(np.asarray(cv2.resize(part, None, fx=2.0, fy=2.0), np.uint8))
        return sorted(found)

    def _read(self, grey: NDArray[np.uint8]) -> set[Code]:
        found = set()
        try:
            if EAN13 in self.kinds or EAN8 in self.kinds:
                _, texts, names, _ = self._bars.detectAndDecodeWithType(grey)
                found |= {_barcode(t, n) for t, n in zip(texts or (), names or (), strict=False)}
            if QR in self.kinds:
                _, texts, _, _ = self._squares.detectAndDecodeMulti(grey)
                found |= {_qr(text) for text in texts or ()}
        except (cv2.error, UnicodeDecodeError):
            self.faults += 1
        return {code for code in found if code is not None and code.kind in self.kinds}


def _barcode(text: str, name: str) -> Code | None:
    kind = _NAMES.get(name)
    if name == "UPC_A" and len(text) == 12:
        text = "0" + text  # the same article's number as EAN-13
    if kind is None or len(text) != (8 if kind == EAN8 else 13) or not checksum_ok(text):
        return None
    return Code(kind, text)


def _qr(text: str) -> Code | None:
    if not 0 < len(text) <= _QR_CHARACTERS or not text.isprintable():
        return None
    return Code(QR, text)


class CodeScanner:
    """Says a code once, when it was read twice within AGAIN_MS, and again only after it was gone.

    For a camera's pictures in the order of their times; the time is given, never taken.
    """

    def __init__(self, kinds: Iterable[str] = (EAN13, QR)) -> None:
        self.reader = CodeReader(kinds)
        self._last_ms: dict[Code, int] = {}
        self._told: set[Code] = set()

    def update(
        self, grey: NDArray[np.uint8], t_ms: int, region: Region | None = None
    ) -> list[Code]:
        """The codes that from this picture on count as read; mostly none."""
        return self.seen(self.reader.read(grey, region), t_ms)

    def seen(self, codes: Iterable[Code], t_ms: int) -> list[Code]:
        """As `update`, of codes that were read elsewhere."""
        for code in [c for c, last_ms in self._last_ms.items() if t_ms - last_ms > GONE_MS]:
            del self._last_ms[code]
            self._told.discard(code)
        out = []
        for code in codes:
            last_ms = self._last_ms.get(code)
            if last_ms is None and len(self._last_ms) >= _MOST_WAITING:
                continue
            self._last_ms[code] = t_ms
            again = last_ms is not None and 0 < t_ms - last_ms <= AGAIN_MS
            if again and code not in self._told:
                self._told.add(code)
                out.append(code)
        return out
