"""What happens to a box: each event once, with what it rests on."""

from cold_adverts import BOX, LID, Journal, Order, bthome, ruuvi, temperature

from firmware.rider.box_events import texts
from firmware.rider.cold import ColdBox
from protocols import messages


def box_of(*names):
    journal = Journal()
    return journal, ColdBox(journal, [(BOX, "box-1"), (LID, "lid")][: len(names) or 1])


def say(box, payload, second, address=BOX):
    box.on_advert(address, payload, len(payload), -60, second * 1_000)
    box.step(second * 1_000)


def lid(is_open):
    return bthome(b"\x1a" + bytes((is_open,)))


def test_a_lid_open_too_long_is_told_with_its_time_and_its_end():
    journal, box = box_of("box", "lid")
    for second in range(100):
        say(box, lid(1 if second >= 10 and second < 55 else 0), second, LID)
        say(box, temperature(400), second)
    events = journal.of(messages.INTEGRITY)
    assert [event["what"] for event in events] == ["door_open", "door_closed"]
    assert [event["seconds_s"] for event in events] == [30, 45]
    assert events[0]["sensor"] == LID and events[0]["text_zh"] and "lid" in events[0]["text_en"]


def test_a_short_opening_counts_and_is_no_event():
    journal, box = box_of("box", "lid")
    box.on_order(Order("A1", "chilled"), "picked_up")
    for second in range(200):
        say(box, lid(1 if second % 100 in (20, 21, 22) else 0), second, LID)
        say(box, temperature(400), second)
    box.on_order(Order("A1", "chilled"), "handed_over")
    verdict = journal.of(messages.VERDICT)[0]
    assert journal.told() == []
    assert (verdict["doors"], verdict["door_s"]) == (2, 6)


def test_the_grace_is_that_of_the_strictest_order():
    journal, box = box_of("box", "lid")
    box.on_order(Order("A1", "ambient"), "picked_up")
    box.on_order(Order("A2", "pharma"), "picked_up")
    for second in range(40):
        say(box, lid(1), second, LID)
    assert journal.of(messages.INTEGRITY)[0]["seconds_s"] == 15


def test_a_lid_is_told_open_by_time_alone():
    journal, box = box_of("box", "lid")
    say(box, lid(1), 0, LID)
    for second in range(1, 31):
        box.step(second * 1_000)
    assert journal.told() == ["door_open"]


def test_a_shock_is_told_once_a_blow():
    journal, box = box_of()
    blows = {5: (0, 0, 2_600), 6: (0, 2_000, 2_000), 20: (-15_999, 32_767, -32_767)}
    for second in range(30):
        say(box, ruuvi(400, blows.get(second, (0, 0, 1_000)), seq=second), second)
    events = journal.of(messages.INTEGRITY)
    assert [event["what"] for event in events] == ["shock", "shock"]
    assert events[0]["accel_mg"] == 2_600 and 29_000 <= events[1]["accel_mg"] <= 31_000


def test_a_sensor_that_tells_impact_itself_is_believed():
    journal, box = box_of()
    # MikroTik TG-BT5: version 1, acceleration 1 g, 4 degC, uptime, flags, battery; bit 3: impact
    for second, flags in enumerate((0, 0, 8, 8, 0)):
        data = b"\x01\x00" + u16s(second, 0, 0, 256, 4 * 256) + u16s(second, 0) + bytes((flags, 90))
        say(box, bytes((len(data) + 3,)) + b"\xff\x4f\x09" + data, second)
    assert journal.told() == ["shock"], journal.records


def u16s(*values):
    return b"".join([bytes((value & 255, value >> 8 & 255)) for value in values])


def test_a_box_on_its_side_for_more_than_ten_seconds_is_tilted():
    journal, box = box_of()
    box.on_order(Order("A1", "chilled"), "picked_up")
    for second in range(60):
        force = (20, 0, 1_000)
        if 10 <= second < 19:
            force = (990, 0, 100)  # nine seconds: a staircase
        if 30 <= second < 50:
            force = (800, 30, 600)
        say(box, ruuvi(400, force, seq=second), second)
    events = journal.of(messages.INTEGRITY)
    assert [event["what"] for event in events] == ["tilt"]
    assert 5_150 <= events[0]["tilt_cdeg"] <= 5_250 and events[0]["order"] == "A1"


def test_upright_is_how_the_box_stood_when_it_was_empty():
    journal, box = box_of()
    for second in range(30):  # the sensor is stuck to a side wall
        say(box, ruuvi(400, (0, 1_000, 0) if second > 3 else (0, 0, 1_000), seq=second), second)
    box.on_order(Order("A1", "chilled"), "picked_up")
    for second in range(30, 60):
        say(box, ruuvi(400, (0, 990, 30), seq=second), second)
    assert journal.told() == []


def test_shaking_is_no_tilt():
    journal, box = box_of()
    for second in range(60):
        force = (0, 0, 1_000) if second < 5 else ((1_400, 0, 300), (-300, 600, 100))[second % 2]
        say(box, ruuvi(400, force, seq=second), second)
    assert journal.told() == []


def test_a_low_battery_is_told_once_until_it_is_full_again():
    journal, box = box_of()
    for second, mv in enumerate((2_900, 2_190, 2_210, 2_190, 2_100, 2_900, 2_190)):
        say(box, ruuvi(400, mv=mv, seq=second), second)
    events = journal.of(messages.INTEGRITY)
    assert [(event["what"], event["batt_mv"]) for event in events] == [("low_battery", 2_190)] * 2
    journal, box = box_of()
    for second, percent in enumerate((50, 10, 9)):
        say(box, bthome(b"\x00" + bytes((second, 1, percent))), second)
    assert journal.of(messages.INTEGRITY)[0]["batt_pct"] == 10 and len(journal.told()) == 1


def test_a_jump_with_the_lid_shut_is_suspect_and_with_it_open_or_unknown_is_not():
    for lid_state, told in ((0, ["slew"]), (1, []), (None, [])):
        journal, box = box_of("box", "lid")
        for second in range(0, 20, 2):
            if lid_state is not None:
                say(box, lid(lid_state), second, LID)
            say(box, temperature(400 if second < 10 else 1_000), second)
        assert journal.told() == told, lid_state


def test_a_box_that_warms_up_slowly_is_not_suspect():
    journal, box = box_of("box", "lid")
    for second in range(600):
        if second % 5 == 0:
            say(box, lid(0), second, LID)
        say(box, temperature(400 + second * 8), second)  # 4.8 degC a minute
    assert journal.told() == []
    for second in range(600, 750):
        if second % 5 == 0:
            say(box, lid(0), second, LID)
        say(box, temperature(5_200 + (second - 600) * 9), second)  # 5.4
    assert "slew" in journal.told()


def test_every_event_has_words_in_both_languages():
    for word in messages.words(messages.INTEGRITY, "what"):
        zh, en = texts(word)
        assert zh and en and zh != en, word
        assert len(zh.format("x" * 30).encode()) <= 120 and len(en.format("x" * 30)) <= 120
    for word in messages.words(messages.EXCURSION, "state"):
        assert texts(word)[0] and texts(word)[1]
    assert texts("nothing") == ("", "")
