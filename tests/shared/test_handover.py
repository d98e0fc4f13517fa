"""Hand-over time, learned per building."""

from firmware.rider.handover import Handover


def test_a_city_without_experience():
    handover = Handover()
    assert handover.expect("tower", None) == 140 and handover.spread_s == 60
    assert handover.expect(None, None) == 140
    assert handover.expect("tower", 6) == 140
    assert handover.expect("tower", 30) == 236 and handover.expect("tower", 1) == 120


def test_a_building_is_learned_in_a_few_hand_overs():
    handover = Handover()
    for took_s in (300, 280, 310, 290, 300, 300, 305, 295):
        assert handover.learn("tower", None, took_s)
    assert 280 <= handover.expect("tower", None) <= 305
    assert handover.spread_s < 50
    assert 140 < handover.expect("elsewhere", None) < 190  # the city learned a little of it


def test_floors_are_taken_off_and_put_on():
    handover = Handover()
    for floor in (2, 20, 11, 30, 5, 16, 25, 3):
        handover.learn("tower", floor, 100 + 4 * floor)
    assert abs(handover.expect("tower", 12) - 148) <= 12
    assert handover.expect("tower", 28) - handover.expect("tower", 8) == 80


def test_what_sways_is_not_drifted_from():
    handover = Handover()
    for _ in range(200):
        for took_s in (130, 150):
            handover.learn("tower", None, took_s)
    assert abs(handover.expect("tower", None) - 140) <= 10
    assert 10 <= handover.spread_s <= 25
    assert abs(handover.expect(None, None) - 140) <= 2


def test_one_customer_who_was_out_moves_it_little():
    handover = Handover()
    for _ in range(10):
        handover.learn("tower", None, 100)
    before_s = handover.expect("tower", None)
    handover.learn("tower", None, 1_700)
    assert handover.expect("tower", None) - before_s <= 30


def test_times_that_are_none_are_not_learned():
    handover = Handover()
    saved = handover.save()
    assert not handover.learn("tower", None, -1)
    assert not handover.learn("tower", None, 1_801)
    assert handover.save() == saved
    assert handover.learn(None, None, 100) and handover.save()[1] == []


def test_32_buildings_and_the_longest_unused_gives_way():
    handover = Handover()
    for number in range(32):
        for _ in range(4):
            handover.learn("B%d" % number, None, 400)
    handover.learn("B0", None, 400)
    handover.learn("new", None, 400)
    assert len(handover.save()[1]) == 32 * 4
    unknown_s = handover.expect("elsewhere", None)
    kept = [handover.expect("B%d" % number, None) != unknown_s for number in range(32)]
    assert kept == [True, False] + [True] * 30


def test_times_stay_in_bounds():
    handover = Handover()
    for _ in range(50):
        handover.learn("slow", 1, 1_800)
        handover.learn("quick", 100, 0)
    assert handover.expect("slow", 200) == 1_800 and handover.expect("quick", 1) == 20


def test_it_survives_a_restart():
    handover = Handover()
    for number in range(5):
        handover.learn("B%d" % number, number, 100 + 50 * number)
    again = Handover()
    assert again.restore(handover.save())
    assert again.save() == handover.save()
    again.learn("B2", 2, 200)
    handover.learn("B2", 2, 200)
    assert again.save() == handover.save()


def test_what_no_board_saved_is_not_restored():
    handover = Handover()
    handover.learn("tower", None, 200)
    saved = handover.save()
    row = [5, 100, 30, 2]
    for value in (
        None,
        [],
        [140],
        [140, None],
        ["140", row],
        [140, row[:3]],
        [140, row * 33],
        [140, [5, 5_000, 30, 2]],
        [140, [5, 100, -1, 2]],
        [140, [5, 100, 30, 8]],
        [140, [5, "100", 30, 2]],
        [9_999, row],
    ):
        assert not handover.restore(value), value
    assert handover.save() == saved
