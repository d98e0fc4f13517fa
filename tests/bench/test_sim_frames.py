"""The simulator in figures: ms per frame, and how far rendered marker edges lie from the truth.

`make bench`. CPU time of one thread; simulated throughout: no camera took these pictures.
"""

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from marker_edges import edge_errors

from ar_picking.sim import optics, scenes
from ar_picking.sim.optics import Optics
from ar_picking.sim.render import Renderer
from ar_picking.sim.shutter import gliding, seen_at
from ar_picking.store import folder, layout
from ar_picking.vision.camera import Camera, Pose

LENS = (-0.12, 0.03, 0.0005, -0.0007, 0.0)
SHARP = Optics(blur_px=0.0, noise=0.0, exposure_ms=0.0)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "demo"
    layout.make(layout.Layout("demo", "示范店"), path)
    return folder.load(path)


def aisles(n, seed=3):
    """Random looks along and across the demo store's aisles."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(n):
        x = rng.choice([1.4, 4.1, 6.8, 9.5]) + rng.uniform(-0.4, 0.4)
        eye = np.array([x, rng.uniform(1.0, 8.4), 1.55])
        out.append(Pose.looking(eye, rng.uniform(-180, 180), rng.uniform(-20, 0)))
    return out


def cpu_ms(draw, poses):
    """Median and p95 of CPU ms per frame, textures painted before."""
    for pose in poses:
        draw(pose)
    took = []
    for pose in poses:
        began = time.process_time()
        draw(pose)
        took.append(1000.0 * (time.process_time() - began))
    return float(np.median(took)), float(np.percentile(took, 95))


@pytest.mark.timeout(900)
def test_ms_per_frame(demo):
    cv2.setNumThreads(1)
    print("\nsimulated frames                                        CPU ms median / p95")
    for name, store, poses in (
        ("wall", scenes.wall_scene(), scenes.poses(1, 60)),
        ("store", demo, aisles(60)),
    ):
        for width, height in ((640, 360), (1280, 720)):
            camera = Camera.from_hfov(width, height, 70.0)
            for kind, grey, lens in (
                ("colour", False, ()),
                ("grey", True, ()),
                ("grey, lens", True, LENS),
            ):
                renderer = Renderer(store, replace(camera, lens=lens), Optics(), grey=grey)
                median, p95 = cpu_ms(lambda p, r=renderer: r.render(p, (4.0, 1.0)), poses)
                print(f"{name:6} {width}x{height:<4} {kind:34} {median:11.1f} / {p95:.1f}")
            renderer = Renderer(store, replace(camera, lens=LENS), optics.tablet(), grey=True)
            median, p95 = cpu_ms(lambda p, r=renderer: r.render_moving(turning(p)), poses)
            print(
                f"{name:6} {width}x{height:<4} {'all of it, moving':34} {median:11.1f} / {p95:.1f}"
            )


def turning(pose):
    before = Pose(
        pose.position - [0.008, 0.0, 0.0],
        pose.rotation @ cv2.Rodrigues(np.array([0.0, -0.01, 0.0]))[0],
    )
    return gliding(before, pose, 0.02)


@pytest.mark.timeout(900)
def test_edges_against_the_truth():
    cv2.setNumThreads(1)
    store = scenes.wall_scene()
    print("\nedges of 8 cm markers, 1280x720, px                 edges  median    p95    max")
    for kind, lens, readout_ms in (
        ("straight", (), 0.0),
        ("lens", LENS, 0.0),
        ("strong lens", (-0.30, 0.09, 0.001, 0.001, -0.01), 0.0),
        ("rolling shutter 20 ms", (), 20.0),
        ("rolling shutter 20 ms, lens", LENS, 20.0),
    ):
        camera = replace(scenes.camera(), lens=lens)
        renderer = Renderer(store, camera, replace(SHARP, readout_ms=readout_ms), grey=True)
        errors = []
        for pose in scenes.poses(2, 40):
            pose_at = turning(pose) if readout_ms else lambda t_s, at=pose: at
            picture = renderer.render_moving(pose_at) if readout_ms else renderer.render(pose)
            for number in scenes.in_view(store, camera, pose, 20.0):
                corners = store.markers[number].corners_m()
                quad = camera.project(pose, corners)[0]
                if np.linalg.norm(quad - np.roll(quad, 1, axis=0), axis=1).min() >= 26.0:
                    place = lambda p, at=pose_at: seen_at(camera, at, readout_ms / 1000.0, p)  # noqa: E731, B023
                    errors += edge_errors(picture, place, corners)
        errors = np.abs(errors)
        print(
            f"{kind:48} {len(errors):8} {np.median(errors):7.3f} {np.percentile(errors, 95):6.3f}"
            f" {errors.max():6.3f}"
        )
        assert np.percentile(errors, 95) < 0.05
