"""Every key that was ever given out, typed in by hand: each keeps its name, its kind and its words.

Boards in the field still write the old ones. To add a field, add its line; a line is never taken away,
and never changed but for new words at its end.
"""

from protocols import commands, fix, messages
from protocols.adverts import guard

# type, key, name, kind, words: each line is for ever.
RECORD_KEYS = """
1 5 source ENUM gnss gateway system
1 6 error_ms INT
2 5 lat_e7 INT
2 6 lon_e7 INT
2 7 alt_cm INT
2 8 mode INT
2 9 quality INT
2 10 sats_used INT
2 11 bds_used INT
2 12 hdop_c INT
2 13 speed_mm_s INT
2 14 course_cdeg INT
2 15 source ENUM gnss hold cell
2 16 datum ENUM wgs84 gcj02 other
2 17 acc_cm INT
2 18 flags INT
2 19 age_ms INT
3 5 sensor BYTES
3 6 temp_cc INT
3 7 hum_cpct INT
3 8 batt_mv INT
3 9 batt_pct INT
3 10 rssi_dbm INT
3 11 format ENUM bthome ruuvi5 ruuvi3 ruuvi6 atc1441 pvvx ela teltonika mikrotik
  tempodisc eddystone sensirion switchbot
3 12 state ENUM live lost
3 13 adverts INT
3 14 trust ENUM signed counted plain untrusted
4 5 event ENUM boot report
4 6 boot INT
4 7 implementation TEXT
4 8 firmware TEXT
4 9 heap_free_bytes INT
4 10 nmea_valid INT
4 11 nmea_bad INT
4 12 adverts INT
4 13 adverts_dropped INT
4 14 connects INT
4 15 rewinds INT
4 16 evidence_refused INT
4 17 fix_age_ms INT
4 18 advert_age_ms INT
4 19 sats_view INT
4 20 track_held INT
4 21 evidence_held INT
5 5 of_log ENUM evidence track
5 6 from_seq INT
5 7 to_seq INT
5 8 why ENUM overwritten unreadable unknown
6 5 order TEXT
6 6 state ENUM assigned refused arrived handed_over cancelled
6 7 command TEXT
6 8 reason TEXT
6 9 orders_open INT
7 5 order TEXT
7 6 alert ENUM near sensor_lost
7 7 dist_m INT
7 8 eta_s INT
7 9 ride_s INT
7 10 handover_s INT
7 11 text_zh TEXT
7 12 text_en TEXT
7 13 sensor BYTES
14 5 event ENUM list_started bin_confirmed picked short list_done list_refused
14 6 list TEXT
14 7 line INT
14 8 order TEXT
14 9 bin TEXT
14 10 sku TEXT
14 11 qty INT
14 12 found INT
14 13 lines INT
14 14 picked INT
14 15 short INT
14 16 walk_dm INT
14 17 list_order_dm INT
14 18 walked_dm INT
14 19 method ENUM exact best-found
14 20 command TEXT
14 21 reason TEXT
32 5 logs ROWS
32 6 boot INT
32 7 implementation TEXT
32 8 firmware TEXT
32 9 profile TEXT
32 10 tick_ms INT
33 5 lat_e7 INT
33 6 lon_e7 INT
33 7 alt_cm INT
33 8 mode INT
33 9 quality INT
33 10 sats_used INT
33 11 bds_used INT
33 12 hdop_c INT
33 13 speed_mm_s INT
33 14 course_cdeg INT
33 15 source ENUM gnss hold cell
33 16 datum ENUM wgs84 gcj02 other
33 17 acc_cm INT
33 18 flags INT
33 19 age_ms INT
"""
COMMAND_KEYS = """
1 0 order TEXT
1 1 lat_e7 INT
1 2 lon_e7 INT
1 3 promised_day INT
1 4 promised_ms INT
2 0 order TEXT
3 0 order TEXT
4 10 list TEXT
4 11 store TEXT
4 12 lines INT
4 0 line INT
4 1 order TEXT
4 2 sku TEXT
4 3 name TEXT
4 4 bin TEXT
4 5 qty INT
"""
KINDS = (
    "INT",
    "ENUM",
    "BYTES",
    "TEXT",
    "BOOL",
    "ROWS",
)  # of fields.INT ... in that order: 0, 1, 2 ...


def in_use(tables, place):
    """Return {(type, key): (name, kind, words)} of the tables as they are now."""
    found = {}
    for number in tables:
        for key, name, kind, lo, _ in tables[number][place]:
            found[number, key] = (name, KINDS[kind], lo if kind == 1 else ())
    return found


def kept(lines, now):
    """Check every line given out against the tables, and that the tables have no other."""
    for line in lines.strip().replace("\n  ", " ").split("\n"):
        words = line.split(" ")
        place = (int(words[0]), int(words[1]))
        assert place in now, line
        name, kind, known = now.pop(place)
        assert (name, kind) == (words[2], words[3]), line
        assert list(known) == words[4:], line
    assert not now, now


def test_no_key_that_was_given_out_means_something_else():
    kept(RECORD_KEYS, in_use(messages.RECORDS, 2))
    kept(COMMAND_KEYS, in_use(commands.COMMANDS, 1))


def test_the_words_of_trust_are_those_that_the_guard_says():
    assert messages.TRUSTS == (guard.SIGNED, guard.COUNTED, guard.PLAIN, guard.UNTRUSTED)


# Bits of a fix's `flags`: the feed's words tell a backend what each means.
FLAGS = (
    ("ESTIMATED", 1),
    ("ROLLOVER", 2),
    ("JUMP", 4),
    ("FEW", 8),
    ("DATUM", 16),
    ("CAUTION", 32),
    ("STEP", 64),
    ("DISPUTED", 128),
)


def test_no_bit_of_a_fix_means_something_else():
    for name, bit in FLAGS:
        assert getattr(fix, name) == bit, name
