"""The trainer in a real browser: a lesson played with clicks and keys to its score sheet."""

import json
import subprocess
import sys
import time

import pytest
from playwright.sync_api import sync_playwright

from ar_picking.store import folder, layout
from tools.demo.site import answers, free_ports
from tools.parts import require
from tools.parts.place import ROOT


@pytest.fixture
def trainer(tmp_path):
    """(address, store, file of score sheets) of `o2o ar train` in a small store."""
    layout.make(layout.Layout("small", "小店", 2, 3, 3, 1), tmp_path / "store")
    port = free_ports(1)[0]
    out = tmp_path / "sheets.jsonl"
    words = ["--store", str(tmp_path / "store"), "--http", f"127.0.0.1:{port}", "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-m", "ar_picking", "train", *words, "--size", "640x360"], cwd=ROOT
    )
    deadline = time.monotonic() + 30
    while not answers(port):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}/", folder.load(tmp_path / "store"), out
    process.terminate()
    assert process.wait(20) == 0


def eventually(page, expression, limit_s=40):
    """Asked again and again from outside: the page's own policy lets nobody compile strings in it."""
    deadline = time.monotonic() + limit_s
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        time.sleep(0.1)


def walk_to(page, x_m, y_m):
    """A touch on the map."""
    at = page.evaluate(
        """([x, y]) => {
          const map = picking.map(), box = map.canvas.getBoundingClientRect();
          const [px, py] = map.place([x, y]);
          return [px * box.width / map.canvas.width, py * box.height / map.canvas.height];
        }""",
        [x_m, y_m],
    )
    page.click("#map", position={"x": at[0], "y": at[1]})


def pressed(page, button, hold_s):
    """A button held as long as a finger holds it, which is longer than the page's tick."""
    box = page.locator(button).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    time.sleep(hold_s)
    page.mouse.up()


def the_exam_gives_a_hint_and_is_left(page):
    page.get_by_text("考试").click()
    eventually(page, "picking.view()?.state === 'walk'")
    pressed(page, "#hint", 0.25)
    eventually(page, "document.getElementById('hint').innerText.includes('(1)')", 5)
    for code in ("6901234567892", "x"):  # a real scanner at the page: the connection stays
        page.evaluate("(code) => picking.say({ type: 'scan', code })", code)
    pressed(page, "#leave", 0.15)
    eventually(page, "document.getElementById('leave').innerText.includes('再按一次离开')", 5)
    assert page.evaluate("picking.coach().lesson") == "exam"  # one touch is not enough
    pressed(page, "#leave", 0.15)
    page.get_by_text("选一课练习").wait_for()
    eventually(page, "picking.coach().lesson === null", 10)
    assert not page.locator("#leave").is_visible()


@pytest.mark.timeout(170)
def test_a_lesson_is_played_to_its_sheet(trainer):
    address, store, out = trainer
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=require("chromium")[0],
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        faults = []
        page.on("console", lambda each: faults.append(each.text) if each.type == "error" else None)
        page.on("pageerror", lambda each: faults.append(str(each)))
        page.goto(address)
        page.get_by_text("选一课练习").wait_for()
        the_exam_gives_a_hint_and_is_left(page)
        page.get_by_text("第一张拣货单").click()
        eventually(page, "picking.view()?.state === 'walk'")
        # arrow keys walk: the picture of the store moves
        before = page.evaluate("document.getElementById('picture').toDataURL()")
        page.keyboard.down("ArrowRight")
        time.sleep(0.6)
        page.keyboard.up("ArrowRight")
        assert page.evaluate("document.getElementById('picture').toDataURL()") != before
        # three lines: to the bin, take, put; a false report of missing goods among them
        wrong, before_bin, deadline = True, None, time.monotonic() + 120
        while time.monotonic() < deadline:
            view = page.evaluate("picking.view()")
            if view["state"] == "done" or page.locator("dialog.sheet[open]").count():
                break
            if view["state"] == "return":
                x_dm, y_dm = store.graph.point((-1, store.graph.depot))
                walk_to(page, x_dm / 10, y_dm / 10)
                time.sleep(1.0)
                continue
            item = store.bins[view["line"]["bin"]]
            # a bin may be confirmed in passing: one still has to stand before it
            if view["state"] == "walk" or before_bin != item.id:
                before_bin = item.id if view["state"] == "pick" else None
                walk_to(page, item.x_mm / 1000, item.y_mm / 1000)
                time.sleep(1.5)
            elif view["step"] in ("item", "qty") and wrong:
                wrong = False
                page.click("#short")
                page.click("#ask-yes")
                time.sleep(0.5)
                if page.locator("#ask-no:visible").count():
                    page.click("#ask-no")  # no substitute
            elif view["step"] in ("item", "qty"):
                page.click("#view")
                time.sleep(0.5)
            else:
                page.click(".slot.to")
                time.sleep(0.5)
        page.locator("dialog.sheet[open]").wait_for(timeout=15_000)
        text = page.inner_text("dialog.sheet")
        assert "误报缺货 1" in text and "报缺货前再看一遍货位" in text
        page.get_by_text("选其他课").click()
        page.get_by_text("选一课练习").wait_for()
        browser.close()
    assert faults == []
    sheets = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(sheets) == 1 and sheets[0]["finished"] and sheets[0]["lesson"] == "first"
    assert sheets[0]["figures"]["errors"]["false_short"] == 1 and 0 < sheets[0]["points"] < 100
    assert not sheets[0]["passed"]
