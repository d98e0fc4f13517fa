"""Many sensors in front of a fake BlueZ, and when each of their adverts was sent."""

import asyncio
import time

from bluez_peer import RUUVI, ruuvi


class Crowd:
    """Many sensors in front of a peer: each sends Ruuvi format 5, its counter one up every time.

    stamps: memoryview of int64, sensor * SLOTS + counter % SLOTS -> ns when that advert was sent, in
    memory that other processes read. Every `mark_every`th advert of a sensor has jumped by 0.5 degC.
    """

    SLOTS = 4_096

    def __init__(self, peer, count, stamps, mark_every=100):
        self._peer = peer
        self._stamps = stamps
        self._mark_every = mark_every
        self.addresses = [f"C4:38:00:00:{i >> 8:02X}:{i & 255:02X}" for i in range(count)]
        self.seqs = [0] * count
        self.late_ms = 0

    def send(self, sensor):
        """One advert of one sensor, in the peer's thread."""
        seq = self.seqs[sensor]
        self.seqs[sensor] = seq + 1
        # Not all sensors jump at the same moment.
        jumps = (seq + sensor * 7) // self._mark_every
        data = ruuvi(
            seq & 0xFFFF, 400 + 50 * (jumps & 1), bytes((0xC4, 0x38, 0, 0, 0, sensor & 255))
        )
        self._stamps[sensor * self.SLOTS + seq % self.SLOTS] = time.monotonic_ns()
        self._peer.heard(self.addresses[sensor], RUUVI, data)

    async def play(self, per_s, seconds):
        """All of them in turn, `per_s` adverts a second for `seconds`, and none in a burst of over 5."""
        total, sent = round(per_s * seconds), 0
        begin = time.monotonic()
        while sent < total:
            due = min(total, int((time.monotonic() - begin) * per_s) + 1)
            self.late_ms = max(self.late_ms, round((due - sent) * 1000 / per_s))
            for _ in range(min(due - sent, 5)):
                self.send(sent % len(self.addresses))
                sent += 1
            ahead_s = begin + sent / per_s - time.monotonic()
            await asyncio.sleep(max(ahead_s, 0))
