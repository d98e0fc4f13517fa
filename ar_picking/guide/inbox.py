"""Lists that come to a tablet: kept until they are whole, handed to the guide, told of and let go."""

from ar_picking.guide.lists import FULL, Lists
from ar_picking.guide.machine import Guide
from ar_picking.guide.steps import DONE, IDLE
from firmware.system.device import Device
from protocols import messages
from protocols.commands import PICKLIST
from protocols.compat import crc32

_REASON_BYTES = 120  # of the pick record: longer, and the gateway could not read it
_LINE = ("line", "order", "sku", "name", "bin", "qty")


class Inbox:
    """The part of a tablet (ar_picking.guide.tablet) that takes lists, by command or handed in there.

    device, guide, lists: the tablet's. journal(event, fields): writes an entry; keep(): a snapshot.
    """

    def __init__(self, device: Device, guide: Guide, lists: Lists, journal, keep):
        self.lists = lists
        self._device = device
        self._guide = guide
        self._journal = journal
        self._keep = keep
        self._dropped = 0  # of `lists.dropped`: how many are known

    # -- told of ---------------------------------------------------------------------------------------

    def tell_lost(self, snapshot):
        """The list under way cannot be taken up: whoever sent it has to hear of it."""
        name = snapshot[2] if isinstance(snapshot, list) and len(snapshot) > 2 else None
        if isinstance(name, str) and name:
            self._refuse(name, "the tablet's memory was damaged: what was picked is in the journal")
            for tag in self.lists.tags():
                if self.lists.lists[tag].name == name:
                    self.lists.end(tag)

    def tell_wrong(self, waiting, wrong):
        """Lists that waited and that this store cannot do any more: their senders hear of it."""
        for tag in self.lists.tags():
            name = self.lists.lists[tag].name
            if tag in wrong and name in waiting:
                self._refuse(name, wrong[tag])
                self.lists.end(tag)

    # -- lists ----------------------------------------------------------------------------------------

    def take(self, command, kind, values):
        """A command: one line of a list. False when it cannot be taken now; it is sent again then.

        The lines of one list have one tag, which is their command's id up to the last '-'
        (gateway.orders.intake). By it a list that is sent again is told from a new one of an old name.
        """
        if kind != PICKLIST or self._device.journal.rings[messages.EVIDENCE].is_full:
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
            self._device.commands.restore(None)
        if found == FULL:
            return False
        if found is not None:
            self._hand_in(tag, found)
        return True

    def _hand_in(self, tag, kept):
        """A list is whole: the guide takes it, or not; the gateway is told which."""
        guide = self._guide
        if guide.event({"type": "list", "list": kept.as_list()}, self._device.clock.now_ms):
            self._refuse(kept.name, guide.detail)
            self.lists.end(tag)
        elif not tag.startswith("-"):
            # it may wait here for hours: its commands are answered now, and expire no more
            self._journal("list_taken", {"list": kept.name, "lines": kept.size})
        self._keep()

    def _refuse(self, name, why):
        while len(why.encode()) > _REASON_BYTES:
            why = why[:-1]
        self._journal("list_refused", {"list": name, "reason": why})

    def on_list(self, obj, t_ms):
        """A list that somebody handed in here, not by a command."""
        guide = self._guide
        checked, code = guide.checked(obj)
        if checked is None:
            return code
        tag = "-" + checked["list"]
        if not self.lists.take_whole(tag, checked):
            return "lists_full"
        code = guide.event({"type": "list", "list": obj}, t_ms)
        if code is not None:
            self.lists.end(tag)
        return code

    def tidy(self):
        """Lists that are over are let go; whole ones that the guide has not heard of are handed in."""
        guide = self._guide
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
