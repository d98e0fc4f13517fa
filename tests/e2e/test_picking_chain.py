"""A pick list from the platform to the tablet, its picks back to the feed, the page on the way."""

import sys
import time

import pytest
from playwright.sync_api import sync_playwright

from ar_picking.store import folder, layout, sample
from tools.demo.backend import Backend
from tools.demo.children import Children, wait_for
from tools.demo.rings import read
from tools.demo.site import CITY, Site, answers, free_ports
from tools.parts import require

DEVICE = "picker-0001"


class Shop:
    """A site with a store and a guide whose simulated picker walks and taps."""

    def __init__(self, place, speed, size):
        self.place = place
        self.children = Children(place)
        self.site = Site(place, self.children, 0, "mosquitto")
        self.site.start_broker()
        self.site.start_gateway()
        self.backend = Backend(self.site.broker_port, CITY, lambda order: None)
        self.backend.start()
        layout.make(layout.Layout("demo", "示范店", 2, 3, 3, 1), place / "store")
        self.store = folder.load(place / "store")
        self.port = free_ports(1)[0]
        self.guide = self.children.start(
            "guide",
            [
                *(sys.executable, "-m", "ar_picking", "guide", "--store", str(place / "store")),
                *("--http", f"127.0.0.1:{self.port}", "--size", size, "--speed", str(speed)),
                *("--broker", f"127.0.0.1:{self.site.broker_port}"),
                *("--device", DEVICE, "--state", str(place / DEVICE)),
            ],
        )
        wait_for(lambda: answers(self.port), 20, self.children, "the picking page")

    def send(self, name, lines):
        body = sample.sample_list(self.store, name, lines, orders=2, seed=5)
        assert self.site.post("/picklists", {**body, "device": DEVICE}) == ""
        return body

    def events(self):
        _, streams = self.backend.snapshot()
        return streams.get("pick", [])

    def wait_for_event(self, event, limit_s):
        wait_for(
            lambda: any(each["event"] == event for each in self.events()),
            limit_s,
            self.children,
            event,
        )

    def stop(self):
        self.backend.stop()
        self.children.stop()


@pytest.fixture
def shop(tmp_path):
    shops = []

    def start(speed=4, size="640x360"):
        shops.append(Shop(tmp_path, speed, size))
        return shops[-1]

    yield start
    for each in shops:
        each.stop()


@pytest.mark.timeout(120)
def test_a_list_is_picked_and_every_pick_reaches_the_feed_though_the_gateway_is_killed(shop):
    shop = shop()
    body = shop.send("L1", 4)
    shop.wait_for_event("picked", 40)
    shop.site.gateway.kill()
    time.sleep(2)
    shop.site.gateway.start()
    shop.wait_for_event("list_done", 60)
    events = shop.events()
    assert [each["event"] for each in events[:2]] == ["list_taken", "list_started"]
    assert events[1]["walk_dm"] <= events[1]["list_order_dm"]
    wanted = {(each["line"], each["bin"], each["sku"], each["qty"]) for each in body["lines"]}
    picked = {
        (each["line"], each["bin"], each["sku"], each["qty"])
        for each in events
        if each["event"] == "picked"
    }
    assert picked == wanted
    confirmed = [each["bin"] for each in events if each["event"] == "bin_confirmed"]
    assert sorted(confirmed) == sorted(each["bin"] for each in body["lines"])
    evidence = read(shop.place / DEVICE / "flash.img")["evidence"]
    numbers = [each["seq"] for each in events]
    assert numbers == list(range(1, evidence.count + 1))


@pytest.mark.timeout(60)
def test_a_list_for_a_bin_that_is_not_there_is_refused_on_the_feed(shop):
    shop = shop()
    line = {"line": 1, "order": "A1", "sku": "690", "name": "可乐", "bin": "Z9-99-9", "qty": 1}
    body = {"list": "L9", "device": DEVICE, "store": "demo", "lines": [line]}
    assert shop.site.post("/picklists", body) == ""
    shop.wait_for_event("list_refused", 30)
    assert "Z9-99-9" in shop.events()[0]["reason"]


@pytest.mark.timeout(120)
def test_the_page_leads_through_a_list_in_a_real_browser(shop):
    shop = shop(speed=2, size="640x360")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=require("chromium")[0],
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        faults = []
        page.on("console", lambda each: faults.append(each.text) if each.type == "error" else None)
        page.on("pageerror", lambda each: faults.append(str(each)))
        page.goto(f"http://127.0.0.1:{shop.port}/")
        body = shop.send("L1", 3)
        name = body["lines"][0]["name"]
        page.get_by_text(name).first.wait_for(timeout=20_000)
        shop.wait_for_event("list_done", 80)
        page.get_by_text("拣货完成").first.wait_for(timeout=10_000)
        text = page.inner_text("body")
        for line in body["lines"]:
            assert line["bin"] in text and line["name"] in text
        assert faults == []
        browser.close()
