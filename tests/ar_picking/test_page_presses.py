"""The tablet page's buttons, keys and codes, without a browser: what counts, and what does not."""

from page_script import run

_DOM = """
class Box {
  constructor() { this.on = {}; this.classList = { toggle() {} }; this.dataset = {}; this.value = ""; }
  append() {} replaceChildren() {} blur() {} setAttribute() {}
  addEventListener(name, act) { this.on[name] = act; }
}
const boxes = {};
const $ = (id) => (boxes[id] ??= new Box());
const made = { createElement: () => new Box(), createTextNode: (text) => text };
Object.assign(document, { getElementById: $, ...made });
const { Controls, PressGuard } = await import("PAGE/controls.js");
const STEADY = 440;
"""
_ASKED = (
    _DOM
    + """
const controls = new Controls((event) => say(event));
const line = { line: 1, qty: 5, bin: "A", slot: 1 };
const view = (step, can, more = {}) => ({
  list: "L1", state: "pick", step, line, can, propose: null, blocked: [], ...more });
const touch = (id, hold = 0) => {
  $(id).on.pointerdown();
  return pause(hold).then(() => { if (!$(id).disabled) $(id).onclick(); });
};
"""
)


def test_behind_a_short_that_was_taken_back_the_whole_quantity_is_confirmed() -> None:
    script = (
        _ASKED
        + """
    controls.show(view("qty", ["short", "count"]));
    controls.press("short"); await pause(STEADY);
    await touch("ask-no");
    say($("count").value); await pause(STEADY);
    await touch("ask-yes");
    """
    )
    assert run(script) == [["5"], [{"type": "count", "qty": 5}]]


def test_a_question_that_changed_under_the_finger_is_not_answered() -> None:
    script = (
        _ASKED
        + """
    controls.show(view("item", ["scan", "short"]));
    controls.press("short"); await pause(STEADY);
    controls.step(1); controls.step(1); // "two are there": and the code is read at this moment
    const slow = touch("ask-yes", STEADY + 100); // down before, up long behind
    controls.show(view("qty", ["short", "count"]));
    await pause(150); say("disabled", $("ask-yes").disabled); controls.answer(true);
    await slow; say("held");
    say("disabled", $("ask-yes").disabled); await touch("ask-yes");
    """
    )
    assert run(script) == [
        ["disabled", True],
        ["held"],
        ["disabled", False],
        [{"type": "count", "qty": 5}],
    ]


def test_another_proposal_is_another_question() -> None:
    script = (
        _ASKED
        + """
    const goods = { sku: "1", name: "x", qty: 1 };
    const proposed = (bin) => view(null, ["substitute"], { propose: { ...goods, bin } });
    controls.show(proposed("B")); await pause(STEADY);
    controls.show(proposed("C")); await touch("ask-yes"); $("ask-no").onclick();
    await pause(STEADY); await touch("ask-no");
    """
    )
    assert run(script) == [[{"type": "substitute", "accept": False}]]


_GUARD = (
    _DOM
    + """
clock = 10000;
const guard = new PressGuard(() => clock);
const view = (line, step) => guard.show({ list: "L1", line: { line }, step });
const press = (gap, type) => { clock += gap; say(guard.passes({ type })); };
"""
)


def test_the_second_touch_of_a_double_touch_is_nothing_whatever_it_hits() -> None:
    script = (
        _GUARD
        + """
    view(1, "put"); press(1000, "put"); view(2, "put"); press(90, "put"); press(290, "tap");
    press(20, "tap"); press(270, "count"); press(400, "count");
    """
    )
    assert run(script) == [[True], [False], [False], [True], [False], [True]]


def test_a_tap_on_its_way_when_a_code_was_read_confirms_nothing_and_a_slot_says_itself() -> None:
    script = (
        _GUARD
        + """
    view(1, "item"); press(1000, "scan"); view(1, "put"); press(150, "tap"); press(10, "put");
    view(1, "put"); press(600, "tap"); for (let i = 0; i < 3; i++) { press(1, "at"); press(1, "scan"); }
    """
    )
    assert run(script) == [[True], [False], [True], [True], *[[True]] * 6]


# -- keys and codes -------------------------------------------------------------------------------------

_KEYS = """
const { Scanner } = await import("PAGE/scanner.js");
const scanner = new Scanner({ scan: (code) => say("scan", code), tap: () => say("tap") }, () => clock);
let prevented = 0;
const key = (name, gap, more = {}) => {
  clock += gap;
  scanner.key({ key: name, target: {}, preventDefault: () => { prevented += 1; }, ...more });
};
const keys = (text, gap, enter = gap) => { for (const c of text) key(c, gap); key("Enter", enter); };
"""


def test_a_burst_of_keys_with_enter_is_a_scan_and_presses_no_button() -> None:
    told = run(_KEYS + 'keys("6901234567892", 8); say("prevented", prevented);')
    assert told == [["scan", "6901234567892"], ["prevented", 14]]


def test_what_a_person_types_is_neither_a_scan_nor_a_tap() -> None:
    script = (
        _KEYS
        + """
    keys("690123", 110, 90);
    clock += 1000;
    keys("6901", 8, 180); // fast digits, but Enter by hand
    clock += 1000;
    key("6", 8); key("9", 8); key("0", 70); key("1", 8); key("Enter", 8); // one slow key among them
    """
    )
    assert run(script) == []


def test_enter_alone_and_the_volume_key_are_a_tap_and_held_keys_are_one() -> None:
    script = (
        _KEYS
        + """
    key("Enter", 1000); key("Enter", 30, { repeat: true }); key("AudioVolumeUp", 1000);
    keys("12", 8); // too short for a code: noise of a scanner, no tap
    key("a", 1000, { ctrlKey: true }); key("Enter", 1000);
    """
    )
    assert run(script) == [["tap"], ["tap"], ["tap"]]


def test_a_space_is_a_tap_when_no_code_follows_it() -> None:
    script = (
        _KEYS
        + """
    key(" ", 1000); await pause(340); clock += 1000;
    keys(" A-12", 8); // Code 128 may begin with one
    await pause(340);
    """
    )
    assert run(script) == [["tap"], ["scan", " A-12"]]


def test_half_a_code_never_becomes_a_tap() -> None:
    script = (
        _KEYS
        + """
    keys("6901234567892", 8, 310); key("Enter", 500); key(" ", 500); await pause(340);
    say("late"); clock += 5000;
    keys("6901234567892", 8); key("Enter", 8); // a carriage return and a line feed
    say("twice"); clock += 5000;
    for (const c of "690123") key(c, 8); // radio stalls, and what follows looks like a code
    clock += 400; keys("4567892", 8); key("AudioVolumeUp", 100); key("Enter", 500);
    say("stalled"); clock += 5000;
    key(" ", 8); key("A", 200); key("Enter", 8); await pause(340);
    say("space"); key("Enter", 5000);
    """
    )
    assert run(script) == [
        ["late"],
        ["scan", "6901234567892"],
        ["twice"],
        ["stalled"],
        ["space"],
        ["tap"],
    ]


def test_a_code_behind_which_the_page_was_busy_is_read_by_when_its_keys_went_down() -> None:
    script = (
        _KEYS
        + """
    let down = 1000;
    for (const c of "6901234567892") { down += 8; key(c, 0, { timeStamp: down }); }
    key("Enter", 400, { timeStamp: down + 8 });
    """
    )
    assert run(script) == [["scan", "6901234567892"]]


def test_keys_in_a_field_are_the_fields() -> None:
    script = _KEYS + 'for (const c of "ABCDE") key(c, 8, { target: new HTMLInputElement() });'
    assert run(script + "say(prevented);") == [[0]]


def test_a_code_in_view_counts_once_until_it_was_gone() -> None:
    script = """
    const { Codes } = await import("PAGE/scanner.js");
    const codes = new Codes((code) => say(code), () => clock);
    for (let i = 0; i < 50; i++) { clock += 100; codes.take(["690"]); }
    clock += 1000; codes.take([]); clock += 1000; codes.take(["690", "691"]);
    """
    assert run(script) == [["690"], ["690"], ["691"]]
