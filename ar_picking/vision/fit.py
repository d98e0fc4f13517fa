"""What a picture says about the camera's pose: corners measured, the pose that fits, and how well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ar_picking.store.records import Array
from ar_picking.vision.camera import Pose
from ar_picking.vision.detect import Detection

GATE = 2.5  # times what is expected; a marker whose residuals are larger is not where the map says


@dataclass(frozen=True, slots=True)
class Misfit:
    """A detection of a marker of the map beside a pose.

    How far off it is, the median of its corners in pixels, its residuals as a multiple of what is
    expected, and the median in metres at its distance.
    """

    detection: Detection
    used: bool
    off_px: float
    off: float
    off_m: float

    @property
    def agrees(self) -> bool:
        """True when it is where the map says, as far as this picture can tell."""
        return self.off < GATE


@dataclass(frozen=True, slots=True)
class Fit:
    """A pose and how good it is.

    What the map gate kept and dropped, residual, one-sigma errors, and their covariances (6, 6).
    """

    pose: Pose
    used: tuple[int, ...]
    dropped: tuple[int, ...]
    rms_px: float
    sigma_m: float
    sigma_px: float  # of what is drawn; of things 2 to 5 m ahead when nothing is
    undetected_px: float  # what a marker moved too little to be noticed could add to that
    slips_m: tuple[float, ...]  # of each marker used: the longest move that would not have shown
    depth_m: float  # of the markers used, the median
    noise: Array
    systematic: Array
    misfits: tuple[Misfit, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """Detections as arrays, four corners each: world (4n, 3), ideal pixels (4n, 2), sigmas (4n,), and
    those of their places in the map (n,) in metres.
    """

    found: list[Detection]
    world: Array
    pixels: Array
    sigma_px: Array
    map_m: Array

    def part(self, places: list[int]) -> Measured:
        if len(places) == len(self.found):
            return self
        rows = (4 * np.asarray(places)[:, None] + np.arange(4)).ravel()
        return Measured(
            [self.found[i] for i in places],
            self.world[rows],
            self.pixels[rows],
            self.sigma_px[rows],
            self.map_m[places],
        )
