"""A small MQTT 3.1.1 client that never blocks.

One buffer and one write per packet (four small writes cost umqtt.simple 47 ms each through Nagle and
delayed ACK), a window of QoS 1 messages in flight, a deadline on everything that the other side owes
us, packet ids that never reach 0, reconnects with full jitter. Sessions are clean: what must not be
lost is held by the ring logs and freed by the gateway's own ack, so the broker may forget us.
"""

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

DOWN = const(0)
OPENING = const(1)  # the transport is connecting
GREETING = const(2)  # CONNECT sent, CONNACK owed
UP = const(3)

_OPEN_MS = const(10_000)
_OWED_MS = const(10_000)
_BACKOFF_MIN_MS = const(1_000)
WINDOW = const(8)
# Room for a full device frame (1,200 B), its topic and the packet head.
_TX_BYTES = const(1_400)


class Mqtt:
    """The client.

    open_stream(): starts a connection and returns a stream with ready() -> bool (raises OSError when
    it failed), read_into(buf) -> bytes read, 0 at the end, None when nothing is there,
    write(buf) -> bytes taken or None, and close(). random(n): an integer 0..n-1.
    client: the client id; will: (topic, payload) published, retained, when we vanish.
    on_up(): called when connected. on_message(topic, payload): memoryviews, valid during the call.

    Drive it with step(now_ms), often. Counters: connects, drops, refused, unexpected, oversized.
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
        self._user = options.get("user")
        self._password = options.get("password")
        self._stream = None
        self._tx = bytearray(_TX_BYTES)
        self._tx_n = 0
        self._tx_sent = 0
        self._rx = bytearray(options.get("rx_bytes", 1_024))
        self._rx_n = 0
        self._skip = 0
        self._held = False
        self._pid = 0
        self._window_pid = [0] * WINDOW
        self._window_ms = [0] * WINDOW
        self._since_ms = 0
        self._heard_ms = 0
        self._told_ms = 0
        self._ping_ms = -1
        self._retry_at_ms = 0
        self._failures = 0
        self.state = DOWN
        self.in_flight = 0
        self.connects = 0
        self.drops = 0
        self.refused = 0
        self.unexpected = 0
        self.oversized = 0

    # -- life of a connection ---------------------------------------------------------------------

    def step(self, now_ms: int) -> None:
        """Do all that can be done now without waiting."""
        try:
            if self.state == DOWN:
                if now_ms >= self._retry_at_ms:
                    self._open(now_ms)
                return
            if self.state == OPENING:
                if self._stream.ready():
                    self._greet(now_ms)
                elif now_ms - self._since_ms > _OPEN_MS:
                    self._drop(now_ms)
                return
            self._flush()
            # With a packet still on its way out there would be no room for the answers.
            while self._tx_n == 0 and self._receive(now_ms):
                pass
            if self.state != DOWN:
                self._watch(now_ms)
        except OSError:
            self._drop(now_ms)

    def _open(self, now_ms):
        self._since_ms = now_ms
        self.state = OPENING
        self._stream = self._open_stream()

    def _greet(self, now_ms):
        topic, payload = self._will
        flags = 0x02 | 0x04 | 0x08 | 0x20  # clean session; will at QoS 1, retained
        size = 10 + 2 + len(self._client) + 2 + len(topic) + 2 + len(payload)
        if self._user:
            flags |= 0xC0
            size += 4 + len(self._user) + len(self._password)
        self._begin(_CONNECT, size)
        self._put_string(b"MQTT")
        self._put(4)
        self._put(flags)
        self._put16(self._keepalive_s)
        self._put_string(self._client)
        self._put_string(topic)
        self._put_string(payload)
        if self._user:
            self._put_string(self._user)
            self._put_string(self._password)
        self.state = GREETING
        self._since_ms = self._heard_ms = now_ms
        self._send(now_ms)

    def _watch(self, now_ms):
        """Drop the connection when the other side owes us something for too long."""
        if self.state == GREETING:
            if now_ms - self._since_ms > _OWED_MS:
                self._drop(now_ms)
            return
        for i in range(WINDOW):
            if self._window_pid[i] and now_ms - self._window_ms[i] > _OWED_MS:
                self._drop(now_ms)
                return
        if self._ping_ms >= 0:
            if now_ms - self._ping_ms > _OWED_MS:
                self._drop(now_ms)
        elif self._tx_n:
            if now_ms - self._told_ms > _OWED_MS:  # nobody takes our bytes
                self._drop(now_ms)
        elif min(self._heard_ms, self._told_ms) + self._keepalive_s * 750 < now_ms:
            # Three quarters of the keep-alive without traffic in one direction.
            self._begin(_PINGREQ, 0)
            self._ping_ms = now_ms
            self._send(now_ms)

    def _drop(self, now_ms):
        if self._stream is not None:
            try:
                self._stream.close()
            except OSError:
                pass
        if self.state == UP:
            self.drops += 1
        self._stream = None
        self.state = DOWN
        self._tx_n = self._tx_sent = self._rx_n = self._skip = 0
        self._held = False
        self._ping_ms = -1
        self.in_flight = 0
        for i in range(WINDOW):
            self._window_pid[i] = 0
        # Full jitter: after a broker restart ten thousand boards must not come back together.
        ceiling = min(self._backoff_max_ms, _BACKOFF_MIN_MS << min(self._failures, 6))
        self._retry_at_ms = now_ms + self._random(ceiling + 1)
        self._failures += 1

    def close(self, now_ms: int) -> None:
        """Say goodbye (the will is not published) and stay down until the next step()."""
        if self.state == UP and self._tx_n == 0:
            try:
                self._begin(_DISCONNECT, 0)
                self._send(now_ms)
            except OSError:
                pass
        self._drop(now_ms)

    # -- sending ----------------------------------------------------------------------------------

    def room(self) -> bool:
        """Tell whether publish() at QoS 1 would be taken now."""
        return self.state == UP and self._tx_n == 0 and self.in_flight < WINDOW

    def publish(
        self, topic, payload, size: int, qos: int, now_ms: int, retain: bool = False
    ) -> int:
        """Send `payload[:size]`; returns the packet id (QoS 1), 0 (QoS 0), or -1 when it must wait.

        topic: bytes. The buffer may be reused at once. -1 means not connected, window full, or the
        packet before is not yet on the wire.
        """
        if self.state != UP or self._tx_n or (qos and self.in_flight == WINDOW):
            return -1
        length = 2 + len(topic) + (2 if qos else 0) + size
        if length + 5 > _TX_BYTES:
            raise ValueError("a packet has at most 1,400 bytes")
        pid = 0
        self._begin(_PUBLISH | qos << 1 | (1 if retain else 0), length)
        self._put_string(topic)
        if qos:
            pid = self._next_pid()
            self._put16(pid)
            slot = self._window_pid.index(0)
            self._window_pid[slot] = pid
            self._window_ms[slot] = now_ms
            self.in_flight += 1
        self._put_bytes(payload, size)
        try:
            self._send(now_ms)
        except OSError:
            self._drop(now_ms)
            return -1
        return pid

    def subscribe(self, topics, now_ms: int) -> None:
        """Subscribe to `topics` (bytes) at QoS 1; called from on_up, before anything else is sent."""
        size = 2
        for topic in topics:
            size += 3 + len(topic)
        self._begin(_SUBSCRIBE, size)
        self._put16(self._next_pid())
        for topic in topics:
            self._put_string(topic)
            self._put(1)
        self._send(now_ms)

    def _next_pid(self):
        # 1..65535: an id of 0 is a protocol error (umqtt.simple breaks at message 65,536).
        self._pid = self._pid % 65_535 + 1
        while self._pid in self._window_pid:
            self._pid = self._pid % 65_535 + 1
        return self._pid

    def _begin(self, head, length):
        self._tx[0] = head
        self._tx_n = 1
        while True:
            digit = length & 0x7F
            length >>= 7
            self._put(digit | (0x80 if length else 0))
            if not length:
                return

    def _put(self, byte):
        self._tx[self._tx_n] = byte
        self._tx_n += 1

    def _put16(self, value):
        self._put(value >> 8)
        self._put(value & 255)

    def _put_bytes(self, data, size):
        self._tx[self._tx_n : self._tx_n + size] = data if size == len(data) else data[:size]
        self._tx_n += size

    def _put_string(self, data):
        self._put16(len(data))
        self._put_bytes(data, len(data))

    def _send(self, now_ms):
        self._told_ms = now_ms
        self._tx_sent = 0
        self._flush()

    def _flush(self):
        while self._tx_sent < self._tx_n:
            taken = self._stream.write(memoryview(self._tx)[self._tx_sent : self._tx_n])
            if not taken:
                return
            self._tx_sent += taken
        self._tx_n = self._tx_sent = 0

    # -- receiving --------------------------------------------------------------------------------

    def _receive(self, now_ms) -> bool:
        """Read once and handle the whole packets; True when there may be more to do."""
        view = memoryview(self._rx)
        count = None
        if self._rx_n < len(self._rx):
            count = self._stream.read_into(view[self._rx_n :])
            if count == 0:  # the broker closed the connection
                self._drop(now_ms)
                return False
        if count is not None:
            self._heard_ms = now_ms
            self._rx_n += count
        elif not self._held:
            return False
        self._held = False
        start = 0
        while start < self._rx_n:
            if self._skip:
                step = min(self._skip, self._rx_n - start)
                self._skip -= step
                start += step
                continue
            length = 0
            shift = 0
            pos = start + 1
            while pos < self._rx_n and shift <= 21:
                length |= (self._rx[pos] & 0x7F) << shift
                shift += 7
                pos += 1
                if not self._rx[pos - 1] & 0x80:
                    break
            else:
                if shift > 21:
                    self._drop(now_ms)  # a length of more than four digits is no MQTT
                    return False
                break
            if pos - start + length > len(self._rx):
                self.oversized += 1
                self._skip = pos - start + length
                continue
            if pos + length > self._rx_n:
                break
            self._handle(self._rx[start], pos, length, now_ms)
            if self.state == DOWN or self._stream is None:
                return False
            start = pos + length
            if self._tx_n:
                self._held = True  # the answer is not out yet: leave the rest for later
                break
        left = self._rx_n - start
        view[:left] = view[start : self._rx_n]
        self._rx_n = left
        return True

    def _handle(self, head, pos, length, now_ms):
        kind = head & 0xF0
        rx = self._rx
        if kind == _CONNACK and self.state == GREETING and length == 2:
            if rx[pos + 1] != 0:
                self.refused += 1
                # Credentials do not get better by asking again soon.
                self._failures = max(self._failures, 6)
                self._drop(now_ms)
                return
            self.state = UP
            self.connects += 1
            self._failures = 0
            self._on_up()
        elif kind == _PUBLISH and self.state == UP and length >= 2:
            self._deliver(head, pos, length, now_ms)
        elif kind == _PUBACK and length == 2:
            pid = rx[pos] << 8 | rx[pos + 1]
            for i in range(WINDOW):
                if self._window_pid[i] == pid:
                    self._window_pid[i] = 0
                    self.in_flight -= 1
                    return
            self.unexpected += 1
        elif kind == _PINGRESP:
            self._ping_ms = -1
        elif kind == _SUBACK & 0xF0:
            # 0x80 per topic that the broker's access list refuses: without our ack topic the
            # rings would never be freed, so this connection is of no use.
            for i in range(pos + 2, pos + length):
                if rx[i] == 0x80:
                    self.refused += 1
                    self._drop(now_ms)
                    return
        else:
            self.unexpected += 1

    def _deliver(self, head, pos, length, now_ms):
        view = memoryview(self._rx)
        end = pos + length
        size = self._rx[pos] << 8 | self._rx[pos + 1]
        qos = head >> 1 & 3
        body = pos + 2 + size + (2 if qos else 0)
        if body > end or qos > 1:
            self._drop(now_ms)
            return
        self._on_message(view[pos + 2 : pos + 2 + size], view[body:end])
        if qos and self._stream is not None and self._tx_n == 0:
            self._begin(_PUBACK, 2)
            self._put(self._rx[body - 2])
            self._put(self._rx[body - 1])
            self._send(now_ms)
