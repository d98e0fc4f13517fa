"""BLE adverts between the radio's interrupt and the main loop: a ring of slots made beforehand.

The interrupt copies what the allow-list lets through and counts the rest; decoding waits for the loop.
Nothing is allocated on either side (aioble makes three objects an advert and lets its queue grow until
the scan dies of MemoryError: micropython-lib issues 865 and 982).
"""

from protocols.compat import const

SLOTS = const(32)
# address 6 (most significant first) | RSSI + 128 | size | payload, a legacy advert's at most 31
_SLOT = const(39)
_HEAD = const(8)
_PAYLOAD = const(31)
_ADDRESS = const(6)
_FIRST_MS = const(30_000)
_LAST_MS = const(300_000)


class AdvertsRing:
    """put() in the interrupt, take() in the loop: one writer, one reader, no lock needed.

    Counters, modulo 2^30: `heard` all adverts, anybody's (silence of these is a deaf radio); `foreign`
    those that the allow-list stopped; `dropped` ours that found the ring full.
    """

    def __init__(self, slots: int = SLOTS):
        self._slots = slots
        self._ring = bytearray(_SLOT * slots)
        self._payload = bytearray(_PAYLOAD)
        self._in = 0  # the slot to fill next
        self._out = 0  # the slot to empty next; equal: the ring is empty
        self._allowed: "list | None" = None
        self.heard = 0
        self.foreign = 0
        self.dropped = 0

    def listen(self, addresses) -> None:
        """Let these addresses through (each 6 bytes, most significant first); None lets all through."""
        self._allowed = None if addresses is None else [bytes(each) for each in addresses]

    def put(self, address, rssi_dbm: int, payload, pos: int, size: int) -> bool:
        """Take `payload[pos : pos + size]`; False when it was dropped or is not ours.

        More than 31 bytes (an extended advert) is cut off: formats of ours are legacy adverts.
        """
        self.heard = (self.heard + 1) & 0x3FFFFFFF
        allowed = self._allowed
        if allowed is not None:
            for each in allowed:
                if address == each:
                    break
            else:
                self.foreign = (self.foreign + 1) & 0x3FFFFFFF
                return False
        after = self._in + 1
        if after == self._slots:
            after = 0
        if after == self._out:
            self.dropped = (self.dropped + 1) & 0x3FFFFFFF
            return False
        ring = self._ring
        at = self._in * _SLOT
        size = min(max(size, 0), _PAYLOAD)
        for i in range(_ADDRESS):
            ring[at + i] = address[i]
        ring[at + 6] = (rssi_dbm + 128) & 255
        ring[at + 7] = size
        at += _HEAD
        for i in range(size):
            ring[at + i] = payload[pos + i]
        self._in = after  # last: from here on the loop may read it
        return True

    def take(self, handler, now_ms: int) -> None:
        """Call handler(address, payload, size, rssi_dbm, now_ms) for all that is there.

        `payload` is a buffer of 31 bytes, valid during the call; `address` is the allow-list's own
        object, or a new one where all are let through.
        """
        ring = self._ring
        payload = self._payload
        # What comes in meanwhile waits for the next turn: a busy air must not hold the loop.
        last = self._in
        while self._out != last:
            at = self._out * _SLOT
            size = ring[at + 7]
            for i in range(size):
                payload[i] = ring[at + _HEAD + i]
            rssi_dbm = ring[at + 6] - 128
            address = self._address(at)
            after = self._out + 1
            self._out = 0 if after == self._slots else after
            if address is not None:
                handler(address, payload, size, rssi_dbm, now_ms)

    def _address(self, at):
        ring = self._ring
        if self._allowed is None:
            return bytes(ring[at : at + _ADDRESS])
        for each in self._allowed:
            for i in range(_ADDRESS):
                if each[i] != ring[at + i]:
                    break
            else:
                return each
        return None  # the allow-list has changed since


class ScanWatch:
    """Tells when a scan that hears nobody is to be started again: after 30 s, doubling to 5 min.

    Scans end without a word when Wi-Fi or the modem take the antenna, or a controller is wedged.
    `rescans` counts.
    """

    def __init__(self):
        self._heard = -1
        self._since_ms = 0
        self._wait_ms = _FIRST_MS
        self.rescans = 0

    def begin(self, now_ms: int) -> None:
        """The scan has just been started for another reason."""
        self._since_ms = now_ms

    def due(self, heard: int, now_ms: int) -> bool:
        """Tell whether to start the scan again, told how many adverts were `heard` so far."""
        if heard != self._heard:
            self._heard = heard
            self._since_ms = now_ms
            self._wait_ms = _FIRST_MS
            return False
        if now_ms - self._since_ms < self._wait_ms:
            return False
        self._since_ms = now_ms
        self._wait_ms = min(2 * self._wait_ms, _LAST_MS)
        self.rescans += 1
        return True
