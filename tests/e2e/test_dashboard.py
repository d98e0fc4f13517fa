"""The gateway's page in a real browser: boards speak to a real broker, the page must tell the truth.

One site for the file: four riders and a picker, among them one who fell silent, one whose cold box
lost its sensor, and one whose texts are hostile.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

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

_CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
_NEAR_ZH = "骑手距您298米，约4分钟"
_LOST_ZH = "温度传感器冷藏箱失联"
_HOSTILE = "<img src=x onerror=alert(1)>"
_TURNED = "\u202e"  # makes a browser write what follows from right to left
_HOSTILE_ZH = "<script>alert(2)</script><b>粗体</b>"
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
_LATE_ZH = "订单SH-2将晚到，请联系顾客"
_TILT_ZH = "冷箱倾斜，请扶正"
_CHILLED, _FROZEN, _LOST = (bytes([0xC4, 0x7C, 0x8D, 0, 0, n]) for n in (0x11, 0x22, 0x33))


# -- a site on loopback -----------------------------------------------------------------------------


@contextmanager
def _site(folder: Path) -> Iterator[Site]:
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


class _Board:
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
def _boards(broker_port: int) -> Iterator[Callable[[str, str], _Board]]:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker_port)
    client.loop_start()
    try:
        yield lambda kind, name: _Board(client, kind, name)
    finally:
        client.disconnect()
        client.loop_stop()


def _alert(board: _Board, alert: str, text_zh: str, text_en: str, **values: Any) -> None:
    board.send("alert", 0, alert=alert, text_zh=text_zh, text_en=text_en, **values)


def _adaptive(board: _Board) -> None:
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
    late = {"was": "warn", "late_pct": 71, "slack_s": -95, "text_zh": _LATE_ZH}
    board.send("risk", 5, order="SH-2", level="intervene", text_en="SH-2 will be late", **late)
    board.send("risk", 5, order="SH-3", level="warn", was="none", late_pct=34)
    board.send("exception", 40, code="overspeed", speed_mm_s=7600, seconds_s=12)
    board.send("health", 500, event="boot", boot=7, reset_cause="watchdog")
    board.send("health", 80, event="restart", subsystem="gnss", silent_ms=31_000)
    warm = {"profile": "chilled", "side": "high", "limit_cc": 800, "temp_cc": 1260}
    board.send("excursion", 20, order="SH-4", state="out", was="warn", product_cc=910, **warm)
    board.send(
        "integrity", 15, what="tilt", order="SH-4", text_zh=_TILT_ZH, text_en="Box is tilted"
    )
    told = {"profile": "chilled", "min_cc": 310, "max_cc": 1275, "total_s": 1300, "unknown_s": 60}
    board.send("verdict", 10, order="SH-1x", verdict="fail", **told)
    board.send("verdict", 9, order="SH-1y", verdict="pass", **told)


def _dinner(make: Callable[[str, str], _Board]) -> None:
    """Send what the tests look at."""
    _adaptive(make("rider", "rider-4"))
    alive, silent, cold, odd = (make("rider", f"rider-{n}") for n in range(4))
    picker = make("picker", "picker-1")
    for board in (alive, silent, cold, odd, picker):
        board.say("online")
    alive.ride(31.2304, 121.4737, 40, 0, source="rtk")
    alive.warm(_CHILLED, 410, 60, 0)
    alive.warm(_FROZEN, -2040, 60, 0)
    alive.send("order", 30, order="SH-1", state="assigned", orders_open=1)
    _alert(alive, "near", _NEAR_ZH, "Rider 298 m from you, about 4 min", order="SH-1", dist_m=298)
    silent.ride(31.2340, 121.4800, 100, 70)
    cold.ride(31.2270, 121.4700, 10, 0, flags=JUMP)
    cold.warm(_LOST, 390, 25, 5)
    cold.send("temp", 0, sensor=_LOST, state="lost", adverts=7)
    _alert(cold, "sensor_lost", _LOST_ZH, "Sensor is silent", sensor=_LOST)
    odd.send("order", 0, order=_HOSTILE, state="assigned", reason=_HOSTILE)
    _alert(odd, "near", _HOSTILE_ZH, _TURNED + _HOSTILE, order="__proto__")
    short = {"event": "short", "list": "L-77", "bin": "B-11-4", "sku": "6920", "qty": 3, "found": 1}
    picker.send("pick", 0, **short)


@dataclass
class _View:
    """A page and all that it complained of."""

    page: Page
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        def on_console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.faults.append(message.text)

        self.page.on("console", on_console)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.faults.append("dialog"), dialog.dismiss()))


@contextmanager
def _view(browser: Browser, url: str) -> Iterator[_View]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    view = _View(page)
    view.watch()
    try:
        page.goto(url)
        yield view
    finally:
        page.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = require("chromium")[0]
        chromium = playwright.chromium.launch(executable_path=path, args=_CHROMIUM_ARGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[_View]:
    folder = tmp_path_factory.mktemp("site")
    with _site(folder) as site, _boards(site.broker_port) as make, _view(browser, site.url) as view:
        # The page is open before the first record: what it shows came over the stream.
        expect(view.page.locator("#people-empty")).to_be_visible()
        expect(view.page.locator("[data-figure=page]")).to_have_text("✓ live")
        _dinner(make)
        expect(view.page.locator("#people .person")).to_have_count(6)
        yield view


def _pixels(page: Page, canvas: str, variable: str) -> int:
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


def _eventually(check: Callable[[], bool], what: str) -> None:
    """Canvases have no locators to wait for."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if check():
            return
        time.sleep(0.1)
    raise AssertionError(what)


# -- what the page must show ------------------------------------------------------------------------


def test_riders_are_listed_with_their_state_and_age(view: _View) -> None:
    people = view.page.locator("#people .person")
    alive = people.filter(has_text="SH-1 assigned")
    expect(alive).to_contain_text("km/h NE")
    expect(alive).to_contain_text("18 sats · 9 BeiDou")
    expect(alive).to_contain_text("RTK")
    expect(alive).to_contain_text("…0011 4.1 °C")
    expect(alive).to_contain_text("…0022 −20.4 °C")
    expect(alive.locator(".age")).to_contain_text(" s")
    expect(people.filter(has_text="picker")).to_have_count(1)


def test_a_rider_who_fell_silent_does_not_look_alive(view: _View) -> None:
    silent = view.page.locator('#people .person[data-standing="silent"]').filter(
        has_text="was 19 km/h"
    )
    expect(silent.first.locator(".age")).to_contain_text("silent 1 min")
    expect(view.page.locator("#people .group")).to_contain_text(["Need help 2", "Silent", "Live"])
    assert _pixels(view.page, "map", "--silent") > 20


def test_a_position_in_doubt_says_why(view: _View) -> None:
    doubted = view.page.locator("#people .person").filter(has_text="position jumped")
    expect(doubted).to_have_count(1)


def test_the_map_has_trails_and_markers(view: _View) -> None:
    _eventually(lambda: _pixels(view.page, "map", "--trail") > 50, "no trail on the map")
    assert _pixels(view.page, "temps", "--trail") == 0
    expect(view.page.locator("#map-empty")).to_be_hidden()


def test_a_click_follows_a_rider_and_fit_shows_all_again(view: _View) -> None:
    page = view.page
    page.locator("#people .person").filter(has_text="SH-1 assigned").locator("button").click()
    expect(page.locator("#follow")).to_contain_text("following")
    expect(page.locator("#temps-scope")).to_contain_text("only")
    page.mouse.move(300, 300)
    page.mouse.wheel(0, -300)
    page.keyboard.press("Escape")
    expect(page.locator("#follow")).to_be_hidden()
    expect(page.locator("#fit")).to_have_attribute("aria-pressed", "true")


def test_temperatures_are_drawn_and_a_lost_sensor_has_no_signal(view: _View) -> None:
    expect(view.page.locator("#temps-scope")).to_contain_text("3 sensors")
    _eventually(lambda: _pixels(view.page, "temps", "--ink") > 50, "no labels on the chart")
    assert _pixels(view.page, "temps", "--live") > 20  # the first line's colour
    lost = view.page.locator("#people .person").filter(has_text="…0033")
    expect(lost.locator(".sensors")).to_contain_text("✕ no signal")
    expect(lost.locator(".sensors")).not_to_contain_text("°C")
    expect(lost.locator(".sensors .bad")).to_have_count(1)
    expect(lost.locator(".need")).to_have_text("✕ sensor lost")


def test_who_needs_help_comes_first_and_says_why_in_words_and_shapes(view: _View) -> None:
    people = view.page.locator("#people")
    expect(people.locator("li").first).to_have_text("Need help 2")
    worst = people.locator(".person").first
    expect(worst.locator(".need")).to_contain_text("▲ intervene")
    expect(worst.locator(".orders bdi")).to_have_text(
        [
            "SH-2 picked up · ▲ intervene 71 %",
            "SH-3 assigned · ◆ may be late 34 %",
            "SH-4 picked up · ▲ out of range",
        ]
    )
    expect(worst.locator(".orders .bad")).to_have_count(2)
    expect(worst.locator(".orders .warn")).to_have_count(1)
    expect(worst.locator(".stops")).to_contain_text(
        "next: hand over SH-2 → pick up SH-3 → hand over SH-4 → hand over SH-3 and 1 more"
    )
    expect(worst.locator(".stops")).to_contain_text("◆ 1 will miss their time")


def test_a_board_that_tells_only_when_it_matters_is_live_and_its_age_is_honest(view: _View) -> None:
    page = view.page
    rare = page.locator("#people .person").filter(has_text="SH-2")
    expect(rare).to_have_attribute("data-standing", "live")
    expect(rare).to_contain_text("19 km/h N")
    expect(rare).to_contain_text("riding")
    # It was 6 s old when it came: the age is the position's, as far as clocks agree.
    state = page.request.get(f"{page.url}api/state").json()
    fix = state["subjects"][rare.locator(".name").inner_text()]["fix"]
    came_s = time.time() - datetime.fromisoformat(fix["received"]).timestamp()
    minutes, _, seconds = rare.locator(".age").inner_text().removesuffix(" s").rpartition(" min ")
    assert 3 < int(minutes or 0) * 60 + int(seconds) - came_s < 9
    rare.locator("button").click()
    expect(page.locator("#follow")).to_contain_text("following")
    # The others are 3 km away: this is the stretch of track.
    _eventually(lambda: _pixels(page, "map", "--trail") > 50, "no track on the map")
    page.keyboard.press("Escape")


def test_what_the_board_noticed_is_told_in_plain_words(view: _View) -> None:
    events = view.page.locator("#events .event")

    def told(stream: str, text: str, more: str, tone: str) -> None:
        event = events.and_(view.page.locator(f'[data-stream="{stream}"]')).filter(has_text=text)
        expect(event).to_have_count(1)
        expect(event.locator(".more")).to_contain_text(more)
        expect(event).to_have_attribute("data-tone", tone)

    told(
        "risk",
        f"▲ intervene: {_LATE_ZH}",
        "SH-2 will be late · SH-2 · warn → intervene · 1 min 35 s late",
        "bad",
    )
    told("risk", "◆ may be late", "SH-3 · none → warn", "warn")
    told("excursion", "▲ SH-4 too warm: out of range", "air 12.6 °C · goods 9.1 °C", "bad")
    told("integrity", _TILT_ZH, "Box is tilted · SH-4", "warn")
    told("integrity", "■ SH-1x cold chain: FAIL", "chilled · 3.1 °C to 12.8 °C", "bad")
    told("integrity", "✓ SH-1y cold chain: PASS", "1 min 0 s of 21 min unknown", "")
    told("exception", "rode above 25 km/h for 12 s", "up to 27 km/h", "warn")
    told("health", "restarted a part: gnss", "silent for 31 s", "warn")
    told("health", "board started, boot 7", "after: watchdog", "")


def test_alerts_are_in_chinese_first_and_alarms_stay_on_top(view: _View) -> None:
    top = view.page.locator("#events .event").first
    expect(top.locator(".main")).to_have_text(_LOST_ZH)
    expect(top.locator(".more")).to_have_text("Sensor is silent")
    near = view.page.locator("#events .event").filter(has_text=_NEAR_ZH)
    expect(near.locator(".main")).to_have_attribute("lang", "zh-Hans")
    expect(near.locator(".more")).to_contain_text("Rider 298 m from you")


def test_events_are_filtered_by_stream(view: _View) -> None:
    picks = view.page.locator('#events .event[data-stream="pick"]')
    toggle = view.page.locator('#toggles [data-stream="pick"]')
    expect(picks).to_contain_text("L-77 short: found 1 of 3 × 6920 at B-11-4")
    toggle.click()
    expect(picks).to_have_count(0)
    expect(toggle).to_have_text("pick 1")
    toggle.click()
    expect(picks).to_have_count(1)


def test_hostile_text_is_shown_as_text(view: _View) -> None:
    page = view.page
    expect(page.locator("#people .orders").filter(has_text=_HOSTILE)).to_have_count(1)
    expect(page.locator("#events .main", has_text=_HOSTILE_ZH)).to_have_count(1)
    assert page.locator("main img, main script, main b, main svg, main iframe").count() == 0
    # A character that turns the reading direction is made visible.
    assert _TURNED not in page.locator("#events").inner_text()


def test_the_status_line_counts_and_nothing_was_complained_of(view: _View) -> None:
    page = view.page
    expect(page.locator("[data-figure=place]")).to_have_text("gw-demo · shanghai")
    expect(page.locator("[data-figure=devices]")).to_have_text("✓ up")
    expect(page.locator("[data-figure=commit]")).to_have_text("✓ writing")
    expect(page.locator("[data-figure=gaps]")).to_have_text("0 / 0")
    expect(page.locator("[data-figure=records]")).not_to_have_text("0")
    expect(page.locator("#banners")).to_be_empty()
    assert view.faults == []


def test_a_page_that_loads_late_shows_the_same(view: _View, browser: Browser) -> None:
    with _view(browser, view.page.url) as late:
        expect(late.page.locator("#people .person")).to_have_count(6)
        count = view.page.locator("#events .event").count()
        expect(late.page.locator("#events .event")).to_have_count(count)
        _eventually(lambda: _pixels(late.page, "map", "--trail") > 50, "no trail after loading")
        assert late.faults == []


def test_the_page_says_when_the_gateway_is_gone_and_goes_on_when_it_is_back(
    tmp_path: Path, browser: Browser
) -> None:
    with (
        _site(tmp_path) as site,
        _boards(site.broker_port) as make,
        _view(browser, site.url) as view,
    ):
        page = view.page
        rider = make("rider", "rider-9")
        rider.ride(31.2304, 121.4737, 5, 0)
        expect(page.locator('.person[data-standing="live"]')).to_have_count(1)
        assert site.gateway is not None
        site.gateway.kill()
        expect(page.locator("#banners")).to_contain_text("NOT LIVE", timeout=6000)
        expect(page.locator("body")).to_have_class("not-live")
        expect(page.locator("[data-figure=devices]")).to_have_text("? unknown")
        # Who was live a moment ago is not shown as alive by a page that knows nothing.
        expect(page.locator('.person[data-standing="live"]')).to_have_count(0)
        site.gateway.start()
        expect(page.locator("body")).not_to_have_class("not-live", timeout=15_000)
        rider.ride(31.2305, 121.4738, 1, 0)
        expect(page.locator('.person[data-standing="live"]')).to_have_count(1)
