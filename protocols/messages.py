"""Every record on the wire, as tables.

A device frame is the CBOR sequence `[version, log, oldest, first_seq]` + records, at most 1,200 B.
A record is a map with integer keys; a record's sequence number is first_seq plus its place in the
frame. Keys are never used again for something else; a reader counts and skips keys and types that
it does not know, so an old gateway reads a new board.

log 0 is no log: frames with it carry `hello` and `now`, which are not stored and not acknowledged.
"""

from protocols.cbor import Reader, Writer
from protocols.compat import const
from protocols.fields import BYTES, ENUM, ID_MAX, INT, ROWS, TEXT, check_fields, is_int, put_fields
from protocols.units import (
    DAY_MAX,
    LAT_E7_MAX,
    LON_E7_MAX,
    MS_OF_DAY_MAX,
    TEMP_CC_MAX,
    TEMP_CC_MIN,
    U8_MAX,
    U16_MAX,
    U32_MAX,
)

VERSION = const(1)
FRAME_MAX_BYTES = const(1200)
NO_LOG = const(0)

# The two ring logs. Evidence never overwrites and is sent first; track overwrites its oldest.
EVIDENCE = const(0)
TRACK = const(1)
LOGS = ("evidence", "track")

# Keys 0..4 mean the same in every record.
KEY_TYPE = const(0)
KEY_DAY = const(1)
KEY_MS = const(2)
KEY_TICK = const(3)
KEY_BOOT = const(4)

# Record types.
TIME = const(1)
FIX = const(2)
TEMP = const(3)
HEALTH = const(4)
GAP = const(5)
ORDER = const(6)
ALERT = const(7)
PICK = const(14)
HELLO = const(32)
NOW = const(33)

TIME_SOURCES = ("gnss", "gateway", "system")
_FIX_FIELDS = (
    (5, "lat_e7", INT, -LAT_E7_MAX, LAT_E7_MAX),
    (6, "lon_e7", INT, -LON_E7_MAX, LON_E7_MAX),
    (7, "alt_cm", INT, -1_000_000, 10_000_000),
    (8, "mode", INT, 1, 3),
    (9, "quality", INT, 0, 9),
    (10, "sats_used", INT, 0, U8_MAX),
    (11, "bds_used", INT, 0, U8_MAX),
    (12, "hdop_c", INT, 0, U16_MAX),
    (13, "speed_mm_s", INT, 0, 1_000_000),
    (14, "course_cdeg", INT, 0, 36_000),
    (15, "source", ENUM, ("gnss", "hold", "cell"), 0),
    (16, "datum", ENUM, ("wgs84", "gcj02"), 0),
)

_PLACE = ("lat_e7", "lon_e7")

# type -> (name, log it is kept in or None, fields, what must be there); a field is
# (key, name, kind, lo, hi).
RECORDS = {
    TIME: (
        "time",
        TRACK,
        ((5, "source", ENUM, TIME_SOURCES, 0), (6, "error_ms", INT, 0, U32_MAX)),
        ("source", "error_ms"),
    ),
    FIX: ("fix", TRACK, _FIX_FIELDS, _PLACE),
    TEMP: (
        "temp",
        TRACK,
        (
            (5, "sensor", BYTES, 6, 6),
            (6, "temp_cc", INT, TEMP_CC_MIN, TEMP_CC_MAX),
            (7, "hum_cpct", INT, 0, 10_000),
            (8, "batt_mv", INT, 0, U16_MAX),
            (9, "batt_pct", INT, 0, 100),
            (10, "rssi_dbm", INT, -127, 20),
            (11, "format", ENUM, ("bthome", "ruuvi5"), 0),
            (12, "state", ENUM, ("live", "lost"), 0),
            (13, "adverts", INT, 0, U32_MAX),
        ),
        ("sensor",),
    ),
    HEALTH: (
        "health",
        TRACK,
        (
            (5, "event", ENUM, ("boot", "report"), 0),
            (6, "boot", INT, 0, U32_MAX),
            (7, "implementation", TEXT, 0, 80),
            (8, "firmware", TEXT, 0, 40),
            (9, "heap_free_bytes", INT, 0, U32_MAX),
            (10, "nmea_valid", INT, 0, U32_MAX),
            (11, "nmea_bad", INT, 0, U32_MAX),
            (12, "adverts", INT, 0, U32_MAX),
            (13, "adverts_dropped", INT, 0, U32_MAX),
            (14, "connects", INT, 0, U32_MAX),
            (15, "rewinds", INT, 0, U32_MAX),
            (16, "evidence_refused", INT, 0, U32_MAX),
            (17, "fix_age_ms", INT, 0, U32_MAX),
            (18, "advert_age_ms", INT, 0, U32_MAX),
            (19, "sats_view", INT, 0, U8_MAX),
            (20, "track_held", INT, 0, U32_MAX),
            (21, "evidence_held", INT, 0, U32_MAX),
        ),
        ("event",),
    ),
    GAP: (
        "gap",
        TRACK,
        (
            (5, "of_log", ENUM, LOGS, 0),
            (6, "from_seq", INT, 1, U32_MAX),
            (7, "to_seq", INT, 1, U32_MAX),
            (8, "why", ENUM, ("overwritten", "unreadable", "unknown"), 0),
        ),
        ("of_log", "from_seq", "to_seq"),
    ),
    ORDER: (
        "order",
        EVIDENCE,
        (
            (5, "order", TEXT, 1, ID_MAX),
            (6, "state", ENUM, ("assigned", "refused", "arrived", "handed_over", "cancelled"), 0),
            (7, "command", TEXT, 1, ID_MAX),
            (8, "reason", TEXT, 0, 80),
            (9, "orders_open", INT, 0, U8_MAX),
        ),
        ("order", "state"),
    ),
    ALERT: (
        "alert",
        EVIDENCE,
        (
            (5, "order", TEXT, 1, ID_MAX),
            (6, "alert", ENUM, ("near", "sensor_lost"), 0),
            (7, "dist_m", INT, 0, U32_MAX),
            (8, "eta_s", INT, 0, 86_400),
            (9, "ride_s", INT, 0, 86_400),
            (10, "handover_s", INT, 0, 86_400),
            (11, "text_zh", TEXT, 0, 120),
            (12, "text_en", TEXT, 0, 120),
            (13, "sensor", BYTES, 6, 6),
        ),
        ("alert",),
    ),
    PICK: (
        "pick",
        EVIDENCE,
        (
            (
                5,
                "event",
                ENUM,
                ("list_started", "bin_confirmed", "picked", "short", "list_done", "list_refused"),
                0,
            ),
            (6, "list", TEXT, 1, ID_MAX),
            (7, "line", INT, 0, U16_MAX),
            (8, "order", TEXT, 1, ID_MAX),
            (9, "bin", TEXT, 1, 24),
            (10, "sku", TEXT, 1, 32),
            (11, "qty", INT, 0, U16_MAX),
            (12, "found", INT, 0, U16_MAX),
            (13, "lines", INT, 0, U16_MAX),
            (14, "picked", INT, 0, U16_MAX),
            (15, "short", INT, 0, U16_MAX),
            (16, "walk_dm", INT, 0, U32_MAX),
            (17, "list_order_dm", INT, 0, U32_MAX),
            (18, "walked_dm", INT, 0, U32_MAX),
            (19, "method", ENUM, ("exact", "best-found"), 0),
            (20, "command", TEXT, 1, ID_MAX),
            (21, "reason", TEXT, 0, 120),
        ),
        ("event", "list"),
    ),
    HELLO: (
        "hello",
        None,
        (
            (5, "logs", ROWS, 4, 4),  # each [log, 0 evidence | 1 track, oldest, next]
            (6, "boot", INT, 0, U32_MAX),
            (7, "implementation", TEXT, 0, 80),
            (8, "firmware", TEXT, 0, 40),
            (9, "profile", TEXT, 0, 24),
            (10, "tick_ms", INT, 0, U32_MAX),
        ),
        ("logs", "boot"),
    ),
    NOW: ("now", None, _FIX_FIELDS, _PLACE),
}
TYPE_OF = {RECORDS[number][0]: number for number in RECORDS}


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


def put_record(writer: Writer, kind: int, stamp, values: dict) -> None:
    """Write one record of type `kind` with the `values` (name -> value) that are not None.

    A name that the table lacks is a programmer's error and raises KeyError.
    """
    fields = RECORDS[kind][2]
    present = 0
    for field in fields:
        if values.get(field[1]) is not None:
            present += 1
    begin_record(writer, kind, stamp, present)
    put_fields(writer, fields, values)


def put_frame_head(writer: Writer, log: int, oldest: int, first_seq: int) -> None:
    """Write the head of a device frame; its records follow."""
    writer.array(4)
    writer.integer(VERSION)
    writer.integer(log)
    writer.integer(oldest)
    writer.integer(first_seq)


def read_frame_head(reader: Reader):
    """Return (log, oldest, first_seq) of a device frame, or None when it is not one of ours."""
    head = reader.read()
    if not isinstance(head, list) or len(head) != 4 or head[0] != VERSION:
        return None
    for number in head:
        if not is_int(number) or not 0 <= number <= U32_MAX:
            return None
    return head[1], head[2], head[3]


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
    stamp = _read_stamp(item)
    if stamp is None:
        return None, "stamp", None, 0
    values, why, unknown = check_fields(item, RECORDS[kind][2], KEY_BOOT)
    if why is not None:
        return None, why, None, 0
    for name in RECORDS[kind][3]:
        if name not in values:
            return None, "missing:" + name, None, 0
    return kind, stamp, values, unknown


def _read_stamp(item):
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
    if day < 0 and KEY_TICK not in item:
        return None
    return boot, tick, day, ms


def put_ack(writer: Writer, log: int, seq: int) -> None:
    """Write an acknowledgement: everything of `log` up to and including `seq` is committed."""
    writer.array(3)
    writer.integer(VERSION)
    writer.integer(log)
    writer.integer(seq)


def read_ack(data):
    """Return (log, seq) of an acknowledgement, or None when it is not one of ours."""
    reader = Reader(data)
    item = reader.read()
    if not isinstance(item, list) or len(item) != 3 or item[0] != VERSION or reader.more():
        return None
    for number in item:
        if not is_int(number) or not 0 <= number <= U32_MAX:
            return None
    return item[1], item[2]
