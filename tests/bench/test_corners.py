"""Markers of the hard scene: recall, corner error and time beside OpenCV and pupil-apriltags, one run.

`make bench`. One process, one thread, CPU time. The scene is made up (tests/bench/ar_scene.py); with
AR_SCENE=sim it is the store simulator's own wall instead. Real photographs: tests/ar_picking.
"""

import os
import time

import cv2
import numpy as np
import pytest
from ar_codes import CODES, pack
from ar_scene import FAMILY, WallScene

from ar_picking.vision.detect import MarkerDetector
from ar_picking.vision.refine import fit_corners
from ar_picking.vision.scan import EAN13, QR, CodeReader

PICTURES = int(os.environ.get("AR_PICTURES", "24"))


def made_up(**how):
    """(ids, grey, truth) of several walls, 12 views each."""
    for seed in range(-(-PICTURES // 12)):
        scene = WallScene(seed)
        for k in range(12):
            yield scene.ids, *scene.picture(100 * seed + k, **how)


def simulated(**how):
    """The same from the store simulator's wall."""
    from ar_picking.sim import scenes
    from ar_picking.sim.render import Renderer

    wall, camera = scenes.wall_scene(), scenes.camera()
    renderer = Renderer(wall, camera, scenes.optics())
    turn = (float(how.get("motion_px", 0)), 0.0)
    for pose in scenes.poses(3, PICTURES):
        grey = cv2.cvtColor(renderer.render(pose, turn), cv2.COLOR_BGR2GRAY)
        truth = {}
        for marker in wall.markers.values():
            corners, _ = camera.project(pose, marker.corners_m())
            if (corners > 6).all() and (corners < (1273, 713)).all():
                truth[marker.id] = corners
        yield list(wall.markers), grey, truth


def pictures(**how):
    return list((simulated if os.environ.get("AR_SCENE") == "sim" else made_up)(**how))


def opencv(window=None, refine=None, whole=False):
    """OpenCV's detector: all of the family as it comes, or the scene's ids with one window."""
    cache = {}

    def detect(ids, grey):
        key = tuple(ids)
        if key not in cache:
            parameters = cv2.aruco.DetectorParameters()
            if window:
                parameters.adaptiveThreshWinSizeMin = window
                parameters.adaptiveThreshWinSizeMax = window
            book = FAMILY
            if not whole:
                codes = FAMILY.bytesList[list(ids)]
                book = cv2.aruco.Dictionary(codes, 6, FAMILY.maxCorrectionBits)
            cache[key] = cv2.aruco.ArucoDetector(book, parameters)
        corners, numbers, _ = cache[key].detectMarkers(grey)
        if numbers is None:
            return []
        names = [n if whole else ids[n] for n in numbers.ravel()]
        out = [(n, q.reshape(4, 2)) for n, q in zip(names, corners, strict=True)]
        return [(n, refine(grey, q)) for n, q in out] if refine else out

    return detect


def subpix(grey, quad):
    """cornerSubPix with a window as large as the marker's modules allow."""
    side = np.linalg.norm(quad - np.roll(quad, 1, axis=0), axis=1).min()
    window = int(np.clip(round(side / 8 * 0.55), 2, 6))
    out = quad - quad.mean(axis=0)
    start = quad + 0.8 * out / np.linalg.norm(out, axis=1, keepdims=True)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 20, 0.01)
    start = start.astype(np.float32).reshape(-1, 1, 2)
    return cv2.cornerSubPix(grey, start, (window, window), (-1, -1), stop).reshape(4, 2)


def lines(grey, quad):
    """Our line fit on OpenCV's corners, moved out as above."""
    out = quad - quad.mean(axis=0)
    start = quad + 0.8 * out / np.linalg.norm(out, axis=1, keepdims=True)
    return fit_corners(grey, start[None].astype(float))[0][0]


def pupil(decimate):
    from pupil_apriltags import Detector

    detector = Detector("tag36h11", nthreads=1, quad_decimate=decimate, refine_edges=1)

    def detect(ids, grey):
        # its (0, 0) is the corner of the first pixel; it begins lower left and goes the other way
        return [
            (d.tag_id, d.corners[[3, 2, 1, 0]] - 0.5)
            for d in detector.detect(grey)
            if d.tag_id in ids
        ]

    return detect


def ours():
    cache = {}

    def detect(ids, grey):
        if tuple(ids) not in cache:
            cache[tuple(ids)] = MarkerDetector(ids)
        return [(d.id, d.corners) for d in cache[tuple(ids)].detect(grey)]

    return detect


def ours_whole():
    detector = MarkerDetector(range(587))
    return lambda ids, grey: [(d.id, d.corners) for d in detector.detect(grey)]


def measured(detect, scenes):
    """Recall, other ids, errors of corners and CPU ms per picture."""
    errors, ms, there, hit, other = [], [], 0, 0, 0
    detect(*scenes[0][:2])
    for ids, grey, truth in scenes:
        start = time.process_time()
        found = detect(ids, grey)
        ms.append((time.process_time() - start) * 1000)
        there += len(truth)
        seen = set()
        for number, quad in found:
            other += number not in ids
            if number in truth:
                # its corners may begin anywhere: pupil's order is its own
                off = min(
                    (
                        np.linalg.norm(np.roll(quad, k, axis=0) - truth[number], axis=1)
                        for k in range(4)
                    ),
                    key=lambda e: e.max(),
                )
                if off.max() < 5:
                    seen.add(number)
                    errors.extend(off)
        hit += len(seen)
    return hit / there, other, errors, ms


@pytest.mark.parametrize("motion_px", [0, 3, 5])
def test_corners(motion_px):
    cv2.setNumThreads(1)
    scenes = pictures(motion_px=motion_px)
    sides = [np.linalg.norm(c[0] - c[2]) / 1.41 for _, _, t in scenes for c in t.values()]
    print(
        f"\n{len(scenes)} pictures 1280x720 ({os.environ.get('AR_SCENE', 'made up')}), motion "
        f"{motion_px} px, {len(sides) / len(scenes):.1f} markers each, sides "
        f"{min(sides):.0f} to {max(sides):.0f} px, median {np.median(sides):.0f}"
    )
    ways = {
        "ours, the scene's ids": ours(),
        "ours, all 587 codes": ours_whole(),
        "OpenCV default, all codes": opencv(whole=True),
        "OpenCV default, scene's ids, sub-pixel": opencv(refine=subpix),
        "OpenCV one window, scene's ids, sub-pixel": opencv(13, subpix),
        "OpenCV one window, our line fit": opencv(13, lines),
        "pupil-apriltags, decimate 1": pupil(1.0),
        "pupil-apriltags, decimate 2": pupil(2.0),
    }
    for name, way in ways.items():
        recall, other, errors, ms = measured(way, scenes)
        print(
            f"  {name:42} recall {recall:.3f}  other ids {other:2}  corner px med "
            f"{np.median(errors):.3f} p95 {np.percentile(errors, 95):.3f} max {max(errors):.2f}  "
            f"CPU ms med {np.median(ms):6.1f} p95 {np.percentile(ms, 95):6.1f}"
        )


def test_parts():
    """The line fit alone for 8 markers, a small region, and how honest the claimed error is."""
    cv2.setNumThreads(1)
    scenes = pictures()
    rng = np.random.default_rng(1)
    fit_ms, region_ms, scaled = [], [], []
    for ids, grey, truth in scenes:
        detector = MarkerDetector(ids)
        eight = np.array(list(truth.values()))[np.arange(8) % len(truth)]
        for _ in range(3):
            start = time.process_time()
            corners, sigma = fit_corners(grey, eight + rng.normal(0, 0.6, eight.shape))
            fit_ms.append((time.process_time() - start) * 1000)
        known = np.isfinite(sigma)
        scaled.extend((np.linalg.norm(corners - eight, axis=2) / sigma)[known])
        for quad in truth.values():
            x0, y0 = (int(v) for v in quad.min(axis=0) - 12)
            x1, y1 = (int(v) for v in quad.max(axis=0) + 12)
            start = time.process_time()
            detector.detect(grey, None, (x0, y0, x1, y1))
            region_ms.append((time.process_time() - start) * 1000)
    print(
        f"\n  line fit, 8 markers: CPU ms med {np.median(fit_ms):.2f} min {min(fit_ms):.2f}\n"
        f"  a region round one marker: med {np.median(region_ms):.2f} min {min(region_ms):.2f}\n"
        f"  error over claimed sigma, rms per axis: {np.sqrt(np.mean(np.square(scaled)) / 2):.2f}"
    )


def test_no_marker_is_seen_where_there_is_none():
    """Wrong ids on pictures of walls without markers, all codes of the family."""
    cv2.setNumThreads(1)
    detectors = {"ours, 587 codes": ours_whole(), "OpenCV, 587 codes": opencv(whole=True)}
    counts = dict.fromkeys(detectors, 0)
    count = 60
    for seed in range(3):
        scene = WallScene(50 + seed)
        for k in range(count // 3):
            grey, _ = scene.picture(100 * seed + k, markers=False)
            for name, detect in detectors.items():
                counts[name] += len(detect([], grey))
    print(
        f"\n  {count} pictures without markers: " + ", ".join(f"{n} {c}" for n, c in counts.items())
    )


def test_barcodes_by_module_size():
    """EAN-13 read by pixels per bar, 640x480, simulated; and what a reading costs."""
    cv2.setNumThreads(1)
    reader = CodeReader((EAN13, QR))
    rng = np.random.default_rng(3)
    print()
    for module_px in (1.0, 1.25, 1.5, 2.0, 3.0):
        read = wrong = 0
        ms = []
        for k in range(24):
            digits = CODES[k % len(CODES)]
            picture = pack(digits, module_px, rng.uniform(-8, 8), rng)
            start = time.process_time()
            found = reader.read(picture)
            ms.append((time.process_time() - start) * 1000)
            read += any(c.text == digits for c in found)
            wrong += any(c.text != digits for c in found)
        print(
            f"  {module_px:4} px a bar: read {read}/24, wrong {wrong}, CPU ms med {np.median(ms):.1f}"
        )
