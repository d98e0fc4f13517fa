"""Given a place in a store, when the check counts what a camera reads there, then pictures agree."""

import cv2
import numpy as np

from ar_picking.store import blind, sight
from ar_picking.store.shelves import Footprints, shelves
from ar_picking.vision.camera import Pose
from ar_picking.vision.detect import MarkerDetector

cv2.setNumThreads(1)


def test_a_look_sees_what_the_camera_would(store):
    """The counting for many headings at once agrees with one pose at a time."""
    footprints = Footprints(shelves(list(store.bins.values())))
    faces = sight.Faces.of(list(store.markers.values()))

    spots = blind.spots(store)
    assert len(spots) > 40 and all(len(spot.looks) >= 12 for spot in spots)
    for spot in spots[::9]:
        for look in spot.looks:
            pose = Pose.looking(spot.eye, look.heading_deg, 0.0)
            assert look.seen == sight.visible(sight.CAMERA, pose, faces, footprints).sum()


def test_a_sign_over_a_shelf_is_seen_only_where_the_line_of_sight_passes_over_it(boxes):
    footprints = Footprints(boxes)
    middle = footprints.corners[0].mean(axis=0)
    eye = np.array([middle[0] - 1.0, middle[1], 1.5])
    behind = middle[0] + np.array([1.0, 8.0])
    high = np.array([[behind[0], middle[1], 4.0], [behind[1], middle[1], 2.3]])
    assert list(footprints.out_of_sight(eye, high)) == [False, True]
    assert footprints.hidden(eye[:2], high[:, :2]).all()


def test_what_is_said_to_be_in_view_is_read_from_a_picture(store, renderer):
    """The count of the check against the renderer and the detector, along walkways and at bins."""

    detector = MarkerDetector(store.markers)
    footprints = Footprints(shelves(list(store.bins.values())))
    faces = sight.Faces.of(list(store.markers.values()))
    numbers = np.array(list(store.markers))
    looks = [(spot.eye, look.heading_deg) for spot in blind.spots(store) for look in spot.looks]
    poses = [Pose.looking(eye, heading_deg, 0.0) for eye, heading_deg in looks[:: len(looks) // 10]]
    poses += [sight.standing(store, store.bins[name]) for name in list(store.bins)[::32]]
    said = read = 0
    for pose in poses:
        grey = cv2.cvtColor(renderer.render(pose), cv2.COLOR_BGR2GRAY)
        found = {one.id for one in detector.detect(grey)}
        wanted = set(numbers[sight.visible(sight.CAMERA, pose, faces, footprints)])
        said, read = said + len(wanted), read + len(wanted & found)
        assert len(wanted) < 2 or len(wanted & found) >= 2
    assert said > 40 and read >= 0.9 * said
