"""The terminal of a folder with a look at every reading: radio_terminal.py FOLDER STAMPS OUT

The same Runner as `gateway terminal`. What is added: behind the application's on_advert() the sensor's
counter is compared with the one before and the time since the advert was sent is put into a histogram.
Ends at SIGTERM; OUT is written every second: JSON with readings, lost, repeated, latency histogram.
"""

import json
import logging
import mmap
import os
import signal
import sys
import time
from pathlib import Path

from sensor_crowd import Crowd

from gateway.terminal.board import Runner

_STEP_US = 250
_STEPS = 40_000  # 10 s


class Look:
    """Readings by sensor, in the application."""

    def __init__(self, runner, stamps):
        self._rider = runner.board.rider
        self._on_advert = self._rider.on_advert
        self._rider.on_advert = self.on_advert
        self._stamps = stamps
        self._seqs = {}
        self.readings = self.lost = self.repeated = 0
        self.last_ns = 0
        self.gaps_ms = []  # of 200 ms and more, the first hundred
        self.histogram = [0] * (_STEPS + 1)

    def on_advert(self, address, payload, size, rssi_dbm, now_ms):
        before = self._rider.cold.adverts
        self._on_advert(address, payload, size, rssi_dbm, now_ms)
        if self._rider.cold.adverts == before:
            return  # not decoded: it will be missing
        sensor = address[4] << 8 | address[5]
        seq = self._rider.cold._reading.seq
        now_ns = time.monotonic_ns()
        expected = self._seqs.get(sensor, 0)
        if seq < expected & 0xFFFF and (expected - seq) & 0xFFFF < 0x8000:
            self.repeated += 1
            return
        missing = (seq - expected) & 0xFFFF
        self.lost += missing
        self._seqs[sensor] = expected + missing + 1
        self.readings += 1
        if self.last_ns:
            gap_ms = (now_ns - self.last_ns) // 1_000_000
            if gap_ms >= 200 and len(self.gaps_ms) < 100:
                self.gaps_ms.append(gap_ms)
        self.last_ns = now_ns
        sent_ns = self._stamps[sensor * Crowd.SLOTS + seq % Crowd.SLOTS]
        self.histogram[min((now_ns - sent_ns) // 1000 // _STEP_US, _STEPS)] += 1

    def quantile_ms(self, share):
        left = self.readings * share
        for step, count in enumerate(self.histogram):
            left -= count
            if left <= 0:
                return (step + 1) * _STEP_US / 1000
        return None

    def told(self, runner):
        return {
            "readings": self.readings,
            "lost": self.lost,
            "repeated": self.repeated,
            "gaps_ms": self.gaps_ms,
            "p50_ms": self.quantile_ms(0.5),
            "p99_ms": self.quantile_ms(0.99),
            "p999_ms": self.quantile_ms(0.999),
            "max_ms": max((n for n, c in enumerate(self.histogram) if c), default=0)
            * _STEP_US
            / 1000,
            "fds": len(os.listdir("/proc/self/fd")),
            **runner.figures(),
        }


def main(folder, stamps, out):
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with open(stamps, "r+b") as file:
        memory = mmap.mmap(file.fileno(), 0)
    ends = []
    signal.signal(signal.SIGTERM, lambda *_: ends.append(1))
    runner = Runner(Path(folder))
    look = Look(runner, memoryview(memory).cast("q"))
    while not ends:
        runner.step()
        if runner.is_due():
            part = Path(out + ".part")
            part.write_text(json.dumps(look.told(runner)))
            part.replace(out)
    runner.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
