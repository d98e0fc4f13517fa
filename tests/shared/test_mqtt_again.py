"""How the board's MQTT client comes back after a lost connection, and with what."""

from scripted import CONNACK, World, puback, publish

from firmware.system.mqtt import DOWN, OPENING, WINDOW


def test_a_refused_connection_backs_off_with_growing_pauses():
    world = World()
    world.refuse = OSError(111)
    pauses = []
    last = 0
    original = world.open

    def count():
        nonlocal last
        pauses.append(world.now - last)
        last = world.now
        return original()

    world.mqtt._open_stream = count
    for _ in range(2_000):
        world.step(100)
    # random() gives the longest pause here
    assert pauses == [100, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000], pauses


def test_back_off_has_full_jitter():
    world = World()
    world.refuse = OSError(111)
    asked = []

    def dice(n):
        asked.append(n)
        return 0

    world.mqtt._random = dice
    for _ in range(8):
        world.step(1)  # 0 is a pause too
    assert asked == [1_001, 2_001, 4_001, 8_001, 16_001, 32_001, 60_001, 60_001]


def test_broker_that_throws_us_out_again_and_again_is_asked_less_and_less():
    world = World()
    pauses = []
    for _ in range(5):
        world.connected().hangs_up = True
        world.step()
        assert world.mqtt.state == DOWN
        count = len(world.scripts)
        began = world.now
        while len(world.scripts) == count:
            world.step(100)
        world.scripts.pop()  # connected() opens its own
        world.mqtt.state = DOWN
        pauses.append(world.now - began)
    assert pauses == [1_000, 2_000, 4_000, 8_000, 16_000], pauses


def test_a_connection_that_stood_for_a_while_starts_again_at_once():
    world = World()
    world.refuse = OSError(111)
    for _ in range(50):
        world.step(1_000)
    world.refuse = None
    world.now += 100_000
    broker = world.connected()
    assert world.run(31_000) == -1
    broker.hangs_up = True
    world.step()
    world.step(1_001)
    assert world.mqtt.state == OPENING


def test_everything_of_a_lost_connection_is_forgotten():
    world = World()
    broker = world.connected()
    world.publish(b"one")
    broker.says += b"\x32\x40\x00\x01"  # the beginning of a message
    world.step()
    broker.hangs_up = True
    world.step()
    world.step(2_000)
    world.step()
    world.broker.take()
    world.broker.says += CONNACK + publish(b"two", 9)
    world.step()
    world.step()
    assert world.messages == [(b"t", b"two")] and world.mqtt.in_flight == 0
    assert world.broker.take() == b"\x40\x02\x00\x09"


def test_a_new_connection_has_the_whole_window():
    world = World()
    broker = world.connected()
    for _ in range(WINDOW):
        world.publish(b"one")
    broker.hangs_up = True
    world.step()
    world.scripts.clear()
    world.now += 2_000
    broker = world.connected()
    pids = [world.publish(b"two") for _ in range(WINDOW)]
    assert min(pids) > 0 and world.publish(b"two") == -1
    for pid in pids:
        broker.says += puback(pid)
    world.step()
    assert world.mqtt.in_flight == 0 and world.mqtt.unexpected == 0


def test_a_new_connection_owes_nothing_for_the_ping_of_the_last():
    world = World()
    broker = world.connected()
    assert world.run(22_700) == -1 and broker.take() == b"\xc0\x00"
    broker.hangs_up = True
    world.step()
    world.scripts.clear()
    world.now += 2_000
    broker = world.connected()
    assert world.run(22_000) == -1 and broker.take() == b""
