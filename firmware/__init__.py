"""What is flashed to a board: the MicroPython subset, importing protocols only.

Hardware appears in `boards` alone; `rider`, `picker` and `door` are pure (clock and bytes in, values
out) and import neither `system` nor `boards`.
"""

VERSION = "0.1.0"
