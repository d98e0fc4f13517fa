"""Given a pose, when the simulator renders it, then every pixel is where the camera model says.

It is the oracle.
"""

import cv2
import numpy as np
import pytest

from ar_picking.sim.cards import BLACK, WHITE
from ar_picking.sim.order import FloorOrder, Segment
from ar_picking.sim.panels import Panel
from ar_picking.sim.render import Optics, Renderer
from ar_picking.sim.texture import TextureCache
from ar_picking.store.records import Marker
from ar_picking.vision.camera import Camera, Pose, clip_near


def facing(marker, distance_m, aside_m=0.0, up_m=0.0):
    """A level camera straight in front of a marker."""
    n = marker.normal
    right = marker.rotation()[:, 0]
    eye = marker.center_m + n * distance_m + right * aside_m + np.array([0.0, 0.0, up_m])
    return Pose.looking(eye, np.degrees(np.arctan2(-n[1], -n[0])), 0.0)


def dark_span(values):
    """Start and end of a black bar between white, in pixels from the first value, by its area and
    centroid.
    """
    dark = (WHITE - values.astype(float)) / (WHITE - BLACK)
    total = dark.sum()
    middle = (dark * np.arange(len(values))).sum() / total
    return middle - total / 2, middle + total / 2


@pytest.mark.parametrize("seed", range(6))
def test_the_edges_of_a_marker_are_where_the_camera_model_puts_them(store, camera, sharp, seed):
    rng = np.random.default_rng(seed)
    marker = store.markers[store.bin_markers["A2-05-3"][0]]
    pose = facing(marker, rng.uniform(0.8, 1.6), rng.uniform(-0.2, 0.2), rng.uniform(-0.1, 0.1))
    (left, top), (right, _), (_, bottom), _ = camera.project(pose, marker.corners_m())[0]
    grey = cv2.cvtColor(sharp.render(pose), cv2.COLOR_BGR2GRAY)
    module = (right - left) / 8
    # the border is one black module wide: along its middle the bar runs from corner to corner
    row = round(top + module / 2)
    x0 = round(left - module * 0.6)
    start, end = dark_span(grey[row, x0 : round(right + module * 0.6) + 1])
    assert abs(x0 + start - left) < 0.03 and abs(x0 + end - right) < 0.03
    column = round(left + module / 2)
    y0 = round(top - module * 0.6)
    start, end = dark_span(grey[y0 : round(bottom + module * 0.6) + 1, column])
    assert abs(y0 + start - top) < 0.03 and abs(y0 + end - bottom) < 0.03


def test_camera_projection_by_hand():
    camera = Camera.from_hfov(1280, 720, 90.0)
    pose = Pose.looking(np.array([1.0, 2.0, 1.5]), 90.0, 0.0)
    pixels, depth = camera.project(
        pose, np.array([[1.0, 4.0, 1.5], [2.0, 4.0, 1.5], [1.0, 4.0, 2.5], [1, 0, 1.5]])
    )
    assert np.allclose(depth, [2, 2, 2, -2])
    assert np.allclose(pixels[:3], [[639.5, 359.5], [959.5, 359.5], [639.5, 39.5]])
    assert np.isnan(pixels[3]).all()
    assert np.isclose(pose.heading_deg, 90.0)
    tilted = Pose.looking(np.zeros(3), 30.0, -20.0, 7.0)
    assert np.allclose([tilted.heading_deg, tilted.pitch_deg, tilted.roll_deg], [30.0, -20.0, 7.0])
    assert np.isclose(np.linalg.det(tilted.rotation), 1.0)


def test_near_plane_clipping_keeps_what_is_in_front():
    square = np.array([[-1.0, 1.0, -1.0], [1.0, 1.0, -1.0], [1.0, 1.0, 3.0], [-1.0, 1.0, 3.0]])
    cut = clip_near(square, 0.5)
    assert len(cut) == 4 and cut[:, 2].min() == 0.5 and cut[:, 2].max() == 3.0
    assert len(clip_near(square - np.array([0, 0, 5.0]), 0.5)) == 0
    assert len(clip_near(square + np.array([0, 0, 5.0]), 0.5)) == 4


def nearest_panel(panels, pose, rays):
    """By ray casting: the panel each ray meets first, -1 for floor, ceiling or none."""
    best = np.full(len(rays), np.inf)
    which = np.full(len(rays), -1)
    for i, panel in enumerate(panels):
        n = panel.normal
        away = (panel.top_left - pose.position) @ n
        if away >= 0:
            continue  # its back
        along = rays @ n
        with np.errstate(divide="ignore", invalid="ignore"):
            t = away / along
            hit = pose.position + rays * t[:, None] - panel.top_left
        s, d = hit @ panel.right, -hit[:, 2]
        inside = (t > 0.1) & (s >= 0) & (s <= panel.width_m) & (d >= 0) & (d <= panel.height_m)
        closer = inside & (t < best)
        best[closer], which[closer] = t[closer], i
    return which


def test_what_is_nearer_hides_what_is_behind(store):
    """Each panel in a colour of its own: at random pixels the picture shows what a ray meets first."""
    camera = Camera.from_hfov(640, 360, 80.0)
    renderer = Renderer(store, camera, Optics(blur_px=0.0, noise=0.0))
    panels = renderer._panels

    def flat(number):
        color = (number % 16 * 16, number // 16 % 16 * 16, 255)
        return lambda ppm: np.full((32, 32, 3), color, np.uint8)

    for number, panel in enumerate(panels):
        renderer._hung[number] = []
        panel.paint = flat(number)
    rng = np.random.default_rng(4)
    wrong = checked = 0
    for _ in range(25):
        eye = np.array([rng.uniform(0.8, 10.0), rng.choice([0.7, 1.2, 8.3, 8.8]), 1.55])
        if rng.random() < 0.6:
            eye[:2] = (
                rng.choice([1.4, 4.1, 6.8, 9.5]) + rng.uniform(-0.5, 0.5),
                rng.uniform(1.0, 8.4),
            )
        pose = Pose.looking(eye, rng.uniform(-180, 180), rng.uniform(-25, 5), rng.uniform(-5, 5))
        picture = renderer.render(pose)
        spots = np.stack([rng.integers(2, 638, 300), rng.integers(2, 358, 300)], axis=1)
        answers = []
        for dx, dy in ((0, 0), (-1.5, -1.5), (1.5, -1.5), (-1.5, 1.5), (1.5, 1.5)):
            local = np.stack(
                [
                    (spots[:, 0] + dx - camera.cx) / camera.fx,
                    (spots[:, 1] + dy - camera.cy) / camera.fy,
                    np.ones(300),
                ],
                1,
            )
            answers.append(nearest_panel(panels, pose, local @ pose.rotation.T))
        clear = np.all([a == answers[0] for a in answers[1:]], axis=0)  # away from edges
        for (x, y), panel in zip(spots[clear], answers[0][clear], strict=True):
            b, g, r = (int(c) for c in picture[y, x])
            shown = -1 if r != 255 else b // 16 + 16 * (g // 16)
            checked += 1
            wrong += (
                shown != panel % 256
                if panel >= 0
                else r == 255 and b % 16 == 0 and g % 16 == 0 and b != 255
            )
    assert checked > 5000
    assert wrong == 0


def test_the_floor_order_puts_nearer_segments_first():
    rng = np.random.default_rng(1)
    for _ in range(60):
        segments = []
        for i in range(9):
            a = rng.uniform(0, 10, 2)
            b = a + rng.normal(0, 2, 2)
            segments.append(Segment(a, b, 0.0, 1.0, i))
        tree = FloorOrder(segments)
        eye = rng.uniform(0, 10, 2)
        order = tree.nearest_first(eye)
        assert {s.panel for s in order} == set(range(9))
        for angle in np.linspace(0, 2 * np.pi, 60, endpoint=False):
            ray = np.array([np.cos(angle), np.sin(angle)])
            hits = [(t, k) for k, s in enumerate(order) if (t := crossing(eye, ray, s)) is not None]
            assert [k for _, k in sorted(hits)] == sorted(k for _, k in hits)


def crossing(eye, ray, s):
    m = np.array([ray, s.a - s.b]).T
    if abs(np.linalg.det(m)) < 1e-9:
        return None
    t, u = np.linalg.solve(m, s.a - eye)
    return t if t > 1e-6 and 1e-6 < u < 1 - 1e-6 else None


def test_blur_and_noise_are_as_asked_and_repeat(store, camera):
    pose = Pose.looking(np.array([1.4, 2.2, 1.55]), 88.0, -10.0)
    pictures = [Renderer(store, camera, Optics(seed=7)).render(pose) for _ in range(2)]
    assert np.array_equal(*pictures)
    clean = Renderer(store, camera, Optics(blur_px=0.0, noise=0.0))
    noisy = Renderer(store, camera, Optics(blur_px=0.0, noise=3.0)).render(pose).astype(int)
    difference = noisy - clean.render(pose)
    assert abs(difference.mean()) < 0.1 and 2.7 < difference.std() < 3.3
    smeared = clean.render(pose, (12.0, 0.0))
    assert (
        np.abs(np.diff(smeared.astype(int), axis=1)).mean()
        < np.abs(np.diff(clean.render(pose).astype(int), axis=1)).mean() / 2
    )


def test_a_store_made_by_hand_is_rendered_too(store, camera):
    """A marker on no shelf gets a board; one that lies flat is not drawn; nothing raises."""
    lone = Marker(500, 160, 4000, 1000, 1500, 18000, 0, 9000, 2, "")
    flat = Marker(501, 160, 4000, 1000, 10, 0, 0, 0, 2, "")
    import dataclasses

    more = dataclasses.replace(store, markers={**store.markers, 500: lone, 501: flat})
    picture = Renderer(more, camera).render(facing(lone, 1.2))
    detector = cv2.aruco.ArucoDetector(
        cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    )
    found = detector.detectMarkers(picture)[1]
    assert found is not None and 500 in found.ravel() and 501 not in found.ravel()


def test_textures_are_bounded_and_come_back_the_same():
    rng = np.random.default_rng(1)
    arts = [rng.integers(0, 256, (200, 160, 3), np.uint8) for _ in range(12)]
    corner, right = np.zeros(3), np.array([1.0, 0.0, 0.0])
    panels = [Panel(corner, right, 1.0, 1.0, lambda ppm, a=a: a, 200.0) for a in arts]
    large, small = TextureCache(panels), TextureCache(panels, limit_bytes=300_000)
    for number in rng.integers(0, 12, 200).tolist():
        scale = [float(2.0 ** rng.uniform(4, 8)) for _ in range(2)]
        assert np.array_equal(small.picture(number, *scale), large.picture(number, *scale))
        assert small._bytes <= 300_000 or len(small._kept) == 1
        assert small._bytes == sum(art.nbytes for art in small._kept.values())


def test_what_lies_under_a_pixel_is_what_a_ray_meets_first(store, sharp):
    pose = Pose.looking(np.array([4.1, 3.0, 1.5]), 60.0, -8.0)
    camera = sharp.camera
    rng = np.random.default_rng(2)
    pixels = rng.uniform((0, 0), (camera.width - 1, camera.height - 1), (300, 2))
    away = (pixels - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    rays = np.hstack([away, np.ones((300, 1))]) @ pose.rotation.T
    met = nearest_panel(sharp._panels, pose, rays)
    for pixel, number in zip(pixels, met, strict=True):
        hit = sharp.first_hit(pose, tuple(pixel))
        assert (hit is None) == (number < 0)
        if hit is not None:
            assert hit[0] is sharp._panels[number]
            assert np.allclose(camera.project(pose, hit[1][None])[0][0], pixel, atol=1e-6)
