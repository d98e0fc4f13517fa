"""This machine as a terminal, end to end: receiver -> terminal -> broker -> gateway -> feed and page.

The page docs/receiver.md is followed: its configuration is read from the page itself, the receiver is
a pty that talks 9600 baud (at any other speed its bytes are garbage, as on a wire), all else is real.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import termios
import threading
import time
import tty
from datetime import UTC, datetime

import paho.mqtt.client as mqtt
import pytest
from radio_run import Run

from tools.demo.children import Children, wait_for
from tools.demo.site import CITY, Site
from tools.parts.place import ROOT
from tools.simulate import sentences
from tools.simulate.ride import ORIGIN_E7, generate

PAGE = (ROOT / "docs" / "receiver.md").read_text()
RADIO_S = float(os.environ.get("O2O_RADIO_CI_S", "5"))


class Receiver(threading.Thread):
    """A receiver on a pty behind the name `port`; unplug() and plug(port) move the plug."""

    def __init__(self, port, baud=termios.B9600):
        super().__init__(daemon=True)
        self._baud = baud
        self._ride = sentences.ride(generate(1, 2_000.0, ORIGIN_E7), sentences.now_on_the_second())
        self._ends = threading.Event()
        self._lock = threading.Lock()
        self._leader = -1
        self.plug(port)
        self.start()

    def plug(self, port):
        with self._lock:
            self._port = port
            self._leader, self._follower = os.openpty()
            tty.setraw(self._follower)
            os.set_blocking(self._leader, False)
            port.symlink_to(os.ttyname(self._follower))

    def unplug(self):
        with self._lock:
            self._port.unlink()
            os.close(self._leader)
            os.close(self._follower)
            self._leader = -1

    def run(self):
        begin = time.monotonic()
        for at_s, burst in self._ride:
            if self._ends.wait(max(0.0, begin + at_s - time.monotonic())):
                return
            with self._lock, contextlib.suppress(BlockingIOError):
                if self._leader < 0:
                    continue
                is_right = termios.tcgetattr(self._leader)[5] == self._baud
                os.write(self._leader, burst if is_right else bytes(b | 0x80 for b in burst))

    def stop(self):
        self._ends.set()
        self.join()
        if self._leader >= 0:
            self.unplug()


class Feed:
    """What a backend hears: the topics of its messages."""

    def __init__(self, port):
        self.topics = []
        self.bodies = []
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self.client.on_message = self._take
        self.client.connect("127.0.0.1", port)
        self.client.subscribe(f"o2o/v1/{CITY}/#", 1)
        self.client.loop_start()

    def _take(self, _client, _data, message):
        self.topics.append(message.topic)
        if message.payload and not message.topic.endswith("/last"):
            self.bodies.append(json.loads(message.payload))

    def gaps(self):
        """How often the gateway said that records of a log are gone."""
        return sum(body.get("event") == "gap" for body in list(self.bodies))

    def repeats(self):
        """Messages of one place in one log with another id."""
        ids = {}
        for body in list(self.bodies):
            if body.get("seq"):
                ids.setdefault((body["log"], body["seq"]), set()).add(body["id"])
        assert ids
        return sum(len(each) > 1 for each in ids.values())

    def fixes(self):
        return sum(topic.endswith("/fix") for topic in list(self.topics))

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def world(tmp_path):
    children = Children(tmp_path)
    site = Site(tmp_path, children, 0, "mosquitto")
    site.start_broker()
    feed = Feed(site.broker_port)
    yield site, feed, children
    feed.stop()
    children.stop()


def start(site, children, text):
    """Start a gateway with the configuration `text`, on the site's own ports."""
    config = site.folder / "receiver.toml"
    config.write_text(
        text + f"\n[broker]\nport = {site.broker_port}\n"
        f"\n[http]\nport = {site.http_port}\nlogin = false\n"
    )
    command = [sys.executable, "-m", "gateway", "run", "--config", str(config)]
    checked = [*command[:3], "check", "--config", str(config)]
    assert subprocess.run(checked, capture_output=True, timeout=30).returncode == 0
    return children.start("gateway", command)


def page_config(folder, port):
    """The first configuration of docs/receiver.md, with this test's port and folder."""
    (text, *_) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
    assert text.count(" = ") == 5  # the page promises five lines
    for old, new in (("out/receiver", folder / "data"), ("/dev/ttyUSB0", port)):
        assert f'"{old}"' in text
        text = text.replace(f'"{old}"', f'"{new}"')
    return text


def test_the_page_is_followed_with_a_pty_in_the_receivers_place(world, tmp_path):
    site, feed, children = world
    port = tmp_path / "ttyUSB0"
    gateway = start(site, children, page_config(tmp_path, port))
    wait_for(lambda: site.figures().get("terminal_up"), 20, children, "the terminal")
    wait_for(
        lambda: "is not there" in site.figures()["terminal_receiver_trouble"],
        10,
        children,
        "its word",
    )
    receiver = Receiver(port)
    try:
        wait_for(lambda: feed.fixes() >= 2, 30, children, "the first positions on the feed")
        # Figures are a second old at most.
        wait_for(lambda: site.figures()["terminal_fixes"] >= 2, 10, children, "its figures")
        told = site.figures()
        assert told["terminal_receiver_baud"] == 9_600 and told["terminal_nmea_good_gn"] > 0
        wait_for(
            lambda: "positions come, at 9600 baud" in (tmp_path / "gateway.log").read_text(),
            *(10, children, "its word"),
        )
        receiver.unplug()
        wait_for(
            lambda: "pulled out" in (tmp_path / "gateway.log").read_text(), 10, children, "plug"
        )
        receiver.plug(port)
        before = feed.fixes()
        wait_for(lambda: feed.fixes() >= before + 2, 30, children, "positions after the plug")
        # The gateway dies: its terminal goes with it, and both begin again where they were.
        (orphan,) = children_of(gateway.pid)
        gateway.kill()
        wait_for(lambda: not is_alive(orphan), 10, Children(tmp_path), "the orphan's end")
        gateway.start()
        before = feed.fixes()
        wait_for(lambda: feed.fixes() >= before + 2, 30, children, "positions after a restart")
    finally:
        receiver.stop()
    log = (tmp_path / "gateway.log").read_text()
    assert "Traceback" not in log
    assert feed.gaps() == 0 and feed.repeats() == 0
    (pid,) = children_of(gateway.pid)
    children.stop()
    assert not is_alive(pid)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children_of(pid):
    """The pids of the processes that `pid` has started."""
    found = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as file:
            found |= {int(each) for each in file.read().split()}
    return found


def test_a_recorded_log_in_the_receivers_place(world, tmp_path):
    site, feed, children = world
    then = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    ride = sentences.ride(generate(1, 2_000.0, ORIGIN_E7), then)[:2]
    (tmp_path / "ride.nmea").write_bytes(b"".join(burst for _, burst in ride))
    text = page_config(tmp_path, tmp_path / "ttyUSB0").replace("serial = ", "replay = ")
    start(site, children, text.replace("/ttyUSB0", "/ride.nmea"))
    wait_for(lambda: feed.fixes() >= 2, 30, children, "the log on the feed")
    wait_for(
        lambda: site.figures().get("terminal_receiver_state") == "ended", 20, children, "its end"
    )
    told = site.figures()
    assert told["terminal_up"] and told["terminal_fixes"] == 2
    assert "at its end after" in (tmp_path / "gateway.log").read_text()


def test_200_sensors_reach_the_application_whole(tmp_path):
    """The bench's run, for a few seconds: every advert by its sensor's own counter."""
    run = Run(tmp_path, 200, 2_000, RADIO_S)
    try:
        sent, told = run.finish()
        assert sent["sent"] == 2_000 * RADIO_S and sent["missed"] == 0
        assert told["readings"] == sent["sent"]
        assert told["lost"] == told["repeated"] == told["adverts_dropped"] == 0
        assert told["adverts_undecoded"] == told["radio_faults"] == 0
        deadline = time.monotonic() + 20
        while run.published.records < 200 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert run.published.records >= 200  # each sensor's first reading
    finally:
        run.stop()
