"""The board's MQTT client against a scripted broker: byte-exact packets, by direction and event."""

from firmware.system.mqtt import DOWN, UP, WINDOW, Mqtt

CONNECT = b"\x10\x21\x00\x04MQTT\x04\x2e\x00\x1e\x00\x06client\x00\x04will\x00\x07offline"
CONNACK = b"\x20\x02\x00\x00"


class Script:
    """The broker's end of a stream: what it says, what it heard, how much it takes at once."""

    def __init__(self):
        self.heard = b""
        self.says = b""
        self.takes = 10_000
        self.closed = False
        self.hangs_up = False
        self.is_ready = True

    def ready(self):
        return self.is_ready

    def read_into(self, buf):
        if self.hangs_up and not self.says:
            return 0
        if not self.says:
            return None
        count = min(len(buf), len(self.says))
        buf[:count] = self.says[:count]
        self.says = self.says[count:]
        return count

    def write(self, buf):
        count = min(len(buf), self.takes)
        self.takes -= count
        self.heard += bytes(buf[:count])
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
        self.refuse = False
        self.mqtt = Mqtt(
            self.open,
            lambda n: n - 1,
            "client",
            (b"will", b"offline"),
            self.up,
            self.message,
            **options,
        )
        self.now = 0

    def open(self):
        if self.refuse:
            raise OSError(111)
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


def publish(payload, pid, topic=b"t"):
    body = b"\x00" + bytes((len(topic),)) + topic + pid.to_bytes(2, "big") + payload
    return b"\x32" + bytes((len(body),)) + body


def test_client_connects_with_its_will_retained():
    world = World()
    world.connected()
    assert world.ups == 1 and world.mqtt.connects == 1


def test_client_subscribes_at_qos_1():
    world = World()
    broker = world.connected()
    world.mqtt.subscribe((b"a", b"bc"), world.now)
    assert broker.take() == b"\x82\x0b\x00\x01\x00\x01a\x01\x00\x02bc\x01"


def test_client_publishes_in_one_write_and_counts_the_puback():
    world = World()
    broker = world.connected()
    assert world.mqtt.publish(b"t", b"hello", 5, 1, world.now) == 1
    assert broker.take() == b"\x32\x0a\x00\x01t\x00\x01hello"
    assert world.mqtt.in_flight == 1
    broker.says += b"\x40\x02\x00\x01"
    world.step()
    assert world.mqtt.in_flight == 0


def test_client_publishes_at_qos_0_without_an_id():
    world = World()
    broker = world.connected()
    assert world.mqtt.publish(b"t", b"hello", 5, 0, world.now) == 0
    assert broker.take() == b"\x30\x08\x00\x01thello"
    assert world.mqtt.in_flight == 0


def test_a_long_packet_has_a_length_of_two_bytes():
    world = World()
    broker = world.connected()
    world.mqtt.publish(b"t", b"x" * 300, 300, 1, world.now)
    assert broker.take()[:3] == b"\x32\xb1\x02"


def test_the_window_is_full_until_a_puback_comes():
    world = World()
    broker = world.connected()
    for pid in range(1, WINDOW + 1):
        assert world.mqtt.publish(b"t", b"", 0, 1, world.now) == pid
    assert world.mqtt.publish(b"t", b"", 0, 1, world.now) == -1
    assert not world.mqtt.room()
    broker.says += b"\x40\x02\x00\x03"
    world.step()
    assert world.mqtt.publish(b"t", b"", 0, 1, world.now) == WINDOW + 1


def test_a_packet_half_taken_is_finished_before_the_next():
    world = World()
    broker = world.connected()
    broker.takes = 4
    assert world.mqtt.publish(b"t", b"hello", 5, 1, world.now) == 1
    assert world.mqtt.publish(b"t", b"again", 5, 1, world.now) == -1
    broker.takes = 10_000
    world.step()
    assert broker.take() == b"\x32\x0a\x00\x01t\x00\x01hello"
    assert world.mqtt.publish(b"t", b"again", 5, 1, world.now) == 2


def test_broker_publishes_and_gets_a_puback():
    world = World()
    broker = world.connected()
    broker.says += publish(b"one", 7) + publish(b"two", 8)
    world.step()
    world.step()
    assert world.messages == [(b"t", b"one"), (b"t", b"two")]
    assert broker.take() == b"\x40\x02\x00\x07\x40\x02\x00\x08"


def test_broker_packets_split_at_every_byte():
    world = World()
    broker = world.connected()
    for byte in publish(b"one", 7) + publish(b"two", 8):
        broker.says += bytes((byte,))
        world.step()
    assert world.messages == [(b"t", b"one"), (b"t", b"two")]


def test_messages_wait_while_the_puback_cannot_go_out():
    world = World()
    broker = world.connected()
    broker.takes = 0
    broker.says += publish(b"one", 7) + publish(b"two", 8)
    world.step()
    assert world.messages == [(b"t", b"one")]
    broker.takes = 10_000
    world.step()
    assert world.messages == [(b"t", b"one"), (b"t", b"two")]
    assert broker.take() == b"\x40\x02\x00\x07\x40\x02\x00\x08"


def test_broker_message_larger_than_the_buffer_is_skipped_and_counted():
    world = World(rx_bytes=64)
    broker = world.connected()
    big = b"\x32\xc8\x01\x00\x01t\x00\x05" + b"x" * 195
    broker.says += big + publish(b"two", 8)
    for _ in range(8):
        world.step()
    assert world.messages == [(b"t", b"two")]
    assert world.mqtt.oversized == 1


def test_broker_hangs_up_and_the_client_comes_back():
    world = World()
    world.connected().hangs_up = True
    world.step()
    assert world.mqtt.state == DOWN and world.mqtt.drops == 1
    first = world.broker
    assert first.closed
    world.step(900)
    assert world.broker is first  # backing off
    world.step(200)
    assert world.broker is not first


def test_broker_freezes_and_the_client_leaves_within_its_deadline():
    world = World()
    world.connected()
    world.mqtt.publish(b"t", b"hello", 5, 1, world.now)
    for _ in range(99):
        world.step(100)
        assert world.mqtt.state == UP
    for _ in range(3):
        world.step(100)
    assert world.mqtt.state == DOWN


def test_broker_never_answers_the_connect():
    world = World()
    world.step()
    world.step()
    world.step(10_001)
    assert world.mqtt.state == DOWN


def test_transport_never_opens():
    world = World()
    world.step()
    world.broker.is_ready = False
    world.step()
    world.step(10_001)
    assert world.mqtt.state == DOWN and world.broker.closed


def test_broker_refuses_the_credentials_and_is_left_alone():
    world = World()
    world.step()
    world.step()
    world.broker.says = b"\x20\x02\x00\x05"
    world.step()
    assert world.mqtt.refused == 1
    count = len(world.scripts)
    world.step(50_000)
    assert len(world.scripts) == count


def test_broker_refuses_a_subscription():
    world = World()
    broker = world.connected()
    world.mqtt.subscribe((b"a",), world.now)
    broker.says += b"\x90\x03\x00\x01\x80"
    world.step()
    assert world.mqtt.state == DOWN and world.mqtt.refused == 1


def test_broker_acknowledges_something_never_sent():
    world = World()
    broker = world.connected()
    world.mqtt.publish(b"t", b"", 0, 1, world.now)
    broker.says += b"\x40\x02\x12\x34"
    world.step()
    assert world.mqtt.unexpected == 1 and world.mqtt.in_flight == 1


def test_broker_sends_what_is_no_mqtt():
    for junk in (b"\x32\xff\xff\xff\xff\x01", b"\x36\x05\x00\x01txx", b"\x32\x03\x00\x09t"):
        world = World()
        world.connected().says += junk
        world.step()
        assert world.mqtt.state == DOWN, junk


def test_silence_is_broken_by_a_ping_and_its_answer_is_owed():
    world = World()  # keep-alive 30 s: a ping after three quarters of it
    broker = world.connected()
    world.step(22_000)
    assert broker.take() == b""
    world.step(600)
    assert broker.take() == b"\xc0\x00"
    broker.says += b"\xd0\x00"
    world.step(100)
    world.step(22_000)
    assert broker.take() == b""
    world.step(600)
    assert broker.take() == b"\xc0\x00"
    world.step(10_001)
    assert world.mqtt.state == DOWN


def test_packet_ids_go_round_without_0_and_without_those_in_flight():
    world = World()
    broker = world.connected()
    assert world.mqtt.publish(b"t", b"", 0, 1, world.now) == 1  # stays in flight
    seen = 1
    for _ in range(65_600):
        pid = world.mqtt.publish(b"t", b"", 0, 1, world.now)
        assert pid not in (0, 1, -1)
        assert pid == seen % 65_535 + 1 or (seen == 65_535 and pid == 2)
        seen = pid
        broker.heard = b""
        broker.takes = 10_000
        broker.says += b"\x40\x02" + pid.to_bytes(2, "big")
        world.mqtt.step(world.now)
    assert world.mqtt.unexpected == 0


def test_a_refused_connection_backs_off_with_growing_pauses():
    world = World()
    world.refuse = True
    tries = 0
    pauses = []
    last = 0
    original = world.open

    def count():
        nonlocal tries, last
        tries += 1
        pauses.append(world.now - last)
        last = world.now
        return original()

    world.mqtt._open_stream = count
    for _ in range(2_000):
        world.step(100)
    # random() gives the longest pause here: 1, 2, 4, 8, 16, 32, 60, 60 s
    assert 8 <= tries <= 10
    for i in range(2, 7):
        assert pauses[i] >= pauses[i - 1]
    assert max(pauses) <= 60_200


def test_close_says_goodbye():
    world = World()
    broker = world.connected()
    world.mqtt.close(world.now)
    assert broker.take() == b"\xe0\x00" and broker.closed
