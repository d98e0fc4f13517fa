"""A store's walkways as one small file: what a board and the tablet's page load instead of JSON.

Little-endian: `O2OM`, u8 version 1, u8 slots, u16 junctions J, edges E, depot, u16 0, u32 bytes of bends
and of text; then J times i32 x, J times i32 y (dm), E times u16 u, v, length and cost (dm; the cost is
the length where nobody is in the way) and the edges in the order of the exact solver, E bytes zone and
flags, the bends as u16 edge, u16 count, i32 x, y, ..., the text; last the CRC-32 of all before it.

The text is JSON: {"aisles": {name: [edges]}, "names": [edge ids]}.
A supermarket of 48 junctions and 65 edges takes 1,190 bytes. The order and its slots are worked out when
the map is made, on a PC: a board would take seconds for it.
"""

import json
from array import array

from firmware.picker.graph import MAX_DM, MAX_EDGES, MAX_JUNCTIONS, StoreGraph
from protocols.compat import crc32

_MAGIC = b"O2OM\x01"
_HEAD = 22
_FAR_DM = 100000


def pack(graph):
    """The file of a graph, bytes. Blocked and crowded edges stay so in it. ValueError for a bend of more
    than 32,767 points.
    """
    order = graph.elimination()
    bends = b""
    for e in sorted(graph.bends):
        points = array("i", graph.bends[e])
        if len(points) > 65534:
            raise ValueError("edge {} has too many bends for a map file".format(e))
        bends += bytes(array("H", [e, len(points)])) + bytes(points)
    text = b""
    if graph.aisles or graph.names:
        text = json.dumps({"aisles": graph.aisles, "names": graph.names}).encode()
    counts = array("H", [graph.junctions, graph.edges, graph.depot, 0])
    data = _MAGIC + bytes([min(order.width, 255)]) + bytes(counts)
    data += len(bends).to_bytes(4, "little") + len(text).to_bytes(4, "little")
    edges = (graph.u, graph.v, graph.length_dm, graph.cost_dm, order.edge)
    for each in (graph.x_dm, graph.y_dm) + edges:
        data += bytes(each)
    data += bytes(graph.zone) + bytes(graph.flags) + bends + text
    return data + crc32(data).to_bytes(4, "little")


def unpack(data):
    """(graph, None), or (None, reason) for anything that is not a whole and sane file."""
    if len(data) < _HEAD + 4 or bytes(data[:5]) != _MAGIC:
        return None, "this is not a store map of version 1"
    if crc32(data[:-4]) != int.from_bytes(data[-4:], "little"):
        return None, "the store map is damaged (its sum is wrong); write it anew"
    counts = array("H", bytes(data[6:14]))
    junctions, edges, depot = counts[0], counts[1], counts[2]
    bends = int.from_bytes(data[14:18], "little")
    text = int.from_bytes(data[18:22], "little")
    size = _HEAD + 8 * junctions + 12 * edges + bends + text + 4
    if not 1 <= junctions <= MAX_JUNCTIONS or edges > MAX_EDGES or len(data) != size:
        return None, "the store map's counts are wrong"
    at = _HEAD
    parts: list = []
    for kind, width, count in (("i", 4, junctions),) * 2 + (("H", 2, edges),) * 5:
        parts.append(array(kind, bytes(data[at : at + width * count])))
        at += width * count
    x, y, u, v, length, cost, order = parts
    zone = bytearray(data[at : at + edges])
    flags = bytearray(data[at + edges : at + 2 * edges])
    at += 2 * edges
    seen = bytearray(edges)
    for e in range(edges):
        if u[e] >= junctions or v[e] >= junctions or u[e] == v[e] or not 1 <= length[e] <= MAX_DM:
            return None, "edge {} of the store map is wrong".format(e)
        if zone[e] > 2 or flags[e] > 3 or order[e] >= edges or seen[order[e]]:
            return None, "edge {} of the store map is wrong".format(e)
        if not length[e] <= cost[e] <= min(4 * length[e], MAX_DM):
            return None, "the cost of edge {} of the store map is wrong".format(e)
        seen[order[e]] = 1
    if depot >= junctions or any(abs(c) > _FAR_DM for c in x) or any(abs(c) > _FAR_DM for c in y):
        return None, "a junction of the store map is wrong"
    graph = StoreGraph(x, y, u, v, length, zone, flags)
    graph.depot = depot
    if cost != length:
        graph.cost_dm = cost
    graph.eliminate(order)
    reason = _bends(graph, bytes(data[at : at + bends]))
    return (None, reason) if reason else _named(graph, bytes(data[at + bends : -4]))


def _bends(graph, data):
    at = 0
    while at < len(data):
        head = array("H", data[at : at + 4]) if at + 4 <= len(data) else (graph.edges, 0)
        end = at + 4 + 4 * head[1]
        if head[0] >= graph.edges or head[1] % 2 or end > len(data):
            return "the bends of the store map are wrong"
        points = list(array("i", data[at + 4 : end]))
        if any(abs(c) > _FAR_DM for c in points):
            return "the bends of the store map are wrong"
        graph.bends[head[0]] = points
        at = end
    return None


def _named(graph, text):
    if not text:
        return graph, None
    try:
        said = json.loads(text.decode())
        aisles, names = said["aisles"], said["names"]
        good = isinstance(aisles, dict) and isinstance(names, list)
        good = good and all(isinstance(each, str) for each in names)
        for each in aisles.values() if good else ():
            good = good and isinstance(each, list)
            good = good and all(type(e) is int and 0 <= e < graph.edges for e in each)
    except (ValueError, KeyError, TypeError, RuntimeError, MemoryError):  # also: nested too deeply
        good = False
    if not good:
        return None, "the names of the store map are wrong"
    graph.aisles, graph.names = aisles, names
    return graph, None
