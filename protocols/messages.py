"""Every record on the wire: writing and checking them by the tables of protocols.records.

A device frame is the CBOR sequence `[version, log, oldest, first_seq]` + records, at most 1,200 B.
A record is a map with integer keys; a record's sequence number is first_seq plus its place in the
frame. Keys are never used again for something else; a reader counts and skips keys and types that
it does not know, so an old gateway reads a new board.

log 0 is no log: frames with it carry `hello` and `now`, which are not stored and not acknowledged.
"""

from protocols.cbor import Writer
from protocols.compat import const
from protocols.fields import check_fields, count_fields, is_int, put_fields

# All that a user of records needs is found here; an `__all__` would cost a board heap.
from protocols.frames import (  # noqa: F401
    FRAME_MAX_BYTES,
    KEY_BOOT,
    KEY_DAY,
    KEY_MS,
    KEY_TICK,
    KEY_TYPE,
    NO_LOG,
    VERSION,
    begin_record,
    put_ack,
    put_frame_head,
    read_ack,
    read_frame_head,
    read_grown_head,
    read_stamp,
)
from protocols.records import TABLE
from protocols.tables import Tables

# The two ring logs. Evidence never overwrites and is sent first; track overwrites its oldest.
EVIDENCE = const(0)
TRACK = const(1)
LOGS = ("evidence", "track")

# Record types.
TIME = const(1)
FIX = const(2)
TEMP = const(3)
HEALTH = const(4)
GAP = const(5)
ORDER = const(6)
ALERT = const(7)
LINE = const(8)
RISK = const(9)
EXCEPTION = const(10)
EXCURSION = const(11)
INTEGRITY = const(12)
VERDICT = const(13)
PICK = const(14)
STOPS = const(15)
HELLO = const(32)
NOW = const(33)

# The three-level answer to delay; a level is told whenever it changes.
RISK_LEVELS = ("none", "warn", "intervene", "compensate")

# type -> (name, log or '-', fields, what must be there); see protocols.tables.
RECORDS = Tables(TABLE)


def log_of(kind: int) -> int:
    """Return EVIDENCE or TRACK, where records of a type are kept; -1 for those that are not."""
    log = RECORDS.log(kind)
    return LOGS.index(log) if log in LOGS else -1


def type_of(name: str) -> int:
    """Return the type of a record by its name; 0 for a name that is none."""
    for kind in RECORDS:
        if RECORDS[kind][0] == name:
            return kind
    return 0


def words(kind: int, name: str):
    """Return the words of an enumeration, in the order of their numbers."""
    for field in RECORDS[kind][2]:
        if field[1] == name:
            return field[3]
    raise KeyError(name)


def put_record(writer: Writer, kind: int, stamp, values: dict) -> None:
    """Write one record of type `kind` with the `values` (name -> value) that are not None.

    A name or a word that the table lacks is a programmer's error: KeyError or ValueError, and nothing
    was written.
    """
    begin_record(writer, kind, stamp, count_fields(RECORDS.fields(kind), values))
    put_fields(writer, RECORDS.fields(kind), values)


def check_record(item):
    """Turn a decoded record map into (type, stamp, values, unknown), or (None, why, None, 0).

    `stamp` is (boot, tick_ms, day, ms) with day -1 when the board had no time; `values` maps names
    to values, words in place of enum numbers; `unknown` counts keys that the table lacks. A type
    that the table lacks gives why = 'type', a value outside its range 'range:NAME', a field that must
    be there and is not 'missing:NAME'.
    """
    if not isinstance(item, dict):
        return None, "shape", None, 0
    kind = item.get(KEY_TYPE)
    if not is_int(kind) or kind not in RECORDS:
        return None, "type", None, 0
    stamp = read_stamp(item)
    if stamp is None:
        return None, "stamp", None, 0
    table = RECORDS[kind]
    values, why, unknown = check_fields(item, table[2], KEY_BOOT)
    if why is not None:
        return None, why, None, 0
    for name in table[3]:
        if name not in values:
            return None, "missing:" + name, None, 0
    return kind, stamp, values, unknown
