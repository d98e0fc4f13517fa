"""Which vertices a track needs so that every sample lies within a bound of the line between them.

One pass, fixed memory. From a vertex every sample leaves a disc of velocities that pass it within the
bound at its own time (synchronous distance); what is left of all discs so far is the cone (CISED-W: Lin
et al., arXiv 1801.05360, there in floats). The disc is cut to a regular-looking 16-gon whose normals are
the axes, the diagonals and the 5-12-13 triangles, so a cone is eight intervals. A vertex need not be a
sample: any cell of the line's grid inside the cone will do, hence what is decoded is what was checked.

Where a cone ends, the next vertex could be at its last sample or a little before, and nobody knows yet
which is better. So up to four cones go on side by side, one from each of the last four places where the
old one could have ended; the one that lives longest was right. On real rides that saves 6 % of the
vertices of one cone, and its 16-gon 3 % of those of an octagon.

Lengths are cm from the line's first vertex, times its tenths of a second. Integers below 2^30, no heap.
"""

from array import array

from protocols.compat import const

_CONES = const(4)
_SAMPLE = const(4)  # time, north, east, how much nearer than the bound
_SAMPLES = const(5)  # one more than the ends a cone remembers
# A cone is at most this long: fractions of a cm/ds and products stay small integers.
_SPAN_DS = const(3_000)
_SPAN_CM = const(250_000)
_SHIFT = const(10)  # velocities are in 1/1024 cm/ds: to 3 cm after 300 s, rounded inwards
# Rounding of what is put together here: cells to a cm, samples to a cm, normals to a cm.
_SLACK_CM = const(4)

# A cone in the array: where it starts, eight lows, eight highs, how many ends it had, the last four.
_T = const(0)
_I = const(1)
_J = const(2)
_NORTH = const(3)
_EAST = const(4)
_LOW = const(5)
_HIGH = const(13)
_ENDS = const(21)
_END = const(22)
_SIZE = const(34)


class Cones:
    """Finds the vertices of one line; its bound is in cm, 100..10,000.

    `t_ds`, `i`, `j`: the vertex that add(), start() or end() told. `north_4096`, `east_4096`: how large
    a cell of the line is, in 1/4096 cm; to be set before begin().
    """

    def __init__(self, bound_cm: int):
        inner_cm = bound_cm - _SLACK_CM
        # The corners of the 16-gon lie 11.31 degrees off its normals; the diagonals are not normed.
        self._radius_cm = inner_cm * 9_805 // 10_000
        self._cones = array("i", bytes(4 * _CONES * _SIZE))
        self._samples = array("i", bytes(4 * _SAMPLE * _SAMPLES))
        self._try = array("i", bytes(4 * 16))  # the intervals of a cone with one sample more
        self._at = array("i", bytes(4 * 16))  # the same in cm, at the sample's time
        self._parent = array("i", bytes(4 * _SIZE))
        self._alive = 0  # a bit a cone
        self._count = 0  # samples of this stretch
        self._is_first = True
        self.north_4096 = self.east_4096 = 0
        self.t_ds = self.i = self.j = 0

    def begin(self, t_ds: int, i: int, j: int) -> None:
        """Start a stretch at a vertex that is in the line already."""
        self._begin(0, t_ds, i, j)
        self._alive = 1
        self._count = 0
        self._is_first = True

    def add(self, t_ds: int, north_cm: int, east_cm: int, loose_cm: int = 0) -> int:
        """Take the next sample, at a later time than the last.

        Returns 1 when that closed a vertex, now in `t_ds`, `i`, `j`; else 0; or -1, with nothing
        changed, when no cone can reach it (a leap): start(), end(), then begin anew.
        loose_cm: how much nearer than the bound it must be kept, for a time that is not exact.
        """
        at = self._count % _SAMPLES * _SAMPLE
        samples = self._samples
        samples[at] = t_ds
        samples[at + 1] = north_cm
        samples[at + 2] = east_cm
        samples[at + 3] = loose_cm
        alive = self._alive
        still = told = 0
        for cone in range(_CONES):
            if alive >> cone & 1 and self._reach(cone * _SIZE, at):
                still |= 1 << cone
        if not still:
            still = self._branch()
            if not still:
                return -1
            told = 0 if self._is_first else 1
            self._is_first = False
        self._alive = still
        self._count += 1
        return told

    def start(self) -> bool:
        """Put the vertex where the present cone starts into `t_ds`, `i`, `j`; False: it was told."""
        self._tell(self._cones, self._pick() * _SIZE)
        return not self._is_first

    def end(self) -> bool:
        """Put the vertex at the last sample into `t_ds`, `i`, `j`; False: there was no sample yet."""
        at = self._pick() * _SIZE
        ends = self._cones[at + _ENDS]
        if ends:
            self._tell(self._cones, at + _END + (ends - 1) % _CONES * 3)
        return ends > 0

    def _tell(self, where, at):
        self.t_ds = where[at + _T]
        self.i = where[at + _I]
        self.j = where[at + _J]

    def _pick(self):
        """Return the living cone that starts latest: the nearer to the front."""
        cone = 0
        while cone < _CONES - 1 and not self._alive >> cone & 1:
            cone += 1
        return cone

    def _begin(self, at, t_ds, i, j):
        cones = self._cones
        cones[at + _T] = t_ds
        cones[at + _I] = i
        cones[at + _J] = j
        # In two steps, because one product would leave the small ints.
        cell = self.north_4096
        cones[at + _NORTH] = i * (cell >> 12) + (i * (cell & 4_095) >> 12)
        cell = self.east_4096
        cones[at + _EAST] = j * (cell >> 12) + (j * (cell & 4_095) >> 12)
        cones[at + _ENDS] = 0

    def _branch(self):
        """Close the vertex of the cone that lived longest, go on from where it could end; the living."""
        cones, parent = self._cones, self._parent
        at = self._pick() * _SIZE
        for k in range(_SIZE):
            parent[k] = cones[at + k]
        ends = parent[_ENDS]
        living = 0
        for back in range(min(ends, _CONES)):
            end = _END + (ends - 1 - back) % _CONES * 3
            at = back * _SIZE
            self._begin(at, parent[end], parent[end + 1], parent[end + 2])
            living |= 1 << back
            for sample in range(self._count - back, self._count + 1):
                if not self._reach(at, sample % _SAMPLES * _SAMPLE):
                    living &= ~(1 << back)
                    break
        if living:
            self._tell(parent, 0)
        else:
            for k in range(_SIZE):
                cones[k] = parent[k]
            self._alive = 1
        return living

    def _reach(self, at, sample):
        """Cut the cone at `at` by a sample; False, with the cone as it was, when nothing is left."""
        cones, cut, samples = self._cones, self._try, self._samples
        dt = samples[sample] - cones[at + _T]
        y = samples[sample + 1] - cones[at + _NORTH]
        x = samples[sample + 2] - cones[at + _EAST]
        if not (0 < dt <= _SPAN_DS and -_SPAN_CM < x < _SPAN_CM and -_SPAN_CM < y < _SPAN_CM):
            return False
        radius = self._radius_cm - samples[sample + 3]
        is_new = cones[at + _ENDS] == 0
        for k in range(8):
            far = radius
            if k == 0:
                along = x
            elif k == 1:
                along = y
            elif k == 2:
                along = x + y
                far = radius * 1_414 // 1_000
            elif k == 3:
                along = x - y
                far = radius * 1_414 // 1_000
            elif k == 4:
                along = (12 * x + 5 * y) // 13
            elif k == 5:
                along = (12 * x - 5 * y) // 13
            elif k == 6:
                along = (5 * x + 12 * y) // 13
            else:
                along = (5 * x - 12 * y) // 13
            low = (along - far << _SHIFT) // dt + 1
            high = (along + far << _SHIFT) // dt
            if not is_new:
                if low < cones[at + _LOW + k]:
                    low = cones[at + _LOW + k]
                if high > cones[at + _HIGH + k]:
                    high = cones[at + _HIGH + k]
            if low > high:
                return False
            cut[k] = low
            cut[8 + k] = high
        return self._end(at, dt, samples[sample])

    def _end(self, at, dt, t_ds):
        """Find a cell of the grid inside the cut cone at its sample's time, and keep both."""
        cones, cut, cm = self._cones, self._try, self._at
        for k in range(8):
            cm[k] = (cut[k] * dt >> _SHIFT) + 1
            cm[8 + k] = cut[8 + k] * dt >> _SHIFT
        cell = self.east_4096 >> 4
        least = -((-cm[0] << 8) // cell)
        most = (cm[8] << 8) // cell
        column = least + most >> 1
        step = 1
        while least <= column <= most:
            x = column * cell >> 8
            low = max(cm[1], cm[2] - x, x - cm[11])
            high = min(cm[9], cm[10] - x, x - cm[3])
            low = max(low, (13 * cm[4] - 12 * x) // 5, (12 * x - 13 * cm[13]) // 5)
            high = min(high, (13 * cm[12] - 12 * x) // 5, (12 * x - 13 * cm[5]) // 5)
            low = max(low, (13 * cm[6] - 5 * x) // 12, (5 * x - 13 * cm[15]) // 12)
            high = min(high, (13 * cm[14] - 5 * x) // 12, (5 * x - 13 * cm[7]) // 12)
            tall = self.north_4096 >> 4
            first = -((-low << 8) // tall)
            last = (high << 8) // tall
            if first <= last:
                ends = cones[at + _ENDS]
                end = at + _END + ends % _CONES * 3
                cones[end] = t_ds
                cones[end + 1] = cones[at + _I] + (first + last >> 1)
                cones[end + 2] = cones[at + _J] + column
                cones[at + _ENDS] = ends + 1
                for k in range(16):
                    cones[at + _LOW + k] = cut[k]
                return True
            column += step  # the middle, then ever farther to both sides
            step = -step - 1 if step > 0 else -step + 1
        return False
