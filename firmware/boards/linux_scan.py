"""One long-lived bleak scan, and what ends it: silence, a lost bus, an adapter or a bluetoothd anew.

Scanners are not started and stopped in a loop: that leaks the bus's file descriptors until none is
left (bluehood PR 31), and a scan that BlueZ ended tells nobody. So one scan lives until there is a
reason for another, and the reasons are waited for.
"""

import asyncio
import contextlib
import logging
import time

from firmware.boards.adverts_ring import ScanWatch

_log = logging.getLogger(__name__)

_LOOK_S = 0.5
_CALL_S = 5.0  # bluetoothd answers within, or not at all
_PAUSE_S = 0.25
_PAUSE_MAX_S = 2.0
_AWAY_S = 10.0
_SETTLE_S = 0.3  # a bluetoothd that has just begun has no adapter yet
# A silence is one when 20 adverts' time brought none: 3 s where many are heard, 30 s where few are.
_GAPS = 20
_LEARNED = 2  # so many gaps tell a rate
_SILENT_MIN_MS = 3_000
_SILENT_MAX_MS = 30_000
_DOUBLINGS_MAX = 7
_STARTS_MAX = 5


class Silence:
    """Tells a scan that has fallen silent, after it had heard somebody.

    How long is too long is learned from how often adverts came, 30 s until there is something to learn
    from; it doubles with every new start that changed nothing, because the street may just be empty.
    A silence that ended counts as a gap like any other: else a sensor that speaks every ten seconds
    would never be known for one, and its scan be started anew for ever.
    """

    def __init__(self):
        self._first_ms = self._last_ms = -1
        self._count = 0
        self._heard = 0
        self._since_ms = 0
        self.fruitless = 0

    def begin(self, now_ms: int) -> None:
        """A scan starts."""
        self._since_ms = now_ms

    def due(self, heard: int, now_ms: int) -> bool:
        """Tell whether the scan should begin anew, told how many adverts came so far."""
        if heard != self._heard:
            if self._first_ms < 0:
                self._first_ms = (
                    now_ms  # a gap has two ends: with the first advert there is none yet
                )
            else:
                if self.fruitless:
                    self._first_ms, self._count = self._last_ms, 0
                self._count += heard - self._heard
            self._heard = heard
            self._last_ms = self._since_ms = now_ms
            self.fruitless = 0
            return False
        if self._last_ms < 0 or now_ms - self._since_ms < self.limit_ms():
            return False
        self.fruitless += 1
        self._since_ms = now_ms
        return True

    def limit_ms(self) -> int:
        """Return how long a silence may be now."""
        limit_ms = _SILENT_MAX_MS
        if self._count >= _LEARNED:
            gap_ms = (self._last_ms - self._first_ms) // self._count
            limit_ms = min(max(_GAPS * gap_ms, _SILENT_MIN_MS), _SILENT_MAX_MS)
        return limit_ms << min(self.fruitless, _DOUBLINGS_MAX)


class Scan:
    """The scan's life in one event loop; run() returns when the bus is to be opened anew, or at stop().

    heard(): adverts so far. scanner(mode): a new scanner, mode 'passive' or 'active'. watch(told): of
    linux_bluez, None without one: what it tells is 'off' (our adapter), 'one off' (one of them, it is
    not known whether ours), 'on', 'gone', 'back'. mode 'passive', 'active', or 'auto': passive
    where BlueZ does that.

    Counters, over several runs: `scans` started, `rescans` for silence, `faults`, `reopened` buses.
    `trouble` is why there is no scan, '' while there is one; `mode` the one of the scan that runs.
    """

    def __init__(self, heard, scanner, watch, mode: str = "auto"):
        self._heard = heard
        self._scanner = scanner
        self._watch = watch
        self._is_auto = mode == "auto"
        self.mode = "passive" if self._is_auto else mode
        self._deaf = ScanWatch()  # for a scan that never heard anybody
        self._silence = Silence()
        self._loop: "asyncio.AbstractEventLoop" = None
        self._event: "asyncio.Event" = None
        self._why = ""
        self._ends = False
        self._starts_failed = 0
        self._is_off = False
        self.scans = 0
        self.rescans = 0
        self.faults = 0
        self.reopened = -1
        self.trouble = "it has not begun"

    # -- from any thread --------------------------------------------------------------------------

    def again(self) -> None:
        """Start the scan anew."""
        self._tell("asked")

    def stop(self) -> None:
        """End it."""
        self._ends = True
        self._tell("asked")

    @property
    def is_ended(self) -> bool:
        """Whether stop() was called."""
        return self._ends

    def _tell(self, why):
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(
                RuntimeError
            ):  # the loop has just ended: it starts anew anyway
                loop.call_soon_threadsafe(self._on_told, why)

    # -- in its thread ----------------------------------------------------------------------------

    def _on_told(self, why):
        if why == "off":
            self._failed("the adapter was switched off", None)
        elif why == "gone":
            self._failed("bluetoothd has ended", None)
        self._is_off = why == "one off" or (self._is_off and why not in ("on", "back"))
        self._why = why
        self._event.set()

    async def run(self) -> None:
        """Scan, and start anew what has ended."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_swallow)
        self._event = asyncio.Event()
        self._why = ""
        self.reopened += 1
        lost = None
        is_open = False
        watch = self._watch(self._on_told) if self._watch is not None else None
        try:
            if watch is not None:
                await asyncio.wait_for(watch.open(), _CALL_S)
                lost = asyncio.ensure_future(watch.wait_lost())
                lost.add_done_callback(lambda _: self._on_told("bus"))
            is_open = True
            while not self._ends and self._why != "bus" and self._starts_failed < _STARTS_MAX:
                await self._once()
                if self._silence.fruitless > 1 and self._why == "silent":
                    break  # a new scan did not help: a new bus is next
        except Exception as fault:
            self._failed("there is no D-Bus with a bluetoothd", fault)
        finally:
            self._loop = None
            if lost is not None:
                lost.cancel()
            if watch is not None:
                watch.close()
        if not self._ends and not is_open:
            await asyncio.sleep(_PAUSE_MAX_S)
        self._starts_failed = 0

    async def _once(self):
        """One scan, from its start to its end."""
        self._event.clear()
        self._why = ""
        scanner = None
        try:
            scanner = self._scanner(self.mode)
            await asyncio.wait_for(scanner.start(), _CALL_S)
        except Exception as fault:
            await self._not_started(fault)
        else:
            self.scans += 1
            self._starts_failed = 0
            self._is_off = False
            if self.trouble:
                _log.info("BLE: scanning (%s)", self.mode)
            self.trouble = ""
            self._deaf.begin(_now_ms())
            self._silence.begin(_now_ms())
            await self._until_told()
        if scanner is not None:
            try:
                await asyncio.wait_for(scanner.stop(), _CALL_S)
            except Exception as fault:  # it never began, or the bus went away under it
                if self._why not in ("bus", "off", "one off", "gone", "back"):
                    self._failed("the scan did not stop", fault)
        if self._why in ("off", "gone"):
            # Nothing to start until it is back; should that be missed, a try now and then finds it.
            with contextlib.suppress(asyncio.TimeoutError):
                self._event.clear()
                await asyncio.wait_for(self._event.wait(), _AWAY_S)
        if self._why in ("back", "one off"):
            # Where it was another's adapter ours is heard again at once; where it was ours the start
            # says so.
            await asyncio.sleep(_SETTLE_S)

    async def _not_started(self, fault):
        if self._is_auto and self.mode == "passive" and "passive" in str(fault).lower():
            self._to_active()
            return
        self._starts_failed += 1
        self._failed("the scan does not start", fault)
        pause_s = min(_PAUSE_S * (1 << self._starts_failed), _PAUSE_MAX_S)
        if self._is_off:
            pause_s = _AWAY_S  # it was ours: its return is told
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._event.wait(), pause_s)

    async def _until_told(self):
        while not self._event.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._event.wait(), _LOOK_S)
                return
            heard, now_ms = self._heard(), _now_ms()
            if self._silence.due(heard, now_ms) or self._deaf.due(heard, now_ms):
                self.rescans += 1
                self._why = "silent"
                if not heard and self._is_auto and self.mode == "passive":
                    self._to_active()  # a BlueZ that takes passive scans, and hears nothing in them
                return

    def _to_active(self):
        self.mode = "active"
        _log.info("BLE: this BlueZ does not scan passively; actively then")

    def _failed(self, what, fault):
        self.faults += 1
        told = what if fault is None else f"{what} ({_words(fault)})"
        if told != self.trouble:  # once, not with every try
            _log.warning("BLE: %s; trying again", told)
        self.trouble = told


def _words(fault):
    # bleak's own errors have a reason beside the sentence.
    words = fault.args[0] if fault.args and isinstance(fault.args[0], str) else str(fault)
    return words or type(fault).__name__


def _swallow(_loop, context):
    """What was still being written to a bus that went away: that it did is known by then."""
    _log.debug("BLE: %s: %r", context.get("message"), context.get("exception"))


def _now_ms():
    return time.monotonic_ns() // 1_000_000
