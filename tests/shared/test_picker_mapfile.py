"""Given a store map's file, when it is loaded, then it is the same store; a damaged one is refused."""

from array import array

from park_miller import Draw
from test_picker_walk import random_stop, random_store

from firmware.picker import mapfile, maps, sequence
from protocols.compat import crc32


def drawn(seed):
    draw = Draw(seed)
    store = random_store(draw)
    store["zone"] = [draw(0, 2) for _ in store["edges"]]
    return draw, store, maps.from_map(store)[0]


def test_a_store_comes_back_as_it_was():
    for seed in range(1, 200):
        draw, store, graph = drawn(seed)
        if graph.edges and seed % 3 == 0:  # somebody is in the way
            graph.congest(draw(0, graph.edges - 1), draw(100, 400))
        data = mapfile.pack(graph)
        again, reason = mapfile.unpack(data)
        assert again, reason
        for name in ("x_dm", "y_dm", "u", "v", "length_dm", "cost_dm", "zone", "flags"):
            assert list(getattr(again, name)) == list(getattr(graph, name)), (seed, name)
        assert again.depot == graph.depot
        assert list(again.elimination().edge) == list(graph.elimination().edge)
        assert again.elimination().width == graph.elimination().width == data[5]
        assert mapfile.pack(again) == data
        picks = [random_stop(draw, store) for _ in range(3)]
        one, two = sequence.plan(graph, picks), sequence.plan(again, picks)
        assert (one.order, one.length_dm) == (two.order, two.length_dm)


def test_bends_and_names_come_back():
    _, store, graph = drawn(7)
    assert store["edges"]
    graph.bends = {0: [5, 6, -7, 8]}
    graph.aisles = {"A1": [0], "熟食": list(range(graph.edges))}
    graph.names = ["w{}".format(e) for e in range(graph.edges)]
    again, reason = mapfile.unpack(mapfile.pack(graph))
    assert again, reason
    assert again.bends == graph.bends and again.line(0) == graph.line(0)
    assert again.aisles == graph.aisles and again.names == graph.names


def test_many_bends_and_long_names_have_room():
    _, _, graph = drawn(7)
    graph.bends = {0: list(range(30000))}
    graph.names = ["货架" * 8000 + str(e) for e in range(graph.edges)]
    again, reason = mapfile.unpack(mapfile.pack(graph))
    assert again, reason
    assert again.bends == graph.bends and again.names == graph.names
    graph.bends = {0: [1] * 65536}
    try:
        mapfile.pack(graph)
    except ValueError:
        return
    raise AssertionError("too many bends were taken")


def sealed(data):
    return bytes(data[:-4]) + crc32(bytes(data[:-4])).to_bytes(4, "little")


def test_a_damaged_file_is_refused_with_a_reason():
    _, _, graph = drawn(12)
    graph.bends = {0: [5, 6]}
    graph.aisles = {"A1": [0]}
    data = mapfile.pack(graph)
    for end in range(len(data)):
        assert mapfile.unpack(data[:end])[0] is None
    for k in range(len(data)):
        for bit in (1, 128):
            changed = bytearray(data)
            changed[k] ^= bit
            graph_read, reason = mapfile.unpack(bytes(changed))
            assert graph_read is None and reason, k


def test_a_file_made_to_deceive_never_gives_a_graph_that_is_not_sane():
    draw, _, graph = drawn(12)
    graph.bends = {0: [5, 6]}
    graph.aisles = {"A1": [0]}
    data = mapfile.pack(graph)
    taken = 0
    for _ in range(2000):
        changed = bytearray(data)
        for _ in range(draw(1, 3)):
            changed[draw(5, len(data) - 5)] = draw(0, 255)
        read, reason = mapfile.unpack(sealed(changed))
        if read is None:
            assert reason
            continue
        taken += 1
        assert sorted(read.elimination().edge) == list(range(read.edges))
        assert read.depot < read.junctions and max(read.zone) <= 2
        for e in range(read.edges):
            assert read.u[e] != read.v[e] and max(read.u[e], read.v[e]) < read.junctions
            assert 1 <= read.length_dm[e] <= 65534
        assert sequence.plan(read, [(0, 0)]).order in ([0], [])
    assert taken > 100


def test_names_of_any_kind_are_refused_not_raised():
    _, _, graph = drawn(12)
    for text in (
        "[" * 30000,
        "{}",
        "7",
        '{"aisles": {"a": [0.5]}, "names": []}',
        '{"aisles": {"a": {}}, "names": []}',
        '{"aisles": {"a": [true]}, "names": []}',
        '{"aisles": {"a": [99]}, "names": []}',
        '{"aisles": {}, "names": [1]}',
    ):
        data = bytearray(mapfile.pack(graph))
        data[18:22] = len(text).to_bytes(4, "little")
        again, reason = mapfile.unpack(sealed(bytes(data[:-4]) + text.encode() + bytes(4)))
        assert again is None and "names" in reason, text[:40]


def test_an_order_that_needs_hundreds_of_slots_is_taken_and_never_used():
    columns, rows = 20, 20
    junctions = [[10 * c, 10 * r] for c in range(columns) for r in range(rows)]
    across = [
        [c * rows + r, (c + 1) * rows + r, 10] for c in range(columns - 1) for r in range(rows)
    ]
    along = [[c * rows + r, c * rows + r + 1, 10] for c in range(columns) for r in range(rows - 1)]
    # a matching first: every other edge of each aisle, so that nothing is done with for long
    along.sort(key=lambda e: e[0] % 2)
    store = {"junctions": junctions, "edges": along + across, "depot": 0}
    graph, _ = maps.from_map(store)
    graph.eliminate(array("H", range(graph.edges)))
    assert graph.elimination().width > 255
    again, reason = mapfile.unpack(mapfile.pack(graph))
    assert again, reason
    plan = sequence.plan(again, [(0, 5), (40, 5), (300, 5)])
    assert sorted(plan.order) == [0, 1, 2] and plan.length_dm


def test_what_is_no_map_is_refused():
    for data in (b"", b"O2OM", bytes(20), b"O2OM\x02" + bytes(40), b'{"junctions": []}' + bytes(9)):
        graph, reason = mapfile.unpack(data)
        assert graph is None and "map" in reason
