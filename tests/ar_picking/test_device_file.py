"""Given a device file, when a camera is loaded from it, then it is that camera or a sentence."""

import json
import math
import random

import numpy as np
import pytest

from ar_picking.errors import PickingError
from ar_picking.vision import device_file
from ar_picking.vision.camera import Camera

CAMERA = Camera(1280, 720, 921.0, 918.5, 645.2, 352.8, (-0.12, 0.03, 0.0005, -0.0004, 0.0))
QUALITY = {
    "rms_px": 0.06,
    "f_sigma_px": 0.2,
    "views": 40,
    "coverage": 0.97,
    "date": "2026-05-01",
    "focus_locked": True,
}


@pytest.fixture
def path(tmp_path):
    out = tmp_path / "cart-7.json"
    out.write_bytes(device_file.encode("cart-7", CAMERA, QUALITY))
    return out


def test_what_was_written_is_loaded(path):
    assert device_file.load(path, (1280, 720)) == CAMERA
    record = json.loads(path.read_text())
    assert record["serial"] == "cart-7" and record["version"] == 1
    assert record["lens"] == list(CAMERA.lens) and record["coverage"] == 0.97


@pytest.mark.parametrize("size", [(640, 360), (1920, 1080), (854, 480)])
def test_another_size_shows_the_same_world(path, size):
    """A point that is in the middle of a pixel block of the large picture is there in the small one."""
    small = device_file.load(path, size)
    assert (small.width, small.height) == size
    points = np.array([[0.1, -0.2, 1.0], [-0.5, 0.3, 1.2], [0.6, 0.35, 1.0]])
    edge = (CAMERA.pixels(points) + 0.5) / (1280, 720)
    assert np.allclose((small.pixels(points) + 0.5) / size, edge, atol=1e-9)


@pytest.mark.parametrize("size", [(640, 480), (720, 1280), (1280, 800), (0, 0)])
def test_another_aspect_ratio_is_refused(path, size):
    with pytest.raises(PickingError, match="aspect ratio"):
        device_file.load(path, size)


def bad(**values):
    record = json.loads(device_file.encode("x", CAMERA, QUALITY))
    record.update(values)
    return record


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ([], "not an object"),
        (bad(version=2), "version 2"),
        (bad(version=True), "version True"),
        (bad(size=[1280]), "size"),
        (bad(size=[1280, "720"]), "size"),
        (bad(size=[1280, 10**9]), "size"),
        (bad(fx=None), "numbers"),
        (bad(fx=float("nan")), "numbers"),
        (bad(fx=1e300), "numbers"),
        (bad(fx=True), "numbers"),
        (bad(lens=[0, 0, 0, 0]), "five values"),
        (bad(lens=[0, 0, 0, 0, "0"]), "five values"),
        (bad(lens=[-3.0, 0, 0, 0, 0]), "bends the picture back"),
        (bad(lens=[0, 0, 0, 0, 1e8]), "bends the picture back"),
        (bad(fx=-921.0), "not those of a camera"),
        (bad(fy=9210.0), "not those of a camera"),
        (bad(cx=5.0), "middle of the picture"),
        (bad(cy=-1.0), "middle of the picture"),
    ],
)
def test_values_no_camera_has_are_refused(tmp_path, record, words):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(record))
    with pytest.raises(PickingError, match=words):
        device_file.load(path, (1280, 720))


def test_files_that_are_none_are_refused(tmp_path):
    path = tmp_path / "x.json"
    with pytest.raises(PickingError, match="calibrate"):
        device_file.load(path, (1280, 720))
    with pytest.raises(PickingError):
        device_file.load(tmp_path, (1280, 720))
    for data in (b"", b"\xff\xfe\x00", b"[" * 90_000, b"{", b"9" * 50_000):
        path.write_bytes(data)
        with pytest.raises(PickingError, match=r"calibrate|device file"):
            device_file.load(path, (1280, 720))
    path.write_bytes(b" " * 200_000)
    with pytest.raises(PickingError, match="larger"):
        device_file.load(path, (1280, 720))


def test_hostile_records_give_a_camera_that_works_or_a_sentence():
    """Whatever is in the file, what comes out can project and straighten without a fault."""
    rng = random.Random(7)
    junk = [
        None,
        True,
        -1,
        0,
        1,
        0.5,
        1e9,
        -1e9,
        1e-9,
        math.inf,
        math.nan,
        "1",
        [],
        {},
        [1, 2],
        700,
    ]
    cameras = 0
    for _ in range(3000):
        record = json.loads(device_file.encode("x", CAMERA, QUALITY))
        for key in rng.sample(
            ["version", "size", "fx", "fy", "cx", "cy", "lens"], rng.randint(0, 2)
        ):
            near = isinstance(record[key], float) and rng.random() < 0.5
            record[key] = record[key] * rng.uniform(0.2, 2.0) if near else rng.choice(junk)
        if rng.random() < 0.5 and isinstance(record["lens"], list) and record["lens"]:
            record["lens"][rng.randrange(len(record["lens"]))] = rng.choice([*junk, -0.3, 0.4])
        camera, reason = device_file.decode(record)
        assert (camera is None) == bool(reason)
        if camera is None:
            continue
        cameras += 1
        rim = np.array([[0.0, 0.0], [camera.width - 1, 0.0], [camera.width - 1, camera.height - 1]])
        straight = camera.ideal(rim)
        assert np.isfinite(straight).all()
        rays = np.c_[(straight - (camera.cx, camera.cy)) / (camera.fx, camera.fy), np.ones(3)]
        assert np.abs(camera.pixels(rays) - rim).max() < 0.5
    assert cameras > 500


@pytest.mark.parametrize("serial", ["", "../x", "a/b", ".hidden", "a b", "x" * 65, "柜台"])
def test_names_that_are_no_file_names_are_refused(serial):
    assert not device_file.serial_ok(serial)
    assert device_file.serial_ok("cart-7_b.2")
