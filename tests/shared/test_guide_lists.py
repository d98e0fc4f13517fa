"""Given lists that come, wait and go for weeks, none comes back, none vanishes, each is told of."""

from guide_world import BINS, CONFIG, MAP_CRC, Board, commands_of, entries, settled, shop, tablet

from ar_picking.guide.lines import OPEN
from ar_picking.guide.shop import Shop, map_crc
from ar_picking.guide.tablet import Tablet
from firmware.boards.memory import MemoryFlash
from firmware.picker import mapfile, maps
from firmware.system import config


def a_list(name, bins=("A1-01-1",), qty=1):
    lines = []
    for number, each in enumerate(bins):
        line = {"line": number + 1, "order": "A", "sku": BINS[each][6], "name": "x", "bin": each}
        line["qty"] = qty
        lines.append(line)
    return {"list": name, "lines": lines}


def send(device, obj, tag, only=None):
    rows = commands_of(obj, tag)
    for row in rows if only is None else rows[:only]:
        device.device.commands.on_message(row)


def pick_all(device, board):
    """Report what the list under way has as not there, line by line, and go to the exit."""
    for _ in range(2000):
        settled(device)
        state = device.guide.state
        board.now_ms += 2000
        if state == "return":
            assert device.event({"type": "tap"}) is None
            return
        if device.guide.propose is not None:
            assert device.event({"type": "substitute", "accept": False}) is None
        else:
            assert device.event({"type": "short", "found": 0}) is None
    raise AssertionError("the list does not end")


def acknowledged(device):
    device.evidence.ack(device.evidence.next - 1)


def test_lists_that_are_over_stay_over_behind_a_half_that_never_becomes_whole():
    board = Board()
    board.flash["lists"] = MemoryFlash(16)
    device = tablet(board)
    send(device, a_list("HALF", ("A1-01-1", "A1-02-1")), "h", 1)
    for number in range(70):
        send(device, a_list("L{}".format(number)), "t{}".format(number))
        pick_all(device, board)
        acknowledged(device)
    for _ in range(3):
        device = tablet(board)
        assert [kept.name for kept in device.lists.lists.values()] == ["HALF"]
        assert not device.guide.waiting and not entries_of(device, "list_taken", 70)
    send(device, a_list("HALF", ("A1-01-1", "A1-02-1")), "h")
    settled(device)
    assert device.guide.list == "HALF"


def entries_of(device, event, number):
    name = "L{}".format(number)
    return [1 for each, fields in entries(device) if each == event and fields["list"] == name]


def test_a_list_that_waits_is_told_as_taken_and_one_handed_in_here_is_not():
    board = Board()
    device = tablet(board)
    send(device, a_list("L1"), "a")
    send(device, a_list("L2"), "b")
    assert device.event({"type": "list", "list": a_list("L3")}) is None
    settled(device)
    told = [(event, fields["list"]) for event, fields in entries(device)]
    assert told == [("list_taken", "L1"), ("list_taken", "L2"), ("list_started", "L1")]
    send(device, a_list("L2"), "b")  # again: it is told once
    device = tablet(board)
    assert [each["list"] for each in device.guide.waiting] == ["L2", "L3"]
    assert len(entries(device)) == 3


def test_a_list_that_waits_and_that_the_store_can_no_more_do_is_refused():
    board = Board()
    device = tablet(board)
    send(device, a_list("L1"), "a")
    settled(device)
    send(device, a_list("L2", ("A1-02-1", "D1-01-1")), "b")
    fewer = dict(BINS)
    del fewer["D1-01-1"]
    checked = config.check(CONFIG)
    device = Tablet(board, checked, Shop(shop().graph, fewer, "demo", None, MAP_CRC))
    event, fields = entries(device)[-1]
    assert event == "list_refused" and fields["list"] == "L2" and "D1-01-1" in fields["reason"]
    assert device.guide.list == "L1" and not device.guide.waiting
    assert [kept.name for kept in device.lists.lists.values()] == ["L1"]
    count = len(entries(device))
    device = Tablet(board, checked, Shop(shop().graph, fewer, "demo", None, MAP_CRC))
    assert len(entries(device)) == count  # told once


def test_a_list_that_found_no_place_may_be_handed_in_again():
    board = Board()
    device = tablet(board)
    for number in range(16):
        obj = a_list("L{}".format(number))
        assert device.event({"type": "list", "list": obj}) is None
    assert device.event({"type": "list", "list": a_list("LX")})[0] == "queue_full"
    settled(device)
    assert device.event({"type": "list", "list": a_list("LX")}) is None
    device = tablet(board)
    assert device.guide.waiting[-1]["list"] == "LX"


def test_an_aisle_that_was_closed_on_another_map_is_open():
    board = Board()
    device = tablet(board)
    send(device, a_list("L1", ("A3-01-1", "A1-02-1")), "a")
    settled(device)
    assert device.event({"type": "at", "x_mm": 0, "y_mm": 1000}) is None
    assert device.event({"type": "blocked"}) is None
    (edge,) = device.guide.blocked
    device = tablet(board)
    assert device.guide.blocked == [edge]  # the same map: closed as it was
    other, reason = maps.from_map(
        {
            "junctions": [[0, 0], [0, 100], [40, 0], [40, 100], [80, 0], [80, 100], [120, 1]],
            "edges": [list(each) for each in OTHER_EDGES],
            "depot": 0,
        }
    )
    assert other, reason
    changed = Shop(other, BINS, "demo", None, map_crc(mapfile.pack(other)))
    device = Tablet(board, config.check(CONFIG), changed)
    assert device.guide.blocked == [] and device.guide.list == "L1"
    assert not any(other.is_blocked(each) for each in range(other.edges))


OTHER_EDGES = [
    (0, 1, 100),
    (2, 3, 100),
    (4, 5, 100),
    (0, 2, 40),
    (1, 3, 40),
    (2, 4, 40),
    (3, 5, 40),
    (4, 6, 42),
]


def long_names(lines):
    """A shop in which each article lies in four bins with names as long as they may be."""
    bins = {}
    for i in range(lines):
        for copy in range(4):
            row = list(BINS["A1-01-1"])
            row[6], row[7] = "S{}".format(i), ""
            bins["{:03d}-{}-xxxxxxxxxxxxxxxxxx".format(i, copy)] = tuple(row)
    return Shop(shop().graph, bins, "demo")


def test_the_largest_list_with_every_bin_tried_still_fits_the_state():
    board = Board()
    board.flash["lists"] = MemoryFlash(24)
    board.flash["evidence"] = MemoryFlash(64)
    big = long_names(200)
    device = Tablet(board, config.check(CONFIG), big)
    lines = []
    for i in range(200):
        name = "{:03d}-0-xxxxxxxxxxxxxxxxxx".format(i)
        line = {"line": i + 1, "order": "A", "sku": "S{}".format(i), "name": "x", "bin": name}
        line["qty"] = 900
        lines.append(line)
    guide = device.guide
    assert device.event({"type": "list", "list": {"list": "L" * 40, "lines": lines}}) is None
    for number in range(15):
        one = {"list": "W{:039d}".format(number), "lines": lines[:1]}
        assert device.event({"type": "list", "list": one}) is None
    for _ in range(20000):
        device.step()
        if guide.state == "walk":
            break
    # as if every line had been looked for in all its bins, most of it skipped and taken up again
    held = guide.lines
    for i in range(200):
        for copy in (1, 2, 3):
            held.replace(i, "{:03d}-{}-xxxxxxxxxxxxxxxxxx".format(i, copy), 0, 100 * copy)
        if i % 2 and i != guide.current:
            held.end(i, 2, 500)
            guide.walk.take_out(i, False)
    guide.revision += 1
    assert device._keep() and device.state.refused
    ways = [held.way(i) for i in range(200)]
    device = Tablet(board, config.check(CONFIG), big)
    again = device.guide.lines
    assert [again.way(i) for i in range(200)] == ways
    assert again.status == held.status and again.found == held.found
    assert again.count(OPEN) == held.count(OPEN) and device.guide.current == guide.current


def test_a_record_that_the_gateway_cannot_read_is_not_written():
    board = Board()
    device = tablet(board)
    seq = device.evidence.next
    for fields in (
        {"list": "L1", "bin": "x" * 25},
        {"list": "L1", "line": 70000},
        {"list": "x" * 41},
    ):
        assert not device._journal("skipped", fields), fields
    assert device.evidence.next == seq
    assert device._journal("skipped", {"list": "L1", "line": 65535, "bin": "x" * 24})


def test_a_pick_behind_a_write_that_failed_can_be_read_and_one_that_was_whole_counts_once():
    for part in (0, 1, 2):  # nothing of the record was written, half of it, all of it
        board = Board()
        device = tablet(board)
        send(device, a_list("L1", ("A1-01-1", "A2-01-1")), "a")
        settled(device)
        flash = board.flash["evidence"]
        kind = type(flash)

        def torn(block, offset, buf, flash=flash, kind=kind, part=part):
            del flash.program
            kind.program(flash, block, offset, bytes(buf)[: part * len(buf) // 2])
            raise OSError(28)

        flash.program = torn
        try:
            device.event({"type": "skip"})
        except OSError:
            pass
        else:
            raise AssertionError("nothing was told")
        skipped = 1 if part == 2 else 0
        assert len(device.guide.lines.deferred) == skipped  # as a restart would find it
        board.now_ms += 2000
        assert device.event({"type": "skip"}) is None
        read = [event for event, _ in entries(device)]
        assert read == ["list_taken", "list_started"] + ["skipped"] * (1 + skipped), (part, read)
        seq = device.evidence.next
        device = tablet(board)
        assert [event for event, _ in entries(device)] == read and device.evidence.next == seq
        assert len(device.guide.lines.deferred) == 1 + skipped
