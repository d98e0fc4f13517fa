"""Store tools at full size: seconds of a check, its word against pictures, every marker from its sheet.

`make bench`. The tests of tests/ar_picking do the same on a part in every run.
"""

import time

import cv2
import numpy as np
import pypdfium2
import pytest

from ar_picking.sim.render import Renderer
from ar_picking.store import (
    blind,
    check,
    cjk_font,
    folder,
    layout,
    marker_pdf,
    marker_sheets,
    sight,
)
from ar_picking.store.shelves import Footprints, shelves
from ar_picking.vision.camera import Pose
from ar_picking.vision.detect import MarkerDetector

cv2.setNumThreads(1)
_DPI = 600


def made(path, *size):
    layout.make(layout.Layout("s", "店", *size), path)
    return path


@pytest.mark.parametrize("size", [(4, 6, 4), (5, 8, 6), (5, 10, 5), (20, 7, 6)])
def test_seconds_of_a_check(tmp_path, size):
    path = made(tmp_path / "s", *size)
    began = time.process_time()
    store, found = check.check(path)
    took_s = time.process_time() - began
    faults = sum(not f.get("note") for f in found)
    print(
        f"\n{len(store.bins)} bins, {len(store.markers)} markers: {took_s:.2f} s, {faults} faults"
    )


@pytest.mark.timeout(1800)
def test_what_the_check_says_is_in_view_is_in_the_picture(tmp_path):
    store = folder.load(made(tmp_path / "s"))
    renderer, detector = Renderer(store, sight.CAMERA), MarkerDetector(store.markers)
    footprints = Footprints(shelves(list(store.bins.values())))
    faces = sight.Faces.of(list(store.markers.values()))
    numbers = np.array(list(store.markers))
    groups = {
        "walkway": [
            Pose.looking(spot.eye, look.heading_deg, 0.0)
            for spot in blind.spots(store)
            for look in spot.looks
        ],
        "bin": [sight.standing(store, item) for item in store.bins.values()],
    }
    for name, poses in groups.items():
        said = read = more = lost = 0
        for pose in poses:
            grey = cv2.cvtColor(renderer.render(pose), cv2.COLOR_BGR2GRAY)
            found = {one.id for one in detector.detect(grey)}
            wanted = set(numbers[sight.visible(sight.CAMERA, pose, faces, footprints)])
            said, read = said + len(wanted), read + len(wanted & found)
            more += len(found - wanted)
            lost += len(wanted) >= 2 and len(wanted & found) < 2
        print(
            f"\n{name}: {len(poses)} pictures, {said} markers said to be in view, {read} read, "
            f"{more} others read; said two and read fewer: {lost} pictures"
        )
        assert read >= 0.9 * said and lost <= len(poses) // 50


@pytest.mark.timeout(1800)
def test_every_marker_of_a_store_from_its_sheet(tmp_path):
    store = folder.load(made(tmp_path / "s"))
    detector = MarkerDetector(range(587))
    errors, found = [], set()
    for paper, part in marker_pdf.split_by_paper(marker_sheets.tiles(store), "A4").items():
        out = tmp_path / f"{paper}.pdf"
        began = time.process_time()
        pages = marker_pdf.write(out, part, paper, "店", cjk_font.find())
        took_s = time.process_time() - began
        print(f"\n{paper}: {pages} pages in {took_s:.1f} s, {out.stat().st_size // 1000} kB")
        by = 24 if paper == "A4" else 48
        for page in pypdfium2.PdfDocument(str(out)):
            grey = page.render(scale=_DPI / 72, grayscale=True).to_numpy()
            high, wide = grey.shape[0] // by, grey.shape[1] // by
            grey = np.ascontiguousarray(grey.reshape(grey.shape[:2])[: high * by, : wide * by])
            far = cv2.resize(grey, (wide, high), interpolation=cv2.INTER_AREA)
            for one in detector.detect(cv2.GaussianBlur(far, (0, 0), 0.8)):
                edges = np.linalg.norm(one.corners - np.roll(one.corners, -1, axis=0), axis=1)
                size_mm = store.markers[one.id].size_mm
                errors.append(float(np.abs(edges * 25.4 * by / _DPI - size_mm).max()))
                found.add(one.id)
    print(
        f"{len(found)} of {len(store.markers)} markers read, largest error of an edge: "
        f"median {np.median(errors):.3f} mm, max {max(errors):.3f} mm"
    )
    assert found == set(store.markers) and max(errors) < 0.2
