"""What a run leaves behind when recording was asked for: a video, a few pictures, and the figures.

Pictures live in memory only unless a folder is given; then the screen says so (`录像 REC`).
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.errors import PickingError
from ar_picking.overlay import style
from ar_picking.store.records import Array
from ar_picking.vision.camera import Camera, Pose
from ar_picking.vision.track import TRACKED, TrackedPose

Image = NDArray[np.uint8]

BASELINE = (
    "the list walked in its own sequence (customer list order), same walkways, same start and exit"
)


class Recorder:
    """Writes OUT/picking.mp4 and OUT/frame-*.png. Not thread-safe."""

    def __init__(self, folder: Path, size: tuple[int, int], fps: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        path = folder / "picking.mp4"
        # MPEG-4 part 2: the encoder that every OpenCV wheel has
        self._video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
        if not self._video.isOpened():
            raise PickingError(f"cannot write {path}; choose another folder with --out")
        self._best: dict[str, tuple[float, Image]] = {}

    def picture(self, image: Image) -> None:
        """Add a picture to the video."""
        self._video.write(image)

    def moment(self, name: str, score: float, image: Image) -> None:
        """Keep the picture as frame-NAME.png if none with a higher score was offered."""
        kept = self._best.get(name)
        if kept is None or score > kept[0]:
            self._best[name] = (score, image.copy())

    def offer(self, scene: dict[str, Any], state: str, image: Image) -> None:
        """Offer a drawn picture for the three that tell the story; the best of each is kept."""
        w, h = scene["size"]

        def areas(color: str) -> list[Array]:
            found = [i for i in scene["items"] if i["world"] and i["kind"] == "area"]
            return [np.concatenate(i["polygons"]) for i in found if i["color"] == color]

        path, frame = areas(style.DEEP_BLUE), areas(style.GREEN)
        if state == "walk" and path:
            # the share of the height that the path takes right of the card, better with the bin in view
            right = (path[0] > (w * 0.38, 0)).all(axis=1) & (path[0] < (w, h)).all(axis=1)
            share = float(np.ptp(path[0][right][:, 1])) / h if right.any() else 0.0
            self.moment("1-on-the-way", share + (0.1 if areas(style.ORANGE) else 0.0), image)
        if state == "pick" and frame:
            off = float(np.abs(frame[0].mean(axis=0) - (w / 2, h / 2)).max())
            self.moment("2-bin-framed", -off, image)
        if state == "done":
            self.moment("3-list-done", 0.0, image)

    def close(self, figures: dict[str, Any]) -> dict[str, Any]:
        """Finish the video, write the pictures and OUT/picking.json.

        Returns the figures with their names.
        """
        self._video.release()
        names = []
        for name, (_, image) in sorted(self._best.items()):
            path = self.folder / f"frame-{name}.png"
            cv2.imwrite(str(path), image)
            names.append(path.name)
        complete = {**figures, "video": "picking.mp4", "pictures": names}
        text = json.dumps(complete, ensure_ascii=False, indent=1) + "\n"
        (self.folder / "picking.json").write_text(text, encoding="utf-8")
        return complete


class Figures:
    """Errors against the simulator's truth, and how often each state was shown."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self.states: Counter[str] = Counter()
        self.simulated = False  # pictures came with a true pose, which no real camera has
        self._pose_mm: list[float] = []
        self._overlay_px: list[float] = []

    def add(self, tracked: TrackedPose, truth: Pose | None, drawn: Array) -> None:
        """One picture: its state and, with a truth, the errors of the pose and of the world points
        `drawn` (n, 3).
        """
        self.states[tracked.state] += 1
        self.simulated = self.simulated or truth is not None
        if truth is None or tracked.pose is None or tracked.state != TRACKED:
            return
        self._pose_mm.append(1000.0 * float(np.linalg.norm(tracked.pose.position - truth.position)))
        error = overlay_error_px(self._camera, tracked.pose, truth, drawn)
        if error is not None:
            self._overlay_px.append(error)

    def as_json(self) -> dict[str, Any]:
        """Pictures by state, pose error in mm and overlay error in px.

        Median, p95, max (None without a truth).
        """
        return {
            "frames": sum(self.states.values()),
            "frames_by_state": {
                state: self.states.get(state, 0) for state in ("tracked", "degraded", "lost")
            },
            "pose_error_mm": _spread(self._pose_mm),
            "overlay_error_px": _spread(self._overlay_px),
        }


class ListFigures:
    """What became of each list, from the guide's entries; `done` holds the finished ones.

    Entries may come from another thread than the one that reads `done`.
    """

    def __init__(self) -> None:
        self._begun: dict[str, dict[str, Any]] = {}
        self.bounds: dict[str, int | None] = {}  # of the walks, as the screen said them
        self.done: list[dict[str, Any]] = []

    def entry(self, event: str, fields: dict[str, Any]) -> None:
        """One entry of the journal."""
        name = fields.get("list")
        if event == "list_started" and name:
            self._begun[name] = fields
        elif event == "list_done" and name:
            begun = self._begun.pop(name, {})  # {}: begun before this program was started
            walk, baseline = begun.get("walk_dm", 0), begun.get("list_order_dm", 0)
            self.done.append(
                {
                    "list": name,
                    "lines": begun.get("lines", fields.get("picked", 0) + fields.get("short", 0)),
                    "picked": fields.get("picked", 0),
                    "short": fields.get("short", 0),
                    "walk_dm": walk,
                    "bound_dm": self.bounds.get(name),
                    "method": begun.get("method"),
                    "list_order_dm": baseline,
                    "saving_percent": _saving(walk, baseline),
                    "walked_dm": fields.get("walked_dm", 0),
                }
            )


def totals(lists: list[dict[str, Any]]) -> dict[str, Any]:
    """The sums over finished lists; a saving is never shown without the name of its baseline."""
    walk = sum(one["walk_dm"] for one in lists)
    baseline = sum(one["list_order_dm"] for one in lists)
    return {
        "walk_dm": walk,
        "list_order_dm": baseline,
        "saving_percent": _saving(walk, baseline),
        "baseline": BASELINE,
        "picks": sum(one["picked"] for one in lists),
        "shorts": sum(one["short"] for one in lists),
    }


def _saving(walk_dm: int, baseline_dm: int) -> float | None:
    return round(100.0 * (1.0 - walk_dm / baseline_dm), 1) if baseline_dm else None


def overlay_error_px(camera: Camera, pose: Pose, truth: Pose, points: Array) -> float | None:
    """The largest distance in the picture between where points (n, 3) are drawn and where they
    truly are.

    Only points that are truly in the picture count; None when there is none.
    """
    if len(points) == 0:
        return None
    right, depth = camera.project(truth, points)
    ours, _ = camera.project(pose, points)
    inside = (
        (depth > 0.3)
        & (right >= 0).all(axis=1)
        & (right <= (camera.width - 1, camera.height - 1)).all(axis=1)
    )
    if not inside.any():
        return None
    error = np.linalg.norm(ours[inside] - right[inside], axis=1)
    return float(np.max(np.where(np.isnan(error), np.inf, error)))


def _spread(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    median, p95 = np.percentile(values, [50, 95])
    return {
        "median": round(float(median), 2),
        "p95": round(float(p95), 2),
        "max": round(float(max(values)), 2),
    }
