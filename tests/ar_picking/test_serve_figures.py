"""What the box counts of its pictures and of the markers in them."""

import pytest

from ar_picking.store import wear
from ar_picking.web.figures import PictureFigures
from ar_picking.web.marker_tally import MarkerTally


def test_an_answer_that_took_longer_than_200_ms_is_a_fault():
    clock = [100.0]
    figures = PictureFigures(lambda: clock[0])
    assert figures.summary()["box_ms_median"] is None
    for ms in (10.0, 20.0, 200.0, 201.0):
        figures.answered(ms, 4.0, "tracked", 0)
    clock[0] += 9.0
    figures.answered(30.0, 5.0, "lost", 1_200)
    told = figures.summary()
    assert (told["answered"], told["slow"], told["tracked"], told["fps"]) == (5, 1, 4, 0.5)
    assert told["cpu_ms_median"] == 4.0
    assert (told["state"], told["age_ms"]) == ("lost", 1_200)
    assert (told["box_ms_median"], told["box_ms_p95"]) == (30.0, 200.0)


def test_markers_are_counted_once_whether_their_session_goes_on_or_has_ended():
    tally = MarkerTally()
    tally.running(1, {7: (10, 8, 0.2)})
    tally.running(1, {7: (20, 16, 0.2)})
    tally.running(2, {7: (4, 4, 0.7), 9: (3, 0, 0.0)})
    assert tally.counts()[7] == (24, 20, pytest.approx(0.3)) and tally.counts()[9] == (3, 0, 0.0)
    assert tally.take()[9] == (3, 0, 0.0) and tally.take() == {}
    tally.running(2, {7: (6, 5, 0.7), 9: (3, 0, 0.0)})
    assert tally.take() == {7: (2, 1, pytest.approx(0.319, abs=1e-3))}
    tally.running(2, {7: (4, 4, 0.7), 9: (3, 0, 0.0)})
    tally.ended(1, {7: (20, 16, 0.2)})
    assert tally.counts()[7] == (24, 20, pytest.approx(0.3))


def test_what_was_seen_of_markers_goes_into_the_stores_book_once(tmp_path, capsys):
    tally = MarkerTally()
    tally.ended(1, {7: (20, 16, 0.25)})
    tally.keep(tmp_path)
    tally.keep(tmp_path)
    (day,) = wear.read(tmp_path)[0].values()
    assert (day[7].seen, day[7].used, day[7].residual_px) == (20, 16, 0.25)
    for session in (2, 3):
        tally.ended(session, {7: (1, 1, 0.25)})
        tally.keep(tmp_path / "none")
    assert capsys.readouterr().err.count("is not kept") == 1
