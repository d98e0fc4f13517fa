"""Parts of the page by themselves, in Chromium: the map's datum, a list of thousands, bands, places."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from dashboard_site import open_browser, open_modules
from playwright.sync_api import Page

from gateway.web.limits import PROFILES


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with open_browser() as browser, open_modules(browser) as page:
        yield page


def run(page: Page, code: str, given: Any = None) -> Any:
    """What an async function body returns; `given` is its argument."""
    whole = f"async (json) => {{ const given = JSON.parse(json); {code} }}"
    return page.evaluate(whole, json.dumps(given))


@pytest.mark.parametrize(
    ("lat", "lon", "lat_gcj", "lon_gcj"),
    [
        # The vector that most implementations publish: 116.404, 39.915.
        (39.915, 116.404, 39.91640428150164, 116.41024449916938),
        (51.5, -0.12, 51.5, -0.12),
        (35.68, 139.76, 35.68, 139.76),
    ],
)
def test_gcj_02_is_the_published_approximation_and_only_in_china(
    page: Page, lat: float, lon: float, lat_gcj: float, lon_gcj: float
) -> None:
    code = 'const { toGcj } = await import("/datum.js"); return toGcj(...given);'
    found = run(page, code, [lat * 1e7, lon * 1e7])
    assert found == pytest.approx([lat_gcj * 1e7, lon_gcj * 1e7], abs=1)


def test_the_map_moves_positions_and_not_the_distance_between_them(page: Page) -> None:
    code = """
      const { Plane } = await import("/plane.js");
      const [lat, lon] = [312304000, 1214737000];
      return ["wgs84", "gcj02"].map((datum) => {
        const plane = new Plane(lat, lon, datum);
        const [x, y] = [plane.x(lat, lon + 100000), plane.y(lat + 100000, lon)];
        return [plane.lat - lat, plane.lon - lon, x, y];
      });"""
    wgs, gcj = run(page, code)
    assert wgs[:2] == [0, 0]
    assert -30_000 < gcj[0] < -10_000 and 30_000 < gcj[1] < 60_000  # some hundred metres
    assert gcj[2:] == pytest.approx(wgs[2:], rel=0.01)  # as the datum stretches


def test_of_a_list_of_thousands_only_what_is_in_sight_exists(page: Page) -> None:
    code = """
      const { VirtualList } = await import("/list.js");
      document.body.innerHTML = "<div style='height:300px;overflow:auto'><ul></ul></div>";
      const [scroller, ul] = [document.querySelector("div"), document.querySelector("ul")];
      const list = new VirtualList(ul, (key) => {
        const row = document.createElement("li");
        row.style.height = "30px";
        return { row, key };
      });
      const fill = (i) => ({ row }) => { row.textContent = i; };
      const items = Array.from({ length: 5000 }, (_, i) => ({ key: `k${i}`, fill: fill(i) }));
      list.show(items);
      list.show(items);
      const first = [ul.children.length, ul.firstElementChild.textContent];
      list.reveal("k4000");
      list.paint();
      const box = scroller.getBoundingClientRect();
      const row = [...ul.children].find((each) => each.textContent === "4000");
      const mine = row?.getBoundingClientRect() ?? { top: NaN, bottom: NaN };
      const isSeen = mine.top < box.bottom && mine.bottom > box.top;
      return { first, count: ul.children.length, isSeen };"""
    found = run(page, code)
    assert found["first"][1] == "0" and found["first"][0] < 60
    assert found["count"] < 60 and found["isSeen"]


def test_a_band_is_the_profiles_where_the_board_named_it(page: Page) -> None:
    code = """
      const { bandOf, bandText, isOutside, useProfiles } = await import("/bands.js");
      useProfiles(given);
      const points = [[0, 400], [1, 410]];
      return ["", "chilled", "frozen", "hot", "__proto__", "toString"].map((profile) => {
        const band = bandOf({ points, profile });
        return [bandText(band), isOutside(band, 801), isOutside(band, 800), band.outs];
      });"""
    usual, chilled, frozen, hot, *odd = run(page, code, PROFILES)
    assert usual == ["0 to 8 °C · usual, not told", True, False, []]
    assert chilled == ["0 to 8 °C · the order's profile", True, False, [801, 1201, -50]]
    assert frozen[0] == "≤ −18 °C · the order's profile" and frozen[1]
    assert hot[0] == "≥ 60 °C · the order's profile" and hot[1]
    assert odd == [usual, usual]  # words of the feed, not of the language


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("31.2304, 121.4737", [312304000, 1214737000]),
        ("-31.5，121", [-315000000, 1210000000]),
        ("31.2 121.4", [312000000, 1214000000]),
        ("91, 0", None),
        ("31.2304", None),
        ("1e1, 2", None),
        ("", None),
    ],
)
def test_a_place_is_read_as_it_is_copied_from_a_map(page: Page, text: str, place: Any) -> None:
    code = """
      const { placeOf } = await import("/desk.js");
      const place = placeOf(given);
      return place && [place.lat_e7, place.lon_e7];"""
    assert run(page, code, text) == place


def test_trouble_comes_worst_first_with_its_beginning(page: Page) -> None:
    code = """
      const { Health } = await import("/health.js");
      const ids = ["headline", "headline-title", "headline-since", "headline-text", "place"];
      document.body.replaceChildren(...[...ids, "troubles", "health"].map((id) => {
        return Object.assign(document.createElement("p"), { id });
      }));
      const since = new Date(Date.now() - 65000).toISOString();
      const limits = { unit: "s", yellow: 30, red: 300, sense: "above" };
      const light = (name, level, value) => ({ name, level, value, since, text: "look", ...limits });
      const calm = { trouble: "", downMs: 0, isDown: false, quietMs: 0, asOf: null };
      const nobody = { count: 0, first: "", since: NaN };
      const figures = { site: "g", city: "c" };
      const text = (id) => document.getElementById(id).textContent;
      const health = new Health();
      const say = (list, more) => {
        health.show({ figures, health: list, help: nobody, ...calm, ...more });
        const others = [...document.querySelectorAll("#troubles li")].map((row) => row.textContent);
        const { tone } = document.getElementById("headline").dataset;
        return [tone, text("headline-title"), text("headline-since"), ...others];
      };
      return {
        well: say([light("log_age_s", "green", 1), light("answer_ms", "unknown", null)]),
        red: say(
          [light("disk_free_mb", "yellow", 500), light("log_age_s", "red", 400)],
          { help: { count: 2, first: "x: late", since: Date.now() } },
        ),
        odd: say([light("log_age_s", "constructor", 1)]),
        quiet: say([], { quietMs: 12000 }),
      };"""
    found = run(page, code)
    assert found["well"] == ["good", "✓ All well", ""]
    assert found["red"][:2] == ["bad", "■ log age: 6 min"] and "(1 min 5 s)" in found["red"][2]
    assert found["red"][3].startswith("▲ 2 need help") and found["red"][4].startswith("◆ disk free")
    assert found["odd"] == found["well"]
    assert found["quiet"][:2] == ["warn", "◆ this page: no data for 12 s"]


def test_the_slider_says_when_the_past_was_too_much_for_one_picture(page: Page) -> None:
    code = """
      const tags = { replay: "div", "replay-at": "input", "replay-marks": "canvas" };
      const rest = ["told", "play", "speed", "back", "on", "now"].map((name) => `replay-${name}`);
      document.body.replaceChildren(...[...Object.keys(tags), ...rest].map((id) => {
        return Object.assign(document.createElement(tags[id] ?? "button"), { id });
      }));
      const { Replay } = await import("/replay.js");
      const replay = new Replay({ onChange() {} });
      const told = async (cut) => {
        window.fetch = async () => Response.json({ at_ms: 1, cut, subjects: {}, events: [] });
        await replay.load();
        return document.getElementById("replay-told").textContent;
      };
      return [await told(true), await told(false)];"""
    short, whole = run(page, code)
    assert "◆ too much for one picture" in short and "too much" not in whole
