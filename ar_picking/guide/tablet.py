"""The tablet as a device: the guide, its journal in the ring logs, its lists and its state on flash.

The same for a Linux tablet (ar_picking.link) and for the page of a browser (ar_picking.guide.page).
What an event did is on the flash when `event` returns. A restart at any moment finds the last snapshot
and, in the ring, the entries behind it: both together are the state (ar_picking.guide.progress).
"""

from ar_picking.guide import picklist, words
from ar_picking.guide.lists import FULL, Lists
from ar_picking.guide.machine import Guide
from ar_picking.guide.steps import DONE, IDLE
from firmware.system.device import Device
from firmware.system.state import Pairs, State
from protocols import messages
from protocols.cbor import Reader
from protocols.commands import PICKLIST
from protocols.compat import crc32

_VERSION = 1
_RECORD_BYTES = 1024
_PLAN_MS = 6  # of planning in one step: the screen waits for no more
_PLAN_PIECES = 40  # and no more pieces than this, where a clock stands still
_REASON_BYTES = 120  # of the pick record: longer, and the gateway could not read it
_LINE = ("line", "order", "sku", "name", "bin", "qty")


class Tablet:
    """One picker's tablet.

    hardware: an object of firmware.boards with partitions evidence, track, state and lists; config: of
    system.config; shop: ar_picking.guide.shop.Shop; on_entry(event, fields): told of each entry that
    the ring took. `guide`: read it, and change it by event() alone.
    """

    def __init__(self, hardware, config: dict, shop, on_entry=None) -> None:
        self._hardware = hardware
        self._on_entry = on_entry
        self.device = Device(
            hardware, config, self._take, lambda _writer: False, lambda: None, self._before_send
        )
        self.clock = self.device.clock
        self._set_clock()
        self.evidence = self.device.journal.rings[messages.EVIDENCE]
        self.state = State(Pairs(hardware.partition("state")))
        self.guide = Guide(shop, self._journal)
        self._dropped = 0
        self.replayed = 0  # entries that were behind the last snapshot
        self._kept = (-1, -1)  # revision and next entry that the last snapshot has
        saved = self.state.load()
        if not isinstance(saved, list) or len(saved) != 5 or saved[0] != _VERSION:
            saved = None
        gone = saved[4] if saved and isinstance(saved[4], list) else ()
        self.lists = Lists(hardware.partition("lists"), hardware.new_id, gone)
        if saved:
            self._resume(saved)
        self._tidy()
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
            code = self._on_list(obj.get("list"), t_ms)
            values = {"list": obj["list"]["list"]} if code == "list_known" else None
        else:
            code = guide.event(obj, t_ms)
        if guide.revision != self._kept[0]:
            self._tidy()
            self._keep()
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
        if self._is_kept() or self._keep():
            # an ack frees records of the ring: only when the state is past them
            self.device.step(now_ms)
        planning = self._plan()
        if not self._is_kept():
            self._tidy()
            self._keep()
        elif self.state.due(now_ms):
            self._keep(False)
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

    # -- entries --------------------------------------------------------------------------------------

    def _journal(self, event, fields):
        self.clock.tick()
        values = dict(fields)
        values["event"] = event
        if not self.device.journal.record(messages.PICK, values):
            return False
        if self._on_entry is not None:
            self._on_entry(event, fields)
        return True

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

    def _before_send(self, _now_ms):
        if not self._is_kept():
            self._keep()

    def _keep(self, at_once=True):
        """Write a snapshot; False when the flash does not hold it."""
        kept = (self.guide.revision, self.evidence.next)
        value = [
            _VERSION,
            self.device.commands.save(),
            self.guide.snapshot(False),
            self.evidence.next,
            self.lists.save(),
        ]
        if not self.state.save(value, self.clock.now_ms, at_once):
            return False
        self._kept = kept
        self.lists.free()
        return True

    def _resume(self, saved):
        """Take up the last snapshot, and do again what the journal has behind it."""
        self.device.commands.restore(saved[1])
        guide, shop = self.guide, self.guide.shop
        lists = {}
        for tag in self.lists.lists:
            kept = self.lists.lists[tag]
            if kept.whole:
                checked = picklist.check(kept.as_list(), shop.bins, shop.id)[0]
                if checked is not None:
                    lists[checked["list"]] = checked
        if not guide.restore(saved[2], lists):
            self._tell_lost(saved[2])
            return
        for event, fields in self._entries(saved[3]):
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

    def _tell_lost(self, snapshot):
        """The list under way cannot be taken up: whoever sent it has to hear of it."""
        name = snapshot[2] if isinstance(snapshot, list) and len(snapshot) > 2 else None
        if isinstance(name, str) and name:
            self._refuse(name, "the tablet's memory was damaged: what was picked is in the journal")
            for tag in self.lists.tags():
                if self.lists.lists[tag].name == name:
                    self.lists.end(tag)

    # -- lists ----------------------------------------------------------------------------------------

    def _take(self, command, kind, values):
        """A command: one line of a list. False when it cannot be taken now; it is sent again then.

        The lines of one list have one tag, which is their command's id up to the last '-'
        (gateway.intake). By it a list that is sent again is told from a new one under an old name.
        """
        if kind != PICKLIST or self.evidence.is_full:
            return False
        tag = command.rpartition("-")[0]
        if self.lists.is_gone(tag):
            return True  # sent again before the gateway heard what became of it
        line = {}
        for key in _LINE:
            line[key] = values[key]
        if values.get("heavy"):
            line["heavy"] = True
        if values.get("other_sku") and values.get("other_bin"):
            line["substitute"] = {
                "sku": values["other_sku"],
                "name": values.get("other_name") or "",
                "bin": values["other_bin"],
                "qty": values.get("other_qty") or values["qty"],
            }
        found = self.lists.take(tag, values["list"], values["store"], values["lines"], line)
        if self.lists.dropped != self._dropped:
            # the half of a list that was given up comes again, and its lines are no repeats then
            self._dropped = self.lists.dropped
            self.device.commands.restore(None)
        if found == FULL:
            return False
        if found is not None:
            self._hand_in(tag, found)
        return True

    def _hand_in(self, tag, kept):
        """A list is whole: the guide takes it, or the gateway is told why not."""
        guide = self.guide
        if guide.event({"type": "list", "list": kept.as_list()}, self.clock.now_ms):
            self._refuse(kept.name, guide.detail)
            self.lists.end(tag)
        self._keep()

    def _refuse(self, name, why):
        while len(why.encode()) > _REASON_BYTES:
            why = why[:-1]
        self._journal("list_refused", {"list": name, "reason": why})

    def _on_list(self, obj, t_ms):
        """A list that somebody handed in here, not by a command."""
        guide = self.guide
        checked, reason = picklist.check(obj, guide.shop.bins, guide.shop.id)
        if checked is None:
            guide.detail = reason
            return "list_bad"
        tag = "-" + checked["list"]
        if crc32(checked["list"].encode()) in guide.known:
            guide.detail = "list {} was handed in before".format(checked["list"])
            return "list_known"
        if not self.lists.take_whole(tag, checked):
            return "lists_full"
        code = guide.event({"type": "list", "list": obj}, t_ms)
        if code is not None:
            self.lists.end(tag)
        return code

    def _tidy(self):
        """Lists that are over are let go; whole ones that the guide has not heard of are handed in."""
        guide = self.guide
        busy = [each["list"] for each in guide.waiting]
        if guide.state not in (IDLE, DONE):
            busy.append(guide.list)
        for tag in self.lists.tags():
            kept = self.lists.lists[tag]
            if not kept.whole or kept.name in busy:
                continue
            if crc32(kept.name.encode()) in guide.known:
                self.lists.end(tag)
            else:
                self._hand_in(tag, kept)
