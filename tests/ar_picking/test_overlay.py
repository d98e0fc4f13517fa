"""Given a pose and a task, when the scene is built, then what is drawn lies where it belongs, or is
not drawn.
"""

import json

import numpy as np
import pytest

from ar_picking.guide.machine import Guide
from ar_picking.guide.shop import Shop
from ar_picking.overlay import floor, render_cv2, style
from ar_picking.overlay.project import project
from ar_picking.overlay.scene import SceneBuilder
from ar_picking.overlay.world import Task
from ar_picking.sim.render import Optics, Renderer
from ar_picking.store import sample
from ar_picking.store.shelves import Footprints
from ar_picking.vision.camera import Camera, Pose
from ar_picking.vision.track import DEGRADED, LOST, TRACKED, TrackedPose
from firmware.picker import sequence


def trusted(pose):
    return TrackedPose(TRACKED, pose, 0, 1.0, 0.01)


def guide_to(store, bins, at=None):
    guide = Guide(Shop.of_store(store), lambda event, fields: True)
    lines = [
        {
            "line": i + 1,
            "order": "A1001",
            "sku": "1",
            "name": store.bins[b].name,
            "bin": b,
            "qty": 2,
        }
        for i, b in enumerate(bins)
    ]
    if at is not None:
        stand(guide, at)
    assert guide.event({"type": "list", "list": {"list": "L1", "lines": lines}}, 0) is None
    planned(guide)
    return guide


def planned(guide):
    while guide.advance():
        pass


def stand(guide, at):
    place = {"type": "at", "x_mm": round(at[0] * 1000), "y_mm": round(at[1] * 1000)}
    assert guide.event(place, 0) is None
    planned(guide)


def shown(builder, guide, tracked, t_ms=0, recording=False):
    view, path = guide.view(), guide.path()
    task = Task.of_view(view, path)
    return builder.build(tracked, view, task, path, guide.tour(), t_ms, recording)


def build(store, camera, guide, tracked, t_ms=0):
    return shown(SceneBuilder(store, camera), guide, tracked, t_ms)


def on_floor(camera, pose, pixels):
    """Where pixels (n, 2) meet the plane z = 0: an inverse of its own, by rays."""
    local = np.stack(
        [
            (pixels[:, 0] - camera.cx) / camera.fx,
            (pixels[:, 1] - camera.cy) / camera.fy,
            np.ones(len(pixels)),
        ],
        1,
    )
    rays = local @ pose.rotation.T
    assert (rays[:, 2] < 0).all()
    return pose.position[:2] + rays[:, :2] * (-pose.position[2] / rays[:, 2])[:, None]


def walking_poses(store, guide):
    """Poses along the present path, looking along it."""
    center = floor.course(guide.path())
    for i in range(0, len(center) - 8, 4):
        ahead = center[min(len(center) - 1, i + 15)] - center[i]
        yaw = float(np.degrees(np.arctan2(ahead[1], ahead[0])))
        yield center[i], Pose.looking(np.array([*center[i], 1.55]), yaw, -15.0)


def test_the_path_lies_on_the_floor_and_inside_the_aisles(store, camera, boxes):
    footprints = Footprints(boxes)
    checked = 0
    for seed in range(8):
        bins = [line["bin"] for line in sample.sample_list(store, "L1", 3, seed=seed)["lines"]]
        guide = guide_to(store, bins)
        stand(guide, (1.4, 1.0))
        for at, pose in list(walking_poses(store, guide)):
            stand(guide, at)
            scene = build(store, camera, guide, trusted(pose), 700 * seed)
            center = floor.course(guide.path())
            for item in scene["items"]:
                if (
                    item["kind"] != "area"
                    or item["color"] not in (style.DEEP_BLUE, style.WHITE)
                    or not item["world"]
                ):
                    continue
                for polygon in item["polygons"]:
                    pixels = np.array(polygon)
                    near = pixels[(np.abs(pixels) < 4000).all(axis=1)]  # far outside they are cut
                    places = on_floor(camera, pose, near[near[:, 1] > camera.cy - 100])
                    assert not footprints.inside(places, 0.01).any()
                    gap = np.linalg.norm(places[:, None] - center[None], axis=2).min(axis=1)
                    assert (gap < floor.HALF_WIDTH_M + 0.12).all()
                    assert not footprints.hidden(pose.position[:2], places).any()
                    checked += len(places)
    assert checked > 1000


def test_what_is_behind_the_camera_is_not_drawn_in_front(store, camera):
    """Floor in front is below the horizon; unclipped, floor behind would come out above it."""
    guide = guide_to(store, ["A1-11-3"], at=(1.4, 3.0))
    center = floor.course(guide.path())
    drawn = 0
    for heading in range(0, 360, 15):
        for pitch in (-35.0, -15.0, 0.0):
            pose = Pose.looking(np.array([1.4, 5.0, 1.55]), float(heading), pitch)
            horizon = camera.cy + camera.fy * np.tan(np.radians(pitch))
            left, right = floor.borders(center)
            path = {"kind": "ribbon", "left": left, "right": right, "color": "#fff", "alpha": 1}
            for polygon in (p for item in project([path], pose, camera) for p in item["polygons"]):
                assert (np.array(polygon)[:, 1] > horizon - 0.1).all(), (heading, pitch)
                drawn += 1
    assert drawn > 100


def test_corners_are_rounded_but_stay_in_the_aisles(store, boxes):
    footprints = Footprints(boxes)
    for seed in range(20):
        picks = [
            store.stops[line["bin"]]
            for line in sample.sample_list(store, "L", 6, seed=seed)["lines"]
        ]
        plan = sequence.plan(store.graph, picks)
        for leg in sequence.legs(store.graph, picks, plan):
            center = floor.course(leg, 100.0)
            for rim in (center, *floor.borders(center)) if len(center) > 1 else (center,):
                assert not footprints.inside(rim).any()
            assert np.allclose(center[0] * 10, leg[0]) and np.allclose(center[-1] * 10, leg[-1])


def test_the_path_ends_where_a_shelf_hides_it(store, camera, boxes):
    footprints = Footprints(boxes)
    guide = guide_to(store, ["A2-05-2"], at=(1.4, 4.0))
    center = floor.course(guide.path())
    eye = np.array([1.4, 4.0])
    seen = floor.in_sight(center, eye, footprints)
    assert 2 <= len(seen) < len(center)
    assert not footprints.hidden(eye, seen).any()
    assert footprints.hidden(eye, center[len(seen) : len(seen) + 3]).any()
    # the bin itself is behind the shelf: no frame
    scene = build(
        store, camera, guide, trusted(Pose.looking(np.array([1.4, 4.0, 1.55]), -10.0, -10.0))
    )
    assert not [
        i
        for i in scene["items"]
        if i["color"] == style.ORANGE and i["world"] and i["kind"] == "line"
    ]


@pytest.mark.parametrize("name", ["A1-03-2", "A2-08-3", "A3-05-4", "A4-12-1", "A1-10-1"])
def test_the_frame_is_on_the_right_bin(store, camera, name):
    """The bin's goods painted magenta by a renderer that knows nothing of the overlay.

    The frame encloses just them.
    """
    item = store.bins[name]
    renderer = Renderer(store, camera, Optics(blur_px=0.0, noise=0.0))
    for panel in renderer._panels:
        panel.markers = []
        panel.paint = painted(panel, item)
    x, y = (v / 10 for v in store.graph.point(store.stops[name]))
    height = max(1.15, min(1.55, item.z_mm / 1000 + 0.5))
    toward = np.degrees(np.arctan2(-item.normal[1], -item.normal[0]))
    pitch = np.degrees(np.arctan2(item.z_mm / 1000 - height, 0.9))
    for turn in (0.0, 18.0, -18.0):
        pose = Pose.looking(np.array([x, y, height]), toward + turn, pitch)
        picture = renderer.render(pose)
        magenta = (picture[..., 0] > 200) & (picture[..., 1] < 60) & (picture[..., 2] > 200)
        guide = guide_to(store, [name])
        scene = build(store, camera, guide, trusted(pose))
        faces = [
            i
            for i in scene["items"]
            if i["kind"] == "area" and i["color"] == style.ORANGE and i["world"]
        ]
        frame = np.zeros(picture.shape, np.uint8)
        render_cv2.draw(
            frame, {"items": [{**faces[0], "alpha": 1.0, "color": "#ffffff", "layer": "store"}]}
        )
        inside = frame[..., 0] > 127
        assert magenta.sum() > 20000
        both = (inside & magenta).sum()
        assert both / inside.sum() > 0.985 and both / magenta.sum() > 0.985
        tags = [i["text"] for i in scene["items"] if i["kind"] == "text" and i["world"]]
        assert any(name in tag and "×2" in tag for tag in tags)


def painted(panel, item):
    corners = item.front_m()
    away = corners - panel.top_left
    s, d = away @ panel.right, -away[:, 2]
    mine = (
        (np.abs(away @ panel.normal) < 0.01).all()
        and s.min() > -0.01
        and s.max() < panel.width_m + 0.01
    )

    def paint(ppm):
        art = np.zeros((round(panel.height_m * ppm), round(panel.width_m * ppm), 3), np.uint8)
        if mine and not panel.wall:
            art[
                round(d.min() * ppm) : round(d.max() * ppm),
                round(max(0, s.min()) * ppm) : round(s.max() * ppm),
            ] = (255, 0, 255)
        return art

    return paint


@pytest.mark.parametrize("state", [DEGRADED, LOST])
def test_nothing_is_fixed_to_the_store_without_a_trusted_pose(store, camera, state):
    builder = SceneBuilder(store, camera)
    guide = guide_to(store, ["A1-03-2", "A2-05-2"], at=(1.4, 2.5))
    pose = Pose.looking(np.array([1.4, 2.5, 1.55]), 100.0, -15.0)
    good = shown(builder, guide, trusted(pose))
    assert [i for i in good["items"] if i["world"]]
    for leaked in (None, pose):  # even if a pose came with it
        scene = shown(builder, guide, TrackedPose(state, leaked, 700, 99.0, 0.1), 66)
        assert not [i for i in scene["items"] if i["world"]]
        assert not [i for i in scene["items"] if i["layer"] == "store"]
        layers = {i["layer"] for i in scene["items"]}
        assert layers == {"state", "card", "map"}  # the rest goes on
        words = [i["text"] for i in scene["items"] if i["kind"] == "text"]
        assert any(
            {DEGRADED: "定位减弱", LOST: "定位丢失"}[state] in w and "700 ms" in w for w in words
        )
        assert any(guide.line()["bin"] == w for w in words)


@pytest.mark.parametrize(
    ("heading", "words"), [(0.0, "左转"), (180.0, "右转"), (-90.0, "掉头"), (90.0, None)]
)
def test_an_arrow_shows_the_way_to_what_is_outside_the_picture(store, camera, heading, words):
    guide = guide_to(store, ["A1-11-3"], at=(1.4, 3.0))  # straight ahead, along +y
    scene = build(
        store, camera, guide, trusted(Pose.looking(np.array([1.4, 3.0, 1.55]), heading, -15.0))
    )
    said = [
        i["text"]
        for i in scene["items"]
        if i["kind"] == "text" and i["text"] in ("左转", "右转", "掉头")
    ]
    assert said == ([words] if words else [])


def test_scenes_are_json_and_every_renderer_input_is_bounded(store):
    camera = Camera.from_hfov(640, 360)
    builder = SceneBuilder(store, camera)
    guide = guide_to(store, ["A1-03-2", "A4-09-1", "A2-11-4"], at=(1.4, 1.0))
    rng = np.random.default_rng(2)
    for k in range(60):
        eye = np.array([rng.uniform(0.1, 10.8), rng.uniform(0.1, 9.3), rng.uniform(0.3, 2.5)])
        pose = Pose.looking(eye, rng.uniform(-180, 180), rng.uniform(-80, 60), rng.uniform(-30, 30))
        stand(guide, eye)
        scene = shown(builder, guide, trusted(pose), 66 * k, True)
        again = json.loads(json.dumps(scene, allow_nan=False))
        image = np.full((360, 640, 3), 90, np.uint8)
        render_cv2.draw(image, again)
        assert image.std() > 5
        assert any(i["kind"] == "text" and "REC" in i["text"] for i in scene["items"])


def test_cards_keep_long_names_inside(store, camera):
    guide = guide_to(store, ["A1-03-2"])
    view = guide.view()
    view["line"] = dict(view["line"], name="超长商品名称" * 10, order="A" * 40)
    scene = SceneBuilder(store, camera).build(
        TrackedPose(LOST, None, None, None, None), view, Task(), [], [], 0
    )
    card = next(i for i in scene["items"] if i["layer"] == "card" and i["kind"] == "panel")
    for item in scene["items"]:
        if item["layer"] == "card" and item["kind"] == "text" and item["anchor"] == "left":
            assert item["x"] + style.width_em(item["text"]) * item["size"] <= card["x"] + card["w"]


def test_the_cart_shows_the_slot_to_put_into_by_more_than_colour(store, camera):
    guide = guide_to(store, ["A1-03-2", "A2-05-2"])
    view = guide.view()
    view["slots"] = [
        {"slot": k, "order": f"A{k}", "done": int(k == 3), "total": 1} for k in (1, 2, 3)
    ]
    view["state"] = "pick"
    view["line"] = dict(view["line"], slot=2)
    scene = SceneBuilder(store, camera).build(
        TrackedPose(LOST, None, None, None, None), view, Task(), [], [], 0
    )
    boxes = [i for i in scene["items"] if i["kind"] == "panel" and i["layer"] == "card"]
    assert sum(box["color"] == style.YELLOW for box in boxes) == 1
    assert sum(box["color"] == style.WHITE for box in boxes) == 1  # and a frame
    words = [i["text"] for i in scene["items"] if i["kind"] == "text"]
    assert {"1", "2", "3 ✓", "0/1", "1/1"} <= set(words)


def test_see_through_glasses_show_card_and_arrow_and_nothing_laid_over_the_store(store, camera):
    guide = guide_to(store, ["A1-11-3"], at=(1.4, 3.0))
    ahead = trusted(Pose.looking(np.array([1.4, 3.0, 1.55]), 90.0, -15.0))
    aside = trusted(Pose.looking(np.array([1.4, 3.0, 1.55]), 0.0, -15.0))
    builder = SceneBuilder(store, camera, see_through=True)
    scene = shown(builder, guide, ahead)
    assert {i["layer"] for i in scene["items"]} == {"state", "card"}
    assert "左转" in [i.get("text") for i in shown(builder, guide, aside)["items"]]
