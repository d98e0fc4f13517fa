"""On a board's interpreter: a reading leaves no heap behind, and what only events need is forgotten."""

import gc
import sys

from cold_adverts import BOX, LID, Clock, Journal, Order, ruuvi, temperature

from firmware.rider.cold import ColdBox


def say(box, payload, ms, address=BOX):
    box.on_advert(address, payload, len(payload), -60, ms)


def test_an_advert_and_a_step_take_no_heap():
    journal = Journal()
    box = ColdBox(journal, [(BOX, "box-1"), (LID, "lid")])
    for number in range(12):
        box.on_order(Order("A%d" % number, "chilled"), "picked_up")
    plain = [temperature(400, packet) for packet in range(256)]
    tagged = [ruuvi(400, seq=packet) for packet in range(256)]
    for second in range(100):
        say(box, plain[second], second * 1_000)
        box.step(second * 1_000)
    say(box, tagged[0], 100_000, LID)
    gc.collect()
    gc.disable()
    left = 0
    try:
        for packet in range(100, 160):
            now_ms = packet * 1_000
            kept = len(journal.records)
            before = gc.mem_alloc()
            box.on_advert(BOX, plain[packet], len(plain[packet]), -60, now_ms)
            box.on_advert(LID, tagged[packet], len(tagged[packet]), -60, now_ms + 300)
            box.step(now_ms + 500)
            after = gc.mem_alloc()
            if len(journal.records) == kept:
                left = max(left, after - before)
    finally:
        gc.enable()
    assert left == 0, left


def test_what_only_events_need_is_forgotten_after_them():
    clock = Clock(0, 2_500, 0)
    box = ColdBox(Journal(), [(BOX, "box-1")], clock)
    box.on_order(Order("A1", "pharma"), "picked_up")
    for second in range(200):
        say(box, temperature(900 if second < 100 else 400, second), second * 1_000)
        box.step(second * 1_000)
    clock.now_ms = 300_000
    box.step(300_000)  # lost
    again = ColdBox(Journal(), [(BOX, "box-1")], clock)
    assert again.restore(box.save()) and len(again.trips.open) == 1
    box.on_order(Order("A1", "pharma"), "handed_over")
    for name in ("profiles", "verdict", "box_events", "resume"):
        assert "firmware.rider." + name not in sys.modules, name
