"""What a camera in the store sees: the ground truth that the vision part is measured against.

Panels are drawn nearest first and only where nothing nearer is; markers are drawn with 4 x 4
samples a pixel, so that their corners land where the camera model says, to a few hundredths of a
pixel. Lens, motion and the camera's faults come last, as in a camera.
"""

from __future__ import annotations

import itertools
from typing import Any

import cv2
import numpy as np

from ar_picking.sim import paint
from ar_picking.sim.cards import MarkerCards
from ar_picking.sim.glints import Glints
from ar_picking.sim.lens import behind
from ar_picking.sim.occluders import Occluder, Occluders
from ar_picking.sim.optics import Optics, Sensor
from ar_picking.sim.order import FloorOrder, Segment
from ar_picking.sim.panels import Panel, panels
from ar_picking.sim.products import Image
from ar_picking.sim.shutter import MARGIN_PX, PoseAt, Shutter
from ar_picking.sim.tampering import Tampering
from ar_picking.sim.texture import TextureCache, halvings
from ar_picking.sim.view import NEAR_M, Plane, View, pyramid, warped
from ar_picking.store.records import Array, Store
from ar_picking.store.shelves import Footprints, shelves
from ar_picking.vision.camera import Camera, Pose, clip_near

__all__ = ["Optics", "Renderer"]

_FLOOR_BANDS_M = (NEAR_M, 1.6, 2.6, 4.2, 7.0, 12.0, 60.0)
_DOWN = np.array([0.0, 0.0, -1.0])


class Renderer:
    """Renders one store for one camera. Not thread-safe; textures are painted when first seen.

    With `grey` the pictures are (height, width) and cost half as much. `tampering` changes what hangs
    in the store, not the Store; `markers` is what is drawn.
    """

    def __init__(
        self,
        store: Store,
        camera: Camera,
        optics: Optics | None = None,
        *,
        grey: bool = False,
        tampering: Tampering | None = None,
        occluders: tuple[Occluder, ...] = (),
    ) -> None:
        self.camera = camera
        self.optics = optics or Optics()
        self.grey = grey
        tampering = tampering or Tampering()
        self.markers = tampering.drawn(store)
        self._panels = panels(store, self.markers)
        numbers = {id(marker): k for k, marker in enumerate(self.markers)}
        self._hung = [[numbers[id(m)] for m in p.markers] for p in self._panels]
        self._corners = np.array([p.corners() for p in self._panels])
        self._normals = np.array([p.normal for p in self._panels])
        self._rights = np.array([p.right for p in self._panels])
        self._sizes = np.array([(p.width_m, p.height_m) for p in self._panels])
        self._offsets = np.einsum("ij,ij->i", self._normals, self._corners[:, 0])
        self._textures = TextureCache(self._panels, grey)
        self._walls = [i for i, p in enumerate(self._panels) if p.wall]
        self._order = FloorOrder([_segment(i, p) for i, p in enumerate(self._panels) if not p.wall])
        self._cards = MarkerCards(self.markers, tampering.torn)
        self._glints = (
            Glints(self.markers, store.room_m, self.optics.glare, self.optics.seed)
            if self.optics.glare > 0.0
            else None
        )
        self._occluders = Occluders(occluders, grey) if occluders else None
        self._footprints = Footprints(shelves(list(store.bins.values())))
        x0, y0, x1, y1, height = store.room_m
        self._room = (x0, y0, x1, y1, height)
        ppm = min(200.0, (6e6 / max(1.0, (x1 - x0) * (y1 - y0))) ** 0.5)
        depot = store.graph.point((-1, store.graph.depot))
        mat = (depot[0] / 10 - x0, depot[1] / 10 - y0)
        self._floor = self._levels(paint.floor(x1 - x0, y1 - y0, ppm, mat)), ppm
        self._ceiling = self._levels(paint.ceiling(x1 - x0, y1 - y0, 60.0)), 60.0
        self._lens = behind(camera)
        self._shutter: Shutter | None = None
        self._sensor = Sensor(self.optics, camera.width, camera.height, 1 if grey else 3)

    def render(
        self, pose: Pose, turn_px: tuple[float, float] = (0.0, 0.0), t_s: float = 0.0
    ) -> Image:
        """The picture from `pose`: (height, width, 3) BGR, or (height, width) grey.

        `turn_px` is how far the scene moves during exposure, `t_s` the time that occluders go by.
        """
        return self._sensor.expose(self.render_clean(pose, t_s), turn_px, pose.heading_deg, t_s)

    def render_clean(self, pose: Pose, t_s: float = 0.0) -> Image:
        """The picture through the lens, before blur, light and noise."""
        return self._lens.bend(self._view(self._lens.canvas, pose, t_s).picture)

    def render_moving(self, pose_at: PoseAt, t_s: float = 0.0) -> Image:
        """The picture of a moving camera: `pose_at(seconds)` around the picture's time.

        Rolling shutter and motion blur follow the true motion; the picture's time is when its middle
        row is read, in the middle of that row's exposure.
        """
        pose = pose_at(0.0)
        if self._shutter is None:
            self._shutter = Shutter(behind(self.camera, MARGIN_PX))
        view = self._view(self._shutter.lens.canvas, pose, t_s, depths=True)
        readout_s, exposure_s = self.optics.readout_ms / 1000.0, self.optics.exposure_ms / 1000.0
        frame = self._shutter.take(view, pose_at, readout_s, exposure_s)
        return self._sensor.expose(frame, (0.0, 0.0), pose.heading_deg, t_s)

    def first_hit(self, pose: Pose, pixel: tuple[float, float]) -> tuple[Panel, Array] | None:
        """The upright panel under a pixel of the picture and the point on it, (3,); None: floor,
        ceiling or nothing. Occluders do not count.
        """
        c = self.camera
        x, y = c.ideal(np.array([pixel], np.float64))[0]
        ray = pose.rotation @ np.array([(x - c.cx) / c.fx, (y - c.cy) / c.fy, 1.0])
        towards = -(self._normals @ ray)
        gap = self._normals @ pose.position - self._offsets
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = np.where((towards > 1e-9) & (gap > 0.0), gap / towards, np.inf)
            points = pose.position + np.where(np.isfinite(depth), depth, 0.0)[:, None] * ray
        across = np.einsum("ij,ij->i", points - self._corners[:, 0], self._rights)
        down = self._corners[:, 0, 2] - points[:, 2]
        inside = (across >= 0.0) & (across <= self._sizes[:, 0])
        inside &= (down >= 0.0) & (down <= self._sizes[:, 1])
        depth[~inside] = np.inf
        first = int(depth.argmin())
        if not np.isfinite(depth[first]):
            return None
        return self._panels[first], np.asarray(points[first])

    def _view(self, canvas: Camera, pose: Pose, t_s: float, depths: bool = False) -> View:
        view = View(canvas, pose, self.grey, depths)
        self._cards.look(view)
        if self._glints is not None:
            self._glints.look(view)
        if self._occluders is not None:
            places = self._occluders.places(t_s)
            self._occluders.draw(view, t_s, self._footprints.hidden(pose.position[:2], places))
        visible = self._in_view(canvas, pose)
        for segment in self._order.nearest_first(pose.position[:2]):
            if visible[segment.panel]:
                self._draw(view, segment.panel, segment.start, segment.end)
        for i in self._walls:
            if visible[i]:
                self._draw(view, i, 0.0, 1.0)
        self._flat(view, 0.0, self._floor)
        self._flat(view, self._room[4], self._ceiling)
        return view

    def _in_view(self, c: Camera, pose: Pose) -> list[bool]:
        """Which panels face the camera and are not wholly outside one side of its view."""
        local = (self._corners - pose.position) @ pose.rotation
        x, y, z = local[..., 0], local[..., 1], local[..., 2]
        facing = self._normals @ pose.position > self._offsets + 1e-6
        out = (z < NEAR_M).all(axis=1)
        out |= (c.fx * x < -(c.cx + 1) * z).all(axis=1)
        out |= (c.fx * x > (c.width - c.cx) * z).all(axis=1)
        out |= (c.fy * y < -(c.cy + 1) * z).all(axis=1)
        out |= (c.fy * y > (c.height - c.cy) * z).all(axis=1)
        shown: list[bool] = (facing & ~out).tolist()
        return shown

    def _draw(self, view: View, number: int, start: float, end: float) -> None:
        panel = self._panels[number]
        s0, s1 = start * panel.width_m, end * panel.width_m
        plane = Plane(panel.top_left, panel.right, _DOWN)
        corners = np.array([[s0, 0.0], [s1, 0.0], [s1, panel.height_m], [s0, panel.height_m]])
        piece = view.outline(plane, corners)
        if piece is None:
            return
        art = self._textures.picture(number, *piece.scale)
        size_m = (panel.width_m, panel.height_m)
        patch = warped(art, view.homography(plane), size_m, piece.box)
        for marker in self._hung[number]:
            self._cards.draw(view, patch, piece.box[:2], marker)
            if self._glints is not None:
                self._glints.draw(patch, piece.box[:2], marker)
        view.put(piece, patch, plane)

    def _flat(self, view: View, z: float, art: tuple[list[Image], float]) -> None:
        """Floor or ceiling: what is still free, in bands of depth that each have a fitting
        resolution.
        """
        if view.full:
            return
        x0, y0, x1, y1, _ = self._room
        plane = Plane(np.array([x0, y1, z]), np.array([1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0]))
        size_m = (x1 - x0, y1 - y0)
        whole = np.array([[0.0, 0.0], [size_m[0], 0.0], size_m, [0.0, size_m[1]]])
        world = plane.origin + whole[:, :1] * plane.right + whole[:, 1:] * plane.down
        local = view.pose.to_camera(world)
        levels, ppm = art
        to_picture = view.homography(plane)
        for near, far in itertools.pairwise(_FLOOR_BANDS_M):
            corners = clip_near(np.hstack([local, whole]), near)
            if len(corners) < 3:
                break
            corners[:, 2] = -corners[:, 2]
            corners = clip_near(corners, -far)
            if len(corners) < 3:
                continue
            piece = view.outline(plane, corners[:, 3:])
            if piece is None:
                continue
            fitting = halvings(ppm, (piece.scale[0] * piece.scale[1]) ** 0.5)
            picture = levels[min(len(levels) - 1, fitting)]
            view.put(piece, warped(picture, to_picture, size_m, piece.box), plane)

    def _levels(self, art: Image) -> list[Image]:
        if self.grey:
            art = np.asarray(cv2.cvtColor(art, cv2.COLOR_BGR2GRAY), np.uint8)
        return pyramid(art)


def _segment(number: int, panel: Panel) -> Segment:
    a: Any = panel.top_left[:2]
    b: Array = a + panel.right[:2] * panel.width_m
    return Segment(a, b, 0.0, 1.0, number)
