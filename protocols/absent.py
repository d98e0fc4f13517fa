"""The number that stands for "not said", in every decoder."""

from protocols.compat import const

# Below every real value, and still a small int on a 32-bit board.
NONE = const(-0x2000_0000)
