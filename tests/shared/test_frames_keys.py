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
2 15 source ENUM gnss hold cell rtk
2 16 datum ENUM wgs84 gcj02 other
2 17 acc_cm INT
2 18 flags INT
2 19 age_ms INT
2 20 motion ENUM still foot ride
3 5 sensor BYTES
3 6 temp_cc INT
3 7 hum_cpct INT
3 8 batt_mv INT
3 9 batt_pct INT
3 10 rssi_dbm INT
3 11 format ENUM bthome ruuvi5 ruuvi3 ruuvi6 atc1441 pvvx ela teltonika mikrotik tempodisc
  eddystone sensirion switchbot
3 12 state ENUM live lost
3 13 adverts INT
3 14 trust ENUM signed counted plain untrusted
4 5 event ENUM boot report restart
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
4 22 reset_cause TEXT
4 23 subsystem ENUM gnss ble uplink
4 24 silent_ms INT
4 25 acks_ahead INT
4 26 logs_begun INT
4 27 batt_pct INT
4 28 slot ENUM a b
4 29 restarts INT
4 30 config TEXT
4 31 link_fault TEXT
4 32 state_refused INT
5 5 of_log ENUM evidence track
5 6 from_seq INT
5 7 to_seq INT
5 8 why ENUM overwritten unreadable unknown
6 5 order TEXT
6 6 state ENUM assigned refused arrived handed_over cancelled picked_up failed
6 7 command TEXT
6 8 reason TEXT
6 9 orders_open INT
7 5 order TEXT
7 6 alert ENUM near sensor_lost approach arrived
7 7 dist_m INT
7 8 eta_s INT
7 9 ride_s INT
7 10 handover_s INT
7 11 text_zh TEXT
7 12 text_en TEXT
7 13 sensor BYTES
7 14 eta_p90_s INT
7 15 stops_before INT
8 5 packed BYTES
8 6 bound_cm INT
9 5 order TEXT
9 6 level ENUM none warn intervene compensate
9 7 was ENUM none warn intervene compensate
9 8 late_pct INT
9 9 slack_s INT
9 10 eta_s INT
9 11 sigma_s INT
9 12 dist_m INT
9 13 stops_before INT
9 14 age_ms INT
9 15 text_zh TEXT
9 16 text_en TEXT
10 5 code ENUM overspeed
10 6 order TEXT
10 7 speed_mm_s INT
10 8 seconds_s INT
10 9 acc_cm INT
11 5 order TEXT
11 6 sensor BYTES
11 7 profile TEXT
11 8 state ENUM in warn out latched
11 9 was ENUM in warn out latched
11 10 side ENUM high low
11 11 limit_cc INT
11 12 temp_cc INT
11 13 product_cc INT
11 14 peak_cc INT
11 15 consecutive_s INT
11 16 cumulative_s INT
11 17 unknown_s INT
11 18 mode ENUM instant consecutive cumulative
11 19 text_zh TEXT
11 20 text_en TEXT
12 5 what ENUM door_open door_closed shock tilt low_battery sensor_swapped sensor_lost
  sensor_found slew counter
12 6 order TEXT
12 7 sensor BYTES
12 8 seconds_s INT
12 9 accel_mg INT
12 10 tilt_cdeg INT
12 11 batt_mv INT
12 12 batt_pct INT
12 13 temp_cc INT
12 14 text_zh TEXT
12 15 text_en TEXT
13 5 order TEXT
13 6 verdict ENUM pass fail inconclusive
13 7 profile TEXT
13 8 profile_hash BYTES
13 9 sensor BYTES
13 10 reason TEXT
13 11 samples INT
13 12 total_s INT
13 13 unknown_s INT
13 14 min_cc INT
13 15 mean_cc INT
13 16 max_cc INT
13 17 product_min_cc INT
13 18 product_max_cc INT
13 19 mkt_cc INT
13 20 longest_s INT
13 21 cumulative_s INT
13 22 excursions INT
13 23 doors INT
13 24 door_s INT
13 25 shocks INT
13 26 tilts INT
13 27 trust ENUM signed counted plain untrusted
13 28 outside_cc_s INT
14 5 event ENUM list_started bin_confirmed picked short list_done list_refused substituted skipped
  undone aisle_blocked aisles_opened list_taken
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
14 22 checks INT
14 23 edge INT
14 24 undid ENUM bin item qty put picked short skipped substituted
14 25 substituted INT
15 5 sequence TEXT
15 6 ride_s INT
15 7 method ENUM exact best-found
15 8 late INT
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
33 15 source ENUM gnss hold cell rtk
33 16 datum ENUM wgs84 gcj02 other
33 17 acc_cm INT
33 18 flags INT
33 19 age_ms INT
33 20 motion ENUM still foot ride
"""
COMMAND_KEYS = """
1 0 order TEXT
1 1 lat_e7 INT
1 2 lon_e7 INT
1 3 promised_day INT
1 4 promised_ms INT
1 5 pickup_lat_e7 INT
1 6 pickup_lon_e7 INT
1 7 profile TEXT
1 8 building TEXT
1 9 floor INT
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
4 6 heavy BOOL
4 7 other_sku TEXT
4 8 other_name TEXT
4 9 other_bin TEXT
4 13 other_qty INT
5 0 order TEXT
6 0 order TEXT
6 1 reason TEXT
7 0 sensor BYTES
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
    kept(COMMAND_KEYS, in_use(commands.COMMANDS, 2))


def test_the_words_of_trust_are_those_that_the_guard_says():
    assert messages.words(messages.TEMP, "trust") == (
        guard.SIGNED,
        guard.COUNTED,
        guard.PLAIN,
        guard.UNTRUSTED,
    )


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
