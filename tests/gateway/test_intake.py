"""Orders and pick lists from outside: taken as a whole or refused in one sentence."""

import json

import pytest

from gateway.errors import IntakeError
from gateway.log.digest import content_digest
from gateway.orders.intake import Order, PickList, named_in, order_command, picklist_commands
from protocols import commands

ORDER = {
    "order": "A1001",
    "device": "rider-0001",
    "drop": {"lat_e7": 312345678, "lon_e7": 1214712345},
    "promised": "2026-11-22T12:20:00+08:00",
}
LIST = {
    "list": "L1",
    "device": "picker-0001",
    "store": "demo",
    "lines": [
        {
            "line": 1,
            "order": "A1",
            "sku": "690",
            "name": "可口可乐 330ml",
            "bin": "A1-1-1",
            "qty": 2,
        },
        {"line": 2, "order": "A2", "sku": "691", "name": "酸奶", "bin": "A1-2-1", "qty": 1},
    ],
}
NOW = 1_795_000_000_000


def encoded(body):
    return json.dumps(body).encode()


def made(body, device="rider-0001", at_ms=NOW):
    data = encoded(body)
    return order_command(Order.parse(data), device, data, at_ms + 60_000, at_ms)


def test_an_order_becomes_a_command_that_the_board_reads():
    command = made(ORDER)
    name, day, ms, kind, values = commands.read_command(command.body)
    assert name == command.id and kind == commands.ASSIGN
    assert values["order"] == "A1001" and values["lon_e7"] == 1214712345
    # 2026-11-22 is day 2517; 12:20 in Shanghai is 04:20 UTC
    assert (values["promised_day"], values["promised_ms"]) == (2517, (4 * 60 + 20) * 60_000)
    assert (day, ms) == ((NOW + 60_000) // 86_400_000 - 18_262, (NOW + 60_000) % 86_400_000)


def test_ending_an_order():
    for action, kind in (("handed_over", commands.HANDED_OVER), ("cancel", commands.CANCEL)):
        command = made({"order": "A1001", "action": action})
        assert command.kind == kind and commands.read_command(command.body)[3] == kind


def test_a_pick_list_becomes_one_command_a_line():
    lines = picklist_commands(PickList.parse(encoded(LIST)), encoded(LIST), NOW, NOW)
    values = [commands.read_command(each.body)[4] for each in lines]
    assert [each["line"] for each in values] == [1, 2]
    assert values[0]["name"] == "可口可乐 330ml" and values[1]["lines"] == 2
    ids = [each.id for each in lines]
    assert len(set(ids)) == 2 and len({each.rpartition("-")[0] for each in ids}) == 1


def test_a_heavy_line_and_its_substitute_go_down_and_a_wrong_one_is_refused():
    other = {"sku": "692", "bin": "A1-3-1", "name": "百事可乐 330ml", "qty": 3}
    line = {**LIST["lines"][0], "heavy": True, "substitute": other}
    body = encoded({**LIST, "lines": [line, LIST["lines"][1]]})
    first, second = picklist_commands(PickList.parse(body), body, NOW, NOW)
    values = commands.read_command(first.body)[4]
    assert values["heavy"] is True
    assert {key: values[f"other_{key}"] for key in other} == other
    assert not [key for key in commands.read_command(second.body)[4] if key.startswith("other")]
    for bad in ({"sku": "692"}, {**other, "qty": 0}, {**other, "more": 1}, 7):
        with pytest.raises(IntakeError):
            PickList.parse(encoded({**LIST, "lines": [{**line, "substitute": bad}]}))
    longest = {
        **line,
        "name": "水" * 32,
        "substitute": {**other, "name": "水" * 32, "sku": "6" * 32},
    }
    body = encoded({**LIST, "lines": [longest]})
    (only,) = picklist_commands(PickList.parse(body), body, NOW, NOW)
    assert commands.read_command(only.body)[4]["other_name"] == "水" * 32


def test_ids_differ_for_everything_but_the_same_command():
    long = "SH-PUDONG-20261122-STORE0001-{:06d}"
    orders = [{**ORDER, "order": long.format(number)} for number in range(200)]
    ids = {made(each).id for each in orders}  # all in one millisecond
    assert len(ids) == 200
    ids |= {made(ORDER).id, made(ORDER, "rider-0002").id, made(ORDER, at_ms=NOW + 1).id}
    ids |= {made({"order": "A1001", "action": action}).id for action in ("cancel", "handed_over")}
    assert len(ids) == 205 and made(ORDER).id in ids
    assert all(0 < len(each.encode()) <= 40 for each in ids)
    for number in range(20):
        body = encoded({**LIST, "list": f"L{number}"})
        ids |= {each.id for each in picklist_commands(PickList.parse(body), body, NOW, NOW)}
    assert len(ids) == 245


@pytest.mark.parametrize("name", ["x" * 40, "订单二零二六一一二二一", "单" * 13 + "1"])
def test_a_name_of_forty_bytes_goes_down(name):
    command = made({**ORDER, "order": name})
    assert len(command.id.encode()) <= 40
    assert commands.read_command(command.body)[4]["order"] == name
    lines = [{**LIST["lines"][0], "line": 65_535, "order": name}]
    body = encoded({**LIST, "list": name, "lines": lines})
    (line,) = picklist_commands(PickList.parse(body), body, NOW, NOW)
    assert commands.read_command(line.body)[4]["list"] == name


def test_a_refused_message_is_named_where_it_can_be_read():
    assert named_in("order", encoded({**ORDER, "drop": 5})) == "A1001"
    assert named_in("picklist", encoded({"list": "L1"})) == "L1"
    for body in (
        b"",
        b"[1",
        b"[]",
        b"\xff",
        b'{"order":5}',
        b'{"order":""}',
        b'{"order":"\\ud800"}',
    ):
        assert named_in("order", body) == ""
    assert named_in("order", encoded({"order": "单" * 14})) == ""
    assert named_in("order", '{"order":"A1","building":"万达广场"}'.encode("gbk")) == "A1"
    assert named_in("order", '{"order":"万达广场"}'.encode("gbk")) == ""
    assert named_in("order", b"[" * 5_000 + b"]" * 5_000) == ""
    assert len({content_digest(body) for body in (b"\xff", b"\xfe", b"[" * 5_000)}) == 3


def without(body, key):
    return {name: value for name, value in body.items() if name != key}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        encoded(without(ORDER, "order")),
        encoded(without(ORDER, "device")),
        encoded(without(ORDER, "drop")),
        encoded({**ORDER, "order": ""}),
        encoded({**ORDER, "order": "x" * 41}),
        encoded({**ORDER, "device": "Rider 1"}),
        encoded({**ORDER, "device": "../../etc"}),
        encoded({"order": "A1001", "device": "../#", "action": "cancel"}),
        encoded({"order": "A1001", "device": "Rider 1", "action": "handed_over"}),
        encoded({**ORDER, "order": "单" * 14}),
        b'{"order":"\\ud800","device":"rider-0001","drop":{"lat_e7":1,"lon_e7":1}}',
        encoded({**ORDER, "drop": {"lat_e7": 900000001, "lon_e7": 0}}),
        encoded({**ORDER, "drop": {"lat_e7": 1.5, "lon_e7": 0}}),
        encoded({**ORDER, "promised": "soon"}),
        encoded({**ORDER, "promised": "2026-11-22T12:20:00"}),
        encoded({**ORDER, "action": "explode"}),
        encoded({**ORDER, "phone": "13800000000"}),
        b'{"order":"' + b"x" * 300_000 + b'"}',
        json.dumps({**ORDER, "building": "万达广场"}, ensure_ascii=False).encode("gbk"),
        b'{"order":"\xff"}',
        encoded(ORDER)[:-1] + b',"note":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b"[" * 5_000 + b"]" * 5_000,
    ],
)
def test_a_wrong_order_is_refused(body):
    with pytest.raises(IntakeError) as caught:
        Order.parse(body)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "body",
    [
        {**LIST, "lines": []},
        {**LIST, "lines": [LIST["lines"][0]] * 2},
        {**LIST, "lines": [{**LIST["lines"][0], "qty": 0}]},
        {**LIST, "lines": [{**LIST["lines"][0], "line": 0}]},
        {**LIST, "lines": [without(LIST["lines"][0], "bin")]},
        {**LIST, "device": ""},
        without(LIST, "store"),
    ],
)
def test_a_wrong_pick_list_is_refused(body):
    with pytest.raises(IntakeError):
        PickList.parse(encoded(body))


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_promise_that_no_board_can_hold_is_refused(when):
    with pytest.raises(IntakeError):
        made({**ORDER, "promised": when})
