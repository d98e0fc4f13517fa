"""The ESP32-S3 board with stand-ins for the port's modules: what it asks of them, what it does with it.

Nothing here ran on an ESP32. Runs under pytest, and by its last test under MicroPython's unix port.
"""

import errno
import sys

from esp32s3_port import Partition, fresh, load, world

from firmware.system.errors import ConfigError

OURS = bytes((0xC4, 0x38, 0, 0, 0, 1))


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
