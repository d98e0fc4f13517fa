"""A board's ring logs, read without touching them: blocks over the line, records from a copy."""

import binascii
from collections.abc import Iterator
from typing import Any

from firmware.boards.memory import MemoryFlash
from firmware.system.ringlog import BUFFER_SIZE, RingLog
from protocols import messages
from protocols.cbor import Reader
from tools.board.link import BoardError, Link
from tools.progress import Progress

_RECORD_ROOM = 2_048
# Reads blocks where the board keeps them: a raw partition, or a simulated board's image file.
_OPEN = """
import sys
from binascii import b2a_base64
def opened(name):
 if sys.platform=="esp32":
  import esp32
  p=esp32.Partition.find(esp32.Partition.TYPE_DATA,label=name)[0]
  return p.ioctl(4,0),lambda n,b:p.readblocks(n,b)
 import os
 from firmware.boards.flash import partition
 p=partition(os.getenv("O2O_BOARD_ROOT")+"/flash.img",name)
 return p.blocks,lambda n,b:p.read(n,0,b)
buf=bytearray(4096)
def block(read,n):
 read(n,buf)
 end=4096
 while end and buf[end-1]==255:end-=1
 print(b2a_base64(memoryview(buf)[:end]).decode().strip())
"""


def copy(link: Link, name: str) -> MemoryFlash:
    """Return a copy of the board's partition `name`: 'evidence' or 'track'."""
    link.run(_OPEN)
    blocks = int(link.run(f"count,read=opened({name!r})\nprint(count)"))
    flash = MemoryFlash(blocks)
    with Progress(blocks, name) as progress:
        for number in range(blocks):
            try:
                data = binascii.a2b_base64(link.run(f"block(read,{number})").strip())
            except ValueError:
                raise BoardError(f"block {number} of {name} came back unreadable") from None
            flash.data[number * 4096 : number * 4096 + len(data)] = data
            progress.advance(1)
    return flash


def records(flash: MemoryFlash, name: str) -> Iterator[dict[str, Any]]:
    """Yield one object per record still held, oldest first; what is missing is told as a hole."""
    kind = messages.LOGS.index(name)
    if bytes(flash.data).count(b"\xff") == len(flash.data):
        return  # never used: to open it would begin a log
    # On a copy: opening a ring may write, and the board's own stays as it is.
    ring = RingLog(flash, kind, name == "track", lambda: 1, bytearray(BUFFER_SIZE))
    reader = ring.reader(ring.oldest)
    buf = bytearray(_RECORD_ROOM)
    while True:
        seq = reader.seq
        size = reader.read_into(buf, 0, _RECORD_ROOM)
        if size == 0:
            return
        if size < 0:
            if size == -1:
                return
            yield {"log": name, "hole_from": reader.hole_from, "hole_to": reader.seq - 1}
            continue
        yield {"log": name, "id": ring.log, "seq": seq, **_plain(bytes(buf[:size]))}


def _plain(data: bytes) -> dict[str, Any]:
    kind, stamp, values, unknown = messages.check_record(Reader(data).read())
    if kind is None:
        return {"unreadable": stamp, "hex": data.hex()}
    boot, tick_ms, day, ms = stamp
    when = {"day": day, "ms": ms} if day >= 0 else {"boot": boot, "tick_ms": tick_ms}
    told: dict[str, Any] = {"record": messages.RECORDS[kind][0], **when}
    for key, value in values.items():
        told[key] = value.hex() if isinstance(value, (bytes, bytearray)) else value
    if unknown:
        told["unknown_keys"] = unknown
    return told
