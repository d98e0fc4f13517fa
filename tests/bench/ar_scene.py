"""The hard scene of the corner bench: a busy wall of 6 x 2.2 m with 12 markers of 8 cm.

Made up and rendered here, apart from the store's own renderer, so that two programs have to agree on
where a corner is: the whole wall is warped into a picture three times as large and averaged down.
"""

import cv2
import numpy as np

WALL_M = (6.0, 2.2)
SIDE_M = 0.08
_PX_M = 1000
_OVER = 3  # the picture is rendered this much larger
FAMILY = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)


def busy_texture(rng, width, height):
    """Boxes, bars, stripes and speckle in all greys and sizes: a shelf front at its worst."""
    wall = np.full((height, width), 120, np.uint8)
    for size, count in ((400, 90), (150, 500), (60, 1500), (25, 2500)):
        for _ in range(count):
            x, y = rng.integers(0, width), rng.integers(0, height)
            w, h = (int(v) for v in rng.integers(size // 4 + 2, size, 2))
            cv2.rectangle(wall, (x, y), (x + w, y + h), int(rng.integers(0, 256)), -1)
            if rng.random() < 0.3:
                line = max(1, size // 40)
                cv2.rectangle(wall, (x, y), (x + w, y + h), int(rng.integers(0, 256)), line)
    for _ in range(400):
        x, y = rng.integers(0, width), rng.integers(0, height)
        words = "".join(chr(c) for c in rng.integers(48, 90, 8))
        scale, grey = float(rng.uniform(0.5, 2.5)), int(rng.integers(0, 256))
        cv2.putText(wall, words, (int(x), int(y)), cv2.FONT_HERSHEY_SIMPLEX, scale, grey, 2)
    speckle = rng.normal(0, 12, (height // 2, width // 2)).astype(np.float32)
    speckle = cv2.resize(speckle, (width, height))
    return np.clip(wall + speckle, 0, 255).astype(np.uint8)


class WallScene:
    """The wall, its markers (ids `ids`), and pictures of it with the corners' true places."""

    def __init__(self, seed=0, count=12, quiet_modules=1, size=(1280, 720), hfov_deg=70.0):
        rng = np.random.default_rng(seed)
        width, height = (round(v * _PX_M) for v in WALL_M)
        self.wall = busy_texture(rng, width, height)
        self.bare = self.wall.copy()
        self.ids = sorted(int(v) for v in rng.choice(587, count, replace=False))
        self.size = size
        self.f_px = size[0] / 2 / np.tan(np.radians(hfov_deg) / 2)
        self.corners_m = {}
        px = round(SIDE_M * _PX_M)
        for k, number in enumerate(self.ids):
            x = int((0.76 + (k // 2) * 4.4 / (count / 2 - 1)) * _PX_M)
            y = int((0.55 if k % 2 else 1.45) * _PX_M + rng.integers(-150, 150))
            quiet = quiet_modules * px // 8
            ink, paper = int(rng.integers(15, 45)), int(rng.integers(190, 235))
            code = FAMILY.generateImageMarker(number, 8)
            tile = cv2.resize(code, (px, px), interpolation=cv2.INTER_NEAREST)
            self.wall[y - quiet : y + px + quiet, x - quiet : x + px + quiet] = paper
            self.wall[y : y + px, x : x + px] = np.where(tile > 0, paper, ink)
            box = np.array([[x, y], [x + px, y], [x + px, y + px], [x, y + px]])
            self.corners_m[number] = box / _PX_M

    def homography(self, rng):
        """Metres on the wall to pixels, from a camera 1.2 to 2.6 m away with a yaw of up to 25 deg."""
        yaw, pitch, roll = np.radians(
            [rng.uniform(-25, 25), rng.uniform(-8, 8), rng.uniform(-4, 4)]
        )
        away, at = rng.uniform(1.2, 2.6), rng.uniform(2.0, 4.0)
        turn = cv2.Rodrigues(np.array([0, yaw, 0.0]))[0]
        turn = (
            cv2.Rodrigues(np.array([0, 0, roll]))[0]
            @ cv2.Rodrigues(np.array([pitch, 0, 0]))[0]
            @ turn
        )
        look = np.array([at, 1.1, 0.0])
        eye = look - turn.T @ np.array([0.0, 0.0, away])
        flat = np.stack([turn[:, 0], turn[:, 1], turn @ -eye], axis=1)
        w, h = self.size
        camera = np.array([[self.f_px, 0, (w - 1) / 2], [0, self.f_px, (h - 1) / 2], [0, 0, 1.0]])
        return camera @ flat

    def picture(self, seed, noise=4.0, blur_px=0.8, motion_px=0.0, markers=True):
        """A grey picture and the true corners {id: (4, 2) px} of the markers wholly in it."""
        rng = np.random.default_rng((seed, 7))
        to_px = self.homography(rng)
        w, h = self.size
        texel = np.array([[1 / _PX_M, 0, 0.5 / _PX_M], [0, 1 / _PX_M, 0.5 / _PX_M], [0, 0, 1]])
        over = np.array([[_OVER, 0, (_OVER - 1) / 2], [0, _OVER, (_OVER - 1) / 2], [0, 0, 1.0]])
        big = cv2.warpPerspective(
            self.wall if markers else self.bare,
            over @ to_px @ texel,
            (w * _OVER, h * _OVER),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
        picture = cv2.resize(big, (w, h), interpolation=cv2.INTER_AREA).astype(np.float32)
        if motion_px > 0:
            picture = cv2.filter2D(picture, -1, streak(motion_px, rng.uniform(0, np.pi)))
        if blur_px > 0:
            picture = cv2.GaussianBlur(picture, (0, 0), blur_px)
        picture += rng.normal(0, noise, picture.shape).astype(np.float32)
        truth = {}
        for number, corners in self.corners_m.items() if markers else ():
            p = np.hstack([corners, np.ones((4, 1))]) @ to_px.T
            p = p[:, :2] / p[:, 2:]
            if (p > 6).all() and (p[:, 0] < w - 7).all() and (p[:, 1] < h - 7).all():
                truth[number] = p
        return np.clip(np.round(picture), 0, 255).astype(np.uint8), truth


def streak(length_px, angle):
    """A symmetric box blur along a direction, as an odd kernel."""
    half = int(np.ceil(length_px / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for t in np.linspace(-length_px / 2, length_px / 2, 41):
        x, y = half + t * np.cos(angle), half + t * np.sin(angle)
        i, j = int(np.floor(y)), int(np.floor(x))
        for di, dj in ((0, 0), (0, 1), (1, 0), (1, 1)):
            kernel[i + di, j + dj] += (1 - abs(y - i - di)) * (1 - abs(x - j - dj))
    return kernel / kernel.sum()
