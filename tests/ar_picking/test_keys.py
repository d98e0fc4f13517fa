"""Given keys of a hand or of a scanner, when they arrive, then codes and buttons are never mixed up."""

import cv2
import numpy as np
import pytest

from ar_picking.errors import PickingError
from ar_picking.keys import CODE_MAX, Keys
from ar_picking.window import Window


def typed(words, gap_ms, start_ms=0):
    keys, out, t_ms = Keys(), [], start_ms
    for c in words:
        t_ms += gap_ms
        out += keys.press(c, t_ms)
    return out + keys.rest(t_ms + 1000)


@pytest.mark.parametrize("gap_ms", [0, 1, 20, 50, 120])
def test_a_burst_that_ends_with_enter_is_a_code(gap_ms):
    assert typed("6901234567892\r", gap_ms) == [{"type": "scan", "code": "6901234567892"}]
    assert typed("ku b\n", gap_ms) == [{"type": "scan", "code": "ku b"}]


def test_a_hand_presses_buttons():
    assert typed(" ku", 500) == [{"type": "tap"}, {"type": "skip"}, {"type": "undo"}]
    assert typed("y\r", 500) == [{"type": "substitute", "accept": True}, {"type": "tap"}]
    assert typed("s3", 500) == [{"type": "short", "found": 3}]
    assert typed("3", 500) == typed("s", 500) == []  # a digit alone reports nothing
    assert typed("\r", 500) == [{"type": "tap"}]


@pytest.mark.parametrize("picture_ms", [33, 50, 66, 100, 200])
@pytest.mark.parametrize("key_ms", [1, 8, 20, 45])
def test_a_code_that_is_cut_by_pictures_is_still_one_code(picture_ms, key_ms):
    """The window hands over what was typed since its last picture, with that picture's time."""
    code = "6900180346469"
    for phase_ms in range(0, picture_ms, 6):
        keys, out, at = Keys(), [], 0
        for picture in range(40):
            t_ms = 1000 + picture * picture_ms
            while at <= len(code) and 1000 + phase_ms + at * key_ms <= t_ms:
                out += keys.press((code + "\r")[at], t_ms)
                at += 1
            out += keys.rest(t_ms)
        assert out == [{"type": "scan", "code": code}]


@pytest.mark.parametrize("stall_ms", [400, 900, 1900])
def test_half_a_code_is_never_a_button(stall_ms):
    """The program stalls in the middle of a code: what is left of it confirms and reports nothing."""
    code = "6900180346469\r"
    for cut in range(1, len(code)):
        keys, out = Keys(), []
        for c in code[:cut]:
            out += keys.press(c, 1000)
        out += keys.rest(1000 + stall_ms)
        for c in code[cut:]:
            out += keys.press(c, 1000 + stall_ms)
        out += keys.rest(9000)
        assert [a for a in out if a["type"] != "scan"] == [] or cut == 1
        if cut == 1:  # one key alone is a hand's; a digit alone is no button
            assert out in ([], [{"type": "scan", "code": code[1:-1]}])


def test_a_code_that_is_none_does_nothing():
    assert typed("69\r", 5) == []
    assert typed("6" * (CODE_MAX + 9) + "\r", 5) == []
    assert typed("6901234567892", 5) == []  # the end never came
    assert typed("zq§", 500) == []


def test_two_scans_follow_one_another():
    keys = Keys()
    out = [a for k, c in enumerate("6901\r6902\r") for a in keys.press(c, 100 + 10 * k)]
    assert out == [{"type": "scan", "code": "6901"}, {"type": "scan", "code": "6902"}]


def test_without_a_screen_or_windows_it_says_what_to_do(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":99")
    with pytest.raises(PickingError, match="headless wheel"):
        Window("guide")  # the tests' OpenCV has no windows
    monkeypatch.delenv("DISPLAY")
    with pytest.raises(PickingError, match="no screen"):
        Window("guide")


def test_a_window_shows_pictures_and_hands_over_the_keys(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":99")
    shown, codes = [], [ord("u"), -1, -1]
    monkeypatch.setattr(cv2, "namedWindow", lambda title, kind: None)
    monkeypatch.setattr(cv2, "imshow", lambda title, picture: shown.append(picture.shape))
    monkeypatch.setattr(cv2, "waitKey", lambda ms: codes.pop(0))
    monkeypatch.setattr(cv2, "getWindowProperty", lambda title, what: float(len(shown) < 2))
    window = Window("guide")
    assert window.show(np.zeros((90, 160, 3), np.uint8)) == ["u"] and not window.closed
    assert window.show(np.zeros((90, 160, 3), np.uint8)) == [] and window.closed
    assert shown == [(90, 160, 3)] * 2
