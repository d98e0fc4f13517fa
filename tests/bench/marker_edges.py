"""How far a marker's edges lie from where they should: the ruler of the simulator's tests."""

import cv2
import numpy as np

SHARES = np.linspace(0.12, 0.88, 24)[:, None]  # of an edge; its ends belong to the corners


def edge_errors(grey, place, corners_m, reach_px=2.0):
    """Four errors in px, one an edge, positive where the marker is too large.

    `place(points)` says where world points (n, 3) belong in the picture; `corners_m` (4, 3) are the
    marker's. Across each edge, at 24 points of it, the grey values are averaged; where a step of the
    same area would be, there the edge is. `reach_px` on either side must be black or white alone.
    """
    out = []
    steps = np.arange(-reach_px, reach_px + 0.01, 0.25)
    for k in range(4):
        a, b = corners_m[k], corners_m[(k + 1) % 4]
        points = place(a + SHARES * (b - a))
        along = np.gradient(points, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        outward = np.stack([along[:, 1], -along[:, 0]], axis=1)
        spots = points[:, None] + steps[None, :, None] * outward[:, None]
        x, y = (np.ascontiguousarray(spots[..., i], np.float32) for i in (0, 1))
        profile = cv2.remap(grey.astype(np.float32), x, y, cv2.INTER_LINEAR).mean(axis=0)
        share = (profile - profile[0]) / (profile[-1] - profile[0])
        out.append(reach_px - float(np.trapezoid(share, steps)))
    return out
