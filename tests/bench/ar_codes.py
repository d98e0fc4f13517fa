"""Barcodes and QR codes as a camera sees them, drawn for the scan's tests and bench."""

import cv2
import numpy as np

LEFT = [
    "0001101",
    "0011001",
    "0010011",
    "0111101",
    "0100011",
    "0110001",
    "0101111",
    "0111011",
    "0110111",
    "0001011",
]
PARITY = [
    "LLLLLL",
    "LLGLGG",
    "LLGGLG",
    "LLGGGL",
    "LGLLGG",
    "LGGLLG",
    "LGGGLL",
    "LGLGLG",
    "LGLGGL",
    "LGGLGL",
]
CODES = ("6901234567892", "4006381333931", "9771234567003")


def bars(digits):
    """The modules of an EAN-13 with its quiet zones, 1 for black (GS1 General Specifications, 5.2)."""
    odd = {str(k): code for k, code in enumerate(LEFT)}
    right = {k: "".join("10"[int(b)] for b in code) for k, code in odd.items()}
    even = {k: code[::-1] for k, code in right.items()}
    left = "".join(
        (odd if p == "L" else even)[d]
        for d, p in zip(digits[1:7], PARITY[int(digits[0])], strict=True)
    )
    middle = "".join(right[d] for d in digits[7:])
    return "0" * 11 + "101" + left + "01010" + middle + "101" + "0" * 7


def pack(digits, module_px, angle_deg, rng, size=(640, 480)):
    """An article's side with its barcode, turned and noisy."""
    line = np.array([30 if b == "1" else 225 for b in bars(digits)], np.uint8)
    label = np.repeat(np.repeat(line[None], 70, axis=0), 4, axis=1)
    scene = np.full((size[1], size[0]), 140, np.uint8)
    for _ in range(40):
        x, y, w, h = (int(v) for v in rng.integers((0, 0, 5, 5), (*size, 120, 60)))
        cv2.rectangle(scene, (x, y), (x + w, y + h), int(rng.integers(0, 255)), -1)
    turn = cv2.getRotationMatrix2D((label.shape[1] / 2, 35), angle_deg, module_px / 4)
    turn[:, 2] += (size[0] / 2 - label.shape[1] / 2, size[1] / 2 - 35)
    # bars become taller: 40 modules
    turn[:, 1] *= 160 / 70
    turn[:, 2] -= turn[:, 1] * 35 * (1 - 70 / 160)
    mask = cv2.warpAffine(np.full_like(label, 255), turn, size)
    view = cv2.warpAffine(label, turn, size, flags=cv2.INTER_AREA)
    scene[mask > 127] = view[mask > 127]
    noisy = cv2.GaussianBlur(scene, (0, 0), 0.6) + rng.normal(0, 4, scene.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def qr(text, module_px, rng):
    code = cv2.QRCodeEncoder.create().encode(text)
    code = cv2.resize(code, None, fx=module_px, fy=module_px, interpolation=cv2.INTER_NEAREST)
    scene = rng.integers(90, 170, (480, 640), dtype=np.uint8)
    white = cv2.copyMakeBorder(code, 16, 16, 16, 16, cv2.BORDER_CONSTANT, value=255)
    scene[60 : 60 + white.shape[0], 200 : 200 + white.shape[1]] = white
    return cv2.GaussianBlur(scene, (0, 0), 0.7)
