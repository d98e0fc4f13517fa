"""How far the adverts of one sensor may be trusted: keys, counters, replays.

    signed     opened with the sensor's key, and its counter is higher than every one before
    counted    not sealed (or with an 8-bit counter only), and the sensor's own count is another than
               the last one heard: new to us, but its order proves nothing and anybody may have sent it
    plain      not sealed, not counted
    duplicate  heard before, byte for byte: nothing new, and no sign of life
    untrusted  readable, and not to be believed: replayed, or after a reset of the sensor, or not
               sealed although the sensor has a key, or before the sensor was enrolled

There is no window of low counters that pass, and no way back by itself: only `enrol` lowers what is
expected, and it is for an operator's authenticated command. What happens in between is kept as
untrusted, so that a change of battery loses no sample.

A pure state machine: the caller gives the time, and keeps the state over restarts with `pack` and
`load`. The rule: while `due`, what is signed may not be used as evidence before `pack()` was stored.
"""

from protocols.adverts import NONE, decode
from protocols.adverts.sealed import Key, digest
from protocols.compat import const, crc32

SIGNED = "signed"
COUNTED = "counted"
PLAIN = "plain"
DUPLICATE = "duplicate"
UNTRUSTED = "untrusted"

# A tag has 32 bits: at ten guesses a minute one fits in 800 years.
_FAILURES_MAX = const(10)
_WINDOW_MS = const(60_000)
_IGNORE_MS = const(60_000)
_SETS_MAX = const(4)  # adverts with different objects under one counter (pvvx sends two)

_VERSION = const(1)
_SIZE = const(21)
_ENROLLED = const(1)
_HAS_COUNTER = const(2)
_COUNTER_MAX = 0xFFFFFFFF
_REPLAYS_MAX = const(0xFFFF)


class Guard:
    """Judges the adverts of one sensor: `address` 6 bytes, most significant first; `key` 16 or None.

    `enrolled`         whether counters are believed yet (see `enrol`); without a key of no meaning
    `counter`          highest counter accepted; -1: none
    `replay_or_reset`  a lower counter was heard: somebody replays, or the sensor began anew
    `refused_counter`  the counter refused last, -1: none: what an operator looks at before `enrol`
    `replays` `failures` `ignored`  how many were refused for their counter, did not open, came while
                       failures are ignored
    """

    def __init__(self, address, key=None):
        if len(address) != 6:
            raise ValueError("a sensor's address has 6 bytes")
        self.address = bytes(address)
        self._key = None if key is None else Key(address, key)
        self.enrolled = False
        self.counter = -1
        self.replay_or_reset = False
        self.refused_counter = -1
        self.replays = 0
        self.failures = 0
        self.ignored = 0
        self._sets = []  # (objects, digest) accepted under `counter`
        self._closed = True  # nothing more is accepted under `counter`
        self._stored = -1  # up to here counters are covered by the state that was packed last
        self._enrolment_due = False
        self._failed_ms = []  # when the last failures came, at most ten
        self._ignore_ms = None  # until then
        self._number = NONE  # of the last counted advert
        self._digest = -1

    @property
    def due(self) -> bool:
        """Whether `pack` has to be stored before anything signed is used."""
        return self._enrolment_due or self.counter > self._stored

    def enrol(self, floor: int = -1) -> None:
        """Believe every counter above `floor` (-1: all) from now on. Only for an explicit command.

        Old adverts recorded above `floor` would pass again: after a change of battery give the
        sensor a new key if it can take one, else its present counter as `floor`.
        """
        self.enrolled = True
        self.counter = floor
        self.replay_or_reset = False
        self.refused_counter = -1
        self._sets = []
        self._closed = True
        self._stored = floor
        self._enrolment_due = True

    def take(self, payload, size: int, reading, now_ms: int):
        """Read an advert of this sensor and return one of the words above, or None when not ours.

        `payload[:size]` the AD payload; `reading` is filled as by `decode`, also for what is
        untrusted; `now_ms` monotonic. None leaves the reading cleared and no state changed, but for
        the count of failures.
        """
        key = self._key
        if key is None:
            if decode(payload, size, reading) is None:
                return None
            return self._judge_plain(payload, size, reading)
        if self._ignore_ms is not None:
            if now_ms < self._ignore_ms:
                self.ignored += 1
                return None if decode(payload, size, reading) is None else UNTRUSTED
            self._ignore_ms = None
        if decode(payload, size, reading, key) is None:
            if key.failed:
                self._count_failure(now_ms)
            return None
        if not key.sealed:
            return UNTRUSTED  # anybody can send this under the sensor's address
        if key.counter < 0:
            return self._judge_number(reading, key.digest)
        return self._judge_counter(key.counter, reading.objects, key.digest)

    def _judge_counter(self, counter, objects, mark):
        if not self.enrolled:
            self.refused_counter = counter
            return UNTRUSTED
        if counter > self.counter:
            self.counter = counter
            self._closed = False
            self._sets = [(objects, mark)]
            return SIGNED
        if counter == self.counter:
            known = False
            for each in self._sets:
                if each[1] == mark and each[0] == objects:
                    return DUPLICATE
                known = known or each[0] == objects
            if not known and not self._closed and len(self._sets) < _SETS_MAX:
                self._sets.append((objects, mark))
                return SIGNED
        self.replay_or_reset = True
        self.refused_counter = counter
        self.replays = min(self.replays + 1, _REPLAYS_MAX)
        return UNTRUSTED

    def _judge_plain(self, payload, size, reading):
        return self._judge_number(reading, digest(payload, 0, size))

    def _judge_number(self, reading, mark):
        number = reading.packet_id
        if number == NONE:
            number = reading.seq
        if number == NONE:
            return PLAIN
        if number == self._number:
            if mark == self._digest:
                return DUPLICATE
            # The same number with other bytes: another object set of the same measurement, or a
            # sensor that does not count. Either way the number proves nothing.
            self._digest = mark
            return PLAIN
        self._number = number
        self._digest = mark
        return COUNTED

    def _count_failure(self, now_ms):
        self.failures += 1
        last = self._failed_ms
        last.append(now_ms)
        if len(last) == _FAILURES_MAX:
            if now_ms - last[0] < _WINDOW_MS:
                self._ignore_ms = now_ms + _IGNORE_MS
                last.clear()
            else:
                last.pop(0)

    def pack(self, ahead: int = 0) -> bytes:
        """Return the state to store, 21 bytes.

        `ahead` counters are reserved beyond the present one: `due` then stays False for as many,
        which saves flash; after a restart they are untrusted until the sensor has passed them.
        """
        counter = self.counter
        if counter >= 0:
            counter = min(counter + ahead, _COUNTER_MAX)
        self._stored = counter
        self._enrolment_due = False
        flags = (_ENROLLED if self.enrolled else 0) | (_HAS_COUNTER if counter >= 0 else 0)
        check = b"\x00\x00\x00" if self._key is None else self._key.check
        body = (
            bytes((_VERSION,))
            + self.address
            + check
            + bytes((flags,))
            + _u32(max(counter, 0))
            + bytes((self.replays & 0xFF, self.replays >> 8))
        )
        return body + _u32(crc32(body) & 0xFFFFFFFF)

    def load(self, state) -> bool:
        """Take up a state of `pack`; False (and nothing changed) when it is not of this sensor and key.

        Damaged, cut off, of another version, address or key: all False. The sensor is then to be
        enrolled, not to be believed.
        """
        if len(state) != _SIZE or state[0] != _VERSION:
            return False
        body = bytes(state[: _SIZE - 4])
        if _u32(crc32(body) & 0xFFFFFFFF) != bytes(state[_SIZE - 4 :]):
            return False
        check = b"\x00\x00\x00" if self._key is None else self._key.check
        if body[1:7] != self.address or body[7:10] != check:
            return False
        flags = body[10]
        self.enrolled = bool(flags & _ENROLLED)
        self.counter = -1
        if flags & _HAS_COUNTER:
            self.counter = body[11] | body[12] << 8 | body[13] << 16 | body[14] << 24
        self.replays = body[15] | body[16] << 8
        self._sets = []
        self._closed = True
        self._stored = self.counter
        self._enrolment_due = False
        return True


def _u32(value):
    return bytes((value & 0xFF, value >> 8 & 0xFF, value >> 16 & 0xFF, value >> 24 & 0xFF))


__all__ = ["COUNTED", "DUPLICATE", "PLAIN", "SIGNED", "UNTRUSTED", "Guard"]
