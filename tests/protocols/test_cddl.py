"""device.cddl before two independent readers: cddlparser for its grammar, zcbor for bytes against it.

zcbor 0.9.1 does not look into `.cborseq` and counts a text's size in characters where RFC 8610 counts
bytes: sequences are given to it as arrays, and text one byte too long only in ASCII.
"""

import io

import cbor2
import cddlparser
import pytest
import zcbor
from drawn import one_beyond, stamp_of, values_of
from mutate import Chance
from test_frames_golden import COMMANDS, FRAMES

from protocols import commands, messages
from protocols import fields as wire
from protocols.cbor import Writer
from tools.contract.command import FOLDER

TEXT = (FOLDER / "device.cddl").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rules():
    return zcbor.DataTranslator.from_cddl(TEXT, default_max_qty=1000).my_types


def fits(rules, name, data):
    rule = rules[name]
    rule.errors.clear()  # a list of the class, which grows with every refusal
    try:
        rule.validate_str(data)
    except zcbor.CddlValidationError:
        return False
    return True


def sequence(data):
    """Return the items of a CBOR sequence, by cbor2."""
    items = []
    file = io.BytesIO(data)
    decoder = cbor2.CBORDecoder(file)
    while file.tell() < len(data):
        items.append(decoder.decode())
    return items


def record(kind, stamp, values):
    writer = Writer(bytearray(4000))
    messages.put_record(writer, kind, stamp, values)
    return bytes(writer.buf[: writer.n])


def test_its_grammar_is_rfc_8610_and_every_name_is_defined():
    tree = cddlparser.parse(TEXT)
    names = [rule.name.name for rule in tree.rules]
    assert len(set(names)) == len(names)
    for kind in messages.RECORDS:
        assert f"{messages.RECORDS[kind][0]}-record" in names
    for kind in commands.COMMANDS:
        assert commands.COMMANDS[kind][0].replace("_", "-") + "-command" in names
    assert names[0] == "frame"


def test_golden_frames_commands_and_acks_fit(rules):
    for text, _, records in FRAMES:
        items = sequence(bytes.fromhex(text))
        assert len(items) == 1 + len(records)
        assert fits(rules, "frame-items", cbor2.dumps(items))
        assert not fits(rules, "frame-items", cbor2.dumps([[2, *items[0][1:]], *items[1:]]))
        assert not fits(rules, "frame-items", cbor2.dumps([items[0][:3], *items[1:]]))
        assert fits(rules, "frame-items", cbor2.dumps([[*items[0], 5, "x"], *items[1:]]))
        assert not fits(rules, "frame-items", cbor2.dumps([[*items[0], {}], *items[1:]]))
    for text, _, _ in COMMANDS:
        assert fits(rules, "command", bytes.fromhex(text))
    assert fits(rules, "ack", bytes.fromhex("83011adeadbeef191267"))
    assert not fits(rules, "ack", bytes.fromhex("82011adeadbeef"))


@pytest.mark.parametrize("kind", sorted(messages.RECORDS))
def test_a_thousand_drawn_records_fit_and_cbor2_reads_the_same(rules, kind):
    name, _, fields, needed = messages.RECORDS[kind]
    chance = Chance(f"{name} against the CDDL")
    for _ in range(1000):
        stamp, values = stamp_of(chance), values_of(fields, needed, chance)
        data = record(kind, stamp, values)
        item = cbor2.loads(data)
        assert cbor2.dumps(item) == data  # shortest form, definite lengths
        assert item[0] == kind
        for key, field, how, words, _ in fields:
            want = values.get(field)
            assert item.get(key) == (words.index(want) if want and how == wire.ENUM else want)
        assert fits(rules, f"{name}-record", data), values


def test_one_beyond_each_end_does_not_fit(rules):
    chance = Chance("ends against the CDDL")
    for kind in messages.RECORDS:
        name, _, fields, needed = messages.RECORDS[kind]
        good = cbor2.loads(record(kind, (0, 0, 1, 2), values_of(fields, needed, chance)))
        for field in fields:
            for wrong in one_beyond(field):
                if isinstance(wrong, str) and not wrong.isascii():
                    continue
                data = cbor2.dumps({**good, field[0]: wrong})
                assert not fits(rules, f"{name}-record", data), (name, field, wrong)
        assert not fits(rules, f"{name}-record", cbor2.dumps({**good, 2: 86_401_000}))
        assert fits(rules, f"{name}-record", cbor2.dumps({**good, 99: ["to", "come"]}))
