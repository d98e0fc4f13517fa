"""The feed document: current, valid, and kept by what the gateway emits."""

import json

import jsonschema
import pytest
import yaml
from drawn import line_of
from mutate import Chance

from gateway.feed.writer import Origin
from gateway.frames.lines import unpack
from protocols import fields as wire
from protocols import messages
from tools.contract.build import ENVELOPE, UNPACKED, schemas
from tools.contract.command import FOLDER, files
from tools.contract.document import document
from tools.contract.examples import EXAMPLES
from tools.contract.words import FIELDS

NOW = 1_795_000_000_000


def validator(name):
    schema = json.loads((FOLDER / "schema" / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(
        schema, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER
    )


def test_the_written_contract_is_current():
    for path, text in files().items():
        assert path.read_text(encoding="utf-8") == text, f"{path} is old: make contract"
    written = {path.name for path in (FOLDER / "schema").iterdir()}
    assert written == {f"{name}.json" for name in schemas()}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_every_example_is_valid(name):
    assert list(validator(name).iter_errors(EXAMPLES[name])) == []


def test_every_message_of_the_document_has_schema_example_channel_and_operation():
    tree = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text(encoding="utf-8"))
    assert tree == document()
    assert set(tree["channels"]) == set(schemas()) == set(EXAMPLES)
    for name, channel in tree["channels"].items():
        assert set(channel["messages"]) == {name}
        assert (FOLDER / tree["components"]["messages"][name]["payload"]["$ref"]).exists()
    addresses = [channel["address"] for channel in tree["channels"].values()]
    assert len(set(addresses)) == len(addresses)


def test_no_reader_of_a_stream_gets_what_is_sent_in():
    channels = document()["channels"]
    leaves = {name: each["address"].rsplit("/", 1)[1] for name, each in channels.items()}
    assert len(set(leaves.values())) == len(leaves)


def test_every_field_has_words_and_a_class_and_no_record_field_hides_the_envelope():
    for kind in messages.RECORDS:
        name, log, fields, _ = messages.RECORDS[kind]
        if log == "-":
            continue
        for _, field, _, _, _ in fields:
            assert field in FIELDS or field in UNPACKED, field
            assert field not in ENVELOPE, f"{name}.{field}"


def test_position_and_movement_are_sensitive_wherever_they_stand():
    for name, schema in schemas().items():
        for field in ("lat_e7", "lon_e7", "alt_cm", "speed_mm_s", "course_cdeg", "dist_m"):
            if field in schema["properties"]:
                assert schema["properties"][field]["x-class"] == "sensitive", (name, field)


def fields_of(schema, path=""):
    """Every named field of a schema, those inside others as well."""
    for name, each in schema.get("properties", {}).items():
        yield path + name, each
        yield from fields_of(each, f"{path}{name}.")
        if isinstance(each.get("items"), dict):
            yield from fields_of(each["items"], f"{path}{name}[].")


@pytest.mark.parametrize("name", sorted(schemas()))
def test_every_field_of_every_schema_has_its_class_and_words(name):
    found = list(fields_of(schemas()[name]))
    assert found
    for path, each in found:
        assert each.get("x-class") in ("public", "internal", "sensitive"), path
        assert each.get("description"), path


def test_a_customer_is_told_nothing_that_is_not_public():
    levels = {path: each["x-class"] for path, each in fields_of(schemas()["customer"])}
    assert {path for path, level in levels.items() if level != "public"} == {"id"}
    assert not {"subject", "device", "log", "lat_e7", "dist_m"} & set(levels)


@pytest.mark.parametrize("end", [3, 4])
def test_every_record_at_both_ends_of_its_ranges_is_valid_on_the_feed(feed, end):
    writer, store = feed
    for kind in messages.RECORDS:
        name, log, fields, _ = messages.RECORDS[kind]
        if log == "-":
            continue
        values = {}
        for field in fields:
            _, label, how, lo, hi = field
            if how == wire.INT:
                values[label] = field[end]
            elif how == wire.ENUM:
                values[label] = lo[0] if end == 3 else lo[-1]
            elif how == wire.BYTES:
                values[label] = b"\x01" * (lo if end == 3 else hi)
            elif how == wire.TEXT:
                values[label] = "x" * field[end]
        if kind == messages.LINE:
            values = {"packed": line_of(Chance("a line")), "bound_cm": values["bound_cm"]}
            values, _ = unpack(values, NOW)
        origin = Origin("rider-0001", 4711, kind, "rider-0001", "rider")
        t_ms = NOW if end == 3 else None
        with store.transaction():
            rows = writer.rows(store, origin, name, t_ms, "device", NOW, values)
        for row in rows:
            body = json.loads(row.payload)
            faults = [error.message for error in validator(body["stream"]).iter_errors(body)]
            assert faults == [], name
            assert row.topic.endswith("/" + body["stream"])


def test_the_gateways_own_messages_are_valid(feed):
    writer, store = feed
    for name, values in (
        ("presence", {"state": "online", "boot": None, "implementation": "", "firmware": ""}),
        ("gap", {"from_seq": 3, "to_seq": 9, "why": "unknown"}),
        ("order", {"order": "A1", "state": "received"}),
    ):
        with store.transaction():
            rows = writer.own_rows(store, "rider-0001", "rider", name, NOW, values)
        for row in rows:
            body = json.loads(row.payload)
            assert list(validator(body["stream"]).iter_errors(body)) == []


def test_an_old_reader_meets_new_fields_and_goes_on():
    for name in ("fix", "alert", "pick"):
        message = {**EXAMPLES[name], "from_the_future": {"a": 1}}
        assert list(validator(name).iter_errors(message)) == []


def test_the_intake_schemas_and_the_gateway_agree():
    from gateway.errors import IntakeError
    from gateway.orders.intake import Order

    order = EXAMPLES["intake-order"]
    cases = [
        order,
        {**order, "device": "Rider"},
        {**order, "action": "explode"},
        {**order, "drop": {"lat_e7": 1}},
        {**order, "drop": {"lat_e7": 950_000_000, "lon_e7": 0}},
        {**order, "extra": 1},
        {**order, "order": "x" * 41},
        {"order": "A1", "action": "cancel"},
    ]
    for case in cases:
        valid = not list(validator("intake-order").iter_errors(case))
        try:
            Order.parse(json.dumps(case).encode())
            taken = True
        except IntakeError:
            taken = False
        assert valid == taken, case
