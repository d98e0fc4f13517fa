"""BLE adverts on a Linux machine: bleak's scan in a thread of its own, a bounded queue to the board.

BlueZ hands over the parts of an advert, not its bytes, and it keeps them: when a device sends service
data only, the manufacturer data of an advert before is told once more beside it. What is new is put
together again as AD structures, so that the decoders of the boards read what was sent.
"""

import asyncio
import contextlib
import logging
import os
import threading
from collections import deque

from firmware.boards.linux_scan import Scan

_log = logging.getLogger(__name__)

# Two seconds of 2,000 adverts: longer than the board's loop is ever busy with something else.
ROOM = 4_096
_PAYLOAD_MAX = 255
_DEVICES_MAX = 1_024
_STOP_S = 12.0
_MANUFACTURER = 0xFF
_SERVICE_16 = 0x16
_NO_RSSI_DBM = -127  # bleak's word for an advert without a strength: BlueZ has not heard one
_BASE_UUID = "-0000-1000-8000-00805f9b34fb"  # Bluetooth Core, Vol 3 B 2.5.1
# BlueZ's passive scan names what it looks for: (offset, AD type, bytes); formats of protocols.adverts.
_SERVICES = (0xFCD2, 0x181A, 0x2A6E, 0x2A6F, 0xFEAA, 0xFD3D, 0x0D00)
_MAKERS = (0x0499, 0x0757, 0x089A, 0x094F, 0x0133, 0x06D5)


class Radio:
    """Scans from begin() to end(); the interface of boards.adverts_ring.AdvertsRing.

    scanner: makes a scanner, called as bleak.BleakScanner is, None for that one. adapter: 'hci0' and
    so on, '' for the system's own. mode: 'auto', 'passive' or 'active'.

    Counters: `heard` all adverts; `foreign` those that the allow-list stopped; `dropped` the oldest,
    when 4,096 wait; `echoes` what BlueZ told without having heard anything. `wake` is a file number
    that becomes readable when there is something to take, -1 before begin().
    """

    def __init__(self, scanner=None, adapter: str = "", mode: str = "auto"):
        self._make = scanner
        self._adapter = adapter
        self._adverts: deque = deque(maxlen=ROOM)
        self._allowed: "dict | None" = None
        self._last: dict = {}
        self._thread: "threading.Thread" = None
        self._is_told = False
        self.wake = -1
        self.heard = 0
        self.foreign = 0
        self.dropped = 0
        self.echoes = 0
        watch = None
        if scanner is None:
            from firmware.boards.linux_bluez import BluezWatch

            def watch(told):
                return BluezWatch(told, adapter)

        self.scan = Scan(lambda: self.heard, self._scanner, watch, mode)

    @property
    def rescans(self) -> int:
        """How often the scan was started anew because it heard nobody."""
        return self.scan.rescans

    @property
    def faults(self) -> int:
        """How often adapter, bluetoothd or bus refused or went away."""
        return self.scan.faults

    def listen(self, addresses) -> None:
        """Let these addresses through (each 6 bytes, most significant first); None lets all through."""
        allowed: "dict | None" = None
        if addresses is not None:
            allowed = {bytes(each).hex(":").upper(): bytes(each) for each in addresses}
        self._allowed = allowed

    def begin(self) -> None:
        """Start scanning."""
        self.wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="ble-scan", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop scanning; waits for the scanner to let go of the adapter."""
        self.scan.stop()
        if self._thread is not None:
            self._thread.join(timeout=_STOP_S)
        wake, self.wake = self.wake, -1
        if wake >= 0 and not (self._thread and self._thread.is_alive()):
            os.close(wake)

    def again(self) -> None:
        """Start the scan anew."""
        self.scan.again()

    def take(self, handler, now_ms: int) -> None:
        """Call handler(address, payload, size, rssi_dbm, now_ms) for all that came in."""
        if self._is_told:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self.wake)
            # Before the queue is looked at: what comes in meanwhile tells again.
            self._is_told = False
        for _ in range(len(self._adverts)):
            # The other thread drops from this end too, but only while the queue is full.
            try:
                address, payload, rssi_dbm = self._adverts.popleft()
            except IndexError:
                return
            handler(address, payload, len(payload), rssi_dbm, now_ms)

    # -- in the thread ----------------------------------------------------------------------------

    def _run(self):
        while not self.scan.is_ended:
            # A loop of its own for every opening of the bus: bleak keeps one connection to a loop.
            try:
                asyncio.run(self.scan.run())
            except Exception:
                _log.exception("BLE: the scan has ended; it begins anew")

    def _scanner(self, mode):
        if self._make is None:
            from bleak import BleakScanner

            self._make = BleakScanner
        # Without DuplicateData BlueZ tells a device's service data once, and then only its changes.
        bluez: dict = {"filters": {"DuplicateData": True}}
        if self._adapter:
            bluez["adapter"] = self._adapter
        if mode == "passive":
            bluez["or_patterns"] = patterns()
        return self._make(detection_callback=self._on_advert, scanning_mode=mode, bluez=bluez)

    def _on_advert(self, device, advert):
        told = device.address
        payload = self._news(told, advert)
        if not payload:
            return
        self.heard += 1
        if self._allowed is None:
            try:
                address = bytes.fromhex(told.replace(":", ""))
            except ValueError:
                return
        else:
            address = self._allowed.get(told)
            if address is None:
                self.foreign += 1
                return
        if len(self._adverts) == ROOM:
            self.dropped += (
                1  # the oldest: of a sensor's readings the newest is the one that counts
            )
        self._adverts.append((address, payload, advert.rssi))
        if not self._is_told and self.wake >= 0:
            self._is_told = True
            os.eventfd_write(self.wake, 1)

    def _news(self, told, advert):
        """Return the AD structures that this advert brought; b'' when BlueZ has heard none.

        All of them where none has changed: the advert was sent once more.
        """
        parts = parts_of(advert)
        before = self._last.get(told)
        if parts == before:
            if advert.rssi == _NO_RSSI_DBM:
                # The end of a scan, a name, a connection: told, but not heard. Silence is no news.
                self.echoes += 1
                return b""
            return b"".join(parts)[:_PAYLOAD_MAX] or b"\0"
        if before is None and len(self._last) >= _DEVICES_MAX:
            self._last.clear()  # phones change their address all day long
        self._last[told] = parts
        if before is None or len(parts) == 1:
            return b"".join(parts)[:_PAYLOAD_MAX] or b"\0"
        return b"".join([each for each in parts if each not in before])[:_PAYLOAD_MAX] or b"\0"


def parts_of(advert) -> list:
    """Return the AD structures of what bleak tells of an advert: manufacturer and service data."""
    parts = []
    for company, data in advert.manufacturer_data.items():
        parts.append(_structure(_MANUFACTURER, company, data))
    for uuid, data in advert.service_data.items():
        if uuid.endswith(_BASE_UUID) and uuid.startswith("0000"):
            with contextlib.suppress(ValueError):
                parts.append(_structure(_SERVICE_16, int(uuid[4:8], 16), data))
    return [each for each in parts if each]


def patterns() -> list:
    """Return what a passive scan looks for, as bleak's or_patterns: the formats that we read."""
    from bleak.args.bluez import OrPattern
    from bleak.assigned_numbers import AdvertisementDataType

    kinds = (
        (AdvertisementDataType.SERVICE_DATA_UUID16, _SERVICES),
        (AdvertisementDataType.MANUFACTURER_SPECIFIC_DATA, _MAKERS),
    )
    return [
        OrPattern(0, kind, number.to_bytes(2, "little"))
        for kind, numbers in kinds
        for number in numbers
    ]


def _structure(kind, number, data):
    if len(data) + 3 > _PAYLOAD_MAX or not 0 <= number <= 0xFFFF:
        return b""
    return bytes((len(data) + 3, kind, number & 255, number >> 8)) + bytes(data)
