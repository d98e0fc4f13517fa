"""A stretch of track in few bytes: the vertices of a polyline, each within a known error.

    layout u8 | vertices u8 | grid_dm u8 | tick_ds u8 | degrees u16 | lat u24 | lon u24 | t0_ms | rest

The first vertex is exact: whole degrees as (lat + 90) * 360 + (lon + 180), the rest of both in 1e-7
degree, big-endian; its time, a varint, in ms from a base that the caller chooses (midnight, or the
record's stamp). Every further vertex stands on a grid through the first one, `grid_dm` decimetres wide
both ways (east-west by the cosine of the first latitude), at a whole number of ticks of `tick_ds`
tenths of a second after it. Per vertex three numbers follow: ticks since the last vertex, and how far
it lies from where the last vertex's speed would have led, south-north and west-east, as zigzag
integers. They are written as

    VARINT   7 bits a byte, low bits first (LEB128)
    PACKED   Rice codes whose parameter follows the numbers' own size: a fifth smaller

What it costs in truth: a decoded vertex is at most error_mm(grid_dm) from the one that was put in, and
at most half a tick from its time; nothing adds up along the line. A polyline that keeps every sample
within D before is within D + error_mm after (distances between points at the same time; add speed
times half a tick where the vertices' times are not whole ticks). No line is made beyond 80 S and 80 N.

The decoder is protocols.track_decode. Boards write protocols.line, layout 3, which takes a fifth less;
these two stay readable, and are for lines whose vertices somebody else has chosen.
"""

from protocols.compat import const
from protocols.line import lon_step

VARINT = const(1)
PACKED = const(2)
VERTICES_MAX = const(255)
# Vertices are at most this far from the first one, in 1e-7 degree (half a degree: 55 km north-south), so
# that no number of the loop is a heap object on a 32-bit board and one cosine serves them all.
REACH_E7 = const(5_000_000)
T_MAX_MS = const(1_073_741_823)

DEGREE_E7 = const(10_000_000)
GRID_E7 = const(9)  # a decimetre north-south is 8.95 to 9.05 of 1e-7 degree

LAT_MAX_DEG = const(79)
HEAD_BYTES = const(12)
_SCALE_MAX = const(32_767)  # numbers whose product is a small int
_LEAP_MAX = const(1_000_000)
UNARY_MAX = const(12)
RAW_BITS = const(30)
_MEAN_OF = const(8)


def error_mm(grid_dm: int) -> int:
    """Return the largest error of a decoded vertex, in mm: half a cell's diagonal, and 6 % of it."""
    return 75 * grid_dm


def pair_of(value_e7: int):
    """Return (degrees, fraction_e7) of a position in 1e-7 degree, both with its sign."""
    degrees, fraction = divmod(abs(value_e7), DEGREE_E7)
    return (-degrees, -fraction) if value_e7 < 0 else (degrees, fraction)


class Line:
    """The numbers of a polyline as they follow one another; encoder and decoder keep one each."""

    def __init__(self):
        # By column (ticks, lat, lon): sum and count of what was seen, halved now and then.
        self.sums = [0, 0, 0]
        self.counts = [1, 1, 1]
        self.clear()

    def clear(self):
        """Begin at the first vertex."""
        self.ticks = self.lat = self.lon = 0  # of the last vertex, in ticks and cells
        self.d_ticks = self.d_lat = self.d_lon = 0  # the step that led to it
        for column in range(3):
            self.sums[column] = 16 if column == 0 else 64
            self.counts[column] = 1

    def guess(self, step: int, d_ticks: int) -> int:
        """Return the step that goes on at the last one's speed for `d_ticks`; 0 when that is no help."""
        last = self.d_ticks
        if last <= 0 or not -_SCALE_MAX <= step <= _SCALE_MAX or d_ticks > _SCALE_MAX:
            return 0
        ahead = step * d_ticks // last
        return ahead if -_LEAP_MAX <= ahead <= _LEAP_MAX else 0

    def move(self, d_ticks: int, d_lat: int, d_lon: int):
        """Go on to the next vertex."""
        self.ticks += d_ticks
        self.lat += d_lat
        self.lon += d_lon
        self.d_ticks = d_ticks
        self.d_lat = d_lat
        self.d_lon = d_lon

    def rice(self, column: int) -> int:
        """Return the Rice parameter for a column's next number (as JPEG-LS does, ITU-T T.87 A.5.1)."""
        k = 0
        count, total = self.counts[column], self.sums[column]
        while count << k < total:
            k += 1
        return k

    def learn(self, column: int, number: int):
        """Let a number that was written or read count for the next parameter."""
        self.sums[column] += number if number < _LEAP_MAX else _LEAP_MAX
        self.counts[column] += 1
        if self.counts[column] >= _MEAN_OF:
            self.sums[column] >>= 1
            self.counts[column] >>= 1


class Encoder:
    """Writes one polyline into `buf` (bytearray, at least 17 bytes); it is complete after every vertex.

    grid_dm: 1..255 decimetres; tick_ds: 1..255 tenths of a second; others raise ValueError. `n` is the
    number of bytes so far, `vertices` how many are in them. No heap is used after the start.
    """

    def __init__(self, buf, grid_dm: int, tick_ds: int, layout: int = PACKED):
        if not (0 < grid_dm <= 255 and 0 < tick_ds <= 255 and layout in (VARINT, PACKED)):
            raise ValueError("grid_dm and tick_ds are 1..255, layout is VARINT or PACKED")
        self.buf = buf
        self.grid_dm = grid_dm
        self.tick_ds = tick_ds
        self.layout = layout
        self._line = Line()
        self._base = [0, 0, 0, 0, 0]
        self.reset()

    def reset(self):
        """Forget everything; the next vertex is a first one."""
        self.n = 0
        self.vertices = 0
        self._free = 0  # bits of the last byte that are not used yet
        self._lon_step = 0

    def add(self, t_ms: int, lat_deg: int, lat_e7: int, lon_deg: int, lon_e7: int) -> bool:
        """Append a vertex; False, with nothing changed, when it cannot stand in this polyline.

        t_ms: 0..2^30-1; position: degrees and fraction in 1e-7 degree, each with its sign. False when
        the buffer is full, the time lies before the last vertex, the place is beyond 80 degrees north or
        south or over half a degree from the first, or 255 vertices are in: the caller begins another
        polyline.
        """
        if not 0 <= t_ms <= T_MAX_MS or not -LAT_MAX_DEG <= lat_deg <= LAT_MAX_DEG:
            return False
        if not (-DEGREE_E7 < lat_e7 < DEGREE_E7 and -DEGREE_E7 < lon_e7 < DEGREE_E7):
            return False
        # Whole degrees downwards, so that fractions are not negative.
        if lat_e7 < 0:
            lat_deg -= 1
            lat_e7 += DEGREE_E7
        if lon_e7 < 0:
            lon_deg -= 1
            lon_e7 += DEGREE_E7
        if not (-180 <= lon_deg < 180 or (lon_deg == 180 and lon_e7 == 0)):
            return False
        if self.vertices == 0:
            return self._first(t_ms, lat_deg, lat_e7, lon_deg, lon_e7)
        base = self._base
        turn = lon_deg - base[3]
        if turn > 180:  # the line crosses 180 degrees of longitude
            turn -= 360
        elif turn < -180:
            turn += 360
        if not (-1 <= lat_deg - base[1] <= 1 and -1 <= turn <= 1) or self.vertices == VERTICES_MAX:
            return False
        north = (lat_deg - base[1]) * DEGREE_E7 + lat_e7 - base[2]
        east = turn * DEGREE_E7 + lon_e7 - base[4]
        if not (-REACH_E7 <= north <= REACH_E7 and -REACH_E7 <= east <= REACH_E7):
            return False
        step = self.grid_dm * GRID_E7
        tick_ms = self.tick_ds * 100
        line = self._line
        d_ticks = (t_ms - base[0] + tick_ms // 2) // tick_ms - line.ticks
        d_lat = (north + step // 2) // step - line.lat
        d_lon = (east + self._lon_step // 2) // self._lon_step - line.lon
        if t_ms < base[0] or d_ticks < 0:
            return False
        lat = d_lat - line.guess(line.d_lat, d_ticks)
        lon = d_lon - line.guess(line.d_lon, d_ticks)
        lat = lat << 1 if lat >= 0 else (-lat << 1) - 1  # zigzag
        lon = lon << 1 if lon >= 0 else (-lon << 1) - 1
        bits = self._bits(0, d_ticks) + self._bits(1, lat) + self._bits(2, lon)
        if self.n + (bits - self._free + 7 >> 3) > len(self.buf):
            return False
        self._put(0, d_ticks)
        self._put(1, lat)
        self._put(2, lon)
        line.move(d_ticks, d_lat, d_lon)
        self._count()
        return True

    def _first(self, t_ms, lat_deg, lat_e7, lon_deg, lon_e7):
        if len(self.buf) < HEAD_BYTES + 5:
            return False
        if lon_deg == 180:
            lon_deg = -180
        base = self._base
        base[0] = t_ms
        base[1] = lat_deg
        base[2] = lat_e7
        base[3] = lon_deg
        base[4] = lon_e7
        degrees = (lat_deg + 90) * 360 + lon_deg + 180
        buf = self.buf
        buf[0] = self.layout
        buf[2] = self.grid_dm
        buf[3] = self.tick_ds
        buf[4] = degrees >> 8
        buf[5] = degrees & 255
        for i in range(3):
            buf[6 + i] = lat_e7 >> 16 - 8 * i & 255
            buf[9 + i] = lon_e7 >> 16 - 8 * i & 255
        self.n = HEAD_BYTES
        self._varint(t_ms)
        self._free = 0
        self._line.clear()
        self._lon_step = lon_step(self.grid_dm * GRID_E7, lat_deg, lat_e7)
        self._count()
        return True

    def _count(self):
        self.vertices += 1
        self.buf[1] = self.vertices

    def _bits(self, column, number):
        """Return how many bits the number will take."""
        if self.layout == VARINT:
            bits = 8
            while number > 127:
                number >>= 7
                bits += 8
            return bits
        k = self._line.rice(column)
        number >>= k
        return number + 1 + k if number < UNARY_MAX else UNARY_MAX + RAW_BITS

    def _put(self, column, number):
        if self.layout == VARINT:
            self._varint(number)
            return
        k = self._line.rice(column)
        ones = number >> k
        if ones < UNARY_MAX:
            for _ in range(ones):
                self._bit(1)
            self._bit(0)
        else:
            for _ in range(UNARY_MAX):
                self._bit(1)
            k = RAW_BITS
        for place in range(k - 1, -1, -1):
            self._bit(number >> place & 1)
        self._line.learn(column, number)

    def _bit(self, bit):
        if self._free == 0:
            self.buf[self.n] = 0
            self.n += 1
            self._free = 8
        self._free -= 1
        self.buf[self.n - 1] |= bit << self._free

    def _varint(self, number):
        while number > 127:
            self.buf[self.n] = number & 127 | 128
            self.n += 1
            number >>= 7
        self.buf[self.n] = number
        self.n += 1
