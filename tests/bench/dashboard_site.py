"""A site on loopback whose boards are played, and its page in a real browser: for the tests of the
dashboard and for its bench.

Four riders and a picker, among them one who fell silent, one whose cold box lost its sensor, and one
whose texts are hostile.
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, sync_playwright

from protocols import messages
from protocols.calendar import EPOCH_DAYS_AFTER_UNIX
from protocols.cbor import Writer
from protocols.fix import JUMP
from protocols.line import LineWriter
from protocols.topics import device_topic
from protocols.track import pair_of
from protocols.units import DAY_MS
from tools.demo.children import Children
from tools.demo.site import Site
from tools.parts import require

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
NEAR_ZH = "骑手距您298米，约4分钟"
LOST_ZH = "温度传感器冷藏箱失联"
HOSTILE = "<img src=x onerror=alert(1)>"
TURNED = "\u202e"  # makes a browser write what follows from right to left
HOSTILE_ZH = "<script>alert(2)</script><b>粗体</b>"
_FIX = {
    "mode": 3,
    "quality": 1,
    "sats_used": 18,
    "bds_used": 9,
    "hdop_c": 80,
    "acc_cm": 320,
    "speed_mm_s": 5200,
    "course_cdeg": 4500,
    "source": "gnss",
    "datum": "wgs84",
}
LATE_ZH = "订单SH-2将晚到，请联系顾客"
TILT_ZH = "冷箱倾斜，请扶正"
CHILLED, FROZEN, LOST = (bytes([0xC4, 0x7C, 0x8D, 0, 0, n]) for n in (0x11, 0x22, 0x33))


# -- a site on loopback -----------------------------------------------------------------------------


@contextmanager
def open_site(folder: Path) -> Iterator[Site]:
    """A broker and a gateway until the end of the block."""
    children = Children(folder)
    # It is noon here: pseudonyms change at midnight, and the tests send records of the last minutes.
    site = Site(folder, children, 0, "mosquitto", utc_offset_h=12 - time.gmtime().tm_hour)
    try:
        site.start_broker()
        site.start_gateway()
        yield site
    finally:
        children.stop()


class Board:
    """A board's outgoing side: numbers its records and publishes frames."""

    def __init__(self, client: mqtt.Client, kind: str, name: str):
        self._client = client
        self._kind = kind
        self._name = name
        # Of each ring: its log, and the next sequence number.
        self._rings = [[random.getrandbits(31) | 1, 1] for _ in messages.LOGS]

    def send(self, name: str, age_s: float, **values: Any) -> None:
        """Send one record that is `age_s` old."""
        days, ms = divmod(int((time.time() - age_s) * 1000), DAY_MS)
        number = messages.type_of(name)
        ring = self._rings[messages.log_of(number)]
        writer = Writer(bytearray(messages.FRAME_MAX_BYTES))
        messages.put_frame_head(writer, ring[0], 1, ring[1])
        messages.put_record(writer, number, (1, 0, days - EPOCH_DAYS_AFTER_UNIX, ms), values)
        assert not writer.full
        ring[1] += 1
        self._publish("up", bytes(writer.buf[: writer.n]))

    def now(self, age_s: float, **values: Any) -> None:
        """Send a position that is in no log."""
        days, ms = divmod(int((time.time() - age_s) * 1000), DAY_MS)
        writer = Writer(bytearray(messages.FRAME_MAX_BYTES))
        messages.put_frame_head(writer, messages.NO_LOG, 0, 0)
        stamp = (1, 0, days - EPOCH_DAYS_AFTER_UNIX, ms)
        messages.put_record(writer, messages.NOW, stamp, values)
        self._publish("up", bytes(writer.buf[: writer.n]))

    def track(
        self, lat: float, lon: float, since_s: int, steps: list[tuple[int, int, int]]
    ) -> None:
        """Send a stretch of track that began then; steps: (seconds, cells of 4 m north, east)."""
        line = LineWriter(bytearray(256), 40)
        ms = int((time.time() - since_s) * 1000) % DAY_MS
        places = [pair_of(round(degrees * 1e7)) for degrees in (lat, lon)]
        assert line.begin(ms, *places, 10)
        ticks = north = east = 0
        for took_s, i, j in steps:
            ticks, north, east = ticks + took_s, north + i, east + j
            assert line.add(ticks, north, east)
        self.send("track", since_s, packed=bytes(line.buf[: line.n]), bound_cm=1000)

    def say(self, presence: str) -> None:
        """Send a presence, 'online' or 'offline'."""
        self._publish("presence", presence.encode())

    def ride(self, lat: float, lon: float, since_s: int, until_s: int, **more: Any) -> None:
        """Send a fix a second, going north-east, from `since_s` ago until `until_s` ago."""
        for age_s in range(since_s, until_s - 1, -1):
            gone_e7 = (since_s - age_s) * 500
            here = {"lat_e7": int(lat * 1e7) + gone_e7, "lon_e7": int(lon * 1e7) + gone_e7}
            self.send("fix", age_s, **{**_FIX, **here, **more})

    def warm(self, sensor: bytes, temp_cc: int, since_s: int, until_s: int) -> None:
        """Send a reading every 5 s."""
        for age_s in range(since_s, until_s - 1, -5):
            self.send("temp", age_s, sensor=sensor, temp_cc=temp_cc + age_s % 3 * 10, state="live")

    def _publish(self, leaf: str, payload: bytes) -> None:
        self._client.publish(
            device_topic(self._kind, self._name, leaf), payload, 1
        ).wait_for_publish(5)


@contextmanager
def play_boards(broker_port: int) -> Iterator[Callable[[str, str], Board]]:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker_port)
    client.loop_start()
    try:
        yield lambda kind, name: Board(client, kind, name)
    finally:
        client.disconnect()
        client.loop_stop()


def send_alert(board: Board, alert: str, text_zh: str, text_en: str, **values: Any) -> None:
    board.send("alert", 0, alert=alert, text_zh=text_zh, text_en=text_en, **values)


def adaptive(board: Board) -> None:
    """Send what a board of the profile `adaptive` tells of a rider in trouble, north of the others."""
    board.say("online")
    for order, state in (("SH-2", "picked_up"), ("SH-3", "assigned"), ("SH-4", "picked_up")):
        board.send("order", 600, order=order, state=state)
    board.track(31.26, 121.47, 300, [(60, 90, 0), (120, 0, 150), (60, 75, 0), (40, 50, 0)])
    riding = {"acc_cm": 300, "speed_mm_s": 5200, "course_cdeg": 0, "motion": "ride"}
    for age_s in (20, 6):
        lat_e7 = 312677000 + (20 - age_s) * 467
        board.now(age_s, lat_e7=lat_e7, lon_e7=1214763000, source="gnss", datum="wgs84", **riding)
    board.send("stops", 90, sequence="-SH-2,+SH-3,-SH-4,-SH-3,+SH-9", ride_s=700, late=1)
    late = {"was": "warn", "late_pct": 71, "slack_s": -95, "text_zh": LATE_ZH}
    board.send("risk", 5, order="SH-2", level="intervene", text_en="SH-2 will be late", **late)
    board.send("risk", 5, order="SH-3", level="warn", was="none", late_pct=34)
    board.send("exception", 40, code="overspeed", speed_mm_s=7600, seconds_s=12)
    board.send("health", 500, event="boot", boot=7, reset_cause="watchdog")
    board.send("health", 80, event="restart", subsystem="gnss", silent_ms=31_000)
    warm = {"profile": "chilled", "side": "high", "limit_cc": 800, "temp_cc": 1260}
    board.send("excursion", 20, order="SH-4", state="out", was="warn", product_cc=910, **warm)
    board.send("integrity", 15, what="tilt", order="SH-4", text_zh=TILT_ZH, text_en="Box is tilted")
    told = {"profile": "chilled", "min_cc": 310, "max_cc": 1275, "total_s": 1300, "unknown_s": 60}
    board.send("verdict", 10, order="SH-1x", verdict="fail", **told)
    board.send("verdict", 9, order="SH-1y", verdict="pass", **told)


def dinner(make: Callable[[str, str], Board]) -> None:
    """Send what the tests look at."""
    adaptive(make("rider", "rider-4"))
    alive, silent, cold, odd = (make("rider", f"rider-{n}") for n in range(4))
    picker = make("picker", "picker-1")
    for board in (alive, silent, cold, odd, picker):
        board.say("online")
    alive.ride(31.2304, 121.4737, 40, 0, source="rtk")
    alive.warm(CHILLED, 410, 60, 0)
    alive.warm(FROZEN, -2040, 60, 0)
    alive.send("order", 30, order="SH-1", state="assigned", orders_open=1)
    send_alert(
        alive, "near", NEAR_ZH, "Rider 298 m from you, about 4 min", order="SH-1", dist_m=298
    )
    silent.ride(31.2340, 121.4800, 100, 70)
    cold.ride(31.2270, 121.4700, 10, 0, flags=JUMP)
    cold.warm(LOST, 390, 25, 5)
    cold.send("temp", 0, sensor=LOST, state="lost", adverts=7)
    send_alert(cold, "sensor_lost", LOST_ZH, "Sensor is silent", sensor=LOST)
    odd.send("order", 0, order=HOSTILE, state="assigned", reason=HOSTILE)
    send_alert(odd, "near", HOSTILE_ZH, TURNED + HOSTILE, order="__proto__")
    short = {"event": "short", "list": "L-77", "bin": "B-11-4", "sku": "6920", "qty": 3, "found": 1}
    picker.send("pick", 0, **short)


@dataclass
class View:
    """A page and all that it complained of."""

    page: Page
    link: str
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        def on_console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.faults.append(message.text)

        self.page.on("console", on_console)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.faults.append("dialog"), dialog.dismiss()))


@contextmanager
def open_page(browser: Browser, url: str) -> Iterator[View]:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    page.set_default_timeout(6_000)
    view = View(page, url)
    view.watch()
    try:
        page.goto(url)
        page.wait_for_url(re.compile(r"\d/$"))  # the link has logged in, and left the address bar
        yield view
    finally:
        page.close()


def pixels(page: Page, canvas: str, variable: str) -> int:
    """Return how many pixels of a canvas have the colour of a variable of the theme."""
    return int(
        page.evaluate(
            """([id, variable]) => {
          const hex = getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
          const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
          // Read from a copy: reading the page's own canvas would change how it is drawn.
          const canvas = document.getElementById(id);
          const copy = new OffscreenCanvas(canvas.width, canvas.height);
          const context = copy.getContext("2d", { willReadFrequently: true });
          context.drawImage(canvas, 0, 0);
          const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
          let count = 0;
          for (let i = 0; i < data.length; i += 4) {
            const off = Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
            if (data[i + 3] > 250 && off < 12) count += 1;
          }
          return count;
        }""",
            [canvas, variable],
        )
    )


def eventually(check: Callable[[], bool], what: str) -> None:
    """Canvases have no locators to wait for."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if check():
            return
        time.sleep(0.1)
    raise AssertionError(what)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Chromium until the end of the block."""
    with sync_playwright() as playwright:
        path = require("chromium")[0]
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield chromium
        chromium.close()


@contextmanager
def open_modules(browser: Browser) -> Iterator[Page]:
    """An empty page that can import the dashboard's modules: no gateway, nothing else of the page."""
    home = "http://page.test/"

    def serve(route: Route) -> None:
        name = route.request.url.removeprefix(home)
        if name.endswith(".js"):
            body = files("gateway.web").joinpath("page", name).read_text()
            route.fulfill(body=body, content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html><title>.</title>", content_type="text/html")

    page = browser.new_page()
    page.route("**/*", serve)
    page.goto(home)
    yield page
    page.close()
