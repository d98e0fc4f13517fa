"""What the board's MQTT client does when a broker is late, silent or slow: deadlines, DUP."""

from scripted import World, puback, publish

from firmware.system.mqtt import DOWN, UP, WINDOW


def test_transport_never_opens():
    world = World()
    world.step()
    world.broker.is_ready = False
    assert world.run(20_000) == 10_100
    assert world.broker.closed and world.mqtt.fault == "no connection"


def test_transport_is_refused_while_it_opens():
    world = World()
    world.step()
    world.broker.broken = True
    world.step()
    assert world.mqtt.state == DOWN and world.broker.closed and world.mqtt.fault == "111"


def test_broker_never_answers_the_connect():
    world = World()
    world.step()
    world.step()
    assert world.run(20_000) == 10_100
    assert world.mqtt.fault == "no CONNACK"


def test_broker_never_takes_the_connect():
    world = World()
    world.step()
    world.broker.takes = 0  # as TLS does whose handshake stands still
    world.step()
    assert world.run(20_000) == 10_100


def test_broker_never_answers_the_subscribe():
    world = World()
    world.connected()
    world.mqtt.subscribe((b"a",), world.now)
    assert world.run(20_000) == 10_100
    assert world.mqtt.fault == "no SUBACK"


def test_broker_freezes_with_messages_in_flight():
    world = World()
    world.connected()
    for _ in range(WINDOW):
        world.publish(b"hello")
    assert world.run(20_000) == 10_100
    assert world.mqtt.fault == "no PUBACK" and world.mqtt.in_flight == 0


def test_broker_freezes_with_nothing_in_flight():
    world = World()  # half-open: what we write is swallowed, nothing comes
    broker = world.connected()
    assert world.run(60_000) == 32_600  # 22.5 s to the ping, and its deadline
    assert broker.take() == b"\xc0\x00" and world.mqtt.fault == "no PINGRESP"


def test_broker_stops_taking_bytes():
    world = World()
    broker = world.connected()
    broker.takes = 3
    world.publish(b"hello")
    assert world.run(20_000) == 10_100
    assert world.mqtt.fault == "nothing is taken"


def test_broker_takes_a_byte_a_second():
    world = World()
    broker = world.connected()
    broker.takes = 0
    world.publish(b"x" * 40)
    for _ in range(47):
        assert world.mqtt.state == UP  # 47 s for a packet: slow, but it moves
        broker.takes = 1
        world.step(1_000)
    assert broker.take() == b"\x32\x2d\x00\x01t\x00\x01" + b"x" * 40
    assert world.run(9_000) == -1  # its PUBACK is owed from the last byte on
    assert world.run(2_000) > 0


def test_broker_takes_a_byte_in_nine_seconds():
    world = World()
    broker = world.connected()
    broker.takes = 0
    world.publish(b"x" * 40)
    passed = 0
    while world.mqtt.state == UP and passed < 100:
        broker.takes = 1
        world.step(9_000)
        passed += 9
    assert passed == 63  # a packet has a minute


def test_broker_takes_a_byte_of_an_unacknowledged_packet_in_nine_seconds():
    world = World()
    broker = world.connected()
    broker.takes = 0
    world.publish(b"x" * 40, qos=0)
    passed = 0
    while world.mqtt.state == UP and passed < 100:
        broker.takes = 1
        world.step(9_000)
        passed += 9
    assert passed == 63 and world.mqtt.fault == "nothing is taken"


def test_broker_speaks_one_byte_at_a_time():
    world = World()
    broker = world.connected()
    broker.gives_at_once = 1
    broker.takes_at_once = 1
    world.mqtt.subscribe((b"a",), world.now)
    broker.says += b"\x90\x03\x00\x01\x01" + publish(b"one", 7)
    for _ in range(20):
        world.publish(b"hello")
        world.step()
        broker.says += puback(world.mqtt._pid)
    world.run(1_000)
    assert world.mqtt.in_flight == 0 and world.messages == [(b"t", b"one")]
    assert world.mqtt.unexpected == 0 and world.mqtt.state == UP


def test_client_sends_its_last_message_again_with_dup_after_five_seconds():
    world = World()
    broker = world.connected()
    world.publish(b"hello")
    assert broker.take() == b"\x32\x0a\x00\x01t\x00\x01hello"
    assert world.run(5_000) == -1 and broker.take() == b""
    world.step(100)
    assert broker.take() == b"\x3a\x0a\x00\x01t\x00\x01hello"
    broker.says += puback(1)
    world.step()
    assert world.mqtt.in_flight == 0 and world.mqtt.resent == 1
    broker.says += puback(1)  # for the other copy
    world.step()
    assert world.mqtt.unexpected == 1 and world.mqtt.state == UP
    assert world.run(20_000) == -1 and broker.take() == b""


def test_client_sends_it_again_though_it_has_answered_a_message_meanwhile():
    world = World()
    broker = world.connected()
    world.publish(b"hello")
    broker.says += publish(b"one", 7)
    world.step()
    assert broker.take() == b"\x32\x0a\x00\x01t\x00\x01hello\x40\x02\x00\x07"
    world.run(5_100)
    assert broker.take() == b"\x3a\x0a\x00\x01t\x00\x01hello"


def test_client_sends_again_once_and_then_leaves():
    world = World()
    broker = world.connected()
    world.publish(b"hello")
    assert world.run(20_000) == 10_100
    first = b"\x32\x0a\x00\x01t\x00\x01hello"
    assert broker.take() == first + b"\x3a" + first[1:]


def test_client_does_not_send_again_what_was_acknowledged():
    world = World()
    broker = world.connected()
    world.publish(b"one")
    world.publish(b"two")
    broker.take()
    broker.says += puback(2)  # of the last, which the buffer still holds; the first is still owed
    world.step()
    assert world.run(9_900) == -1 and broker.take() == b""
    assert world.run(1_000) == 200 and world.mqtt.fault == "no PUBACK"


def test_client_does_not_send_again_what_is_not_in_its_buffer_any_more():
    world = World()
    broker = world.connected()
    world.publish(b"one")
    world.publish(b"now", qos=0)
    broker.take()
    assert world.run(9_900) == -1 and broker.take() == b""


def test_puback_comes_late():
    world = World()
    broker = world.connected()
    world.publish(b"one")
    world.run(9_900)
    broker.says += puback(1)
    world.step(90)
    assert world.mqtt.in_flight == 0 and world.mqtt.state == UP
    world.publish(b"two")  # its deadline is its own
    assert world.run(9_900) == -1


def test_pubacks_trickle_in_on_a_slow_link():
    world = World()
    broker = world.connected()
    for _ in range(WINDOW):
        world.publish(b"x" * 1_200)
    for pid in range(1, WINDOW):
        assert world.run(8_000) == -1, pid  # 64 s in all: each PUBACK shows that the link moves
        broker.says += puback(pid)
    assert world.run(8_000) > 0  # but a minute is the end for a single message
    assert world.mqtt.fault == "no PUBACK"


def test_puback_of_one_message_never_comes_while_others_do():
    world = World()
    broker = world.connected()
    world.publish(b"lost")
    passed = 0
    while world.mqtt.state == UP and passed < 100:
        pid = world.publish(b"more")
        broker.says += puback(pid)
        world.step(1_000)
        passed += 1
    assert passed == 61 and world.mqtt.fault == "no PUBACK"


def test_broker_talks_but_never_answers_a_ping():
    world = World()
    broker = world.connected()
    for _ in range(30):
        assert world.run(9_000) == -1  # whatever comes shows that it lives
        broker.says += b"\x30\x04\x00\x01tx"
    assert len(world.messages) == 29
    assert world.run(20_000) > 0


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


def test_client_pings_though_it_hears_enough_when_it_has_said_nothing():
    world = World()
    broker = world.connected()
    for _ in range(10):
        world.step(2_500)
        broker.says += b"\x30\x04\x00\x01tx"
    assert broker.take() == b"\xc0\x00"  # the broker counts our silence, not its own


def test_connection_breaks_under_a_publish():
    world = World()
    broker = world.connected()
    broker.broken = True
    assert world.publish(b"hello") == 1
    assert not world.mqtt.room()
    world.step()
    assert world.mqtt.state == DOWN and world.mqtt.fault == "32" and broker.closed
