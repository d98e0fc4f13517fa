"""A camera's focal length, axis and lens from views of the board, or what is missing for it.

Views are chosen so that they differ, the model is fitted (Zhang 2000, PAMI 22(11):1330; OpenCV's
calibrateCamera), views that do not fit are left out, and the result is taken only when it is good and
its error is known to be small. A wrong focal length moves poses by as much as it is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ar_picking.errors import PickingError
from ar_picking.store.records import Array
from ar_picking.vision import board_shape, coverage, device_file
from ar_picking.vision.camera import Camera
from ar_picking.vision.charuco import View

MIN_VIEWS = 20
MAX_VIEWS = 60
MAX_RMS_PX = 0.5
MIN_COVERAGE = 0.8
MAX_F_SIGMA = 0.001  # of f
_MIN_TILTED = 4  # views tilted about each of the picture's axes
_TILTED_DEG = 15.0
_LEAST_VIEWS = 4  # to try at all
_ROUNDS = 6
_VIEW_GATE = 2.5  # times the median view's rms
_VIEW_FLOOR_PX = 0.15
_CORNER_SIGMAS = 4.0
_K3_SIGMAS = 4.0  # a k3 that is not this sure is noise: it bends the rim where no corner is


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a calibration is not good enough yet: a code, and what to do in Chinese and English."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """A camera and how well it is known. Accepted when nothing is `missing`.

    `f_sigma_px` is one sigma of the worse of fx and fy; `kept` are the views used, `dropped` the names
    of those that did not fit; `seen` counts views by cell of the picture, (down, across).
    """

    camera: Camera
    rms_px: float
    f_sigma_px: float
    kept: tuple[View, ...]
    dropped: tuple[str, ...]
    seen: coverage.Counts
    missing: tuple[Missing, ...]

    @property
    def coverage(self) -> float:
        """Share of the picture that views cover, 0 to 1."""
        return coverage.share(self.seen)


def calibrate(views: Sequence[View], size: tuple[int, int]) -> Calibration:
    """From views in pictures of `size` (width, height); PickingError when there is nothing to fit."""
    views = board_shape.distinct(views, size)
    chosen = choose(views, size, MAX_VIEWS)
    dropped: list[str] = []
    fit = None
    for _ in range(_ROUNDS):
        if len(chosen) < _LEAST_VIEWS:
            raise PickingError(
                f"the board was found in {len(views)} pictures, and {len(chosen)} of them fit together: "
                f"take {MIN_VIEWS} or more, sharp and with most of the board in view"
            )
        fit = _fitted(chosen, size)
        errors = np.array([_rms(r) for r in fit.residuals])
        bad = errors > max(_VIEW_FLOOR_PX, _VIEW_GATE * float(np.median(errors)))
        cleaned = [
            _cleaned(v, r) for v, r, b in zip(chosen, fit.residuals, bad, strict=True) if not b
        ]
        kept = [v for v in cleaned if v is not None]
        if len(kept) == len(chosen) and all(a is b for a, b in zip(kept, chosen, strict=True)):
            break
        names = {v.name for v in kept}
        dropped += [v.name for v in chosen if v.name not in names]
        chosen = kept
    assert fit is not None
    fit = replace(
        fit, f_sigma_px=fit.f_sigma_px * board_shape.smooth_share(fit.views, fit.residuals)
    )
    seen = coverage.counts(chosen, size)
    rms = _rms(np.concatenate(fit.residuals))
    missing = _missing(fit, rms, len(chosen), seen)
    if all(m.code == "unsure" for m in missing):
        missing += _misshapen(fit, size, rms)
    return Calibration(
        fit.camera,
        rms,
        fit.f_sigma_px,
        tuple(chosen),
        tuple(dropped),
        seen,
        tuple(missing),
    )


def choose(views: Sequence[View], size: tuple[int, int], count: int) -> list[View]:
    """At most `count` views that differ: each next one is farthest from those before it, in place,
    distance and tilt, and gains where it fills cells of the picture that are not covered.
    """
    if len(views) <= count:
        return list(views)
    traits = np.array([_traits(v, size) for v in views])
    filled = np.array([coverage.cells(v.pixels, size).ravel() for v in views])
    first = int(np.argmax([len(v.pixels) for v in views]))
    chosen, far = [first], np.linalg.norm(traits - traits[first], axis=1)
    seen = filled[first].astype(int)
    while len(chosen) < count:
        gain = (filled & (seen < coverage.ENOUGH_VIEWS)).sum(axis=1) / 10.0
        score = far + gain
        score[chosen] = -1.0
        best = int(np.argmax(score))
        chosen.append(best)
        seen += filled[best]
        far = np.minimum(far, np.linalg.norm(traits - traits[best], axis=1))
    return [views[k] for k in sorted(chosen)]


@dataclass(frozen=True, slots=True)
class _Fit:
    camera: Camera
    f_sigma_px: float
    tilts_deg: Array  # (views, 2): about the picture's upright and level axes
    residuals: list[Array]  # by view, (corners, 2)
    views: Sequence[View]


def _fitted(views: Sequence[View], size: tuple[int, int]) -> _Fit:
    fit, k3_sure = _solved(views, size, cv2.CALIB_FIX_K3)
    more, k3_sure = _solved(views, size, 0)
    return more if k3_sure and not device_file.folds(more.camera) else fit


def _solved(views: Sequence[View], size: tuple[int, int], flags: int) -> tuple[_Fit, bool]:
    objects = [_on_board(v).astype(np.float32) for v in views]
    pixels = [v.pixels.astype(np.float32).reshape(-1, 1, 2) for v in views]
    criteria = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 100, 1e-10)
    try:
        _, k, lens, rvecs, tvecs, sigma, _, _ = cv2.calibrateCameraExtended(
            objects, pixels, size, np.eye(3), np.zeros(5), flags=flags, criteria=criteria
        )
    except cv2.error:
        raise PickingError("the views do not fit a camera; take new ones, sharp ones") from None
    values = np.asarray(lens, np.float64).ravel()[:5]
    k = np.asarray(k, np.float64)
    if not (np.isfinite(k).all() and np.isfinite(values).all()):
        raise PickingError("the views do not fit a camera; take new ones, sharp ones")
    fx, fy, cx, cy = (float(v) for v in k[[0, 1, 0, 1], [0, 1, 2, 2]])
    camera = Camera(size[0], size[1], fx, fy, cx, cy, tuple(float(v) for v in values))
    residuals, tilts = [], []
    for view, rvec, tvec in zip(views, rvecs, tvecs, strict=True):
        expected = cv2.projectPoints(_on_board(view), rvec, tvec, k, values)[0].reshape(-1, 2)
        residuals.append(np.asarray(view.pixels - expected, np.float64))
        tilts.append(_tilt_deg(np.asarray(cv2.Rodrigues(rvec)[0], np.float64)))
    sigmas = np.asarray(sigma, np.float64).ravel()
    k3_sure = flags == 0 and abs(values[4]) > _K3_SIGMAS * sigmas[8]
    return _Fit(camera, float(max(sigmas[:2])), np.array(tilts), residuals, views), k3_sure


def _on_board(view: View) -> Array:
    return np.concatenate([view.board_m, np.zeros((len(view.board_m), 1))], axis=1)


def _tilt_deg(rotation: Array) -> tuple[float, float]:
    """How far the board is turned about the picture's upright axis and about its level one."""
    normal = rotation[:, 2] * (1.0 if rotation[2, 2] > 0.0 else -1.0)
    upright, level = np.arctan2(normal[0], normal[2]), np.arctan2(normal[1], normal[2])
    return float(np.degrees(upright)), float(np.degrees(level))


def _rms(residual: Array) -> float:
    return float(np.sqrt(np.mean(np.sum(residual**2, axis=1))))


def _cleaned(view: View, residual: Array) -> View | None:
    """The view without corners that are far off; None when too few are left."""
    error = np.linalg.norm(residual, axis=1)
    good = error < max(_VIEW_FLOOR_PX, _CORNER_SIGMAS * float(np.median(error)) / 1.1774)
    if good.all():
        return view
    if good.sum() < 8:
        return None
    return View(view.name, view.board_m[good], view.pixels[good])


def _traits(view: View, size: tuple[int, int]) -> Array:
    """Place, distance and tilt of the board by a rough camera, each about 0 to 1, shape (5,)."""
    w, h = size
    k = np.array([[0.9 * w, 0.0, w / 2.0], [0.0, 0.9 * w, h / 2.0], [0.0, 0.0, 1.0]])
    try:
        found, rvec, tvec = cv2.solvePnP(
            _on_board(view), view.pixels, k, None, flags=cv2.SOLVEPNP_IPPE
        )
    except cv2.error:
        found = False
    middle = view.pixels.mean(axis=0) / size
    if not found or not np.isfinite(tvec).all():
        return np.array([*middle, 0.0, 0.0, 0.0])
    upright, level = _tilt_deg(np.asarray(cv2.Rodrigues(rvec)[0], np.float64))
    distance = float(np.log(max(0.05, abs(float(tvec.ravel()[2])))))
    return np.array([*middle, distance / 2.0, upright / 60.0, level / 60.0])


def _misshapen(fit: _Fit, size: tuple[int, int], rms: float) -> list[Missing]:
    """What is said of a board whose squares are not square."""

    def cost(views: list[View]) -> float:
        residuals = _solved(views, size, cv2.CALIB_FIX_K3)[0].residuals
        return float(sum((r**2).sum() for r in residuals))

    smooth = board_shape.smooth_share(fit.views, fit.residuals)
    off, sigma = board_shape.stretch(fit.views, cost, smooth * rms / np.sqrt(2.0))
    if board_shape.is_stretched(off, sigma):
        return [
            Missing(
                "board",
                f"标定板被拉长 {abs(off):.1%}：用另一台打印机重新打印，平贴在硬板上",
                f"the board is {abs(off):.1%} longer one way than the other: print it on another "
                "printer, and glue it flat to something stiff",
            )
        ]
    oblong = abs(fit.camera.fx / fit.camera.fy - 1.0)
    if sigma > board_shape.MAX_STRETCH and oblong > board_shape.MAX_STRETCH:
        return [
            Missing(
                "turn",
                "把标定板转 90 度再拍几张",
                "some views with the board turned by 90 degrees",
            )
        ]
    return []


def _missing(fit: _Fit, rms: float, views: int, seen: coverage.Counts) -> list[Missing]:
    out = []
    if views < MIN_VIEWS:
        out.append(
            Missing(
                "few_views",
                f"还差 {MIN_VIEWS - views} 个视角：换位置、换角度再拍",
                f"{MIN_VIEWS - views} more views: hold the board elsewhere and at other angles",
            )
        )
    for zh, en in coverage.empty_parts(seen):
        out.append(Missing("empty_part", f"画面{zh}需要更多视角", f"more views in the {en}"))
    if coverage.share(seen) < MIN_COVERAGE and not coverage.empty_parts(seen):
        zh = f"只覆盖了画面的 {coverage.share(seen):.0%}：把标定板移到画面边缘"
        en = f"only {coverage.share(seen):.0%} of the picture is covered: move the board to its rim"
        out.append(Missing("rim", zh, en))
    tilted = (np.abs(fit.tilts_deg) > _TILTED_DEG).sum(axis=0)
    for enough, zh, en in (
        (tilted[0] >= _MIN_TILTED, "左右", "left and right"),
        (tilted[1] >= _MIN_TILTED, "前后", "forwards and back"),
    ):
        if not enough:
            out.append(
                Missing(
                    "flat",
                    f"把标定板{zh}倾斜 20 到 45 度",
                    f"tilt the board {en}, 20 to 45 degrees",
                )
            )
    if rms >= MAX_RMS_PX:
        out.append(
            Missing(
                "rms",
                f"误差 {rms:.2f} 像素：标定板要平，拿稳，光线要亮",
                f"the error is {rms:.2f} px: a flat board, held still, in good light",
            )
        )
    if not fit.f_sigma_px < MAX_F_SIGMA * fit.camera.fx:
        out.append(
            Missing(
                "unsure",
                f"焦距误差 {fit.f_sigma_px / fit.camera.fx:.2%}：靠近一些，多倾斜",
                f"the focal length is unsure by {fit.f_sigma_px / fit.camera.fx:.2%}: come nearer, tilt "
                "the board more",
            )
        )
    if device_file.folds(fit.camera):
        out.append(
            Missing(
                "lens",
                "镜头边缘无法确定：在画面四角多拍",
                "the lens is not determined at the rim: more views in the corners",
            )
        )
    return out
