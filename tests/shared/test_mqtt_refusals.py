"""A broker that refuses, lies or floods: counted, answered or left, and the board goes on."""

from mutate import Chance, rounds
from scripted import CONNACK, World, puback, publish

from firmware.system.mqtt import DOWN, UP, WINDOW


def refused_with(code):
    world = World()
    world.step()
    world.step()
    world.broker.says = b"\x20\x02\x00" + bytes((code,))
    world.step()
    assert world.mqtt.state == DOWN and world.broker.closed
    assert world.mqtt.fault == "refused with CONNACK code %d" % code
    return world


def test_broker_refuses_the_connect_with_1_2_4_or_5_and_is_left_alone():
    for code in (1, 2, 4, 5):
        world = refused_with(code)
        assert world.mqtt.refused == 1
        count = len(world.scripts)
        world.step(119_000)  # the slow path: one to two minutes
        assert len(world.scripts) == count
        world.step(1_100)
        assert len(world.scripts) == count + 1


def test_broker_refuses_the_connect_with_3_and_is_asked_again_soon():
    world = refused_with(3)  # "server unavailable"
    assert world.mqtt.refused == 0
    count = len(world.scripts)
    world.step(1_100)
    assert len(world.scripts) == count + 1


def test_transport_refuses_our_certificate_and_is_left_alone():
    world = World()
    world.refuse = OSError(13, "the broker refuses this board's certificate")
    world.step()
    assert world.mqtt.refused == 1
    assert world.mqtt.fault == "the broker refuses this board's certificate"
    world.refuse = None
    world.step(119_000)
    assert not world.scripts


def test_no_memory_for_the_transport_is_a_failed_attempt():
    world = World()
    world.refuse = MemoryError()
    world.step()
    assert world.mqtt.state == DOWN
    world.refuse = None
    world.step(1_100)
    assert len(world.scripts) == 1


def test_broker_refuses_a_subscription_and_is_left_alone():
    world = World()
    broker = world.connected()
    world.mqtt.subscribe((b"a", b"b"), world.now)
    broker.says += b"\x90\x04\x00\x01\x01\x80"
    world.step()
    assert world.mqtt.state == DOWN and world.mqtt.refused == 1
    assert world.mqtt.fault == "subscription refused"
    world.step(100_000)
    assert len(world.scripts) == 1


def test_suback_of_another_subscription_counts_for_nothing():
    world = World()
    broker = world.connected()
    world.mqtt.subscribe((b"a",), world.now)
    broker.says += b"\x90\x03\x00\x02\x80" + b"\x90\x00" + b"\x90\x02\x00\x01"
    world.step()
    assert world.mqtt.state == UP and world.mqtt.unexpected == 3
    assert world.run(20_000) > 0 and world.mqtt.fault == "no SUBACK"


def test_puback_of_something_never_sent():
    world = World()
    broker = world.connected()
    world.publish()
    broker.says += puback(0x1234) + puback(0)
    world.step()
    assert world.mqtt.unexpected == 2 and world.mqtt.in_flight == 1


def test_puback_comes_twice():
    world = World()
    broker = world.connected()
    world.publish()
    world.publish()
    broker.says += puback(1) + puback(1)
    world.step()
    assert world.mqtt.unexpected == 1 and world.mqtt.in_flight == 1


def test_puback_out_of_order():
    world = World()
    broker = world.connected()
    for _ in range(WINDOW):
        world.publish()
    for pid in range(WINDOW, 0, -1):
        broker.says += puback(pid)
    world.step()
    assert world.mqtt.unexpected == 0 and world.mqtt.in_flight == 0


def test_puback_before_the_connack():
    world = World()
    world.step()
    world.step()
    world.broker.says += puback(1) + publish(b"early", 1) + b"\xd0\x00" + CONNACK
    world.step()
    assert world.mqtt.state == UP and world.mqtt.unexpected == 3 and world.messages == []


def test_connack_comes_twice():
    world = World()
    broker = world.connected()
    broker.says += CONNACK
    world.step()
    assert world.mqtt.unexpected == 1 and world.ups == 1


def test_packets_of_a_wrong_length():
    world = World()
    broker = world.connected()
    world.publish()
    broker.says += b"\x40\x03\x00\x01\x00" + b"\x40\x01\x00" + b"\x40\x00" + b"\x20\x00"
    world.step()
    assert world.mqtt.unexpected == 4 and world.mqtt.in_flight == 1


def test_packets_that_only_a_client_sends():
    world = World()
    broker = world.connected()
    broker.says += b"\xc0\x00\xe0\x00\x82\x00\x10\x00\x00\x00\xf0\x00"
    world.step()
    assert world.mqtt.unexpected == 6 and world.mqtt.state == UP


def test_broker_sends_what_is_no_mqtt():
    for junk in (
        b"\x32\xff\xff\xff\xff\x01",  # a length of five digits
        b"\x36\x05\x00\x01txx",  # QoS 3
        b"\x34\x05\x00\x01txx",  # QoS 2, never asked for
        b"\x32\x03\x00\x09t",  # a topic longer than the packet
        b"\x32\x00",
        b"\x30\x01\x00",
        b"\x32\x04\x00\x01t\x00",  # half an id
        b"HTTP/1.1 400 Bad Request\r\n\r\n" * 8,
    ):
        world = World()
        broker = world.connected()
        broker.says += junk
        for _ in range(8):
            world.step()
        if junk[0] == 0x48:  # 'H' is no packet that a broker sends; the client waits for its end
            broker.hangs_up = True
            world.step()
        else:
            assert world.mqtt.unexpected == 1 and world.mqtt.fault == "no MQTT", junk
        assert world.mqtt.state == DOWN and broker.closed and world.messages == [], junk


def test_message_larger_than_the_buffer_is_passed_over_counted_and_acknowledged():
    world = World(rx_bytes=64)
    broker = world.connected()
    # 30 of them: a broker whose window is full of what it never sees acknowledged says nothing more.
    big = b"\x32\xc8\x01\x00\x01t\x00\x05" + b"x" * 195
    broker.says += big * 30 + publish(b"two", 8)
    for _ in range(80):
        world.step()
    assert world.messages == [(b"t", b"two")]
    assert world.mqtt.oversized == 30
    assert broker.take() == b"\x40\x02\x00\x05" * 30 + b"\x40\x02\x00\x08"


def test_message_whose_topic_alone_is_larger_than_the_buffer():
    world = World(rx_bytes=64)
    broker = world.connected()
    broker.says += b"\x32\xc8\x01\x00\xb0" + b"t" * 176 + b"\x00\x05" + b"x" * 20
    broker.says += b"\x30\xc8\x01\x00\xb0" + b"t" * 176 + b"x" * 22
    broker.says += publish(b"two", 8)
    for _ in range(10):
        world.step()
    assert world.messages == [(b"t", b"two")] and world.mqtt.oversized == 2


def test_a_command_of_a_thousand_bytes_fits():
    world = World()
    broker = world.connected()
    topic = b"o2od/v1/picker/63/" + b"d" * 32 + b"/down"
    packet = publish(b"x" * 100, 7, topic)
    body = packet[2:] + b"x" * 900
    broker.says += b"\x32" + bytes((len(body) & 127 | 128, len(body) >> 7)) + body
    world.step()
    assert world.messages == [(topic, b"x" * 1_000)] and world.mqtt.oversized == 0


def test_a_flood_of_retained_messages_is_taken_in_slices():
    world = World()
    broker = world.connected()
    broker.says += publish(b"r" * 100, 3) * 2_000
    world.step()
    assert 0 < len(world.messages) < 100  # one step returns soon: there is a receiver to read
    for _ in range(500):
        world.step()
    assert len(world.messages) == 2_000 and broker.take() == puback(3) * 2_000


def test_fuzz_nothing_that_a_broker_says_gets_through():
    chance = Chance("broker")
    for _ in range(rounds(300)):
        world = World(rx_bytes=64)
        broker = world.connected()
        world.mqtt.subscribe((b"a",), world.now)
        for _ in range(3):
            world.publish(b"x" * chance.below(40))
        says = bytearray(
            b"\x90\x03\x00\x01\x01" + publish(b"one", 7) + puback(2) + b"\xd0\x00" + puback(3)
        )
        for _ in range(chance.below(6)):
            says[chance.below(len(says))] = chance.below(256)
        if chance.below(4) == 0:
            says = bytes(chance.below(256) for _ in range(chance.below(200)))
        broker.says += bytes(says)
        broker.gives_at_once = 1 + chance.below(40)
        broker.takes_at_once = 1 + chance.below(9)
        world.run(100_000, 500)  # every deadline passes
        assert 0 <= world.mqtt.in_flight <= WINDOW
        if world.mqtt.state == DOWN:
            world.now += 130_000
            assert world.mqtt.in_flight == 0
            world.mqtt.step(world.now)
            assert len(world.scripts) >= 2
