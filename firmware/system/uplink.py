"""From the ring logs to the gateway and back: frames up, acknowledgements down.

Only the gateway's ack frees a ring. After every connect the board says hello (which logs it has and
what they hold), the gateway answers with one ack per log, and sending resumes behind it. When records
are on their way and the ack stands still for a jittered time, sending rewinds to the ack: whatever the
broker, its sessions or a dead gateway lost on the way is sent again. Evidence goes first.

An ack for a number that this board has not sent since its ring was mounted, and that the ring did not
hold then, proves that numbers were lost (a flash restored from a copy, damage that nothing else told):
the gateway would take the records to come for repeats and have them freed. So it frees nothing; the
ring goes on as a new log, whose records the gateway takes as new. A lie costs repeats, never a record.
"""

from protocols import messages
from protocols.cbor import Writer
from protocols.compat import const

# The ack stands still this long with records on their way: 4 to 8 s, drawn anew each time, so that a
# city of boards does not resend in step after a gateway's restart.
_REWIND_MIN_MS = const(4_000)
_HELLO_AGAIN_MS = const(5_000)
# From this many records on a backlog is old news, and the map needs a `now` record beside it.
_BACKLOG = const(50)
_NOW_EVERY_MS = const(5_000)
_NEW_LOG_EVERY_MS = const(600_000)


class Uplink:
    """Sends what the rings hold through `mqtt` to `topic_up` (bytes).

    journal: Journal. hello(writer): writes the hello record. now(writer): writes a `now` record and
    returns True, or False when there is no position to tell. random(n): an integer 0..n-1.
    `rewinds` counts how often sending went back to the ack; `acks_ahead` the acks that named a number
    not sent yet. A ring begins a new log at most once in 10 minutes: a stream of forged acks must not
    wear the flash, nor have a whole ring sent again and again.
    """

    def __init__(self, mqtt, journal, topic_up, hello, now, random):
        self._mqtt = mqtt
        self._rings = journal.rings
        self._topic = topic_up
        self._hello = hello
        self._now = now
        self._random = random
        self._buf = bytearray(messages.FRAME_MAX_BYTES)
        self._writer = Writer(self._buf)
        self._readers = [ring.reader(ring.acked + 1) for ring in self._rings]
        # Until the gateway has answered the hello, where to resume is not known.
        self._answered = [False, False]
        self._hello_due_ms = -1
        self._now_due_ms = 0
        self._moved_ms = [0, 0]
        self._patience_ms = [_REWIND_MIN_MS, _REWIND_MIN_MS]
        # Per ring: the first number of its log that no gateway can have heard of.
        self._unsent = [ring.mounted for ring in self._rings]
        self._new_log_ms = [0, 0]  # not before
        self.rewinds = 0
        self.acks_ahead = 0

    def on_up(self, now_ms: int) -> None:
        """The connection stands: forget what was under way and say hello."""
        self._answered[0] = self._answered[1] = False
        self._hello_due_ms = now_ms

    def on_ack(self, data, now_ms: int) -> None:
        """Take an acknowledgement of the gateway; what is not about our rings is ignored."""
        ack = messages.read_ack(data)
        if ack is None:
            return
        log, seq = ack
        for i in range(2):
            ring = self._rings[i]
            if ring.log != log:
                continue
            if seq >= max(self._unsent[i], ring.oldest):
                self._on_ack_ahead(i, now_ms)
                continue
            if seq > ring.acked:
                self._moved_ms[i] = now_ms
            ring.ack(seq)
            if not self._answered[i] or self._readers[i].seq <= seq:
                # Answered: go on behind the ack. Overtaken by it: what is ahead was sent before.
                self._answered[i] = True
                self._moved_ms[i] = now_ms
                self._readers[i].seek(seq + 1)
        if self._answered[0] and self._answered[1]:
            self._hello_due_ms = -1

    def _on_ack_ahead(self, i, now_ms):
        ring = self._rings[i]
        self.acks_ahead += 1
        if now_ms < self._new_log_ms[i]:
            return
        self._new_log_ms[i] = now_ms + _NEW_LOG_EVERY_MS
        ring.begin_log()
        self._unsent[i] = ring.acked + 1
        self._readers[i].seek(ring.acked + 1)
        self.on_up(now_ms)  # a hello tells the gateway of the new log

    def step(self, now_ms: int) -> bool:
        """Send one frame if there is one to send and room for it; True when something was sent."""
        if not self._mqtt.room():
            return False
        if self._hello_due_ms >= 0 and now_ms >= self._hello_due_ms:
            return self._say_hello(now_ms)
        for i in range(2):
            if self._answered[i]:
                self._rewind_if_stuck(i, now_ms)
        for i in range(2):
            if self._answered[i] and self._send_frame(i, now_ms):
                return True
        return False

    def _say_hello(self, now_ms):
        writer = self._begin(messages.NO_LOG, 0, 0)
        self._hello(writer)
        if self._mqtt.publish(self._topic, self._buf, writer.n, 1, now_ms) < 0:
            return False
        # Said again until both logs are answered: the gateway may be down while the broker is up.
        self._hello_due_ms = now_ms + _HELLO_AGAIN_MS
        return True

    def tell_now(self, now_ms: int) -> None:
        """While a backlog drains, keep the live map live: one unlogged `now` record at QoS 0."""
        if self._rings[messages.TRACK].pending < _BACKLOG or now_ms < self._now_due_ms:
            return
        writer = self._begin(messages.NO_LOG, 0, 0)
        if self._now(writer):
            self._mqtt.publish(self._topic, self._buf, writer.n, 0, now_ms)
        self._now_due_ms = now_ms + _NOW_EVERY_MS

    def _begin(self, log, oldest, first):
        self._writer.reset()
        messages.put_frame_head(self._writer, log, oldest, first)
        return self._writer

    def _rewind_if_stuck(self, i, now_ms):
        if self._readers[i].seq <= self._rings[i].acked + 1:
            self._moved_ms[i] = now_ms  # nothing is on its way
        elif now_ms - self._moved_ms[i] > self._patience_ms[i]:
            self._patience_ms[i] = _REWIND_MIN_MS + self._random(_REWIND_MIN_MS)
            self.rewinds += 1
            # Ask first: the gateway answers a hello with its acks, so a lost ack costs no resend.
            self.on_up(now_ms)

    def _send_frame(self, i, now_ms):
        ring = self._rings[i]
        reader = self._readers[i]
        if reader.hole_from and not self._step_over_hole(ring, reader):
            return False
        if reader.seq >= ring.next:
            return False
        first = reader.seq
        n = self._begin(ring.log, ring.oldest, first).n
        start = n
        while not reader.hole_from:
            size = reader.read_into(self._buf, n, messages.FRAME_MAX_BYTES - n)
            if size <= 0:
                break
            n += size
        if n == start:
            return False  # the first record is gone: the hole is stepped over in the next round
        if self._mqtt.publish(self._topic, self._buf, n, 1, now_ms) < 0:
            reader.seek(first)
            return False
        self._unsent[i] = max(self._unsent[i], reader.seq)
        return True

    def _step_over_hole(self, ring, reader):
        """Records from reader.hole_from on are gone; True when sending may go on behind them.

        A frame behind the hole moves the gateway over it by its `oldest`. For records damaged on the
        flash that may happen only once all before them are acked; an overwrite has already given
        them up.
        """
        if reader.seq > ring.oldest:
            if ring.acked + 1 < reader.hole_from:
                return False
            ring.skip(reader.seq)
        reader.hole_from = 0
        return True
