"""The board's MQTT client against a scripted broker: byte-exact packets, by direction and event."""

from scripted import World, puback, publish

from firmware.system.mqtt import DOWN, UP, WINDOW


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
    broker.says += publish(b"one", 7) + publish(b"two", 8) + publish(b"three", 9)
    world.step()
    # One PUBACK is being written, one is noted; there is no room to note another.
    assert world.messages == [(b"t", b"one"), (b"t", b"two")]
    broker.takes = 10_000
    world.step()
    assert world.messages == [(b"t", b"one"), (b"t", b"two"), (b"t", b"three")]
    assert broker.take() == b"\x40\x02\x00\x07\x40\x02\x00\x08\x40\x02\x00\x09"


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


def test_close_says_goodbye():
    world = World()
    broker = world.connected()
    world.mqtt.close(world.now)
    assert broker.take() == b"\xe0\x00" and broker.closed


def test_client_sends_every_packet_in_one_write():
    world = World()
    broker = world.connected()
    broker.writes = 0
    world.publish(b"x" * 1_200)
    assert broker.writes == 1
    broker.says += publish(b"one", 7)
    world.step()
    assert broker.writes == 2


def test_client_refuses_a_packet_larger_than_its_buffer():
    world = World()
    world.connected()
    assert world.publish(b"x" * 1_260) == 1
    try:
        world.publish(b"x" * 1_270)
        raise RuntimeError("taken")
    except ValueError:
        pass
    assert world.mqtt.state == UP and world.mqtt.in_flight == 1


def test_client_publishes_while_a_message_is_handled_and_the_puback_goes_out_too():
    world = World()
    broker = world.connected()
    world.mqtt._on_message = lambda topic, payload: world.publish(bytes(payload))
    broker.takes = 3  # of the answer, so that the PUBACK has to wait for it
    broker.says += publish(b"one", 7)
    world.step()
    broker.takes = 100
    world.step()
    assert broker.take() == b"\x32\x08\x00\x01t\x00\x01one\x40\x02\x00\x07"


def test_client_is_closed_by_what_it_hears_and_sends_nothing_more():
    world = World()
    broker = world.connected()
    world.mqtt._on_message = lambda topic, payload: world.mqtt.close(world.now)
    broker.says += publish(b"one", 7) + publish(b"two", 8)
    world.step()
    assert broker.take() == b"\xe0\x00" and broker.closed and world.mqtt.state == DOWN


def test_packet_ids_go_round_without_0_and_without_those_in_flight():
    world = World()
    broker = world.connected()
    assert world.publish() == 1  # stays in flight
    seen = 1
    for _ in range(70_000):
        world.now = 0  # the deadline of the first one does not matter here
        pid = world.publish()
        assert pid not in (0, 1, -1)
        assert pid == seen + 1 or (seen == 65_535 and pid == 2)
        seen = pid
        broker.heard = b""
        broker.takes = 10_000
        broker.says += puback(pid)
        world.mqtt.step(world.now)
    assert world.mqtt.unexpected == 0 and world.mqtt.in_flight == 1 and seen == 70_002 - 65_535 + 0


def test_no_message_takes_the_id_of_a_subscription_that_is_not_answered():
    world = World()
    world.connected()
    world.mqtt.subscribe((b"a",), world.now)
    world.mqtt._pid = 65_534
    assert [world.publish(), world.publish()] == [65_535, 2]
