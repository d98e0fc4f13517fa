"""The rider's application: receiver bytes, adverts and commands in, records and live messages out.

Wiring and nothing else. A new position goes to the plan (did the rider stray?), to times and alerts, to
the track and to the live message, in this order. Orders tell their observers; the plan is the first of
them, so that all others find the new sequence.
"""

from firmware.rider import alerts
from firmware.rider.cold import ColdBox
from firmware.rider.estimate import RIDE, Estimate
from firmware.rider.fixes import Fixes, count_fields, put_fields
from firmware.rider.geo import FAR_DM
from firmware.rider.live import Live
from firmware.rider.orders import Orders
from firmware.rider.outlook import Outlook
from firmware.rider.plan import Plan
from firmware.rider.position import Position
from firmware.rider.reporter import Reporter
from protocols import commands, messages
from protocols.calendar import wire_day
from protocols.compat import const

_SECOND_MS = const(1_000)
_HOUR_MS = const(3_600_000)
# Slices of planning in one turn of the loop; each is 0.4 ms of the unix port.
_SLICES = const(4)
_VERSION = const(1)


class Rider:
    """One rider's board, without its hardware.

    journal, clock: of firmware.system or their like; config: of system.config, from which it takes
    'profile', 'sensors' and 'receiver'; link: `is_up`, and send_live(buf, n), False when it could not.
    Profile 'every-epoch' records every position as the receiver gave it; 'adaptive' records the track
    and sends live messages instead.

    `tells_position` False: off shift, no position leaves the board. `report_ms`: between live messages
    while no order is open; then there is no track either. `near_dm`: distance to the nearest customer
    whose goods are with the rider, -1 without one.
    """

    def __init__(self, journal, clock, config: dict, link):
        self._clock = clock
        self._link = link
        receiver = config["receiver"]
        self._is_adaptive = config["profile"] == "adaptive"
        self.fixes = Fixes(
            journal, clock, not self._is_adaptive, receiver.get("build_days"), self._on_epoch
        )
        datum = messages.words(messages.FIX, "datum").index(receiver.get("datum", "wgs84"))
        self.position = Position(datum)
        self.orders = Orders(journal, alerts)
        self.outlook = Outlook(journal, self._on_arrived)
        self.plan = Plan(journal, self.orders, self.outlook.pace, self.outlook.handover)
        self.cold = ColdBox(journal, config["sensors"], clock)
        self.reporter = Reporter(journal)
        self.live = Live()
        self.orders.observers += [self.cold.on_order, self.outlook.on_order, self._on_order]
        self.tells_position = True
        self.near_dm = -1
        self.report_ms = 60_000
        self._reported_ms = -_HOUR_MS
        self._second_ms = 0

    # -- from the hardware --------------------------------------------------------------------------

    def on_serial(self, buf, n: int, now_ms: int) -> None:
        """Take bytes of the GNSS receiver."""
        self.fixes.feed(buf, n, now_ms)

    def on_advert(self, address, payload, size: int, rssi_dbm: int, now_ms: int) -> None:
        """Take one BLE advertisement."""
        self.cold.on_advert(address, payload, size, rssi_dbm, now_ms)

    def on_command(self, command: str, kind: int, values: dict) -> bool:
        """Carry out a command that system.commands has checked; False when it is not a rider's."""
        if kind == commands.ASSIGN:
            self.orders.assign(command, values)
        elif kind == commands.PICKED_UP:
            self.orders.pick_up(command, values)
        elif kind == commands.CANCEL:
            self.orders.close(command, values, "cancelled")
        elif kind == commands.FAILED:
            self.orders.close(command, values, "failed")
        elif kind == commands.HANDED_OVER:
            self._judge(self._clock.now_ms)  # how long it took counts up to now
            self.orders.close(command, values, "handed_over")
        elif kind == commands.REENROL:
            return self.cold.reenrol(command, values)
        else:
            return False
        return True

    def on_up(self) -> None:
        """A connection stands: whoever listens there may know nothing yet."""
        self.live.anew()
        self._reported_ms = self._clock.now_ms - _HOUR_MS  # and at once

    def step(self, now_ms: int) -> None:
        """Do what time alone causes."""
        self.fixes.step(now_ms)
        self.cold.step(now_ms)
        if now_ms - self._second_ms >= _SECOND_MS:
            self._second_ms = now_ms
            self.position.step(now_ms)
            if self.position.changed:
                self._on_estimate(now_ms)
            else:
                self._judge(now_ms)
            self.reporter.step(now_ms)
        for _ in range(_SLICES):
            if not self.plan.step(self.estimate, now_ms, self._clock.day(), self._clock.ms()):
                break

    # -- what it means ------------------------------------------------------------------------------

    @property
    def estimate(self) -> Estimate:
        """Where the rider is."""
        return self.position.estimate

    def _on_epoch(self, fix, now_ms):
        self.position.on_fix(fix, now_ms, max(wire_day(fix.days), -1), fix.ms)
        if self.position.changed:
            self._on_estimate(now_ms)

    def _on_estimate(self, now_ms):
        estimate = self.estimate
        self.plan.on_estimate(estimate)
        stops = () if self.plan.unsettled() else self.plan.sequence()
        self.outlook.on_estimate(estimate, stops, now_ms, self._clock.day(), self._clock.ms())
        self._find_nearest()
        if not self._is_adaptive or not self.tells_position:
            return
        if self.orders.open:
            self.reporter.take(estimate)
        elif now_ms - self._reported_ms < self.report_ms:
            return  # no order, no track: only where he is, now and then
        if self._link.is_up:
            size = self.live.take(estimate, self.near_dm)
            if size and self._link.send_live(self.live.buf, size):
                self._reported_ms = now_ms
            elif size:
                self.live.anew()

    def _judge(self, now_ms):
        if not self.plan.unsettled():
            day, ms = self._clock.day(), self._clock.ms()
            self.outlook.step(self.estimate, self.plan.sequence(), now_ms, day, ms)

    def _find_nearest(self):
        near_dm = FAR_DM
        for order in self.orders.open:
            if order.state != "assigned":
                near_dm = min(near_dm, order.drop.distance_dm(self.estimate.lat, self.estimate.lon))
        self.near_dm = near_dm if near_dm < FAR_DM else -1

    def _on_arrived(self, order):
        self.orders.arrive(order, self._clock.day(), self._clock.ms())

    def _on_order(self, order, state):
        # An order's track ends with it; who looks for it finds it without waiting.
        if state in ("handed_over", "failed", "cancelled"):
            self.reporter.close()
        self._find_nearest()

    def on_shift(self, tells_position: bool) -> None:
        """Begin or end telling positions."""
        if not tells_position:
            self.reporter.close()
        self.tells_position = self.outlook.tells_position = tells_position
        self.fixes.tells = tells_position

    # -- for the system -----------------------------------------------------------------------------

    @property
    def is_riding(self) -> bool:
        """Whether the rider rides."""
        return self.estimate.motion == RIDE

    def put_now(self, writer, stamp) -> bool:
        """Write a `now` record of the last fix; False when there is none to tell."""
        fix = self.fixes.last
        if fix is None or not fix.has_position or self._is_adaptive or not self.tells_position:
            return False  # `last` is the receiver's own, and by now perhaps of an epoch without one
        day = wire_day(fix.days)
        stamp = (stamp[0], stamp[1], day, fix.ms) if day >= 0 else stamp
        messages.begin_record(writer, messages.NOW, stamp, count_fields(fix))
        put_fields(writer, fix)
        return True

    def health(self, now_ms: int) -> dict:
        """Return the counters and ages that the health record carries."""
        framer = self.fixes.framer
        values = {
            "nmea_valid": framer.valid,
            "nmea_bad": framer.bad + framer.overlong,
            "adverts": self.cold.adverts,
            "sats_view": self.fixes.receiver.sky.in_view(),
        }
        if self.fixes.last_ms >= 0:
            values["fix_age_ms"] = now_ms - self.fixes.last_ms
        if self.cold.heard_ms >= 0:
            values["advert_age_ms"] = now_ms - self.cold.heard_ms
        return values

    def save(self) -> list:
        """Return what must survive a power cut."""
        return [
            _VERSION,
            self.orders.save(),
            self.plan.save(),
            self.outlook.save(),
            self.position.save(),
            self.cold.save(),
            self.reporter.save(),
        ]

    def restore(self, value) -> bool:
        """Take what save() gave, at start-up; False for anything else: then it begins anew."""
        if not isinstance(value, list) or len(value) != 7 or value[0] != _VERSION:
            return False
        # Each part judges its own; one that cannot be understood costs itself alone.
        for part, saved in (
            (self.orders, value[1]),
            (self.plan, value[2]),
            (self.outlook, value[3]),
            (self.position, value[4]),
            (self.cold, value[5]),
            (self.reporter, value[6]),
        ):
            part.restore(saved)
        return True
