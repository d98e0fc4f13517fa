"""The tablet's link: lines come in any order, twice, or half; a list is handed on once, or refused."""

import pytest

from ar_picking.link import DeviceLink
from gateway.intake import PickList, picklist_commands
from protocols import messages
from protocols.commands import read_command

NOW = 1_795_000_000_000


class Tablet:
    """A link without its thread: lines in, lists handed on, records written."""

    def __init__(self, folder):
        self.handed_on = []
        self.records = []
        self.why = None
        self.link = DeviceLink(folder, "picker-0001", ("127.0.0.1", 1), self.take)
        self.link._device.journal.record = lambda kind, values: self.records.append((kind, values))

    def take(self, obj):
        self.handed_on.append([line["sku"] for line in obj["lines"]])
        return self.why

    def get(self, commands):
        for command in commands:
            name, _, _, kind, values = read_command(command.body)
            assert self.link._take(name, kind, values)


@pytest.fixture
def tablet(tmp_path):
    tablet = Tablet(tmp_path)
    yield tablet
    for ring in tablet.link._device.journal.rings:
        ring.flash.close()


def lines_of(skus, sent_ms=NOW, name="L1"):
    lines = [
        {"line": number, "order": "A1", "sku": sku, "name": "x", "bin": "b", "qty": 1}
        for number, sku in enumerate(skus, 1)
    ]
    picklist = PickList.parse(
        b'{"list":"%s","device":"picker-0001","store":"s","lines":%s}'
        % (name.encode(), str(lines).replace("'", '"').encode())
    )
    return picklist_commands(picklist, str(skus).encode(), sent_ms + 9, sent_ms)


def test_lines_in_any_order_and_twice_are_one_list(tablet):
    sent = lines_of(["a", "b", "c"])
    tablet.get([sent[2], sent[0], sent[2], sent[0], sent[1], *sent])
    assert tablet.handed_on == [["a", "b", "c"]] and tablet.records == []


def test_a_new_list_under_the_name_of_an_old_one_is_handed_on_and_refused_with_a_record(tablet):
    tablet.get(lines_of(["a", "b"]))
    tablet.why = "list L1 was handed in before"
    again = lines_of(["a", "b"], NOW + 1)
    tablet.get([*again, *again])
    assert tablet.handed_on == [["a", "b"], ["a", "b"]]
    refused = {"event": "list_refused", "list": "L1", "reason": tablet.why}
    assert tablet.records == [(messages.PICK, refused)]


def test_a_list_that_was_refused_can_come_again(tablet):
    tablet.why = "bin b is not in this store"
    tablet.get(lines_of(["a"]))
    tablet.why = None
    tablet.get(lines_of(["a"], NOW + 1))
    assert len(tablet.handed_on) == 2 and len(tablet.records) == 1


def test_half_a_list_is_not_filled_up_with_lines_of_another(tablet):
    old, new = lines_of(["a", "b", "c", "d"]), lines_of(["e", "f", "g", "h"], NOW + 1)
    tablet.get(old[:2])
    tablet.get(new[2:])
    assert tablet.handed_on == []
    tablet.get(new[:2])
    assert tablet.handed_on == [["e", "f", "g", "h"]]


def test_a_reason_fits_its_record_in_bytes(tablet):
    tablet.why = "货" * 100
    tablet.get(lines_of(["a"]))
    reason = tablet.records[0][1]["reason"]
    assert reason == "货" * 40 and len(reason.encode()) <= 120
