"""Modules of this package that only events need: loaded for one, and let go of after it.

Two kB of a board's heap each, needed a few times in an order's life.
"""

import sys

from firmware import rider
from protocols.compat import MICROPYTHON


def load(name: str):
    """Return a module of this package: profiles, verdict, box_events, resume, stops."""
    return __import__("firmware.rider." + name, None, None, (name,))


def forget(*names: str) -> None:
    """Give their heap back to the board; what still refers to something of them keeps it alive."""
    if MICROPYTHON:
        for name in names:
            if sys.modules.pop("firmware.rider." + name, None) is not None:
                delattr(rider, name)
