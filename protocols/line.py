"""A stretch of a rider's track as a board writes it: the vertices of a polyline, on a grid, in bits.

    layout u8 = 3 | grid_dm u8 | tick_ds u8 | t0_ms u27 | lat + 90: u8 u17 | lon + 180: u9 u17 | vertices

All big-endian, bit after bit. The first vertex is exact: whole degrees downwards and 1/100,000 degree;
its time in ms from the midnight that the caller means. Every further vertex is a cell of a grid through
the first one, `grid_dm` decimetres wide both ways (east-west by the cosine of the first latitude), at a
whole number of ticks of `tick_ds` tenths of a second after it. Three numbers tell it: ticks since the
last vertex (1 or more), and how far it lies from where the last vertex's speed would have led,
south-north and west-east, zigzag. A 0 in the place of the ticks is a break: nobody knows the way; the
ticks, south-north and west-east steps to the first vertex of the next stretch follow, without a guess.

Numbers are Exp-Golomb codes of a fixed order (Teuhola 1978): so many ones, a zero, so many low bits.
The last byte is filled with ones, which no number is. On real bicycle rides fixed orders cost within 2 %
of adaptive Rice codes (protocols.track), and 5 % more than the entropy; they need no state.

The writer chooses cells, so it knows exactly what will be decoded: the grid costs no truth. The decoder
is protocols.line_decode. No line is made beyond 80 S and 80 N.
"""

from array import array

from protocols.compat import const

_LAYOUT = const(3)
# Seconds and metres of one bit less or more: a step of 64 m and 16 s costs the shortest codes. Measured.
_ORDER_DM = const(640)
_ORDER_DS = const(160)
_GAP_MORE = const(4)  # a break lasts 16 times a step
_NUMBER_MAX = const(4_194_303)
_STEP_LIMIT = const(2_097_152)
_LAT_MAX_DEG = const(79)

_DEGREE_E7 = const(10_000_000)
_GRID_E7 = const(9)  # a decimetre north-south is 8.95 to 9.05 of 1e-7 degree
_FINE_E7 = const(100)  # 1/100,000 degree
_STEP_MAX = const(32_767)
_T0_MAX_MS = const(86_400_999)
_ROOM_BYTES = const(24)  # the longest that a vertex can be
# Places in the array of the last vertex: when and where, and the step that led to it.
_TICKS = const(0)
_I = const(1)
_J = const(2)
_DT = const(3)
_DI = const(4)
_DJ = const(5)


def order_of(size: int, unit: int) -> int:
    """Return the order of the codes for numbers of `size` (dm, ds) counted in `unit`s: 0..9."""
    order = 0
    while unit << order < size:
        order += 1
    return order


def ahead(step: int, ticks: int, last_ticks: int) -> int:
    """Return the step that goes on at the last one's speed; 0 after a break, or where it is no help."""
    if last_ticks <= 0 or ticks > _STEP_MAX or not -_STEP_MAX <= step <= _STEP_MAX:
        return 0
    return step * ticks // last_ticks


def lon_step(lat_step, lat_deg, lat_e7):
    """Return the width of a cell in 1e-7 degree of longitude; the latitude's fraction is not negative.

    1 / cos by Bhaskara's formula, cos x = (32400 - 4 x^2) / (32400 + x^2) within 0.2 % of one, in half
    degrees towards the equator, where a degree is longer: the cell is rather too small.
    """
    halves = 2 * lat_deg + lat_e7 // (_DEGREE_E7 // 2)
    if lat_deg < 0:
        halves = -halves - (1 if lat_e7 % (_DEGREE_E7 // 2) else 0)
    square = halves * halves
    return lat_step * (129_600 + square) // (129_600 - 4 * square)


class LineWriter:
    """Writes one line at a time into `buf` (bytearray, at least 40 bytes), on a grid of 1..255 dm.

    `n` is the number of bytes so far, all decodable after every vertex; `vertices` how many are in them;
    `lat`, `lon` = [degrees, fraction_e7], fractions never negative, the first vertex as it will be
    decoded; `north_e7`, `east_e7` the size of a cell. No heap is used after the start.
    """

    def __init__(self, buf, grid_dm: int):
        self.buf = buf
        self.grid_dm = grid_dm
        self.lat = [0, 0]
        self.lon = [0, 0]
        self.north_e7 = grid_dm * _GRID_E7
        self.east_e7 = 0
        self.n = 0
        self.vertices = 0
        self._free = 0  # bits of the last byte that are not used yet
        self._last = array("i", bytes(24))
        self._kept = array("i", bytes(40))
        self._cell_order = order_of(_ORDER_DM, grid_dm)
        self._tick_order = 0

    def begin(self, t_ms: int, lat, lon, tick_ds: int) -> bool:
        """Start a line with its first vertex; False, and no line, beyond 80 degrees or a day.

        lat, lon: [degrees, fraction_e7], both parts with the sign; tick_ds: 1..255.
        """
        self.n = self.vertices = self._free = 0
        for k in range(6):
            self._last[k] = 0
        for k in range(2):
            pair = lon if k else lat
            degrees, fine = pair[0], pair[1]
            if fine < 0:  # whole degrees downwards, so that fractions are not negative
                degrees -= 1
                fine += _DEGREE_E7
            fine = (fine + _FINE_E7 // 2) // _FINE_E7
            if fine == 100_000:
                degrees += 1
                fine = 0
            if k and degrees == 180:
                degrees = -180
            into = self.lon if k else self.lat
            into[0] = degrees
            into[1] = fine * _FINE_E7
        if not (-_LAT_MAX_DEG <= self.lat[0] < _LAT_MAX_DEG and -180 <= self.lon[0] < 180):
            return False
        if not (0 <= t_ms <= _T0_MAX_MS and 0 < tick_ds <= 255):
            return False
        self.east_e7 = lon_step(self.north_e7, self.lat[0], self.lat[1])
        self._tick_order = order_of(_ORDER_DS, tick_ds)
        self._bits(_LAYOUT, 8)
        self._bits(self.grid_dm, 8)
        self._bits(tick_ds, 8)
        self._bits(t_ms, 27)
        self._bits(self.lat[0] + 90, 8)
        self._bits(self.lat[1] // _FINE_E7, 17)
        self._bits(self.lon[0] + 180, 9)
        self._bits(self.lon[1] // _FINE_E7, 17)
        self.vertices = 1
        return True

    def add(self, ticks: int, i: int, j: int, unseen: bool = False) -> bool:
        """Append the vertex at `ticks` after the first one, in the cell `i` north, `j` east of it.

        unseen: no way leads there from the last one. False, with nothing changed, when the time does not
        lie behind the last vertex, the cell is out of reach or the buffer is nearly full: the caller
        begins another line.
        """
        last = self._last
        d_ticks = ticks - last[_TICKS]
        north, east = i - last[_I], j - last[_J]
        if unseen:
            last_ticks = 0
        else:
            last_ticks = last[_DT]
        low = north - ahead(last[_DI], d_ticks, last_ticks)
        side = east - ahead(last[_DJ], d_ticks, last_ticks)
        if not 0 < d_ticks <= _NUMBER_MAX or self.n + _ROOM_BYTES > len(self.buf):
            return False
        if not (-_STEP_LIMIT < low < _STEP_LIMIT and -_STEP_LIMIT < side < _STEP_LIMIT):
            return False
        if unseen:
            self._number(0, self._tick_order)
        self._number(d_ticks, self._tick_order + (_GAP_MORE if unseen else 0))
        self._number(low << 1 if low >= 0 else (-low << 1) - 1, self._cell_order)  # zigzag
        self._number(side << 1 if side >= 0 else (-side << 1) - 1, self._cell_order)
        last[_TICKS] = ticks
        last[_I] = i
        last[_J] = j
        last[_DT] = 0 if unseen else d_ticks
        last[_DI] = north
        last[_DJ] = east
        self.vertices += 1
        return True

    def keep(self, back: bool) -> None:
        """Remember how far the line is; with `back`, return there."""
        kept, last = self._kept, self._last
        if back:
            for k in range(6):
                last[k] = kept[k]
            self.n, self.vertices, self._free = kept[6], kept[7], kept[8]
            self.buf[self.n - 1] = kept[9]
        else:
            for k in range(6):
                kept[k] = last[k]
            kept[6], kept[7], kept[8] = self.n, self.vertices, self._free
            kept[9] = self.buf[self.n - 1]

    def _number(self, number, order):
        number += 1 << order
        low = order
        while number >> low + 1:
            low += 1
        self._bits((2 << low - order) - 2, low - order + 1)
        self._bits(number, low)

    def _bits(self, value, count):
        """Write the low `count` bits of `value`."""
        buf = self.buf
        while count:
            if self._free == 0:
                buf[self.n] = 255
                self.n += 1
                self._free = 8
            count -= 1
            self._free -= 1
            if not value >> count & 1:
                buf[self.n - 1] ^= 1 << self._free
