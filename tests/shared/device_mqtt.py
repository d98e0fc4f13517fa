"""On a board's interpreter: a message out, its PUBACK and a quiet step leave nothing on the heap."""

import gc

from firmware.system.mqtt import UP, Mqtt

COUNT = 100


class Loop:
    """A broker in two buffers that acknowledges what it gets, without a heap object of its own."""

    def __init__(self):
        self.says = bytearray(b"\x20\x02\x00\x00")
        self.n = 4
        self.packets = 0

    def ready(self):
        return True

    def read_into(self, buf):
        n = self.n
        if not n:
            return None
        for i in range(n):
            buf[i] = self.says[i]
        self.n = 0
        return n

    def write(self, buf, start, size):
        if buf[start] & 0xF6 == 0x32:
            at = start + 2 if buf[start + 1] < 128 else start + 3
            at += 2 + (buf[at] << 8 | buf[at + 1])
            self.says[0] = 0x40
            self.says[1] = 2
            self.says[2] = buf[at]
            self.says[3] = buf[at + 1]
            self.n = 4
            self.packets += 1
        elif buf[start] == 0xC0:
            self.says[0] = 0xD0
            self.says[1] = 0
            self.n = 2
        return size

    def close(self):
        pass


def connected(loop):
    mqtt = Mqtt(lambda: loop, None, "c", (b"w", b"x"), lambda: None, None)
    for now_ms in range(3):
        mqtt.step(now_ms)
    assert mqtt.state == UP
    return mqtt


def left_behind(mqtt, topic, payload, size, count, qos, ms):
    now_ms = 10_000
    for _ in range(3):  # start-up
        mqtt.publish(topic, payload, size, qos, now_ms)
        mqtt.step(now_ms)
    gc.collect()
    gc.disable()
    try:
        before = gc.mem_alloc()
        for _ in range(count):
            now_ms += ms
            mqtt.publish(topic, payload, size, qos, now_ms)
            mqtt.step(now_ms)
            mqtt.step(now_ms)
        return gc.mem_alloc() - before
    finally:
        gc.enable()


def test_a_message_and_its_puback_leave_nothing_on_the_heap():
    loop = Loop()
    mqtt = connected(loop)
    topic, payload = b"o2od/v1/rider/07/rider-0001/up", bytearray(1_200)
    for size in (0, 64, 1_200):
        assert left_behind(mqtt, topic, payload, size, COUNT, 1, 50) == 0, size
    assert left_behind(mqtt, topic, payload, 64, COUNT, 0, 50) == 0
    assert loop.packets == 3 * (COUNT + 3) and mqtt.in_flight == 0 and mqtt.unexpected == 0


def test_silence_pings_and_resends_leave_nothing_on_the_heap():
    loop = Loop()
    mqtt = connected(loop)
    assert left_behind(mqtt, b"t", b"x", 1, 3, 1, 23_000) == 0  # a ping each
    loop.write = lambda buf, start, size: size  # a broker that swallows
    gc.collect()
    gc.disable()
    try:
        mqtt.publish(b"t", b"x", 1, 1, 100_000)
        before = gc.mem_alloc()
        mqtt.step(104_000)
        mqtt.step(106_000)
        assert gc.mem_alloc() - before == 0 and mqtt.resent == 1
    finally:
        gc.enable()
    assert mqtt.state == UP


def test_ids_going_round_leave_nothing_on_the_heap():
    mqtt = connected(Loop())
    mqtt._pid = 65_500
    assert left_behind(mqtt, b"t", b"x", 1, COUNT, 1, 50) == 0
    assert mqtt._pid < 100
