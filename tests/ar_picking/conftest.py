"""One store for all picking tests: 4 aisles x 6 bays x 4 levels, and a camera of 1280 x 720."""

import cv2
import numpy as np
import pytest

from ar_picking.sim.render import Optics, Renderer
from ar_picking.store import folder, layout
from ar_picking.store.sample import sample_list
from ar_picking.store.shelves import shelves
from ar_picking.vision.camera import Camera, Pose

cv2.setNumThreads(1)


@pytest.fixture(scope="session")
def store_dir(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "demo"
    layout.make(layout.Layout("demo", "示范店"), path)
    return path


@pytest.fixture(scope="session")
def store(store_dir):
    return folder.load(store_dir)


@pytest.fixture(scope="session")
def boxes(store):
    return shelves(list(store.bins.values()))


@pytest.fixture(scope="session")
def camera():
    return Camera.from_hfov(1280, 720, 70.0)


@pytest.fixture(scope="session")
def renderer(store, camera):
    """With the blur and noise of the default camera."""
    return Renderer(store, camera)


@pytest.fixture(scope="session")
def sharp(store, camera):
    """Without blur and noise."""
    return Renderer(store, camera, Optics(blur_px=0.0, noise=0.0))


@pytest.fixture(scope="module")
def views(store):
    """Twenty poses of a slow walk along a shelf, and their pictures as JPEG."""
    camera = Camera.from_hfov(640, 480, 70.0)
    renderer = Renderer(store, camera)
    target = store.bins[sample_list(store, "L", 1, seed=3)["lines"][0]["bin"]]
    eye = target.center_m + 1.5 * target.normal
    yaw = np.degrees(np.arctan2(-target.normal[1], -target.normal[0]))
    out = []
    for step in range(20):
        aside = np.array([-target.normal[1], target.normal[0], 0.0]) * 0.01 * step
        pose = Pose.looking(np.array([eye[0], eye[1], 1.5]) + aside, yaw, -8.0)
        picture = renderer.render(pose)
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
        out.append((pose, jpeg))
    return target, out
