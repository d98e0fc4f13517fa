"""Wiring of a rider's board: hardware from `boards`, the system, and the rider's application.

One loop, no threads: wait until a line has something (or 50 ms have passed), take what is there, let
time pass, send what fits. Everything in it returns at once.
"""

import gc

import firmware.preload  # noqa: F401 (first, see there)
from firmware.boards.receiver import ReceiverSetup
from firmware.rider.app import Rider
from firmware.system.device import Device
from firmware.system.errors import ConfigError
from firmware.system.forget import forget
from firmware.system.health import ACKS, ADVERTS, BYTES, FIX, RADIO, RIDER, SERIAL, UPLINK, Health
from firmware.system.power import Power, on_shift
from firmware.system.state import Pairs, State
from protocols.compat import const

_WAIT_MS = const(50)
_SERIAL_BYTES = const(256)
_SECOND_MS = const(1_000)
_WELL_MS = const(60_000)
_TRIAL_MS = const(180_000)
_NO_NETWORK_MS = const(300_000)
_VERSION = const(1)


class Board:
    """A running board. `hardware`: an object of firmware.boards; config: of system.config.

    ConfigError for a value that this role does not know, before anything is written.
    """

    def __init__(self, hardware, config: dict):
        if config["kind"] != "rider":
            raise ConfigError(
                "key 'kind' is '{}'; this is a rider's firmware".format(config["kind"])
            )
        self.hardware = hardware
        receiver = config["receiver"]
        # First: what it needs for a moment is the largest piece of heap of all.
        self.setup = ReceiverSetup(hardware, receiver["setup"], receiver["rate_ms"])
        self._config = config
        self._serial = bytearray(_SERIAL_BYTES)
        self._health_ms = self._second_ms = 0
        self._adverts = self._fixes = 0
        self._is_rtc_set = False
        self._up_ms = 0  # when the broker was last connected
        self._is_new_gnss = False
        self._is_kept = self._is_confirmed = False
        self._unwell_ms = 0  # when it last was
        self.device = Device(
            hardware, config, self._on_command, self._put_now, self._on_up, self._save_if_told
        )
        # A ring that held records has acknowledgements of another start: they are no sign of life.
        self._acked = self.device.acked
        self.clock = self.device.clock
        self.rider = Rider(self.device.journal, self.clock, config, self.device)
        self.health = Health(
            hardware,
            self._record_health,
            self.device.mqtt.drop,
            self._reset,
            bool(config["sensors"]),
        )
        self.power = Power()
        self.state = State(Pairs(hardware.partition("state")))
        self._restore(self.state.load())
        self._evidence = self.device.journal.rings[0].next
        if config["shift"] and not self.rider.orders.open:
            self.rider.on_shift(False)  # until a clock tells that it is one
        hardware.allow([sensor[0] for sensor in config["sensors"]])
        forget("firmware.preload")
        self._record_health("boot", {"reset_cause": hardware.reset_cause()})

    # -- what is called from below ------------------------------------------------------------------

    def _on_command(self, command, kind, values):
        if self.device.journal.rings[0].is_full:
            return False  # what cannot be answered is not carried out: it is sent again
        return self.rider.on_command(command, kind, values)

    def _put_now(self, writer):
        return self.rider.put_now(writer, self.device.journal.stamp())

    def _on_up(self):
        self.rider.on_up()

    def _record_health(self, event, values):
        if event == "restart":
            self._is_new_gnss = self._is_new_gnss or values["subsystem"] == "gnss"
        else:
            gc.collect()  # so that what is told as free is free
            values.update(self.rider.health(self.clock.now_ms))
            values["heap_free_bytes"] = gc.mem_free() if hasattr(gc, "mem_free") else 0
            values["restarts"] = self.health.restarts
            # A board whose state cannot be kept forgets its orders with the next power cut.
            values["state_refused"] = self.state.refused + self.state.failed
            charge_pct = self.hardware.battery_pct()
            if charge_pct is not None:
                values["batt_pct"] = charge_pct
        self.device.record_health(event, values)

    def _reset(self, cause):
        self.rider.reporter.close()
        self._save(True)
        self.hardware.reset(cause)

    # -- state over a restart -----------------------------------------------------------------------

    def _save(self, at_once):
        value = [_VERSION, self.device.commands.save(), self.health.save(), self.rider.save()]
        self.state.save(value, self.clock.now_ms, at_once)

    def _restore(self, value):
        if isinstance(value, list) and len(value) == 4 and value[0] == _VERSION:
            self.device.commands.restore(value[1])
            self.health.restore(value[2])
            self.rider.restore(value[3])

    def _save_if_told(self, now_ms):
        """Save at once what a restart may not undo: whatever made evidence is told to somebody.

        Before it is sent: a gateway that knows an order to be over would never end it again.
        """
        following = self.device.journal.rings[0].next
        rider = self.rider
        if following != self._evidence or rider.reporter.unsaved or rider.cold.is_due():
            self._evidence = following
            self._save(True)
        elif self.state.due(now_ms):
            self._save(False)

    # -- the loop -----------------------------------------------------------------------------------

    def step(self, wait_ms: int = _WAIT_MS) -> None:
        """One turn of the loop; waits at most `wait_ms` for something to do."""
        hardware = self.hardware
        hardware.wait(wait_ms)
        now_ms = self.clock.tick()
        self._read_receiver(now_ms)
        hardware.adverts(self.rider.on_advert, now_ms)
        self.health.ticked(RADIO, now_ms)
        self.rider.step(now_ms)
        self.health.ticked(RIDER, now_ms)
        if hasattr(hardware, "step_network"):
            hardware.step_network(now_ms)
        self.device.step(now_ms)
        self.health.ticked(UPLINK, now_ms)
        self._watch(now_ms)
        if now_ms - self._second_ms >= _SECOND_MS:
            self._second_ms = now_ms
            self._each_second(now_ms)

    def _read_receiver(self, now_ms):
        n = self.hardware.serial_into(self._serial)
        if n:
            self.health.heard(BYTES, now_ms)
        while n:
            self.setup.heard(self._serial, n, now_ms)
            self.rider.on_serial(self._serial, n, now_ms)
            n = self.hardware.serial_into(self._serial) if n == _SERIAL_BYTES else 0
        self.setup.step(now_ms, self.rider.fixes.framer.valid)
        self.health.ticked(SERIAL, now_ms)

    def _watch(self, now_ms):
        """Tell the health what came since the last turn, and let it act."""
        health, device = self.health, self.device
        ring = getattr(self.hardware, "ring", None)
        adverts = ring.heard if ring is not None else self.rider.cold.adverts
        if adverts != self._adverts:
            self._adverts = adverts
            health.heard(ADVERTS, now_ms)
        if self.rider.fixes.fixes != self._fixes:
            self._fixes = self.rider.fixes.fixes
            health.heard(FIX, now_ms)
        if device.acked != self._acked:
            self._acked = device.acked
            health.heard(ACKS, now_ms)
            if not self._is_kept and device.mqtt.is_up:
                self._is_kept = True
                if hasattr(self.hardware, "keep_config"):
                    self.hardware.keep_config()  # it brought us to the gateway
        evidence = device.journal.rings[0]
        health.step(now_ms, device.held, evidence.pending, len(self.rider.orders.open))
        if self._is_new_gnss:
            self._is_new_gnss = False
            self.setup.again(now_ms)

    def _each_second(self, now_ms):
        rider, power, hardware = self.rider, self.power, self.hardware
        day, ms = self.clock.day(), self.clock.ms()
        power.look(
            rider.estimate.motion,
            len(rider.orders.open),
            rider.near_dm,
            hardware.battery_pct(),
            on_shift(self._config["shift"], day, ms),
            now_ms,
        )
        # Without a clock nobody knows; an open order's track matters more than a minute too much of it.
        knows = day >= 0 or not self._config["shift"] or len(rider.orders.open) > 0
        if (power.position and knows) != rider.tells_position:
            rider.on_shift(power.position and knows)
        if day >= 0 and not self._is_rtc_set:
            self._is_rtc_set = True
            if hasattr(hardware, "set_rtc"):
                hardware.set_rtc(day, ms)  # TLS judges certificates by it
        rider.live.keep_ms = power.keepalive_s * 1_000
        rider.report_ms = power.report_s * 1_000
        hardware.listen(power.radio_pct)
        self.health.listens = bool(self._config["sensors"]) and power.radio_pct > 0
        self._confirm_if_well(now_ms)
        if now_ms - self._health_ms >= self._config["health_s"] * 1_000:
            self._health_ms = now_ms
            self._record_health("report", {})
        if self.device.is_up:
            self._up_ms = now_ms
        # What waits is on flash. A firmware on trial is given the time to prove itself first.
        has_told = not self.device.held or now_ms - self._up_ms > _NO_NETWORK_MS
        is_tried = self._is_confirmed or now_ms >= _TRIAL_MS
        if power.sleep_ms and has_told and is_tried and hasattr(hardware, "sleep"):
            self._save(True)
            hardware.sleep(power.sleep_ms)

    def _confirm_if_well(self, now_ms):
        """A firmware on trial is kept once position, sensors and gateway were there for a minute."""
        health = self.health
        if self._is_confirmed:
            return
        if not (
            self._is_kept
            and self.device.is_up
            and health.silent_ms(FIX, now_ms) < _WELL_MS
            and (not self._config["sensors"] or health.silent_ms(ADVERTS, now_ms) < _WELL_MS)
        ):
            self._unwell_ms = now_ms
        elif now_ms - self._unwell_ms >= _WELL_MS:
            self._is_confirmed = True
            if hasattr(self.hardware, "confirm_slot"):
                self.hardware.confirm_slot()


def run(board: Board) -> None:
    """Run a board until the power goes.

    A turn of the loop that finds no heap may have done half of something: the board starts anew from
    its rings and its last snapshot, which is older than what was half done, so that it is done again.
    """
    try:
        while True:
            board.step()
    except MemoryError:
        gc.collect()
        board.hardware.reset("memory")
