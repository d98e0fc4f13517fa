"""The rider's application: receiver bytes, adverts and commands in, records out."""

from firmware.rider.cold import ColdBox
from firmware.rider.fixes import Fixes, count_fields, put_fields
from firmware.rider.orders import Orders
from protocols import commands, messages
from protocols.calendar import wire_day


class Rider:
    """One rider's board, without its hardware.

    journal, clock: of firmware.system or their like; profile: a report profile of rider.fixes;
    sensors: list of (address, name) of the cold box.
    """

    def __init__(self, journal, clock, profile: str, sensors):
        self.orders = Orders(journal)
        self.fixes = Fixes(journal, clock, profile, self._on_fix)
        self.cold = ColdBox(journal, sensors)
        self._commands = {
            commands.ASSIGN: self.orders.assign,
            commands.CANCEL: self._cancel,
            commands.HANDED_OVER: self._handed_over,
        }

    def on_serial(self, buf, n: int, now_ms: int) -> None:
        """Take bytes of the GNSS receiver."""
        self.fixes.feed(buf, n, now_ms)

    def on_advert(self, address, payload, size: int, rssi_dbm: int, now_ms: int) -> None:
        """Take one BLE advertisement."""
        self.cold.on_advert(address, payload, size, rssi_dbm, now_ms)

    def on_command(self, command: str, kind: int, values: dict) -> bool:
        """Carry out a command that system.commands has checked; False when it is not a rider's."""
        handler = self._commands.get(kind)
        if handler is None:
            return False
        handler(command, values)
        return True

    def step(self, now_ms: int) -> None:
        """Do what time alone causes."""
        self.fixes.step(now_ms)
        self.cold.step(now_ms)

    def put_now(self, writer, stamp) -> bool:
        """Write a `now` record of the last fix; False when there was none yet."""
        fix = self.fixes.last
        if fix is None:
            return False
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

    def _on_fix(self, fix, now_ms):
        self.orders.on_fix(fix)

    def _cancel(self, command, values):
        self.orders.close(command, values, "cancelled")

    def _handed_over(self, command, values):
        self.orders.close(command, values, "handed_over")
