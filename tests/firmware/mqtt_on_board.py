"""A board with nothing but its MQTT client: micropython mqtt_on_board.py REPO PORT COUNT SPEED [TLS..]

Publishes the numbers 0..COUNT-1 at QoS 1 and goes on after a lost connection with the first that was
not acknowledged. Ends when all are, or when somebody publishes 'end' on 'down'. SPEED turns the client's
clock, not the socket's. TLS: CA CERT KEY SERVER_NAME (files in the folder of this process). Prints a
word per event, and the counters at the end as key=value.
"""

import os
import sys
import time

sys.path.append(sys.argv[1])

from firmware.boards.unix import UnixBoard  # noqa: E402
from firmware.system.mqtt import DOWN, GREETING, UP, Mqtt  # noqa: E402

PORT, COUNT, SPEED = (int(each) for each in sys.argv[2:5])
FILES = None
if len(sys.argv) > 5:
    FILES = {"ca": sys.argv[5], "server_name": sys.argv[8]}
    if sys.argv[6]:
        FILES["cert"] = sys.argv[6]
        FILES["key"] = sys.argv[7]


class Board:
    """The client, its clock and its numbers."""

    def __init__(self):
        self.hardware = UnixBoard(os.getcwd(), {})
        self.begin = time.ticks_ms()
        self.heard = 0
        self.ended = False
        self.longest_us = 0
        self.waits = 0
        self.mqtt = Mqtt(
            self.open,
            lambda n: n // 2,
            "board",
            (b"will", b"gone"),
            self.on_up,
            self.on_message,
        )

    def now_ms(self):
        return time.ticks_diff(time.ticks_ms(), self.begin) * SPEED

    def open(self):
        return self.hardware.open_stream("127.0.0.1", PORT, FILES)

    def on_up(self):
        print("up")
        self.mqtt.subscribe((b"down",), self.now_ms())

    def on_message(self, topic, payload):
        self.heard += 1
        if payload == b"end":
            self.ended = True

    def run(self):
        mqtt = self.mqtt
        acked = sent = 0
        payload = bytearray(8)
        fault = ""
        while acked < COUNT or COUNT == 0:
            before = time.ticks_us()
            now_ms = self.now_ms()
            mqtt.step(now_ms)
            self.longest_us = max(self.longest_us, time.ticks_diff(time.ticks_us(), before))
            if mqtt.state == GREETING:
                self.waits += 1
            elif mqtt.state == DOWN:
                sent = acked
                if mqtt.fault != fault:
                    fault = mqtt.fault
                    print("fault", fault)
            elif mqtt.state == UP:
                fault = ""
                acked = sent - mqtt.in_flight
            while sent < COUNT and mqtt.room():
                n = sent
                for i in range(7, -1, -1):
                    payload[i] = 48 + n % 10
                    n //= 10
                mqtt.publish(b"n", payload, 8, 1, now_ms)
                sent += 1
            if self.ended:
                break
            self.hardware.wait(1 if mqtt.state != UP else 5)
        for name in ("connects", "drops", "refused", "unexpected", "oversized", "resent"):
            print(f"{name}={getattr(mqtt, name)}")
        print(f"heard={self.heard}")
        print(f"waits={self.waits}")
        print(f"longest_us={self.longest_us}")


Board().run()
