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


@pytest.mark.parametrize("gap_ms", [0, 1, 20, 50])
def test_a_burst_that_ends_with_enter_is_a_code(gap_ms):
    assert typed("6901234567892\r", gap_ms) == [{"type": "scan", "code": "6901234567892"}]
    assert typed("ku b\n", gap_ms) == [{"type": "scan", "code": "ku b"}]


def test_a_hand_presses_buttons():
    assert typed(" ku3y", 300) == [
        {"type": "tap"},
        {"type": "skip"},
        {"type": "undo"},
        {"type": "short", "found": 3},
        {"type": "substitute", "accept": True},
    ]
    assert typed("\r", 300) == [{"type": "tap"}]
    assert typed("6901\r", 200)[-1] == {"type": "tap"}  # typed by hand: four buttons, not a code


def test_a_code_that_is_none_does_nothing():
    assert typed("69\r", 5) == []
    assert typed("6" * (CODE_MAX + 9) + "\r", 5) == []
    assert typed("6901234567892", 5) == []  # the end never came
    assert typed("zq§", 300) == []


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
