"""Hand-over time, from the bicycle's stop to the customer's hand, learned per building.

From 300 m a ride takes 40 s; parking, gate, lift and walking take minutes. So this is most of "about 3
minutes", and only the building tells it.
"""

from array import array

from firmware.rider.eta import are_ints
from protocols.compat import const, crc32

_BUILDINGS_MAX = const(32)
# A city's usual time, and the floor it stands for (our estimates, until this board has learned better).
_CITY_S = const(140)
_CITY_FLOOR = const(6)
_CITY_SPREAD_S = const(60)
_FLOOR_S = const(4)  # a lift's 3 m at 1 m/s, doors and calls included
_LEAST_S = const(20)
_MOST_S = const(1_800)
# A row: the building's key, its time without the floor, its mean deviation, hand-overs seen (up to 7).
_ROW = const(4)
_KEY = const(0)
_TIME = const(1)
_SPREAD = const(2)
_COUNT = const(3)
_COUNT_MAX = const(7)
_KEY_MAX = const(0x3FFF_FFFF)


class Handover:
    """The table of 32 buildings (the longest unused one gives way), and the city's own time.

    `spread_s` is one sigma of what expect() last returned.
    """

    def __init__(self):
        self._rows = array("i", [0] * (_BUILDINGS_MAX * _ROW))  # the last used first
        self._used = 0
        self._key = self._lift_s = 0  # of what _find() last looked for
        self._city_s = _CITY_S
        self.spread_s = _CITY_SPREAD_S

    def expect(self, building, floor) -> int:
        """Return the seconds a hand-over takes, 20..1,800; `building` str, `floor` int, or None."""
        time_s = self._city_s
        self.spread_s = _CITY_SPREAD_S
        at = self._find(building, floor)
        if at >= 0:
            rows = self._rows
            time_s = rows[at + _TIME]
            # Mean deviation to sigma is 1.25; of few hand-overs the city's spread is a part.
            count = rows[at + _COUNT]
            mine_s = rows[at + _SPREAD] * 5 // 4
            self.spread_s = max((mine_s * count + _CITY_SPREAD_S) // (count + 1), 10)
        return min(max(time_s + self._lift_s, _LEAST_S), _MOST_S)

    def learn(self, building, floor, took_s: int) -> bool:
        """Take a hand-over that took `took_s`; False for a time that is none (over 30 min, negative)."""
        if not 0 <= took_s <= _MOST_S:
            return False
        at = self._find(building, floor)
        base_s = took_s - self._lift_s
        off_s = min(max(base_s - self._city_s, -4 * _CITY_SPREAD_S), 4 * _CITY_SPREAD_S)
        self._city_s += (off_s + 16) // 32  # to the nearest: // alone drifts down
        if not isinstance(building, str):
            return True
        rows = self._rows
        if at < 0:
            at = min(self._used, _BUILDINGS_MAX - 1) * _ROW
            self._used = at // _ROW + 1
            rows[at + _TIME] = self._city_s
            rows[at + _SPREAD] = _CITY_SPREAD_S * 4 // 5
            rows[at + _COUNT] = 0
        count = min(rows[at + _COUNT] + 1, _COUNT_MAX)
        # One customer who was not at home moves the building's time by no more than three spreads.
        most_s = 4 * max(rows[at + _SPREAD], 15)
        off_s = min(max(base_s - rows[at + _TIME], -most_s), most_s)
        part = min(count + 1, 4)
        time_s = rows[at + _TIME] + (off_s + part // 2) // part
        spread_s = rows[at + _SPREAD] + (abs(off_s) - rows[at + _SPREAD] + 2) // 4
        while at:  # to the front: the longest unused one is the last
            at -= 1
            rows[at + _ROW] = rows[at]
        rows[_KEY] = self._key
        rows[_TIME] = time_s
        rows[_SPREAD] = max(spread_s, 0)
        rows[_COUNT] = count
        return True

    def _find(self, building, floor):
        """Return where the building's row begins, -1 when there is none; sets _key and _lift_s."""
        self._lift_s = 0
        if isinstance(floor, int):
            self._lift_s = _FLOOR_S * (min(max(abs(floor), 1), 100) - _CITY_FLOOR)
        if isinstance(building, str):
            # 30 bits for a name: two of 32 buildings are alike once in two million tables.
            self._key = crc32(building.encode()) >> 2 & _KEY_MAX
            for at in range(0, self._used * _ROW, _ROW):
                if self._rows[at] == self._key:
                    return at
        return -1

    def save(self):
        """Return what must survive a restart."""
        return [self._city_s, list(self._rows[: self._used * _ROW])]

    def restore(self, value) -> bool:
        """Take what save() returned; False, changing nothing, for anything else."""
        if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], list):
            return False
        rows = value[1]
        if len(rows) % _ROW or len(rows) > _BUILDINGS_MAX * _ROW:
            return False
        if not are_ints(value[:1], 1, 0, _MOST_S) or not are_ints(
            rows, len(rows), -_MOST_S, _KEY_MAX
        ):
            return False
        for at in range(0, len(rows), _ROW):
            if rows[at + _TIME] > _MOST_S or not 0 <= rows[at + _SPREAD] <= _MOST_S:
                return False
            if not 0 <= rows[at + _COUNT] <= _COUNT_MAX:
                return False
        self._city_s = value[0]
        self._used = len(rows) // _ROW
        for i in range(len(rows)):
            self._rows[i] = rows[i]
        return True
