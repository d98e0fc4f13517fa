"""BLE adverts on a Linux machine: one long-lived bleak scanner in a thread of its own, and its watch.

Scanners are not started and stopped in a loop: that leaks the bus's file descriptors until none is left.
BlueZ hands over the parts of an advert, not its bytes; they are put together again as AD structures, so
that the decoders of the boards read them.
"""

import asyncio
import logging
import threading
import time
from collections import deque

from firmware.boards.adverts_ring import ScanWatch

_log = logging.getLogger(__name__)

_ROOM = 256
_PAYLOAD_MAX = 255
_LOOK_S = 1.0
_STOP_S = 5.0
_MANUFACTURER = 0xFF
_SERVICE_16 = 0x16
_BASE_UUID = "-0000-1000-8000-00805f9b34fb"  # Bluetooth Core, Vol 3 B 2.5.1


class Radio:
    """Scans from begin() to end(); the interface of boards.adverts_ring.AdvertsRing.

    scanner: a class like bleak.BleakScanner, None for that one. `rescans` and `faults` count how often
    the scan was started anew for silence, and how often the adapter refused.
    """

    def __init__(self, scanner=None):
        self._scanner = scanner
        self._adverts: deque = deque()
        self._allowed = None
        self._watch = ScanWatch()
        self._stop = threading.Event()
        self._again = threading.Event()
        self._thread = None
        self.heard = 0
        self.foreign = 0
        self.dropped = 0
        self.faults = 0

    @property
    def rescans(self) -> int:
        """How often the scan was started anew because it heard nobody."""
        return self._watch.rescans

    def listen(self, addresses) -> None:
        """Let these addresses through (each 6 bytes, most significant first); None lets all through."""
        self._allowed = None if addresses is None else {bytes(each) for each in addresses}

    def begin(self) -> None:
        """Start scanning."""
        self._thread = threading.Thread(target=self._run, name="ble-scan", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop scanning; waits for the scanner to let go of the adapter."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2 * _STOP_S)

    def again(self) -> None:
        """Start the scan anew."""
        self._again.set()

    def take(self, handler, now_ms: int) -> None:
        """Call handler(address, payload, size, rssi_dbm, now_ms) for all that came in."""
        for _ in range(len(self._adverts)):
            address, payload, rssi_dbm = self._adverts.popleft()
            handler(address, payload, len(payload), rssi_dbm, now_ms)

    # -- in the thread ----------------------------------------------------------------------------

    def _run(self):
        if self._scanner is None:
            from bleak import BleakScanner

            self._scanner = BleakScanner
        asyncio.run(self._scan())

    async def _scan(self):
        while not self._stop.is_set():
            self._again.clear()
            scanner = None
            try:
                scanner = self._scanner(detection_callback=self._on_advert, scanning_mode="active")
                await asyncio.wait_for(scanner.start(), _STOP_S)
                self._watch.begin(_now_ms())
            except Exception as fault:
                # The adapter is off, busy or gone, the bus restarts: all of them end some day.
                self._failed("the scan did not start", fault)
            await self._wait()
            if scanner is not None:
                try:
                    await asyncio.wait_for(scanner.stop(), _STOP_S)
                except Exception as fault:  # it never began, or the bus went away under it
                    self._failed("the scan did not stop", fault)

    def _failed(self, what, fault):
        self.faults += 1
        _log.warning("BLE: %s (%s); trying again", what, fault or type(fault).__name__)

    async def _wait(self):
        while not self._stop.is_set() and not self._again.is_set():
            await asyncio.sleep(_LOOK_S)
            if self._watch.due(self.heard, _now_ms()):
                return

    def _on_advert(self, device, advert):
        self.heard += 1
        address = bytes.fromhex(device.address.replace(":", ""))
        if self._allowed is not None and address not in self._allowed:
            self.foreign += 1
            return
        if len(self._adverts) >= _ROOM:
            self.dropped += 1
            return
        self._adverts.append((address, payload_of(advert), advert.rssi))


def payload_of(advert) -> bytes:
    """Return the AD structures of what bleak tells of an advert: manufacturer and service data."""
    payload = b""
    for company, data in advert.manufacturer_data.items():
        payload += _structure(_MANUFACTURER, company, data)
    for uuid, data in advert.service_data.items():
        if uuid.endswith(_BASE_UUID) and uuid.startswith("0000"):
            payload += _structure(_SERVICE_16, int(uuid[4:8], 16), data)
    return payload[:_PAYLOAD_MAX]


def _structure(kind, number, data):
    if len(data) + 3 > _PAYLOAD_MAX:
        return b""
    return bytes((len(data) + 3, kind, number & 255, number >> 8)) + bytes(data)


def _now_ms():
    return time.monotonic_ns() // 1_000_000
