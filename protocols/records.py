"""Every record on the wire: what it is called, where it is kept, and its fields.

    = TYPE NAME LOG        LOG evidence or track; - for what is neither stored nor acknowledged
    KEY NAME KIND          a field; a * behind the key: it must be there
                           KIND as protocols.tables reads it

Types, keys and words are never used again for something else: new ones go to the end of their list.
The unit of a number is the suffix of its name (protocols.units). What a field means, in words:
docs/records.md, which is made from this and tools/contract/words.py.

It is a text because a board pays for it only with flash: the same as tuples takes 20 kB of its heap.
"""

TABLE = """
= 1 time track
 5* source enum gnss gateway system
 6* error_ms u32

= 2 fix track
 5* lat_e7 lat
 6* lon_e7 lon
  7 alt_cm int -1000000 10000000
  8 mode int 1 3
  9 quality int 0 9
 10 sats_used u8
 11 bds_used u8
 12 hdop_c u16
 13 speed_mm_s int 0 1000000
 14 course_cdeg int 0 36000
 15 source enum gnss hold cell rtk
 16 datum enum wgs84 gcj02 other
 17 acc_cm u32
 18 flags u16
 19 age_ms u32
 20 motion enum still foot ride

= 3 temp track
 5* sensor bytes 6 6
  6 temp_cc temp
  7 hum_cpct int 0 10000
  8 batt_mv u16
  9 batt_pct int 0 100
 10 rssi_dbm int -127 20
 11 format enum bthome ruuvi5 ruuvi3 ruuvi6 atc1441 pvvx ela teltonika mikrotik tempodisc
      eddystone sensirion switchbot
 12 state enum live lost
 13 adverts u32
 14 trust enum signed counted plain untrusted

= 4 health track
 5* event enum boot report restart
  6 boot u32
  7 implementation text 0 80
  8 firmware text 0 40
  9 heap_free_bytes u32
 10 nmea_valid u32
 11 nmea_bad u32
 12 adverts u32
 13 adverts_dropped u32
 14 connects u32
 15 rewinds u32
 16 evidence_refused u32
 17 fix_age_ms u32
 18 advert_age_ms u32
 19 sats_view u8
 20 track_held u32
 21 evidence_held u32
 22 reset_cause text 0 40
 23 subsystem enum gnss ble uplink
 24 silent_ms u32
 25 acks_ahead u32
 26 logs_begun u32
 27 batt_pct int 0 100
 28 slot enum a b
 29 restarts u32
 30 config text 0 80
 31 link_fault text 0 60
 32 state_refused u32

= 5 gap track
 5* of_log enum evidence track
 6* from_seq int 1 4294967295
 7* to_seq int 1 4294967295
  8 why enum overwritten unreadable unknown

= 6 order evidence
 5* order id
 6* state enum assigned refused arrived handed_over cancelled picked_up failed
  7 command id
  8 reason text 0 80
  9 orders_open u8

= 7 alert evidence
  5 order id
 6* alert enum near sensor_lost approach arrived
  7 dist_m u32
  8 eta_s int 0 86400
  9 ride_s int 0 86400
 10 handover_s int 0 86400
 11 text_zh text 0 120
 12 text_en text 0 120
 13 sensor bytes 6 6
 14 eta_p90_s int 0 86400
 15 stops_before u8

= 8 track track
 5* packed bytes 13 600
 6* bound_cm u16

= 9 risk evidence
 5* order id
 6* level enum none warn intervene compensate
 7* was enum none warn intervene compensate
  8 late_pct int 0 100
  9 slack_s int -86400 86400
 10 eta_s int 0 86400
 11 sigma_s int 0 86400
 12 dist_m u32
 13 stops_before u8
 14 age_ms u32
 15 text_zh text 0 120
 16 text_en text 0 120

= 10 exception evidence
 5* code enum overspeed
  6 order id
  7 speed_mm_s int 0 1000000
  8 seconds_s u32
  9 acc_cm u32

= 11 excursion evidence
 5* order id
  6 sensor bytes 6 6
  7 profile text 1 24
 8* state enum in warn out latched
 9* was enum in warn out latched
 10 side enum high low
 11 limit_cc temp
 12 temp_cc temp
 13 product_cc temp
 14 peak_cc temp
 15 consecutive_s u32
 16 cumulative_s u32
 17 unknown_s u32
 18 mode enum instant consecutive cumulative
 19 text_zh text 0 120
 20 text_en text 0 120

= 12 integrity evidence
 5* what enum door_open door_closed shock tilt low_battery sensor_swapped sensor_lost
      sensor_found slew counter
  6 order id
  7 sensor bytes 6 6
  8 seconds_s u32
  9 accel_mg u32
 10 tilt_cdeg int 0 18000
 11 batt_mv u16
 12 batt_pct int 0 100
 13 temp_cc temp
 14 text_zh text 0 120
 15 text_en text 0 120

= 13 verdict evidence
 5* order id
 6* verdict enum pass fail inconclusive
 7* profile text 1 24
  8 profile_hash bytes 4 4
  9 sensor bytes 6 6
 10 reason text 0 80
 11 samples u32
 12 total_s u32
 13 unknown_s u32
 14 min_cc temp
 15 mean_cc temp
 16 max_cc temp
 17 product_min_cc temp
 18 product_max_cc temp
 19 mkt_cc temp
 20 longest_s u32
 21 cumulative_s u32
 22 excursions u16
 23 doors u16
 24 door_s u32
 25 shocks u16
 26 tilts u16
 27 trust enum signed counted plain untrusted
 28 outside_cc_s u32

= 15 stops track
 5* sequence text 0 600
  6 ride_s int 0 86400
  7 method enum exact best-found
  8 late u8

= 14 pick evidence
 5* event enum list_started bin_confirmed picked short list_done list_refused substituted skipped
      undone aisle_blocked aisles_opened list_taken
 6* list id
  7 line u16
  8 order id
  9 bin text 1 24
 10 sku text 1 32
 11 qty u16
 12 found u16
 13 lines u16
 14 picked u16
 15 short u16
 16 walk_dm u32
 17 list_order_dm u32
 18 walked_dm u32
 19 method enum exact best-found
 20 command id
 21 reason text 0 120
 22 checks u16
 23 edge u16
 24 undid enum bin item qty put picked short skipped substituted
 25 substituted u16

= 32 hello -
 5* logs rows 4 4
 6* boot u32
  7 implementation text 0 80
  8 firmware text 0 40
  9 profile text 0 24
 10 tick_ms u32

= 33 now - like 2
"""
