"""Store graphs from their two written forms, and places on them.

`from_map` reads the JSON shape {"junctions": [[x, y]], "edges": [[u, v, length]], "zone": [...],
"depot": j}, all in decimetres; `from_walk` the edges of a store folder in millimetres, which it
rounds to decimetres once. Both check everything and return `(graph, None)` or `(None, reason)`.
"""

from array import array

from firmware.picker import line
from firmware.picker.graph import MAX_DM, MAX_EDGES, MAX_JUNCTIONS, StoreGraph

_FAR_DM = 100000  # 10 km; no store is larger, and products of two such numbers are still exact
_SAME_MM = 10  # end points this near to each other are one junction


def _whole(value, low, high):
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def from_map(obj):
    """The graph of a map in decimetres.

    Optional keys: `zone`, `oneway` and `blocked` (lists of edge ids), `congestion` (100 to 400 per edge:
    per cent of its length that it counts).
    """
    if not isinstance(obj, dict):
        return None, "the map is not an object"
    junctions, edges = obj.get("junctions"), obj.get("edges")
    if not isinstance(junctions, list) or not 1 <= len(junctions) <= MAX_JUNCTIONS:
        return None, "junctions are not a list of 1 to {}".format(MAX_JUNCTIONS)
    if not isinstance(edges, list) or len(edges) > MAX_EDGES:
        return None, "edges are not a list of at most {}".format(MAX_EDGES)
    for i in range(len(junctions)):
        p = junctions[i]
        if (
            not isinstance(p, list)
            or len(p) != 2
            or not all(_whole(c, -_FAR_DM, _FAR_DM) for c in p)
        ):
            return None, "junction {} is not [x, y] in whole dm".format(i)
    zone = obj.get("zone", [0] * len(edges))
    if (
        not isinstance(zone, list)
        or len(zone) != len(edges)
        or not all(_whole(z, 0, 2) for z in zone)
    ):
        return None, "zone is not one of 0, 1, 2 per edge"
    flags = bytearray(len(edges))
    for key, bit in (("oneway", 1), ("blocked", 2)):
        listed = obj.get(key, [])
        if not isinstance(listed, list) or not all(_whole(e, 0, len(edges) - 1) for e in listed):
            return None, "{} is not a list of edge ids".format(key)
        for e in listed:
            flags[e] |= bit
    length = array("H", bytes(2 * len(edges)))
    u, v = array("H", length), array("H", length)
    for i in range(len(edges)):
        e = edges[i]
        ends = (
            isinstance(e, list)
            and len(e) == 3
            and all(_whole(c, 0, len(junctions) - 1) for c in e[:2])
        )
        if not ends or e[0] == e[1] or not _whole(e[2], 1, MAX_DM):
            return None, "edge {} is not [u, v, length] with u != v and 1 to {} dm".format(
                i, MAX_DM
            )
        u[i], v[i], length[i] = e
    depot = obj.get("depot", 0)
    if not _whole(depot, 0, len(junctions) - 1):
        return None, "depot is not a junction"
    x = array("i", [p[0] for p in junctions])
    y = array("i", [p[1] for p in junctions])
    graph = StoreGraph(x, y, u, v, length, bytearray(zone), flags)
    graph.depot = depot
    crowded = obj.get("congestion", [])
    if not isinstance(crowded, list) or len(crowded) not in (0, len(edges)):
        return None, "congestion is not a number per edge"
    for i in range(len(crowded)):
        if not _whole(crowded[i], 100, 400) or length[i] * crowded[i] // 100 > MAX_DM:
            return None, "congestion of edge {} is not 100 to 400, or makes it too long".format(i)
        graph.congest(i, crowded[i])
    return graph, None


def from_walk(walk, depot_mm):
    """The graph of a store folder: `walk` are records of `protocols.storemap.walk_edge`.

    End points within 1 cm of each other are one junction; the depot (x, y) is the junction nearest
    to it.
    """
    places: list = []  # mm
    rows = []
    bends = {}
    seen = set()
    for i in range(len(walk)):
        record = walk[i]
        points = record["points_mm"]
        if record["id"] in seen:
            return None, "edge '{}' is there twice".format(record["id"])
        seen.add(record["id"])
        u = _junction(places, points[0], points[1])
        v = _junction(places, points[-2], points[-1])
        if u == v:
            return None, "edge '{}' ends where it begins; split it".format(record["id"])
        length = max(1, line.rounded(sum(line.spans(points)), 100))
        if length > MAX_DM:
            return None, "edge '{}' is longer than {} dm".format(record["id"], MAX_DM)
        flags = (1 if record["oneway"] else 0) | (2 if record["blocked"] else 0)
        rows.append((u, v, length, record["zone"], flags))
        if len(points) > 4:
            bends[i] = [line.rounded(c, 100) for c in points[2:-2]]
    if not rows:
        return None, "there is no walkway"
    if len(places) > MAX_JUNCTIONS or len(rows) > MAX_EDGES:
        return None, "more than {} junctions or {} edges".format(MAX_JUNCTIONS, MAX_EDGES)
    graph = StoreGraph(
        array("i", [line.rounded(p[0], 100) for p in places]),
        array("i", [line.rounded(p[1], 100) for p in places]),
        array("H", [r[0] for r in rows]),
        array("H", [r[1] for r in rows]),
        array("H", [r[2] for r in rows]),
        bytearray([r[3] for r in rows]),
        bytearray([r[4] for r in rows]),
    )
    graph.bends = bends
    graph.names = [record["id"] for record in walk]
    for i in range(len(walk)):
        if walk[i]["aisle"] is not None:
            graph.aisles.setdefault(walk[i]["aisle"], []).append(i)
    x, y = depot_mm
    gaps = [(px - x) * (px - x) + (py - y) * (py - y) for px, py in places]
    graph.depot = gaps.index(min(gaps))
    return graph, None


def _junction(places, x, y):
    for j in range(len(places)):
        dx, dy = places[j][0] - x, places[j][1] - y
        if dx * dx + dy * dy <= _SAME_MM * _SAME_MM:
            return j
    places.append((x, y))
    return len(places) - 1


def locate(graph, x_mm, y_mm, edges=None, walk=None):
    """The stop nearest to a point, on the given edges or on all of them: ((edge, offset_dm),
    distance_mm).

    A bin belongs to the nearest point on its aisle's edges; a picker stands on the nearest edge of all.
    With `walk`, the records the graph was made from, the place is found in mm and rounded once.
    """
    best = None
    for e in range(graph.edges) if edges is None else edges:
        points = walk[e]["points_mm"] if walk else [100 * c for c in graph.line(e)]
        run, total, gap = line.nearest(points, x_mm, y_mm)
        if best is None or gap < best[1]:
            offset = line.rounded(run * graph.length_dm[e], total) if total else 0
            best = ((e, min(offset, graph.length_dm[e])), gap)
    if best is None:
        return (-1, graph.depot), 0
    return best[0], line.isqrt(best[1])
