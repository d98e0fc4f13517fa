"""An independent judge of a walk: it shares no code with the solver, only the map as it was written.

`Checker(map, blocked)` has all distances between junctions by Floyd and Warshall (1962). `faults(...)`
says what is wrong with an answer: picks left out or twice, a length that the order does not have, a
polyline that leaves the open edges, misses a pick in its order, or is not as long as claimed.

The drawn length of an edge differs from its nominal one, so a polyline is not measured with a ruler:
it is turned back into stretches of edges, (edge, from offset, to offset), and their nominal lengths are
added. A walk turns only at junctions, picks and its ends; between two points of the polyline it must
follow pieces of open edges that are drawn within 1.5 dm of the straight line between them. Edges are
straight here: maps of the JSON form have no bends. Runs under MicroPython too.
"""

FAR = 1 << 29
_JUNCTION = -1
_ONEWAY = 1
_BLOCKED = 2
_READINGS = 40  # of a polyline's beginning that are followed


class Checker:
    """A map in the form of data/routing/pick, with some more edges blocked."""

    def __init__(self, obj, blocked=()):
        self.at = obj["junctions"]
        self.edges = obj["edges"]
        self.depot = obj.get("depot", 0)
        self.flags = [0] * len(self.edges)
        for e in obj.get("oneway", ()):
            self.flags[e] |= _ONEWAY
        for e in list(obj.get("blocked", ())) + list(blocked):
            self.flags[e] |= _BLOCKED
        self.way = self._floyd_warshall()

    def _floyd_warshall(self):
        n = len(self.at)
        way = [[FAR] * n for _ in range(n)]
        for j in range(n):
            way[j][j] = 0
        for e in range(len(self.edges)):
            u, v, length = self.edges[e]
            if self.flags[e] & _BLOCKED:
                continue
            way[u][v] = min(way[u][v], length)
            if not self.flags[e] & _ONEWAY:
                way[v][u] = min(way[v][u], length)
        for k in range(n):
            by = way[k]
            for row in way:
                first = row[k]
                if first < FAR:
                    for j in range(n):
                        if first + by[j] < row[j]:
                            row[j] = first + by[j]
        return way

    def exits(self, stop, standing):
        """How a place is left: [(junction, dm)]."""
        e, at = stop
        if e == _JUNCTION:
            return [(at, 0)]
        u, v, length = self.edges[e]
        if self.flags[e] & _BLOCKED and not standing:
            return []
        out = [(v, length - at)]
        # offset 0 is the junction itself, also of a one-way edge
        if at == 0 or not self.flags[e] & _ONEWAY:
            out.append((u, at))
        return out

    def entries(self, stop):
        """How a place is reached: [(junction, dm)]."""
        e, at = stop
        if e == _JUNCTION:
            return [(at, 0)]
        u, v, length = self.edges[e]
        if self.flags[e] & _BLOCKED:
            return []
        out = [(u, at)]
        if at == length or not self.flags[e] & _ONEWAY:
            out.append((v, length - at))
        return out

    def distance(self, a, b, standing=False):
        """The shortest way in dm between two places, FAR when there is none."""
        best = FAR
        if a[0] == b[0] and a[0] != _JUNCTION and not self.flags[a[0]] & _BLOCKED:
            along = b[1] - a[1]
            if along >= 0:
                best = along
            elif not self.flags[a[0]] & _ONEWAY:
                best = -along
        for i, out_dm in self.exits(a, standing):
            for j, in_dm in self.entries(b):
                best = min(best, out_dm + self.way[i][j] + in_dm)
        return best

    def length(self, picks, order, start=None, end=None):
        """The length in dm of the walk in that order, FAR when a leg has no way."""
        depot = (_JUNCTION, self.depot)
        at = start or depot
        total = 0
        standing = True
        for stop in [picks[i] for i in order] + [end or depot]:
            total += self.distance(at, stop, standing)
            standing = False
            at = stop
        return min(total, FAR)

    def within_reach(self, picks, start=None, end=None):
        """Indices of the picks that a walk can visit, each by itself."""
        depot = (_JUNCTION, self.depot)
        out = []
        for i in range(len(picks)):
            there = self.distance(start or depot, picks[i], True)
            if there + self.distance(picks[i], end or depot) < FAR:
                out.append(i)
        return out

    def faults(self, picks, order, length_dm, unreachable=(), start=None, end=None, points=None):
        """What is wrong with an answer, as sentences; [] when it is right.

        With one-way edges a pick may be left out of an open walk although it can be reached alone.
        """
        out = []
        if sorted(list(order) + list(unreachable)) != list(range(len(picks))):
            out.append("order and unreachable are not all picks once")
            return out
        real = self.length(picks, order, start, end)
        if real != (FAR if length_dm is None else length_dm):
            out.append("the order is {} dm long, not {}".format(real, length_dm))
        if length_dm is None:
            return out
        reach = self.within_reach(picks, start, end)
        depot = (_JUNCTION, self.depot)
        closed = (start or depot) == (end or depot)  # can always come back and go out again
        if (closed or _ONEWAY not in self.flags) and sorted(order) != reach:
            out.append("picks within reach are {}, not {}".format(reach, sorted(order)))
        if points is not None:
            why = self._line_fault(picks, order, length_dm, start, end, points)
            if why:
                out.append(why)
        return out

    def _line_fault(self, picks, order, length_dm, start, end, points):
        depot = (_JUNCTION, self.depot)
        start, end = start or depot, end or depot
        stops = list(picks)
        stops.extend((start, end))
        pieces = self._pieces(stops, start)
        ends = self._same(start), self._same(end)
        stretches = self._trace(pieces, stops, ends, points, length_dm)
        if stretches is None:
            return "the polyline leaves the open edges, or begins or ends elsewhere"
        total = sum([abs(b - a) for _, a, b in stretches])
        if total != length_dm:
            return "the polyline is {} dm long, not {}".format(total, length_dm)
        return self._missed(picks, order, start, stretches)

    def _same(self, stop):
        """One name for each place: a place at an edge's end is its junction."""
        e, at = stop
        if e == _JUNCTION:
            return (_JUNCTION, at)
        u, v, length = self.edges[e]
        if at == 0:
            return (_JUNCTION, u)
        if at == length:
            return (_JUNCTION, v)
        return (e, at)

    def _point(self, place):
        e, at = place
        if e == _JUNCTION:
            return self.at[at][0], self.at[at][1]
        u, v, length = self.edges[e]
        (ax, ay), (bx, by) = self.at[u], self.at[v]
        x = ax + (2 * (bx - ax) * at + length) // (2 * length)
        y = ay + (2 * (by - ay) * at + length) // (2 * length)
        return x, y

    def _pieces(self, stops, start):
        """The open edges cut at all stops: [(place, place, dm, edge, from, to)], one per direction."""
        on = {}
        for e, at in stops:
            if e != _JUNCTION:
                on.setdefault(e, set()).add(at)
        out = []
        for e in range(len(self.edges)):
            f = self.flags[e]
            length = self.edges[e][2]
            stands = f & _BLOCKED and start[0] == e
            if f & _BLOCKED and not stands:
                continue
            # who stands in a closed aisle walks out of it, and nobody walks in it further
            cuts = sorted({0, length} | ({start[1]} if stands else on.get(e, set())))
            for k in range(1, len(cuts)):
                a, b = cuts[k - 1], cuts[k]
                one, other = self._same((e, a)), self._same((e, b))
                if not stands or a == start[1]:
                    out.append((one, other, b - a, e, a, b))
                if not f & _ONEWAY and (not stands or b == start[1]):
                    out.append((other, one, b - a, e, b, a))
        return out

    def _trace(self, pieces, stops, ends, points, length_dm):
        """The polyline as stretches [(edge, from, to)], or None.

        Places next to each other may be drawn at one point: of all readings of the polyline the one of
        the claimed length is taken if there is one, else the shortest.
        """
        start, end = ends
        places = {(_JUNCTION, j) for j in range(len(self.at))}
        places.update([self._same(stop) for stop in stops])
        where = {place: self._point(place) for place in places}
        if _apart(where[start], points[0]) > 1:
            return None
        # place -> {dm so far: its stretches as a chain (before, stretch)}
        now = {start: {0: None}}
        for k in range(1, len(points)):
            ahead = {}
            for p in now:
                reached = self._along(pieces, where, p, points[k - 1], points[k])
                for to in reached:
                    dm, chain = reached[to]
                    readings = ahead.setdefault(to, {})
                    for so_far in now[p]:
                        if len(readings) < _READINGS or so_far + dm < max(readings):
                            readings[so_far + dm] = _joined(now[p][so_far], chain)
            now = ahead
        readings = now.get(end)
        if not readings:
            return None
        chain = readings[length_dm if length_dm in readings else min(readings)]
        out = []
        while chain is not None:
            out.append(chain[1])
            chain = chain[0]
        return out[::-1]

    def _along(self, pieces, where, start, a, b):
        """Go straight from place `start`, at point a, to point b.

        {place that may be meant by b: (dm, [(edge, from, to)])}.
        """
        inside = {p: _beside(where[p], a, b) for p in where}
        ahead = {}
        for piece in pieces:
            if inside[piece[0]] and inside[piece[1]]:
                ahead.setdefault(piece[0], []).append(piece)
        done = {}
        todo = {start: (0, [])}
        while todo:
            p = min(todo, key=lambda place: todo[place][0])
            so_far, chain = done[p] = todo.pop(p)
            for _, to, dm, e, x, y in ahead.get(p, ()):
                if to not in done and (to not in todo or so_far + dm < todo[to][0]):
                    todo[to] = (so_far + dm, chain + [(e, x, y)])  # noqa: RUF005 - boards have no [*chain]
        exact = {p: done[p] for p in done if where[p] == tuple(b)}
        return exact or {p: done[p] for p in done if _apart(where[p], b) <= 1}

    def _missed(self, picks, order, start, stretches):
        """Follow the stretches and tick the picks off in their order."""
        wanted = [self._same(picks[i]) for i in order]
        k = 0
        here = self._same(start)
        while k < len(wanted) and wanted[k] == here:
            k += 1
        for e, _, y in stretches:
            here = self._same((e, y))  # edges are cut at every pick, so each one is an end
            while k < len(wanted) and wanted[k] == here:
                k += 1
        if k < len(wanted):
            return "the polyline does not come to pick {} in its turn".format(order[k])
        return None


def _joined(chain, stretches):
    for stretch in stretches:
        chain = (chain, stretch)
    return chain


def _apart(p, q):
    return max(abs(p[0] - q[0]), abs(p[1] - q[1]))


def _beside(p, a, b):
    """True when p is within 1.5 dm of the straight line from a to b."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    px, py = p[0] - a[0], p[1] - a[1]
    square = dx * dx + dy * dy
    dot = px * dx + py * dy
    if dot <= 0 or not square:
        return 4 * (px * px + py * py) <= 9
    if dot >= square:
        px, py = p[0] - b[0], p[1] - b[1]
        return 4 * (px * px + py * py) <= 9
    cross = px * dy - py * dx
    return 4 * cross * cross <= 9 * square
