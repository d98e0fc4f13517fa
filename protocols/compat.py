"""The only interpreter shim: what MicroPython and CPython spell differently.

`const` lets mpy-cross fold a name into the code that uses it; on CPython it is the identity.
"""

import sys

try:
    from micropython import const
except ImportError:

    def const(value: int) -> int:
        """Return `value`; only mpy-cross gives the name a meaning."""
        return value


try:
    from binascii import crc32
except ImportError:  # MicroPython before 1.23 on a trimmed build
    from zlib import crc32

MICROPYTHON = sys.implementation.name == "micropython"


def one_parent(*files: str) -> bool:
    """Tell whether package files ('.../gateway/__init__.py', ...) stand in one folder.

    The packages' names are generic: with a stray `gateway` or `tools` on the path, parts of two
    programs would run as one.
    """
    return len({file.replace("\\", "/").rsplit("/", 2)[0] for file in files}) == 1


__all__ = ["MICROPYTHON", "const", "crc32", "one_parent"]
