"""Random numbers that are the same on every interpreter."""


class Draw:
    """Whole numbers from a seed, by the generator of Park & Miller (1988, CACM 31(10):1192)."""

    def __init__(self, seed):
        self.state = seed * 7919 + 1

    def __call__(self, low, high):
        """One of low..high, both ends possible."""
        self.state = self.state * 16807 % 2147483647
        return low + self.state % (high - low + 1)
