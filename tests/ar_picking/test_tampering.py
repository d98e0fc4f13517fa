"""Given cards that were moved, copied, torn or do not belong here, when the store is drawn, then the
picture shows them as they hang now, and the map is what it was.
"""

import cv2
import numpy as np
import pytest

from ar_picking.sim import scenes
from ar_picking.sim.optics import Optics
from ar_picking.sim.render import Renderer
from ar_picking.sim.tampering import (
    Place,
    Tampering,
    angles_zyx,
    hung,
    moved,
    random_tampering,
)
from ar_picking.store.records import rotation_zyx
from ar_picking.vision.camera import Pose

SHARP = Optics(blur_px=0.0, noise=0.0)
FRONT = Pose.looking(np.array([3.0, 2.4, 1.3]), -90.0, -2.0)


@pytest.fixture(scope="module")
def wall():
    return scenes.wall_scene(120)


def seen(picture):
    """Every code of the family in a picture: {id: [corners, ...]}."""
    family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    corners, ids, _ = cv2.aruco.ArucoDetector(family, parameters).detectMarkers(picture)
    out = {}
    for number, quad in zip(() if ids is None else ids.ravel(), corners, strict=True):
        out.setdefault(int(number), []).append(quad.reshape(4, 2))
    return out


def draw(wall, tampering):
    return Renderer(wall, scenes.camera(), SHARP, grey=True, tampering=tampering)


def close(quads, marker, camera, within_px=2.0):
    right = camera.project(FRONT, marker.corners_m())[0]
    return any(np.abs(q - right).max() < within_px for q in quads)


def test_untouched_cards_are_where_the_map_says(wall):
    renderer = draw(wall, None)
    found = seen(renderer.render(FRONT))
    inside = scenes.in_view(wall, renderer.camera, FRONT, 6.0)
    assert set(found) == set(inside) and len(inside) >= 6
    assert all(close(found[n], wall.markers[n], renderer.camera) for n in inside)


def test_a_moved_card_is_drawn_elsewhere_and_turned(wall):
    number = scenes.in_view(wall, scenes.camera(), FRONT, 60.0)[0]
    before = dict(wall.markers)
    renderer = draw(wall, Tampering(moved={number: (0.12, 0.0, -0.15, 30.0)}))
    assert wall.markers == before  # the map does not know
    now = next(m for m in renderer.markers if m.id == number)
    assert np.allclose(now.center_m - wall.markers[number].center_m, [0.12, 0.0, -0.15])
    found = seen(renderer.render(FRONT))
    assert close(found[number], now, renderer.camera)
    assert not close(found[number], wall.markers[number], renderer.camera, 20.0)


def test_a_card_is_turned_in_its_own_plane(wall):
    marker = next(iter(wall.markers.values()))
    turned = moved(marker, 0.0, 0.0, 0.0, 90.0)
    assert np.allclose(turned.normal, marker.normal, atol=1e-4)
    # anticlockwise: what was the top left corner is where the bottom left one was
    assert np.allclose(turned.corners_m()[0], marker.corners_m()[3], atol=1e-3)


def test_angles_come_back_from_a_rotation():
    rng = np.random.default_rng(1)
    for _ in range(50):
        angles = rng.uniform(-180, 180), rng.uniform(-89, 89), rng.uniform(-180, 180)
        rotation = rotation_zyx(*angles)
        assert np.allclose(rotation_zyx(*angles_zyx(rotation)), rotation, atol=1e-9)
    steep = rotation_zyx(33.0, 90.0, 0.0)
    assert np.allclose(rotation_zyx(*angles_zyx(steep)), steep, atol=1e-6)


def test_a_copy_and_a_foreign_code_hang_beside_the_real_ones(wall):
    inside = scenes.in_view(wall, scenes.camera(), FRONT, 60.0)
    copied = inside[0]
    stranger = next(n for n in range(587) if n not in wall.markers)
    spots = [Place(3.2, 0.0, 1.25, 180.0), Place(2.8, 0.0, 1.25, 180.0)]
    renderer = draw(
        wall, Tampering(duplicates=((copied, spots[0]),), foreign=((stranger, spots[1]),))
    )
    found = seen(renderer.render(FRONT))
    assert len(found[copied]) == 2 and len(found[stranger]) == 1
    assert close(found[copied], wall.markers[copied], renderer.camera)
    small = [hung(n, p) for n, p in zip((copied, stranger), spots, strict=True)]
    assert all(close(found[m.id], m, renderer.camera) for m in small)


def test_missing_cards_are_not_there_and_torn_ones_cannot_be_read(wall):
    inside = scenes.in_view(wall, scenes.camera(), FRONT, 6.0)
    renderer = draw(wall, Tampering(missing=(inside[0],), torn={inside[1]: 0.5, inside[2]: 1.0}))
    found = seen(renderer.render(FRONT))
    assert not {inside[0], inside[1], inside[2]} & set(found)
    assert set(inside[3:]) <= set(found)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.8])
def test_as_much_of_a_card_is_gone_as_was_said(wall, share):
    from ar_picking.sim.cards import _TORN, MarkerCards

    cards = MarkerCards(list(wall.markers.values()), dict.fromkeys(wall.markers, share))
    for number in wall.markers:
        assert abs((cards.card(number)[0] == _TORN).mean() - share) < 0.05


def test_what_cannot_be_done_to_a_store_is_said(wall):
    own = next(iter(wall.markers))
    with pytest.raises(ValueError, match="not a foreign one"):
        Tampering(foreign=((own, Place(0, 0, 0, 0)),)).drawn(wall)
    with pytest.raises(ValueError, match="not a foreign one"):
        Tampering(foreign=((587, Place(0, 0, 0, 0)),)).drawn(wall)
    stranger = next(n for n in range(587) if n not in wall.markers)
    for wrong in ({"moved": {stranger: (0, 0, 0, 0)}}, {"missing": (stranger,)}):
        with pytest.raises(KeyError):
            Tampering(**wrong).drawn(wall)


def test_random_tampering_repeats_and_counts(store):
    a, b = (random_tampering(store, 5, 4) for _ in range(2))
    assert a == b and a != random_tampering(store, 6, 4)
    assert (len(a.moved), len(a.duplicates), len(a.missing), len(a.torn)) == (4, 4, 1, 1)
    drawn = a.drawn(store)
    assert len(drawn) == len(store.markers) - 1 + len(a.duplicates) + len(a.foreign)
    shifts = [np.linalg.norm(v[:3]) for v in a.moved.values()]
    assert min(shifts) >= 0.03 and max(shifts) <= 0.6


def test_a_card_over_the_joint_of_two_bays_is_drawn_whole(wall):
    """Its middle lies on one panel, a third of it on the next."""
    number = scenes.in_view(wall, scenes.camera(), FRONT, 60.0)[0]
    marker = wall.markers[number]
    joint = 2.4  # of two bays
    shift = (joint + 0.02 - marker.x_mm / 1000.0, 0.0, 0.0, 0.0)
    renderer = draw(wall, Tampering(moved={number: shift}))
    pose = Pose.looking(np.array([joint, 1.2, marker.z_mm / 1000.0]), -90.0, 0.0)
    assert number in seen(renderer.render(pose))
