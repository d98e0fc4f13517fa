"""Letting go of modules that only a start needs: on a board their heap is wanted for the work.

Configuration checks and receivers' command sets are 8 kB each on a 64-bit port, and used once.
"""

import sys

from protocols.compat import MICROPYTHON


def forget(*names: str) -> None:
    """Forget modules ('firmware.system.config'); the next import loads them anew.

    A package before its modules: else it is left without names that its functions use. What still
    refers to one of their functions keeps that module alive. On CPython nothing is done: heap is not
    scarce there, and classes would exist twice.
    """
    if not MICROPYTHON:
        return
    for name in names:
        if sys.modules.pop(name, None) is None:
            continue
        parent, _, child = name.rpartition(".")
        if parent in sys.modules:
            try:
                delattr(sys.modules[parent], child)
            except AttributeError:
                pass
