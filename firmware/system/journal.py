"""Records into the two ring logs, stamped with the board's clock.

The roles (rider, picker, door) write here and know nothing of flash, frames or sequence numbers.
"""

from firmware.system.ringlog import BUFFER_SIZE, RingLog
from protocols import messages
from protocols.cbor import Writer
from protocols.compat import const

_RECORD_BYTES = const(640)


class Journal:
    """Writes records of protocols.messages to the evidence or the track ring.

    evidence, track: RingLog; clock: Clock; boot: number of this start.
    `refused` counts evidence that the full ring turned away: it must never be above 0 unnoticed.
    """

    def __init__(self, evidence, track, clock, boot: int):
        self.rings = (evidence, track)
        self.clock = clock
        self.boot = boot
        self.refused = 0
        self._buf = bytearray(_RECORD_BYTES)
        self._writer = Writer(self._buf)

    def stamp(self):
        """Return (boot, tick_ms, day, ms) of now; see messages.begin_record."""
        clock = self.clock
        return self.boot, clock.now_ms, clock.day(), clock.ms()

    def record(self, kind: int, values: dict) -> bool:
        """Store one record; False when it was refused (evidence ring full, or larger than 640 B)."""
        self._writer.reset()
        messages.put_record(self._writer, kind, self.stamp(), values)
        return self._append(kind)

    def begin(self, kind: int, fields: int, day: int = -1, ms: int = 0):
        """Start a record of `fields` fields and return the CBOR writer for them; commit() stores it.

        day, ms: the record's own UTC time (a fix carries its receiver's); else the clock's.
        """
        writer = self._writer
        writer.reset()
        stamp = self.stamp()
        if day >= 0:
            stamp = (self.boot, stamp[1], day, ms)
        messages.begin_record(writer, kind, stamp, fields)
        return writer

    def commit(self, kind: int) -> bool:
        """Store the record that begin() started; see record()."""
        return self._append(kind)

    def record_time(self, source: str, error_ms: int) -> bool:
        """Store the pair (ticks, UTC) of now, by which the gateway dates records without a time."""
        clock = self.clock
        writer = self.begin(messages.TIME, 4)
        # The head above already carries UTC: the ticks and the boot they count from go beside it.
        writer.integer(messages.KEY_TICK)
        writer.integer(clock.now_ms)
        writer.integer(messages.KEY_BOOT)
        writer.integer(self.boot)
        writer.integer(5)
        writer.integer(messages.words(messages.TIME, "source").index(source))
        writer.integer(6)
        writer.integer(error_ms)
        return self.commit(messages.TIME)

    def _append(self, kind):
        log = messages.log_of(kind)
        if self._writer.full or not self.rings[log].append(self._buf, self._writer.n):
            self.refused += 1
            return False
        if self.rings[log].dropped_from:
            self._tell_gap(log)
        return True

    def _tell_gap(self, log):
        """Say in the track log what an overwrite has dropped unacknowledged."""
        ring = self.rings[log]
        first, last = ring.dropped_from, ring.dropped_to
        ring.dropped_from = ring.dropped_to = 0
        self.record(
            messages.GAP,
            {
                "of_log": messages.LOGS[log],
                "from_seq": first,
                "to_seq": last,
                "why": "unreadable" if ring.damaged else "overwritten",
            },
        )
        ring.damaged = False


def open_journal(hardware, clock, boot: int) -> Journal:
    """Open the two rings on the partitions of `hardware` (an object of firmware.boards)."""
    buffer = bytearray(BUFFER_SIZE)
    rings = []
    for kind in (messages.EVIDENCE, messages.TRACK):
        flash = hardware.partition(messages.LOGS[kind])
        rings.append(RingLog(flash, kind, kind == messages.TRACK, hardware.new_id, buffer))
    return Journal(rings[0], rings[1], clock, boot)
