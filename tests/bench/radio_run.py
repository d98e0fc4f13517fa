"""One run of sensors -> real bleak -> terminal -> broker -> gateway -> feed, with its accounts.

The air (fake BlueZ), the terminal, mosquitto and the gateway are processes of their own; this one reads
what the terminal publishes and what the feed says.
"""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt
from sensor_crowd import Crowd

from gateway import config as gateway_config
from gateway.terminal import settings
from protocols import messages
from protocols.cbor import Reader
from protocols.topics import device_topic
from tools.demo.children import Children, wait_for
from tools.demo.site import Site
from tools.parts.place import ROOT

HERE = ROOT / "tests" / "bench"
DEVICE = "van-1"


class Published:
    """Latencies (ms) from an advert to the PUBLISH of its record, as the broker gave it to us."""

    def __init__(self, port, stamps):
        self._stamps = stamps
        self._begin_ns = time.monotonic_ns()
        self.latencies_ms = []
        self.records = 0
        self._lock = threading.Lock()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="radio-bench")
        self.client.on_message = self._take
        self.client.connect("127.0.0.1", port)
        self.client.subscribe(device_topic("rider", DEVICE, "up"), 1)
        self.client.loop_start()

    def _take(self, _client, _data, message):
        now_ns = time.monotonic_ns()
        reader = Reader(message.payload)
        log, _, seq = messages.read_frame_head(reader)
        if not log or seq is None:
            return
        while reader.more():
            kind, _, values, _ = messages.check_record(reader.read())
            if kind != messages.TEMP:
                continue
            self.records += 1
            address = values["sensor"]
            sensor = address[4] << 8 | address[5]
            # The n-th advert heard of it by the application: the n-th sent, while none is lost.
            slot = (values["adverts"] - 1) % Crowd.SLOTS
            sent_ns = self._stamps[sensor * Crowd.SLOTS + slot]
            with self._lock:
                self.latencies_ms.append((now_ns - self._begin_ns, (now_ns - sent_ns) / 1e6))

    def quantiles(self, from_s=0.0, until_s=1e9):
        """Return {'p50', 'p99'} (ms) of what came in that time, {} when there was nothing."""
        with self._lock:
            told = list(self.latencies_ms)
        at = sorted(late_ms for at_ns, late_ms in told if from_s <= at_ns / 1e9 < until_s)
        if not at:
            return {}
        return {
            name: round(at[int((len(at) - 1) * share)], 1)
            for name, share in (("p50", 0.5), ("p99", 0.99))
        }


class Run:
    """`sensors` at `per_s` adverts a second altogether for `seconds`; scan as of [terminal]."""

    def __init__(self, folder: Path, sensors: int, per_s: int, seconds: float, scan="auto"):
        self.folder = folder
        self.seconds = seconds
        self.children = Children(folder)
        self.site = Site(folder, self.children, 0, "mosquitto")
        self.stamps = folder / "stamps"
        self.stamps.write_bytes(bytes(8 * Crowd.SLOTS * sensors))
        import mmap

        with open(self.stamps, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)
        self._told = folder / "told.json"
        self.sent = None
        self.site.start_broker()
        self.site.start_gateway()
        self.published = Published(self.site.broker_port, memoryview(self._memory).cast("q"))
        path = str(ROOT / "tests" / "firmware")
        self.env = {"PYTHONPATH": f"{ROOT}:{path}:{HERE}"}
        self.air = subprocess.Popen(
            [
                *(sys.executable, str(HERE / "radio_air.py"), str(folder), str(sensors)),
                *(str(per_s), str(seconds), str(self.stamps)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self.env,
            text=True,
        )
        assert self.air.stdout.readline() == "ready\n"
        config = gateway_config.check(
            {
                "site": {"id": "gw-1", "city": "shanghai", "data": str(folder / "bike")},
                "broker": {"port": self.site.broker_port},
                "terminal": {
                    "device": DEVICE,
                    "adapter": "default",
                    "scan": scan,
                    "sensors": [
                        {"address": f"C4:38:00:00:{i >> 8:02X}:{i & 255:02X}", "name": f"box-{i}"}
                        for i in range(sensors)
                    ],
                },
            }
        )
        self.terminal = self.children.start(
            "terminal",
            [
                *(sys.executable, str(HERE / "radio_terminal.py")),
                *(str(settings.prepare(config)), str(self.stamps), str(self._told)),
            ],
            env={**self.env, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder}/bus"},
        )
        wait_for(lambda: self.told().get("readings", 0) > 0, 30, self.children, "the terminal")

    def told(self):
        """What the terminal said last."""
        try:
            return json.loads(self._told.read_text())
        except (OSError, ValueError):
            return {}

    def fault(self, word):
        self.air.stdin.write(word + "\n")
        self.air.stdin.flush()

    def finish(self):
        """Wait for the air's accounts and for the terminal to have taken all of it; returns both."""
        self.sent = json.loads(self.air.stdout.readline())
        deadline = time.monotonic() + 20
        told = self.told()
        total = sum(self.sent["seqs"])
        while told["readings"] + told["lost"] < total and time.monotonic() < deadline:
            time.sleep(0.2)
            told = self.told()
        return self.sent, told

    def stop(self):
        self.air.kill()
        self.air.wait()
        self.air.stdin.close()
        self.air.stdout.close()
        self.published.client.disconnect()
        self.published.client.loop_stop()
        self.children.stop()
