"""What a camera in the store sees: the ground truth that the vision part is measured against.

Panels are drawn nearest first and only where nothing nearer is; markers are drawn with 4 x 4
samples a pixel, so that their corners land where the camera model says, to a few hundredths of a
pixel. Blur and noise come last, as in a camera.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ar_picking.sim import paint
from ar_picking.sim.cards import MarkerCards
from ar_picking.sim.order import FloorOrder, Segment
from ar_picking.sim.panels import Panel, panels
from ar_picking.sim.products import Image
from ar_picking.sim.texture import TextureCache, halvings
from ar_picking.store.records import Array, Store
from ar_picking.vision.camera import Camera, Pose, clip_near

_NEAR_M = 0.08
_SUBPIXELS = 4
# a marker card: 8 x 8 modules of the code with its border, and one white module around
_MODULES = 10
_MODULE_PX = 24
_FLOOR_BANDS_M = (_NEAR_M, 1.6, 2.6, 4.2, 7.0, 12.0, 60.0)


@dataclass(frozen=True, slots=True)
class Optics:
    """What a camera adds to the picture.

    Blur (sigma), sensor noise (sigma, grey values), exposure time.
    """

    blur_px: float = 0.55
    noise: float = 2.5
    exposure_ms: float = 3.0
    seed: int = 1


class Renderer:
    """Renders one store for one camera. Not thread-safe; textures are painted when first seen."""

    def __init__(self, store: Store, camera: Camera, optics: Optics | None = None) -> None:
        self.camera = camera
        self.optics = optics or Optics()
        self._panels = panels(store)
        self._corners = np.array([p.corners() for p in self._panels])
        self._normals = np.array([p.normal for p in self._panels])
        self._planes = np.einsum("ij,ij->i", self._normals, self._corners[:, 0])
        self._textures = TextureCache(self._panels)
        self._walls = [i for i, p in enumerate(self._panels) if p.wall]
        self._order = FloorOrder(
            [s for i, p in enumerate(self._panels) if not p.wall for s in (_segment(i, p),)]
        )
        self._cards = MarkerCards(store, camera)
        x0, y0, x1, y1, height = store.room_m
        self._room = (x0, y0, x1, y1, height)
        ppm = min(200.0, (6e6 / max(1.0, (x1 - x0) * (y1 - y0))) ** 0.5)
        depot = store.graph.point((-1, store.graph.depot))
        mat = (depot[0] / 10 - x0, depot[1] / 10 - y0)
        self._floor = _pyramid(paint.floor(x1 - x0, y1 - y0, ppm, mat), ppm)
        self._ceiling = _pyramid(paint.ceiling(x1 - x0, y1 - y0, 60.0), 60.0)
        self._rng = np.random.default_rng(self.optics.seed)
        self._noise = self._noise_bank()

    def render(self, pose: Pose, turn_px: tuple[float, float] = (0.0, 0.0)) -> Image:
        """The BGR picture (height, width, 3) from `pose`.

        `turn_px` is how far the scene moves during exposure.
        """
        frame = self.render_clean(pose)
        return self._finish(frame, turn_px)

    def render_clean(self, pose: Pose) -> Image:
        """The picture before blur and noise."""
        h, w = self.camera.height, self.camera.width
        frame: Image = np.full((h, w, 3), 60, np.uint8)
        free: Image = np.full((h, w), 255, np.uint8)
        local = (self._corners - pose.position) @ pose.rotation
        visible = self._in_view(local, pose)
        for segment in self._order.nearest_first(pose.position[:2]):
            if visible[segment.panel]:
                self._draw(frame, free, pose, segment.panel, segment.start, segment.end)
        for i in self._walls:
            if visible[i]:
                self._draw(frame, free, pose, i, 0.0, 1.0)
        self._flat(frame, free, pose, 0.0, self._floor)
        self._flat(frame, free, pose, self._room[4], self._ceiling)
        return frame

    def _in_view(self, local: Array, pose: Pose) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which panels face the camera and are not wholly outside one side of its view.

        Local (n, 4, 3).
        """
        c = self.camera
        x, y, z = local[..., 0], local[..., 1], local[..., 2]
        facing = self._normals @ pose.position > self._planes + 1e-6
        out = (z < _NEAR_M).all(axis=1)
        out |= (c.fx * x < -(c.cx + 1) * z).all(axis=1) | (c.fx * x > (c.width - c.cx) * z).all(
            axis=1
        )
        out |= (c.fy * y < -(c.cy + 1) * z).all(axis=1) | (c.fy * y > (c.height - c.cy) * z).all(
            axis=1
        )
        return np.asarray(facing & ~out)

    def _draw(
        self, frame: Image, free: Image, pose: Pose, number: int, start: float, end: float
    ) -> None:
        panel = self._panels[number]
        s0, s1 = start * panel.width_m, end * panel.width_m
        plane = np.array([[s0, 0.0], [s1, 0.0], [s1, panel.height_m], [s0, panel.height_m]])
        down = np.array([0.0, 0.0, -1.0])
        found = self._outline(free, pose, panel.top_left, panel.right, down, plane)
        if found is None:
            return
        (x0, y0, x1, y1), mask, scale = found
        art = self._textures.picture(number, *scale)
        to_picture = self.camera.plane_homography(pose, panel.top_left, panel.right, down)
        patch = _warp(art, to_picture, (panel.width_m, panel.height_m), (x0, y0, x1, y1))
        for marker in panel.markers:
            self._cards.draw(patch, (x0, y0), pose, marker)
        cv2.copyTo(patch, mask, frame[y0:y1, x0:x1])
        part = free[y0:y1, x0:x1]
        cv2.subtract(part, mask, dst=part)

    def _outline(
        self, free: Image, pose: Pose, origin: Array, right: Array, down: Array, plane: Array
    ) -> tuple[tuple[int, int, int, int], Image, tuple[float, float]] | None:
        """Where a piece of a plane still shows.

        Its box in the frame, the mask in it, and pixels per metre.
        """
        c = self.camera
        world = origin + plane[:, :1] * right + plane[:, 1:] * down
        local = clip_near(np.asarray(pose.to_camera(world)), _NEAR_M)
        if len(local) < 3:
            return None
        pixels = np.stack(
            [c.fx * local[:, 0] / local[:, 2] + c.cx, c.fy * local[:, 1] / local[:, 2] + c.cy], 1
        )
        x0, y0 = np.maximum(np.floor(pixels.min(axis=0)), 0).astype(int)
        x1 = min(c.width, int(np.ceil(pixels[:, 0].max())) + 1)
        y1 = min(c.height, int(np.ceil(pixels[:, 1].max())) + 1)
        if x1 - x0 < 1 or y1 - y0 < 1 or not cv2.countNonZero(free[y0:y1, x0:x1]):
            return None
        mask: Image = np.zeros((y1 - y0, x1 - x0), np.uint8)
        fixed = np.clip((pixels - (x0, y0)) * 256.0, -(2**30), 2**30)
        cv2.fillConvexPoly(mask, np.round(fixed).astype(np.int32), 255, cv2.LINE_8, 8)
        cv2.bitwise_and(mask, free[y0:y1, x0:x1], dst=mask)
        if not cv2.countNonZero(mask):
            return None
        return (int(x0), int(y0), x1, y1), mask, self._scale(local, pose, right, down)

    def _scale(self, local: Array, pose: Pose, right: Array, down: Array) -> tuple[float, float]:
        """Pixels per metre along a plane's two directions, in the geometric middle of a clipped
        polygon.
        """
        z = np.maximum(local[:, 2], 0.4)  # what is nearer fills the picture and may be soft
        out = []
        for direction in (right, down):
            d = direction @ pose.rotation
            dx = d[0] - local[:, 0] / z * d[2]
            dy = d[1] - local[:, 1] / z * d[2]
            px_m = self.camera.fx * np.hypot(dx, dy) / z
            out.append(float(np.sqrt(px_m.max() * max(px_m.min(), 1e-6))))
        return out[0], out[1]

    def _flat(
        self, frame: Image, free: Image, pose: Pose, z: float, pyramid: tuple[list[Image], float]
    ) -> None:
        """Floor or ceiling: what is still free, in bands of depth that each have a fitting
        resolution.
        """
        if not cv2.countNonZero(free):
            return
        x0, y0, x1, y1, _ = self._room
        origin = np.array([x0, y1, z])
        right, down = np.array([1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])
        whole = np.array([[0, 0], [x1 - x0, 0], [x1 - x0, y1 - y0], [0, y1 - y0]], dtype=np.float64)
        local = pose.to_camera(origin + whole[:, :1] * right + whole[:, 1:] * down)
        levels, ppm = pyramid
        to_picture = self.camera.plane_homography(pose, origin, right, down)
        for near, far in itertools.pairwise(_FLOOR_BANDS_M):
            piece = clip_near(np.hstack([local, whole]), near)
            if len(piece) < 3:
                break
            piece[:, 2] = -piece[:, 2]
            piece = clip_near(piece, -far)
            if len(piece) < 3:
                continue
            found = self._outline(free, pose, origin, right, down, piece[:, 3:])
            if found is None:
                continue
            box, mask, scale = found
            art = levels[min(len(levels) - 1, halvings(ppm, (scale[0] * scale[1]) ** 0.5))]
            patch = _warp(art, to_picture, (x1 - x0, y1 - y0), box)
            cv2.copyTo(patch, mask, frame[box[1] : box[3], box[0] : box[2]])
            part = free[box[1] : box[3], box[0] : box[2]]
            cv2.subtract(part, mask, dst=part)

    def _finish(self, frame: Image, turn_px: tuple[float, float]) -> Image:
        length = float(np.hypot(*turn_px))
        if length > 1.5:
            frame = np.asarray(cv2.filter2D(frame, -1, _streak(turn_px)), np.uint8)
        if self.optics.blur_px > 0.0:
            frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), self.optics.blur_px), np.uint8)
        if self.optics.noise > 0.0:
            h, w = frame.shape[:2]
            y, x = (int(v) for v in self._rng.integers(0, 64, 2))
            plus, minus = (n[y : y + h, x : x + w] for n in self._noise)
            cv2.add(frame, plus, dst=frame)
            cv2.subtract(frame, minus, dst=frame)
        return frame

    def _noise_bank(self) -> tuple[Image, Image]:
        # the same noise shifted at random: drawing a million normal numbers a frame would cost more
        # than the frame
        shape = (self.camera.height + 64, self.camera.width + 64, 3)
        noise = self._rng.normal(0.0, self.optics.noise, shape)
        return np.clip(noise, 0, 255).round().astype(np.uint8), np.clip(
            -noise, 0, 255
        ).round().astype(np.uint8)


def _segment(number: int, panel: Panel) -> Segment:
    a = panel.top_left[:2]
    return Segment(a, a + panel.right[:2] * panel.width_m, 0.0, 1.0, number)


def _warp(
    art: Image, to_picture: Array, size_m: tuple[float, float], box: tuple[int, int, int, int]
) -> Image:
    """A texture that covers `size_m` of a plane, seen in a box of the frame."""
    h, w = art.shape[:2]
    tx, ty = size_m[0] / w, size_m[1] / h  # metres per texel; texel i covers i .. i + 1
    texture = np.array([[tx, 0.0, 0.5 * tx], [0.0, ty, 0.5 * ty], [0.0, 0.0, 1.0]])
    x0, y0, x1, y1 = box
    crop = np.array([[1.0, 0.0, -x0], [0.0, 1.0, -y0], [0.0, 0.0, 1.0]])
    out = cv2.warpPerspective(
        art,
        crop @ to_picture @ texture,
        (x1 - x0, y1 - y0),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(out, np.uint8)


def _pyramid(art: Image, ppm: float) -> tuple[list[Image], float]:
    levels = [art]
    while len(levels) < 5:
        h, w = levels[-1].shape[:2]
        half = cv2.resize(
            levels[-1], (max(2, w // 2), max(2, h // 2)), interpolation=cv2.INTER_AREA
        )
        levels.append(np.asarray(half, np.uint8))
    return levels, ppm


def _streak(turn_px: tuple[float, float]) -> Array:
    """A box blur along a direction: what a turn during exposure does."""
    n = int(np.ceil(max(abs(turn_px[0]), abs(turn_px[1])))) | 1
    kernel = np.zeros((n, n), np.float32)
    c, s = turn_px[0] / 2.0, turn_px[1] / 2.0
    for t in np.linspace(-1.0, 1.0, 4 * n):
        kernel[round(n // 2 + t * s), round(n // 2 + t * c)] += 1.0
    return np.asarray(kernel / kernel.sum())
