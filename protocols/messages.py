"""Every record on the wire, as tables.

A device frame is the CBOR sequence `[version, log, oldest, first_seq]` + records, at most 1,200 B.
A record is a map with integer keys; a record's sequence number is first_seq plus its place in the
frame. Keys are never used again for something else; a reader counts and skips keys and types that
it does not know, so an old gateway reads a new board.

log 0 is no log: frames with it carry `hello` and `now`, which are not stored and not acknowledged.
"""

from protocols.cbor import Writer
from protocols.compat import const
from protocols.fields import (
    BYTES,
    ENUM,
    ID_MAX,
    INT,
    ROWS,
    TEXT,
    check_fields,
    count_fields,
    is_int,
    put_fields,
)

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
from protocols.units import (
    LAT_E7_MAX,
    LON_E7_MAX,
    TEMP_CC_MAX,
    TEMP_CC_MIN,
    U8_MAX,
    U16_MAX,
    U32_MAX,
)

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

DATUMS = ("wgs84", "gcj02", "other")  # numbered as in protocols.fix
TIME_SOURCES = ("gnss", "gateway", "system")
# Advertising formats in the order of their numbers: a new one goes to the end.
# fmt: off
TEMP_FORMATS = (
    "bthome", "ruuvi5", "ruuvi3", "ruuvi6", "atc1441", "pvvx", "ela", "teltonika", "mikrotik",
    "tempodisc", "eddystone", "sensirion", "switchbot",
)
# fmt: on
# How far a reading can be believed: signed; a count other than the last one; nothing of both; refused by
# the rules of key, counter or replay.
TRUSTS = ("signed", "counted", "plain", "untrusted")
# The three-level answer to delay; a level is told whenever it changes.
RISK_LEVELS = ("none", "warn", "intervene", "compensate")
MOTIONS = ("still", "foot", "ride")
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
    (15, "source", ENUM, ("gnss", "hold", "cell", "rtk"), 0),
    (16, "datum", ENUM, DATUMS, 0),
    (17, "acc_cm", INT, 0, U32_MAX),
    (18, "flags", INT, 0, U16_MAX),  # a bit set; protocols.fix names the bits
    (19, "age_ms", INT, 0, U32_MAX),
    (20, "motion", ENUM, MOTIONS, 0),
)

ORDER_STATES = (
    "assigned",
    "refused",
    "arrived",
    "handed_over",
    "cancelled",
    "picked_up",
    "failed",
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
            (11, "format", ENUM, TEMP_FORMATS, 0),
            (12, "state", ENUM, ("live", "lost"), 0),
            (13, "adverts", INT, 0, U32_MAX),
            (14, "trust", ENUM, TRUSTS, 0),
        ),
        ("sensor",),
    ),
    HEALTH: (
        "health",
        TRACK,
        (
            (5, "event", ENUM, ("boot", "report", "restart"), 0),
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
            (22, "reset_cause", TEXT, 0, 40),
            (23, "subsystem", ENUM, ("gnss", "ble", "uplink"), 0),
            (24, "silent_ms", INT, 0, U32_MAX),
            (25, "acks_ahead", INT, 0, U32_MAX),
            (26, "logs_begun", INT, 0, U32_MAX),
            (27, "batt_pct", INT, 0, 100),
            (28, "slot", ENUM, ("a", "b"), 0),
            (29, "restarts", INT, 0, U32_MAX),
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
            (6, "state", ENUM, ORDER_STATES, 0),
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
            (6, "alert", ENUM, ("near", "sensor_lost", "approach", "arrived"), 0),
            (7, "dist_m", INT, 0, U32_MAX),
            (8, "eta_s", INT, 0, 86_400),
            (9, "ride_s", INT, 0, 86_400),
            (10, "handover_s", INT, 0, 86_400),
            (11, "text_zh", TEXT, 0, 120),
            (12, "text_en", TEXT, 0, 120),
            (13, "sensor", BYTES, 6, 6),
            (14, "eta_p90_s", INT, 0, 86_400),
            (15, "stops_before", INT, 0, U8_MAX),
        ),
        ("alert",),
    ),
    LINE: (
        "track",
        TRACK,
        (
            (
                5,
                "line",
                BYTES,
                13,
                600,
            ),  # protocols.track; its times count from the stamp's midnight
            (6, "bound_cm", INT, 0, U16_MAX),
        ),
        ("line", "bound_cm"),
    ),
    RISK: (
        "risk",
        EVIDENCE,
        (
            (5, "order", TEXT, 1, ID_MAX),
            (6, "level", ENUM, RISK_LEVELS, 0),
            (7, "was", ENUM, RISK_LEVELS, 0),
            (8, "late_pct", INT, 0, 100),
            (9, "slack_s", INT, -86_400, 86_400),
            (10, "eta_s", INT, 0, 86_400),
            (11, "sigma_s", INT, 0, 86_400),
            (12, "dist_m", INT, 0, U32_MAX),
            (13, "stops_before", INT, 0, U8_MAX),
            (14, "age_ms", INT, 0, U32_MAX),
            (15, "text_zh", TEXT, 0, 120),
            (16, "text_en", TEXT, 0, 120),
        ),
        ("order", "level", "was"),
    ),
    EXCEPTION: (
        "exception",
        EVIDENCE,
        (
            (5, "code", ENUM, ("overspeed",), 0),
            (6, "order", TEXT, 1, ID_MAX),
            (7, "speed_mm_s", INT, 0, 1_000_000),
            (8, "seconds_s", INT, 0, U32_MAX),
            (9, "acc_cm", INT, 0, U32_MAX),
        ),
        ("code",),
    ),
    EXCURSION: (
        "excursion",
        EVIDENCE,
        (
            (5, "order", TEXT, 1, ID_MAX),
            (6, "sensor", BYTES, 6, 6),
            (7, "profile", TEXT, 1, 24),
            (8, "state", ENUM, ("in", "warn", "out", "latched"), 0),
            (9, "was", ENUM, ("in", "warn", "out", "latched"), 0),
            (10, "side", ENUM, ("high", "low"), 0),
            (11, "limit_cc", INT, TEMP_CC_MIN, TEMP_CC_MAX),
            (12, "temp_cc", INT, TEMP_CC_MIN, TEMP_CC_MAX),
            (13, "product_cc", INT, TEMP_CC_MIN, TEMP_CC_MAX),
            (14, "peak_cc", INT, TEMP_CC_MIN, TEMP_CC_MAX),
            (15, "consecutive_s", INT, 0, U32_MAX),
            (16, "cumulative_s", INT, 0, U32_MAX),
            (17, "unknown_s", INT, 0, U32_MAX),
            (18, "mode", ENUM, ("instant", "consecutive", "cumulative"), 0),
        ),
        ("order", "state", "was"),
    ),
    INTEGRITY: (
        "integrity",
        EVIDENCE,
        (
            (
                5,
                "what",
                ENUM,
                (
                    "door_open",
                    "door_closed",
                    "shock",
                    "tilt",
                    "low_battery",
                    "sensor_swapped",
                    "sensor_lost",
                    "sensor_found",
                    "slew",
                    "counter",
                ),
                0,
            ),
            (6, "order", TEXT, 1, ID_MAX),
            (7, "sensor", BYTES, 6, 6),
            (8, "seconds_s", INT, 0, U32_MAX),
            (9, "accel_mg", INT, 0, U32_MAX),
            (10, "tilt_cdeg", INT, 0, 18_000),
            (11, "batt_mv", INT, 0, U16_MAX),
            (12, "batt_pct", INT, 0, 100),
            (13, "temp_cc", INT, TEMP_CC_MIN, TEMP_CC_MAX),
            (14, "text_zh", TEXT, 0, 120),
            (15, "text_en", TEXT, 0, 120),
        ),
        ("what",),
    ),
    VERDICT: (
        "verdict",
        EVIDENCE,
        (
            (5, "order", TEXT, 1, ID_MAX),
            (6, "verdict", ENUM, ("pass", "fail", "inconclusive"), 0),
            (7, "profile", TEXT, 1, 24),
            (8, "profile_hash", BYTES, 4, 4),
            (9, "sensor", BYTES, 6, 6),
            (10, "reason", TEXT, 0, 80),
            (11, "samples", INT, 0, U32_MAX),
            (12, "total_s", INT, 0, U32_MAX),
            (13, "unknown_s", INT, 0, U32_MAX),
            (14, "min_cc", INT, TEMP_CC_MIN, TEMP_CC_MAX),
            (15, "mean_cc", INT, TEMP_CC_MIN, TEMP_CC_MAX),
            (16, "max_cc", INT, TEMP_CC_MIN, TEMP_CC_MAX),
            (17, "product_min_cc", INT, TEMP_CC_MIN, TEMP_CC_MAX),
            (18, "product_max_cc", INT, TEMP_CC_MIN, TEMP_CC_MAX),
            (19, "mkt_cc", INT, TEMP_CC_MIN, TEMP_CC_MAX),
            (20, "longest_s", INT, 0, U32_MAX),
            (21, "cumulative_s", INT, 0, U32_MAX),
            (22, "excursions", INT, 0, U16_MAX),
            (23, "doors", INT, 0, U16_MAX),
            (24, "door_s", INT, 0, U32_MAX),
            (25, "shocks", INT, 0, U16_MAX),
            (26, "tilts", INT, 0, U16_MAX),
            (27, "trust", ENUM, TRUSTS, 0),  # the weakest of all readings it rests on
        ),
        ("order", "verdict", "profile"),
    ),
    STOPS: (
        "stops",
        TRACK,
        (
            (5, "sequence", TEXT, 0, 600),  # "+A17,-A17": pick up A17, hand it over; comma between
            (6, "ride_s", INT, 0, 86_400),
            (7, "method", ENUM, ("exact", "best-found"), 0),
            (8, "late", INT, 0, U8_MAX),
        ),
        ("sequence",),
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


def put_record(writer: Writer, kind: int, stamp, values: dict) -> None:
    """Write one record of type `kind` with the `values` (name -> value) that are not None.

    A name or a word that the table lacks is a programmer's error: KeyError or ValueError, and nothing
    was written.
    """
    fields = RECORDS[kind][2]
    begin_record(writer, kind, stamp, count_fields(fields, values))
    put_fields(writer, fields, values)


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
    values, why, unknown = check_fields(item, RECORDS[kind][2], KEY_BOOT)
    if why is not None:
        return None, why, None, 0
    for name in RECORDS[kind][3]:
        if name not in values:
            return None, "missing:" + name, None, 0
    return kind, stamp, values, unknown
