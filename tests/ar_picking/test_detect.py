"""Given rendered pictures with known truth, when markers are detected, then they are the right ones
in the right place.
"""

import cv2
import numpy as np

from ar_picking.vision.camera import Pose
from ar_picking.vision.detect import MarkerDetector


def views(seed, count):
    rng = np.random.default_rng(seed)
    for k in range(count):
        x = (1.4, 4.1, 6.8, 9.5)[k % 4] + rng.uniform(-0.3, 0.3)
        eye = np.array([x, rng.uniform(1.5, 7.5), 1.55])
        yield Pose.looking(eye, rng.uniform(-180, 180), rng.uniform(-25, -5), rng.uniform(-3, 3))


def test_detected_corners_are_the_projected_ones(store, camera, renderer):
    detector = MarkerDetector(store.markers)
    errors = []
    seen = set()
    for pose in views(0, 24):
        grey = cv2.cvtColor(renderer.render(pose), cv2.COLOR_BGR2GRAY)
        for found in detector.detect(grey):
            truth, depth = camera.project(pose, store.markers[found.id].corners_m())
            assert (depth > 0).all()
            error = np.linalg.norm(found.corners - truth, axis=1)
            assert error.max() < 6.0, found.id  # the right marker, its corners in the right order
            errors.extend(error)
            seen.add(found.id)
    assert len(seen) > 60
    assert np.median(errors) < 0.3
    assert np.percentile(errors, 95) < 1.5


def test_only_the_ids_asked_for_are_found(store, renderer):
    pose = Pose.looking(np.array([1.4, 2.2, 1.55]), 88.0, -12.0)
    grey = cv2.cvtColor(renderer.render(pose), cv2.COLOR_BGR2GRAY)
    every = MarkerDetector(store.markers)
    all_ids = [d.id for d in every.detect(grey)]
    assert len(all_ids) >= 6
    some = all_ids[::2]
    assert [d.id for d in every.detect(grey, some)] == some
    assert [d.id for d in MarkerDetector(some).detect(grey, all_ids)] == some
    assert every.detect(grey, [586]) == [] and every.detect(grey, []) == []


def test_a_copied_marker_is_not_believed(store, renderer):
    """Two of one id in a picture: one of them is not where the map says, and nobody knows which."""
    pose = Pose.looking(np.array([1.4, 2.2, 1.55]), 88.0, -12.0)
    grey = cv2.cvtColor(renderer.render(pose), cv2.COLOR_BGR2GRAY)
    detector = MarkerDetector(store.markers)
    found = max(detector.detect(grey), key=lambda d: d.side_px)
    x0, y0 = (int(v) - 12 for v in found.corners.min(axis=0))
    x1, y1 = (int(v) + 12 for v in found.corners.max(axis=0))
    patch = grey[y0:y1, x0:x1].copy()
    grey[600 : 600 + y1 - y0, 560 : 560 + x1 - x0] = patch[: 720 - 600]
    again = detector.detect(grey)
    assert found.id not in [d.id for d in again] and len(again) >= 5


def test_pictures_without_markers_have_none(store, camera):
    detector = MarkerDetector(store.markers)
    rng = np.random.default_rng(5)
    for _ in range(4):
        noise = rng.integers(0, 255, (45, 80), dtype=np.uint8)
        grey = cv2.resize(noise, (camera.width, camera.height), interpolation=cv2.INTER_NEAREST)
        assert detector.detect(grey) == []
