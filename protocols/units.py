"""Scales and ranges of every unit on the wire.

A number's unit is the suffix of its name. All are integers, so a board never needs a float and both
sides agree to the last digit (DESIGN: positions are degrees x 1e7, 1.1 cm, WGS-84).
"""

from protocols.compat import const

LAT_E7_MAX = const(900_000_000)
LON_E7_MAX = const(1_800_000_000)
DAY_MS = const(86_400_000)
# 23:59:60.999, so that a leap second is a time and not an error.
MS_OF_DAY_MAX = const(86_400_999)
# u16 days: until 2199.
DAY_MAX = const(65_535)
U8_MAX = const(255)
U16_MAX = const(65_535)
U32_MAX = const(4_294_967_295)
# Largest integer that is not a heap object on a 32-bit MicroPython (31-bit small ints).
SMALL_MAX = const(1_073_741_823)
# Absolute zero, and a temperature no BLE format can exceed, in 0.01 degC.
TEMP_CC_MIN = const(-27_315)
TEMP_CC_MAX = const(32_767)


def suffixes():
    """Return {suffix: (unit in words, the value in that unit of one count)}.

    Built on demand: contracts and tools ask for it, a board never does and keeps its heap.
    """
    return {
        "e7": ("degree", "0.0000001"),
        "mm": ("metre", "0.001"),
        "cm": ("metre", "0.01"),
        "dm": ("metre", "0.1"),
        "m": ("metre", "1"),
        "mm_s": ("metre per second", "0.001"),
        "cdeg": ("degree of arc", "0.01"),
        "cc": ("degree Celsius", "0.01"),
        "cpct": ("percent", "0.01"),
        "pct": ("percent", "1"),
        "mv": ("volt", "0.001"),
        "dbm": ("dBm", "1"),
        "c": ("none", "0.01"),
        "ms": ("second", "0.001"),
        "s": ("second", "1"),
        "bytes": ("byte", "1"),
    }


def suffix_of(name: str):
    """Return the unit suffix of a field name ('speed_mm_s' -> 'mm_s'), or None when it has none."""
    known = suffixes()
    parts = name.split("_")
    for take in (2, 1):
        if len(parts) > take:
            suffix = "_".join(parts[-take:])
            if suffix in known:
                return suffix
    return None
