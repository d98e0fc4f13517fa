"""Seeded damage to bytes, for the fuzz tests of both interpreters.

FUZZ_SEED pins the seed (it is printed with every run), O2O_FUZZ sets how many rounds a fuzz test makes:
a few thousand within `make test`, a million in `make soak`.
"""

import os
import sys
import time


def _setting(name, default):
    try:
        return int(os.getenv(name) or default)
    except AttributeError:  # the WebAssembly build has no environment
        return default


def rounds(default):
    """Return how many rounds to make."""
    return _setting("O2O_FUZZ", default)


class Chance:
    """A small seeded generator (xorshift32), the same sequence on every interpreter."""

    def __init__(self, what, seed=None):
        """seed: for what is claimed of most draws and not of all, such as a 95th percentile."""
        self.seed = seed or _setting("FUZZ_SEED", int(time.time()) & 0xFFFFFF | 1)
        self._state = (self.seed * 2654435761 + 1) & 0xFFFFFFFF or 1
        print("fuzz:", what, "FUZZ_SEED=%d" % self.seed, "on", sys.implementation.name)

    def below(self, end):
        """Return 0..end-1."""
        state = self._state
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        self._state = state
        return state % end

    def pick(self, items):
        """Return one of `items`."""
        return items[self.below(len(items))]

    def bytes(self, size):
        """Return `size` random bytes."""
        return bytes([self.below(256) for _ in range(size)])


def damaged(data, chance):
    """Return `data` with one to three faults: bits flipped, bytes lost, doubled, put in, cut off."""
    data = bytearray(data)
    for _ in range(1 + chance.below(3)):
        size = len(data)
        if not size:
            return bytes(chance.bytes(3))
        at = chance.below(size)
        kind = chance.below(8)
        if kind == 0:
            data[at] ^= 1 << chance.below(8)
        elif kind == 1:
            data[at] = chance.below(256)
        elif kind == 2:
            data = data[:at] + data[at + 1 + chance.below(4) :]
        elif kind == 3:
            data = data[:at] + bytearray(chance.bytes(1 + chance.below(4))) + data[at:]
        elif kind == 4:
            end = at + chance.below(12)
            data = data[:end] + data[at:end] + data[end:]
        elif kind == 5:
            data = data[:at]
        elif kind == 6:
            data[at] = chance.pick(b"\x00\xff\x7f\x80")
        else:
            other = chance.below(size)
            data[at], data[other] = data[other], data[at]
    return bytes(data)
