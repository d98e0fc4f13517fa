"""Given the same draw list, pose and camera, when the page and this side project it, then both draw the
same; and what they draw lies where the camera sees it.
"""

import json
import subprocess

import numpy as np
import pytest

from ar_picking.overlay import style
from ar_picking.overlay.project import project
from ar_picking.overlay.world import Task, WorldBuilder
from ar_picking.vision.camera import Camera, Pose
from firmware.picker import sequence
from tools.parts import require
from tools.parts.place import ROOT

LENSES = ((), (-0.28, 0.09, 0.001, -0.0007, -0.01))
PAGE = ROOT / "ar_picking" / "web" / "page"
RUN = """
import { readFileSync } from "node:fs";
import { project, carried } from "%s";
const { cases } = JSON.parse(readFileSync(0, "utf8"));
const out = cases.map((c) => project(c.items, carried(c.pose, c.motion, c.seconds), c.camera));
console.log(JSON.stringify(out));
"""


def tasks(store):
    """Tasks on the way and in front of bins, one with the words of a hostile list."""
    for k, (name, place) in enumerate(list(store.stops.items())[3::17]):
        path = store.graph.path((-1, store.graph.depot), place)
        plan = sequence.plan(store.graph, [place])
        assert plan.order == [0]
        state = ("walk", "pick", "walk", "return")[k % 4]
        shown = name if state != "return" else None
        words = f"{name}  ×{k}" if k % 3 else "<b>可乐" * 9
        yield Task(state, tuple(path[: 2 + k % 5]), shown, words, state == "pick")


def cases(store):
    rng = np.random.default_rng(7)
    world = WorldBuilder(store)
    out = []
    for lens in LENSES:
        camera = Camera(960, 540, 690.0, 688.0, 481.3, 266.2, lens)
        for k, task in enumerate(tasks(store)):
            near = np.array(task.path_dm[-1]) / 10.0 + rng.normal(0.0, 0.7, 2)
            eye = np.array([*near, rng.uniform(1.0, 1.9)])
            pose = Pose.looking(eye, rng.uniform(-180, 180), rng.uniform(-50, 20), rng.normal(0, 8))
            out.append((camera, pose, world.build(pose, task, 137 * k)))
    return out


def of_page(camera, pose, items):
    lens = list(camera.lens)
    size = [camera.width, camera.height]
    k = {"size": size, "fx": camera.fx, "fy": camera.fy, "cx": camera.cx, "cy": camera.cy}
    place = {"p": pose.position.tolist(), "r": pose.rotation.ravel().tolist()}
    return {
        "items": items,
        "pose": place,
        "motion": None,
        "seconds": 0,
        "camera": {**k, "lens": lens},
    }


def in_the_page(rows):
    node = require("node")[0]
    script = RUN % (PAGE / "project.js").as_uri()
    done = subprocess.run(
        [node, "--input-type=module", "-e", script],
        input=json.dumps({"cases": rows}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_same(ours, theirs):
    assert [i["kind"] for i in ours] == [i["kind"] for i in theirs]
    for a, b in zip(ours, theirs, strict=True):
        assert b["world"] is True and b["layer"] == "store"
        for key in a:
            if key in ("polygons", "points"):
                flat = (
                    [np.array(v, float).reshape(-1, 2) for v in (a[key], b[key])]
                    if (key == "points")
                    else [np.concatenate([np.array(p) for p in v]) for v in (a[key], b[key])]
                )
                assert flat[0].shape == flat[1].shape
                assert np.abs(flat[0] - flat[1]).max() < 0.15
            elif key in ("x", "y", "w", "h", "radius", "size", "width"):
                assert abs(a[key] - b[key]) <= 1, key
            elif key != "layer":
                assert a[key] == b[key], key


def test_the_page_projects_as_this_side_does(store):
    rows = cases(store)
    answers = in_the_page([of_page(*row) for row in rows])
    kinds = set()
    for (camera, pose, items), theirs in zip(rows, answers, strict=True):
        ours = project(items, pose, camera)
        assert_same(ours, theirs)
        kinds |= {i["kind"] for i in ours}
    assert kinds == {"area", "line", "text", "panel"} and len(rows) > 20


def test_a_pose_is_carried_on_as_on_this_side(store):
    from ar_picking.vision.track import carried

    camera = Camera.from_hfov(640, 480)
    items = [
        {
            "kind": "area",
            "polygons": [[[2.0, 0, 1], [2, 0.4, 1], [2, 0.4, 1.3]]],
            "color": "#fff",
            "alpha": 1,
        }
    ]
    pose = Pose.looking(np.array([0.0, 0.1, 1.4]), 3.0, -8.0, 2.0)
    motion = (np.array([0.4, -0.2, 0.1]), np.array([0.1, -0.3, 0.7]))
    row = of_page(camera, pose, items)
    row["motion"] = {"v": motion[0].tolist(), "w": motion[1].tolist()}
    row["seconds"] = 0.12
    theirs = in_the_page([row])[0]
    assert_same(project(items, carried(pose, motion, 0.12), camera), theirs)
    still = project(items, pose, camera)[0]["polygons"][0]
    assert np.abs(np.array(still) - np.array(theirs[0]["polygons"][0])).max() > 10


def test_a_point_is_drawn_where_the_camera_sees_it(store):
    camera = Camera(1280, 720, 914.0, 914.0, 639.5, 359.5, LENSES[1])
    item = store.bins["A1-03-2"]
    pose = Pose.looking(
        item.center_m + item.normal * 1.3 + [0.2, 0.1, 0.2],
        180.0 + np.degrees(np.arctan2(item.normal[1], item.normal[0])),
        -10.0,
    )
    drawn = project(
        WorldBuilder(store).build(pose, Task("pick", (), item.id, "x", True), 0), pose, camera
    )
    face = next(i for i in drawn if i["kind"] == "area")
    seen, _ = camera.project(pose, item.front_m())
    assert np.abs(np.array(face["polygons"][0]) - seen).max() < 0.06
    assert face["color"] == style.GREEN


@pytest.mark.parametrize(
    "obj",
    [
        {}, {"state": "fly", "path": []}, {"state": "walk", "path": [[1]]},
        {"state": "walk", "path": [[1, 2.5]]}, {"state": "walk", "path": [[0, 1]] * 401},
        {"state": "walk", "path": [[True, 1]]}, {"state": "walk", "path": [[10**9, 1]]},
        {"state": "walk", "path": [], "bin": "Z9"}, {"state": "walk", "path": [], "bin": ["A1"]},
        {"state": "walk", "path": [], "label": "x" * 65}, {"state": "walk", "path": [], "label": 5},
        {"state": ["walk"], "path": []}, {"state": "walk", "path": {"0": 1}},
    ],
)  # fmt: skip
def test_a_task_that_is_none_is_refused(store, obj):
    assert Task.of_page(obj, store.bins) is None


def test_a_task_of_a_page_is_taken(store):
    task = Task.of_page(
        {"state": "pick", "path": [[1, 2], [3, 4]], "bin": "A1-03-2", "label": "A1"}, store.bins
    )
    assert task == Task("pick", ((1, 2), (3, 4)), "A1-03-2", "A1", True)
