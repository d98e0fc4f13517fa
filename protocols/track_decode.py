"""Reads every layout of a line, and finds a position between two vertices. For the gateway's side.

Hostile bytes get a reason, never an exception. The layouts are told in protocols.track (1 and 2) and
protocols.line (3, what boards write).
"""

from protocols.line import lon_step
from protocols.line_decode import LAYOUT, read_line
from protocols.track import (
    DEGREE_E7,
    GRID_E7,
    HEAD_BYTES,
    LAT_MAX_DEG,
    PACKED,
    RAW_BITS,
    T_MAX_MS,
    UNARY_MAX,
    VARINT,
    Line,
)

_TURN_E7 = 360 * DEGREE_E7
_HALF_TURN_E7 = 180 * DEGREE_E7
_VARINT_BITS = 35


def stretches(data):
    """Return (lists of vertices, None), or (None, why): as decode(), parted where no way is known."""
    if len(data) > 0 and data[0] == LAYOUT:
        return read_line(data)
    vertices, why = decode(data)
    return (None, why) if vertices is None else ([vertices], None)


def decode(data):
    """Return (vertices, None), or (None, why): a list of (t_ms, lat_e7, lon_e7), times never falling.

    t_ms counts from the base that the writer chose. `why` is 'truncated', 'layout' (a newer one, or
    none of ours), 'range' (a place or time that cannot be) or 'trailing' (more bytes than the vertices
    need).
    """
    if len(data) > 0 and data[0] == LAYOUT:
        found, why = read_line(data)
        return (
            (None, why) if found is None else ([vertex for each in found for vertex in each], None)
        )
    if len(data) < HEAD_BYTES + 1:
        return None, "truncated"
    layout, count, grid_dm, tick_ds = data[0], data[1], data[2], data[3]
    if layout not in (VARINT, PACKED):
        return None, "layout"
    degrees = data[4] << 8 | data[5]
    lat_deg, lon_deg = degrees // 360 - 90, degrees % 360 - 180
    lat_e7 = data[6] << 16 | data[7] << 8 | data[8]
    lon_e7 = data[9] << 16 | data[10] << 8 | data[11]
    if not (count and grid_dm and tick_ds and lat_e7 < DEGREE_E7 and lon_e7 < DEGREE_E7):
        return None, "range"
    if not -LAT_MAX_DEG - 1 <= lat_deg <= LAT_MAX_DEG:
        return None, "range"
    numbers = _Numbers(data, HEAD_BYTES)
    t0_ms = numbers.varint()
    if numbers.why is not None or t0_ms > T_MAX_MS:
        return None, numbers.why or "range"
    lat_step = grid_dm * GRID_E7
    steps = lat_step, lon_step(lat_step, lat_deg, lat_e7)
    first = t0_ms, lat_deg * DEGREE_E7 + lat_e7, lon_deg * DEGREE_E7 + lon_e7
    return _rest(numbers, layout, count, steps, tick_ds * 100, first)


def _rest(numbers, layout, count, steps, tick_ms, first):
    """Return decode()'s result, given what the head said."""
    vertices = [first]
    line = Line()
    for _ in range(count - 1):
        if layout == VARINT:
            d_ticks, lat, lon = numbers.varint(), numbers.varint(), numbers.varint()
        else:
            d_ticks, lat, lon = numbers.rice(line, 0), numbers.rice(line, 1), numbers.rice(line, 2)
        if numbers.why is not None:
            return None, numbers.why
        line.move(
            d_ticks,
            _signed(lat) + line.guess(line.d_lat, d_ticks),
            _signed(lon) + line.guess(line.d_lon, d_ticks),
        )
        t_ms = first[0] + line.ticks * tick_ms
        lat_e7 = first[1] + line.lat * steps[0]
        # The encoder takes no vertex over half a degree away; rounding to the grid adds half a cell.
        if not -DEGREE_E7 < line.lat * steps[0] < DEGREE_E7 or t_ms > 2 * T_MAX_MS:
            return None, "range"
        if not -DEGREE_E7 < line.lon * steps[1] < DEGREE_E7:
            return None, "range"
        vertices.append((t_ms, lat_e7, _within_turn(first[2] + line.lon * steps[1])))
    return numbers.end(vertices)


def position_at(vertices, t_ms: int):
    """Return (lat_e7, lon_e7) on the polyline at a time, None before its first or after its last vertex.

    vertices: as decode() gives them. Between two vertices the way is straight and the speed constant;
    where several have the same time, the last of them counts.
    """
    if not vertices or not vertices[0][0] <= t_ms <= vertices[-1][0]:
        return None
    low, high = 0, len(vertices) - 1
    while low < high:  # the last vertex not after t_ms
        middle = (low + high + 1) // 2
        if vertices[middle][0] <= t_ms:
            low = middle
        else:
            high = middle - 1
    t, lat_e7, lon_e7 = vertices[low]
    if t == t_ms:
        return lat_e7, lon_e7
    t_next, lat_next_e7, lon_next_e7 = vertices[low + 1]
    part, whole = t_ms - t, t_next - t
    east = _within_turn(lon_next_e7 - lon_e7)
    return (
        lat_e7 + (2 * (lat_next_e7 - lat_e7) * part + whole) // (2 * whole),
        _within_turn(lon_e7 + (2 * east * part + whole) // (2 * whole)),
    )


def _within_turn(e7):
    """Return a longitude, or a difference of two, as -180..179.9999999 degrees."""
    return (e7 + _HALF_TURN_E7) % _TURN_E7 - _HALF_TURN_E7


def _signed(number):
    return -(number + 1 >> 1) if number & 1 else number >> 1


class _Numbers:
    """Takes numbers out of bytes; after the first failure `why` says what it was and 0 comes out."""

    def __init__(self, data, pos):
        self.data = data
        self.pos = pos
        self.left = 0  # unread bits of the byte before pos
        self.why = None

    def _byte(self):
        if self.pos >= len(self.data):
            self.why = "truncated"
            return 0
        self.pos += 1
        return self.data[self.pos - 1]

    def varint(self):
        number = shift = 0
        while shift < _VARINT_BITS:
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7
        self.why = "range"
        return 0

    def _bit(self):
        if self.left == 0:
            self._byte()
            self.left = 8
        self.left -= 1
        return 0 if self.why else self.data[self.pos - 1] >> self.left & 1

    def rice(self, line, column):
        ones = 0
        while ones < UNARY_MAX and self._bit():
            ones += 1
        k = line.rice(column) if ones < UNARY_MAX else RAW_BITS
        number = ones if ones < UNARY_MAX else 0
        for _ in range(k):
            number = number << 1 | self._bit()
        line.learn(column, number)
        return number

    def end(self, vertices):
        """Return decode()'s result: nothing may be left but the zeros that fill the last byte."""
        while self.left:
            if self._bit():
                return None, "trailing"
        return (vertices, None) if self.pos == len(self.data) else (None, "trailing")
