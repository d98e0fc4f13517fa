"""Given pictures of the board by a camera with a lens, when it is calibrated, then the lens is found, or
what is missing is said.
"""

import zlib

import cv2
import numpy as np
import pytest
from board_views import BoardCamera, places

from ar_picking.errors import PickingError
from ar_picking.vision import calibrate, charuco, coverage
from ar_picking.vision.camera import Camera
from ar_picking.vision.charuco import BoardDetector, View

SIZE = (640, 360)
TRUTH = Camera(640, 360, 460.0, 458.8, 322.4, 176.1, (-0.12, 0.03, 0.0005, -0.0004, 0.0))


@pytest.fixture(scope="module")
def board_camera():
    return BoardCamera(TRUTH)


@pytest.fixture(scope="module")
def views(board_camera):
    """32 views of a board that was held everywhere."""
    found = [
        BoardDetector().find(str(k), board_camera.take(*place))
        for k, place in enumerate(places(TRUTH, 32))
    ]
    return [v for v in found if v is not None]


def said(result):
    return {m.code for m in result.missing}, " ".join(m.en for m in result.missing)


def exact(count, seed=1, noise_px=0.1, stretch=1.0, bow_m=0.0, **where):
    """Views without pictures: true corners with noise, of a board that is longer or bowed."""
    rng = np.random.default_rng(seed)
    grid = np.stack(
        np.meshgrid(np.arange(1, charuco.COLUMNS), np.arange(1, charuco.ROWS)), 2
    ).reshape(-1, 2)
    out = []
    for k, (rotation, shift) in enumerate(places(TRUTH, count, seed, **where)):
        board_m = grid * charuco.SQUARE_M
        bow = bow_m * (1.0 - ((board_m[:, 0] - board_m[:, 0].mean()) / 0.06) ** 2)
        paper = np.c_[board_m * (1.0, stretch), bow]
        pixels = TRUTH.pixels(paper @ rotation.T + shift)
        inside = ((pixels > 2) & (pixels < np.array(SIZE) - 3)).all(axis=1)
        if inside.sum() >= charuco.LEAST_CORNERS:
            noisy = pixels[inside] + rng.normal(0.0, noise_px, (inside.sum(), 2))
            out.append(View(str(k), board_m[inside], noisy))
    return out


def test_corners_are_where_the_lens_puts_them(board_camera):
    errors = []
    for k, (rotation, shift) in enumerate(places(TRUTH, 8, seed=3)):
        view = BoardDetector().find(str(k), board_camera.take(rotation, shift))
        if view is not None:
            truth = board_camera.truth(rotation, shift, view.board_m)
            errors.extend(np.linalg.norm(view.pixels - truth, axis=1))
    assert len(errors) > 100
    assert np.median(errors) < 0.12 and np.percentile(errors, 95) < 0.4


def test_the_lens_is_found(views):
    result = calibrate.calibrate(views, SIZE)
    assert not result.missing
    camera = result.camera
    assert abs(camera.fx / TRUTH.fx - 1) < 0.003 and abs(camera.fy / TRUTH.fy - 1) < 0.003
    assert abs(camera.lens[0] - TRUTH.lens[0]) < 0.01
    assert result.rms_px < 0.3 and result.coverage > 0.8 and len(result.kept) >= 20
    # what it says of itself is true: three sigma and a little for the corners' own bias
    assert abs(camera.fx - TRUTH.fx) < 4 * result.f_sigma_px + 0.2
    # a camera far from the truth would draw elsewhere: rays of the truth come back where they were
    grid = np.stack(np.meshgrid(np.linspace(0, 639, 9), np.linspace(0, 359, 6)), 2).reshape(-1, 2)
    rays = np.c_[(TRUTH.ideal(grid) - (TRUTH.cx, TRUTH.cy)) / (TRUTH.fx, TRUTH.fy), np.ones(54)]
    assert np.abs(camera.pixels(rays) - grid).max() < 1.0


def test_views_of_the_middle_only_are_not_enough():
    codes, words = said(calibrate.calibrate(exact(40, corners=False), SIZE))
    assert "empty_part" in codes
    assert "top left corner" in words and "bottom right corner" in words


def test_few_views_are_not_enough():
    codes, words = said(calibrate.calibrate(exact(12), SIZE))
    assert "few_views" in codes and "more views" in words


def test_a_board_that_was_never_tilted_is_not_enough():
    views = []
    rng = np.random.default_rng(2)
    grid = np.stack(np.meshgrid(np.arange(1, 7), np.arange(1, 10)), 2).reshape(-1, 2)
    for k in range(40):
        at = np.array([rng.uniform(-0.35, 0.2), rng.uniform(-0.25, 0.05), rng.uniform(0.3, 0.5)])
        board_m = grid * charuco.SQUARE_M
        pixels = TRUTH.pixels(np.c_[board_m, np.zeros(54)] + at)
        inside = ((pixels > 2) & (pixels < np.array(SIZE) - 3)).all(axis=1)
        if inside.sum() >= charuco.LEAST_CORNERS:
            noisy = pixels[inside] + rng.normal(0.0, 0.1, (inside.sum(), 2))
            views.append(View(str(k), board_m[inside], noisy))
    result = calibrate.calibrate(views, SIZE)
    assert "flat" in said(result)[0]
    assert {m.en.split(",")[0] for m in result.missing if m.code == "flat"} == {
        "tilt the board left and right",
        "tilt the board forwards and back",
    }


def test_copies_of_a_view_are_one_view():
    """Files that were copied, or a board on a stand, say nothing new."""
    rng = np.random.default_rng(0)
    still = [
        View(f"{v.name}-{k}", v.board_m, v.pixels + rng.normal(0.0, 0.1, v.pixels.shape))
        for v in exact(10, noise_px=0.0)
        for k in range(6)
    ]
    result = calibrate.calibrate(still, SIZE)
    assert len(result.kept) == 10 and "few_views" in said(result)[0]


@pytest.mark.parametrize("stretch", [0.993, 1.007, 1.01])
def test_a_board_that_a_printer_stretched_is_refused(stretch):
    assert not calibrate.calibrate(exact(40), SIZE).missing
    codes, words = said(calibrate.calibrate(exact(40, stretch=stretch), SIZE))
    assert "board" in codes and "longer one way" in words


def test_a_bowed_board_makes_it_unsure():
    """Half a millimetre over its width; the focal length is wrong by five of what was called sigma."""
    result = calibrate.calibrate(exact(40, bow_m=0.0007), SIZE)
    assert "unsure" in said(result)[0]
    assert abs(result.camera.fx - TRUTH.fx) < 6.0 * result.f_sigma_px


def test_bad_corners_are_not_good_enough():
    assert "rms" in said(calibrate.calibrate(exact(40, noise_px=0.6), SIZE))[0]


def test_views_that_do_not_fit_are_left_out():
    views = exact(40)
    rng = np.random.default_rng(4)
    for k in (3, 11, 20, 31):  # a bent board, a blurred picture
        bent = views[k].pixels + 6.0 * np.sin(views[k].board_m[:, :1] * 40) + rng.normal(0, 1, 2)
        views[k] = View(views[k].name, views[k].board_m, bent)
    views[5].pixels[7] += 9.0  # and one corner
    result = calibrate.calibrate(views, SIZE)
    assert {views[k].name for k in (3, 11, 20, 31)} <= set(result.dropped)
    assert len(result.dropped) <= 6
    assert result.rms_px < 0.2 and abs(result.camera.fx / TRUTH.fx - 1) < 0.002


def test_too_little_to_fit_is_a_sentence():
    for views in ([], exact(2)):
        with pytest.raises(PickingError, match="20 or more"):
            calibrate.calibrate(views, SIZE)
    rng = np.random.default_rng(1)
    noise = [
        View(str(k), rng.uniform(0, 0.2, (20, 2)), rng.uniform(0, 300, (20, 2))) for k in range(25)
    ]
    with pytest.raises(PickingError):
        result = calibrate.calibrate(noise, SIZE)
        raise PickingError("" if result.missing else "accepted")


def test_chosen_views_differ_and_cover_the_picture():
    """Out of a long video where the board mostly hung still, the few other views are all taken."""
    still, other = exact(1, seed=9) * 300, exact(40)
    chosen = calibrate.choose(still + other, SIZE, 45)
    assert len(chosen) == 45
    assert coverage.share(coverage.counts(chosen, SIZE)) == coverage.share(
        coverage.counts(other, SIZE)
    )


def test_parts_of_the_picture_have_names():
    seen = np.full((6, 10), 2)
    seen[:2, :4] = 0
    assert coverage.empty_parts(seen) == [("左上角", "top left corner")]
    seen[:] = 2
    seen[2:4, 7:] = 1
    assert coverage.empty_parts(seen) == [("右边", "right edge")]
    assert len(coverage.empty_parts(np.zeros((6, 10), int))) == 9
    assert coverage.share(np.full((6, 10), 2)) == 1.0


def test_pictures_without_the_board_have_no_view(board_camera):
    rng = np.random.default_rng(3)
    detector = BoardDetector()
    assert detector.find("a", np.full((360, 640), 90, np.uint8)) is None
    assert detector.find("b", rng.integers(0, 255, (360, 640), dtype=np.uint8)) is None


def test_the_printed_board_is_the_board_at_its_size():
    page = charuco.sheet()
    assert page.shape == (2970, 2100)  # A4 at ten pixels a millimetre
    view = BoardDetector().find("page", page)
    assert view is not None and len(view.pixels) == 54
    px_per_mm = np.linalg.norm(view.pixels[-1] - view.pixels[0]) / (
        np.linalg.norm(view.board_m[-1] - view.board_m[0]) * 1000
    )
    assert abs(px_per_mm - 10.0) < 0.01
    ruler = (page[2715] == 0).nonzero()[0]
    assert ruler[-1] - ruler[0] + 1 == 1000  # 100 mm
    data = charuco.png(page)
    at = data.index(b"pHYs")
    assert data[at + 4 : at + 13] == bytes([0, 0, 39, 16, 0, 0, 39, 16, 1])  # 10,000 pixels a metre
    assert (cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) == page).all()
    sheet = charuco.pdf(page)
    assert b"/MediaBox [0 0 595.2756 841.8898]" in sheet  # 210 x 297 mm in points
    begin = sheet.index(b"stream\n", sheet.index(b"/Subtype /Image")) + 7
    bits = np.frombuffer(
        zlib.decompress(sheet[begin : sheet.index(b"\nendstream", begin)]), np.uint8
    )
    assert (np.unpackbits(bits.reshape(2970, -1), axis=1)[:, :2100] == page // 255).all()
