"""Given pictures of the board or a camera, when `o2o ar calibrate` runs, then it writes a device file,
or says what to do and writes nothing.
"""

import json
import time

import cv2
import numpy as np
import pytest
from board_views import BoardCamera, places

from ar_picking.vision import device_file
from ar_picking.vision.camera import Camera
from tools.cli import main

TRUTH = Camera(640, 360, 460.0, 458.8, 322.4, 176.1, (-0.12, 0.03, 0.0005, -0.0004, 0.0))


@pytest.fixture(scope="module")
def board_camera():
    return BoardCamera(TRUTH)


def run(capsys, *args):
    try:
        code = main(["ar", "calibrate", *map(str, args)])
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


def test_the_command_writes_a_device_file(tmp_path, board_camera, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for k, place in enumerate(places(TRUTH, 32)):
        cv2.imwrite(str(folder / f"{k:03}.png"), board_camera.take(*place))
    heat = tmp_path / "cov.png"
    code, lines, err = run(
        capsys, folder, "--serial", "cart-7", "--out", tmp_path / "d", "--picture", heat
    )
    assert code == 0 and lines[0]["calibration"]["accepted"]
    assert "focus is not locked" in err
    camera = device_file.load(tmp_path / "d" / "cart-7.json", (1280, 720))
    assert abs(camera.fx / TRUTH.fx / 2 - 1) < 0.003
    assert cv2.imread(str(heat)).shape == (180, 320, 3)


def test_the_command_writes_nothing_when_it_is_not_good_enough(tmp_path, board_camera, capsys):
    names = []
    for k, place in enumerate(places(TRUTH, 9, corners=False)):
        names.append(tmp_path / f"{k}.png")
        cv2.imwrite(str(names[-1]), board_camera.take(*place))
    code, lines, err = run(capsys, *names, "--serial", "x", "--out", tmp_path / "d")
    assert code == 1 and not lines[0]["calibration"]["accepted"]
    assert not (tmp_path / "d").exists()
    assert "左上角" in err and "top left corner" in err


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    grey = tmp_path / "grey.png"
    cv2.imwrite(str(grey), np.full((360, 640), 90, np.uint8))
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), np.full((480, 640), 90, np.uint8))
    junk = tmp_path / "junk.png"
    junk.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    video = tmp_path / "junk.mp4"
    video.write_bytes(bytes(1000))
    empty = tmp_path / "empty"
    empty.mkdir()
    for args, status, words in (
        ((), 2, "give pictures"),
        ((grey, "--camera", 0), 2, "give pictures"),
        ((grey, "--out", tmp_path), 2, "--serial"),
        ((grey, "--serial", "../x", "--out", tmp_path), 2, "--serial"),
        (("--board", tmp_path / "b.txt"), 2, "pdf"),
        ((grey,), 1, "the board is in none of 1"),
        ((grey, other), 1, "one size"),
        ((junk,), 1, "not a picture"),
        ((video,), 1, "not a video"),
        ((empty,), 1, "no pictures"),
        ((tmp_path / "gone.mp4",), 1, "no such file"),
        ((tmp_path / "gone.png",), 1, "gone.png"),
    ):
        code, lines, err = run(capsys, *args)
        assert (code, lines) == (status, []), args
        assert words in err, args


def test_the_command_prints_the_board(tmp_path, capsys):
    for name in ("board.pdf", "board.png"):
        code, _, err = run(capsys, "--board", tmp_path / name)
        assert code == 0 and "100 %" in err
        assert (tmp_path / name).stat().st_size > 5_000


class FakeVideo:
    """Shows the board everywhere; its focus can be locked."""

    frames = ()

    def __init__(self, number):
        self.number, self.at, self.set_to = number, 0, {}

    def isOpened(self):  # noqa: N802
        return self.number == 0

    def set(self, prop, value):
        self.set_to[prop] = value
        return True

    def get(self, prop):
        return self.set_to.get(prop, -1)

    def read(self):
        self.at += 1
        time.sleep(0.002)  # one picture at a time: of several the command takes the sharpest alone
        if self.at % 3 == 0:
            return False, None  # cameras drop pictures
        return True, self.frames[self.at % len(self.frames)]

    def release(self):
        self.number = -1


def test_the_command_takes_pictures_with_a_camera(tmp_path, board_camera, capsys, monkeypatch):
    grey = [board_camera.take(*place) for place in places(TRUTH, 61)]
    monkeypatch.setattr(FakeVideo, "frames", [cv2.cvtColor(g, cv2.COLOR_GRAY2BGR) for g in grey])
    monkeypatch.setattr(cv2, "VideoCapture", FakeVideo)
    monkeypatch.setattr("ar_picking.commands.calibrate._BETWEEN_S", 0.001)
    options = ("--size", "640x360", "--serial", "t1", "--out", tmp_path)
    code, lines, err = run(capsys, "--camera", 0, *options)
    result = lines[0]["calibration"]
    assert code == 0 and result["accepted"] and result["focus_locked"], result["missing"]
    assert "focus is not locked" not in err and "views, " in err
    assert 20 <= result["with_board"] <= result["pictures"] < 200  # it stops when it has enough
    code, _, err = run(capsys, "--camera", 1, *options)
    assert code == 1 and "cannot be opened" in err
    assert run(capsys, "--camera", 0, "--seconds", "nan")[0] == 2
