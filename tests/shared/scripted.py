"""A scripted broker at the other end of the board's MQTT client, and a clock to turn; byte by byte."""

from firmware.system.mqtt import DOWN, UP, Mqtt

CONNECT = b"\x10\x21\x00\x04MQTT\x04\x2e\x00\x1e\x00\x06client\x00\x04will\x00\x07offline"
CONNACK = b"\x20\x02\x00\x00"


class Script:
    """The broker's end of a stream: what it says, what it heard, how much it takes at once."""

    def __init__(self):
        self.heard = b""
        self.says = b""
        self.takes = 10_000_000
        self.takes_at_once = 0
        self.gives_at_once = 0
        self.writes = 0
        self.broken = False
        self.closed = False
        self.hangs_up = False
        self.is_ready = True

    def ready(self):
        if self.broken:
            raise OSError(111)
        return self.is_ready

    def read_into(self, buf):
        if self.hangs_up and not self.says:
            return 0
        if not self.says:
            return None
        count = min(len(buf), len(self.says))
        if self.gives_at_once:
            count = min(count, self.gives_at_once)
        buf[:count] = self.says[:count]
        self.says = self.says[count:]
        return count

    def write(self, buf, start, size):
        if self.broken:
            raise OSError(32)
        count = min(size, self.takes)
        self.takes -= count
        if self.takes_at_once:
            count = min(count, self.takes_at_once)
        self.writes += 1
        self.heard += bytes(buf[start : start + count])
        return count or None

    def close(self):
        self.closed = True

    def take(self):
        heard = self.heard
        self.heard = b""
        return heard


class World:
    def __init__(self, **options):
        self.scripts = []
        self.messages = []
        self.ups = 0
        self.refuse = None
        self.mqtt = Mqtt(
            self.open,
            self.random,
            "client",
            (b"will", b"offline"),
            self.up,
            self.message,
            **options,
        )
        self.now = 0

    def random(self, n):
        """The longest pause, so that tests can tell when it ends."""
        return n - 1

    def open(self):
        if self.refuse:
            raise self.refuse
        self.scripts.append(Script())
        return self.scripts[-1]

    def up(self):
        self.ups += 1

    def message(self, topic, payload):
        self.messages.append((bytes(topic), bytes(payload)))

    def step(self, ms=10):
        self.now += ms
        self.mqtt.step(self.now)

    @property
    def broker(self):
        return self.scripts[-1]

    def connected(self):
        self.step()
        self.step()
        assert self.broker.take() == CONNECT
        self.broker.says += CONNACK
        self.step()
        assert self.mqtt.state == UP
        return self.broker

    def publish(self, payload=b"", qos=1):
        return self.mqtt.publish(b"t", payload, len(payload), qos, self.now)

    def run(self, ms, each_ms=100):
        """Let time pass; returns the ms until the client left the connection, -1 when it did not."""
        for passed in range(each_ms, ms + 1, each_ms):
            self.step(each_ms)
            if self.mqtt.state == DOWN:
                return passed
        return -1


def publish(payload, pid, topic=b"t"):
    body = b"\x00" + bytes((len(topic),)) + topic + pid.to_bytes(2, "big") + payload
    return b"\x32" + bytes((len(body),)) + body


def puback(pid):
    return b"\x40\x02" + pid.to_bytes(2, "big")
