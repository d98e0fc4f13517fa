"""What opens beside the dashboard's picture of now: one order, the past, the forms; and what each role
sees of it. One site for the file; the last test ends its gateway.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from dashboard_site import (
    CHILLED,
    LATE_ZH,
    Board,
    View,
    eventually,
    open_browser,
    open_page,
    open_site,
    pixels,
    play_boards,
)
from playwright.sync_api import Browser, expect

from gateway.web.users import Users
from tools.demo.site import Site

ORDER = "SH-7"
DROP = {"lat_e7": 312304000, "lon_e7": 1214737000}


@dataclass
class Shop:
    """A site with one rider who carries SH-7, and the page of an admin."""

    site: Site
    view: View
    rider: Board

    def link(self, role: str) -> str:
        """Return an address that logs a browser in with a role."""
        users = Users(self.site.folder / "gateway" / "users.json")
        users.put(role, role, None)
        return f"{self.site.url}/login#link={users.add_link(role, 600, 5)}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("site")
    with (
        open_site(folder) as site,
        play_boards(site.broker_port) as make,
        open_page(browser, site.page) as view,
    ):
        page, rider = view.page, make("rider", "rider-7")

        def is_known() -> bool:
            rider.say("online")
            return bool(page.request.get(f"{site.url}/api/devices").json()["devices"])

        # The gateway is ready before its broker has taken its subscription: what is said until then is
        # heard by nobody.
        eventually(is_known, "the gateway hears nobody")
        rider.track(31.2304, 121.4737, 40, [(10, 12, 0), (10, 0, 12), (10, 12, 0)])
        rider.warm(CHILLED, 410, 60, 30)
        promised = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 600))
        body = {"order": ORDER, "device": "rider-7", "drop": DROP, "profile": "chilled"}
        assert site.post("/orders", {**body, "promised": promised}) == ""
        rider.send("order", 40, order=ORDER, state="picked_up")
        rider.send("risk", 25, order=ORDER, level="warn", was="none", late_pct=34, slack_s=30)
        warm = {"profile": "chilled", "sensor": CHILLED, "side": "high", "limit_cc": 801}
        rider.send("excursion", 30, order=ORDER, state="warn", was="in", temp_cc=830, **warm)
        rider.warm(CHILLED, 1240, 25, 0)
        expect(page.locator("#people .person")).to_have_count(1)
        # True only now: when the first row came nobody needed help.
        rider.send("excursion", 0, order=ORDER, state="out", was="warn", temp_cc=1260, **warm)
        late = {"was": "warn", "late_pct": 71, "slack_s": -95, "text_zh": LATE_ZH}
        rider.send("risk", 0, order=ORDER, level="intervene", text_en="late", **late)
        expect(page.locator("#headline-title")).to_have_text("▲ 1 needs help")
        yield Shop(site, view, rider)


def test_the_orders_are_listed_by_their_risk(shop: Shop) -> None:
    page = shop.view.page
    page.locator("#tab-orders").click()
    row = page.locator("#orders .order")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("▲ intervene 71 %")
    expect(row).to_contain_text("1 min 35 s late")
    expect(row).to_contain_text("▲ out of range")
    page.locator("#tab-people").click()
    expect(page.locator("#people .person")).to_have_count(1)


def test_an_order_is_shown_whole(shop: Shop) -> None:
    page = shop.view.page
    page.locator("#people .orders bdi", has_text=ORDER).click()
    order = page.locator("#order-view")
    expect(order.locator("#order-title")).to_have_text(ORDER)
    expect(order.locator("#order-told")).to_contain_text("picked up · chilled")
    expect(order.locator("#order-facts")).to_contain_text("promised")
    expect(order.locator("#order-facts")).to_contain_text("in 9 min")
    expect(order.locator("#order-facts .bad")).to_have_count(2)  # its risk and its cold chain
    texts = order.locator("#order-events .event")
    expect(texts.filter(has_text="intervene")).to_have_count(1)
    expect(texts.filter(has_text="cold warn")).to_have_count(1)
    expect(texts.last).to_contain_text("picked up")
    # The curve with the profile's band, its mark, and where the goods fail.
    eventually(lambda: pixels(page, "order-temps", "--c1") > 20, "no curve")
    assert pixels(page, "order-temps", "--bad") > 10
    page.keyboard.press("Escape")
    expect(order).to_be_hidden()


def test_an_order_of_nobody_says_so(shop: Shop) -> None:
    state = shop.view.page.request.get(f"{shop.site.url}/api/orders/SH-none")
    assert state.status == 404 and state.json() == {"error": "nobody has sent this order"}


def test_the_page_speaks_chinese_and_remembers(shop: Shop) -> None:
    page = shop.view.page
    page.locator("#language").click()
    expect(page.locator("#headline-title")).to_have_text("▲ 1人需要支援")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.locator("#people .need")).to_contain_text("需介入")
    expect(page.locator("#events .event").first).to_contain_text(LATE_ZH)
    page.reload()
    expect(page.locator("#tab-orders")).to_contain_text("订单")
    page.locator("#language").click()
    expect(page.locator("#tab-orders")).to_contain_text("Orders")


def test_the_map_says_its_datum(shop: Shop) -> None:
    page = shop.view.page
    expect(page.locator("#datum")).to_have_text("WGS-84")
    page.locator("#datum").click()
    expect(page.locator("#datum")).to_have_text("GCJ-02")
    eventually(lambda: pixels(page, "map", "--live") > 5, "no rider on the map")
    page.locator("#datum").click()


def test_a_dispatcher_gives_an_order_and_reads_the_answer(shop: Shop, browser: Browser) -> None:
    with open_page(browser, shop.link("dispatcher")) as view:
        page = view.page
        expect(page.locator("#open-devices")).to_be_hidden()
        page.locator("#open-desk").click()
        page.locator("#desk-order").fill("SH-8")
        page.locator("#desk-device").fill("rider-7")
        page.locator("#desk-drop").fill("north of here")
        page.locator("#desk-send").click()
        expect(page.locator("#desk-answer")).to_contain_text("latitude, longitude")
        page.locator("#desk-drop").fill("31.2304, 121.4737")
        page.locator("#desk-profile").select_option("frozen")
        page.locator("#desk-send").click()
        expect(page.locator("#desk-answer")).to_contain_text("✓ taken")
        page.locator("#desk-action").select_option("cancel")
        expect(page.locator("#desk-device")).to_be_hidden()
        page.locator("#desk-order").fill("SH-none")
        page.locator("#desk-send").click()
        expect(page.locator("#desk-answer.bad")).to_contain_text("SH-none")
        page.keyboard.press("Escape")
        assert page.request.get(f"{shop.site.url}/api/devices").status == 403
        assert [fault for fault in view.faults if "404" not in fault and "409" not in fault] == []


def test_a_viewer_sees_no_form_and_is_refused_behind_it(shop: Shop, browser: Browser) -> None:
    with open_page(browser, shop.link("viewer")) as view:
        page = view.page
        expect(page.locator("#me")).to_have_text("viewer viewer")
        expect(page.locator("#open-desk")).to_be_hidden()
        expect(page.locator("#open-devices")).to_be_hidden()
        page.locator("#people .orders bdi", has_text=ORDER).click()
        expect(page.locator("#order-told")).to_contain_text("picked up")
        expect(page.locator("#order-cancel")).to_be_hidden()
        page.keyboard.press("Escape")
        post = page.request.post(f"{shop.site.url}/orders", data=json.dumps({"order": "SH-9"}))
        assert post.status == 403
        page.locator("#logout").click()
        expect(page.locator("#password")).to_be_visible()


def test_the_past_is_shown_as_it_was_and_said_to_be_past(shop: Shop) -> None:
    page = shop.view.page
    began_ms = page.request.get(f"{shop.site.url}/api/history").json()["from_ms"]
    # The slider goes by seconds and ends a second ago: a shorter past has one place on it.
    eventually(lambda: time.time() * 1000 - began_ms > 3_000, "the clock stands")
    page.locator("#open-replay").click()
    expect(page.locator("#headline-title")).to_contain_text("REPLAY")
    # When the first row came nobody needed help yet, and the box was only getting warm.
    slider = page.locator("#replay-at")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator("#people .group")).to_have_text(["Live 1"])
    expect(page.locator("#people .orders")).to_contain_text("◆ cold warn")
    expect(page.locator("#people .orders")).to_contain_text("◆ may be late 34 %")
    expect(page.locator("body")).to_have_class("replaying")
    # The slider has its keys, and the end of the past is now.
    page.keyboard.press("End")
    expect(page.locator("#people .orders")).to_contain_text("▲ out of range")
    expect(page.locator("#people .group").first).to_have_text("Need help 1")
    page.locator("#replay-now").click()
    expect(page.locator("#headline-title")).to_have_text("▲ 1 needs help")
    expect(page.locator("body")).not_to_have_class("replaying")


def test_an_admin_sees_the_devices_by_name(shop: Shop) -> None:
    page = shop.view.page
    page.locator("#open-devices").click()
    expect(page.locator("#devices-table tr")).to_have_count(2)
    expect(page.locator("#devices-table")).to_contain_text("rider-7")
    expect(page.locator("#devices-table")).to_contain_text("● online")
    page.locator("#devices-find").fill("nobody")
    expect(page.locator("#devices-table tr")).to_have_count(1)
    page.locator("summary", has_text="All counters").click()
    expect(page.locator("#counters")).to_contain_text("records")
    page.keyboard.press("Escape")
    assert shop.view.faults == []


def test_the_page_says_when_the_gateway_is_gone_and_goes_on_when_it_is_back(shop: Shop) -> None:
    site, rider, page = shop.site, shop.rider, shop.view.page
    rider.ride(31.2304, 121.4737, 5, 0)
    expect(page.locator("#people .person")).not_to_have_attribute("data-standing", "silent")
    assert site.gateway is not None
    site.gateway.kill()
    expect(page.locator("#headline-title")).to_contain_text("NOT LIVE", timeout=9000)
    expect(page.locator("body")).to_have_class("not-live")
    # What was known of the gateway is not shown as if it were so now.
    expect(page.locator("[data-figure=answer_ms]")).to_have_count(0)
    # Who was live a moment ago is not shown as alive by a page that knows nothing.
    expect(page.locator('.person[data-standing="live"]')).to_have_count(0)
    site.gateway.start()
    expect(page.locator("body")).not_to_have_class("not-live", timeout=15_000)
    rider.ride(31.2305, 121.4738, 1, 0)
    expect(page.locator('.person[data-standing="live"]')).to_have_count(1)
