"""The page of the contract in a browser: it finds, unfolds, and asks nobody for anything."""

import pytest
from playwright.sync_api import sync_playwright

from tools.contract.build import schemas
from tools.contract.command import FOLDER, html
from tools.parts import require


@pytest.fixture
def page(tmp_path):
    """The page in Chromium; everything that it asks for or complains of is kept."""
    path = tmp_path / "feed.html"
    path.write_text(html(FOLDER / "asyncapi.yaml"), encoding="utf-8")
    with sync_playwright() as playwright:
        (program, *_) = require("chromium")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        page.asked, page.said = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda fault: page.said.append(str(fault)))
        page.on("console", lambda line: page.said.append(line.text))
        page.goto(path.as_uri())
        yield page
        assert page.asked == [path.as_uri()] and page.said == []
        browser.close()


def shown(page):
    return page.evaluate("[...document.querySelectorAll('section:not(.gone)')].map((s) => s.id)")


def test_it_finds_fields_words_and_streams_and_unfolds_what_a_link_means(page):
    assert shown(page) == list(schemas())
    page.press("body", "/")
    page.keyboard.type("door_s")
    assert shown(page) == ["integrity"]
    page.fill("#find", "compensate")
    assert shown(page) == ["risk"]
    page.fill("#find", "no such word")
    assert shown(page) == [] and page.is_visible("#none")
    page.press("#find", "Escape")
    assert len(shown(page)) == len(schemas()) and page.is_visible("#about")
    row = page.locator("[id='order.seq']")
    assert not row.is_visible()  # one of the fields that every record has
    page.evaluate("location.hash = 'order.seq'")
    row.wait_for(state="visible")
