"""The whole chain in figures: own calibration, own survey, another walk, and where things are drawn.

`make bench`. All pictures are rendered: a camera with a lens nobody told us, the busy wall with its
twelve 8 cm markers, blur, noise and motion. Errors are against the renderer's truth, in the store's
frame.
"""

import dataclasses
import math
import time

import cv2
import numpy as np
import pytest
from board_views import BoardCamera, places

from ar_picking.sim import scenes
from ar_picking.sim.render import Renderer
from ar_picking.vision import calibrate, survey_sheet
from ar_picking.vision.camera import Camera, Pose
from ar_picking.vision.charuco import BoardDetector
from ar_picking.vision.detect import MarkerDetector
from ar_picking.vision.localize import Localizer
from ar_picking.vision.network import fitted
from ar_picking.vision.stills import sharpness
from ar_picking.vision.survey import survey
from ar_picking.vision.survey_views import Still

cv2.setNumThreads(1)

TRUTH = Camera(1280, 720, 921.0, 918.5, 645.2, 352.8, (-0.12, 0.03, 0.0005, -0.0004, 0.0))
TAPE_MM = 1.0
PRIOR_MM = 40.0


def line(name, values, unit, goal=""):
    a = np.asarray(values, float)
    print(
        f"  {name:52} p50 {np.median(a):7.3f}  p95 {np.percentile(a, 95):7.3f}  max {a.max():7.3f} "
        f"{unit} ({len(a)}){goal}"
    )


@pytest.fixture(scope="module")
def camera():
    """The camera as our calibration finds it, from 45 pictures of the board."""
    board, detector = BoardCamera(TRUTH), BoardDetector()
    views, off = [], []
    for k, place in enumerate(places(TRUTH, 45)):
        view = detector.find(str(k), board.take(*place))
        if view is not None:
            views.append(view)
            off.extend(np.linalg.norm(view.pixels - board.truth(*place, view.board_m), axis=1))
    began = time.process_time()
    found = calibrate.calibrate(views, (1280, 720))
    print(f"\n1. calibration from {len(found.kept)} views, {time.process_time() - began:.2f} s CPU")
    line("board corners against the truth", off, "px")
    c = found.camera
    print(
        f"  fx {c.fx:.2f} (truth {TRUTH.fx})  fy {c.fy:.2f} ({TRUTH.fy})  cx {c.cx:.2f} ({TRUTH.cx})  "
        f"cy {c.cy:.2f} ({TRUTH.cy})\n  sigma of f {found.f_sigma_px:.2f} px  rms "
        f"{found.rms_px:.3f} px  coverage {found.coverage:.0%}  "
        f"lens {tuple(round(v, 4) for v in c.lens)}  missing {found.missing}"
    )
    rim = np.stack(np.meshgrid(np.linspace(0, 1279, 17), np.linspace(0, 719, 11)), 2).reshape(-1, 2)
    rays = (TRUTH.ideal(rim) - (TRUTH.cx, TRUTH.cy)) / (TRUTH.fx, TRUTH.fy)
    rays = np.c_[rays, np.ones(len(rays))]
    ours = (c.ideal(rim) - (c.cx, c.cy)) / (c.fx, c.fy)
    ours = np.c_[ours, np.ones(len(rays))]
    rays, ours = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (rays, ours))
    turn, _ = fitted(
        ours, rays
    )  # a shift of the axis that a turn of the camera undoes harms nobody
    local = rays @ turn
    line(
        "rays, after the best turn",
        np.linalg.norm(c.pixels(local / local[:, 2:]) - rim, axis=1),
        "px",
    )
    return c


def rough_map(store, fixed, seed):
    """The map as a clerk with a tape has it: 4 cm and 2 degrees off, the fixed ones to a millimetre."""
    rng = np.random.default_rng(seed)
    out = {}
    for m in store.markers.values():
        off = rng.normal(0.0, TAPE_MM if m.id in fixed else PRIOR_MM, 3)
        turn = (rng.normal(0.0, 200.0, 3)).astype(int)
        out[m.id] = dataclasses.replace(
            m,
            x_mm=round(m.x_mm + off[0]),
            y_mm=round(m.y_mm + off[1]),
            z_mm=round(m.z_mm + off[2]),
            yaw_cdeg=m.yaw_cdeg + int(turn[0]),
            pitch_cdeg=m.pitch_cdeg + int(turn[1]),
            roll_cdeg=m.roll_cdeg + int(turn[2]),
        )
    return out


def walked(renderer, seed, seconds, fps):
    for step in scenes.walk(seed, seconds, fps, TRUTH.fx):
        picture = renderer.render(step.pose, step.turn_px)
        grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        yield step, grey


@pytest.fixture(scope="module")
def renderer():
    return Renderer(scenes.wall_scene(), TRUTH, scenes.optics())


@pytest.fixture(scope="module")
def surveyed(camera, renderer):
    """The map as our survey finds it: markers in whole millimetres as the store has them, and exact."""
    store = scenes.wall_scene()
    order = sorted(store.markers, key=lambda i: store.markers[i].x_mm)
    fixed = (order[0], order[1], order[-2], order[-1])
    detector = MarkerDetector(store.markers)
    steps = list(walked(renderer, 5, 60.0, 4.0))  # the sharpest of four is kept
    shown, corners = [], []
    began = time.process_time()
    for k in range(0, len(steps), 4):
        step, grey = max(steps[k : k + 4], key=lambda pair: sharpness(pair[1]))
        found = detector.detect(grey)
        shown.append(Still(str(k), found))
        for d in found:
            true = TRUTH.project(step.pose, store.markers[d.id].corners_m())[0]
            corners.extend(np.linalg.norm(d.corners - true, axis=1))
    looked = time.process_time()
    old = rough_map(store, fixed, 7)
    result = survey(shown, camera, old, fixed, tape_m=TAPE_MM / 1000)
    print(
        f"\n2. survey from {len(shown)} pictures, {result.views} views: detection "
        f"{looked - began:.2f} s, adjustment {time.process_time() - looked:.2f} s CPU, "
        f"{result.steps} steps, residual {result.median_px:.3f} px, "
        f"printed size {result.grown:.5f}, refused {result.refused}"
    )
    line("marker corners against the truth", corners, "px")
    ids = list(result.markers)
    true = np.array([store.markers[i].center_m for i in ids])
    ours = np.array([result.markers[i].center_m for i in ids])
    line(
        "old map",
        [1000 * np.linalg.norm(old[i].center_m - store.markers[i].center_m) for i in ids],
        "mm",
    )
    line("surveyed, in the store", 1000 * np.linalg.norm(ours - true, axis=1), "mm", "  goal 3")
    turn, shift = fitted(ours, true)
    line(
        "surveyed, among one another",
        1000 * np.linalg.norm(ours @ turn.T + shift - true, axis=1),
        "mm",
    )
    line("its own sigma", [1000 * m.sigma_m for m in result.markers.values()], "mm")
    rounded, exact = {}, {}
    for m in result.markers.values():
        mm = [1000.0 * float(v) for v in m.center_m]
        cdeg = [100.0 * a for a in survey_sheet.angles_deg(m.rotation)]
        names = ("x_mm", "y_mm", "z_mm", "yaw_cdeg", "pitch_cdeg", "roll_cdeg")
        exact[m.id] = dataclasses.replace(old[m.id], **dict(zip(names, mm + cdeg, strict=True)))
        whole = [round(v) for v in mm + cdeg]
        rounded[m.id] = dataclasses.replace(old[m.id], **dict(zip(names, whole, strict=True)))
    return rounded, exact


def drawn_errors(store, camera, localizer, steps):
    """Overlay errors at shelf points and floor points in the picture (px), and pose errors (m)."""
    shelf = np.array([p for b in store.bins.values() for p in (b.center_m, *b.front_m())])
    floor = np.stack(np.meshgrid(np.linspace(0.2, 5.8, 15), np.linspace(0.1, 2.6, 8)), 2).reshape(
        -1, 2
    )
    floor = np.c_[floor, np.zeros(len(floor))]
    out = {"shelf": [], "floor": [], "pose": [], "turn": []}
    tracked = count = 0
    for step, grey in steps:
        count += 1
        pose = localizer.update(grey, step.t_ms).tracked.pose
        if pose is None:
            continue
        tracked += 1
        for name, points in (("shelf", shelf), ("floor", floor)):
            true, depth = TRUTH.project(step.pose, points)
            seen = (depth > 0.5) & ((true >= 0) & (true < (1280, 720))).all(axis=1)
            ours = camera.project(pose, points[seen])[0]
            out[name].extend(np.linalg.norm(ours - true[seen], axis=1))
        out["pose"].append(100 * np.linalg.norm(pose.position - step.pose.position))
        turn = cv2.Rodrigues(pose.rotation @ step.pose.rotation.T)[0]
        out["turn"].append(math.degrees(float(np.linalg.norm(turn))))
    print(f"  tracked {tracked} of {count} pictures")
    line("overlay at shelf points", out["shelf"], "px", "  goal 2 / 5")
    if out["floor"]:
        line("overlay at floor points", out["floor"], "px", "  goal 2 / 5")
    line("position", out["pose"], "cm")
    line("rotation", out["turn"], "deg")


def stroll(renderer, away_m, seconds, fps, pitch_deg=-13.0, speed_m_s=0.6, seed=3):
    """A walk along the wall that looks down enough to see the floor before it."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * math.pi, 2)

    def at(t_s):
        eye = np.array([1.7 + speed_m_s * t_s, away_m, 1.4 + 0.012 * math.sin(11.0 * t_s)])
        yaw = -90.0 + 8.0 * math.sin(t_s + phase[0])
        return Pose.looking(eye, yaw, pitch_deg + math.sin(0.9 * t_s + phase[1]), math.sin(t_s))

    for k in range(round(seconds * fps)):
        t = k / fps
        if renderer.optics.readout_ms:
            picture = renderer.render_moving(lambda s, t=t: at(t + s), t)
        else:
            picture = renderer.render(at(t), (3.0, 0.5))
        grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        yield scenes.Step(round(t * 1000), at(t), (3.0, 0.5)), grey


def test_chain(camera, surveyed, renderer):
    store = scenes.wall_scene()
    rounded, exact = (dataclasses.replace(store, markers=m) for m in surveyed)
    steps = list(walked(renderer, 11, 12.0, 15.0))
    print(
        "\n3. another walk, own camera and own map (12 s, 15 a second, up to 5 px of motion blur)"
    )
    drawn_errors(store, camera, Localizer(rounded, camera), steps)
    print("   the same with the map not rounded to a millimetre")
    drawn_errors(store, camera, Localizer(exact, camera), steps)
    print("   the same with the true map and the true camera")
    drawn_errors(store, TRUTH, Localizer(store, TRUTH), steps)


def test_floor(camera, surveyed, renderer):
    store = scenes.wall_scene()
    ours = dataclasses.replace(store, markers=surveyed[0])
    for away_m in (2.4, 3.0):
        steps = list(stroll(renderer, away_m, 4.0, 15.0))
        print(
            f"\n4. {away_m} m from the wall, looking down, 3 px of motion blur (goal at 3 m: 3 cm)"
        )
        drawn_errors(store, camera, Localizer(ours, camera), steps)


def test_rolling_shutter(camera, surveyed):
    """Not part of the goal: the model knows no rolling shutter, and this is what that costs."""
    store = scenes.wall_scene()
    ours = dataclasses.replace(store, markers=surveyed[0])
    optics = dataclasses.replace(scenes.optics(), readout_ms=15.0, exposure_ms=6.0)
    steps = list(stroll(Renderer(store, TRUTH, optics), 2.4, 3.0, 15.0))
    print("\n5. 2.4 m from the wall, rolling shutter of 15 ms, exposure 6 ms")
    drawn_errors(store, camera, Localizer(ours, camera), steps)
