"""Things that get between the camera and the shelves: other customers, a cart, the picker's own hand.

Customers and carts walk to and fro on a line in the store and are drawn as upright pictures that
face the eye; the hand comes into the picture from below, as when something is taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ar_picking.sim.products import Image, hue
from ar_picking.sim.view import View
from ar_picking.store.records import Array
from ar_picking.store.shelves import NDArrayBool

KINDS = ("customer", "cart", "hand")
_SIZES_M = {"customer": (0.62, 1.72), "cart": (0.60, 1.02)}
_PPM = 220
# outline of a forearm with a half closed hand, in px of a picture 1280 wide, the finger tips at (0, 0)
_ARM = (
    (-62, 900), (-56, 260), (-60, 200), (-88, 150), (-96, 96), (-84, 60), (-66, 84), (-60, 40),
    (-56, -8), (-44, -22), (-33, -8), (-30, 24), (-27, -28), (-15, -42), (-3, -28), (-1, 20),
    (3, -30), (14, -42), (26, -26), (27, 26), (32, -2), (42, -14), (53, 0), (58, 60), (64, 130),
    (56, 210), (58, 270), (92, 900),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Occluder:
    """One of KINDS. Customers and carts go from `a_m` to `b_m` (floor positions) and back at
    `speed_m_s`; a hand reaches in for the first `stay_s` of every `every_s` seconds.
    """

    kind: str
    a_m: tuple[float, float] = (0.0, 0.0)
    b_m: tuple[float, float] = (0.0, 0.0)
    speed_m_s: float = 0.8
    every_s: float = 4.0
    stay_s: float = 1.6
    seed: int = 1

    def __post_init__(self) -> None:
        """ValueError for an unknown kind or a time that does not pass."""
        if self.kind not in KINDS:
            raise ValueError(f"an occluder is one of {', '.join(KINDS)}, not {self.kind!r}")
        if not (self.every_s > 0.0 and self.stay_s > 0.0 and self.speed_m_s >= 0.0):
            raise ValueError("an occluder's times must be above 0 and its speed at least 0")

    def position(self, t_s: float) -> Array:
        """Where it stands at a time, on the floor, shape (2,)."""
        a, b = np.array(self.a_m), np.array(self.b_m)
        span = float(np.hypot(*(b - a)))
        if span == 0.0:
            return a
        gone = (self.speed_m_s * t_s) % (2.0 * span)
        return np.asarray(a + (b - a) * (min(gone, 2.0 * span - gone) / span))


class Occluders:
    """Draws occluders into views; they take the pixels before anything else does."""

    def __init__(self, occluders: tuple[Occluder, ...], grey: bool) -> None:
        self._grey = grey
        self._all = [(o, _grey(_paint(o), grey)) for o in occluders]

    def draw(self, view: View, t_s: float, hidden: NDArrayBool | None = None) -> None:
        """Draw all of them at a time; `hidden` says which stand behind a shelf, nearest are drawn
        first.
        """
        eye = view.pose.position
        order = []
        for k, (one, _) in enumerate(self._all):
            if one.kind == "hand":
                order.append((0.0, k))
            elif hidden is None or not hidden[k]:
                order.append((float(np.hypot(*(one.position(t_s) - eye[:2]))), k))
        for _, k in sorted(order):
            one, (art, mask) = self._all[k]
            if one.kind == "hand":
                self._hand(view, one, t_s)
            else:
                _stand(view, one.position(t_s), _SIZES_M[one.kind], art, mask)

    def places(self, t_s: float) -> Array:
        """Floor positions of all of them, shape (n, 2)."""
        return np.array([one.position(t_s) for one, _ in self._all]).reshape(-1, 2)

    def _hand(self, view: View, one: Occluder, t_s: float) -> None:
        into = (t_s % one.every_s) / one.stay_s
        if into >= 1.0:
            return
        c = view.camera
        up = math.sin(math.pi * into)
        tip = np.array([c.width * (0.56 + 0.06 * math.sin(one.seed)), c.height * (1.15 - 0.6 * up)])
        scale = c.width / 1280.0
        arm = np.array(_ARM)
        outline = np.round((tip + arm * scale) * 16).astype(np.int32)
        mask: Image = np.zeros_like(view.free)
        cv2.fillPoly(mask, [outline], 255, cv2.LINE_8, 4)
        cv2.bitwise_and(mask, view.free, dst=mask)
        skin = hue(2, 0.42, 0.78)
        view.picture[mask > 0] = round(sum(skin) / 3) if self._grey else skin
        cv2.subtract(view.free, mask, dst=view.free)
        if view.nearness is not None:
            cells = cv2.resize(mask, view.nearness.shape[::-1], interpolation=cv2.INTER_NEAREST)
            view.nearness[cells > 0] = 2.0  # half a metre away


def _stand(view: View, at: Array, size_m: tuple[float, float], art: Image, mask: Image) -> None:
    """Draw an upright picture that faces the eye."""
    eye = view.pose.position
    away = at - eye[:2]
    distance = float(np.hypot(*away))
    if distance < 0.35:
        return  # nobody stands in the camera
    right = np.array([away[1], -away[0], 0.0]) / distance
    view.stand(
        np.array([at[0], at[1], size_m[1]]) - right * size_m[0] / 2.0, right, size_m, art, mask
    )


def _grey(pair: tuple[Image, Image], grey: bool) -> tuple[Image, Image]:
    art, mask = pair
    return (np.asarray(cv2.cvtColor(art, cv2.COLOR_BGR2GRAY), np.uint8) if grey else art), mask


def _paint(one: Occluder) -> tuple[Image, Image]:
    """The picture and its mask; clothes by the seed."""
    if one.kind == "hand":
        return np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint8)
    width, height = (round(v * _PPM) for v in _SIZES_M[one.kind])
    art: Image = np.full((height, width, 3), 60, np.uint8)
    mask: Image = np.zeros((height, width), np.uint8)
    cloth, trousers = hue(one.seed * 5 + 1, 0.55, 0.62), hue(one.seed * 3 + 8, 0.4, 0.35)
    m = width / 2.0
    if one.kind == "customer":
        body = [(0.08, 0.30), (0.30, 0.165), (0.70, 0.165), (0.92, 0.30), (0.90, 0.60),
                (0.80, 0.60), (0.76, 1.0), (0.24, 1.0), (0.20, 0.60), (0.10, 0.60)]  # fmt: skip
        cv2.fillPoly(mask, [(np.array(body) * (width, height)).astype(np.int32)], 255)
        cv2.ellipse(
            mask,
            (round(m), round(height * 0.085)),
            (round(width * 0.17), round(height * 0.085)),
            0,
            0,
            360,
            255,
            -1,
        )
        art[:] = cloth
        art[round(height * 0.56) :] = trousers
        art[: round(height * 0.165)] = hue(2, 0.42, 0.74)
        art[: round(height * 0.07)] = (30, 32, 36)
        cv2.line(art, (round(m), round(height * 0.6)), (round(m), height), (40, 40, 40), 3)
    else:
        basket = [(0.04, 0.18), (0.98, 0.10), (0.90, 0.66), (0.14, 0.66)]
        cv2.fillPoly(mask, [(np.array(basket) * (width, height)).astype(np.int32)], 255)
        mask[round(height * 0.82) : round(height * 0.86)] = 255
        for x in (0.16, 0.84):
            cv2.circle(
                mask, (round(x * width), round(height * 0.93)), round(0.06 * height), 255, -1
            )
            cv2.line(
                mask, (round(x * width), round(height * 0.6)), (round(x * width), height), 255, 5
            )
        art[:] = (150, 152, 155)
        for k in range(0, width, 9):
            art[:, k : k + 3] = (90, 92, 96)
        for k in range(0, height, 9):
            art[k : k + 3] = (90, 92, 96)
        art[: round(height * 0.19)] = cloth
    shade = np.linspace(0.8, 1.08, width)[None, :, None]
    return np.clip(art * shade, 0, 255).astype(np.uint8), mask
