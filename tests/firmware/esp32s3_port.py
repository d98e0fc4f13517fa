"""Stand-ins for the modules of the ESP32-S3 port, which remember what was asked of them."""

import sys
import time


class World:
    """What the stand-ins remember; made anew for every test."""


world = World()


def fresh():
    world.partitions = {}
    world.nvs = {}
    world.calls = []
    world.uarts = {}
    world.uv = 2_000_000
    world.reset_cause = 1
    world.ble = None
    world.ppp = None
    world.wifi = False
    world.busy = False


class Partition:
    TYPE_DATA = 1

    @staticmethod
    def find(kind, label):
        return [world.partitions[label]] if label in world.partitions else []

    def __init__(self, label, blocks):
        self.label = label
        self.data = bytearray(b"\xff" * (4_096 * blocks))
        world.partitions[label] = self

    def info(self):
        return (1, 0x40, 0x400000, len(self.data), self.label, False)

    def readblocks(self, block, buf, offset):
        at = 4_096 * block + offset
        buf[:] = self.data[at : at + len(buf)]

    def writeblocks(self, block, buf, offset):
        for i in range(len(buf)):
            self.data[4_096 * block + offset + i] &= buf[i]

    def ioctl(self, call, block):
        assert call == 6
        self.data[4_096 * block : 4_096 * (block + 1)] = b"\xff" * 4_096


class Nvs:
    def __init__(self, space):
        assert space == "o2o"

    def _get(self, key):
        if key not in world.nvs:
            raise OSError("ESP_ERR_NVS_NOT_FOUND")
        return world.nvs[key]

    def get_i32(self, key):
        return self._get(key)

    def set_i32(self, key, value):
        world.calls.append(("set", key))
        world.nvs[key] = value

    def get_blob(self, key, buf):
        data = self._get(key)
        buf[: len(data)] = data
        return len(data)

    def set_blob(self, key, value):
        world.nvs[key] = bytes(value)

    def erase_key(self, key):
        del world.nvs[key]

    def commit(self):
        world.calls.append("commit")


class Uart:
    def __init__(self, number, baudrate, tx, rx, rxbuf, timeout):
        assert rxbuf >= 2_048 and timeout == 0  # notes of as_GPS: less loses bytes at 5 Hz
        self.baud, self.pins = baudrate, (tx, rx)
        self.incoming = b""
        self.sent = b""
        world.uarts[number] = self

    def init(self, baudrate, timeout):
        self.baud = baudrate

    def readinto(self, buf):
        size = min(len(buf), len(self.incoming))
        buf[:size] = self.incoming[:size]
        self.incoming = self.incoming[size:]
        return size or None

    def read(self):
        data, self.incoming = self.incoming, b""
        return data or None

    def write(self, data):
        self.sent += bytes(data)
        return len(data)


class Pin:
    OUT = 3

    def __init__(self, number, mode=None, value=None):
        self.number = number

    def value(self, level):
        world.calls.append(("pin", self.number, level))


class Adc:
    def __init__(self, pin):
        self.pin = pin

    def read_uv(self):
        return world.uv


class Wdt:
    def __init__(self, timeout):
        world.calls.append(("wdt", timeout))

    def feed(self):
        world.calls.append("feed")


class Rtc:
    def datetime(self, value):
        world.calls.append(value)


class Ble:
    def __init__(self):
        world.ble = self
        self.on = False
        self.handler = None
        self.scan = None

    def active(self, on):
        self.on = on
        if not on:
            self.scan = None

    def irq(self, handler):
        self.handler = handler

    def gap_scan(self, duration_ms, interval_us=0, window_us=0, active=False):
        assert self.on
        if world.busy:
            raise OSError(16)
        self.scan = None if duration_ms is None else (duration_ms, interval_us, window_us, active)
        world.calls.append(("scan", self.scan))

    def hears(self, address, payload, rssi_dbm=-60):
        # The port's buffers: memoryviews, overwritten as soon as the handler has returned.
        data = bytearray(payload)
        self.handler(5, (0, memoryview(address), 3, rssi_dbm, memoryview(data)))
        for i in range(len(data)):
            data[i] = 0xEE


class Wlan:
    def __init__(self, interface):
        assert interface == 0

    def active(self, on):
        world.calls.append(("wlan", on))

    def connect(self, ssid, key):
        world.calls.append(("join", ssid, key))

    def isconnected(self):
        return world.wifi


class Ppp:
    def __init__(self, uart):
        world.ppp = self
        self.up = self.asked = False

    def connect(self):
        self.asked = True

    def isconnected(self):
        return self.up

    def disconnect(self):
        world.calls.append("ppp down")


class Module:
    """A module of the port."""

    def __init__(self, **names):
        for name, value in names.items():
            setattr(self, name, value)


class Poller:
    def __init__(self):
        self.registered = []

    def register(self, line, events):
        self.registered.append(line)

    def poll(self, ms):
        return []


def reset():
    world.calls.append("reset")


def deepsleep(ms):
    world.calls.append(("deepsleep", ms))


def load():
    """Import the board with the stand-ins in place of the port's modules."""
    fakes = {
        "esp32": Module(Partition=Partition, NVS=Nvs),
        "bluetooth": Module(BLE=Ble),
        "network": Module(WLAN=Wlan, PPP=Ppp, STA_IF=0),
        "machine": Module(
            UART=Uart,
            Pin=Pin,
            ADC=Adc,
            WDT=Wdt,
            RTC=Rtc,
            PWRON_RESET=1,
            HARD_RESET=2,
            WDT_RESET=3,
            DEEPSLEEP_RESET=4,
            SOFT_RESET=5,
            reset_cause=lambda: world.reset_cause,
            reset=reset,
            deepsleep=deepsleep,
        ),
    }
    kept = {name: sys.modules.get(name) for name in fakes}
    if not hasattr(time, "ticks_ms"):
        time.ticks_ms = lambda: int(time.monotonic() * 1_000)
        time.ticks_diff = lambda new, old: new - old
        time.sleep_ms = lambda ms: None
    for name, fake in fakes.items():
        sys.modules[name] = fake
    try:
        from firmware.boards import esp32s3, esp32s3_net
    finally:
        for name, real in kept.items():
            if real is None:
                del sys.modules[name]
            else:
                sys.modules[name] = real
    esp32s3.select = esp32s3_net.select = Module(poll=Poller, POLLIN=1)
    return esp32s3
