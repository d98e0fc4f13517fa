"""Pictures of the calibration board by a camera with a lens, and where its corners truly are.

Every pixel is 3 x 3 rays that are bent by the lens exactly and looked up on the printed board; blur and
noise come last.
"""

import cv2
import numpy as np

from ar_picking.vision import charuco

_RAYS = 3
_DESK = 150
_MARGIN_M = 0.012  # of white paper


class BoardCamera:
    """Takes pictures of the board; `camera` is the truth that a calibration has to find."""

    def __init__(self, camera, blur_px=0.6, noise=3.0, seed=1):
        self.camera = camera
        self._rng = np.random.default_rng(seed)
        self._blur_px, self._noise = blur_px, noise
        margin = round(_MARGIN_M * 10_000)
        art = cv2.copyMakeBorder(charuco.picture(), *[margin] * 4, cv2.BORDER_CONSTANT, value=255)
        paper = np.where(art > 127, 225, 25).astype(np.uint8)
        self._papers = [paper]
        while len(self._papers) < 5:
            self._papers.append(
                cv2.resize(self._papers[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            )
        self._rays = self._straight_rays()

    def _straight_rays(self):
        """(x / z, y / z) of every ray, (rays down, rays across, 2): the lens, undone by iteration.

        Not with cv2.remap on a coarse grid: it rounds places to a 32nd of a cell.
        """
        c = self.camera
        offset = (np.arange(_RAYS) - (_RAYS - 1) / 2) / _RAYS
        bent_x = ((np.arange(c.width)[:, None] + offset).ravel()[None] - c.cx) / c.fx
        bent_y = ((np.arange(c.height)[:, None] + offset).ravel()[:, None] - c.cy) / c.fy
        k1, k2, p1, p2, k3 = c.lens or (0.0,) * 5
        x, y = (v + np.zeros((c.height * _RAYS, c.width * _RAYS)) for v in (bent_x, bent_y))
        for _ in range(8):
            r2 = x * x + y * y
            radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
            by_x = 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x)
            by_y = p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y
            x, y = (bent_x - by_x) / radial, (bent_y - by_y) / radial
        return np.stack([x, y], axis=2)

    def take(self, rotation, shift):
        """The grey picture with the board at `rotation` (3, 3), `shift` (3,): board to camera axes."""
        c, half = self.camera, 1.0 / _RAYS
        size = np.array([charuco.COLUMNS, charuco.ROWS]) * charuco.SQUARE_M
        rim = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (size + 2 * _MARGIN_M) - _MARGIN_M
        local = np.c_[rim, np.zeros(4)] @ rotation.T + shift
        picture = np.full((c.height, c.width), _DESK, np.uint8)
        pixels = c.pixels(local)
        x0, y0 = np.clip(np.floor(pixels.min(axis=0)) - 20, 0, (c.width, c.height)).astype(int)
        x1, y1 = np.clip(np.ceil(pixels.max(axis=0)) + 21, 0, (c.width, c.height)).astype(int)
        if x1 - x0 >= 8 and y1 - y0 >= 8:
            rays = self._rays[y0 * _RAYS : y1 * _RAYS, x0 * _RAYS : x1 * _RAYS]
            to_board = np.linalg.inv(np.c_[rotation[:, :2], shift])
            flat = np.concatenate([rays, np.ones_like(rays[..., :1])], axis=2) @ to_board.T
            on_board = (flat[..., :2] / flat[..., 2:] + _MARGIN_M) * 10_000
            step = np.linalg.norm(np.diff(on_board[:: len(on_board) // 2 + 1], axis=1), axis=2)
            level = int(np.clip(np.floor(np.log2(max(1.0, float(np.median(step))) + half)), 0, 4))
            scale = 0.5**level
            texel = (on_board * scale - 0.5).astype(np.float32)
            fine = cv2.remap(
                self._papers[level],
                texel[..., 0],
                texel[..., 1],
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=_DESK,
            )
            picture[y0:y1, x0:x1] = cv2.resize(
                fine, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA
            )
        picture = cv2.GaussianBlur(picture, (0, 0), self._blur_px)
        noisy = picture + self._rng.normal(0.0, self._noise, picture.shape)
        return np.clip(np.round(noisy), 0, 255).astype(np.uint8)

    def truth(self, rotation, shift, board_m):
        """Where points of the board (n, 2) are in the picture."""
        return self.camera.pixels(np.c_[board_m, np.zeros(len(board_m))] @ rotation.T + shift)


def places(camera, count, seed=1, corners=True):
    """(rotation, shift) of a board that a person moves about: everywhere, near and far, tilted.

    Without `corners` it stays in the middle of the picture.
    """
    rng = np.random.default_rng(seed)
    middle = np.array([charuco.COLUMNS, charuco.ROWS, 0]) * charuco.SQUARE_M / 2
    reach, nearest_m = (0.92, 0.22) if corners else (0.1, 0.5)
    for k in range(count):
        turn = rng.choice([0, 90, 180, 270]) + rng.uniform(-15, 15)
        tilt = (rng.uniform(15, 45) if k % 3 else rng.uniform(0, 10)) * rng.choice([-1, 1])
        about = np.radians(90.0 * (k % 2) + rng.uniform(-20, 20))
        lean, _ = cv2.Rodrigues(np.radians(tilt) * np.array([np.cos(about), np.sin(about), 0.0]))
        spin, _ = cv2.Rodrigues(np.array([0.0, 0.0, np.radians(turn)]))
        rotation = lean @ spin
        z = rng.uniform(nearest_m, 0.55)
        grid = np.array([(k * 0.618) % 1.0, (k * 0.382 + 0.5 * (k % 2)) % 1.0]) * 2 - 1
        at = grid * reach * (camera.width / 2, camera.height / 2) + (camera.cx, camera.cy)
        ray = (camera.ideal(at[None])[0] - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
        yield rotation, np.array([*(ray * z), z]) - rotation @ middle
