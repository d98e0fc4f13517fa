"""An ESP32-S3 board: receiver and modem on UARTs, BLE, Wi-Fi, raw flash partitions, watchdog, battery.

Written against MicroPython's documentation and tested with stand-ins for its modules; not yet run on a
board. Kept thin for that reason: whatever can be decided elsewhere is.
"""

# mypy: ignore-errors
import errno
import os
import select
import sys
import time

import bluetooth
import esp32
import machine

from firmware.boards.adverts_ring import AdvertsRing, ScanWatch
from firmware.boards.esp32s3_net import Network, open_uart, pulse
from firmware.boards.files import Files, TriedConfig
from firmware.boards.tcp import Stream
from firmware.system.errors import ConfigError
from protocols.calendar import civil_from_days
from protocols.compat import const

_BLOCK_SIZE = const(4_096)
_IOCTL_ERASE = const(6)
_SCAN_RESULT = const(5)
_SCAN_DONE = const(6)
_SCAN_INTERVAL_US = const(30_000)
_WATCHDOG_MS = const(8_000)
_WIRE_EPOCH_DAYS = const(18_262)  # 2020-01-01 in days since 1970-01-01
_CAUSE_BYTES = const(40)
_WIRING = {
    "gnss": ("tx", "rx", "baud", "reset"),
    "modem": ("tx", "rx", "baud", "apn", "power"),
    "wifi": ("ssid", "key"),
    "battery": ("pin", "ratio_pct"),
    "ble": (),
}


class PartitionFlash:
    """A raw flash partition, as system.ringlog and system.state ask for it."""

    block_size = _BLOCK_SIZE

    def __init__(self, name: str):
        found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label=name)
        if not found:
            raise OSError(errno.ENODEV, "the flash has no partition '{}'".format(name))
        self._partition = found[0]
        self.blocks = self._partition.info()[3] // _BLOCK_SIZE

    def read(self, block: int, offset: int, buf) -> None:
        """Fill `buf` from `offset` of a block."""
        self._partition.readblocks(block, buf, offset)

    def program(self, block: int, offset: int, buf) -> None:
        """Clear the bits that are 0 in `buf`; with an offset nothing is erased before."""
        self._partition.writeblocks(block, buf, offset)

    def erase(self, block: int) -> None:
        """Set every bit of a block."""
        self._partition.ioctl(_IOCTL_ERASE, block)


class Esp32S3Board(TriedConfig):
    """The board; `wiring` is the config's 'board', numbers of pins but for these:

    gnss {tx, rx, baud, reset}, modem {tx, rx, baud, apn, power}, wifi {ssid, key}, battery {pin,
    ratio_pct: what the divider's output is multiplied by, in percent}, ble {}. What is not named is not
    there; `baud`, `reset`, `power` and `key` may be left out. ConfigError for anything else.

    `ring`: boards.adverts_ring.AdvertsRing, with its counters.
    """

    ticks_ms = staticmethod(time.ticks_ms)
    ticks_diff = staticmethod(time.ticks_diff)

    def __init__(self, wiring: dict):
        _check_wiring(wiring)
        self._poller = select.poll()
        self._nvs = esp32.NVS("o2o")
        self._files = Files("")
        self._watchdog = None
        self._battery = None
        self._uart = self._ble = None
        self._gnss = wiring.get("gnss")
        if self._gnss:
            self._uart = open_uart(1, self._gnss)
            self._poller.register(self._uart, select.POLLIN)
        self._network = Network(wiring)
        if "battery" in wiring:
            self._battery = machine.ADC(machine.Pin(wiring["battery"]["pin"]))
            self._ratio_pct = wiring["battery"].get("ratio_pct", 200)
        self.ring = AdvertsRing()
        self._watch = ScanWatch()
        self._radio_pct = 100
        self._scanning = False
        if "ble" in wiring:
            self._ble = bluetooth.BLE()
            self._begin_scan()

    # -- time, chance, identity -------------------------------------------------------------------

    @staticmethod
    def random(n: int) -> int:
        """Return a random integer 0..n-1 (n up to 2^24)."""
        seed = os.urandom(3)
        return (seed[0] | seed[1] << 8 | seed[2] << 16) % n

    @staticmethod
    def new_id() -> int:
        """Return a random ring id, 1..2^30-1."""
        seed = os.urandom(4)
        return (seed[0] | seed[1] << 8 | seed[2] << 16 | (seed[3] & 0x3F) << 24) or 1

    @staticmethod
    def implementation() -> str:
        """Return what executes this firmware."""
        it = sys.implementation
        version = ".".join([str(part) for part in it.version[:3]])
        return "{} {} {}".format(it.name, version, getattr(it, "_machine", sys.platform))[:80]

    @staticmethod
    def set_rtc(day: int, ms: int) -> None:
        """Tell the chip's own clock UTC when system.clock was set: TLS judges certificates by it."""
        year, month, date = civil_from_days(day + _WIRE_EPOCH_DAYS)
        second = ms // 1_000
        machine.RTC().datetime(
            (year, month, date, 0, second // 3_600, second // 60 % 60, second % 60, 0)
        )

    # -- memory and life --------------------------------------------------------------------------

    @staticmethod
    def partition(name: str):
        """Return the flash partition 'evidence', 'track' or 'state'."""
        return PartitionFlash(name)

    def count_boot(self) -> int:
        """Return this start's number: one more than the last one's; see boards.count_boot."""
        try:
            boots = self._nvs.get_i32("boots")
        except OSError:
            boots = self.new_id() >> 4
        self._nvs.set_i32("boots", boots + 1)
        self._nvs.commit()
        return boots + 1

    def reset_cause(self) -> str:
        """Return, once, what the last reset() was told; else the chip's own word for this start."""
        buf = bytearray(_CAUSE_BYTES)
        try:
            size = self._nvs.get_blob("cause", buf)
            self._nvs.erase_key("cause")
            self._nvs.commit()
            return bytes(buf[:size]).decode()
        except (OSError, UnicodeError):
            pass
        cause = machine.reset_cause()
        for name in ("PWRON", "HARD", "WDT", "DEEPSLEEP", "SOFT"):
            if cause == getattr(machine, name + "_RESET", None):
                return {"PWRON": "power-on", "WDT": "watchdog"}.get(name, name.lower())
        return "cause {}".format(cause)

    def reset(self, cause: str) -> None:
        """Start anew; `cause` (at most 40 characters) is told by reset_cause() then."""
        self._nvs.set_blob("cause", cause.encode()[:_CAUSE_BYTES])
        self._nvs.commit()
        machine.reset()

    def feed_watchdog(self) -> None:
        """Feed it; from the first time on it must be fed every 8 s, and cannot be stopped."""
        if self._watchdog is None:
            self._watchdog = machine.WDT(timeout=_WATCHDOG_MS)
        self._watchdog.feed()

    def battery_pct(self):
        """Return the charge of a lithium cell, 0..100 %; None without a battery input."""
        if self._battery is None:
            return None
        total_uv = 0
        for _ in range(4):
            total_uv += self._battery.read_uv() // 4
        return charge_pct(total_uv // 1_000 * self._ratio_pct // 100)

    def sleep(self, ms: int) -> None:
        """Sleep deeply: what comes after is a start, with reset_cause() 'deepsleep'. Never returns."""
        if self._ble is not None:
            self._ble.active(False)
        machine.deepsleep(ms)

    # -- receiver ---------------------------------------------------------------------------------

    def serial_into(self, buf) -> int:
        """Read what the receiver's line has into `buf`; 0 when there is nothing."""
        if self._uart is None:
            return 0
        return self._uart.readinto(buf) or 0

    def serial_write(self, data) -> int:
        """Write to the receiver and return how many bytes it took, 0 when it takes none."""
        if self._uart is None:
            return 0
        return self._uart.write(data) or 0

    def serial_baud(self, baud: int) -> None:
        """Listen to the receiver, and talk to it, at another speed."""
        if self._uart is not None:
            self._uart.init(baudrate=baud, timeout=0)

    def restart_gnss(self) -> None:
        """Pull the receiver's reset low for a moment, where it is wired; its speed is found again."""
        if self._gnss and "reset" in self._gnss:
            pulse(self._gnss["reset"])

    # -- radio ------------------------------------------------------------------------------------

    def allow(self, addresses) -> None:
        """Let the adverts of these addresses through (6 bytes each); None: everybody's."""
        self.ring.listen(addresses)

    def listen(self, radio_pct: int) -> None:
        """Listen for adverts that much of the time, 0..100 %."""
        if radio_pct != self._radio_pct:
            self._radio_pct = radio_pct
            if self._ble is not None:
                self._begin_scan()

    def adverts(self, handler, now_ms: int) -> None:
        """Hand the adverts that came in to `handler`; a scan that ended or fell deaf is begun again."""
        if self._ble is None:
            return
        if self._radio_pct and (not self._scanning or self._watch.due(self.ring.heard, now_ms)):
            self._begin_scan()
        self.ring.take(handler, now_ms)

    def restart_ble(self) -> None:
        """Switch the radio off and on again."""
        if self._ble is not None:
            self._ble.active(False)
            self._begin_scan()

    def _begin_scan(self):
        self._scanning = False
        try:
            self._ble.active(True)
            self._ble.irq(self._on_radio)
            self._ble.gap_scan(None)
            if self._radio_pct:
                window_us = max(_SCAN_INTERVAL_US * self._radio_pct // 100, 2_500)
                # Without end, and active: some sensors say their values in the scan response.
                self._ble.gap_scan(0, _SCAN_INTERVAL_US, window_us, True)
                self._scanning = True
        except OSError:
            pass  # the stack is busy: adverts() tries again, and health sees the silence

    def _on_radio(self, event, data):
        # Runs in the radio's task: the buffers are gone when it returns, and nothing may be allocated.
        if event == _SCAN_RESULT:
            _, address, _, rssi_dbm, payload = data
            self.ring.put(address, rssi_dbm, payload, 0, len(payload))
        elif event == _SCAN_DONE:
            self._scanning = False

    # -- network ----------------------------------------------------------------------------------

    def open_stream(self, host: str, port: int, tls=None):
        """Start a TCP connection, or a TLS one: `tls` as `files` of boards.tls. OSError says why not."""
        stream = Stream(self._poller, host, port)
        if tls is None:
            return stream
        from firmware.boards.tls import secure  # costs heap: only where it is used

        return secure(stream, tls, "")

    def step_network(self, now_ms: int) -> bool:
        """Dial where there is a modem; True while there is a network."""
        return self._network.step(now_ms)

    def restart_network(self) -> None:
        """Switch the modem off and on where its power key is wired, dial again; join Wi-Fi again."""
        self._network.restart()

    def wait(self, ms: int) -> None:
        """Wait until a line has something to read, at most `ms`."""
        self._poller.poll(ms)


def charge_pct(mv: int) -> int:
    """Return the charge of a lithium cell from its voltage under a light load, 0..100 %.

    A rough curve, to tell a low battery; a cell's own is not known here.
    """
    low_mv = low_pct = 0
    for at_mv, at_pct in ((3_300, 0), (3_600, 12), (3_700, 35), (3_800, 58), (4_000, 85)):
        if mv < at_mv:
            break
        low_mv, low_pct = at_mv, at_pct
    else:
        at_mv, at_pct = 4_150, 100
    if low_mv == 0:
        return 0
    return min(low_pct + (mv - low_mv) * (at_pct - low_pct) // (at_mv - low_mv), 100)


def _check_wiring(wiring):
    for name in wiring:
        if name not in _WIRING or not isinstance(wiring[name], dict):
            known = ", ".join(sorted(_WIRING))
            raise ConfigError("key 'board' has objects {}; '{}' is none".format(known, name))
        part = wiring[name]
        for key in part:
            value = part[key]
            is_text = key in ("apn", "ssid", "key")
            good = isinstance(value, str if is_text else int) and value is not True
            if key not in _WIRING[name] or not good or (is_text and '"' in value):
                raise ConfigError("'{}' in '{}' of key 'board' is not understood".format(key, name))
        required = {"gnss": ("tx", "rx"), "modem": ("tx", "rx", "apn"), "wifi": ("ssid",)}
        for key in required.get(name, ("pin",) if name == "battery" else ()):
            if key not in part:
                raise ConfigError("'{}' of key 'board' needs '{}'".format(name, key))
