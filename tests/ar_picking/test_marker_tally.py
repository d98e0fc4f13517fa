"""What tablets count of the markers comes to the store's own book once, also when that fails first."""

from ar_picking.store import wear
from ar_picking.web.marker_tally import MarkerTally


def test_counts_that_could_not_be_kept_are_kept_the_next_time(tmp_path, capsys):
    tally, folder = MarkerTally(), tmp_path / "store"  # which is not there yet
    tally.running(1, {3: (10, 9, 0.2)})
    tally.keep(folder)
    tally.ended(1, {3: (14, 12, 0.2), 5: (2, 2, 0.1)})
    tally.keep(folder)
    assert capsys.readouterr().err.count("not kept, but tried again") == 1
    folder.mkdir()
    tally.keep(folder)
    tally.keep(folder)
    ((day, kept),) = wear.read(folder)[0].items()
    assert {marker: (each.seen, each.used) for marker, each in kept.items()} == {
        3: (14, 12),
        5: (2, 2),
    }
    tally.ended(2, {3: (1, 1, 0.2)})
    tally.keep(folder)
    assert wear.read(folder)[0][day][3].seen == 15
