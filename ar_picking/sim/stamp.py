"""A frame's number in its own pixels, so that a test knows which rendered picture a camera showed.

Black and white cells along the lower rim: a start mark, sixteen bits and a check; it survives JPEG,
scaling of the whole picture, and a browser's camera.
"""

from __future__ import annotations

import cv2

from ar_picking.sim.products import Image

BITS = 16
_START = (1, 0, 1)
_CHECK = 4
_CELLS = len(_START) + BITS + _CHECK
_SHARE = 1 / 48  # a cell's edge per picture width


def _check(number: int) -> int:
    return (number * 7 ^ number >> 5 ^ number >> 11 ^ 0b1010) & 0xF


def stamp(picture: Image, number: int) -> None:
    """Write `number` (0 to 65535, larger ones begin anew) into the lower left corner, in place."""
    number &= (1 << BITS) - 1
    value = number << _CHECK | _check(number)
    bits = (*_START, *(value >> k & 1 for k in range(BITS + _CHECK - 1, -1, -1)))
    h, w = picture.shape[:2]
    cell = w * _SHARE
    for k, bit in enumerate(bits):
        box = (round(k * cell), round(h - cell)), (round((k + 1) * cell) - 1, h - 1)
        cv2.rectangle(picture, *box, (255, 255, 255) if bit else (0, 0, 0), cv2.FILLED)


def read_stamp(picture: Image) -> int | None:
    """The number in a picture, grey or BGR; None when there is none to be read."""
    h, w = picture.shape[:2]
    cell = w * _SHARE
    y = round(h - cell / 2)
    reach = max(1, round(cell / 5))
    bits = []
    for k in range(_CELLS):
        x = round((k + 0.5) * cell)
        part = picture[y - reach : y + reach, x - reach : x + reach]
        if part.size == 0:
            return None
        level = float(part.mean())
        if 90.0 < level < 165.0:
            return None
        bits.append(int(level > 127.0))
    if tuple(bits[: len(_START)]) != _START:
        return None
    value = int("".join(str(b) for b in bits[len(_START) :]), 2)
    number, check = value >> _CHECK, value & 0xF
    return number if check == _check(number) else None
