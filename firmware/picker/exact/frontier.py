"""The provably shortest walk through picks, by dynamic programming over a store's edges.

The edges are taken in the order of the map's elimination. For each the walk chooses: pass once, pass
twice, walk in from one end and back, walk in from both ends and leave out the largest gap between
picks, or (without picks) not at all: no shortest walk needs more (Ratliff & Rosenthal 1983, Oper. Res.
31:507, for one block of aisles). All that the edges to come need to know of the choices so far is, per
junction of the frontier, whether it was touched, the parity of its passes and which other junctions it
is joined to; of all choices that lead to the same such *state* only the shortest is kept. A junction
may leave the frontier with an even number of passes and with its piece of the walk still joined to the
frontier; the ends of an open walk begin with one pass more, which makes them odd. When the last piece
ends and nothing is left to pick, the walk is whole: the shortest of these is the shortest there is.

A state is one integer. Slot s has three bits at 3 s for the lowest slot it is joined to, plus one (0:
not touched), and one bit at 3 K + s for its parity, K slots in all. A value is `cost << shift | from <<
3 | choice`: the dm walked beyond the layer's base, the number of the state before, and what was chosen.
Memory is bounded and known beforehand: the states of a layer (see elimination) and one code a state for
the way back. Where there is no room for all codes those of the last steps are kept, and the steps before
are taken once more for theirs.
"""

import gc
from array import array

from firmware.picker.exact import layers
from firmware.picker.exact.elimination import A_OUT, B_OUT, MOVE
from firmware.picker.exact.steps import ENTER, ONCE, ONCE_ONLY, SHUT, TWICE

NARROW = 15  # bits of a value below its cost: it is a small int of a 32-bit board
NARROW_ROOM = 4095  # states of a layer that it can number
NARROW_SPREAD_DM = 32767  # between the costs of two states worth keeping: see Shortest
WIDE = 27  # more bits than such a board has: correct there too, only slower


class Frontier:
    """One search. Call `advance()` until it is False; then `length_dm` and `choices` are the answer.

    steps: firmware.picker.exact.steps.Steps; room: states that a layer may have; codes: an array to keep
    the way back in, of 'H' for narrow values and of 'I' for wide ones, as long as a layer or longer;
    tidy: the heap is nearly full.
    `length_dm` is None when no walk visits everything (the caller leaves out what is out of reach), and
    when a layer grew beyond `room` or `codes`: then `full` is True. `choices`: one byte a step. `most`,
    `total`: states of the largest layer and of all.
    """

    def __init__(self, steps, room, codes, tidy=False):
        self.length_dm = None
        self.full = False
        self.most = self.total = 0
        self.choices = bytearray(steps.count)
        self._steps = steps
        self._tidy = tidy
        self._codes = codes
        self.keep = len(codes)
        self._room = min(room, self.keep)
        wide = steps.shift == WIDE
        self._far = 1 << 62 if wide else layers.FAR
        self._kinds = ("Q" if 4 * steps.width > 31 else "I", "q" if wide else "i")
        self._ones = sum(1 << 3 * s for s in range(steps.width))
        self._comps = (1 << 3 * steps.width) - 1
        self._marks = [0]  # the steps at which a new stretch of codes began
        self._answer = None  # the length, once the way out is done
        self._back = (0, 0)  # the step read last on the way back, and its code
        self._start(steps.count)

    def _start(self, stop):
        self._at = 0
        self._stop = stop
        self._end = None  # where the shortest whole walk so far ended: (step, code)
        self._base = self._low = self._kept = 0
        self._begins = array("I", [])  # where the codes of each step of the stretch begin
        self._states = array(self._kinds[0], [0])
        self._values = array(self._kinds[1], [0])
        self.length_dm = None

    def advance(self):
        """Take one edge, on the way out or once more; False when the answer is there."""
        if self._at < self._stop and len(self._states):
            return self._take()
        if self._answer is None:
            if self._end is None:
                return False
            self._answer = self.length_dm
            self._back = self._end
            self.choices[self._end[0]] = self._end[1] & 7
        return self._trace()

    def _take(self):
        if self._tidy:
            gc.collect()  # between layers nothing is in the way: the next one finds its room
        i = self._at
        steps = self._steps
        shift = steps.shift
        far = self._far
        flags = steps.flags[i]
        ones, comps = self._ones, self._comps
        sa = 3 * steps.slot_a[i]
        k3 = 3 * steps.width
        xa = 1 << k3 + steps.slot_a[i]
        states, values = self._states, self._values
        self._states = self._values = None
        out: dict = {}
        ended = far
        if steps.edge[i] == ENTER:
            layers.entered(states, values, out, (sa, xa, flags), far)
        else:
            length = steps.length[i]
            once = length << shift | ONCE
            # whoever stands in a blocked aisle leaves it once and does not come back
            twice = far if flags & ONCE_ONLY else 2 * length << shift | TWICE
            costs = (once, twice, steps.picked(i))
            shut = flags & SHUT
            if flags & MOVE:
                ended = layers.moved(states, values, out, (sa, xa, ones, comps), shut, costs, far)
                states = values = None
            else:
                sb = 3 * steps.slot_b[i]
                xb = 1 << k3 + steps.slot_b[i]
                bad = (xa if flags & A_OUT else 0) | (xb if flags & B_OUT else 0)
                layers.passed(states, values, out, (sa, xa, sb, xb, bad, ones), shut, costs, far)
                states = values = None
                for leaves, at in ((flags & A_OUT, sa), (flags & B_OUT, sb)):
                    if leaves:
                        before, out = out, {}
                        ended = min(ended, layers.left(before, out, (at, ones, comps), far))
                        before = None
        if ended < far and i >= steps.last:
            length = (ended >> shift) + self._base
            if self.length_dm is None or length < self.length_dm:
                self.length_dm = length
                self._end = (i, ended & (1 << shift) - 1)
        if len(out) > self._room:
            self.full = True
            self.length_dm = self._end = None
            self._at = self._stop
            return False
        self._settle(out, i)
        self._at = i + 1
        return True

    def _settle(self, out, step):
        """Number the states of a layer, keep their codes, and count their costs from a new base."""
        shift = self._steps.shift
        if self.length_dm is not None:  # what is no shorter than a whole walk cannot become one
            limit = self.length_dm - self._base << shift
            out = {st: out[st] for st in out if out[st] < limit}
        n = len(out)
        codes = self._codes
        if self._answer is None:
            self.total += n
            self.most = max(self.most, n)
            if self._kept + n > len(codes):
                self._marks.append(step)
                self._begins = self._begins[:0]
                self._kept = 0
        kept = self._kept
        if step >= self._marks[-1]:
            self._begins.append(kept)
            self._kept += n
        else:
            kept = 0  # not looked at: the codes to come are written over them
        states = array(self._kinds[0], bytes((8 if self._kinds[0] == "Q" else 4) * n))
        values = array(self._kinds[1], bytes((8 if self._kinds[1] == "q" else 4) * n))
        mask = (1 << shift) - 1
        drop = self._low << shift  # the least cost of the layer before: one layer late saves a loop
        low = self._far
        i = 0
        for st in out:
            w = out[st]
            states[i] = st
            codes[kept + i] = w & mask
            w = (w & ~mask) - drop
            if w < low:
                low = w
            values[i] = w | i << 3
            i += 1  # noqa: SIM113 (enumerate makes a tuple a state)
        self._base += self._low
        self._low = low >> shift if n else 0
        self._states, self._values = states, values

    def _trace(self):
        """Read the choices backwards as far as the codes go; then go for the codes before them."""
        at, code = self._back
        marks, codes, begins = self._marks, self._codes, self._begins
        begin = marks[-1]
        while at > begin:
            at -= 1
            code = codes[begins[at - begin] + (code >> 3)]
            self.choices[at] = code & 7
        if at == 0:
            self.length_dm = self._answer
            return False
        self._back = (at, code)
        while marks[-1] >= at:
            marks.pop()
        self._start(at)
        return True
