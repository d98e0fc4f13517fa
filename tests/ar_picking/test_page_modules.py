"""The tablet page's modules without a browser: poses and their age, turns, the files."""

import json
import re

from page_script import PAGE, run

_SCREEN = """
globalThis.OffscreenCanvas = class {
  constructor(width, height) { Object.assign(this, { width, height }); }
  getContext() { // a picture without any contrast: nothing is to be learnt from it
    return { drawImage() {}, getImageData: (x, y, w, h) => ({ data: new Uint8Array(4 * w * h) }) };
  }
};
const pen = {
  drawImage() {}, save() {}, restore() {}, scale() {}, beginPath() {}, moveTo() {}, lineTo() {},
  closePath() {}, fill() { say("drawn"); }, stroke() { say("drawn"); }, fillText() {}, roundRect() {},
};
const canvas = { getContext: () => pen, clientWidth: 640, width: 0, height: 0 };
globalThis.window = { devicePixelRatio: 1 };
const { Screen } = await import("PAGE/screen.js");
const screen = new Screen(canvas, { videoWidth: 640, videoHeight: 480 });
const camera = { size: [640, 480], fx: 457, fy: 457, cx: 319.5, cy: 239.5, lens: [] };
const pose = { p: [0, 0, 1.5], r: [0, 0, 1, -1, 0, 0, 0, -1, 0] };
const tile = [[3, -1, 0], [3, 1, 0], [4, 1, 0], [4, -1, 0]];
const items = [{ kind: "area", polygons: [tile], color: "#fff", alpha: 1 }];
const now = performance.now();
const answer = (more) => ({
  type: "pose", n: 1, t_ms: now, state: "tracked", age_ms: 0, pose, motion: null, items, camera,
  sightings: [], ...more,
});
const draw = (message, at, change = () => {}) => {
  told.length = 0;
  screen.forget(); screen.hidden = false; change();
  if (message) screen.take(message);
  screen.draw(at);
  return told.length;
};
"""


def test_only_a_tracked_and_young_pose_is_drawn_into_the_store() -> None:
    script = (
        _SCREEN
        + """
    const motion = { v: [0, 0, 0], w: [0, 0, 0] };
    const turning = { v: [0, 0, 0], w: [0, 0, 2] };
    const seen = () => { screen.latch.moved = () => [0.01, 0]; };
    const blind = () => { delete screen.latch.moved; };
    const counts = [
      draw(answer({ motion }), now + 40),
      draw(answer({ motion }), now + 199), // the head may have turned by then
      draw(answer({ motion: turning }), now + 60), draw(answer({}), now + 40), draw(answer({}), now + 2),
      draw(answer({}), now + 199, seen), draw(answer({}), now + 201),
      draw(answer({}), now + 99, () => { screen.latch.moved = () => [0.2, 0]; }), blind(),
      draw(answer({ state: "degraded" }), now + 2), draw(answer({ state: "lost", pose: null }), now + 2),
      draw(answer({ age_ms: 199 }), now + 2), draw(null, now),
      draw(answer({}), now + 2, () => { screen.hidden = true; }),
    ];
    told.length = 0; say(...counts.filter((each) => each !== undefined));
    """
    )
    assert run(script) == [[1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]]


_LATCH = """
const { Latch, shift } = await import("PAGE/latch.js");
const HIGH = 72, WIDE = 96;
let seed = 7;
const random = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };
const blobs = Array.from({ length: 120 }, () =>
  [random() * 300 - 80, random() * 160 - 40, 2 + 4 * random(), 60 + 90 * random()]);
// a wall of blobs, as a camera sees it that has moved it so far
const wall = (dx, dy, noise = 0) => {
  const out = new Uint8Array(WIDE * HIGH);
  for (let y = 0; y < HIGH; y++) for (let x = 0; x < WIDE; x++) {
    let level = 60;
    for (const [bx, by, r, h] of blobs) {
      level += h * Math.exp(-((x - dx - bx) ** 2 + (y - dy - by) ** 2) / (2 * r * r));
    }
    out[y * WIDE + x] = Math.max(0, Math.min(255, level + noise * (random() - 0.5)));
  }
  return out;
};
"""


def test_a_turn_is_read_from_two_small_pictures_to_a_fraction_of_a_pixel() -> None:
    script = (
        _LATCH
        + """
    for (const [dx, dy] of [[0, 0], [3.4, -1.7], [-9.3, 2.2], [11, 4]]) {
      const found = shift(wall(0, 0, 12), wall(dx, dy, 12), HIGH, [0, 0]);
      say(Math.abs(found[0] - dx) < 0.3 && Math.abs(found[1] - dy) < 0.3);
    }
    """
    )
    assert run(script) == [[True]] * 4


def test_turns_add_up_and_end_where_two_pictures_do_not_fit() -> None:
    script = (
        _LATCH
        + """
    globalThis.OffscreenCanvas = class { getContext() { return {}; } };
    const latch = new Latch();
    for (let i = 0; i < 8; i++) latch.addGrey(wall(4 * i, -i), HIGH, 33 * i);
    const [x, y] = latch.moved(33, 33 * 6);
    say(Math.abs(x * WIDE - 20) < 1 && Math.abs(y * WIDE + 5) < 1);
    say(latch.moved(34.5, 33 * 6)); // no picture was there at that time
    latch.addGrey(new Uint8Array(WIDE * HIGH).fill(90), HIGH, 300); // a hand before the lens
    say(latch.moved(33, 300));
    for (let i = 0; i < 200; i++) latch.addGrey(wall(0, 0), HIGH, 400 + i);
    say(latch.turns.length <= 40);
    """
    )
    assert run(script) == [[True], [None], [None], [True]]


def test_a_turned_pose_is_the_camera_that_turned_and_walked() -> None:
    script = """
    const { latched } = await import("PAGE/pose.js");
    const { carried } = await import("PAGE/project.js");
    const camera = { size: [640, 480], fx: 457, fy: 457, cx: 319.5, cy: 239.5, lens: [] };
    const pose = { p: [1, 2, 1.5], r: [0, 0, 1, -1, 0, 0, 0, -1, 0] }; // looks along +x, level
    const middle = (p, at) => { // where a point is from a pose, shares of the width from the middle
      const d = at.map((v, i) => v - p.p[i]);
      const [x, y, z] = [0, 1, 2].map((j) => d[0] * p.r[j] + d[1] * p.r[3 + j] + d[2] * p.r[6 + j]);
      return [457 * x / z / 640, 457 * y / z / 640];
    };
    for (const motion of [
      { v: [0, 0, 0], w: [0, 0, 0.9] }, { v: [0, 0.8, 0], w: [0, 0, 0] },
      { v: [0.5, -0.6, 0], w: [0, 0.4, -0.7] }, { v: [0, 0, 0], w: [0.5, 0.3, 0.2] },
    ]) {
      const truth = carried(pose, motion, 0.15);
      const at = [3, 2, 1.5]; // two metres ahead, in the middle of the picture
      // of what is compared
      const mean = [1 + (0.25 * 640 / 457) ** 2 / 3, 1 + (0.4 * 480 / 457) ** 2 / 3];
      const moved = middle(truth, at).map((v, i) => v * (motion.v[1] ? 1 : mean[i]));
      const found = latched(pose, motion, 0.15, moved, camera, 2);
      const worst = Math.max(...[[3, 2, 1.5], [3, 1.4, 1], [2.6, 2.6, 1.9]].map((each) => {
        const [a, b] = [middle(truth, each), middle(found, each)];
        return 640 * Math.hypot(a[0] - b[0], a[1] - b[1]);
      }));
      say(worst < 6);
    }
    """
    assert run(script) == [[True]] * 4


def test_no_arrow_is_left_when_the_camera_stands_still() -> None:
    script = (
        _SCREEN
        + """
    const { bearing } = await import("PAGE/arrow.js");
    screen.take(answer({ motion: { v: [0, 0, 0], w: [0, 0, 0] } }));
    screen.draw(now + 30, true);
    const way = [[0, 0], [100, 0]];
    const after = (ms) => {
      const then = screen.shownAt + ms;
      performance.now = () => then;
      screen.watch();
      return bearing(screen.pose(screen.taken), way);
    };
    told.length = 0;
    say(after(190) === null, after(210) === null, after(3000) === null);
    """
    )
    assert run(script) == [[False, True, True]]


def test_the_state_ages_by_itself_when_the_box_falls_silent() -> None:
    script = (
        _SCREEN
        + """
    screen.take(answer({ motion: { v: [0, 0, 0], w: [0, 0, 0] } }));
    screen.draw(now + 30);
    told.length = 0;
    for (const after of [50, 300, 1500]) say(...screen.state(now + after));
    screen.take(answer({ t_ms: now - 5000, state: "lost" })); // overtaken on the way
    say(...screen.state(now + 50));
    """
    )
    assert run(script) == [
        ["tracked", 50],
        ["degraded", 300],
        ["lost", 1500],
        ["tracked", 50],
    ]


# -- the files -----------------------------------------------------------------------------------------


def _sources() -> dict[str, str]:
    return {path.name: path.read_text() for path in PAGE.glob("*.js")}


def test_nothing_that_comes_from_outside_can_become_markup_or_code() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.srcdoc|"
        r"createContextualFragment|DOMParser|setAttribute\(\s*[\"']on|javascript:"
    )
    for name, text in _sources().items():
        assert not forbidden.search(text), name
    html = (PAGE / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|style=", html)


def test_nothing_is_fetched_from_anywhere_else() -> None:
    for path in PAGE.iterdir():
        if path.is_file():
            found = re.findall(r"(?:https?|wss?)://[\w.]+", path.read_text())
            assert [each for each in found if not each.endswith("www.w3.org")] == [], path.name


def test_every_module_is_kept_for_a_start_without_wifi() -> None:
    listed = set(re.findall(r'"/([\w./]*)"', (PAGE / "sw.js").read_text().split("PATHS = ")[1]))
    static = {path.name for path in PAGE.iterdir() if path.is_file()} - {"index.html", "sw.js"}
    assert static <= listed
    for name, text in _sources().items():
        for module in re.findall(r'from "\./([\w.]+)"', text):
            assert module in static, f"{name} imports {module}"


def test_the_page_has_two_languages_for_every_word_it_uses() -> None:
    text = (PAGE / "words.js").read_text()
    words = dict(re.findall(r"^  (\w+): \[(.*)\],$", text, re.MULTILINE))
    used = set()
    for name, source in _sources().items():
        if name != "words.js":
            used |= set(re.findall(r'\b(?:say|also)\("(\w+)"', source))
    assert used <= set(words)
    for key, pair in words.items():
        zh, en = json.loads(f"[{pair}]")
        assert zh and en and zh != en, key
        assert re.findall(r"\{\w+\}", zh) == re.findall(r"\{\w+\}", en), key
