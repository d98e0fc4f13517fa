"""The tablet's page measured: round trip, pictures a second, age and error of what is drawn.

Chromium plays a rendered walk of 30 pictures a second, each with its number in its own pixels, so
that for every picture on the screen the true pose is known. What is drawn is compared with it over
the shelf corners and floor points in view. Prints one line of figures; the limits are wide, for the
machine is shared.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tablet_shop import TabletShop

from ar_picking.vision.camera import Camera, Pose

SIZE = (640, 480)
WRONG_PX = 30 * SIZE[0] / 1280
_WATCH = """
() => {
  const log = globalThis.overlayLog = [];
  const { screen } = picking;
  screen.watcher = (pose, taken, answer) => {
    const { width, height } = screen.canvas;
    const cell = width / 48;
    const row = screen.pen.getImageData(0, Math.round(height - cell / 2), width, 1).data;
    let value = 0; // see ar_picking/sim/stamp.py
    for (let k = 0; k < 23; k++) {
      value = 2 * value + (row[4 * Math.round((k + 0.5) * cell)] > 127 ? 1 : 0);
    }
    const number = (value >> 4) & 0xffff;
    const check = (number * 7 ^ number >> 5 ^ number >> 11 ^ 10) & 15;
    if (value >> 20 === 5 && (value & 15) === check) {
      log.push([number, answer ? taken - answer.t_ms : null, pose && [...pose.p, ...pose.r]]);
    }
  };
}
"""


def _share(values: list[float], part: float) -> float | None:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 1) if ordered else None


def _errors_px(shop: TabletShop, log: list[Any]) -> list[float]:
    """The median distance, over what is in view, of drawn from true, per drawn picture."""
    seen_by = Camera.from_hfov(*SIZE, 70.0)
    corners = [each.front_m() for each in shop.store.bins.values()]
    x0, y0, x1, y1, _ = shop.store.room_m
    floor = [[x, y, 0.0] for x in np.arange(x0, x1, 0.3) for y in np.arange(y0, y1, 0.3)]
    points = np.concatenate([*corners, np.array(floor)])
    out = []
    for number, _age_ms, drawn in log:
        if drawn is None:
            continue
        frame = shop.truth["frames"][number]
        truth = Pose(np.array(frame["p"]), np.array(frame["r"]).reshape(3, 3))
        local = truth.to_camera(points)
        pixels = seen_by.pixels(local)
        inside = (local[:, 2] > 0.4) & (local[:, 2] < 4.0)
        inside &= (pixels > 0).all(axis=1) & (pixels < SIZE).all(axis=1)
        if inside.sum() < 3:
            continue
        pose = Pose(np.array(drawn[:3]), np.array(drawn[3:]).reshape(3, 3))
        shown = seen_by.pixels(pose.to_camera(points[inside]))
        out.append(float(np.median(np.linalg.norm(shown - pixels[inside], axis=1))))
    return out


@pytest.mark.timeout(300)
def test_what_the_page_draws_lies_where_it_should_and_how_fast_it_is(tmp_path: Path) -> None:
    with TabletShop(tmp_path, fps=30, stamped=True) as shop:
        page = shop.open(shop.pairing_url())
        page.evaluate(_WATCH)
        shop.send_list()
        page.wait_for_timeout(1500)
        began = page.evaluate("[performance.now(), picking.figures().vision.sent]")
        shop.pick_until(6, 150)
        ended = page.evaluate("[performance.now(), picking.figures().vision.sent]")
        shop.finish(30)
        figures = page.evaluate("picking.figures()")
        log = page.evaluate("overlayLog")
        assert shop.faults == []
        errors = _errors_px(shop, log)
    trips = [each[0] for each in figures["vision"]["roundTrips"]]
    box = [each[1] for each in figures["vision"]["roundTrips"] if each[1] is not None]
    ages = figures["screen"]["ages"]
    wrong = sum(each > WRONG_PX for each in errors)
    told = {
        "size": list(SIZE),
        "seconds": round((ended[0] - began[0]) / 1000, 1),
        "looked_at_per_s": round(1000 * (ended[1] - began[1]) / (ended[0] - began[0]), 1),
        "round_trip_ms": [_share(trips, 0.5), _share(trips, 0.95)],
        "box_ms": [_share(box, 0.5), _share(box, 0.95)],
        "pose_age_ms": [_share(ages, 0.5), _share(ages, 0.95)],
        "press_ms": [_share(figures["presses"], 0.5), round(max(figures["presses"]), 1)],
        "jpeg_kb": round(figures["vision"]["bytes"] / figures["vision"]["sent"] / 1000, 1),
        "pictures_drawn_into": [len(errors), len(log)],
        "overlay_px": [_share(errors, 0.5), _share(errors, 0.95), _share(errors, 1.0)],
        "wrong_pictures": wrong,
    }
    print("\n" + json.dumps(told))
    assert errors, "nothing was ever drawn into the store"
    assert wrong <= 0.05 * len(log)
    assert sorted(each["line"] for each in shop.events() if each["event"] == "picked") == [
        *range(1, 7)
    ]
