"""Receiver bytes -> epochs -> fix records, and the last known position."""

from protocols import messages
from protocols.absent import NONE
from protocols.calendar import wire_day
from protocols.compat import const
from protocols.fix import STEP, Fix
from protocols.gnss import Receiver
from protocols.nmea import Framer

# The epoch under way ends when the line was silent this long: longer than any pause inside a burst
# at 9600 baud, shorter than the second to the next one.
_QUIET_MS = const(250)

# (key, attribute of gnss.Fix) of the numbers that a fix record may carry besides its position.
_NUMBERS = (
    (7, "alt_cm"),
    (8, "mode"),
    (9, "quality"),
    (10, "sats_used"),
    (11, "bds_used"),
    (12, "hdop_c"),
    (13, "speed_mm_s"),
    (14, "course_cdeg"),
    (17, "acc_cm"),
)


class Fixes:
    """Feeds one receiver's bytes and records its epochs.

    journal: system.journal.Journal or its like; records: whether each epoch with a position is recorded
    (for diagnostics: some 200 kB an hour that a rider does not need); build_days: of the receiver's
    firmware, for the week rollover, None unknown; on_epoch(fix, now_ms) is called for every epoch.
    `epochs` counts those closed, `fixes` those with a position; `tells` False: none is recorded.
    """

    def __init__(self, journal, clock, records: bool, build_days, on_epoch):
        self.framer = Framer()
        self.receiver = Receiver() if build_days is None else Receiver(build_days)
        self._journal = journal
        self._clock = clock
        self._records = records
        self._on_epoch = on_epoch
        self.tells = True
        self._heard_ms = 0
        self.epochs = 0
        self.fixes = 0
        self.last_ms = -1  # when the last fix came, board time; -1 before the first
        self.last: "Fix | None" = None

    def feed(self, buf, n: int, now_ms: int) -> None:
        """Take `buf[:n]` from the receiver's line."""
        self._heard_ms = now_ms
        framer = self.framer
        pos = 0
        while pos < n:
            pos = framer.feed(buf, pos, n)
            if framer.ready and self.receiver.take(framer):
                self._epoch(now_ms)

    def step(self, now_ms: int) -> None:
        """Close the epoch under way when the line has fallen silent."""
        if now_ms - self._heard_ms > _QUIET_MS and self.receiver.quiet():
            self._epoch(now_ms)

    def _epoch(self, now_ms):
        fix = self.receiver.fix
        self.epochs += 1
        day = wire_day(fix.days)
        # A time that did not follow the last one sets no clock until the next epoch follows it.
        if day >= 0 and not fix.flags & STEP and self._clock.set(day, fix.ms, "gnss"):
            # A new truth about time: what was recorded with ticks alone can now be resolved.
            self._journal.record_time("gnss", 1_000)
        if fix.has_position:
            self.fixes += 1
            self.last = fix
            self.last_ms = now_ms
            if self._records and self.tells:
                writer = self._journal.begin(messages.FIX, count_fields(fix), day, fix.ms)
                put_fields(writer, fix)
                self._journal.commit(messages.FIX)
        self._on_epoch(fix, now_ms)


def count_fields(fix) -> int:
    """Return how many fields put_fields() will write for `fix`."""
    count = 5 if fix.flags else 4  # lat, lon, source, datum, and flags where there is a doubt
    for _, name in _NUMBERS:
        if getattr(fix, name) != NONE:
            count += 1
    return count


def put_fields(writer, fix) -> None:
    """Write the fields of a fix or now record; the position never becomes a big integer."""
    writer.integer(5)
    writer.e7(fix.lat[0], fix.lat[1])
    writer.integer(6)
    writer.e7(fix.lon[0], fix.lon[1])
    for key, name in _NUMBERS:
        value = getattr(fix, name)
        if value != NONE:
            writer.integer(key)
            writer.integer(value)
    writer.integer(15)
    writer.integer(0)  # source: gnss
    writer.integer(16)
    writer.integer(fix.datum)
    if fix.flags:
        writer.integer(18)
        writer.integer(fix.flags)
