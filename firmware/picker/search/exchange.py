"""Exchanges that shorten a walk, looked for where something changed last.

2-opt and Or-opt over the nearest neighbours of each stop, with don't-look bits (Bentley 1992, ORSA J.
Computing 4:387): of all exchanges that give a stop a new neighbour the best is made. Under rules and
with one-way ways only moves that keep them are taken (moves.Order.may); they are asked about when they
would shorten the walk, which few do.
"""

from array import array

from firmware.picker.search.moves import Order

_NEAR = 8  # neighbours of a stop that are tried
_BITS = 10


class Exchange:
    """Improves one order of stops in small pieces: `walk`, an Order, which begins as a copy."""

    def __init__(self, walk):
        n = walk.table.n
        self.walk = Order(
            walk.table, walk.order[1 : walk.m + 1], walk.rules, walk.order[0], walk.limit_dm
        )
        self._count = min(_NEAR, walk.m - 1)
        self._near = array("H", range(n * self._count))
        self._listed = bytearray(n)
        self._awake = bytearray(n)
        self._stack: list = []
        for i in range(walk.m, 0, -1):
            self._wake(walk.order[i])

    def _wake(self, stop):
        if stop < self.walk.table.n and not self._awake[stop]:
            self._awake[stop] = 1
            self._stack.append(stop)

    def _list(self, a):
        """Find the neighbours of a stop: the nearest, whichever way is shorter."""
        walk = self.walk
        d, w, m = walk.table.d, walk.table.n + 1, walk.m
        row = a * w
        if walk.oneway:
            keys = [min(d[row + b], d[b * w + a]) << _BITS | b for b in walk.order[1 : m + 1]]
        else:
            keys = [d[row + b] << _BITS | b for b in walk.order[1 : m + 1]]
        keys.sort()
        at = a * self._count
        k = 0
        for key in keys:
            b = key & (1 << _BITS) - 1
            if b != a:
                self._near[at] = b
                at += 1
                k += 1
                if k == self._count:
                    break
        self._listed[a] = 1

    def _look(self, looks):
        """Look at up to so many stops for the best exchange that begins there, and make it."""
        walk = self.walk
        d, w, order, pos, m = walk.table.d, walk.table.n + 1, walk.order, walk.pos, walk.m
        near, count, stack, awake, listed = (
            self._near,
            self._count,
            self._stack,
            self._awake,
            self._listed,
        )
        oneway, turn, checked, may = walk.oneway, walk.turn, walk.checked, walk.may
        start, end = order[0], order[m + 1]
        while stack and looks:
            looks -= 1
            a = stack.pop()
            awake[a] = 0
            if not listed[a]:
                self._list(a)
            base = a * count
            row = a * w
            i = pos[a]
            p = order[i - 1]
            s = order[i + 1]
            pa = d[p * w + a]
            sa = d[row + s]
            from_start = d[start * w + a]
            to_end = d[row + end]
            best = 0
            mi = mj = mk = 0
            mt = True
            # 2-opt: a gets a new neighbour c behind it or before it, what lies between is turned round
            for q in range(base, base + count):
                c = near[q]
                way = d[row + c]
                if oneway and d[c * w + a] < way:
                    way = d[c * w + a]
                if sa <= way and pa <= way:
                    break
                j = pos[c]
                if sa > way:
                    x = order[j + 1]
                    if i < j:
                        gain = sa + d[c * w + x] - d[row + c] - d[s * w + x]
                        lo = i + 1
                        hi = j
                    else:
                        gain = sa + d[c * w + x] - d[c * w + a] - d[x * w + s]
                        lo = j + 1
                        hi = i
                    if oneway:
                        gain -= turn[hi] - turn[lo]
                    if gain > best and (not checked or may(lo, hi, lo - 1, True, gain)):
                        best = gain
                        mi = lo
                        mj = hi
                        mk = lo - 1
                if pa > way:
                    x = order[j - 1]
                    if i < j:
                        gain = pa + d[x * w + c] - d[row + c] - d[p * w + x]
                        lo = i
                        hi = j - 1
                    else:
                        gain = pa + d[x * w + c] - d[c * w + a] - d[x * w + p]
                        lo = j
                        hi = i - 1
                    if oneway:
                        gain -= turn[hi] - turn[lo]
                    if gain > best and (not checked or may(lo, hi, lo - 1, True, gain)):
                        best = gain
                        mi = lo
                        mj = hi
                        mk = lo - 1
            if from_start < sa and i < m:
                x = order[1]
                gain = sa + d[start * w + x] - from_start - d[x * w + s]
                if oneway:
                    gain -= turn[i] - turn[1]
                if gain > best and (not checked or may(1, i, 0, True, gain)):
                    best = gain
                    mi = 1
                    mj = i
                    mk = 0
            if to_end < pa and i > 1:
                x = order[m]
                gain = pa + d[x * w + end] - to_end - d[p * w + x]
                if oneway:
                    gain -= turn[m] - turn[i]
                if gain > best and (not checked or may(i, m, i - 1, True, gain)):
                    best = gain
                    mi = i
                    mj = m
                    mk = i - 1
            # Or-opt: one to three stops that begin at a, going on or going back, move beside c
            for v in range(5):
                on = v < 3
                if on:
                    lo = i
                    hi = i + v
                    if hi > m:
                        continue
                    b = order[hi]
                    gone = pa + d[b * w + order[hi + 1]] - d[p * w + order[hi + 1]]
                else:
                    lo = i - v + 2
                    hi = i
                    if lo < 1:
                        break
                    b = order[lo]
                    x = order[lo - 1]
                    gone = sa + d[x * w + b] - d[x * w + s]
                if gone <= best:
                    continue
                for q in range(base, base + count):
                    c = near[q]
                    way = d[row + c]
                    if oneway and d[c * w + a] < way:
                        way = d[c * w + a]
                    if gone <= way:
                        break
                    j = pos[c]
                    if lo <= j <= hi:
                        continue
                    if j != lo - 1:
                        x = order[j + 1]
                        gain = gone - d[c * w + a] - d[b * w + x] + d[c * w + x]
                        if oneway and not on:
                            gain -= turn[hi] - turn[lo]
                        if gain > best and (not checked or may(lo, hi, j, not on, gain)):
                            best = gain
                            mi = lo
                            mj = hi
                            mk = j
                            mt = not on
                    if j != hi + 1:
                        x = order[j - 1]
                        gain = gone - d[x * w + b] - d[row + c] + d[x * w + c]
                        if oneway and on:
                            gain -= turn[hi] - turn[lo]
                        if gain > best and (not checked or may(lo, hi, j - 1, on, gain)):
                            best = gain
                            mi = lo
                            mj = hi
                            mk = j - 1
                            mt = on
                if from_start < gone and lo > 1:
                    x = order[1]
                    gain = gone - from_start - d[b * w + x] + d[start * w + x]
                    if oneway and not on:
                        gain -= turn[hi] - turn[lo]
                    if gain > best and (not checked or may(lo, hi, 0, not on, gain)):
                        best = gain
                        mi = lo
                        mj = hi
                        mk = 0
                        mt = not on
                if to_end < gone and hi < m:
                    x = order[m]
                    gain = gone - d[x * w + b] - to_end + d[x * w + end]
                    if oneway and on:
                        gain -= turn[hi] - turn[lo]
                    if gain > best and (not checked or may(lo, hi, m, on, gain)):
                        best = gain
                        mi = lo
                        mj = hi
                        mk = m
                        mt = on
            if best:
                for at in (mi - 1, mi, mj, mj + 1, mk, mk + 1):
                    self._wake(order[at])
                walk.move(mi, mj, mk, mt or mk == mi - 1, best)
                self._wake(a)
