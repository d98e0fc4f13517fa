"""Given black squares drawn where we know, when their corners are fitted, then they are there, and
the error that is claimed is the error that is made.
"""

import cv2
import numpy as np
import pytest

from ar_picking.vision.refine import fit_corners

OVER = 4
MODULE = 20  # texels


def drawn(
    quads,
    size=(320, 240),
    noise=4.0,
    blur_px=0.8,
    code=None,
    rng=None,
    paper=220,
    ink=30,
    motion_px=0,
):
    """Squares with their white module on grey, drawn 4 times as large and averaged down.

    `code` are the 6 x 6 modules inside, 1 for white; black without.
    """
    w, h = size
    modules = np.full((10, 10), paper, np.uint8)
    modules[1:-1, 1:-1] = ink
    if code is not None:
        modules[2:-2, 2:-2] = np.where(code, paper, ink)
    card = np.repeat(np.repeat(modules, MODULE, axis=0), MODULE, axis=1)
    big = np.full((h * OVER, w * OVER), 120, np.uint8)
    for quad in quads:
        at = np.array([[1, 1], [9, 1], [9, 9], [1, 9]]) * MODULE - 0.5
        to_px = cv2.getPerspectiveTransform(np.float32(at), np.float32((quad + 0.5) * OVER - 0.5))
        view = cv2.warpPerspective(card, to_px, big.shape[::-1], flags=cv2.INTER_LINEAR)
        mask = cv2.warpPerspective(np.full_like(card, 255), to_px, big.shape[::-1])
        big[mask == 255] = view[mask == 255]
    small = cv2.resize(big, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    if motion_px:
        small = cv2.blur(small, (motion_px, 1))
    if blur_px:
        small = cv2.GaussianBlur(small, (0, 0), blur_px)
    if noise:
        small += rng.normal(0, noise, small.shape)
    return np.clip(np.round(small), 0, 255).astype(np.uint8)


def square(rng, side_px, middle, spread=0.02):
    """A square seen from the side and turned, its corners moved a little: what perspective does."""
    a = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    unit = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1.0]]) * side_px / 2
    unit[:, 0] *= rng.uniform(0.6, 1.0)
    return unit @ turn + rng.uniform(-spread, spread, (4, 2)) * side_px + middle


def pictures(rng, count, side_px, **how):
    for _ in range(count):
        spots = np.array([(x, y) for x in (70, 160, 250) for y in (65, 170)])
        quads = np.array([square(rng, rng.uniform(*side_px), p) for p in spots])
        yield quads, drawn(quads, rng=rng, **how)


def test_corners_are_found_to_hundredths_of_a_pixel_and_the_error_is_honest():
    rng = np.random.default_rng(1)
    errors, scaled = [], []
    for quads, grey in pictures(rng, 12, (24, 60)):
        corners, sigma = fit_corners(grey, quads + rng.normal(0, 0.6, quads.shape))
        assert np.isfinite(sigma).mean() > 0.95
        known = np.isfinite(sigma)
        off = (corners - quads)[known]
        errors.extend(np.linalg.norm(off, axis=1))
        scaled.extend((off / sigma[known][:, None]).ravel())
    assert np.median(errors) < 0.04 and np.percentile(errors, 95) < 0.16
    assert 0.7 < np.sqrt(np.mean(np.square(scaled))) < 1.3


def test_the_grey_levels_do_not_matter():
    rng = np.random.default_rng(2)
    for paper, ink in ((250, 5), (90, 50), (255, 180)):
        quads = np.array([square(rng, 45, (160, 120))])
        grey = drawn(quads, noise=1.0, rng=rng, paper=paper, ink=ink)
        corners, sigma = fit_corners(grey, quads + 0.5)
        assert np.linalg.norm(corners - quads, axis=2).max() < 0.2 and np.isfinite(sigma).all()


def test_nothing_inside_the_border_is_read():
    """Whatever the code, and whatever is beyond the white module: the same corners to the last bit."""
    quad = np.array([[118.3, 79.1], [201.7, 82.6], [198.9, 163.2], [116.2, 160.8]])
    found = []
    for seed in range(4):
        modules = np.random.default_rng(seed)
        grey = drawn([quad], noise=0, blur_px=0, code=modules.integers(0, 2, (6, 6)))
        around = drawn([quad], noise=0, blur_px=0, paper=255, ink=255) == 120
        grey[around] = modules.integers(0, 256, int(around.sum()))
        found.append(fit_corners(grey, quad[None] + 0.3))
    for corners, sigma in found[1:]:
        assert (corners == found[0][0]).all() and (sigma == found[0][1]).all()


@pytest.mark.parametrize(("motion_px", "median_px"), [(3, 0.08), (5, 0.2)])
def test_a_smeared_picture_makes_larger_errors_and_says_so(motion_px, median_px):
    rng = np.random.default_rng(4)
    errors, scaled = [], []
    for quads, grey in pictures(rng, 10, (28, 60), motion_px=motion_px):
        corners, sigma = fit_corners(grey, quads + rng.normal(0, 0.6, quads.shape))
        known = np.isfinite(sigma)
        errors.extend(np.linalg.norm((corners - quads)[known], axis=1))
        scaled.extend((np.linalg.norm(corners - quads, axis=2) / sigma)[known])
    assert len(errors) > 200 and np.median(errors) < median_px
    assert np.mean(np.array(scaled) < 3.5) > 0.97


def test_a_covered_corner_does_not_make_a_false_claim():
    """A box over one corner and a quarter of its edges."""
    rng = np.random.default_rng(5)
    scaled, across = [], []
    for _ in range(40):
        quad = square(rng, 60, (160, 120))
        grey = drawn([quad], rng=rng)
        x, y = (int(v) for v in quad[0])
        grey[max(0, y - 10) : y + 10, max(0, x - 10) : x + 10] = 90
        corners, sigma = fit_corners(grey, quad[None] + 0.4)
        off = np.linalg.norm(corners - quad, axis=2)[0]
        scaled.extend((off / sigma[0]).tolist())
        across.append(off[2])
        assert np.isfinite(sigma[0][2])
    assert np.mean(np.array(scaled) < 4.0) > 0.97
    assert np.median(across) < 0.05  # the corner that is not covered


def test_where_there_is_no_square_nothing_is_claimed():
    rng = np.random.default_rng(6)
    quads = np.array([square(rng, 40, (160, 120)) for _ in range(50)])
    flat = rng.normal(120, 4, (240, 320)).clip(0, 255).astype(np.uint8)
    corners, sigma = fit_corners(flat, quads)
    assert np.isinf(sigma).all() and (corners == quads).all()
    white_on_black = 255 - drawn([quads[0]], rng=rng)
    assert np.isinf(fit_corners(white_on_black, quads[:1])[1]).all()


def test_a_square_cut_by_the_rim_keeps_what_can_be_seen():
    rng = np.random.default_rng(7)
    quad = np.array([[-8.0, 60.0], [40.0, 62.0], [41.0, 110.0], [-8.0, 108.0]])
    corners, sigma = fit_corners(drawn([quad], rng=rng), quad[None])
    assert np.isinf(sigma[0][[0, 3]]).all()
    assert (corners[0][np.isinf(sigma[0])] == quad[np.isinf(sigma[0])]).all()


def test_strange_quads_neither_raise_nor_claim():
    rng = np.random.default_rng(8)
    grey = drawn([square(rng, 40, (160, 120))], rng=rng)
    assert [len(v) for v in fit_corners(grey, np.empty((0, 4, 2)))] == [0, 0]
    point = np.full((4, 2), 100.0)
    line = np.array([[10.0, 10], [50, 10], [90, 10], [130, 10]])
    far = square(rng, 40, (5000, -700))
    huge = square(rng, 1e6, (160, 120))
    crossed = square(rng, 40, (160, 120))[[0, 2, 1, 3]]
    for quad in (point, line, far, huge, crossed):
        corners, sigma = fit_corners(grey, quad[None])
        assert np.isinf(sigma).all() and (corners[0] == quad).all()
    both = fit_corners(grey, np.array([point, square(np.random.default_rng(8), 40, (160, 120))]))
    assert np.isinf(both[1][0]).all() and np.isfinite(both[1][1]).all()
