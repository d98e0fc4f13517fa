"""The tablet's page in Chromium, its camera a rendered walk, everything behind it real.

What has to hold whatever is killed or cut: no pick is lost, and none is confirmed wrong.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tablet_shop import TabletShop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[TabletShop]:
    with TabletShop(tmp_path) as shop:
        yield shop


def _check_feed(shop: TabletShop, short: list[int]) -> None:
    """Every line of the list is on the feed once, as it was wanted; the numbers have no gap."""
    events = shop.events()
    wanted = {each["line"]: each for each in shop.body["lines"]}
    picked = [each for each in events if each["event"] == "picked"]
    assert sorted(each["line"] for each in picked) == sorted(set(wanted) - set(short))
    for each in picked:
        line = wanted[each["line"]]
        assert {key: each[key] for key in ("order", "sku", "bin", "qty")} == {
            key: line[key] for key in ("order", "sku", "bin", "qty")
        }
    assert [each["line"] for each in events if each["event"] == "short"] == short
    for each in events:
        if each["event"] == "bin_confirmed":
            assert each["bin"] == wanted[each["line"]]["bin"]
    numbers = [each["seq"] for each in events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.timeout(180)
def test_a_list_is_picked_though_page_and_box_are_killed_and_the_network_is_cut(
    shop: TabletShop,
) -> None:
    page = shop.open(shop.pairing_url())
    assert "#" not in page.url  # the code does not stay in the address
    expect(page.locator("#net")).to_have_class("net online", timeout=15_000)
    shop.close_browser()
    page = shop.open()  # no code from here on: the tablet is paired
    shop.send_list()
    expect(page.locator("#list li")).to_have_count(6, timeout=15_000)
    shop.pick_until(1, 60)
    expect(page.locator("#state")).to_have_attribute("data-state", "tracked", timeout=20_000)

    shop.kill_browser()
    page = shop.open()
    expect(page.locator("#list li.picked")).to_have_count(1, timeout=15_000)
    shop.pick_until(2, 60)

    shop.box.kill()
    expect(page.locator("#state")).to_have_attribute("data-state", "lost", timeout=10_000)
    shop.box.start()
    shop.wait_for_box()
    shop.pick_until(3, 60)

    # half the list without any network, and the page loaded anew in the middle of it
    shop.box.kill()
    expect(page.locator("#net")).to_have_class("net offline", timeout=15_000)
    page.reload()
    page.wait_for_selector("#main:not([hidden])", timeout=30_000)
    expect(page.locator("#list li.picked")).to_have_count(3, timeout=15_000)
    page.click("#manual_on")  # without the box no bin is confirmed by sight
    expect(page.locator("#tap")).to_be_enabled()
    wrong = next(e for e in shop.body["lines"] if e["line"] != shop.view()["line"]["line"])
    shop.press("#tap")  # the bin, by hand
    page.wait_for_timeout(400)
    shop.scan(wrong["sku"])
    expect(page.locator("#wrong")).to_be_visible()
    assert shop.done() == 3
    shop.pick_until(5, 30)
    last = shop.view()["line"]["line"]
    page.click("#short")
    page.click("#ask-yes")
    page.wait_for_function(
        """() => {
          const { pending } = picking.net();
          const told = document.querySelector("#net b").textContent;
          const right = told === `离线 · 记录已保存 ${pending} 条`;
          return picking.view().short === 1 && pending >= 3 && right;
        }"""
    )
    assert not any(each["event"] == "short" for each in shop.events())

    shop.box.start()
    shop.wait_for_box()
    expect(page.locator("#net")).to_have_class("net online", timeout=30_000)
    shop.pick_until(6, 30)
    shop.finish(20)
    _check_feed(shop, [last])
    assert shop.faults == []


_REFUSED = """
navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
"""
_IS_KEPT = """async () => {
  const found = await Promise.all(["/session", "/.whole"].map((path) => caches.match(path)));
  return found.every(Boolean);
}"""
_HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.mark.timeout(120)
def test_a_tablet_without_a_camera_picks_by_hand_in_one_window_and_trusts_no_name(
    tmp_path: Path,
) -> None:
    with TabletShop(tmp_path, lines=2, orders=2, fps=5, dwell_s=0.5) as shop:
        for line in shop.body["lines"]:
            line["name"] = _HOSTILE
        page = shop.open(shop.pairing_url(), _REFUSED)
        dialogs: list[str] = []
        page.on("dialog", lambda each: (dialogs.append(each.message), each.dismiss()))
        expect(page.locator("#camera-off")).to_be_visible(timeout=10_000)
        shop.send_list()
        expect(page.locator("#goods")).to_have_text(_HOSTILE, timeout=15_000)

        other = shop.browser.contexts[0].new_page()
        other.goto(shop.url)
        expect(other.locator("#wait[data-why=other_tab]")).to_be_visible(timeout=15_000)
        other.close()
        page.bring_to_front()

        # the first visit is kept, its session too: the next start does without the box
        page.wait_for_function(_IS_KEPT, timeout=15_000)
        shop.box.kill()
        page.reload()
        page.wait_for_selector("#main:not([hidden])", timeout=20_000)
        expect(page.locator("#goods")).to_have_text(_HOSTILE, timeout=10_000)
        shop.box.start()

        page.click("#manual_on")
        expect(page.locator("#tap")).to_be_enabled()
        page.click("#cart .slot.to")  # a slot is no confirmation of a bin
        expect(page.locator("#notice")).to_be_visible()
        assert shop.view()["step"] == "bin"
        bin_name = shop.view()["line"]["bin"]
        began = page.evaluate("performance.now()")
        shop.scan("nothing-of-this-shop")
        page.wait_for_selector("#wrong:not([hidden])")
        assert page.evaluate("performance.now()") - began < 2000  # a bench has the figure
        assert shop.view()["line"]["bin"] == bin_name
        shop.pick_until(2, 40)
        shop.finish(20)
        _check_feed(shop, [])
        assert page.locator("img").count() == 0
        assert (dialogs, shop.faults) == ([], [])
