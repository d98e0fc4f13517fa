"""Which records came, which came twice, which are missing: against a truth that the test made."""

from feed_day import CITY, gap, message, roster
from mutate import Chance, rounds

from tools.feed.ledger import Ledger


def run(bodies):
    ledger = Ledger()
    said = [ledger.note(CITY, body) for body in bodies]
    return ledger, said


def test_a_log_in_order_has_nothing_to_say():
    ledger, said = run(message("temp", seq, log="track") for seq in range(7, 50))
    assert said == [(False, "")] * 43
    assert ledger.as_dict() | {"logs": 0} == {
        "repeats": 0,
        "logs": 0,
        "logs_begun_anew": 0,
        "out_of_order": {},
        "gaps_told": 0,
        "gaps_untold": 0,
        "gaps": [],
        "gateways_mixed": [],
        "logs_not_kept": 0,
    }


def test_what_comes_again_is_a_repeat_however_late():
    bodies = [message("temp", seq, log="track") for seq in range(1, 20)]
    ledger, said = run([*bodies, *bodies[5:], bodies[0]])
    assert ledger.repeats == 15 and not ledger.disorder
    assert [is_repeat for is_repeat, _ in said].count(True) == 15


def test_a_jump_is_an_untold_gap_until_a_message_tells_of_it():
    bodies = [message("temp", seq, log="track") for seq in (1, 2, 6)]
    ledger, said = run(bodies)
    assert said[2] == (False, "gap 3..5 (not told)")
    assert ledger.gaps() == ([], ["aaaaaaaaaa track 3..5"])
    ledger.note(CITY, gap("aaaaaaaaaa", "track", 3, 5, 7, log="track"))
    assert ledger.gaps() == (["aaaaaaaaaa track 3..5"], [])


def test_a_gap_that_is_told_in_part_leaves_the_rest():
    ledger, _ = run(
        [gap("aaaaaaaaaa", "", 4, 5, 1), *(message("temp", n, log="track") for n in (1, 2, 9))]
    )
    assert ledger.gaps()[1] == ["aaaaaaaaaa track 3..3", "aaaaaaaaaa track 6..8"]


def test_a_gap_of_the_other_log_explains_nothing():
    ledger, _ = run(
        [gap("aaaaaaaaaa", "evidence", 2, 2, 1), *(message("temp", n, log="track") for n in (1, 3))]
    )
    assert ledger.gaps() == ([], ["aaaaaaaaaa track 2..2"])


def test_a_record_behind_a_later_one_is_out_of_order():
    ledger, said = run(message("temp", seq, log="track") for seq in (1, 2, 4, 3, 5))
    assert said[3][1] == "3 came after 4"
    assert ledger.disorder == {"track": 1} and ledger.gaps() == ([], [])


def test_two_logs_of_one_rider_do_not_disturb_each_other():
    bodies = []
    for seq in range(1, 9):
        bodies += [message("temp", seq, log="track"), message("order", 100 - 9 + seq)]
    ledger, _ = run(bodies)
    assert not ledger.disorder and ledger.gaps() == ([], [])


def test_a_pseudonym_ends_with_the_shift_and_the_roster_joins_the_two():
    day_1 = [message("temp", seq, "aaaaaaaaaa", "track") for seq in (1, 2, 3, 5)]
    day_2 = [message("temp", seq, "bbbbbbbbbb", "track") for seq in (4, 6, 8)]
    bodies = [day_1[0], day_1[1], day_1[2], day_2[0], day_1[3], day_2[1], day_2[2]]
    ledger, _ = run(bodies)
    assert len(ledger.gaps()[1]) == 3  # 4 of the one, 5 and 7 of the other: nobody can know
    names = [
        roster("aaaaaaaaaa", "rider-0001", 1),
        roster("bbbbbbbbbb", "rider-0001", 2),
    ]
    ledger, _ = run([*names, *bodies])
    assert ledger.gaps()[1] == ["aaaaaaaaaa track 7..7"]


def test_a_log_that_begins_anew_is_no_disorder():
    first = [message("temp", seq, log="track") for seq in range(1, 30)]
    again = [
        message("temp", seq, log="track", id="A" * 24 + f"{seq:02}".translate(DIGITS))
        for seq in range(1, 9)
    ]
    ledger, said = run([*first, *again])
    assert said[29][1] == "the log begins anew at 1"
    assert ledger.begun == 1 and not ledger.disorder and ledger.gaps() == ([], [])


DIGITS = str.maketrans("0123456789", "ABCDEFGHIJ")


def test_a_new_log_whose_first_records_are_gone():
    bodies = [message("temp", seq, log="track") for seq in range(90, 99)]
    bodies += [gap("aaaaaaaaaa", "", 1, 39, 1)]
    bodies += [message("temp", seq, log="track") for seq in (40, 41)]
    ledger, _ = run(bodies)
    assert ledger.begun == 1 and not ledger.disorder


def test_the_second_copy_of_an_alert_is_a_repeat_but_has_its_place():
    one = message("alert", 3)
    two = message("alert", 4, id=one["id"])
    bodies = [message("order", 2), one, two, message("order", 5)]
    ledger, said = run(bodies)
    assert said[2][0] is True and ledger.gaps() == ([], []) and ledger.repeats == 1


def test_the_gateways_log_is_one_for_all_subjects():
    bodies = [message("presence", n, "abc"[n % 3] * 10, "gateway") for n in range(1, 30)]
    assert run(bodies)[0].gaps() == ([], [])
    ledger, _ = run(bodies[:10] + bodies[12:])
    assert ledger.gaps()[1] == ["gateway gateway 11..12"]


def test_two_gateways_of_a_city_are_told_apart_from_disorder():
    one = [message("presence", n, "a" * 10, "gateway") for n in range(1, 30)]
    two = [message("presence", n, "b" * 10, "gateway") for n in range(1, 30)]
    ledger, _ = run([body for pair in zip(one, two, strict=True) for body in pair])
    assert ledger.as_dict()["gateways_mixed"] == [CITY]
    assert ledger.disorder == {} and ledger.gaps() == ([], [])


def test_memory_is_bounded_by_numbers_that_jump_without_end():
    ledger = Ledger(remembered=100)
    for n in range(1, 30_000, 3):
        ledger.note(CITY, message("temp", n, log="track"))
    assert len(ledger._ids) <= 101
    assert len(ledger._logs[CITY, "aaaaaaaaaa", "track"][0].spans) <= 4_096


def test_whatever_befalls_a_feed_the_account_is_the_truth():
    chance = Chance("a feed's ledger")
    for _ in range(rounds(60)):
        bodies, truth = drawn(chance)
        ledger, _ = run(bodies)
        found = ledger.as_dict()
        shown = {name: found[name] for name in truth}
        assert shown == truth, (chance.seed, bodies)


def drawn(chance):
    """A feed of several riders with repeats and gaps, and what a ledger must say of it."""
    truth = {"repeats": 0, "gaps_told": 0, "gaps_untold": 0, "out_of_order": {}}
    lanes = []
    for rider in range(1 + chance.below(4)):
        subject = "abcd"[rider] * 10
        for log in ("track", "evidence"):
            stream = "temp" if log == "track" else "order"
            seq, lane = 1 + chance.below(50), []
            for _ in range(3 + chance.below(40)):
                lane.append(message(stream, seq, subject, log))
                seq += 1
                if chance.below(12) == 0:
                    lost = 1 + chance.below(5)
                    if chance.below(2):
                        truth["gaps_told"] += 1
                        lane.append(("gap", subject, log, seq, seq + lost - 1))
                    else:
                        truth["gaps_untold"] += 1
                    seq += lost
            lane.append(message(stream, seq, subject, log))
            if chance.below(3) == 0:  # the sink went back to what was safe
                at = chance.below(len(lane))
                back = chance.below(at + 1)
                again = [body for body in lane[at - back : at] if isinstance(body, dict)]
                lane[at:at] = again
                truth["repeats"] += len(again)
            lanes.append(lane)
    bodies, own = [], 0
    while any(lanes):
        lane = chance.pick([each for each in lanes if each])
        body = lane.pop(0)
        if not isinstance(body, dict):
            own += 1
            _, subject, log, first, last = body
            body = gap(subject, log, first, last, own)
        bodies.append(body)
    return bodies, truth
