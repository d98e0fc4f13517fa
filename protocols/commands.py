"""Commands to a device: `[version, id, expires_day, expires_ms, type, fields, ...]`.

A command has an id, by which it is carried out once, and an expiry in UTC. As in protocols.frames, an
older board skips what a newer gateway appends to the array or adds to the fields; a type, or a field's
word, that it does not know refuses the command: nothing is half carried out.
"""

from protocols.cbor import Reader, Writer
from protocols.compat import const
from protocols.fields import ID_MAX, check_fields, count_fields, is_int, put_fields
from protocols.tables import Tables
from protocols.units import DAY_MAX, MS_OF_DAY_MAX

VERSION = const(1)
_ITEMS = const(6)

ASSIGN = const(1)
CANCEL = const(2)
HANDED_OVER = const(3)
PICKLIST = const(4)
PICKED_UP = const(5)
FAILED = const(6)
REENROL = const(7)

# As in protocols.records; a field without a * came after the first release, and a gateway that does not
# know it leaves it out. A pick list goes down as one command per line, so that it fits any board's
# receive buffer; its `other_...` are what may be taken instead. A sensor that has a new battery or key
# is enrolled again: its counter starts anew.
COMMANDS = Tables(
    """
= 1 assign -
 0* order id
 1* lat_e7 lat
 2* lon_e7 lon
 3* promised_day u16
 4* promised_ms msday
  5 pickup_lat_e7 lat
  6 pickup_lon_e7 lon
  7 profile text 1 24
  8 building id
  9 floor int -20 200

= 2 cancel -
 0* order id

= 3 handed_over -
 0* order id

= 5 picked_up -
 0* order id

= 6 failed -
 0* order id
 1* reason text 1 80

= 7 reenrol -
 0* sensor bytes 6 6

= 4 picklist -
10* list id
11* store id
12* lines int 1 500
 0* line int 1 65535
 1* order id
 2* sku text 1 32
 3* name text 1 96
 4* bin text 1 24
 5* qty int 1 999
  6 heavy bool
  7 other_sku text 1 32
  8 other_name text 0 96
  9 other_bin text 1 24
 13 other_qty int 1 999"""
)


def put_command(writer: Writer, command: str, day: int, ms: int, kind: int, values: dict) -> None:
    """Write one command that expires at (day, ms) UTC; `values` as for messages.put_record()."""
    fields = COMMANDS[kind][2]
    count = count_fields(fields, values)
    writer.array(_ITEMS)
    writer.integer(VERSION)
    writer.text(command)
    writer.integer(day)
    writer.integer(ms)
    writer.integer(kind)
    writer.map(count)
    put_fields(writer, fields, values)


def read_command(data):
    """Return (id, day, ms, type, values), or (None, why, 0, 0, None) for what is not a command.

    A command that lacks a field that must be there is refused, not guessed. `why` is
    the reader's word for bytes that are no CBOR of ours, 'shape', 'version', 'trailing' (bytes after the
    array), 'id', 'expiry', 'type', 'range:NAME' or 'missing:NAME'.
    """
    reader = Reader(data)
    item = reader.read()
    why = None
    if not isinstance(item, list) or len(item) < _ITEMS:
        why = reader.error or "shape"
    elif not is_int(item[0]) or item[0] != VERSION:
        why = "version"
    elif reader.more():
        why = "trailing"
    if why is not None:
        return None, why, 0, 0, None
    _, command, day, ms, kind, fields = item[:_ITEMS]
    if not isinstance(command, str) or not 0 < len(command.encode()) <= ID_MAX:
        return None, "id", 0, 0, None
    if not (is_int(day) and is_int(ms) and 0 <= day <= DAY_MAX and 0 <= ms <= MS_OF_DAY_MAX):
        return None, "expiry", 0, 0, None
    if not is_int(kind) or kind not in COMMANDS or not isinstance(fields, dict):
        return None, "type", 0, 0, None
    table = COMMANDS[kind]
    values, why, _ = check_fields(fields, table[2], -1)
    if why is not None:
        return None, why, 0, 0, None
    for name in table[3]:
        if values.get(name) is None:
            return None, "missing:" + name, 0, 0, None
    return command, day, ms, kind, values
