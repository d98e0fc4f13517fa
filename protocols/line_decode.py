"""Reads what protocols.line wrote. For the gateway's side: a board writes and never reads.

Hostile bytes get a reason, never an exception; the layout is told in protocols.line.
"""

from protocols.line import ahead, lon_step, order_of

# The numbers of protocols.line, again: there they are private, which costs a board no heap.
LAYOUT = 3
DEGREE_E7 = 10_000_000
GRID_E7 = 9
LAT_MAX_DEG = 79
HEAD_BITS = 102
ORDER_DM = 640
ORDER_DS = 160
GAP_MORE = 4
NUMBER_MAX = 4_194_303
_FINE_E7 = 100
_FINES = 100_000
_T0_MAX_MS = 86_400_999
# A line that a board wrote ends long before either: beyond, the bytes are somebody's joke.
_T_MAX_MS = 2_147_483_646
_TURN_E7 = 360 * DEGREE_E7


def read_line(data):
    """Return (stretches, None), or (None, why): lists of (t_ms, lat_e7, lon_e7), no list empty.

    Between two stretches nobody knows the way. Times rise; t_ms counts from the midnight that the writer
    meant. `why` is 'truncated', 'layout', 'range' (a place or time that cannot be) or 'trailing' (more
    bytes than the vertices need).
    """
    if len(data) * 8 < HEAD_BITS:
        return None, "truncated"
    bits = _Bits(data)
    if bits.take(8) != LAYOUT:
        return None, "layout"
    grid_dm, tick_ds, t0_ms = bits.take(8), bits.take(8), bits.take(27)
    lat_deg, lat_fine, lon_deg, lon_fine = (bits.take(size) for size in (8, 17, 9, 17))
    lat_deg, lon_deg = lat_deg - 90, lon_deg - 180
    if not (
        grid_dm and tick_ds and t0_ms <= _T0_MAX_MS and lat_fine < _FINES and lon_fine < _FINES
    ):
        return None, "range"
    if not (-LAT_MAX_DEG <= lat_deg < LAT_MAX_DEG and lon_deg < 180):
        return None, "range"
    lat_step = grid_dm * GRID_E7
    lon = lon_step(lat_step, lat_deg, lat_fine * _FINE_E7)
    first = (
        t0_ms,
        lat_deg * DEGREE_E7 + lat_fine * _FINE_E7,
        lon_deg * DEGREE_E7 + lon_fine * _FINE_E7,
    )
    orders = order_of(ORDER_DS, tick_ds), order_of(ORDER_DM, grid_dm)
    return _rest(bits, first, (tick_ds * 100, lat_step, lon), orders)


def _rest(bits, first, units, orders):
    """Return read_line()'s result, given what the head said."""
    stretches = [[first]]
    ticks = i = j = last = d_i = d_j = 0
    while not bits.at_end():
        d_ticks = bits.number(orders[0])
        is_break = d_ticks == 0
        if is_break:
            d_ticks, last = bits.number(orders[0] + GAP_MORE), 0
        d_i = signed(bits.number(orders[1])) + ahead(d_i, d_ticks, last)
        d_j = signed(bits.number(orders[1])) + ahead(d_j, d_ticks, last)
        if bits.why is not None or d_ticks == 0:
            return None, bits.why or "range"
        ticks, i, j = ticks + d_ticks, i + d_i, j + d_j
        last = 0 if is_break else d_ticks
        t_ms = first[0] + ticks * units[0]
        north, east = i * units[1], j * units[2]
        if not (-DEGREE_E7 < north < DEGREE_E7 and -DEGREE_E7 < east < DEGREE_E7):
            return None, "range"
        if t_ms > _T_MAX_MS:
            return None, "range"
        if is_break:
            stretches.append([])
        lon_e7 = (first[2] + east + _TURN_E7 // 2) % _TURN_E7 - _TURN_E7 // 2
        stretches[-1].append((t_ms, first[1] + north, lon_e7))
    return (stretches, None) if bits.left() < 8 else (None, "trailing")


def signed(number: int) -> int:
    """Return 0, -1, 1, -2, 2 for 0, 1, 2, 3, 4."""
    return -(number + 1 >> 1) if number & 1 else number >> 1


class _Bits:
    """Takes numbers out of bytes; after the first failure `why` says what it was and 0 comes out."""

    def __init__(self, data):
        self.data = data
        self.pos = 0
        self.why = None

    def left(self):
        return len(self.data) * 8 - self.pos

    def take(self, count):
        value = 0
        for _ in range(count):
            if self.pos >= len(self.data) * 8:
                self.why = self.why or "truncated"
                return 0
            value = value << 1 | self.data[self.pos >> 3] >> 7 - (self.pos & 7) & 1
            self.pos += 1
        return value

    def number(self, order):
        low = order
        while self.take(1):
            low += 1
            if 1 << low > NUMBER_MAX + 1 + (1 << order):
                self.why = self.why or "range"
                return 0
        number = self.take(low) + (1 << low) - (1 << order)
        if number > NUMBER_MAX:
            self.why = self.why or "range"
        return number if self.why is None else 0

    def at_end(self):
        """Tell whether nothing but ones is left: what fills the last byte, and is no number."""
        for pos in range(self.pos, len(self.data) * 8):
            if not self.data[pos >> 3] >> 7 - (pos & 7) & 1:
                return False
        return True
