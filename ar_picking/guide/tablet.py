"""The tablet as a device: the guide, its journal in the ring logs, its lists and its state on flash.

The same for a Linux tablet (ar_picking.link) and for the page of a browser (ar_picking.guide.page).
What an event did is on the flash when `event` returns. A restart at any moment finds the last snapshot
and, in the ring, the entries behind it: both together are the state (ar_picking.guide.progress).
"""

from ar_picking.guide import picklist, words
from ar_picking.guide.inbox import Inbox
from ar_picking.guide.lists import Lists
from ar_picking.guide.machine import Guide
from firmware.system.device import Device
from firmware.system.state import Pairs, State
from protocols import messages
from protocols.cbor import Reader, Writer

_VERSION = 1
_RECORD_BYTES = 1024
_PLAN_MS = 6  # of planning in one step: the screen waits for no more
_PLAN_PIECES = 40  # and no more pieces than this, where a clock stands still
_THIN_MAX = 3  # of guide.snapshot: how much is left out where the state has no room


class _Device(Device):
    """A device that frees no record of its rings before its state is past it."""

    def __init__(self, is_kept, *args):
        self._is_kept = is_kept
        Device.__init__(self, *args)

    def _on_message(self, topic, payload):
        # an ack that is passed over comes again: the gateway answers what is sent again
        if topic != self._topic_ack or self._is_kept():
            Device._on_message(self, topic, payload)


class Tablet:
    """One picker's tablet.

    hardware: an object of firmware.boards with partitions evidence, track, state and lists; config: of
    system.config; shop: ar_picking.guide.shop.Shop; on_entry(event, fields): told of each entry that
    the ring took. `guide`: read it, and change it by event() alone.
    """

    def __init__(self, hardware, config: dict, shop, on_entry=None) -> None:
        self._hardware = hardware
        self._on_entry = on_entry
        self.device = _Device(
            self._kept_now,
            hardware,
            config,
            self._take,  # the inbox comes later: it needs the device
            lambda _writer: False,
            lambda: None,
            self._before_send,
        )
        self.clock = self.device.clock
        self._set_clock()
        self.evidence = self.device.journal.rings[messages.EVIDENCE]
        self.state = State(Pairs(hardware.partition("state")))
        self.guide = Guide(shop, self._journal)
        self._writer = Writer(bytearray(_RECORD_BYTES))
        self.replayed = 0  # entries that were behind the last snapshot
        self._kept = (-1, -1)  # revision and next entry that the last snapshot has
        self._too_large = (-1, -1)  # and those of the last one that the state refused
        self._thin = 0
        self._thin_of: "str | None" = None  # the list for which that much has to be left out
        self._fault: "OSError | None" = None  # a write failed, and what it wrote is there
        saved = self.state.load()
        if not isinstance(saved, list) or len(saved) != 5 or saved[0] != _VERSION:
            saved = None
        gone = saved[4] if saved and isinstance(saved[4], list) else ()
        self.lists = Lists(hardware.partition("lists"), hardware.new_id, gone)
        self.inbox = Inbox(self.device, self.guide, self.lists, self._journal, self._keep)
        if saved:
            self._resume(saved)
        self.inbox.tidy()
        self._keep()
        self.device.record_health("boot", {})

    # -- what is called from outside ------------------------------------------------------------------

    def event(self, obj) -> "tuple | None":
        """Something happened (ar_picking.guide.machine): None, or (code, zh, en) for what is wrong.

        Nothing is raised for a bad event; OSError when the flash fails.
        """
        t_ms = self.clock.tick()
        guide = self.guide
        values = guide.line()
        if isinstance(obj, dict) and obj.get("type") == "list":
            code = self.inbox.on_list(obj.get("list"), t_ms)
            values = {"list": obj["list"]["list"]} if code == "list_known" else None
        else:
            code = guide.event(obj, t_ms)
        if guide.revision != self._kept[0]:
            self.inbox.tidy()
            self._keep()
        self._tell_fault()
        if code is None:
            return None
        zh, en = words.text(code, values)
        if guide.detail and code == "list_bad":
            en = guide.detail
        return code, zh, en

    def step(self, now_ms=None) -> bool:
        """Move the network and the planning on, without waiting; True when there is more to plan.

        now_ms: taken for the caller's convenience; the tablet's clock asks the hardware.
        """
        now_ms = self.clock.tick()
        self._set_clock()
        self.device.step(now_ms)
        planning = self._plan()
        if not self._is_kept():
            self.inbox.tidy()
            self._keep()
        elif self.state.due(now_ms):
            self._keep(False)
        self._tell_fault()
        return planning

    @property
    def pending(self) -> int:
        """How many records the gateway has not acknowledged."""
        return self.device.held

    @property
    def is_up(self) -> bool:
        """Whether the broker is connected."""
        return self.device.is_up

    def close(self) -> None:
        """Say goodbye to the broker."""
        self.device.mqtt.close(self.clock.tick())
        self._keep()

    def _take(self, command, kind, values):
        return self.inbox.take(command, kind, values)

    # -- entries --------------------------------------------------------------------------------------

    def _journal(self, event, fields):
        self.clock.tick()
        values = dict(fields)
        values["event"] = event
        if not self._is_readable(values):
            return False
        seq = self.evidence.next
        try:
            if not self.device.journal.record(messages.PICK, values):
                return False
        except OSError as fault:
            if self.evidence.next == seq:
                raise
            self._fault = fault  # the entry is there: the guide takes it, as after a restart
        if self._on_entry is not None:
            self._on_entry(event, fields)
        return True

    def _is_readable(self, values):
        """Whether the gateway reads such a record: else nobody would hear of the pick."""
        writer = self._writer
        writer.reset()
        messages.put_record(writer, messages.PICK, self.device.journal.stamp(), values)
        if writer.full:
            return False
        return messages.check_record(Reader(writer.buf, 0, writer.n).read())[0] is not None

    def _tell_fault(self):
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault

    def _plan(self):
        ticks = self._hardware.ticks_ms
        began = ticks()
        for _ in range(_PLAN_PIECES):
            if not self.guide.advance():
                return False
            if self._hardware.ticks_diff(ticks(), began) >= _PLAN_MS:
                break
        return True

    def _set_clock(self):
        utc = getattr(self._hardware, "utc", None)
        if utc is not None:
            day, ms = utc()
            self.clock.set(day, ms, "system")

    # -- state over a restart -------------------------------------------------------------------------

    def _is_kept(self):
        return self._kept == (self.guide.revision, self.evidence.next)

    def _kept_now(self):
        return self._is_kept() or self._keep()

    def _before_send(self, _now_ms):
        self._kept_now()

    def _keep(self, at_once=True):
        """Write a snapshot; False when the flash does not hold it."""
        kept = (self.guide.revision, self.evidence.next)
        if kept == self._too_large:
            return False
        if self._thin_of != self.guide.list:
            self._thin, self._thin_of = 0, self.guide.list
        while True:
            value = [
                _VERSION,
                self.device.commands.save(),
                self.guide.snapshot(False, self._thin),
                self.evidence.next,
                self.lists.save(),
            ]
            refused = self.state.refused
            if self.state.save(value, self.clock.now_ms, at_once):
                break
            if self.state.refused == refused:
                return False
            if self._thin == _THIN_MAX:
                self._too_large = kept
                return False
            self._thin += 1
            at_once = True
        self._kept = kept
        self.lists.free()
        return True

    def _resume(self, saved):
        """Take up the last snapshot, and do again what the journal has behind it."""
        self.device.commands.restore(saved[1])
        guide, shop = self.guide, self.guide.shop
        lists = {}
        wrong = {}  # tag -> why
        for tag in self.lists.lists:
            kept = self.lists.lists[tag]
            if kept.whole:
                checked, reason = picklist.check(kept.as_list(), shop.bins, shop.id)
                if checked is not None:
                    lists[checked["list"]] = checked
                else:
                    wrong[tag] = reason
        if not guide.restore(saved[2], lists):
            self.inbox.tell_lost(saved[2])
            return
        self.inbox.tell_wrong(saved[2][3], wrong)
        for event, fields in self._entries(saved[3]):
            if event == "aisle_blocked" and guide.is_other_map:
                continue  # its number is another walkway's now
            if guide.apply(event, fields):
                self.replayed += 1

    def _entries(self, seq):
        """The pick records of the evidence ring from number `seq` on: (event, fields)."""
        if not isinstance(seq, int) or seq < 1:
            return
        reader = self.evidence.reader(seq)
        buf = bytearray(_RECORD_BYTES)
        while True:
            size = reader.read_into(buf, 0, _RECORD_BYTES)
            if size == 0:
                return
            if size < 0:
                continue
            kind, _, values, _ = messages.check_record(Reader(buf, 0, size).read())
            if kind == messages.PICK and values.get("event"):
                yield values["event"], values
