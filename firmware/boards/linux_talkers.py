"""Sentences good and bad by talker: what a person looks at when a receiver is connected.

The board's own framer counts them together, because on a board every number costs heap. The talker is
the two letters in front of the sentence's type (GN, GP, BD, ...), 'p' for a maker's own sentences.
"""

_LINE_MAX = 256  # the framer's limit too
_TALKERS_MAX = 16


class Talkers:
    """Counts in `good` and `bad`: talker (small letters) -> sentences. Bounded: what comes after 16
    talkers, or calls itself by no two letters or digits, is 'other'. `bytes`: all that came."""

    def __init__(self):
        self.good: dict = {}
        self.bad: dict = {}
        self.bytes = 0
        self._rest = b""

    def feed(self, data) -> None:
        """Take bytes of the line, cut anywhere."""
        self.bytes += len(data)
        lines = (self._rest + bytes(data)).split(b"\n")
        # A line without an end is noise at the wrong speed: its newest bytes are enough to go on.
        self._rest = lines.pop()[-_LINE_MAX:]
        for line in lines:
            start = line.rfind(b"$")
            if start >= 0:
                self._count(line[start + 1 :].rstrip(b"\r"))

    def _count(self, body):
        told, star, digits = body.rpartition(b"*")
        total = 0
        for byte in told:
            total ^= byte
        try:
            is_good = bool(star) and len(digits) == 2 and int(digits, 16) == total
        except ValueError:
            is_good = False
        name = "p" if body[:1] == b"P" else _plain(body[:2])
        counts = self.good if is_good else self.bad
        if name not in counts and len(counts) >= _TALKERS_MAX:
            name = "other"
        counts[name] = counts.get(name, 0) + 1


def _plain(talker):
    try:
        name = talker.decode("ascii").lower()
    except UnicodeDecodeError:
        return "other"
    return name if len(name) == 2 and name.isalnum() else "other"
