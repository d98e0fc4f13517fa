"""What a JPEG says of itself, read before anybody decodes it (ITU-T T.81, annex B).

A few kilobytes can claim 65,535 x 65,535 pixels, or hold thousands of scans of which each costs a pass
over the whole picture. Browsers send plain baseline pictures, so nothing else is let through.
"""

from __future__ import annotations

MAX_BYTES = 1_000_000
MAX_WIDTH = 1920
MAX_HEIGHT = 1080
MIN_SIDE = 120
_SEGMENTS = 64
_SCANS = 3  # baseline: at most one per component
_SOF = {0xC0, 0xC1}
_OTHER_SOF = {0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_ALONE = {0x01, *range(0xD0, 0xD8)}


def size(data: bytes) -> tuple[tuple[int, int], str]:
    """((width, height) in pixels, "") of a baseline JPEG of at most 1 MB, or ((0, 0), why not).

    Sides are 120 px at least and 1920 x 1080 at most, in either orientation.
    """
    if len(data) > MAX_BYTES:
        return (0, 0), "larger than 1 MB"
    if data[:2] != b"\xff\xd8" or data[-2:] != b"\xff\xd9":
        return (0, 0), "not a whole JPEG"
    at, found = 2, (0, 0)
    for _ in range(_SEGMENTS):
        if at + 4 > len(data) or data[at] != 0xFF:
            return (0, 0), "not a JPEG"
        kind = data[at + 1]
        if kind == 0xFF:  # a fill byte before a marker
            at += 1
            continue
        length = data[at + 2] << 8 | data[at + 3]
        end = at + 2 + length
        if kind in _ALONE or kind in (0xD8, 0xD9) or length < 2 or end > len(data):
            return (0, 0), "not a JPEG"
        if kind in _OTHER_SOF:
            return (0, 0), "not a baseline JPEG"
        if kind in _SOF:
            why = _frame(data[at + 4 : end]) if found == (0, 0) else "two pictures in one"
            if why:
                return (0, 0), why
            found = data[at + 7] << 8 | data[at + 8], data[at + 5] << 8 | data[at + 6]
        if kind == 0xDA:
            if found == (0, 0):
                return (0, 0), "no size before its pixels"
            # Within pixels 0xFF is followed by 0 or a restart: another marker of either kind is real.
            if data.count(b"\xff\xda", end) >= _SCANS:
                return (0, 0), "too many scans"
            if any(data.find(bytes((0xFF, sof)), end) >= 0 for sof in _SOF | _OTHER_SOF):
                return (0, 0), "two pictures in one"
            return found, ""
        at = end
    return (0, 0), "too many segments"


def _frame(body: bytes) -> str:
    """Why a frame header (B.2.2) is not one of ours; "" when it is."""
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        return "not a JPEG"
    if body[0] != 8 or body[5] not in (1, 3):
        return "not 8 bits grey or colour"
    if any(
        body[i] >> 4 not in (1, 2) or body[i] & 15 not in (1, 2) for i in range(7, len(body), 3)
    ):
        return "an unusual sampling of colours"
    height, width = body[1] << 8 | body[2], body[3] << 8 | body[4]
    if min(width, height) < MIN_SIDE:
        return f"smaller than {MIN_SIDE} pixels"
    if max(width, height) > MAX_WIDTH or min(width, height) > MAX_HEIGHT:
        return f"larger than {MAX_WIDTH}x{MAX_HEIGHT}"
    return ""
