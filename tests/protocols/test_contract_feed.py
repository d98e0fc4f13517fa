"""From the board's bytes to the backend's JSON: what the gateway emits keeps the schema.

Records are drawn from their tables, written as a board writes them, read, and pushed through
gateway.feed.writer; also with words of a newer board, which come out as null.
"""

import json

import jsonschema
import pytest
from drawn import stamp_of, values_of
from mutate import Chance

from gateway.feed.writer import Origin, unix_ms
from gateway.frames.lines import unpack
from protocols import fields as wire
from protocols import messages
from protocols.cbor import Reader, Writer
from tools.contract.build import schemas
from tools.contract.command import FOLDER

NOW = 1_795_000_000_000
STORED = sorted(kind for kind in messages.RECORDS if messages.RECORDS[kind][1] != "-")


@pytest.fixture(scope="module")
def validators():
    found = {}
    for name in schemas():
        schema = json.loads((FOLDER / "schema" / f"{name}.json").read_text(encoding="utf-8"))
        # The dialect that AsyncAPI 3.0 builds on; the schema says so itself.
        judge = jsonschema.validators.validator_for(schema)
        assert judge is jsonschema.Draft7Validator
        judge.check_schema(schema)
        found[name] = judge(schema, format_checker=judge.FORMAT_CHECKER)
    return found


def emitted(feed, kind, item, seq):
    """Return the bodies of the feed rows that a record map of a board leads to, as the pipeline does."""
    writer, store = feed
    number, stamp, values, _ = messages.check_record(item)
    assert number == kind, stamp
    t_ms = unix_ms(stamp[2], stamp[3]) if stamp[2] >= 0 else None
    if kind == messages.LINE:
        values, why = unpack(values, t_ms or NOW)
        assert values is not None, why
    origin = Origin("rider-0001", 4711, seq, "rider-0001", "rider")
    with store.transaction():
        rows = writer.rows(
            store,
            origin,
            messages.RECORDS[kind][0],
            t_ms,
            "none" if t_ms is None else "device",
            NOW,
            values,
        )
    return [json.loads(row.payload) for row in rows]


def record(kind, stamp, values):
    writer = Writer(bytearray(4000))
    messages.put_record(writer, kind, stamp, values)
    return Reader(bytes(writer.buf[: writer.n])).read()


def check(validators, bodies, what):
    for body in bodies:
        faults = [error.message for error in validators[body["stream"]].iter_errors(body)]
        assert faults == [], what


def test_whatever_a_board_may_write_is_valid_on_the_feed(feed, validators):
    chance = Chance("records through the gateway")
    for seq in range(1, 1001):
        kind = STORED[seq % len(STORED)]
        name, _, fields, needed = messages.RECORDS[kind]
        values = values_of(fields, needed, chance)
        bodies = emitted(feed, kind, record(kind, stamp_of(chance), values), seq)
        check(validators, bodies, values)
        body = bodies[-1]
        for field, value in values.items():
            if field != "packed" and (field != "event" or name == "health"):
                want = value.hex() if isinstance(value, bytes) else value
                assert body[field] == want, field
    assert {messages.RECORDS[kind][0] for kind in STORED} >= {
        "fix",
        "temp",
        "order",
        "alert",
        "pick",
    }


@pytest.mark.parametrize("kind", STORED)
def test_words_of_a_newer_board_come_out_as_null(feed, validators, kind):
    name, _, fields, _ = messages.RECORDS[kind]
    chance = Chance("new words")
    item = record(kind, (0, 0, 2517, 5), values_of(fields, [field[1] for field in fields], chance))
    words = [field for field in fields if field[2] == wire.ENUM]
    for field in words:
        item[field[0]] = 200
    item[99] = "from the future"
    bodies = emitted(feed, kind, item, 1)
    check(validators, bodies, name)
    for field in words:
        assert bodies[-1][field[1]] is None


def test_the_fix_and_temp_fields_added_last_reach_the_backend(feed, validators):
    # Typed in: the tables alone would not notice if the gateway dropped what it does not know.
    fix = {"lat_e7": 1, "lon_e7": 2, "acc_cm": 250, "flags": 33, "age_ms": 120}
    (*_, body) = emitted(feed, messages.FIX, record(messages.FIX, (0, 0, 1, 2), fix), 1)
    assert {name: body[name] for name in fix} == fix
    temp = {"sensor": b"\x01" * 6, "format": "switchbot", "trust": "untrusted"}
    (*_, body) = emitted(feed, messages.TEMP, record(messages.TEMP, (0, 0, 1, 2), temp), 2)
    assert (body["format"], body["trust"]) == ("switchbot", "untrusted")


def test_the_schema_refuses_one_beyond_each_end(feed, validators):
    chance = Chance("ends on the feed")
    for kind in STORED:
        name, _, fields, _ = messages.RECORDS[kind]
        values = values_of(fields, [field[1] for field in fields], chance)
        if name == "time" or name == "gap":
            continue  # they share a stream, whose schema allows what either may hold
        body = emitted(feed, kind, record(kind, (0, 0, 1, 2), values), kind)[-1]
        for field in fields:
            if field[2] == wire.INT:
                for wrong in (field[3] - 1, field[4] + 1, "1"):
                    bad = {**body, field[1]: wrong}
                    faults = list(validators[body["stream"]].iter_errors(bad))
                    assert faults, (name, field[1], wrong)
