"""Given a bin, when something is seen, scanned or pressed, then only what is right confirms it."""

from guide_picker import Picker, pick_list

from ar_picking.guide import looks as sight
from ar_picking.guide.machine import BESIDE_MM


def test_only_the_right_marker_near_enough_and_seen_again_confirms():
    picker = Picker(["A1-02-1"])
    picker.look(1, times=9)  # another bin's marker
    picker.look(2, sight.FARTHEST_MM + 1, 9)
    picker.look(2, sight.NEAREST_MM - 1, 9)
    picker.look(2, times=9, gap_ms=0)  # one picture is one look
    picker.look(2, times=9, gap_ms=3)  # and so are its markers told one after the other
    picker.look(2, times=9, gap_ms=sight.GAP_MS + 1)  # too far apart to be one look
    assert picker.at == ("walk", "bin") and picker.book.names() == ["list_started"]
    picker.look(12, times=1)  # the bin's other marker counts as well
    picker.t_ms -= 2000
    picker.look(2, times=2)
    assert picker.at == ("pick", "item")


def test_a_marker_where_the_picker_cannot_be_confirms_nothing():
    picker = Picker(["A2-02-1"])  # 9 m up the second aisle
    assert picker("at", x_mm=0, y_mm=0) is None
    picker.t_ms -= 2000
    picker.look(4, times=9)  # a copy of its marker hangs at the entrance
    assert picker.guide.state == "walk"
    picker.look(4)  # 2.8 s later: nobody walks so far in that time
    assert picker.guide.state == "walk"
    picker.t_ms += 2000
    picker.look(4)  # when the picker can be there by now, sight alone counts
    assert picker.guide.state == "pick"
    picker = Picker(["A2-02-1"])
    for _ in range(9):
        picker.t_ms -= 1900
        picker("at", x_mm=0, y_mm=0)
        picker.guide.event({"type": "seen", "marker": 4, "distance_mm": 900}, picker.t_ms)
    assert picker.guide.state == "walk"


def test_another_bins_marker_held_close_is_said_once_and_confirms_nothing():
    picker = Picker(["A1-02-1"])
    assert picker.look(1, 300) == "wrong_bin"
    assert picker.look(1, 300, 9) is None  # said
    assert picker.look(3, 300) == "wrong_bin"
    assert picker.look(99, 300, 9) is None  # of no bin
    assert picker.at == ("walk", "bin") and picker.book.names() == ["list_started"]


def test_scans_confirm_what_is_pending_and_a_wrong_one_is_told_at_once():
    picker = Picker(obj=pick_list(["A1-01-1", "A1-02-1"], orders=2))
    assert picker.line["bin"] == "A1-01-1" and picker.line["barcode"] == "4006381333931"
    for code, said in (
        ("4006381333931", "bin_first"),
        ("A2-02-1", "wrong_bin"),
        ("691", "wrong_item"),
        ("012345678905", "wrong_item"),
        ("what", "unknown_code"),
        ("", "unknown_code"),
        (None, "unknown_code"),
        ("SLOT-2", "wrong_slot"),
    ):
        before = picker.guide.snapshot()
        assert picker("scan", code=code) == said, code
        assert picker.guide.snapshot() == before
    assert picker("scan", code=" A1-01-1\r\n") is None and picker.at == ("pick", "item")
    assert picker("scan", code="692") == "wrong_item" and picker.at == ("pick", "item")
    assert picker("scan", code="690") is None and picker.at == ("pick", "put")
    picker.t_ms -= 1900
    assert picker("scan", code="690") is None  # read again by the same press
    assert picker("scan", code="690") == "scanned_before"
    assert picker("put", slot=2) == "wrong_slot" and picker("scan", code="slot-2") == "wrong_slot"
    assert picker("put", slot="1") == "bad_event" and picker.at == ("pick", "put")
    assert picker("scan", code="slot-1") is None
    assert picker.book.entries[-1][1]["checks"] == 2 + 8 + 128
    picker.look()
    assert picker("scan", code="012345678905") is None  # UPC-A: an EAN-13 without its 0
    assert picker("put", slot=2) is None and picker.guide.state == "return"


def test_a_tap_without_sight_is_refused_but_a_bin_without_marker_is_confirmed_by_hand():
    picker = Picker(["A1-01-1"])
    assert picker("tap") == "look_first" and picker.at == ("walk", "bin")
    assert "tap" not in picker.guide.view()["can"]
    assert picker("manual", on=True) is None and "tap" in picker.guide.view()["can"]
    assert picker("tap") is None and picker.at == ("pick", "item")
    picker = Picker(["A2-03-1"])
    assert picker("tap") is None and picker.at == ("pick", "item")
    picker.t_ms -= 1900
    assert picker("tap") == "too_fast"  # a finger that trembles picks nothing
    assert picker("tap") is None
    assert picker.book.names() == ["list_started", "bin_confirmed", "picked"]
    assert picker.book.entries[-1][1]["checks"] == 4 + 16


def test_each_confirmation_can_be_switched_off_but_nothing_is_picked_without_a_word():
    for bits in range(16):
        switches = {"bin": bits & 1 > 0, "item": bits & 2 > 0, "qty": bits & 4 > 0}
        picker = Picker(
            obj=pick_list(["A2-03-1", "A1-01-1"], orders=2), put=bits & 8 > 0, **switches
        )
        asked = []
        while picker.line["bin"] != "A1-01-1" or picker.book.names().count("picked"):
            if picker.line["bin"] == "A1-01-1":
                break
            asked.append(picker.guide.step())
            assert picker("tap") is None
            if picker.guide.state == "return":
                break
        wanted = [name for k, name in enumerate(("bin", "item", "qty", "put")) if bits & 1 << k]
        if not bits & 14:
            wanted.append("item")
        if asked:
            assert asked == wanted, (bits, asked)
            assert picker.book.names().count("picked") == 1
    assert picker("confirm", bin=1) == "bad_event" and picker.guide.confirm["bin"] is True


def test_the_quantity_is_counted_by_scanning_each_piece_or_by_a_number():
    picker = Picker(obj=pick_list(["A2-03-1"], qty=3), qty=True)
    picker("tap")
    assert picker("scan", code="693") is None and picker.at == ("pick", "qty")
    assert picker("count", qty=2) == "count_less" and picker("count", qty=4) == "count_more"
    assert picker("count", qty="3") == "bad_count"
    picker.t_ms -= 1500
    assert picker("scan", code="693") is None and picker.guide.view()["pieces"] == 2
    assert picker("scan", code="693") is None and picker.guide.state == "return"
    assert picker.book.entries[-1][1]["checks"] == 4 + 8 + 32
    picker = Picker(obj=pick_list(["A2-03-1"], qty=3), qty=True)
    picker("tap")
    picker("tap")
    assert picker("count", qty=3) is None and picker.guide.state == "return"


def test_without_the_bins_confirmation_standing_before_it_is_enough():
    picker = Picker(["A2-02-1"], bin=False)
    assert picker.at == ("walk", "item")
    picker("at", x_mm=4000, y_mm=9000 - BESIDE_MM - 100)
    assert picker.guide.state == "walk"
    picker("at", x_mm=4000, y_mm=9000 - BESIDE_MM + 100)
    assert picker.at == ("pick", "item")
    assert picker("short", found=1) is None


def test_short_picks_are_bounded_by_the_quantity():
    picker = Picker(["A1-02-1", "A2-01-1"])
    for found in (2, -1, None, True, "1", 0.5):
        assert picker("short", found=found) == "bad_count"
    assert picker("short", found=1) == "look_first"
    first = picker.line["bin"]
    assert picker("short", found=0) is None  # nothing there: seen from afar
    picker.look()
    assert picker("short", found=1) is None
    shorts = [fields for event, fields in picker.book.entries if event == "short"]
    assert [s["found"] for s in shorts] == [0, 1] and shorts[0]["bin"] == first
    assert picker.guide.state == "return" and picker("tap") is None
    assert picker.book.entries[-1][1]["short"] == 2
