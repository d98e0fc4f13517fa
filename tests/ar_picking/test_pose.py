"""Given markers in view, when a pose is solved, then it is right to its stated error, or there is
none.
"""

import cv2
import numpy as np
import pytest

from ar_picking.record import overlay_error_px
from ar_picking.vision.camera import Camera, Pose
from ar_picking.vision.detect import Detection, MarkerDetector
from ar_picking.vision.localize import Localizer
from ar_picking.vision.pose import PoseSolver
from ar_picking.vision.track import DEGRADED, LOST, TRACKED, PoseTracker


@pytest.fixture
def solver(store, camera):
    return PoseSolver(camera, store.markers, store.room_m)


def seen_from(store, camera, pose, noise_px=0.3, seed=0, ids=None):
    """Detections by projection: markers that face the pose and are wholly in the picture."""
    rng = np.random.default_rng(seed)
    out = []
    for marker in store.markers.values():
        if ids is not None and marker.id not in ids:
            continue
        pixels, depth = camera.project(pose, marker.corners_m())
        away = pose.position - marker.center_m
        distance = float(np.linalg.norm(away))
        if (depth < 0.2).any() or distance > 3.0 or away @ marker.normal < 0.4 * distance:
            continue
        if all(camera.contains(p, 5) for p in pixels):
            out.append(Detection(marker.id, pixels + rng.normal(0, noise_px, (4, 2))))
    return out


AISLE = Pose.looking(np.array([1.4, 3.0, 1.55]), 80.0, -12.0)
SHELF = Pose.looking(np.array([1.4, 3.35, 1.45]), 178.0, -15.0)


def test_several_markers_give_the_pose_and_its_error(store, camera, solver):
    errors = []
    for seed in range(40):
        for pose in (AISLE, SHELF):
            found = seen_from(store, camera, pose, seed=seed)
            assert len(found) >= 4
            fit = solver.solve(found)
            assert fit is not None and len(fit.used) == len(found) and fit.dropped == ()
            error = np.linalg.norm(fit.pose.position - pose.position)
            errors.append(error / fit.sigma_m)
            assert error < 0.05
    assert np.percentile(errors, 95) < 3.0  # the stated sigma is no promise that is not kept
    assert np.median(errors) > 0.1  # and no empty one


def test_one_marker_never_gives_a_pose(store, camera, solver):
    for marker in list(store.markers.values())[:200]:
        n = marker.normal
        eye = marker.center_m + n * 0.8
        pose = Pose.looking(
            np.array([eye[0], eye[1], marker.center_m[2] + 0.1]),
            np.degrees(np.arctan2(-n[1], -n[0])),
            -5.0,
        )
        found = seen_from(store, camera, pose, ids={marker.id})
        assert len(found) == 1 and solver.solve(found) is None
    assert solver.solve([]) is None


def test_a_marker_that_was_moved_is_dropped_and_does_no_harm(store, camera, solver):
    found = seen_from(store, camera, AISLE)
    assert len(found) >= 5
    for i in range(len(found)):
        moved = list(found)
        moved[i] = Detection(found[i].id, found[i].corners + np.array([25.0, -12.0]))
        fit = solver.solve(moved)
        assert fit is not None and fit.dropped == (found[i].id,)
        assert np.linalg.norm(fit.pose.position - AISLE.position) < 0.05


def test_markers_that_contradict_each_other_give_no_pose(store, camera, solver):
    found = seen_from(store, camera, SHELF)
    rng = np.random.default_rng(3)
    for _ in range(20):
        shifted = [Detection(d.id, d.corners + rng.uniform(-150, 150, 2)) for d in found]
        fit = solver.solve(shifted)
        assert fit is None or np.linalg.norm(fit.pose.position - SHELF.position) < 0.1
    pair = found[:2]
    swapped = [Detection(pair[0].id, pair[1].corners), Detection(pair[1].id, pair[0].corners)]
    assert solver.solve(swapped) is None
    unknown = [Detection(586, d.corners) for d in found]
    assert solver.solve(unknown) is None


def test_a_pose_outside_the_store_or_upside_down_is_not_plausible(solver):
    assert solver.plausible(AISLE)
    for position, roll in (
        ((-3.0, 3.0, 1.5), 0),
        ((1.4, 3.0, 0.05), 0),
        ((1.4, 3.0, 3.5), 0),
        ((1.4, 3.0, 1.5), 170),
    ):
        assert not solver.plausible(Pose.looking(np.array(position), 90.0, -10.0, roll))


def turning(deg_s, dt_s, steps):
    """Poses of a head that turns while its body walks."""
    for i in range(steps):
        t = i * dt_s
        yield (
            round(t * 1000),
            Pose.looking(np.array([1.4, 2.5 + 1.2 * t, 1.55]), 80.0 + deg_s * t, -12.0),
        )


def test_states_follow_the_age_of_the_last_pose(store, camera, solver):
    tracker = PoseTracker(camera)
    assert tracker.update(0, None).state == LOST and tracker.update(0, None).age_ms is None
    for t_ms, pose in turning(0.0, 0.066, 5):
        now = tracker.update(t_ms, solver.solve(seen_from(store, camera, pose, seed=t_ms)))
        assert (now.state, now.age_ms) == (TRACKED, 0)
    last = t_ms
    for age in (30, 60, 100, 150, 200, 201, 500, 999, 1000):
        now = tracker.update(last + age, None)
        assert now.age_ms == age
        assert now.state != LOST
        if age > 200:
            assert now.state == DEGRADED
        assert (now.pose is not None) == (now.state == TRACKED)
    assert tracker.update(last + 30, None).state == TRACKED  # one short gap is bridged
    assert tracker.update(last + 1001, None).state == LOST
    assert tracker.update(last + 1001, None).pose is None


def test_a_bridged_gap_is_drawn_in_the_right_place_or_not_at_all(store, camera, solver):
    """A head that starts to turn in the gap: whatever is still called tracked is within 30 px."""
    points = AISLE.position + np.array([[0.0, 3.0, -1.5], [0.5, 2.0, -0.5], [-0.6, 2.2, 0.0]])
    drawn = 0
    for dt in (0.033, 0.066):
        for speed in (0.0, 40.0, 110.0):
            tracker = PoseTracker(camera)
            poses = list(turning(speed, dt, 8))
            for t_ms, pose in poses:
                tracker.update(
                    t_ms,
                    solver.solve(seen_from(store, camera, pose, seed=t_ms), tracker.expected(t_ms)),
                )
            t_ms, pose = poses[-1]
            for gap in (0.033, 0.066, 0.1, 0.15):
                for push in (-420.0, 0.0, 420.0):
                    turn = speed * gap + 0.5 * push * gap**2
                    yaw = pose.heading_deg + turn
                    truth = Pose.looking(pose.position + np.array([0, 1.2 * gap, 0]), yaw, -12.0)
                    now = tracker.at(t_ms + round(gap * 1000))
                    if now.state != TRACKED:
                        continue
                    drawn += 1
                    error = overlay_error_px(camera, now.pose, truth, points)
                    assert error is None or error < 30.0, (dt, speed, gap, push)
    assert drawn > 10


def test_a_jump_is_believed_only_when_it_insists(store, camera, solver):
    tracker = PoseTracker(camera)
    here = solver.solve(seen_from(store, camera, AISLE))
    far = Pose.looking(np.array([6.8, 3.0, 1.55]), 80.0, -12.0)
    there = solver.solve(seen_from(store, camera, far))
    tracker.update(0, here)
    for i in (1, 2):
        now = tracker.update(66 * i, there)
        assert now.age_ms == 66 * i  # not taken
    now = tracker.update(66 * 3, there)
    assert now.state == TRACKED and np.linalg.norm(now.pose.position - far.position) < 0.05
    tracker.update(66 * 4, here)
    tracker.update(66 * 5, there)
    tracker.update(66 * 6, here)
    assert (
        np.linalg.norm(tracker.last_position() - far.position) < 0.05
    )  # once now and then is noise


def test_pictures_with_one_marker_never_lock_to_the_store(store, camera, renderer):
    """All but one marker painted over: whatever the picture, the state is not tracked."""
    detector = MarkerDetector(store.markers)
    for k, pose in enumerate(
        (AISLE, SHELF, Pose.looking(np.array([9.5, 5.0, 1.5]), -100.0, -14.0))
    ):
        picture = renderer.render(pose)
        found = detector.detect(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
        assert len(found) >= 3
        for keep in found:
            one = picture.copy()
            for other in found:
                if other.id != keep.id:
                    cv2.fillConvexPoly(one, other.corners.astype(np.int32), (128, 128, 128))
            localizer = Localizer(store, camera)
            for i in range(3):
                seen = localizer.update(one, 66 * i)
                assert [d.id for d in seen.detections] in ([keep.id], [])
                assert seen.tracked.state == LOST and seen.tracked.pose is None, (k, keep.id)
            for sighting in seen.sightings:  # its distance is still good enough to say "near"
                true = np.linalg.norm(store.markers[keep.id].center_m - pose.position)
                assert abs(sighting.distance_mm / 1000 - true) < 0.3 * true


def test_a_lens_bends_as_opencv_says_and_ideal_straightens_it():
    lens = (-0.28, 0.09, 0.001, -0.0007, -0.01)
    camera = Camera(1280, 720, 914.0, 914.0, 639.5, 359.5, lens)
    points = np.random.default_rng(1).uniform([-1.2, -0.7, 1.5], [1.2, 0.7, 3.0], (500, 3))
    seen, _ = camera.project(Pose(np.zeros(3), np.eye(3)), points)
    opencv = cv2.projectPoints(points, np.zeros(3), np.zeros(3), camera.matrix, np.array(lens))[0]
    inside = ((seen >= 0) & (seen < (1280, 720))).all(axis=1)
    assert inside.sum() > 400
    assert np.abs(seen - opencv.reshape(-1, 2))[inside].max() < 1e-9
    straight, _ = camera.pinhole.project(Pose(np.zeros(3), np.eye(3)), points)
    assert np.abs(camera.ideal(seen[inside]) - straight[inside]).max() < 1e-3
    wide, _ = camera.project(Pose(np.zeros(3), np.eye(3)), np.array([[50.0, 0.0, 1.0]]))
    assert wide[0, 0] > camera.width  # far outside stays outside
