"""Given pictures of a walk and a store folder, when `o2o ar survey` runs, then markers.csv has the new
places and keeps everything else, or a sentence says what to do.
"""

import csv
import dataclasses
import io
import json
import os

import cv2
import numpy as np
import pytest
from survey_walks import CAMERA, WALL, walk

from ar_picking.errors import StoreError
from ar_picking.sim import scenes
from ar_picking.sim.render import Renderer
from ar_picking.store.records import rotation_zyx
from ar_picking.vision import device_file, survey_sheet
from ar_picking.vision.camera import Pose
from ar_picking.vision.stills import stills
from ar_picking.vision.survey import survey
from protocols import storemap
from tools.cli import main


@pytest.fixture(scope="module")
def found():
    """A survey of the wall."""
    return survey(walk(40), CAMERA, dict(WALL))


def test_angles_come_back():
    rng = np.random.default_rng(0)
    for yaw, pitch, roll in [(90, 0, 90), (0, 90, 0), (10, -90, 0), (359, 5, -80)] + [
        tuple(rng.uniform((0, -89, -179), (360, 89, 179))) for _ in range(50)
    ]:
        again = rotation_zyx(*survey_sheet.angles_deg(rotation_zyx(yaw, pitch, roll)))
        assert np.abs(again - rotation_zyx(yaw, pitch, roll)).max() < 1e-6


def test_the_sheet_keeps_what_is_not_ours(store_dir, found):
    sheet = (store_dir / "markers.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(sheet.decode("utf-8-sig"))))
    chinese = sheet.decode("utf-8-sig").replace("surveyed_at", "测量日期").replace("label", "备注")
    chinese = (
        chinese.replace("\r\n", ",价格\r\n", 1).replace("\r\n", ",1\r\n").replace("价格,1", "价格")
    )
    number = next(iter(found.markers))
    new = survey_sheet.updated(survey_sheet.read(chinese.encode()), found, "2026-05-01")
    assert new.startswith(b"\xef\xbb\xbf")
    after = list(csv.DictReader(io.StringIO(new.decode("utf-8-sig"))))
    assert len(after) == len(rows)
    for old, row in zip(rows, after, strict=True):
        assert row["价格"] == "1" and row["备注"] == old["label"]
        assert row["size_m"] == old["size_m"]
        if int(row["marker_id"]) in found.markers:
            assert row["测量日期"] == "2026-05-01"
        else:
            assert row["x"] == old["x"] and row["测量日期"] == old["surveyed_at"]
    row = next(r for r in after if int(r["marker_id"]) == number)
    assert abs(float(row["x"]) - found.markers[number].center_m[0]) < 1e-4
    assert int(row["sigma_mm"]) >= 1


@pytest.mark.parametrize(
    "sheet", [b"", b"a,b\r\n1,2\r\n", b"\xff\xfe\x00", b"\x00" * 50, b'"' * 300_000]
)
def test_a_sheet_that_is_none_is_refused(sheet):
    with pytest.raises(StoreError, match=r"markers\.csv"):
        survey_sheet.read(sheet)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_a_sheet_that_a_store_is_read_from_is_written_too(store_dir, found, separator, encoding):
    rows = list(csv.reader(io.StringIO((store_dir / "markers.csv").read_text("utf-8-sig"))))
    words = {column[0]: column[6] for column in storemap.MARKER_COLUMNS}
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows([[words[name] for name in rows[0]], *rows[1:]])
    sheet = survey_sheet.read(text.getvalue().encode(encoding))
    new = survey_sheet.updated(sheet, found, "2026-05-01").decode("utf-8-sig")
    after = list(csv.reader(io.StringIO(new)))
    assert len(after) == len(rows) and after[0] == [words[name] for name in rows[0]]
    label, dated = rows[0].index("label"), rows[0].index("surveyed_at")
    assert [row[label] for row in after[1:]] == [row[label] for row in rows[1:]]
    assert sum(row[dated] == "2026-05-01" for row in after) == len(
        {int(row[0]) for row in rows[1:]} & found.markers.keys()
    )


def run(capsys, *args):
    code = main(["ar", "survey", *map(str, args)])
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


@pytest.fixture(scope="module")
def filmed(store, tmp_path_factory):
    """Pictures of one aisle of the demo store by a camera with a lens, and the camera's file."""
    folder = tmp_path_factory.mktemp("film")
    camera = dataclasses.replace(scenes.camera(960, 540), lens=CAMERA.lens)
    renderer = Renderer(store, camera)
    for k in range(18):
        eye = np.array([1.4 + 0.3 * (-1) ** k, 2.4 + 0.2 * k, 1.5])
        pose = Pose.looking(eye, (90, 60, 120, 75, 105)[k % 5], (-14, -8)[k % 2])
        cv2.imwrite(str(folder / f"{k:02}.png"), renderer.render(pose))
    quality = {"rms_px": 0.1, "f_sigma_px": 0.1, "views": 30, "coverage": 0.9}
    data = device_file.encode(
        "sim", camera, {**quality, "date": "2026-05-01", "focus_locked": True}
    )
    (folder / "sim.json").write_bytes(data)
    return folder


def test_the_command_writes_the_sheet(filmed, store_dir, tmp_path, capsys):
    out = tmp_path / "markers.csv"
    code, lines, err = run(
        capsys, filmed, "--device", filmed / "sim.json", "--store", store_dir, "--out", out
    )
    summary = lines[-1]["survey"]
    markers = [line for line in lines if "marker" in line]
    assert summary["markers"] == len(markers) > 15
    assert code == 1 and len(summary["refused"]) > 50  # the other aisles were not filmed
    assert "left as it was: marker" in err
    assert max(line["moved_mm"] for line in markers) < 30.0
    assert summary["converged"] and summary["residual_px"] < 0.5
    rows = {r["marker_id"]: r for r in csv.DictReader(io.StringIO(out.read_text("utf-8-sig")))}
    dated = [r for r in rows.values() if r["surveyed_at"]]
    assert len(dated) == len(markers) and len(rows) == len(markers) + len(summary["refused"])


def test_the_command_says_what_is_wrong(filmed, store_dir, tmp_path, capsys):
    device = filmed / "sim.json"
    for args, status, words in (
        (("--device", device, "--fix", "0,1"), 2, "three or more"),
        (("--device", device, "--fix", "0,1,999"), 2, "no such marker"),
        (("--device", device, "--fix", "a,b,c"), 2, "write it like"),
        (("--device", device, "--distance", "0:1"), 2, "write it like"),
        (("--device", device, "--distance", "0:1:nan"), 2, "metres"),
        (("--device", device, "--distance", "0:999:1"), 2, "no marker 999"),
        (("--device", device, "--frames", "1"), 2, "--frames"),
        (("--device", device, "--tape-mm", "0"), 2, "--tape-mm"),
        (("--device", tmp_path / "none.json"), 1, "calibrate"),
    ):
        code, lines, err = run(capsys, filmed / "00.png", "--store", store_dir, *args)
        assert (code, lines) == (status, []) and words in err, args
    # before any picture is looked at
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    args = ("--device", device, "--store", store_dir)
    code, lines, err = run(capsys, pipe, *args)
    assert (code, lines) == (1, []) and "not a file" in err
    code, lines, err = run(capsys, pipe, *args, "--out", tmp_path / "none" / "m.csv")
    assert (code, lines) == (1, []) and "there is no folder" in err
    code, _, err = run(capsys, tmp_path / "gone.mp4", "--device", device, "--store", store_dir)
    assert code == 1 and "no such file" in err


def test_a_video_gives_its_sharpest_pictures(tmp_path):
    """Of every stretch of a video that is sharp in each fifth picture only, that one is taken."""
    rng = np.random.default_rng(0)
    sharp = rng.integers(0, 255, (240, 320), dtype=np.uint8)
    path = tmp_path / "walk.mjpeg"
    data = b""
    for k in range(40):
        frame = np.roll(sharp, k, axis=1) if k % 5 == 2 else cv2.GaussianBlur(sharp, (0, 0), 4)
        data += cv2.imencode(".jpg", frame)[1].tobytes()
    path.write_bytes(data)
    names = [name for name, _ in stills([path], 8)]
    assert names == [f"walk.mjpeg#{k}" for k in range(2, 40, 5)]
    assert len(list(stills([path], 500))) == 40
