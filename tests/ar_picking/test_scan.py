"""Given codes drawn as a camera sees them, when they are scanned, then each is said once and right."""

import cv2
import numpy as np
import pytest
from ar_codes import CODES, pack, qr

from ar_picking.vision.scan import (
    AGAIN_MS,
    EAN8,
    EAN13,
    GONE_MS,
    QR,
    Code,
    CodeReader,
    CodeScanner,
    checksum_ok,
)


def test_a_barcode_held_close_is_read_and_no_other_number_is():
    rng = np.random.default_rng(1)
    reader = CodeReader()
    read = 0
    for k in range(12):
        digits = CODES[k % len(CODES)]
        picture = pack(digits, rng.uniform(2.2, 3.5), rng.uniform(-8, 8), rng)
        found = reader.read(picture)
        assert found in ([], [Code(EAN13, digits)])
        read += bool(found)
    assert read >= 11 and reader.faults == 0


def test_a_region_is_enough_and_what_lies_outside_is_not_read():
    rng = np.random.default_rng(2)
    picture = pack(CODES[0], 2.4, 3.0, rng)
    reader = CodeReader()
    assert reader.read(picture, (120, 120, 520, 360)) == [Code(EAN13, CODES[0])]
    assert reader.read(picture, (-50, -50, 200, 100)) == []
    assert (
        reader.read(picture, (700, 0, 900, 200)) == [] and reader.read(picture, (5, 5, 9, 9)) == []
    )


def test_a_qr_code_is_read_and_only_the_kinds_asked_for_are():
    rng = np.random.default_rng(3)
    picture = qr("SKU:6901234567892", 6, rng)
    assert CodeReader((EAN13, QR)).read(picture) == [Code(QR, "SKU:6901234567892")]
    assert CodeReader((EAN13,)).read(picture) == []
    assert CodeReader((QR,)).read(pack(CODES[1], 3.0, 0.0, rng)) == []
    assert CodeReader((EAN8,)).read(pack(CODES[1], 3.0, 0.0, rng)) == []
    with pytest.raises(ValueError, match="code39"):
        CodeReader(("code39",))


def test_a_long_or_unprintable_qr_code_is_no_code():
    rng = np.random.default_rng(4)
    assert CodeReader((QR,)).read(qr("7" * 200, 6, rng)) == []
    assert CodeReader((QR,)).read(qr("a\x07b", 8, rng)) == []


def test_noise_stripes_and_text_are_never_a_code():
    rng = np.random.default_rng(5)
    reader = CodeReader((EAN13, EAN8, QR))
    for k in range(10):
        scene = rng.integers(0, 256, (240, 320), dtype=np.uint8)
        if k % 3 == 1:  # bars of no code
            line = np.repeat(rng.integers(0, 2, 110), 3)[:320].astype(np.uint8) * 255
            scene = np.repeat(np.resize(line, 320)[None], 240, axis=0)
        elif k % 3 == 2:
            scene = cv2.resize(scene[:24, :32], (320, 240), interpolation=cv2.INTER_NEAREST)
        assert reader.read(scene) == []


def test_check_digits():
    for digits in CODES:
        assert checksum_ok(digits)
        for k in range(13):  # any one wrong digit is noticed
            wrong = digits[:k] + str((int(digits[k]) + 1) % 10) + digits[k + 1 :]
            assert not checksum_ok(wrong)
    assert checksum_ok("96385074") and not checksum_ok("96385075")
    for bad in ("", "1", "690123456789", "69012345678９2", "-901234567892", "69012345678921"):
        assert not checksum_ok(bad)


def test_a_code_counts_when_read_twice_and_is_said_once():
    code = Code(EAN13, CODES[0])
    scanner = CodeScanner()
    assert scanner.seen([code], 1000) == []
    assert scanner.seen([code], 1000) == []  # the same picture again says nothing new
    assert scanner.seen([code], 1000 + AGAIN_MS) == [code]
    assert scanner.seen([code], 1000 + AGAIN_MS + 100) == []
    late = 1000 + AGAIN_MS + 100 + GONE_MS + 1
    assert scanner.seen([code], late) == []
    assert scanner.seen([code], late + AGAIN_MS + 1) == []  # too late: that is a first time again
    assert scanner.seen([code], late + AGAIN_MS + 2) == [code]


def test_a_picture_a_second_time_confirms():
    rng = np.random.default_rng(6)
    scanner = CodeScanner()
    told = []
    for k in range(4):
        told += scanner.update(pack(CODES[2], 2.8, 2.0, rng), 40 * k)
    assert told == [Code(EAN13, CODES[2])]


def test_a_flood_of_codes_is_bounded():
    scanner = CodeScanner()
    for k in range(500):
        scanner.seen([Code(QR, str(k))], k)
    assert len(scanner._last_ms) <= 16
    assert scanner.seen([Code(QR, "0")], 550) == [Code(QR, "0")]
