"""Values for the fields of a table, drawn at random: ends of ranges, every word, text of all widths."""

from protocols import fields as wire
from protocols.track import Encoder

# One character of every length that UTF-8 has, and what a careless parser stumbles over.
CHARACTERS = ("a", "0", " ", '"', "\\", "\x00", "\u00fc", "\u6c34", "\u2028", "\U0001f6b2")


def value_of(field, chance):
    """Return a value that `field` may hold; one in four times at an end of its range."""
    _, name, kind, lo, hi = field
    end = chance.below(8)
    if kind == wire.INT:
        if end < 2:
            return lo if end == 0 else hi
        if end == 2 and lo < 0 < hi:
            return 0
        return lo + chance.below(hi - lo + 1)
    if kind == wire.ENUM:
        return chance.pick(lo)
    if kind == wire.BOOL:
        return end < 4
    if name == "packed":
        return line_of(chance)
    size = lo if end == 0 else hi if end == 1 else lo + chance.below(hi - lo + 1)
    if kind == wire.BYTES:
        return chance.bytes(size)
    if kind == wire.TEXT:
        return text_of(size, chance)
    return [[chance.below(0xFFFFFFFF) for _ in range(lo)] for _ in range(end % (hi + 1))]


def line_of(chance):
    """Return a stretch of track, packed."""
    encoder = Encoder(bytearray(200), 1 + chance.below(50), 1 + chance.below(50))
    t_ms = chance.below(80_000_000)
    for _ in range(1 + chance.below(20)):
        encoder.add(t_ms, 31, 2_300_000 + chance.below(9_000), 121, 4_700_000 + chance.below(9_000))
        t_ms += chance.below(60_000)
    return bytes(encoder.buf[: encoder.n])


def text_of(size, chance):
    """Return a text of exactly `size` bytes of UTF-8."""
    text = ""
    left = size
    while left:
        char = chance.pick(CHARACTERS)
        if len(char.encode()) <= left:
            text += char
            left -= len(char.encode())
    return text


def values_of(fields, needed, chance):
    """Return name -> value for `fields`: those `needed`, and each other in two of three cases."""
    values = {}
    for field in fields:
        if field[1] in needed or chance.below(3):
            values[field[1]] = value_of(field, chance)
    return values


def stamp_of(chance):
    """Return (boot, tick_ms, day, ms) as check_record() gives it back: UTC, or ticks alone."""
    if chance.below(4):
        return 0, 0, chance.below(65_536), chance.below(86_401_000)
    return chance.below(0xFFFFFFFF), chance.below(0xFFFFFFFF), -1, 0


def one_beyond(field):
    """Return values just outside what `field` may hold, and of a wrong type."""
    _, _, kind, lo, hi = field
    if kind == wire.INT:
        return [lo - 1, hi + 1, "1", None, True, b"1"]
    if kind == wire.ENUM:
        return [-1, lo[0], None, True]
    if kind == wire.BYTES:
        return [b"\x00" * (hi + 1), "x" * lo, 0] + ([b"\x00" * (lo - 1)] if lo else [])
    if kind == wire.TEXT:
        wide = "\u6c34" * (hi // 3) + "a" * (hi % 3 + 1)  # hi + 1 bytes, fewer characters
        return [wide, "x" * (hi + 1), b"x" * lo, 0] + (["x" * (lo - 1)] if lo else [])
    if kind == wire.BOOL:
        return [0, 1, None]
    return [[[0] * (lo - 1)], [[0] * lo] * (hi + 1), [[-1] * lo], [["x"] * lo], [0], 0]
