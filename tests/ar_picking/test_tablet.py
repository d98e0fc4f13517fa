"""The tablet on a Linux machine's flash image: lists by command, picks, restarts, a bad flash."""

import msgspec
import pytest

from ar_picking.guide import lists as kept_lists
from ar_picking.guide.shop import Shop
from ar_picking.guide.tablet import Tablet
from ar_picking.link import settings
from firmware.boards.linux import LinuxBoard
from gateway.orders.intake import PickList, picklist_commands
from protocols import messages
from protocols.cbor import Reader, Writer

NOW = 1_795_000_000_000
FAR_MS = 300 * 86_400_000


class Board(LinuxBoard):
    """Closes its flash image when told to, as the end of a process does."""

    def __init__(self, folder, evidence_blocks=0):
        super().__init__(str(folder))
        self.evidence_blocks = evidence_blocks
        self.opened = []

    def partition(self, name):
        self.opened.append(super().partition(name))
        if name == "evidence" and self.evidence_blocks:
            self.opened[-1].blocks = self.evidence_blocks
        return self.opened[-1]

    def open_stream(self, host, port, tls=None):
        raise OSError(101, "no network")

    def close(self):
        for flash in self.opened:
            flash.close()


@pytest.fixture
def shop(store):
    return Shop.of_store(store)


@pytest.fixture
def start(tmp_path, shop):
    """Starts the tablet again and again in one folder."""
    boards = []

    def begin(told=None, evidence_blocks=0):
        boards.append(Board(tmp_path, evidence_blocks))
        return Tablet(boards[-1], settings("picker-0001", ("127.0.0.1", 1)), shop, told)

    yield begin
    for board in boards:
        board.close()


def a_list(shop, count, name="L1", **more):
    bins = sorted(shop.bins)
    lines = []
    for k in range(count):
        bin_name = bins[k % len(bins)]
        line = {"line": k + 1, "order": f"A{1 + k // len(bins)}", "sku": shop.bins[bin_name][6]}
        lines.append({**line, "name": "可口可乐 330ml 罐装", "bin": bin_name, "qty": 2, **more})
    return {"list": name, "device": "picker-0001", "store": "demo", "lines": lines}


def send(tablet, obj, sent_ms=NOW):
    body = msgspec.json.encode(obj)
    for command in picklist_commands(PickList.parse(body), body, sent_ms + FAR_MS, sent_ms):
        tablet.device.commands.on_message(command.body)


def plan(tablet):
    for _ in range(2000):
        if not tablet.step():
            return
    raise AssertionError("planning does not end")


def pick_line(tablet):
    """Pick the line at hand by scans, as quickly as one can."""
    line = tablet.guide.line()
    assert tablet.event({"type": "scan", "code": line["bin"]}) is None
    assert tablet.event({"type": "scan", "code": line["barcode"] or line["sku"]}) is None
    if tablet.guide.step() == "put":
        assert tablet.event({"type": "put", "slot": line["slot"]}) is None


def entries(tablet):
    found = []
    reader = tablet.evidence.reader(1)
    buf = bytearray(1024)
    while size := reader.read_into(buf, 0, 1024):
        kind, _, values, unknown = messages.check_record(Reader(buf, 0, size).read())
        assert kind == messages.PICK and unknown == 0
        found.append((values["event"], values))
    return found


def test_a_list_of_two_hundred_lines_goes_on_after_every_restart(start, shop):
    """State's block has 4,084 bytes; the list's lines are some 20,000 and stand apart."""
    told = []
    tablet = start(lambda event, fields: told.append(event))
    send(tablet, a_list(shop, 200))
    plan(tablet)
    assert tablet.guide.view()["total"] == 200
    for _ in range(3):
        for _ in range(12):
            pick_line(tablet)
        before = tablet.guide.view()
        tablet = start(lambda event, fields: told.append(event))
        assert tablet.replayed == 0  # the snapshot had all of it
        plan(tablet)
        after = tablet.guide.view()
        for key in ("state", "list", "picked", "slots", "walk_dm", "method", "list_order_dm"):
            assert after[key] == before[key], key
    assert tablet.guide.view()["picked"] == 36 and tablet.state.refused == 0
    assert told.count("picked") == 36 and [event for event, _ in entries(tablet)] == told


def test_the_room_of_a_list_that_is_done_is_free_again(start, shop):
    tablet = start()
    send(tablet, a_list(shop, 3))
    send(tablet, a_list(shop, 3, "L2"), NOW + 1)
    for name in ("L1", "L2"):
        plan(tablet)
        assert tablet.guide.list == name
        while tablet.guide.state == "walk":
            pick_line(tablet)
        assert tablet.event({"type": "tap"}) is None
        tablet = start()
    assert not tablet.lists.lists and entries(tablet)[-1][0] == "list_done"
    plan(tablet)
    assert tablet.guide.state == "idle"


def test_the_platforms_list_comes_whole_with_what_may_be_taken_instead(start, shop):
    tablet = start()
    obj = a_list(shop, 2)
    other = {"sku": "999", "name": "百事可乐", "bin": obj["lines"][1]["bin"], "qty": 3}
    obj["lines"][0].update(heavy=True, substitute=other)
    send(tablet, obj)
    tablet = start()  # before it is planned
    used = tablet.lists._ring.next
    for _ in range(3):
        tablet.device.commands.restore(None)  # as after 32 other commands
        send(tablet, obj)  # nobody has heard of it yet
    assert tablet.lists._ring.next == used
    plan(tablet)
    assert tablet.guide.lines.lines[0]["substitute"] == other
    assert tablet.guide.line()["line"] == 1  # heavy first


def test_a_list_that_cannot_be_picked_is_refused_with_a_reason_that_fits(start, shop):
    tablet = start()
    obj = a_list(shop, 1)
    obj["lines"][0]["bin"] = "货" * 8
    send(tablet, obj)
    send(tablet, {**a_list(shop, 1, "L2"), "store": "somewhere-else"}, NOW + 1)
    plan(tablet)
    found = entries(tablet)
    assert [event for event, _ in found] == ["list_refused"] * 2
    assert [fields["list"] for _, fields in found] == ["L1", "L2"]
    assert "is not in this store" in found[0][1]["reason"]
    send(tablet, obj)  # once more, before the gateway has heard
    plan(tablet)
    assert len(entries(tablet)) == 2
    send(tablet, a_list(shop, 1), NOW + 2)  # mended
    plan(tablet)
    assert tablet.guide.state == "walk"


def commands_of(obj, sent_ms=NOW):
    body = msgspec.json.encode(obj)
    rows = picklist_commands(PickList.parse(body), body, sent_ms + FAR_MS, sent_ms)
    return [command.body for command in rows]


def skus(tablet):
    return [[line["sku"] for line in each["lines"]] for each in tablet.guide.waiting]


def test_lines_in_any_order_and_twice_are_one_list(start, shop):
    tablet = start()
    obj = a_list(shop, 3)
    sent = commands_of(obj)
    for body in (sent[2], sent[0], sent[2], sent[0], sent[1], *sent):
        tablet.device.commands.on_message(body)
    assert skus(tablet) == [[line["sku"] for line in obj["lines"]]]
    assert [event for event, _ in entries(tablet)] == ["list_taken"]


def test_half_a_list_is_not_filled_up_with_lines_of_another(start, shop):
    tablet = start()
    old = a_list(shop, 4)
    new = {**old, "lines": [{**line, "sku": f"new-{line['line']}"} for line in old["lines"]]}
    for body in (*commands_of(old)[:2], *commands_of(new, NOW + 1)[2:]):
        tablet.device.commands.on_message(body)
    assert skus(tablet) == []
    tablet = start()  # the halves survive
    for body in commands_of(new, NOW + 1)[:2]:
        tablet.device.commands.on_message(body)
    assert skus(tablet) == [[line["sku"] for line in new["lines"]]]


def test_a_new_list_under_the_name_of_an_old_one_is_refused_with_a_record(start, shop):
    tablet = start()
    send(tablet, a_list(shop, 2))
    again = commands_of(a_list(shop, 2), NOW + 1)
    for body in (*again, *again):
        tablet.device.commands.on_message(body)
    (taken, _), (event, fields) = entries(tablet)
    assert (taken, event) == ("list_taken", "list_refused") and fields[
        "reason"
    ] == "list L1 was handed in before"
    assert len(tablet.guide.waiting) == 1


def test_a_reason_is_cut_to_its_record_between_two_characters(start):
    tablet = start()
    for why in ("货" * 100, "x" + "货" * 100, "xx" + "货" * 100, "货" * 40, "x" * 120, "x" * 121):
        tablet.inbox._refuse("L1", why)
        reason = entries(tablet)[-1][1]["reason"]
        assert why.startswith(reason) and len(reason.encode()) > 117 and "\ufffd" not in reason


def test_a_list_handed_in_here_survives_and_is_not_taken_twice(start, shop):
    tablet = start()
    obj = a_list(shop, 3)
    assert tablet.event({"type": "list", "list": obj}) is None
    code, zh, en = tablet.event({"type": "list", "list": obj})
    assert code == "list_known" and "L1" in zh and "L1" in en
    code, _, en = tablet.event({"type": "list", "list": {"list": "L2"}})
    assert code == "list_bad" and en.startswith("lines is not a list")
    assert tablet.event({"type": "list"})[0] == "list_bad"
    tablet = start()
    plan(tablet)
    assert (
        tablet.guide.list == "L1" and tablet.event({"type": "list", "list": obj})[0] == "list_known"
    )
    send(tablet, obj)
    plan(tablet)
    assert entries(tablet)[-1][0] == "list_refused"  # the platform's copy of it


def test_a_full_ring_stops_picking_and_goes_on_when_the_gateway_has_acknowledged(start, shop):
    tablet = start(evidence_blocks=4)
    send(tablet, a_list(shop, 30))
    plan(tablet)
    said = None
    for _ in range(20_000):
        said = tablet.event({"type": "skip"})
        if said:
            break
    assert said[0] == "journal_full" and "网络" in said[1]
    line = tablet.guide.line()
    send(tablet, a_list(shop, 1, "L2"))
    assert not tablet.guide.waiting  # what could not be answered was not taken
    assert tablet.event({"type": "skip"})[0] == "journal_full" and tablet.guide.line() == line
    tablet = start(evidence_blocks=4)
    assert tablet.guide.state == "walk" and tablet.guide.view()["total"] == 30
    tablet.evidence.ack(tablet.evidence.next - 1)
    assert tablet.event({"type": "skip"}) is None
    send(tablet, a_list(shop, 1, "L2"))
    assert len(tablet.guide.waiting) == 1


def test_nothing_is_acknowledged_away_while_the_state_cannot_be_kept(start, shop, monkeypatch):
    tablet = start()
    send(tablet, a_list(shop, 3))
    plan(tablet)
    stepped = []
    monkeypatch.setattr(tablet.device.mqtt, "step", stepped.append)
    monkeypatch.setattr(tablet.state, "save", lambda *_: False)
    pick_line(tablet)
    ring = tablet.evidence
    tablet.device.uplink._unsent[messages.EVIDENCE] = ring.next  # as if all of it had gone out
    ack = Writer(bytearray(64))
    messages.put_ack(ack, ring.log, ring.next - 1)
    topic = tablet.device._topic_ack
    tablet.device._on_message(topic, bytes(ack.buf[: ack.n]))
    assert ring.pending == ring.next - 1
    tablet.step()
    assert stepped  # what was picked is told all the same
    monkeypatch.undo()
    tablet.device._on_message(topic, bytes(ack.buf[: ack.n]))
    assert not ring.pending


def test_a_list_whose_lines_are_damaged_is_told_and_can_be_sent_again(start, shop, tmp_path):
    tablet = start()
    send(tablet, a_list(shop, 3))
    plan(tablet)
    pick_line(tablet)
    board = Board(tmp_path)
    board.partition("lists").program(0, 0, bytes(4096))
    board.close()
    tablet = start()
    assert tablet.guide.state == "idle"
    event, fields = entries(tablet)[-1]
    assert event == "list_refused" and fields["list"] == "L1" and "damaged" in fields["reason"]
    send(tablet, a_list(shop, 3), NOW + 1)
    plan(tablet)
    assert tablet.guide.state == "walk"


def test_halves_of_lists_hold_no_room_for_ever(start, shop):
    tablet = start()
    send(tablet, a_list(shop, 2, "L0"))
    for number in range(3 * kept_lists.OPEN_MAX):
        obj = a_list(shop, 40, f"H{number}")
        body = msgspec.json.encode(obj)
        rows = picklist_commands(PickList.parse(body), body, NOW + FAR_MS, NOW + number)
        for command in rows[:-1]:
            tablet.device.commands.on_message(command.body)
    assert len(tablet.lists.lists) <= kept_lists.OPEN_MAX and tablet.lists.dropped > 0
    for command in rows:  # the newest half becomes whole
        tablet.device.commands.on_message(command.body)
    assert [each["list"] for each in tablet.guide.waiting] == ["L0", obj["list"]]
