"""Commands to a device: `[version, id, expires_day, expires_ms, type, fields, ...]`.

A command has an id, by which it is carried out once, and an expiry in UTC. As in protocols.frames, an
older board skips what a newer gateway appends to the array or adds to the fields; a type, or a field's
word, that it does not know refuses the command: nothing is half carried out.
"""

from protocols.cbor import Reader, Writer
from protocols.compat import const
from protocols.fields import (
    BYTES,
    ID_MAX,
    INT,
    TEXT,
    check_fields,
    count_fields,
    is_int,
    put_fields,
)
from protocols.units import DAY_MAX, LAT_E7_MAX, LON_E7_MAX, MS_OF_DAY_MAX, U16_MAX

VERSION = const(1)
_ITEMS = const(6)

ASSIGN = const(1)
CANCEL = const(2)
HANDED_OVER = const(3)
PICKLIST = const(4)
PICKED_UP = const(5)
FAILED = const(6)
REENROL = const(7)

_LINE_FIELDS = (
    (0, "line", INT, 1, U16_MAX),
    (1, "order", TEXT, 1, ID_MAX),
    (2, "sku", TEXT, 1, 32),
    (3, "name", TEXT, 1, 96),
    (4, "bin", TEXT, 1, 24),
    (5, "qty", INT, 1, 999),
)
COMMANDS = {
    ASSIGN: (
        "assign",
        (
            (0, "order", TEXT, 1, ID_MAX),
            (1, "lat_e7", INT, -LAT_E7_MAX, LAT_E7_MAX),
            (2, "lon_e7", INT, -LON_E7_MAX, LON_E7_MAX),
            (3, "promised_day", INT, 0, DAY_MAX),
            (4, "promised_ms", INT, 0, MS_OF_DAY_MAX),
            (5, "pickup_lat_e7", INT, -LAT_E7_MAX, LAT_E7_MAX),
            (6, "pickup_lon_e7", INT, -LON_E7_MAX, LON_E7_MAX),
            (7, "profile", TEXT, 1, 24),
            (8, "building", TEXT, 1, ID_MAX),
            (9, "floor", INT, -20, 200),
        ),
    ),
    CANCEL: ("cancel", ((0, "order", TEXT, 1, ID_MAX),)),
    HANDED_OVER: ("handed_over", ((0, "order", TEXT, 1, ID_MAX),)),
    PICKED_UP: ("picked_up", ((0, "order", TEXT, 1, ID_MAX),)),
    FAILED: ("failed", ((0, "order", TEXT, 1, ID_MAX), (1, "reason", TEXT, 1, 80))),
    # A sensor has a new battery or a new key: its counter starts anew.
    REENROL: ("reenrol", ((0, "sensor", BYTES, 6, 6),)),
    # A pick list goes down as one command per line, so that it fits any board's receive buffer.
    PICKLIST: (
        "picklist",
        ((10, "list", TEXT, 1, ID_MAX), (11, "store", TEXT, 1, ID_MAX), (12, "lines", INT, 1, 500))
        + _LINE_FIELDS,
    ),
}
# Fields that came after the first release: a gateway that does not know them leaves them out.
OPTIONAL = ("pickup_lat_e7", "pickup_lon_e7", "profile", "building", "floor")


def put_command(writer: Writer, command: str, day: int, ms: int, kind: int, values: dict) -> None:
    """Write one command that expires at (day, ms) UTC; `values` as for messages.put_record()."""
    fields = COMMANDS[kind][1]
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

    Every field that is not in OPTIONAL must be there: a command is refused, not guessed. `why` is
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
    values, why, _ = check_fields(fields, COMMANDS[kind][1], -1)
    if why is not None:
        return None, why, 0, 0, None
    for field in COMMANDS[kind][1]:
        if values.get(field[1]) is None and field[1] not in OPTIONAL:
            return None, "missing:" + field[1], 0, 0, None
    return command, day, ms, kind, values
