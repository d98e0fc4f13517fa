"""A small MQTT 3.1.1 client that never blocks, and leaves nothing on the heap per message.

One buffer and one write per packet (four small writes cost umqtt.simple 47 ms each through Nagle and
delayed ACK), a window of QoS 1 messages in flight, a deadline on everything that the other side owes
us, packet ids that never reach 0, reconnects with full jitter.

What it guarantees, and what not: a message that publish() took goes out whole and in order, or the
connection ends. Sessions are clean, so what was in flight then is forgotten here: what must not be lost
is held by the ring logs, sent again by system.uplink, and freed by the gateway's own ack. Within a
connection the last message is still in the buffer: when nothing is acknowledged for 5 s it is sent
again, once, with DUP (3.1.1 allows it, section 4.4).
"""

from array import array

from firmware.system.packets import Packets, PacketWriter
from protocols.compat import const

_CONNECT = const(0x10)
_CONNACK = const(0x20)
_PUBLISH = const(0x30)
_PUBACK = const(0x40)
_SUBSCRIBE = const(0x82)
_SUBACK = const(0x90)
_PINGREQ = const(0xC0)
_PINGRESP = const(0xD0)
_DISCONNECT = const(0xE0)
_DUP = const(0x08)
# Protocol level 4 (3.1.1); clean session, will at QoS 1, retained. No user and password: a device is
# known by its certificate.
_LEVEL_AND_FLAGS = const(4 << 8 | 0x02 | 0x04 | 0x08 | 0x20)

DOWN = const(0)
OPENING = const(1)  # the transport is connecting
GREETING = const(2)  # CONNECT on its way (and TLS shaking hands for it), CONNACK owed
UP = const(3)

_OPEN_MS = const(10_000)
# Owed: without any progress. A slow link makes progress: so long for one packet, or one PUBACK.
_OWED_MS = const(10_000)
_LATE_S = const(60)
_RESEND_MS = const(5_000)
# A broker that accepts us and throws us out again must not be asked every second for ever.
_STABLE_MS = const(30_000)
_BACKOFF_MIN_MS = const(1_000)
_BACKOFF_STEPS = const(6)
WINDOW = const(8)
# Room for a full device frame (1,200 B), its topic (54 B at most) and the packet head.
_TX_BYTES = const(1_276)
# A command of 1,000 B, its topic and its id.
_RX_BYTES = const(1_060)
# Behind the message in the buffer PUBACK and PINGREQ: that message may have to go out again.
_SMALL_BYTES = const(4)
# Reads per step: a flood of retained messages must not keep the board from its receiver.
_READS = const(32)
_UNAVAILABLE = const(3)
# A stream's OSError: our credentials were refused; what came is no MQTT.
_EACCES = const(13)
_EPROTO = const(71)


class Mqtt:
    """The client.

    open_stream(): starts a connection and returns a stream with ready() -> bool (raises OSError when
    it failed), read_into(buf) -> bytes read, 0 at the end, None when nothing is there,
    write(buf, start, size) -> bytes taken or None, and close(). random(n): an integer 0..n-1.
    client: the client id; will: (topic, payload) published, retained, when we vanish.
    on_up(): called when connected. on_message(topic, payload): memoryviews, valid during the call.
    options: keepalive_s, backoff_max_ms, rx_bytes.

    Drive it with step(now_ms), often. Counters: connects, drops, refused, unexpected, oversized,
    resent. `fault` says what ended the last connection, or kept it from beginning.
    """

    def __init__(self, open_stream, random, client, will, on_up, on_message, **options):
        self._open_stream = open_stream
        self._random = random
        self._client = client.encode()
        self._will = will
        self._on_up = on_up
        self._on_message = on_message
        self._keepalive_s = options.get("keepalive_s", 30)
        self._backoff_max_ms = options.get("backoff_max_ms", 60_000)
        self._packets = Packets(options.get("rx_bytes", _RX_BYTES))
        self._stream = None
        self._out = PacketWriter(_TX_BYTES + _SMALL_BYTES)
        self._out_at = self._out_end = self._out_ms = 0  # what is being written, since when
        self._pid = 0
        self._window_pid = array("H", bytes(2 * WINDOW))  # 0: a free slot
        self._window_s = array("H", bytes(2 * WINDOW))
        self._last = -1  # slot of the message that the buffer still holds
        self._answer = 0  # id of the PUBACK that we owe
        self._suback = 0  # id of the SUBACK that we are owed
        self._since_ms = 0  # when this state began; of DOWN, when it ends
        self._heard_ms = self._told_ms = 0
        self._moved_ms = 0  # when the window last moved
        self._ping_ms = -1
        self._failures = 0
        self.state = DOWN
        self.fault = ""
        self.in_flight = 0
        self.connects = self.drops = self.refused = 0
        self.unexpected = self.oversized = self.resent = 0

    # -- life of a connection ---------------------------------------------------------------------

    def step(self, now_ms: int) -> None:
        """Do all that can be done now without waiting."""
        try:
            if self.state == DOWN:
                if now_ms >= self._since_ms:
                    self._since_ms = now_ms
                    self.state = OPENING
                    self._stream = self._open_stream()
            elif self.state == OPENING:
                if self._stream.ready():
                    self._greet(now_ms)
                elif now_ms - self._since_ms > _OPEN_MS:
                    self._drop(now_ms, "no connection")
            else:
                self._flush(now_ms)
                for _ in range(_READS):
                    # While our PUBACK is not out, what is behind it has to wait.
                    if self._answer or self._stream is None:
                        break
                    found = self._packets.take(self._stream)
                    if found is None:
                        break
                    self._heard_ms = now_ms
                    if found:
                        self._handle(now_ms)
                if self._stream is not None:
                    self._watch(now_ms)
        except (OSError, MemoryError) as fault:  # TLS wants 40 kB at once, and may not get them
            code = fault.args[0] if fault.args else 0
            if code == _EPROTO:
                self.unexpected += 1
            self._drop(now_ms, str(fault.args[-1]) if fault.args else "failed", code == _EACCES)

    def _greet(self, now_ms):
        topic, payload = self._will
        out = self._begin(_CONNECT, 16 + len(self._client) + len(topic) + len(payload))
        out.string(b"MQTT")
        out.u16(_LEVEL_AND_FLAGS)
        out.u16(self._keepalive_s)
        out.string(self._client)
        out.string(topic)
        out.string(payload)
        self.state = GREETING
        self._since_ms = self._heard_ms = now_ms
        self._send(0, self._out.n, now_ms)

    def _watch(self, now_ms):
        """End the connection when the other side owes us something for too long."""
        age_ms = now_ms - self._since_ms
        if self.state == GREETING:
            if age_ms > _OWED_MS:
                self._drop(now_ms, "no CONNACK")
            return
        if self._failures and age_ms > _STABLE_MS:
            self._failures = 0
        now_s = now_ms // 1_000
        for i in range(WINDOW):
            if self._window_pid[i] and (now_s - self._window_s[i] & 0xFFFF) > _LATE_S:
                self._drop(now_ms, "no PUBACK")
                return
        if self._suback and age_ms > _OWED_MS:
            self._drop(now_ms, "no SUBACK")
        elif self._out_end:
            if now_ms - self._told_ms > _OWED_MS or now_ms - self._out_ms > _LATE_S * 1_000:
                self._drop(now_ms, "nothing is taken")
        elif self.in_flight and now_ms - self._moved_ms > _OWED_MS:
            self._drop(now_ms, "no PUBACK")
        elif self._last >= 0 and now_ms - self._moved_ms > _RESEND_MS:
            self._last = -1  # once
            self._out.buf[0] |= _DUP
            self.resent += 1
            self._send(0, self._out.n, now_ms)
        elif self._ping_ms >= 0:
            # Whatever comes shows life; on a slow link the answer stands behind other things.
            if now_ms - max(self._ping_ms, self._heard_ms) > _OWED_MS:
                self._drop(now_ms, "no PINGRESP")
        elif min(self._heard_ms, self._told_ms) + self._keepalive_s * 750 < now_ms:
            # Three quarters of the keep-alive without traffic in one direction.
            self._ping_ms = now_ms
            self._send_small(_PINGREQ, 0, now_ms)

    def _drop(self, now_ms, why, refused=False):
        try:
            if self._stream is not None:
                self._stream.close()
        except OSError:
            pass
        if self.state == UP:
            self.drops += 1
        self.fault = why
        self._stream = None
        self.state = DOWN
        self._packets.reset()
        self._out_end = self._answer = self._suback = self.in_flight = 0
        self._ping_ms = -1
        for i in range(WINDOW):
            self._window_pid[i] = 0
        if refused:
            # Credentials do not get better by asking again soon.
            self.refused += 1
            self._failures = _BACKOFF_STEPS
            pause_ms = self._backoff_max_ms + self._random(self._backoff_max_ms + 1)
        else:
            # Full jitter: after a broker restart ten thousand boards must not come back together.
            ceiling_ms = min(self._backoff_max_ms, _BACKOFF_MIN_MS << self._failures)
            pause_ms = self._random(ceiling_ms + 1)
            self._failures = min(self._failures + 1, _BACKOFF_STEPS)
        self._since_ms = now_ms + pause_ms

    def close(self, now_ms: int) -> None:
        """Say goodbye (the will is not published) and come back after a pause."""
        if self.state == UP and self._out_end == 0:
            try:
                self._send_small(_DISCONNECT, 0, now_ms)
            except OSError:
                pass
        self._drop(now_ms, "closed")

    def drop(self, now_ms: int) -> None:
        """End the connection without a goodbye (the will is published) and come back after a pause."""
        self._drop(now_ms, "given up")

    @property
    def is_up(self) -> bool:
        """Whether the broker has taken us."""
        return self.state == UP

    # -- sending ----------------------------------------------------------------------------------

    def room(self) -> bool:
        """Tell whether publish() at QoS 1 would be taken now."""
        return self.state == UP and self._out_end == 0 and self.in_flight < WINDOW

    def publish(self, topic, payload, size: int, qos: int, now_ms: int, retain=False) -> int:
        """Send `payload[:size]`; returns the packet id (QoS 1), 0 (QoS 0), or -1 when it must wait.

        topic: bytes. The buffer may be reused at once. -1 means not connected, window full, or the
        packet before is not yet on the wire. ValueError for more than 1,276 bytes with topic and head.
        """
        if self.state != UP or self._out_end or (qos and self.in_flight == WINDOW):
            return -1
        length = 2 + len(topic) + (2 if qos else 0) + size
        if length + 5 > _TX_BYTES:
            raise ValueError("a packet has at most 1,276 bytes")
        out = self._begin(_PUBLISH | qos << 1 | (1 if retain else 0), length)
        out.string(topic)
        pid = 0
        if qos:
            pid = self._next_pid()
            out.u16(pid)
            slot = self._slot(0)
            self._window_pid[slot] = pid
            self._window_s[slot] = now_ms // 1_000 & 0xFFFF
            self._last = slot
            if self.in_flight == 0:
                self._moved_ms = now_ms
            self.in_flight += 1
        out.octets(payload, size)
        try:
            self._send(0, self._out.n, now_ms)
        except OSError:
            pass  # the next step() meets it again, and ends the connection with its reason
        return pid

    def subscribe(self, topics, now_ms: int) -> None:
        """Subscribe to `topics` (bytes) at QoS 1; called from on_up, before anything else is sent."""
        size = 2
        for topic in topics:
            size += 3 + len(topic)
        out = self._begin(_SUBSCRIBE, size)
        self._suback = self._next_pid()
        out.u16(self._suback)
        for topic in topics:
            out.string(topic)
            out.octets(b"\x01", 1)
        self._send(0, self._out.n, now_ms)

    def _begin(self, head, length):
        self._last = -1  # what was in the buffer cannot go out again
        self._out.begin(head, length)
        return self._out

    def _next_pid(self):
        # 1..65535: an id of 0 is a protocol error (umqtt.simple breaks at message 65,536).
        while True:
            self._pid = self._pid % 65_535 + 1
            if self._pid != self._suback and self._slot(self._pid) < 0:
                return self._pid

    def _slot(self, pid):
        for i in range(WINDOW):
            if self._window_pid[i] == pid:
                return i
        return -1

    def _send_small(self, head, pid, now_ms):
        tx = self._out.buf
        tx[_TX_BYTES] = head
        tx[_TX_BYTES + 1] = 2 if pid else 0
        tx[_TX_BYTES + 2] = pid >> 8
        tx[_TX_BYTES + 3] = pid & 255
        self._send(_TX_BYTES, _TX_BYTES + 2 + tx[_TX_BYTES + 1], now_ms)

    def _send(self, start, end, now_ms):
        self._out_at = start
        self._out_end = end
        self._out_ms = self._told_ms = now_ms
        self._flush(now_ms)

    def _flush(self, now_ms):
        if self._out_end:
            while self._out_at < self._out_end:
                taken = self._stream.write(
                    self._out.buf, self._out_at, self._out_end - self._out_at
                )
                if not taken:
                    return
                self._told_ms = now_ms
                self._out_at += taken
            self._out_end = 0
            if self._last >= 0 and self._out_ms != now_ms:
                # It went out in pieces: a slow link. Its PUBACK is owed from now on.
                self._moved_ms = now_ms
        if self._answer:
            pid = self._answer
            self._answer = 0
            self._send_small(_PUBACK, pid, now_ms)

    # -- receiving --------------------------------------------------------------------------------

    def _handle(self, now_ms):
        kind = self._packets.head & 0xF0
        size = self._packets.size
        body = self._packets.body
        pid = body[0] << 8 | body[1] if size > 1 else 0
        if self.state == GREETING:
            if kind != _CONNACK or size != 2:
                self.unexpected += 1
            elif body[1]:
                why = "refused with CONNACK code {}".format(body[1])
                self._drop(now_ms, why, body[1] != _UNAVAILABLE)
            else:
                self.state = UP
                self.connects += 1
                self._since_ms = now_ms
                self._on_up()
        elif kind == _PUBLISH:
            self._deliver(now_ms)
        elif kind == _PUBACK and size == 2 and pid and self._slot(pid) >= 0:
            slot = self._slot(pid)
            self._window_pid[slot] = 0
            self._moved_ms = now_ms
            self.in_flight -= 1
            if slot == self._last:
                self._last = -1
        elif kind == _PINGRESP:
            self._ping_ms = -1
        elif kind == _SUBACK and size > 2 and pid and pid == self._suback:
            self._suback = 0
            # 0x80 per topic that the broker's access list refuses: without our ack topic the
            # rings would never be freed, so this connection is of no use.
            for i in range(2, min(size, len(body))):
                if body[i] == 0x80:
                    self._drop(now_ms, "subscription refused", True)
                    return
        else:
            self.unexpected += 1

    def _deliver(self, now_ms):
        body = self._packets.body
        size = self._packets.size
        topic_end = 2 + (body[0] << 8 | body[1])
        qos = self._packets.head >> 1 & 3
        start = topic_end + (2 if qos else 0)
        if size < start or qos > 1:
            raise OSError(_EPROTO, "no MQTT")
        if size > len(body):
            self.oversized += 1
        else:
            view = memoryview(body)
            self._on_message(view[2:topic_end], view[start:size])
        # One that was too large is acknowledged too: the broker would keep it in its window for ever,
        # and after a few of them send nothing more.
        if qos and start <= len(body) and self._stream is not None:
            self._answer = body[start - 2] << 8 | body[start - 1]
            if self._out_end == 0:
                self._flush(now_ms)
