"""What every message between a device and its gateway begins with: frames, record heads, acks.

    frame   [version, log, oldest, first_seq, ...] record record ...      device -> gateway
    ack     [version, log, seq, ...]                                      gateway -> device
    record  {0: type, 1: day, 2: ms, 3: tick_ms, 4: boot, ...}

These arrays only ever grow at their end. What a newer minor appends, an older reader counts and skips;
what an older reader must not skip needs a new `version`, and then the whole message is refused. A record
is a map and no appended item ever is one: a head whose count was damaged cannot swallow a record, which
would give every later one the number of its neighbour.
"""

from protocols.cbor import Reader, Writer
from protocols.compat import const
from protocols.fields import is_int
from protocols.units import DAY_MAX, MS_OF_DAY_MAX, U32_MAX

VERSION = const(1)
FRAME_MAX_BYTES = const(1200)
NO_LOG = const(0)

# Keys 0..4 mean the same in every record.
KEY_TYPE = const(0)
KEY_DAY = const(1)
KEY_MS = const(2)
KEY_TICK = const(3)
KEY_BOOT = const(4)

_HEAD_ITEMS = const(4)
_ACK_ITEMS = const(3)


def put_frame_head(writer: Writer, log: int, oldest: int, first_seq: int) -> None:
    """Write the head of a device frame, all 0..2^32-1; its records follow."""
    writer.array(_HEAD_ITEMS)
    writer.integer(VERSION)
    writer.integer(log)
    writer.integer(oldest)
    writer.integer(first_seq)


def read_frame_head(reader: Reader):
    """Return (log, oldest, first_seq) of a device frame, or None when it is not one of ours."""
    head = read_grown_head(reader)
    return None if head is None else head[:3]


def read_grown_head(reader: Reader):
    """Return (log, oldest, first_seq, unknown) or None; `unknown` counts appended items."""
    head = reader.read()
    if not _is_ours(head, _HEAD_ITEMS):
        return None
    return head[1], head[2], head[3], len(head) - _HEAD_ITEMS


def put_ack(writer: Writer, log: int, seq: int) -> None:
    """Write an acknowledgement: everything of `log` up to and including `seq` is committed."""
    writer.array(_ACK_ITEMS)
    writer.integer(VERSION)
    writer.integer(log)
    writer.integer(seq)


def read_ack(data):
    """Return (log, seq) of an acknowledgement, or None when it is not one of ours."""
    reader = Reader(data)
    item = reader.read()
    if not _is_ours(item, _ACK_ITEMS) or reader.more():
        return None
    return item[1], item[2]


def begin_record(writer: Writer, kind: int, stamp, fields: int):
    """Write the head of a record that will carry `fields` fields of its own.

    `stamp` is (boot, tick_ms, day, ms): day and ms are UTC once the clock is set (day since
    2020-01-01, ms of day); with day -1 the record carries boot and tick_ms and the gateway resolves
    them later.
    """
    boot, tick_ms, day, ms = stamp
    writer.map(3 + fields)
    writer.integer(KEY_TYPE)
    writer.integer(kind)
    if day >= 0:
        writer.integer(KEY_DAY)
        writer.integer(day)
        writer.integer(KEY_MS)
        writer.integer(ms)
    else:
        writer.integer(KEY_TICK)
        writer.integer(tick_ms)
        writer.integer(KEY_BOOT)
        writer.integer(boot)


def read_stamp(item: dict):
    """Return (boot, tick_ms, day, ms) of a record map, or None; day -1 when the board had no time."""
    day = item.get(KEY_DAY, -1)
    ms = item.get(KEY_MS, 0)
    tick = item.get(KEY_TICK, 0)
    boot = item.get(KEY_BOOT, 0)
    for number in (day, ms, tick, boot):
        if not is_int(number):
            return None
    if not (-1 <= day <= DAY_MAX and 0 <= ms <= MS_OF_DAY_MAX):
        return None
    if not (0 <= tick <= U32_MAX and 0 <= boot <= U32_MAX):
        return None
    # Both halves of a stamp or none: a record with a lost time would become a false one.
    if (KEY_DAY in item) != (KEY_MS in item) or (KEY_TICK in item) != (KEY_BOOT in item):
        return None
    if day < 0 and KEY_TICK not in item:
        return None
    return boot, tick, day, ms


def _is_ours(item, items):
    """Tell whether `item` is an array that begins with our version and `items` numbers in all."""
    if not isinstance(item, list) or len(item) < items:
        return False
    for i in range(len(item)):
        if i >= items:
            if isinstance(item[i], dict):
                return False
        elif not is_int(item[i]) or not 0 <= item[i] <= U32_MAX:
            return False
    return item[0] == VERSION
