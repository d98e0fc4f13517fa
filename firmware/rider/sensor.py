"""One enrolled sensor: what it said last, how far it is to be trusted, how often it is heard."""

from array import array

from firmware.rider.packed import pack
from protocols.absent import NONE
from protocols.adverts import decode
from protocols.compat import const

# Places in Sensor.state. Times are board time in its lowest 30 bits.
# Counters reserved by a save: after a restart so many adverts are not believed, and need no save each.
_AHEAD = const(16)
_TEMP_CC = const(0)
_ADVERTS = const(1)
_HEARD_MS = const(2)
_TOLD_MS = const(3)
_TOLD_CC = const(4)
_QUIET = const(5)  # records in a row without a change
_INTERVAL_MS = const(6)
_FLAGS = const(7)
_NUMBER = const(8)
_DIGEST = const(9)
_OPENED = const(10)  # 1 open, 0 shut, NONE: it does not tell
_DOOR_AT_MS = const(11)
_OPEN_MS = const(12)  # this opening
_DOORS = const(13)
_DOOR_MS = const(14)
_SHOCKS = const(15)
_TILTS = const(16)
_TILT_MS = const(17)
_UPRIGHT = const(18)  # three numbers: acceleration (0.001 g) of the box as it stands
_SLEW_AT_MS = const(21)
_SLEW_CC = const(22)
_PLACES = const(23)

_LOST = const(1)
_TOLD = const(2)  # a record was written since the start, or since it was found again
_LOW_BATTERY = const(4)
_STRUCK = const(8)
_TILTED = const(16)
_TILT_TOLD = const(32)
_DOOR_TOLD = const(64)
_SWAPPED = const(128)
_REFUSED = const(256)
_STANDS = const(512)  # UPRIGHT is known
_SLEWING = const(1024)  # SLEW_AT_MS and SLEW_CC are known

# Places of words in messages.TRUSTS; what else judge() says.
_UNTRUSTED = const(3)
_DUPLICATE = const(4)
_UNREAD = const(5)

_TICKS = const(0x3FFF_FFFF)
_LOST_MS = const(30_000)
_INTERVAL_MAX_MS = const(300_000)
_COUNT_MAX = const(0x3FFF_FFFF)


class Sensor:
    """A sensor of this board's box.

    address: 6 bytes, most significant first; name: what people call it, and what it may call itself;
    key: 16 bytes or None; profile: the only one whose orders it serves, None: all. `form` the word of
    the format that it sends, None before it was heard.
    """

    def __init__(self, address, name: str, key=None, profile=None):
        self.address = address
        self.name = name
        self.form: "str | None" = None
        self.profile = profile
        self.guard = None
        if key is not None:
            # Loaded for those who have keys only: with its ciphers it takes 7 kB of a board's heap.
            from protocols.adverts.guard import Guard

            self.guard = Guard(address, key)
        self.state = array("i", bytes(4 * _PLACES))
        self.state[_TEMP_CC] = self.state[_NUMBER] = self.state[_OPENED] = NONE

    def judge(self, payload, size: int, reading, now_ms: int) -> int:
        """Read an advert of this sensor; tell its trust, 0 signed .. 3 untrusted, 4 duplicate, 5 unread.

        A plain advert takes no heap. Without a key the rules are protocols.adverts.guard's: a count
        other than the last is `counted`, the same bytes under the same count are a duplicate.
        """
        if self.guard is not None:
            word = self.guard.take(payload, size, reading, now_ms)
            if word is None:
                return _UNREAD
            return ("signed", "counted", "plain", "untrusted", "duplicate").index(word)
        if decode(payload, size, reading) is None:
            return _UNREAD
        number = reading.packet_id if reading.packet_id != NONE else reading.seq
        if number == NONE:
            return 2
        mark = size
        for i in range(size):
            mark = (mark * 33 ^ payload[i]) & 0x3FFFFF
        state = self.state
        if number != state[_NUMBER]:
            state[_NUMBER] = number
            state[_DIGEST] = mark
            return 1
        if mark == state[_DIGEST]:
            return _DUPLICATE
        state[_DIGEST] = mark
        return 2

    def hear(self, now_ms: int) -> bool:
        """Note a sign of life and learn the sensor's interval; True when it had been lost."""
        state = self.state
        was_lost = bool(state[_FLAGS] & _LOST)
        interval_ms = now_ms - state[_HEARD_MS] & _TICKS
        if state[_ADVERTS] and interval_ms <= _INTERVAL_MAX_MS:
            if state[_INTERVAL_MS]:
                interval_ms = state[_INTERVAL_MS] + (interval_ms - state[_INTERVAL_MS]) // 8
            state[_INTERVAL_MS] = interval_ms
        state[_FLAGS] &= ~(_LOST | _SWAPPED)
        state[_HEARD_MS] = now_ms
        state[_ADVERTS] = min(state[_ADVERTS] + 1, _COUNT_MAX)
        return was_lost

    def falls_silent(self, now_ms: int) -> bool:
        """Tell whether it has just become lost: three of its intervals without a sign, 30 s at least."""
        state = self.state
        silent_ms = now_ms - state[_HEARD_MS] & _TICKS
        if state[_FLAGS] & _LOST or silent_ms <= max(_LOST_MS, 3 * state[_INTERVAL_MS]):
            return False
        state[_FLAGS] = state[_FLAGS] & ~_TOLD | _LOST
        return True

    def save(self) -> list:
        """Return what has to survive a power cut."""
        guard = None if self.guard is None else self.guard.pack(_AHEAD)
        return [self.address, guard, self.form, pack(self.state)]
