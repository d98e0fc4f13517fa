"""Runs under MicroPython: micropython mqtt_on_device.py REPO PORT CLIENT PEERS; prints key=value.

CLIENT: ours, ours-1 (one message in flight), umqtt.simple, mqtt_as, mqtt_as-10 (ten coroutines).
64-byte payloads at QoS 1; connecting is not counted. heap: bytes left behind per message, with the
collector off; mqtt_as leaves them behind while it polls, too.
"""

# ruff: noqa: UP032 - a board has f-strings, but no implicit concatenation of them

import gc
import select
import sys
import time

ROOT, PORT, CLIENT, PEERS = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
TOPIC, PAYLOAD = b"bench/up", bytes(64)


def told(count, before_us, heap):
    us = time.ticks_diff(time.ticks_us(), before_us)
    print("rate={} heap={}".format(count * 1_000_000 / us, heap))


def ours(window, count):
    sys.path.append(ROOT)
    from firmware.boards.unix import Stream
    from firmware.system.mqtt import UP, Mqtt

    poller = select.poll()
    mqtt = Mqtt(
        lambda: Stream(poller, "127.0.0.1", PORT),
        lambda n: 0,
        "bench",
        (b"will", b"x"),
        lambda: None,
        None,
    )
    now_ms = 0
    while mqtt.state != UP:
        mqtt.step(now_ms)
        time.sleep_ms(5)
        now_ms += 5

    def run(count):
        sent = 0
        while sent < count or mqtt.in_flight:
            mqtt.step(now_ms)
            while sent < count and mqtt.in_flight < window and mqtt.room():
                mqtt.publish(TOPIC, PAYLOAD, 64, 1, now_ms)
                sent += 1
            if sent == count or mqtt.in_flight == window:
                poller.poll(10)

    def heap_of(count):
        # The loop of this bench: poll() gives a list. Only the client's own calls are counted.
        left = sent = 0
        while sent < count or mqtt.in_flight:
            before = gc.mem_alloc()
            mqtt.step(now_ms)
            if sent < count and mqtt.room():
                mqtt.publish(TOPIC, PAYLOAD, 64, 1, now_ms)
                sent += 1
            left += gc.mem_alloc() - before
        return left / count

    run(100)
    gc.collect()
    gc.disable()
    heap = heap_of(100)
    gc.enable()
    begin = time.ticks_us()
    run(count)
    told(count, begin, heap)


def umqtt(count):
    sys.path.append(PEERS)
    from umqtt.simple import MQTTClient

    client = MQTTClient("bench", "127.0.0.1", PORT)
    client.connect()
    client.publish(TOPIC, PAYLOAD, False, 1)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(10):
        client.publish(TOPIC, PAYLOAD, False, 1)
    heap = (gc.mem_alloc() - before) / 10
    gc.enable()
    begin = time.ticks_us()
    for _ in range(count):
        client.publish(TOPIC, PAYLOAD, False, 1)
    told(count, begin, heap)


def mqtt_as(coroutines, count):
    """It asks for an ESP32's modules at import; what it asks them here is whether there is Wi-Fi."""

    class WLAN:
        def __init__(self, *_):
            pass

        def isconnected(self):
            return True

        active = connect = disconnect = config = status = lambda self, *_, **__: True

    class Network:
        STA_IF = 0

    Network.WLAN = WLAN
    sys.modules["network"] = Network

    class Machine:
        unique_id = staticmethod(lambda: b"bench")

    sys.modules["machine"] = Machine
    sys.path.append(PEERS)
    import asyncio

    import mqtt_as

    config = dict(mqtt_as.config)
    config.update({"server": "127.0.0.1", "port": PORT, "client_id": "bench"})
    client = mqtt_as.MQTTClient(config)

    async def send(count):
        for _ in range(count):
            await client.publish(TOPIC, PAYLOAD, False, 1)

    async def run():
        await client.connect(quick=True)
        await send(1)
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        await send(5)
        heap = (gc.mem_alloc() - before) / 5
        gc.enable()
        begin = time.ticks_us()
        await asyncio.gather(*[send(count // coroutines) for _ in range(coroutines)])
        told(count, begin, heap)

    asyncio.run(run())


if CLIENT == "ours":
    ours(8, 20_000)
elif CLIENT == "ours-1":
    ours(1, 10_000)
elif CLIENT == "umqtt.simple":
    umqtt(40)
elif CLIENT == "mqtt_as":
    mqtt_as(1, 20)
else:
    mqtt_as(10, 100)
