"""What a ring log gives back, for the tests of both interpreters and of the cuts."""

from firmware.system.ringlog import RECORD_MAX


def read_all(ring, seq=1):
    """Everything readable from `seq` on, as {number: body}."""
    found = {}
    reader = ring.reader(seq)
    buf = bytearray(RECORD_MAX)
    while True:
        at = reader.seq
        size = reader.read_into(buf, 0, len(buf))
        if size == 0:
            return found
        if size > 0:
            found[at] = bytes(buf[:size])
