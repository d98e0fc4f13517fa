"""Where the cells are: a position for the time without satellites, learned while there were some.

A rider's board meets the same few dozen cells every day. The mean of where it was heard, and how far
from there, is a position good to some hundred metres: enough for "which district", never for an alert
at 300 m. Nothing has to be bought or asked for.
"""

from array import array

from firmware.rider.geo import hypot
from protocols.compat import const

CELLS_MAX = const(16)
_FIELDS = const(10)
# Fields of a row: network, area, cell's upper and lower bits, place, radius, fixes learned, last used.
_NET = const(0)
_AREA = const(1)
_HIGH = const(2)
_LOW = const(3)
_LAT = const(4)
_LON = const(6)
_RADIUS = const(8)
_HEARD = const(9)
# A cell heard from one street corner is as wide as any other.
_RADIUS_MIN_CM = const(30_000)
_RADIUS_MAX_CM = const(2_000_000)
_ENOUGH = const(5)  # fixes, each at least _APART_CM from the last, before a mean says something
_APART_CM = const(5_000)
_MEMORY = const(64)  # the mean follows a cell that the network moved
_VERSION = const(1)


class Cells:
    """A table of CELLS_MAX cells; the one not used for longest gives way.

    on_cell() names the serving cell, learn() tells where the board is while that is known well,
    find() where it must be by the cell alone: `lat`, `lon` [degrees, fraction_e7] and `radius_cm`
    (about nine in ten of the learned fixes are within it).
    """

    def __init__(self):
        self._rows = array("i", bytes(4 * CELLS_MAX * _FIELDS))
        # Rows in the order of their use, the last used first.
        self._order = bytearray(range(CELLS_MAX))
        self._row = -1
        self._base = None  # from where the last place learned was measured
        self._north_cm = self._east_cm = 0
        self.lat = [0, 0]
        self.lon = [0, 0]
        self.radius_cm = 0

    def on_cell(self, mcc: int, mnc: int, tac: int, cell: bytes) -> bool:
        """Take the serving cell's identity as protocols.modem.cell has it; False when it is none.

        cell: up to 9 hexadecimal digits. An identity that is not whole changes nothing.
        """
        if not (0 < mcc < 1_000 and 0 <= mnc < 1_000 and 0 <= tac <= 0xFF_FFFF):
            return False
        if not 1 <= len(cell) <= 9:
            return False
        high = low = 0
        for byte in cell:
            digit = byte - 0x30 if byte < 0x3A else (byte | 0x20) - 0x57
            if not 0 <= digit <= 15 or (byte >= 0x3A and digit < 10):
                return False
            # 36 bits are a heap object: 12 and 24 are not.
            high = (high << 4 | low >> 20) & 0xFFF
            low = (low << 4 & 0xFF_FFFF) | digit
        self._camp(mcc * 1_000 + mnc, tac, high, low)
        return True

    def leave(self) -> None:
        """Forget which cell serves: the network is lost."""
        self._row = -1
        self._base = None

    def learn(self, base, north_cm: int, east_cm: int) -> None:
        """Take it that the serving cell is heard at `north_cm`, `east_cm` from the Base `base`.

        Uses no heap; `base`'s own north_cm and east_cm are written over.
        """
        at = self._row * _FIELDS
        if at < 0:
            return
        if (
            base is self._base
            and hypot(north_cm - self._north_cm, east_cm - self._east_cm) < _APART_CM
        ):
            return
        self._base = base
        self._north_cm = north_cm
        self._east_cm = east_cm
        rows = self._rows
        heard = rows[at + _HEARD]
        self._read(at)
        away_cm = _RADIUS_MAX_CM
        if heard and base.locate(self.lat, self.lon):
            away_cm = hypot(north_cm - base.north_cm, east_cm - base.east_cm)
        if away_cm >= _RADIUS_MAX_CM:
            # New, or far away under a known name, which the network gave to another place.
            base.put_at(north_cm, east_cm, self.lat, self.lon)
            rows[at + _RADIUS] = _RADIUS_MIN_CM
            rows[at + _HEARD] = 1
        else:
            # Up by an eighth, down by a 64th: it settles where one fix in nine lies outside.
            radius_cm = rows[at + _RADIUS]
            radius_cm += (away_cm - radius_cm) // (8 if away_cm > radius_cm else 64)
            rows[at + _RADIUS] = min(max(radius_cm, _RADIUS_MIN_CM), _RADIUS_MAX_CM)
            rows[at + _HEARD] = heard = min(heard + 1, _MEMORY)
            base.put_at(
                base.north_cm + (north_cm - base.north_cm) // heard,
                base.east_cm + (east_cm - base.east_cm) // heard,
                self.lat,
                self.lon,
            )
        rows[at + _LAT] = self.lat[0]
        rows[at + _LAT + 1] = self.lat[1]
        rows[at + _LON] = self.lon[0]
        rows[at + _LON + 1] = self.lon[1]

    def find(self) -> bool:
        """Set `lat`, `lon`, `radius_cm` from the serving cell; False while it is not known well."""
        at = self._row * _FIELDS
        if at < 0 or self._rows[at + _HEARD] < _ENOUGH:
            return False
        self._read(at)
        self.radius_cm = self._rows[at + _RADIUS]
        return True

    def save(self):
        """Return the table for a store: a version and its rows, the last used first."""
        rows = self._rows
        out = []
        for row in self._order:
            at = row * _FIELDS
            if rows[at + _HEARD]:
                out.append([rows[at + i] for i in range(_FIELDS)])
        return [_VERSION, out]

    def restore(self, value) -> bool:
        """Take what save() returned; False, and nothing is changed, for anything else."""
        if not (isinstance(value, list) and len(value) == 2 and value[0] == _VERSION):
            return False
        rows = value[1]
        if not isinstance(rows, list) or len(rows) > CELLS_MAX:
            return False
        for row in rows:
            if not _is_row(row):
                return False
        for i in range(CELLS_MAX * _FIELDS):
            self._rows[i] = 0
        for i in range(CELLS_MAX):
            self._order[i] = i
        for i in range(len(rows)):
            for field in range(_FIELDS):
                self._rows[i * _FIELDS + field] = rows[i][field]
        self.leave()
        return True

    def _read(self, at):
        """Copy a row's place into `lat`, `lon`."""
        rows = self._rows
        self.lat[0] = rows[at + _LAT]
        self.lat[1] = rows[at + _LAT + 1]
        self.lon[0] = rows[at + _LON]
        self.lon[1] = rows[at + _LON + 1]

    def _camp(self, net, area, high, low):
        """Make the cell's row the first, a new one in the place of the last."""
        rows = self._rows
        order = self._order
        place = 0
        while place < CELLS_MAX - 1:
            at = order[place] * _FIELDS
            if (
                rows[at + _LOW] == low
                and rows[at + _AREA] == area
                and rows[at + _NET] == net
                and rows[at + _HIGH] == high
            ):
                break
            place += 1
        row = order[place]
        if row == self._row:
            return
        at = row * _FIELDS
        if rows[at + _LOW] != low or rows[at + _AREA] != area or rows[at + _NET] != net:
            rows[at + _HEARD] = 0
        if rows[at + _HIGH] != high:
            rows[at + _HEARD] = 0
        rows[at + _NET] = net
        rows[at + _AREA] = area
        rows[at + _HIGH] = high
        rows[at + _LOW] = low
        while place:
            order[place] = order[place - 1]
            place -= 1
        order[0] = row
        self._row = row
        self._base = None


def _is_row(row):
    """Tell whether `row` is one that save() wrote, every number in its range."""
    if not isinstance(row, list) or len(row) != _FIELDS:
        return False
    for number in row:
        if not isinstance(number, int):
            return False
    return (
        1_000 <= row[_NET] < 1_000_000
        and 0 <= row[_AREA] <= 0xFF_FFFF
        and 0 <= row[_HIGH] <= 0xFFF
        and 0 <= row[_LOW] <= 0xFF_FFFF
        and is_place(row[_LAT : _LON + 2])
        and _RADIUS_MIN_CM <= row[_RADIUS] <= _RADIUS_MAX_CM
        and 1 <= row[_HEARD] <= _MEMORY
    )


def is_place(numbers) -> bool:
    """Tell whether the integers [degrees, fraction_e7, degrees, fraction_e7] are a place on Earth."""
    return (
        -90 <= numbers[0] <= 90
        and -180 <= numbers[2] <= 180
        and -10_000_000 < numbers[1] < 10_000_000
        and -10_000_000 < numbers[3] < 10_000_000
    )
