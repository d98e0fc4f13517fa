"""The wire as hex, typed in by hand: boards in the field write these bytes for ever.

Nothing here is taken from the tables: a key that is renumbered or a word that moves fails here.
"""

from protocols import commands, messages
from protocols.cbor import Reader, Writer

DAY_MS = (0, 0, 2517, 40_000_000)  # boot, tick_ms, day, ms
SENSOR = b"\xc4\x38\x00\x00\x00\x01"

# (hex of the frame, its head, [(type, stamp, values), ...])
FRAMES = (
    (
        (
            "84011adeadbeef0a0c"
            "b20002011909d5021a02625a00051a129d524c061a4866f812071904d8080309010a120b0a0c1850"
            "0d191a900e1923280f0010001118fa1204131878"
            "ad0003011909d5021a02625a000546c438000000010639076b0719180608190b860918570a38310b"
            "010c000d18210e01"
        ),
        (0xDEADBEEF, 10, 12),
        (
            (
                2,
                DAY_MS,
                {
                    "lat_e7": 312_300_108,
                    "lon_e7": 1_214_707_730,
                    "alt_cm": 1240,
                    "mode": 3,
                    "quality": 1,
                    "sats_used": 18,
                    "bds_used": 10,
                    "hdop_c": 80,
                    "speed_mm_s": 6800,
                    "course_cdeg": 9000,
                    "source": "gnss",
                    "datum": "wgs84",
                    "acc_cm": 250,
                    "flags": 4,
                    "age_ms": 120,
                },
            ),
            (
                3,
                DAY_MS,
                {
                    "sensor": SENSOR,
                    "temp_cc": -1900,
                    "hum_cpct": 6150,
                    "batt_mv": 2950,
                    "batt_pct": 87,
                    "rssi_dbm": -50,
                    "format": "ruuvi5",
                    "state": "live",
                    "adverts": 33,
                    "trust": "counted",
                },
            ),
        ),
    ),
    (
        (
            "84011adeadbeef0101"
            "a70001011909d5021a02625a00031a0001e24004070500061903e8"
            "b40004030504070500060707"
            "6b6d6963726f707974686f6e0865302e312e30091a00015f900a010b020c030d040e050f06100011"
            "19012c1219019013181f14081509"
            "a70005011909d5021a02625a000501060c0718280800"
        ),
        (0xDEADBEEF, 1, 1),
        (
            (1, (7, 123_456, 2517, 40_000_000), {"source": "gnss", "error_ms": 1000}),
            (
                4,
                (7, 5, -1, 0),
                {
                    "event": "boot",
                    "boot": 7,
                    "implementation": "micropython",
                    "firmware": "0.1.0",
                    "heap_free_bytes": 90_000,
                    "nmea_valid": 1,
                    "nmea_bad": 2,
                    "adverts": 3,
                    "adverts_dropped": 4,
                    "connects": 5,
                    "rewinds": 6,
                    "evidence_refused": 0,
                    "fix_age_ms": 300,
                    "advert_age_ms": 400,
                    "sats_view": 31,
                    "track_held": 8,
                    "evidence_held": 9,
                },
            ),
            (5, DAY_MS, {"of_log": "track", "from_seq": 12, "to_seq": 40, "why": "overwritten"}),
        ),
    ),
    (
        (
            "84011adeadbeef0a0c"
            "a80006011909d5021a02625a00056541313030310603076263310866e6999ae4ba860902"
            "ac0007011909d5021a02625a000565413130303106000719012c0818d30918470a188c0b6ae7baa6"
            "34e58886e9929f0c6534206d696e0d46000000000000"
            "b4000e011909d5021a02625a00050206624c31070108654131303031096741312d30332d320a6636"
            "39303132330b020c010d090e080f01101904d2111909291219051413001462633215626e6f"
        ),
        (0xDEADBEEF, 10, 12),
        (
            (
                6,
                DAY_MS,
                {
                    "order": "A1001",
                    "state": "handed_over",
                    "command": "c1",
                    "reason": "\u665a\u4e86",
                    "orders_open": 2,
                },
            ),
            (
                7,
                DAY_MS,
                {
                    "order": "A1001",
                    "alert": "near",
                    "dist_m": 300,
                    "eta_s": 211,
                    "ride_s": 71,
                    "handover_s": 140,
                    "text_zh": "\u7ea64\u5206\u949f",
                    "text_en": "4 min",
                    "sensor": b"\x00\x00\x00\x00\x00\x00",
                },
            ),
            (
                14,
                DAY_MS,
                {
                    "event": "picked",
                    "list": "L1",
                    "line": 1,
                    "order": "A1001",
                    "bin": "A1-03-2",
                    "sku": "690123",
                    "qty": 2,
                    "found": 1,
                    "lines": 9,
                    "picked": 8,
                    "short": 1,
                    "walk_dm": 1234,
                    "list_order_dm": 2345,
                    "walked_dm": 1300,
                    "method": "exact",
                    "command": "c2",
                    "reason": "no",
                },
            ),
        ),
    ),
    (
        (
            "8401000000"
            "a9001820011909d5021a02625a000582840100020384040105060607076763707974686f6e086530"
            "2e312e300964636974790a1863"
            "a5001821011909d5021a02625a00053a142ff7ff063a5a20b547"
        ),
        (0, 0, 0),
        (
            (
                32,
                DAY_MS,
                {
                    "logs": [[1, 0, 2, 3], [4, 1, 5, 6]],
                    "boot": 7,
                    "implementation": "cpython",
                    "firmware": "0.1.0",
                    "profile": "city",
                    "tick_ms": 99,
                },
            ),
            (33, DAY_MS, {"lat_e7": -338_688_000, "lon_e7": -1_512_093_000}),
        ),
    ),
)

COMMANDS = (
    (
        "860163632d311909d50501a500654131303031011a129d524c021a4866f812031909d50401",
        1,
        {
            "order": "A1001",
            "lat_e7": 312_300_108,
            "lon_e7": 1_214_707_730,
            "promised_day": 2517,
            "promised_ms": 1,
        },
    ),
    ("860163632d311909d50502a100654131303031", 2, {"order": "A1001"}),
    ("860163632d311909d50503a100654131303031", 3, {"order": "A1001"}),
    (
        (
            "860163632d311909d50504a90a624c310b6464656d6f0c0900010165413130303102663639303132"
            "330366e58fafe4b990046741312d30332d320502"
        ),
        4,
        {
            "list": "L1",
            "store": "demo",
            "lines": 9,
            "line": 1,
            "order": "A1001",
            "sku": "690123",
            "name": "\u53ef\u4e50",
            "bin": "A1-03-2",
            "qty": 2,
        },
    ),
)


def test_golden_frames_are_read_as_they_were_meant():
    for text, head, records in FRAMES:
        reader = Reader(bytes.fromhex(text))
        assert messages.read_frame_head(reader) == head
        for kind, stamp, values in records:
            assert messages.check_record(reader.read()) == (kind, stamp, values, 0), kind
        assert not reader.more() and reader.error is None


def test_golden_frames_are_written_again_byte_for_byte():
    writer = Writer(bytearray(1200))
    for text, head, records in FRAMES:
        writer.reset()
        messages.put_frame_head(writer, head[0], head[1], head[2])
        for kind, stamp, values in records:
            if kind == 1:  # carries UTC and ticks, which the journal writes by hand
                messages.begin_record(writer, kind, stamp, 4)
                for number in (3, stamp[1], 4, stamp[0], 5, 0, 6, values["error_ms"]):
                    writer.integer(number)
            else:
                messages.put_record(writer, kind, stamp, values)
        assert bytes(writer.buf[: writer.n]) == bytes.fromhex(text)


def test_golden_acks_and_commands():
    writer = Writer(bytearray(400))
    messages.put_ack(writer, 0xDEADBEEF, 4711)
    assert bytes(writer.buf[: writer.n]) == bytes.fromhex("83011adeadbeef191267")
    assert messages.read_ack(bytes.fromhex("83011adeadbeef191267")) == (0xDEADBEEF, 4711)
    for text, kind, values in COMMANDS:
        assert commands.read_command(bytes.fromhex(text)) == ("c-1", 2517, 5, kind, values)
        writer.reset()
        commands.put_command(writer, "c-1", 2517, 5, kind, values)
        assert bytes(writer.buf[: writer.n]) == bytes.fromhex(text), kind
