"""200 sensors at 2,000 adverts a second through the real bleak, ten minutes (ARGS="-k radio").

The radio is simulated: a fake BlueZ that speaks D-Bus on a unix socket (bluez_peer.py). bleak and
dbus-fast are the real ones, and so are the terminal's process, mosquitto and the gateway.
O2O_RADIO_S: seconds, 600.
"""

import os
import threading
import time

import pytest
from radio_run import Run

SECONDS = float(os.environ.get("O2O_RADIO_S", "600"))
SENSORS = 200
PER_S = 2_000


class Disk(threading.Thread):
    """How long the disk takes for a sync meanwhile, once a second."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self._path = folder / "disk"
        self._took_ms = [0.0]
        self.start()

    def run(self):
        with self._path.open("wb") as file:
            while True:
                file.write(bytes(4_096))
                file.flush()
                began = time.monotonic()
                os.fdatasync(file.fileno())
                self._took_ms.append((time.monotonic() - began) * 1000)
                time.sleep(1)

    def quantile_ms(self, share):
        at = sorted(self._took_ms)
        return at[int((len(at) - 1) * share)]


@pytest.mark.timeout(SECONDS + 120)
def test_radio_ten_minutes(tmp_path):
    run = Run(tmp_path, SENSORS, PER_S, SECONDS)
    try:
        began, rows = time.monotonic(), []
        load = os.getloadavg()[0]
        disk = Disk(tmp_path)
        marks = [60, 300, 600] if SECONDS >= 600 else [SECONDS / 10, SECONDS / 2, SECONDS]
        for mark in marks:
            time.sleep(max(0.0, began + mark - 2 - time.monotonic()))
            told = run.told()
            rows.append((mark, told["rss_bytes"] / 1e6, told["cpu_ms"] / 1000, told["readings"]))
        sent, told = run.finish()
        time.sleep(2)
        out = run.published.quantiles()
        print(f"\n{SENSORS} sensors, {PER_S}/s, {SECONDS:.0f} s, scan {told['radio_scans']}")
        for mark, rss_mb, cpu_s, readings in rows:
            print(
                f"  at {mark:4.0f} s: RSS {rss_mb:.1f} MB, CPU {cpu_s:.0f} s, {readings} readings"
            )
        print(
            f"  sent {sent['sent']} (late by {sent['late_ms']} ms at most, CPU {sent['cpu_s']} s)"
        )
        print(
            f"  in the application: {told['readings']} readings, lost {told['lost']}, repeated "
            f"{told['repeated']}, dropped {told['adverts_dropped']}, "
            f"undecoded {told['adverts_undecoded']}"
        )
        print(
            f"  advert -> evaluated in the application: p50 {told['p50_ms']} p99 {told['p99_ms']} p99.9 "
            f"{told['p999_ms']} max {told['max_ms']} ms"
        )
        print(
            f"  advert -> its record's PUBLISH, received from the broker: p50 {out['p50']} p99 "
            f"{out['p99']} ms ({run.published.records} records)"
        )
        minutes = [run.published.quantiles(at, at + 60) for at in range(0, int(SECONDS), 60)]
        print(
            f"    minute by minute, p99: {' '.join(str(each.get('p99', '-')) for each in minutes)} ms"
        )
        print(
            f"  the machine: load {load:.1f} before, {os.getloadavg()[0]:.1f} after on "
            f"{os.cpu_count()} cores; a sync of its disk p50 {disk.quantile_ms(0.5):.1f} p99 "
            f"{disk.quantile_ms(0.99):.1f} ms (a record waits for one)"
        )
        print(f"  faults {told['radio_faults']} rescans {told['radio_rescans']} fds {told['fds']}")
        assert told["readings"] == sent["sent"] and told["lost"] == told["repeated"] == 0
    finally:
        run.stop()


OUTAGES = ("drop", "off", "restart", "drop", "off", "restart", "silence", "drop")
AWAY_S = 3.0


def test_radio_outages(tmp_path):
    """For how long no reading came to the application, by what happened to bus, adapter, bluetoothd."""
    run = Run(tmp_path, SENSORS, PER_S, 8 * len(OUTAGES) + 5)
    try:
        print()
        for word in OUTAGES:
            time.sleep(2)
            known = len(run.told()["gaps_ms"])
            run.fault(word)
            if word == "off":
                time.sleep(AWAY_S)
                run.fault("on")
            time.sleep(5.5)
            gaps_ms = run.told()["gaps_ms"][known:]
            away_ms = AWAY_S * 1000 if word == "off" else 0
            longest_ms = max(gaps_ms, default=0)  # gaps of under 200 ms are not kept
            told = f"{longest_ms - away_ms:.0f} ms" if gaps_ms else "under 200 ms"
            print(f"  {word:8} readings again {told} after it was over")
            assert longest_ms - away_ms < 5_000
        sent, told = run.finish()
        print(
            f"  sent {sent['sent']} to a scan, {sent['missed']} while there was none; scans "
            f"{told['radio_scans']}, faults {told['radio_faults']}, rescans {told['radio_rescans']}"
        )
        # What was in the socket when the bus dropped is lost with it: some ms of adverts.
        torn = sent["sent"] - told["readings"]
        print(f"  lost with a bus that dropped: {torn} adverts")
        assert 0 <= torn < 200
    finally:
        run.stop()
