"""Given what guides counted day by day, when a store is checked, then it says which markers to
replace."""

import random
import shutil

import pytest

from ar_picking.errors import StoreError
from ar_picking.store import check, folder, layout, wear


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("wear") / "s"
    layout.make(layout.Layout("s", "店", 1, 4, 4), path)
    return path


@pytest.fixture
def place(made, tmp_path):
    path = tmp_path / "s"
    shutil.copytree(made, path)
    return path


def day(k):
    return f"2026-11-{k:02d}"


def use(place, days, **odd):
    """Days on which everything is seen 100 times, but marker `m7` as odd says: (seen, used, px)."""
    store = folder.load(place)
    for k in days:
        health = dict.fromkeys(store.markers, (100, 99, 0.3))
        health.update({int(name[1:]): counts for name, counts in odd.items()})
        wear.merge(place, day(k), health)
    return store


def test_markers_in_good_use_are_left_alone(place):
    use(place, range(1, 9))
    assert not [f for f in check.check(place)[1] if f["finding"] == "worn"]


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ((0, 0, 0.0), "not seen on the last 4 days"),
        ((100, 10, 0.3), "360 of 400 sightings disagree with the map: moved"),
        ((100, 100, 6.0), "6.0 px beside where the map has it, others 0.3 px"),
    ],
)
def test_a_lost_a_moved_and_a_shifted_marker_are_told_apart(place, counts, why):
    use(place, range(1, 5), m7=counts)
    found = [f for f in check.check(place)[1] if f["finding"] == "worn"]
    assert [f["marker"] for f in found] == [7] and why in found[0]["text"] and found[0]["note"]
    label = folder.load(place).markers[7].label
    assert label in found[0]["text"]


def test_a_marker_that_fades_is_told_by_its_own_past(place):
    use(place, range(1, 6))
    store = use(place, range(6, 9), m7=(6, 6, 0.3))
    found = wear.replaceable(store, wear.read(place)[0])
    assert list(found) == [7] and "6 % as often as its neighbours, 100 % before" in found[7]


def test_a_day_on_which_nobody_passed_says_nothing(place):
    store = folder.load(place)
    for k in range(1, 6):  # nobody was in the store but at one far sign
        wear.merge(place, day(k), {max(store.markers): (500, 500, 0.3)})
    assert wear.replaceable(store, wear.read(place)[0]) == {}
    assert wear.replaceable(store, {}) == {}


def test_counts_of_one_day_add_up_and_residuals_weigh_by_use(place):
    wear.merge(place, day(1), {3: (10, 10, 1.0)})
    assert wear.merge(place, day(1), {3: (30, 30, 2.0), 4: (1, 0, 0.0)}) == 2
    kept = wear.read(place)[0][day(1)]
    assert kept[3] == wear.Day(40, 40, 1.75) and kept[4] == wear.Day(1, 0, 0.0)


def test_the_file_is_bounded_and_written_whole(place):
    for month in (8, 9, 10):
        for k in range(1, 29):
            wear.merge(place, f"2026-{month:02d}-{k:02d}", {3: (1, 1, 0.1)})
    kept, faults = wear.read(place)
    assert len(kept) == wear.DAYS_KEPT and not faults and max(kept) == "2026-10-28"
    assert [path.name for path in place.iterdir() if wear.FILE in path.name] == [wear.FILE]


def test_a_merge_that_cannot_be_written_leaves_the_old_file(place, monkeypatch):
    wear.merge(place, day(1), {3: (1, 1, 0.1)})
    before = (place / wear.FILE).read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        wear.merge(place, day(2), {3: (1, 1, 0.1)})
    assert (place / wear.FILE).read_bytes() == before
    assert not list(place.glob(".markers-wear*"))


@pytest.mark.parametrize("name", ["", "today", "2026-13-01", "2026-11-1", "2026-11-01\n", "=1+1"])
def test_a_day_that_is_none_is_refused(place, name):
    with pytest.raises(StoreError, match="is not a day"):
        wear.merge(place, name, {3: (1, 1, 0.1)})


def test_counts_that_cannot_be_are_left_out(place):
    odd = {
        -1: (1, 1, 0.1),
        587: (1, 1, 0.1),
        3: (1, 2, 0.1),
        4: (-1, -1, 0.1),
        5: (1, 1, float("nan")),
        6: (1, 1, float("inf")),
        7: (10**12, 1, 0.1),
    }
    assert wear.merge(place, day(1), odd) == 0


def test_a_broken_file_is_a_note_and_never_stops_the_check(place):
    chance = random.Random(7)
    good = b"day,marker_id,seen,used,residual_px\r\n2026-11-01,3,5,5,0.2\r\n"
    samples = [
        b"",
        b"x",
        b"\x00" * 99,
        b"PK\x03\x04",
        good + b"2026-11-01,9999,5,5,0.2\r\n",
        b"\xff\xfe\x00",
    ]
    for _ in range(40):
        data = bytearray(good * 3)
        for _ in range(4):
            data[chance.randrange(len(data))] = chance.randrange(256)
        samples.append(bytes(data))
    for data in samples:
        (place / wear.FILE).write_bytes(data)
        kept, _ = wear.read(place)
        for counts in (c for one in kept.values() for c in one.values()):
            assert 0 <= counts.used <= counts.seen and counts.residual_px >= 0
    (place / wear.FILE).write_bytes(b"\x00")
    notes = [f for f in check.check(place)[1] if f["finding"] == "file"]
    assert notes and notes[0]["note"]
