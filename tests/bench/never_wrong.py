"""Simulated walks full of trouble, and a count of what the localizer claims in them.

A walk is seen by one camera; the map has survey errors, some cards were moved, copied or do not
belong, and there are stretches of blur while the head turns, of a covered lens, and of pictures in
which all markers but one or two are covered. Every picture has its truth.
"""

import math
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from ar_picking.record import overlay_error_px
from ar_picking.sim import scenes
from ar_picking.sim.optics import Optics
from ar_picking.sim.render import Renderer
from ar_picking.sim.tampering import Tampering, random_tampering
from ar_picking.sim.walker import Walker
from ar_picking.vision.camera import Camera, Pose
from ar_picking.vision.localize import Localizer
from ar_picking.vision.track import TRACKED

WRONG_PX = 30.0  # at 1280 pixels width
TROUBLES = ("blur", "one marker", "two markers", "covered", "pause")
HEAD_DEG_S2 = 900.0  # a head on glasses; with a tablet in the hands it is half of that
RECOVERED_WITH = 4  # honest markers in view after a loss: from so many a pose is demanded


@dataclass
class Count:
    """What the localizer said in all frames of some walks."""

    frames: int = 0
    tracked: int = 0
    wrong: int = 0
    one_marker_tracked: int = 0
    doubted: int = 0
    errors_px: list[float] = field(default_factory=list)  # at 1280 pixels width
    shares: list[float] = field(default_factory=list)  # error as a share of the stated bound
    recoveries_ms: list[int] = field(default_factory=list)
    troubled: dict[str, int] = field(default_factory=dict)
    worst: list[tuple[float, str]] = field(default_factory=list)

    def line(self) -> str:
        """The count in words."""
        e = np.percentile(self.errors_px, [50, 95, 100]) if self.errors_px else [math.nan] * 3
        r = np.percentile(self.recoveries_ms, [50, 95, 100]) if self.recoveries_ms else [0] * 3
        trouble = ", ".join(f"{v} {k}" for k, v in sorted(self.troubled.items()))
        return (
            f"{self.frames} frames ({trouble}), {self.tracked} tracked, {self.wrong} of them more"
            f" than {WRONG_PX:.0f} px wrong; error median {e[0]:.2f}, p95 {e[1]:.2f}, worst"
            f" {e[2]:.1f} px; worst share of the stated bound {max(self.shares, default=0):.2f};"
            f" {len(self.recoveries_ms)} recoveries: median {r[0]:.0f}, p95 {r[1]:.0f}, longest"
            f" {r[2]:.0f} ms; doubts {self.doubted}"
        )


@dataclass(frozen=True)
class Walk:
    """One walk: its scene, its size, its faults."""

    seed: int
    frames: int
    width: int = 640
    shop: object = field(
        default=None, repr=False
    )  # a Store for a walk through its aisles; the wall scene when None
    tampered: int = 3  # cards moved, copied and foreign
    survey_mm: float = 2.0  # one sigma of the map, per axis
    focal: float = 1.0  # the camera's true focal length as a share of the one believed
    troubles: tuple[str, ...] = TROUBLES


def run(walk: Walk, count: Count) -> None:
    """Walk once and add to the count."""
    rng = np.random.default_rng(walk.seed)
    camera = Camera.from_hfov(walk.width, walk.width * 9 // 16, 70.0)
    real = replace(camera, fx=camera.fx * walk.focal, fy=camera.fy * walk.focal)
    store = walk.shop or scenes.wall_scene(seed=walk.seed % 7 + 1)
    tampering = Tampering()
    if walk.tampered:
        tampering = random_tampering(store, walk.seed, walk.tampered)
    optics = Optics(blur_px=0.8 * walk.width / 1280, noise=4.0, seed=walk.seed)
    renderer = Renderer(store, real, optics, grey=True, tampering=tampering)
    honest = {m.id: m for m in renderer.markers if store.markers.get(m.id) == m}
    for number, _ in tampering.duplicates:
        honest.pop(number, None)
    for number in tampering.torn:
        honest.pop(number, None)
    localizer = Localizer(_surveyed(store, walk.survey_mm, rng), camera)
    plan = _plan(walk, rng)
    fps = int(rng.choice((15, 20, 30)))
    poses = _shop_poses(walk, rng, fps) if walk.shop else _wall_poses(walk, fps, real.fx)
    t_ms, turned, pending, held = 0, 0.0, None, True
    turn_deg_s = wish_deg_s = 0.0
    for k in range(walk.frames):
        trouble = plan[k]
        t_ms += 1000 // fps
        if trouble == "pause":
            t_ms += 400  # the camera stood still; the walk did not
        pose, streak = poses[k]
        if trouble == "blur":
            if plan[k - 1] != "blur":
                wish_deg_s = float(rng.choice((-1, 1)) * rng.uniform(40, 160))
            # no more than a person looks aside, and back again
            if turned * wish_deg_s > 0.0 and abs(turned) > 25.0:
                wish_deg_s = -wish_deg_s
            most = HEAD_DEG_S2 / fps
            turn_deg_s += max(-most, min(most, wish_deg_s - turn_deg_s))
            turned += turn_deg_s / fps
            streak = (math.radians(turn_deg_s) * real.fx * 0.012, 0.0)
        elif turned or turn_deg_s:
            # comes to rest, then turns back slowly
            most = HEAD_DEG_S2 / fps
            turn_deg_s += max(-most, min(most, -2.0 * turned - turn_deg_s))
            turned += turn_deg_s / fps
        pose = _turned(pose, turned)
        picture = renderer.render(pose, streak)
        kept = None
        if trouble == "covered":
            picture[:] = rng.integers(0, 60)
        elif trouble in ("one marker", "two markers"):
            kept = _cover(picture, renderer, real, pose, 1 if trouble == "one marker" else 2, rng)
        drawn = _drawn(store, pose)
        seen = localizer.update(picture, t_ms, drawn)
        tracked = seen.tracked
        count.frames += 1
        count.doubted += len(seen.doubted)
        count.troubled[trouble or "clear"] = count.troubled.get(trouble or "clear", 0) + 1
        visible = [] if trouble else _readable(honest, real, pose)
        if tracked.state == TRACKED:
            assert tracked.pose is not None and tracked.error_px is not None
            count.tracked += 1
            count.one_marker_tracked += kept == 1 and tracked.age_ms == 0
            error = overlay_error_px(camera, tracked.pose, pose, drawn)
            if error is not None:
                error *= 1280 / walk.width
                count.errors_px.append(error)
                stated = tracked.error_px * 1280 / walk.width
                count.shares.append(error / stated)
                count.wrong += error > WRONG_PX
                if error > WRONG_PX / 2:
                    what = f"{walk} frame {k} {trouble} age {tracked.age_ms} stated {stated:.0f}"
                    count.worst.append((error, what))
        # from the first clear picture after a loss to the first that is tracked; 0 is at once
        if trouble or len(visible) < RECOVERED_WITH:
            pending = None
        elif not held and pending is None:
            pending = t_ms
        held = tracked.state == TRACKED
        if held and pending is not None:
            count.recoveries_ms.append(t_ms - pending)
            pending = None


def _plan(walk: Walk, rng: np.random.Generator) -> list[str]:
    """What is wrong with each frame; "" for nothing."""
    plan = [""] * walk.frames
    k = int(rng.integers(6, 14))
    while k < walk.frames and walk.troubles:
        what = str(rng.choice(walk.troubles))
        for i in range(k, min(walk.frames, k + int(rng.integers(1, 14)))):
            plan[i] = what
            k = i
        k += int(rng.integers(4, 16))
    return plan


def _surveyed(store, sigma_mm, rng):
    """The store as somebody measured it."""
    markers = {}
    for n, m in store.markers.items():
        dx, dy, dz = (round(v) for v in rng.normal(0.0, sigma_mm, 3))
        sigma = max(1, math.ceil(sigma_mm))
        markers[n] = replace(
            m, x_mm=m.x_mm + dx, y_mm=m.y_mm + dy, z_mm=m.z_mm + dz, sigma_mm=sigma
        )
    return replace(store, markers=markers)


def _wall_poses(walk, fps, fx):
    steps = scenes.walk(walk.seed, walk.frames / fps + 1.0, fps, fx)
    return [(s.pose, s.turn_px) for s in steps]


def _shop_poses(walk, rng, fps):
    xs = (1.4, 4.1, 6.8, 9.5)
    a, b = (int(v) for v in rng.permutation(4)[:2])
    way = np.array([[xs[a], 1.0], [xs[a], 6.5], [xs[a], 9.0], [xs[b], 9.0], [xs[b], 1.0]])
    walker = Walker(way[0], 90.0, seed=walk.seed)
    item = list(walk.shop.bins.values())[int(rng.integers(len(walk.shop.bins)))]
    out = []
    for k in range(walk.frames):
        look = item.center_m if 30 < k % 80 < 50 else None
        walker.step(1.0 / fps, way, look)
        turn = tuple(math.radians(v) * 640.0 * 0.003 for v in walker.turn_deg_s)
        out.append((walker.pose(), turn))
    return out


def _turned(pose: Pose, deg: float) -> Pose:
    c, s = math.cos(math.radians(deg)), math.sin(math.radians(deg))
    about_up = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return Pose(pose.position, about_up @ pose.rotation)


def _readable(markers, camera, pose):
    out = []
    for m in markers.values():
        away = pose.position - m.center_m
        far = float(np.linalg.norm(away))
        if far > 12 * m.size_mm / 400.0 or away @ m.normal < 0.5 * far:
            continue
        if all(camera.contains(p, 12.0) for p in camera.project(pose, m.corners_m())[0]):
            out.append(m.id)
    return out


def _cover(picture, renderer, camera, pose, keep, rng):
    """Paint over all cards in view but `keep` of them; returns how many can still be read."""
    quads = []
    for m in renderer.markers:
        pixels, depth = camera.project(pose, m.corners_m())
        if (depth < 0.1).any() or m.normal @ (pose.position - m.center_m) < 0.0:
            continue
        middle = pixels.mean(axis=0)
        if camera.contains(middle, -200.0):
            quads.append((camera.contains(middle, 0.0), middle + 1.35 * (pixels - middle)))
    inside = [i for i, (whole, _) in enumerate(quads) if whole]
    # the same ones in a row, as behind a hand
    stay = set(inside[: keep if len(inside) >= keep else 0])
    for i, (_, quad) in enumerate(quads):
        if i not in stay:
            cv2.fillConvexPoly(picture, np.round(quad).astype(np.int32), int(rng.integers(60, 180)))
    return len(stay)


def _drawn(store, pose):
    """Points on the floor ahead, a way's rim among them, and the fronts of two bins near by."""
    forward = pose.rotation[:2, 2] / max(1e-6, float(np.linalg.norm(pose.rotation[:2, 2])))
    side = np.array([-forward[1], forward[0]])
    floor = [
        np.append(pose.position[:2] + d * forward + s * side, 0.0)
        for d in (1.2, 1.8, 2.5, 3.5, 5.0)
        for s in (-0.3, 0.3)
    ]
    ahead = pose.position + 1.5 * pose.rotation[:, 2]
    near = sorted(store.bins.values(), key=lambda b: float(np.sum((b.center_m - ahead) ** 2)))
    return np.concatenate([np.array(floor), *(b.front_m() for b in near[:2])])
