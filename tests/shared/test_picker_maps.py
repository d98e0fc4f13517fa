"""Given a map as JSON or a store folder's walk, when it is loaded, then the graph has its places,
or a reason.
"""

from array import array

from firmware.picker import maps
from firmware.picker.graph import AT_JUNCTION, UNREACHABLE
from protocols import storemap


def edge(name, points, aisle=None, zone=0, oneway=False, blocked=False):
    record, reason = storemap.walk_edge(
        {
            "type": "Feature",
            "properties": {
                "id": name,
                "aisle": aisle,
                "zone": zone,
                "oneway": oneway,
                "blocked": blocked,
            },
            "geometry": {"type": "LineString", "coordinates": points},
        }
    )
    assert record, reason
    return record


def test_ends_within_a_centimetre_are_one_junction():
    walk = [
        edge("a", [[0.0, 0.0], [0.0, 4.0]], "A1"),
        edge("b", [[0.006, 4.006], [2.6, 4.0]]),
        edge("c", [[2.6, 4.02], [2.6, 0.0]], "A2"),
    ]
    graph, reason = maps.from_walk(walk, (100, 100))
    assert reason is None
    assert graph.junctions == 5  # b meets a (8 mm apart) and misses c (20 mm)
    assert graph.depot == 0 and graph.names == ["a", "b", "c"]
    assert graph.aisles == {"A1": [0], "A2": [2]}


def test_lengths_are_rounded_once_and_bends_are_kept():
    graph, _ = maps.from_walk([edge("a", [[0.04, 0.0], [0.04, 3.03], [2.04, 3.03]])], (0, 0))
    assert list(graph.length_dm) == [50]  # 5.03 m, not the sum of rounded pieces
    assert graph.point((0, 50)) == (20, 30)
    assert graph.path((0, 10), (0, 45)) == [(0, 10), (0, 30), (15, 30)]


def test_a_bin_belongs_to_the_nearest_point_of_its_aisle():
    walk = [edge("a", [[0.0, 0.04], [0.0, 5.04]], "A1"), edge("b", [[2.6, 0.0], [2.6, 5.0]], "A2")]
    graph, _ = maps.from_walk(walk, (0, 0))
    stop, gap = maps.locate(graph, 1500, 1080, graph.aisles["A1"], walk)
    assert stop == (0, 10) and gap == 1500  # A2 is nearer, but the bin is A1's; 1.04 m rounds once
    assert maps.locate(graph, 1500, 9000, None, walk)[0] == (1, 50)
    assert maps.locate(graph, -300, -800)[0] == (0, 0)


def test_flags_arrive_in_the_graph():
    walk = [
        edge("a", [[0, 0], [0, 4]], "A1", zone=2, oneway=True),
        edge("b", [[0, 4], [4, 4]], blocked=True),
    ]
    graph, _ = maps.from_walk(walk, (0, 0))
    assert graph.zone[0] == 2 and graph.is_oneway(0) and graph.is_blocked(1)
    assert graph.directed and not graph.is_blocked(0)
    assert graph.path((AT_JUNCTION, 0), (AT_JUNCTION, 2)) is None
    assert graph.path((AT_JUNCTION, 1), (0, 10)) is None


def test_bad_walks_have_a_reason():
    assert maps.from_walk([], (0, 0))[1] == "there is no walkway"
    twice = [edge("a", [[0, 0], [1, 0]]), edge("a", [[1, 0], [2, 0]])]
    assert "twice" in maps.from_walk(twice, (0, 0))[1]
    loop = [edge("ring", [[0, 0], [1, 0], [1, 1], [0, 0.004]])]
    assert "ends where it begins" in maps.from_walk(loop, (0, 0))[1]


def test_bad_maps_have_a_reason_and_never_raise():
    good = {"junctions": [[0, 0], [10, 0]], "edges": [[0, 1, 10]], "zone": [0], "depot": 1}
    assert maps.from_map(good)[1] is None
    bad = [
        None,
        [],
        {},
        {"junctions": [], "edges": []},
        {"junctions": [[0]], "edges": []},
        {"junctions": [[0, 0.5]], "edges": []},
        {"junctions": [[0, 0]] * 1024, "edges": []},
    ]
    for key, value in (
        ("edges", None),
        ("edges", [[0, 1]]),
        ("edges", [[0, 2, 5]]),
        ("edges", [[0, 0, 5]]),
        ("edges", [[0, 1, 0]]),
        ("edges", [[0, 1, 65535]]),
        ("edges", [[0, True, 5]]),
        ("zone", [3]),
        ("zone", []),
        ("zone", 7),
        ("oneway", [1]),
        ("blocked", [-1]),
        ("blocked", "x"),
        ("congestion", "x"),
        ("congestion", [99]),
        ("congestion", [401]),
        ("congestion", [100, 100]),
        ("congestion", [150.0]),
        ("depot", 2),
        ("depot", None),
    ):
        wrong = dict(good)
        wrong[key] = value
        bad.append(wrong)
    for case in bad:
        graph, reason = maps.from_map(case)
        assert graph is None and reason, case


def test_a_closed_aisle_is_left_only_by_who_stands_in_it():
    graph, _ = maps.from_map(
        {"junctions": [[0, 0], [40, 0]], "edges": [[0, 1, 40]], "blocked": [0]}
    )
    assert graph.path((0, 10), (AT_JUNCTION, 1)) is None
    assert graph.path((0, 10), (AT_JUNCTION, 1), standing=True) == [(10, 0), (40, 0)]
    row = array("H", [0, 0])
    graph.distances_from((0, 10), row)
    assert list(row) == [UNREACHABLE, UNREACHABLE]
    graph.distances_from((0, 10), row, standing=True)
    assert list(row) == [10, 30]


def test_distances_beyond_the_limit_are_no_way_and_never_wrap():
    long = {"junctions": [[0, 0]] * 3, "edges": [[0, 1, 60000], [1, 2, 60000]]}
    graph, _ = maps.from_map(long)
    row = array("H", [0, 0, 0])
    graph.distances_from((AT_JUNCTION, 0), row)
    assert list(row) == [0, 60000, UNREACHABLE]
    assert graph.arrive((AT_JUNCTION, 0), row, (1, 4534)) == 64534
    assert graph.arrive((AT_JUNCTION, 0), row, (1, 5535)) == UNREACHABLE
