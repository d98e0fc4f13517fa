"""Given fits one after another, when the tracker is asked, then it says what may be drawn, no more."""

import numpy as np
import pytest

from ar_picking.record import overlay_error_px
from ar_picking.vision.adjust import moved, step_between
from ar_picking.vision.camera import Pose
from ar_picking.vision.detect import Detection
from ar_picking.vision.filter import MotionFilter
from ar_picking.vision.pose import PoseSolver
from ar_picking.vision.track import DEGRADED, LOST, TRACKED, PoseTracker, carried

AISLE = Pose.looking(np.array([1.4, 3.0, 1.55]), 80.0, -12.0)


@pytest.fixture
def solver(store, camera):
    return PoseSolver(camera, store.markers, store.room_m)


def seen_from(store, camera, pose, seed=0):
    """Detections by projection, 0.3 px of noise."""
    rng = np.random.default_rng(seed)
    out = []
    for marker in store.markers.values():
        pixels, depth = camera.project(pose, marker.corners_m())
        away = pose.position - marker.center_m
        far = float(np.linalg.norm(away))
        if (depth < 0.2).any() or far > 3.0 or away @ marker.normal < 0.4 * far:
            continue
        if all(camera.contains(p, 5) for p in pixels):
            noise = rng.normal(0, 0.3, (4, 2))
            out.append(Detection(marker.id, pixels + noise, np.full(4, 0.3)))
    return out


def turning(deg_s, dt_s, steps):
    """Poses of a head that turns while its body walks."""
    for i in range(steps):
        t = i * dt_s
        yield (
            round(t * 1000),
            Pose.looking(np.array([1.4, 2.5 + 1.2 * t, 1.55]), 80.0 + deg_s * t, -12.0),
        )


def test_states_follow_the_age_of_the_last_pose(store, camera, solver):
    tracker = PoseTracker(solver)
    assert tracker.update(0, None).state == LOST and tracker.update(0, None).age_ms is None
    for t_ms, pose in turning(0.0, 0.066, 5):
        now = tracker.update(t_ms, solver.solve(seen_from(store, camera, pose, seed=t_ms)))
        assert (now.state, now.age_ms) == (TRACKED, 0)
    last = t_ms
    for age in (15, 60, 100, 150, 200, 201, 500, 999, 1000):
        now = tracker.update(last + age, None)
        assert now.age_ms == age
        assert now.state != LOST
        if age > 200:
            assert now.state == DEGRADED
        assert (now.pose is not None) == (now.state == TRACKED)
    assert tracker.update(last + 15, None).state == TRACKED  # one short gap is bridged
    assert tracker.update(last + 1001, None).state == LOST
    assert tracker.update(last + 1001, None).pose is None


def test_a_bridged_gap_is_drawn_in_the_right_place_or_not_at_all(store, camera, solver):
    """A head that starts to turn in the gap: whatever is still called tracked is within 30 px."""
    points = AISLE.position + np.array([[0.0, 3.0, -1.5], [0.5, 2.0, -0.5], [-0.6, 2.2, 0.0]])
    drawn = 0
    for dt in (0.033, 0.066):
        for speed in (0.0, 40.0, 110.0):
            tracker = PoseTracker(solver)
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
    assert drawn > 4


def test_a_jump_is_believed_only_when_it_insists(store, camera, solver):
    tracker = PoseTracker(solver)
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


def test_a_picture_that_says_nothing_stops_the_drawing_at_once(store, camera, solver):
    tracker = PoseTracker(solver)
    for t_ms, pose in turning(20.0, 0.033, 5):
        tracker.update(t_ms, solver.solve(seen_from(store, camera, pose, seed=t_ms)))
    assert tracker.at(t_ms + 20).state == TRACKED
    tracker.turned(t_ms + 33, None, 0.0)
    now = tracker.update(t_ms + 33, None)
    assert now.state == DEGRADED and now.pose is None and now.rough is not None
    pose = Pose(pose.position, pose.rotation)
    now = tracker.update(t_ms + 66, solver.solve(seen_from(store, camera, pose, seed=1)))
    assert now.state == TRACKED  # the next pose mends it


def test_the_motion_carries_the_pose_forward(store, camera, solver):
    tracker = PoseTracker(solver)
    poses = list(turning(30.0, 0.033, 12))
    for t_ms, pose in poses:
        now = tracker.update(t_ms, solver.solve(seen_from(store, camera, pose, seed=t_ms)))
    velocity, turn = now.motion
    assert np.linalg.norm(velocity - [0.0, 1.2, 0.0]) < 0.25
    assert np.linalg.norm(np.degrees(turn) - [0.0, 0.0, 30.0]) < 6.0
    for seconds in (0.0, 0.033, 0.066, 0.1):
        t = t_ms / 1000.0 + seconds
        truth = Pose.looking(np.array([1.4, 2.5 + 1.2 * t, 1.55]), 80.0 + 30.0 * t, -12.0)
        there = carried(now.pose, now.motion, seconds)
        assert np.linalg.norm(there.position - truth.position) < 0.03
        assert np.degrees(np.linalg.norm(step_between(there, truth)[3:])) < 0.6
    assert carried(now.pose, None, 0.1) is now.pose


def test_a_turn_measured_from_the_background_keeps_the_heading(store, camera, solver):
    tracker = PoseTracker(solver)
    for t_ms, pose in turning(0.0, 0.033, 6):
        tracker.update(t_ms, solver.solve(seen_from(store, camera, pose, seed=t_ms)))
    heading = pose.heading_deg
    for k in range(1, 16):  # 500 ms at 80 degrees a second that no pose saw
        heading += 80.0 * 0.033
        truth = Pose.looking(pose.position, heading, -12.0)
        tracker.turned(t_ms + 33 * k, truth.rotation, 0.01)
        now = tracker.at(t_ms + 33 * k)
        rough = now.pose or now.rough
        assert abs((rough.heading_deg - heading + 180) % 360 - 180) < 5.0
    assert now.state == DEGRADED


def test_the_filter_grows_unsure_with_time_and_sure_with_poses():
    rng = np.random.default_rng(0)
    motion = MotionFilter()
    assert motion.at(0) is None and motion.surprise(0, AISLE, np.eye(6)) == 0.0
    noise = np.diag([0.005**2] * 3 + [0.002**2] * 3)
    for k in range(30):
        true = Pose(AISLE.position + np.array([0.0, 0.04 * k, 0.0]), AISLE.rotation)
        step = rng.normal(0, [0.005] * 3 + [0.002] * 3)
        motion.measure(33 * k, moved(true, step), noise)
    now = motion.at(33 * 29)
    assert np.linalg.norm(now.velocity - [0.0, 0.04 / 0.033, 0.0]) < 0.3
    assert np.trace(now.pose_covariance) < np.trace(noise)
    sizes = [np.trace(motion.at(33 * 29 + dt).pose_covariance) for dt in (0, 50, 100, 200, 1000)]
    assert sizes == sorted(sizes) and sizes[-1] > 100 * sizes[0]
    assert motion.surprise(33 * 30, motion.at(33 * 30).pose, noise) < 1e-6
    far = moved(motion.at(33 * 30).pose, np.array([0.5, 0, 0, 0, 0, 0]))
    assert motion.surprise(33 * 30, far, noise) > 10.0
    for size in (motion.at(10**9), motion.at(-5)):
        assert np.isfinite(size.covariance).all()  # whatever the clock says
    motion.measure_attitude(33 * 30, AISLE.rotation, 0.001)
    assert np.isfinite(motion.at(33 * 30).covariance).all()
    motion.forget()
    assert not motion.started
