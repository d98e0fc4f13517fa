"""A JPEG says its size before it is decoded; what would cost more than a plain picture is refused."""

import struct

import cv2
import numpy as np
import pytest
from mutate import Chance, damaged, rounds

from ar_picking.web import jpeg


def picture(width=640, height=480, grey=False, **flags):
    rows = np.random.default_rng(4).integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    image = cv2.resize(rows, (width, height))
    if grey:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    settings = [each for key, value in flags.items() for each in (getattr(cv2, key), value)]
    return cv2.imencode(".jpg", image, settings)[1].tobytes()


PLAIN = picture()


def frame_header(data):
    """Where the frame header's marker is."""
    return data.index(b"\xff\xc0")


@pytest.mark.parametrize(
    "size", [(640, 480), (1280, 720), (1920, 1080), (1080, 1920), (120, 120), (641, 479)]
)
def test_a_camera_picture_says_its_size(size):
    assert jpeg.size(picture(*size)) == (size, "")
    assert jpeg.size(picture(*size, grey=True)) == (size, "")


def test_restarts_and_other_samplings_are_plain_pictures():
    for more in (
        {"IMWRITE_JPEG_RST_INTERVAL": 4},
        {"IMWRITE_JPEG_OPTIMIZE": 1},
        {"IMWRITE_JPEG_SAMPLING_FACTOR": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444},
    ):
        assert jpeg.size(picture(**more)) == ((640, 480), "")


def test_a_picture_in_the_picture_before_it_is_not_taken_for_it():
    thumb = b"Exif\0\0" + picture(160, 120)
    data = PLAIN[:2] + b"\xff\xe1" + struct.pack(">H", len(thumb) + 2) + thumb + PLAIN[2:]
    assert jpeg.size(data) == ((640, 480), "")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a whole JPEG"),
        (b"\xff\xd8\xff\xd9", "not a JPEG"),
        (PLAIN[:-1], "not a whole JPEG"),
        (b"\x89PNG\r\n\x1a\n" + PLAIN, "not a whole JPEG"),
        (PLAIN + b"\0" * 1_000_000 + b"\xff\xd9", "larger than 1 MB"),
        (picture(IMWRITE_JPEG_PROGRESSIVE=1), "not a baseline JPEG"),
        (picture(1928, 1080), "larger than 1920x1080"),
        (picture(1600, 1200), "larger than 1920x1080"),
        (picture(112, 160), "smaller than 120 pixels"),
        (PLAIN[:2] + b"\xff\xe0\0\x02" * 70 + PLAIN[2:], "too many segments"),
        (PLAIN[:2] + b"\xff\xe0\0\x01" + PLAIN[2:], "not a JPEG"),
        (PLAIN[:2] + PLAIN, "not a JPEG"),
    ],
)
def test_what_is_no_plain_picture_is_refused_with_the_reason(data, why):
    assert jpeg.size(data) == ((0, 0), why)


def test_a_bomb_is_refused_before_it_is_decoded():
    at = frame_header(PLAIN)
    bomb = PLAIN[: at + 5] + struct.pack(">HH", 65_500, 65_500) + PLAIN[at + 9 :]
    assert len(bomb) == len(PLAIN)
    assert jpeg.size(bomb) == ((0, 0), "larger than 1920x1080")
    nothing = PLAIN[: at + 5] + struct.pack(">HH", 0, 640) + PLAIN[at + 9 :]
    assert jpeg.size(nothing)[1] == "smaller than 120 pixels"
    four = PLAIN[: at + 9] + b"\x04" + PLAIN[at + 10 :]
    assert jpeg.size(four)[1] == "not a JPEG"
    fine = PLAIN[: at + 11] + b"\x44" + PLAIN[at + 12 :]
    assert jpeg.size(fine)[1] == "an unusual sampling of colours"


def test_scans_without_end_and_a_second_picture_behind_the_first_are_refused():
    scan = PLAIN[PLAIN.index(b"\xff\xda") : PLAIN.index(b"\xff\xda") + 14]
    assert jpeg.size(PLAIN[:-2] + scan * 5_000 + b"\xff\xd9")[1] == "too many scans"
    assert jpeg.size(PLAIN + PLAIN)[1] == "two pictures in one"
    at = frame_header(PLAIN)
    header = PLAIN[at : at + 19]
    assert jpeg.size(PLAIN[:at] + header + PLAIN[at:])[1] == "two pictures in one"


def test_whatever_bytes_come_the_size_is_one_that_may_be_decoded_or_none():
    chance = Chance("jpeg")
    small = picture(160, 120, IMWRITE_JPEG_QUALITY=30)
    taken = 0
    for _ in range(rounds(3_000)):
        head = damaged(small[:400], chance) if chance.below(2) else small[:400]
        data = head + damaged(small[400:], chance) + b"\xff\xd9"
        (width, height), why = jpeg.size(data)
        taken += not why
        if why:
            assert (width, height) == (0, 0)
        else:
            assert 120 <= min(width, height) <= 1080 and max(width, height) <= 1920
    assert taken > 10, "some damage is none that a header shows"
