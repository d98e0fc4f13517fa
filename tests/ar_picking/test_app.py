"""Given a store, a list and a simulated picker, when the guide runs, then the list is picked and
the pose was right.

The simulated picker acts on the screen alone, the guide on pictures alone; the simulator's true
poses are only compared.
"""

import json
import threading
import time

import cv2
import numpy as np
import pytest

from ar_picking.app import PickerApp
from ar_picking.desk import OwnDesk
from ar_picking.errors import StoreError
from ar_picking.guide.shop import Shop
from ar_picking.record import Figures, ListFigures, overlay_error_px
from ar_picking.sim.picker import SimPicker
from ar_picking.store import folder, layout, sample
from ar_picking.vision.camera import Camera, Pose
from ar_picking.vision.track import TRACKED, TrackedPose
from protocols.compat import crc32


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("small")
    layout.make(layout.Layout("small", "小店", 2, 4, 4), path)
    return folder.load(path)


def make(store, entries, size=(640, 360), **options):
    camera = SimPicker(store, Camera.from_hfov(*size), shorts=options.pop("shorts", None))

    ends = ListFigures()

    def journal(event, fields):
        entries.append((event, fields))
        ends.entry(event, fields)

    desk = OwnDesk(Shop.of_store(store), journal)
    return PickerApp(store, camera, desk, pace=False, ends=ends, **options)


@pytest.fixture(scope="module")
def run(small, tmp_path_factory):
    """One recorded run of three lines, one of them short, and every picture's error."""
    out = tmp_path_factory.mktemp("out")
    entries = []
    obj = sample.sample_list(small, "L1", 3, seed=4)
    obj["lines"][1]["qty"] = 2
    app = make(small, entries, out=out, shorts={obj["lines"][1]["bin"]: 1})
    assert app.submit(obj) is None
    summary = app.run(seconds=120, until_done=True)
    return summary, entries, out, obj, app


def test_the_list_is_picked_and_journaled(run):
    summary, entries, _, obj, _ = run
    assert entries[0][0] == "list_started" and entries[-1][0] == "list_done"
    ended = {f["line"]: (e, f.get("found")) for e, f in entries if e in ("picked", "short")}
    assert ended == {1: ("picked", None), 2: ("short", 1), 3: ("picked", None)}
    confirmed = [f["bin"] for e, f in entries if e == "bin_confirmed"]
    assert sorted(confirmed) == sorted(line["bin"] for line in obj["lines"])
    done = entries[-1][1]
    assert (done["picked"], done["short"]) == (2, 1)
    planned = entries[0][1]["walk_dm"]
    # the camera cuts corners and stops a step before the desk; it does not walk elsewhere
    assert 0.75 * planned <= done["walked_dm"] <= 1.15 * planned
    assert summary["lists"][0]["method"] == "exact"


def test_the_pose_is_right_and_nothing_tracked_is_drawn_elsewhere(run):
    summary = run[0]
    states = summary["frames_by_state"]
    assert summary["frames"] == sum(states.values()) > 150
    assert states["tracked"] > 0.6 * summary["frames"]
    assert summary["pose_error_mm"]["median"] < 20
    assert summary["overlay_error_px"]["median"] < 2
    assert summary["overlay_error_px"]["max"] < 30  # in no picture that said "tracked"


def test_the_recording_is_there_and_the_saving_names_its_baseline(run):
    summary, _, out, _, _ = run
    assert json.loads((out / "picking.json").read_text(encoding="utf-8")) == summary
    assert summary["camera"] == "simulated" and "customer list order" in summary["baseline"]
    saved = 100 * (1 - summary["walk_dm"] / summary["list_order_dm"])
    assert abs(summary["saving_percent"] - saved) < 0.06
    assert sorted(p.name for p in out.glob("*.png")) == summary["pictures"]
    assert [n[:7] for n in summary["pictures"]] == ["frame-1", "frame-2", "frame-3"]
    for name in summary["pictures"]:
        assert cv2.imread(str(out / name)).shape == (360, 640, 3)
    video = cv2.VideoCapture(str(out / "picking.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == summary["frames"]
    ok, picture = video.read()
    assert ok and picture.std() > 20


def test_lists_are_checked_when_they_are_handed_in(small, run):
    app, obj = run[4], run[3]
    assert app.submit(obj) == "list L1 was handed in before"
    entries = []
    app = make(small, entries)
    for bad in (None, {}, {**obj, "store": "other"}, {**obj, "lines": []}):
        assert isinstance(app.submit(bad), str)
    assert app.submit({**obj, "lines": [{**obj["lines"][0], "bin": "A9-01-1"}]}) == (
        "line 1 of the list: bin 'A9-01-1' is not in this store"
    )
    assert app.submit(obj) is None
    assert entries == []  # nothing is journaled before it is begun


def test_lists_arrive_while_it_runs_and_it_stops_when_asked(small):
    entries = []
    app = make(small, entries, size=(320, 240))
    thread = threading.Thread(target=app.run)
    thread.start()
    try:
        time.sleep(0.3)
        assert entries == [] and app.desk.guide.state == "idle"
        assert app.submit(sample.sample_list(small, "L2", 2)) is None
        until = time.monotonic() + 20
        while not entries and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        app.stop()
        thread.join(20)
    assert not thread.is_alive()
    assert entries[0][0] == "list_started" and entries[0][1]["list"] == "L2"


def test_lists_wait_where_the_guide_has_no_room_and_what_is_refused_is_told(small):
    entries, told = [], []
    app = make(small, entries, size=(320, 240), refused=lambda *why: told.append(why))
    names = [f"L{k}" for k in range(30)]
    for k in range(0, 30, 10):
        for name in names[k : k + 10]:
            assert app.submit(sample.sample_list(small, name, 1, seed=k)) is None
        app.run(seconds=app.t_ms / 1000 + 0.5)
    guide = app.desk.guide
    assert len(guide.waiting) + 1 + len(app._later) == 30 and told == []
    # the guide knows it from before: not taken, and told
    other = make(small, [], size=(320, 240), refused=lambda *why: told.append(why))
    known = sample.sample_list(small, "L9", 1)
    assert other.desk.event({"type": "list", "list": known}, 0) is None
    other.submit(known)
    other.run(seconds=0.3)
    assert [(name, code) for name, code, _ in told] == [("L9", "list_known")]


def test_a_run_that_waits_for_its_lists_ends_when_they_are_refused(small):
    app = make(small, [], size=(320, 240))
    known = sample.sample_list(small, "L9", 1)
    app.desk.guide.known.append(crc32(b"L9"))
    app.submit(known)
    assert app.run(seconds=60, until_done=True)["seconds"] < 10


def test_without_pictures_presses_count_and_nothing_old_stays_drawn(small):
    """The camera falls silent in the middle of a walk."""
    published = []

    class Page:
        def wants_picture(self):
            return True

        def publish(self, tick, view, jpeg):
            published.append((tick, view["view"], jpeg))

    app = make(small, [], page=Page())
    app.submit(sample.sample_list(small, "L1", 3, seed=4))
    while not app._display.is_drawn:
        app.run(seconds=app.t_ms / 1000 + 0.2)
        assert app.t_ms < 60_000
    drawn = published[-1][2]
    app._camera.frame = lambda t_ms, draw=True: None
    published.clear()
    app.press({"type": "manual", "on": True})
    app.run(seconds=app.t_ms / 1000 + 1.5)
    assert app.desk.guide.manual
    states = [tick["state"] for tick, _, _ in published]
    assert states[-1] == "lost" and "degraded" in states and not app._display.is_drawn
    pictures = [jpeg for _, _, jpeg in published if jpeg]
    assert len(pictures) == 1 and pictures[0] != drawn


def test_a_journal_that_refuses_ends_the_run_and_is_not_hidden(small):
    def full(event, fields):
        raise OSError(28, "evidence log is full")

    camera = SimPicker(small, Camera.from_hfov(320, 240))
    app = PickerApp(small, camera, OwnDesk(Shop.of_store(small), full), pace=False)
    app.submit(sample.sample_list(small, "L1", 2))
    with pytest.raises(OSError, match="evidence log is full"):
        app.run(seconds=5)
    assert app.desk.guide.state == "idle"


def test_overlay_errors_are_measured_where_things_are_seen(camera):
    truth = Pose.looking(np.array([1.0, 1.0, 1.5]), 90.0, 0.0)
    turned = Pose.looking(np.array([1.0, 1.0, 1.5]), 91.0, 0.0)
    ahead, behind = np.array([[1.0, 4.0, 1.5]]), np.array([[1.0, -4.0, 1.5]])
    error = overlay_error_px(camera, turned, truth, np.concatenate([ahead, behind]))
    assert abs(error - camera.fx * np.tan(np.radians(1.0))) < 0.01
    assert overlay_error_px(camera, turned, truth, behind) is None
    figures = Figures(camera)
    figures.add(TrackedPose(TRACKED, turned, 0, 1.0, 0.01), truth, ahead)
    figures.add(TrackedPose("lost", None, 2000, None, None), truth, ahead)
    assert figures.as_json()["frames_by_state"] == {"tracked": 1, "degraded": 0, "lost": 1}
    assert figures.as_json()["pose_error_mm"]["max"] == 0.0


def test_a_folder_that_is_no_store_says_so(tmp_path):
    with pytest.raises(StoreError, match=r"store\.json"):
        folder.load(tmp_path / "none")
