"""The gateway's page in a real browser: boards speak to a real broker, the page must tell the truth.

One site for the file: four riders and a picker, see tests/bench/dashboard_site.py.
"""

import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from dashboard_site import (
    HOSTILE,
    HOSTILE_ZH,
    LATE_ZH,
    LOST_ZH,
    NEAR_ZH,
    TILT_ZH,
    TURNED,
    View,
    dinner,
    eventually,
    open_browser,
    open_page,
    open_site,
    pixels,
    play_boards,
)
from playwright.sync_api import Browser, expect


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[View]:
    folder = tmp_path_factory.mktemp("site")
    with (
        open_site(folder) as site,
        play_boards(site.broker_port) as make,
        open_page(browser, site.page) as view,
    ):
        # The page is open before the first record: what it shows came over the stream.
        expect(view.page.locator("#people-empty")).to_be_visible()
        expect(view.page.locator("[data-figure=page] .value")).to_have_text("live")
        first = make("rider", "rider-4")

        def is_known() -> bool:
            first.say("online")
            return bool(view.page.request.get(f"{site.url}/api/devices").json()["devices"])

        # The gateway is ready before its broker has taken its subscription.
        eventually(is_known, "the gateway hears nobody")
        dinner(make)
        expect(view.page.locator("#people .person")).to_have_count(6)
        yield view


# -- what the page must show ------------------------------------------------------------------------


def test_riders_are_listed_with_their_state_and_age(view: View) -> None:
    people = view.page.locator("#people .person")
    alive = people.filter(has_text="SH-1 assigned")
    expect(alive).to_contain_text("km/h NE")
    expect(alive).to_contain_text("18 sats · 9 BeiDou")
    expect(alive).to_contain_text("RTK")
    expect(alive).to_contain_text("…0011 4.1 °C")
    expect(alive).to_contain_text("…0022 −20.4 °C")
    expect(alive.locator(".age")).to_contain_text(" s")
    expect(people.filter(has_text="picker")).to_have_count(1)


def test_a_rider_who_fell_silent_does_not_look_alive(view: View) -> None:
    silent = view.page.locator('#people .person[data-standing="silent"]').filter(
        has_text="was 19 km/h"
    )
    expect(silent.first.locator(".age")).to_contain_text("silent 1 min")
    expect(view.page.locator("#people .group")).to_contain_text(["Need help 2", "Silent", "Live"])
    assert pixels(view.page, "map", "--silent") > 20


def test_a_position_in_doubt_says_why(view: View) -> None:
    doubted = view.page.locator("#people .person").filter(has_text="position jumped")
    expect(doubted).to_have_count(1)


def test_the_map_has_trails_and_markers(view: View) -> None:
    eventually(lambda: pixels(view.page, "map", "--trail") > 20, "no trail on the map")
    assert pixels(view.page, "temps", "--trail") == 0
    expect(view.page.locator("#map-empty")).to_be_hidden()


def test_the_light_theme_is_drawn_in_its_own_colours(view: View) -> None:
    page = view.page
    lightness = """(name) => {
      const ask = getComputedStyle(document.body)[name];
      return ask.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 765;
    }"""
    dark = [page.evaluate(lightness, name) for name in ("backgroundColor", "color")]
    assert dark[0] < 0.2 and dark[1] > 0.8
    page.emulate_media(color_scheme="light")
    light = [page.evaluate(lightness, name) for name in ("backgroundColor", "color")]
    assert light[0] > 0.8 and light[1] < 0.2
    # Canvases are painted anew, in the colours of this theme.
    eventually(lambda: pixels(page, "map", "--trail") > 20, "no trail on the map")
    eventually(lambda: pixels(page, "temps", "--ink") > 50, "no labels on the chart")
    assert pixels(page, "map", "--silent") > 20 and pixels(page, "temps", "--live") > 20
    page.emulate_media(color_scheme="dark")
    eventually(lambda: pixels(page, "temps", "--ink") > 50, "the chart stayed light")


def test_a_click_follows_a_rider_and_fit_shows_all_again(view: View) -> None:
    page = view.page
    page.locator("#people .person").filter(has_text="SH-1 assigned").locator(".name").click()
    expect(page.locator("#follow")).to_contain_text("following")
    expect(page.locator("#temps-scope")).to_contain_text("only")
    page.mouse.move(300, 300)
    page.mouse.wheel(0, -300)
    page.keyboard.press("Escape")
    expect(page.locator("#follow")).to_be_hidden()
    expect(page.locator("#fit")).to_have_attribute("aria-pressed", "true")


def test_temperatures_are_drawn_and_a_lost_sensor_has_no_signal(view: View) -> None:
    expect(view.page.locator("#temps-scope")).to_contain_text("3 sensors")
    eventually(lambda: pixels(view.page, "temps", "--ink") > 50, "no labels on the chart")
    assert pixels(view.page, "temps", "--live") > 20  # the first line's colour
    lost = view.page.locator("#people .person").filter(has_text="…0033")
    expect(lost.locator(".sensors")).to_contain_text("✕ no signal")
    expect(lost.locator(".sensors")).not_to_contain_text("°C")
    expect(lost.locator(".sensors .bad")).to_have_count(1)
    expect(lost.locator(".need")).to_have_text("✕ sensor lost")


def test_who_needs_help_comes_first_and_says_why_in_words_and_shapes(view: View) -> None:
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


def test_a_board_that_tells_only_when_it_matters_is_live_and_its_age_is_honest(view: View) -> None:
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
    rare.locator(".name").click()
    expect(page.locator("#follow")).to_contain_text("following")
    # The others are 3 km away: this is the stretch of track.
    eventually(lambda: pixels(page, "map", "--trail") > 20, "no track on the map")
    page.keyboard.press("Escape")


def test_what_the_board_noticed_is_told_in_plain_words(view: View) -> None:
    events = view.page.locator("#events .event")

    def told(stream: str, text: str, more: str, tone: str) -> None:
        event = events.and_(view.page.locator(f'[data-stream="{stream}"]')).filter(has_text=text)
        expect(event).to_have_count(1)
        expect(event.locator(".more")).to_contain_text(more)
        expect(event).to_have_attribute("data-tone", tone)

    told(
        "risk",
        f"▲ intervene: {LATE_ZH}",
        "SH-2 will be late · SH-2 · warn → intervene · 1 min 35 s late",
        "bad",
    )
    told("risk", "◆ may be late", "SH-3 · none → warn", "warn")
    told("excursion", "▲ SH-4 too warm: out of range", "air 12.6 °C · goods 9.1 °C", "bad")
    told("integrity", TILT_ZH, "Box is tilted · SH-4", "warn")
    told("integrity", "■ SH-1x cold chain: FAIL", "chilled · 3.1 °C to 12.8 °C", "bad")
    told("integrity", "✓ SH-1y cold chain: PASS", "1 min 0 s of 21 min unknown", "")
    told("exception", "rode above 25 km/h for 12 s", "up to 27 km/h", "warn")
    told("health", "restarted a part: gnss", "silent for 31 s", "warn")
    told("health", "board started, boot 7", "after: watchdog", "")


def test_alerts_are_in_chinese_first_and_alarms_stay_on_top(view: View) -> None:
    top = view.page.locator("#events .event").first
    expect(top.locator(".main")).to_have_text(LOST_ZH)
    expect(top.locator(".more")).to_have_text("Sensor is silent")
    near = view.page.locator("#events .event").filter(has_text=NEAR_ZH)
    expect(near.locator(".main")).to_have_attribute("lang", "zh-Hans")
    expect(near.locator(".more")).to_contain_text("Rider 298 m from you")


def test_events_are_filtered_by_stream(view: View) -> None:
    picks = view.page.locator('#events .event[data-stream="pick"]')
    view.page.locator("summary", has_text="streams").click()
    toggle = view.page.locator('#toggles [data-stream="pick"]')
    expect(picks).to_contain_text("L-77 short: found 1 of 3 × 6920 at B-11-4")
    toggle.click()
    expect(picks).to_have_count(0)
    expect(toggle).to_have_text("pick 1")
    toggle.click()
    expect(picks).to_have_count(1)


def test_events_are_filtered_by_level_and_by_words(view: View) -> None:
    page = view.page
    usual = page.locator('#events .event[data-tone=""]')
    expect(usual).not_to_have_count(0)
    page.locator('#levels [data-level=""]').click()
    expect(usual).to_have_count(0)
    expect(page.locator('#events .event[data-tone="warn"]')).not_to_have_count(0)
    page.locator('#levels [data-level=""]').click()
    page.locator("#events-find").fill("overspe")
    expect(page.locator("#events .event").and_(usual)).to_have_count(0)
    page.locator("#events-find").fill("above 25")
    expect(page.locator("#events .event:not(.pinned)")).to_have_count(1)
    page.locator("#events-find").fill("")
    expect(usual).not_to_have_count(0)


def test_hostile_text_is_shown_as_text(view: View) -> None:
    page = view.page
    expect(page.locator("#people .orders").filter(has_text=HOSTILE)).to_have_count(1)
    expect(page.locator("#events .main", has_text=HOSTILE_ZH)).to_have_count(1)
    assert page.locator("main img, main script, main b, main svg, main iframe").count() == 0
    # A character that turns the reading direction is made visible.
    assert TURNED not in page.locator("#events").inner_text()


def test_the_status_line_counts_and_nothing_was_complained_of(view: View) -> None:
    page = view.page
    expect(page.locator("#place")).to_have_text("gw-demo · shanghai")
    expect(page.locator("[data-figure=commit] .value")).to_have_text("writing")
    # The gateway's own thresholds: their value, their limits, a shape.
    answers = page.locator("[data-figure=answer_ms]")
    expect(answers.locator(".limits")).to_have_text("> 200 / 500")
    expect(answers.locator(".sign")).to_have_text("●")
    expect(page.locator("[data-figure=gaps]")).to_have_text("0 / 0")
    expect(page.locator("[data-figure=records]")).not_to_have_text("0")
    # Two riders need help, and that is all that is wrong.
    expect(page.locator("#headline-title")).to_have_text("▲ 2 need help")
    expect(page.locator("#headline-since")).to_contain_text("since ")
    expect(page.locator("#headline-text")).to_contain_text("▲ intervene")
    expect(page.locator("#troubles")).to_be_empty()
    assert view.faults == []


def test_a_page_that_loads_late_shows_the_same(view: View, browser: Browser) -> None:
    with open_page(browser, view.link) as late:
        expect(late.page.locator("#people .person")).to_have_count(6)
        count = view.page.locator("#events .event").count()
        expect(late.page.locator("#events .event")).to_have_count(count)
        eventually(lambda: pixels(late.page, "map", "--trail") > 20, "no trail after loading")
        assert late.faults == []
