"""The two firmware slots of a running board: filling the spare one, switching to it, confirming it.

What stands where is told in firmware.boot, which chooses at power-on. The order here is what makes an
update safe: the spare slot's record is emptied, its blocks are written, the whole is hashed as it lies
in flash, its record is written, and only then /active is moved. Cut anywhere, the old slot starts.
"""

from firmware.boot import (
    ACTIVE,
    BLOCK_BYTES,
    RECORDS,
    fault_of,
    hex_of,
    other,
    parse_active,
    parse_record,
    read_text,
    slot_range,
    write_text,
)


class Slots:
    """The slots of `rom`, an object like firmware.boards.rom.Rom; sha256: that of hashlib.

    `written` blocks that were erased and written since begin(), `kept` blocks that already were right.
    """

    def __init__(self, rom, sha256):
        self._rom = rom
        self._sha256 = sha256
        self._block = None
        self.written = 0
        self.kept = 0

    def active(self):
        """Return (slot, trial starts so far or -1 when confirmed, slot given up or '')."""
        return parse_active(read_text(ACTIVE)) or ("a", -1, "")

    def record(self, slot: str):
        """Return (size in bytes, sha256 hex, version) of what lies in a slot; None for nothing."""
        return parse_record(read_text(RECORDS + slot))

    def fault(self, slot: str) -> str:
        """Return why a slot cannot be started, '' when it can."""
        return fault_of(slot, self._rom.view, self._sha256)

    def keeper(self) -> str:
        """Return the slot that must not be touched, because it is what starts; '' when neither does.

        While a slot is on trial that is the other one, if it can be started: the last one known to work.
        """
        slot, starts, _ = self.active()
        order = (slot, other(slot)) if starts < 0 else (other(slot), slot)
        for each in order:
            if not self.fault(each):
                return each
        return ""

    def spare(self) -> str:
        """Return the slot that may be filled.

        It may be the mounted one, while that is on trial: an update over the air waits for its
        confirmation, and the flash tool runs nothing from it.
        """
        kept = self.keeper()
        return other(kept) if kept else "a"

    def image(self, slot: str):
        """Return the bytes of a slot's image, where they lie; None when it holds none."""
        record = self.record(slot)
        if record is None:
            return None
        start, room = slot_range(slot, len(self._rom.view))
        return self._rom.view[start : start + min(record[0], room)]

    def begin(self, slot: str, size: int) -> bool:
        """Begin to fill `slot` with an image of `size` bytes; False when it is too large for a slot.

        The slot that starts is refused with ValueError: that is a programmer's error.
        """
        if slot == self.keeper():
            raise ValueError("this is the slot that starts")
        start, room = slot_range(slot, len(self._rom.view))
        if not 0 < size <= room:
            return False
        if self.active()[0] == slot and self.keeper():
            write_text(ACTIVE, "{} ok {}".format(other(slot), slot))
        write_text(RECORDS + slot, "")
        self._slot = slot
        self._at = start
        self._end = start + size
        self._block = bytearray(BLOCK_BYTES)
        self._n = 0
        self.written = 0
        self.kept = 0
        return True

    def put(self, buf) -> bool:
        """Append bytes to the slot; False, and nothing taken, when they are more than announced."""
        if self._block is None or self._at + self._n + len(buf) > self._end:
            return False
        buf = memoryview(buf)
        pos = 0
        while pos < len(buf):
            n = min(BLOCK_BYTES - self._n, len(buf) - pos)
            self._block[self._n : self._n + n] = buf[pos : pos + n]
            self._n += n
            pos += n
            if self._n == BLOCK_BYTES:
                self._flush()
        return True

    def _flush(self):
        at = self._at
        if self._rom.view[at : at + BLOCK_BYTES] == self._block:
            self.kept += 1
        else:
            self._rom.write_block(at // BLOCK_BYTES, self._block)
            self.written += 1
        self._at = at + BLOCK_BYTES
        self._n = 0

    def finish(self, digest: str, version: str) -> str:
        """Write the rest and the slot's record; returns '' or why the slot is not what was meant.

        digest: sha256 of the image, 64 hex digits; it is compared with what lies in flash.
        """
        if self._block is None or self._at + self._n != self._end:
            return "not all of the image has come"
        start, _ = slot_range(self._slot, len(self._rom.view))
        size = self._end - start
        if self._n:
            for i in range(self._n, BLOCK_BYTES):
                self._block[i] = 0xFF
            self._flush()
        self._block = None
        if hex_of(self._sha256(self._rom.view[start : start + size]).digest()) != digest:
            return "what lies in flash has another hash"
        write_text(RECORDS + self._slot, "{} {} {}".format(size, digest, version))
        return self.fault(self._slot)

    def switch(self, slot: str) -> bool:
        """Start `slot` from now on, on trial; False when it holds nothing that can be started.

        A slot that is started already and was confirmed stays so.
        """
        if self.fault(slot):
            return False
        now = parse_active(read_text(ACTIVE))
        if now is None or now[0] != slot or now[1] >= 0:
            write_text(ACTIVE, slot + " 0")
        return True

    def confirm(self) -> bool:
        """The running slot does its work: it stays. False when there was nothing to confirm."""
        slot, starts, _ = self.active()
        if starts < 0:
            return False
        write_text(ACTIVE, slot + " ok")
        return True
