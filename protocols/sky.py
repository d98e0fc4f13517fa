"""Satellites in view and in use: one slot a satellite, whatever spoke of it.

So a satellite is counted once however many signals and sentences name it. Nothing here allocates
after start-up.
"""

from array import array

from protocols.compat import const

_SLOTS = const(64)  # a system's, see satellites.place
_ALL = const(512)  # of the eight systems
_GROUP = const(64)  # satellites of one group: up to 16 sentences of four


class Sky:
    """Satellites in view (GSV) and used (GSA).

    GSV comes in groups of sentences, mostly one a system and signal: a group counts when all its
    parts came in order. A system's first group of an epoch, or a signal's second one, begins its list
    anew. `cn0(slot)` is the best of its signals; which those were is kept where `signals` is true (a
    kilobyte that a board does not spend).
    """

    def __init__(self, signals: bool = False):
        # A list is one talker's (GP's holds SBAS too): a satellite is in view while its list and the
        # list's turn are those it was last seen in. So a list begins anew without touching its slots.
        self._turn = bytearray(8)
        self._seen = bytearray(_ALL)  # list << 5 | turn; turns are 1..31
        self._best = bytearray(_ALL)
        self._signals = array("H", bytes(2 * _ALL)) if signals else None
        self._used = bytearray(_ALL // 8)  # a bit a satellite
        self._heard_signals = array("H", bytes(16))  # of a list: bit a signal
        self._renewed = 0  # bit a list: a group came in this epoch
        self._broken = 0  # bit a list: a group of it was given up in this epoch
        self._lost_next = 0  # the part that follows one that was given up
        self._group_slots = array("H", bytes(2 * _GROUP))  # signal << 9 | slot
        self._group_cn0 = bytearray(_GROUP)
        self._group_size = 0
        self._group_of = 0  # the talker's system
        self._group_signal = 0  # bit of the first part's signal
        self._group_next = 0  # the part that must come
        self.used_by = bytearray(8)  # used satellites by system, since the epoch began
        self.fresh = False  # a whole group came since the epoch began
        self.dropped = 0  # groups given up for a missing part

    # --- GSV

    def take(self, system: int, signal: int, part: int, parts: int, slots, cn0, count: int) -> None:
        """Take part `part` of `parts` of a group of the talker's `system`, seen on `signal` (0..15).

        `slots` and `cn0` hold its `count` satellites; `cn0` in dB-Hz, 0 when not tracked.
        """
        if part == 1:
            if self._group_next > 1:
                self._give_up()
            self._group_of = system
            self._group_signal = 1 << signal
            self._group_next = 1
            self._group_size = 0
        elif part != self._group_next or system != self._group_of:
            # Its satellites are real, but the list would not be whole: keep the last one.
            if self._group_next > 1:
                self._give_up()
            elif part != self._lost_next:
                self.dropped += 1
            self._lost_next = part + 1
            self._broken |= 1 << system
            return
        size = self._group_size
        for i in range(count):
            if size < _GROUP:
                self._group_slots[size] = signal << 9 | slots[i]
                self._group_cn0[size] = cn0[i]
                size += 1
        self._group_size = size
        self._group_next = part + 1
        if part == parts:
            self._whole()

    def _whole(self):
        system = self._group_of
        signal = self._group_signal
        if self._broken & (1 << system):
            self._renewed |= 1 << system  # of another signal: added to the list that is kept
        elif not self._renewed & (1 << system) or self._heard_signals[system] & signal:
            self._renewed |= 1 << system
            self._begin(system)
        self._heard_signals[system] |= signal
        seen = self._seen
        best = self._best
        signals = self._signals
        mark = system << 5 | self._turn[system]
        for i in range(self._group_size):
            slot = self._group_slots[i]
            signal = 1 << (slot >> 9)
            slot &= _ALL - 1
            cn0 = self._group_cn0[i]
            if seen[slot] != mark:
                seen[slot] = mark
                best[slot] = cn0
                if signals:
                    signals[slot] = signal
            else:
                if signals:
                    signals[slot] |= signal
                if cn0 > best[slot]:
                    best[slot] = cn0
        self._group_next = 0
        self.fresh = True

    def _give_up(self):
        self.dropped += 1
        self._broken |= 1 << self._group_of
        self._group_next = 0

    def _begin(self, system):
        """Start a list anew; turns are counted round, so old traces go before their turn comes."""
        turn = self._turn[system] + 1
        if turn == 32:
            turn = 1
            for slot in range(_ALL):
                if self._seen[slot] >> 5 == system:
                    self._seen[slot] = 0
        self._turn[system] = turn
        self._heard_signals[system] = 0

    # --- GSA

    def use(self, slots, count: int) -> None:
        """Note that the position was computed with the first `count` of `slots`."""
        used = self._used
        for i in range(count):
            slot = slots[i]
            bit = 1 << (slot & 7)
            if not used[slot >> 3] & bit:  # one satellite may stand in GPGSA and in GNGSA
                used[slot >> 3] |= bit
                self.used_by[slot >> 6] += 1

    # --- epochs

    def end_epoch(self) -> None:
        """Give up a group whose last parts did not come: those of another epoch are not its rest."""
        if self._group_next > 1:
            self._give_up()

    def begin_epoch(self) -> None:
        """The next GSV group of each system begins its list anew, and nothing is used yet."""
        if self.whole:
            # An epoch with satellites in view tells them all: a talker without a group sees none.
            for system in range(8):
                if not self._renewed & (1 << system):
                    self._begin(system)
        self._renewed = 0
        self._broken = 0
        self._lost_next = 0
        self.fresh = False
        used = self._used
        for i in range(_ALL // 8):
            used[i] = 0
        used_by = self.used_by
        for system in range(8):
            used_by[system] = 0

    @property
    def whole(self) -> bool:
        """Whether groups came in this epoch and none of them was given up: the list is the sky."""
        return self.fresh and not self._broken

    # --- reading

    def is_used(self, slot: int) -> bool:
        """Tell whether GSA named the satellite in this epoch."""
        return self._used[slot >> 3] >> (slot & 7) & 1 != 0

    def visible(self, slot: int) -> bool:
        """Tell whether the satellite is in view."""
        mark = self._seen[slot]
        return mark != 0 and mark & 31 == self._turn[mark >> 5]

    def cn0(self, slot: int) -> int:
        """Return the satellite's best C/N0 in dB-Hz; 0 when it is not tracked."""
        return self._best[slot]

    def signals(self, slot: int) -> int:
        """Return the signals it was seen on: bit n for NMEA 4.11's signal id n, bit 0 for not said.

        0 where signals are not kept.
        """
        return self._signals[slot] if self._signals else 0

    def in_view(self, system: int = 0) -> int:
        """Return how many satellites of `system` (GPS..SBS; 0 for all) are in view."""
        count = 0
        for slot in range(system * _SLOTS, (system + 1 if system else 8) * _SLOTS):
            if self.visible(slot):
                count += 1
        return count
