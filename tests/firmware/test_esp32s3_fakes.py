"""The ESP32-S3 board with stand-ins for the port's modules: what it asks of them, what it does with it.

Nothing here ran on an ESP32. Runs under pytest, and by its last test under MicroPython's unix port.
"""

import errno
import sys
import time

from firmware.system.errors import ConfigError

OURS = bytes((0xC4, 0x38, 0, 0, 0, 1))


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


esp32s3 = load()
ALL = {
    "gnss": {"tx": 17, "rx": 18, "baud": 9_600, "reset": 4},
    "modem": {"tx": 5, "rx": 6, "apn": "cmnet", "power": 7},
    "battery": {"pin": 1, "ratio_pct": 200},
    "ble": {},
}


def board(wiring=None):
    fresh()
    return esp32s3.Esp32S3Board(ALL if wiring is None else wiring)


def taken(it, now_ms=0):
    found = []
    it.adverts(lambda *told: found.append((told[0], bytes(told[1][: told[2]]), told[3])), now_ms)
    return found


def test_adverts_reach_the_loop_whole_and_only_ours():
    it = board()
    it.allow([OURS])
    assert world.ble.scan == (0, 30_000, 30_000, True)
    world.ble.hears(OURS, b"\x02\x01\x06", -71)
    world.ble.hears(bytes(6), b"abc")
    assert taken(it) == [(OURS, b"\x02\x01\x06", -71)] and it.ring.foreign == 1
    for number in range(40):
        world.ble.hears(OURS, bytes((number,)))
    assert len(taken(it)) == 31 and it.ring.dropped == 9


def test_a_scan_that_ends_or_falls_deaf_is_begun_again():
    it = board()
    world.ble.handler(6, None)
    world.ble.scan = None
    taken(it, 1_000)
    assert world.ble.scan is not None
    world.calls = []
    taken(it, 2_000)
    taken(it, 31_000)
    assert world.calls == []
    taken(it, 32_001)
    assert world.calls[-1] == ("scan", (0, 30_000, 30_000, True))
    world.busy = True
    it.restart_ble()  # the stack refuses: the loop tries again
    world.busy = False
    taken(it, 33_000)
    assert world.ble.scan is not None


def test_the_radio_listens_as_much_as_it_is_asked_to():
    it = board()
    for pct, scan in ((50, (0, 30_000, 15_000, True)), (1, (0, 30_000, 2_500, True)), (0, None)):
        it.listen(pct)
        assert world.ble.scan == scan, pct
    world.calls = []
    taken(it, 900_000)
    it.listen(0)
    assert world.calls == []


def test_partitions_are_nor_flash_for_the_rings_and_the_state():
    from firmware.system.ringlog import BUFFER_SIZE, RingLog
    from firmware.system.state import State

    it = board()
    Partition("track", 4)
    Partition("state", 16)
    ring = RingLog(it.partition("track"), 1, True, it.new_id, bytearray(BUFFER_SIZE))
    for number in range(600):
        assert ring.append(b"record%04d" % number, 10)
    again = RingLog(it.partition("track"), 1, True, it.new_id, bytearray(BUFFER_SIZE))
    assert again.next == 601 and again.log == ring.log
    assert State(it.partition("state")).save([1, b"x"], 0)
    assert it.partition("state").blocks == 16 and State(it.partition("state")).load() == [1, b"x"]
    try:
        it.partition("evidence")
    except OSError as fault:
        assert fault.args[0] == errno.ENODEV and "evidence" in str(fault)
    else:
        raise AssertionError("there is no such partition")


def test_boots_are_counted_and_a_reset_tells_its_cause_once():
    it = board()
    first = it.count_boot()
    assert first > 0 and it.count_boot() == first + 1 and world.calls[-1] == "commit"
    it.reset("uplink silent 2 h" + "x" * 40)
    assert world.calls[-1] == "reset"
    assert it.reset_cause() == ("uplink silent 2 h" + "x" * 40)[:40]
    for number, word in ((1, "power-on"), (3, "watchdog"), (4, "deepsleep"), (9, "cause 9")):
        world.reset_cause = number
        assert it.reset_cause() == word
    world.nvs["cause"] = b"\xff\xfe"
    assert it.reset_cause() == "cause 9"


def test_the_watchdog_begins_with_its_first_feeding():
    it = board()
    assert ("wdt", 8_000) not in world.calls
    it.feed_watchdog()
    it.feed_watchdog()
    assert world.calls[-3:] == [("wdt", 8_000), "feed", "feed"]


def test_the_receiver_is_read_told_and_reset():
    it = board()
    uart = world.uarts[1]
    assert uart.baud == 9_600 and uart.pins == (17, 18)
    uart.incoming = b"$GNRMC"
    buf = bytearray(4)
    assert it.serial_into(buf) == 4 and it.serial_into(buf) == 2 and it.serial_into(buf) == 0
    it.serial_baud(115_200)
    assert uart.baud == 115_200 and it.serial_write(b"$P") == 2 and uart.sent == b"$P"
    it.restart_gnss()
    assert world.calls[-2:] == [("pin", 4, 0), ("pin", 4, 1)]


def test_the_modem_is_dialled_watched_and_dialled_again():
    it = board()
    uart = world.uarts[2]
    now_ms = 0
    for command in (b"AT\r", b"ATE0\r", b'AT+CGDCONT=1,"IP","cmnet"\r', b"ATD*99***1#\r"):
        assert not it.step_network(now_ms)
        assert uart.sent == command, uart.sent
        uart.sent = b""
        uart.incoming = b"\r\nCONNECT 150000000\r\n" if command[:3] == b"ATD" else b"\r\nOK\r\n"
        now_ms += 100
        if command[:3] != b"ATD":
            continue
        assert not it.step_network(now_ms)
    assert world.ppp.asked and not it.step_network(now_ms + 100)
    world.ppp.up = True
    assert it.step_network(now_ms + 200)
    world.ppp.up = False
    assert not it.step_network(now_ms + 300) and world.calls[-1] == "ppp down"
    assert not it.step_network(now_ms + 400) and uart.sent == b""
    assert not it.step_network(now_ms + 6_000) and uart.sent == b"AT\r"
    # No answer, an error: again, less and less often.
    times = []
    for now_s in range(10, 2_000):
        uart.sent = b""
        uart.incoming = b"ERROR\r\n" if now_s % 2 else b""
        it.step_network(now_s * 1_000)
        if uart.sent == b"AT\r":
            times.append(now_s)
    pauses = [times[i + 1] - times[i] for i in range(len(times) - 1)]
    assert max(pauses) <= 310 and pauses[-1] >= 300 and pauses == sorted(pauses), pauses
    it.restart_network()
    assert world.calls[-2:] == [("pin", 7, 0), ("pin", 7, 1)]


def test_wifi_is_joined_and_joined_again():
    it = board({"wifi": {"ssid": "depot", "key": "secret"}})
    assert world.calls == [("wlan", True), ("join", "depot", "secret")]
    assert not it.step_network(0)
    world.wifi = True
    assert it.step_network(0)
    it.restart_network()
    assert world.calls[2:] == [("wlan", False), ("wlan", True), ("join", "depot", "secret")]


def test_the_battery_is_told_in_percent():
    it = board()
    for cell_mv, pct in (
        (4_200, 100),
        (4_150, 100),
        (3_800, 58),
        (3_600, 12),
        (3_300, 0),
        (2_900, 0),
    ):
        world.uv = cell_mv * 500
        assert it.battery_pct() == pct, cell_mv
    told = [esp32s3.charge_pct(mv) for mv in range(3_000, 4_300)]
    assert told == sorted(told) and told[0] == 0 and told[-1] == 100
    assert board({}).battery_pct() is None


def test_sleep_switches_the_radio_off_first():
    it = board()
    it.sleep(240_000)
    assert not world.ble.on and world.calls[-1] == ("deepsleep", 240_000)


def test_the_chips_own_clock_is_set():
    it = board()
    it.set_rtc(2517, 45_296_789)
    assert world.calls[-1] == (2026, 11, 22, 0, 12, 34, 56, 0)


def test_a_board_with_nothing_wired_has_all_the_methods():
    it = board({})
    it.restart_gnss()
    it.restart_ble()
    it.restart_network()
    it.serial_baud(9_600)
    it.listen(10)
    it.wait(0)
    assert taken(it) == [] and it.serial_into(bytearray(4)) == 0 and it.serial_write(b"x") == 0
    assert not it.step_network(0) and 0 <= it.random(7) < 7 and 0 < it.new_id() < 1 << 30
    assert it.implementation().startswith(sys.implementation.name)


def test_a_wrong_wiring_is_told_by_its_key_and_no_secret_with_it():
    for wiring, word in (
        ({"serial": "/dev/ttyS0"}, "serial"),
        ({"gnss": 17}, "gnss"),
        ({"gnss": {"tx": 1}}, "rx"),
        ({"gnss": {"tx": "1", "rx": 2}}, "tx"),
        ({"gnss": {"tx": True, "rx": 2}}, "tx"),
        ({"modem": {"tx": 1, "rx": 2}}, "apn"),
        ({"modem": {"tx": 1, "rx": 2, "apn": 'x"\rAT'}}, "apn"),
        ({"wifi": {"ssid": "depot", "key": 12345678}}, "key"),
        ({"wifi": {"key": "secret"}}, "ssid"),
        ({"battery": {}}, "pin"),
        ({"ble": {"address": 1}}, "address"),
    ):
        try:
            board(wiring)
        except ConfigError as fault:
            assert word in str(fault) and "secret" not in str(fault), wiring
            assert "12345678" not in str(fault)
        else:
            raise AssertionError(wiring)


if sys.implementation.name == "cpython":

    def test_the_same_under_the_unix_port():
        import subprocess

        from tools.parts import require
        from tools.parts.place import ROOT

        folders = [str(ROOT), str(ROOT / "tests" / "shared"), str(ROOT / "tests" / "firmware")]
        code = "import sys\nsys.path += {}\nfrom run import run\nrun(['test_esp32s3_fakes'])"
        command = list(require("micropython"))
        command.extend(["-X", "heapsize=4m", "-c", code.format(folders)])
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout.strip().endswith(" 0 failed"), done.stdout + done.stderr
        assert int(done.stdout.split()[-4]) >= 14
