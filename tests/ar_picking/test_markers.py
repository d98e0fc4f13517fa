"""Given a store, when its marker sheets are printed, then each marker is read from the paper at its
size.

The PDFs are rasterised by a renderer that has nothing to do with the writer (PDFium), as a camera would
see the paper: 400 dpi, averaged down, a little out of focus.
"""

import cv2
import numpy as np
import pypdfium2
import pytest

from ar_picking.errors import ConfigError
from ar_picking.store import cjk_font, folder, layout, marker_pdf, marker_sheets, places
from ar_picking.vision.detect import MarkerDetector

cv2.setNumThreads(1)
_DPI = 400


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("small")
    layout.make(layout.Layout("s", "小店", 1, 1, 2), path)
    return folder.load(path)


def pages(path, dpi=_DPI):
    for page in pypdfium2.PdfDocument(str(path)):
        grey = page.render(scale=dpi / 72, grayscale=True).to_numpy()
        yield np.ascontiguousarray(grey.reshape(grey.shape[:2]))


def seen_small(grey, by):
    """The page from farther away: by whole steps, so that a pixel is an exact length."""
    high, wide = (length // by for length in grey.shape)
    part = cv2.resize(grey[: high * by, : wide * by], (wide, high), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(part, (0, 0), 0.8)


def ruler_mm(grey):
    """The longest black run in the lowest tenth of a page."""
    most = 0
    for row in grey[int(grey.shape[0] * 0.9) :] < 128:
        edges = np.flatnonzero(np.diff(np.concatenate(([0], row.astype(np.int8), [0]))))
        most = max([most, *(edges[1::2] - edges[::2])])
    return most * 25.4 / _DPI


@pytest.mark.parametrize("with_font", [True, False])
def test_every_marker_is_read_from_the_paper_at_its_printed_size(small, tmp_path, with_font):
    font = cjk_font.find() if with_font else None
    detector = MarkerDetector(range(587))
    sizes = {}
    chosen = marker_sheets.tiles(small, numbers=None if with_font else [0, 1, 2])
    for paper, part in marker_pdf.split_by_paper(chosen, "A4").items():
        out = tmp_path / f"{paper}.pdf"
        count = marker_pdf.write(out, part, paper, "小店 s", font)
        by = 16 if paper == "A4" else 32
        found = []
        for grey in pages(out):
            assert ruler_mm(grey) == pytest.approx(100.0, abs=0.1)
            found.append(detector.detect(seen_small(grey, by)))
        assert len(found) == count
        for one in (mark for page in found for mark in page):
            edges = np.linalg.norm(one.corners - np.roll(one.corners, -1, axis=0), axis=1)
            sizes.setdefault(one.id, []).append(edges * 25.4 * by / _DPI)
    assert set(sizes) == {tile.number for tile in chosen}  # all, and no other
    for number, edges in sizes.items():
        assert len(edges) == 1, f"marker {number} is printed twice"
        assert np.abs(edges[0] - small.markers[number].size_mm).max() < 0.2, number


def test_paper_has_the_size_it_says_and_viewers_are_asked_not_to_scale(small, tmp_path):
    out = tmp_path / "a.pdf"
    marker_pdf.write(out, marker_sheets.tiles(small, "A1-*", 80)[:2], "A4", "t", None)
    width, height = pypdfium2.PdfDocument(str(out))[0].get_size()
    assert (width * 25.4 / 72, height * 25.4 / 72) == (
        pytest.approx(210, abs=0.01),
        pytest.approx(297, abs=0.01),
    )
    assert b"/PrintScaling /None" in out.read_bytes()


def test_what_is_written_can_be_found_in_the_file(small, tmp_path):
    font = cjk_font.find()
    assert font is not None  # fonts-noto-cjk is a part the tests have
    out = tmp_path / "a.pdf"
    item = next(iter(small.bins.values()))
    marker_pdf.write(out, marker_sheets.tiles(small, item.id), "A4", "小店 s", font)
    text = pypdfium2.PdfDocument(str(out))[0].get_textpage().get_text_bounded()
    number = small.bin_markers[item.id][0]
    for words in (item.id, item.name, f"№ {number}", "巷道 A1", "应为 100 毫米", "print at 100 %"):
        assert words in text, words


def test_quiet_zones_are_a_module_wide_and_nothing_is_drawn_in_them(small, tmp_path):
    tile = marker_sheets.tiles(small, "A1-*", 80)[0]
    out = tmp_path / "a.pdf"
    marker_pdf.write(out, [tile], "A4", "t", None)
    (grey,) = pages(out)
    corners = MarkerDetector([tile.number]).detect(seen_small(grey, 16))[0].corners * 16 + 7.5
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    quiet = marker_pdf.quiet_mm(tile) * _DPI / 25.4
    assert marker_pdf.quiet_mm(tile) == 10.0
    cut, near = quiet - 6, 6  # the cut line lies on the border of the tile
    for box in (
        (y0 - cut, y0 - near, x0 - cut, x1 + cut),
        (y1 + near, y1 + cut, x0 - cut, x1 + cut),
        (y0 - cut, y1 + cut, x0 - cut, x0 - near),
        (y0 - cut, y1 + cut, x1 + near, x1 + cut),
    ):
        top, low, left, right = (round(v) for v in box)
        assert grey[top:low, left:right].min() > 250
    side = grey[round(y0) : round(y1), round(x0 - quiet - 20) : round(x0 - quiet + 20)]
    assert side.min() < 200  # and there is a line to cut along


def test_the_printed_code_is_the_one_of_the_family():
    assert marker_pdf.code(0).shape == (8, 8)
    for number in (0, 1, 300, 586):
        grid = marker_pdf.code(number)
        assert not grid[[0, -1]].any() and not grid[:, [0, -1]].any()
        picture = (
            np.kron(np.pad(grid, 2, constant_values=1), np.ones((9, 9))).astype(np.uint8) * 255
        )
        assert [one.id for one in MarkerDetector(range(587)).detect(picture)] == [number]


def test_sheets_follow_the_clerk_up_one_side_and_back_the_other(store):
    tiles = marker_sheets.tiles(store, "A2-*")
    bays = [int(tile.title.split("-")[1]) for tile in tiles]
    assert bays == sorted((b for b in bays if b % 2), key=int) + sorted(
        (b for b in bays if b % 2 == 0), reverse=True
    )
    levels = [int(tile.title.split("-")[2]) for tile in tiles if tile.title.startswith("A2-03")]
    assert levels == sorted(levels, reverse=True)
    aisles = [tile.title.split("-")[0] for tile in marker_sheets.tiles(store) if "-" in tile.title]
    assert aisles == sorted(aisles)
    assert {tile.number for tile in marker_sheets.tiles(store)} == set(store.markers)


def test_a_tile_says_where_on_its_bin_it_hangs(store):
    for tile in marker_sheets.tiles(store, "A1-03-4"):
        marker, item = store.markers[tile.number], store.bins["A1-03-4"]
        right_m = (marker.center_m - item.center_m) @ np.cross([0, 0, 1], item.normal)
        assert ("右" if right_m > 0 else "左") in tile.lines[2]
        assert f"{abs(right_m) * 100:.0f} 厘米" in tile.lines[2]


def test_what_to_print_can_be_narrowed_and_nothing_left_is_said(store):
    assert {t.number for t in marker_sheets.tiles(store, numbers=[3, 5])} == {3, 5}
    assert {t.size_mm for t in marker_sheets.tiles(store, size_mm=200)} == {200}
    with pytest.raises(ConfigError, match="no marker left to print"):
        marker_sheets.tiles(store, "Z9-*")
    with pytest.raises(ConfigError, match="marker 580 is not in"):
        marker_sheets.tiles(store, numbers=[580])
    assert marker_sheets.number_list("3, 17-19") == [3, 17, 18, 19]
    for bad in ("", "x", "5-3", "587", "1,,2", "-1", "3-"):
        with pytest.raises(ConfigError):
            marker_sheets.number_list(bad)


def test_a_marker_goes_on_the_smallest_paper_that_holds_it(store):
    parts = marker_pdf.split_by_paper(marker_sheets.tiles(store), "A4")
    assert {t.size_mm for t in parts["A4"]} == {80, 120} and {t.size_mm for t in parts["A3"]} == {
        200
    }
    assert list(marker_pdf.split_by_paper(marker_sheets.tiles(store), "A3")) == ["A3"]
    huge = marker_sheets.Tile(1, 900.0, "x", ())
    with pytest.raises(ConfigError, match="fits on no paper"):
        marker_pdf.split_by_paper([huge], "A4")


def test_hostile_names_are_drawn_as_text(tmp_path):
    words = ("=cmd|' /C calc'!A0", "\u202e\u0007<b>&", "😀" * 40, "长" * 64, "")
    tiles = [marker_sheets.Tile(k, 40.0, word, (word, word)) for k, word in enumerate(words)]
    for name, font in (("a", cjk_font.find()), ("b", None)):
        out = tmp_path / f"{name}.pdf"
        assert marker_pdf.write(out, tiles, "A4", words[0], font) == 1
        assert [g.shape for g in pages(out, 72)]


def test_a_file_that_is_no_font_is_refused(tmp_path):
    path = tmp_path / "x.ttf"
    path.write_bytes(b"no font")
    with pytest.raises(ConfigError, match="cannot be read as a font"):
        cjk_font.face(path)
    assert cjk_font.find((str(tmp_path),)) is None


def test_places_for_new_markers_leave_room_for_the_old_ones(store):
    spread = places.Spread.of(
        [places.Place("", 0.08, x, 0.0, 1.0, 0.0, "", 1.0) for x in (0.0, 0.05, 0.2)]
    )
    assert list(spread.covered_by(0)) == [True, True, False]
