"""Given stops with ranks, pairs and a cold budget, when a walk is searched, then it is the best of all
that keep them: every answer against all orders tried.
"""

import sys

from picker_tables import Draw, best_of, carried, in_order, random_rules, random_table

from firmware.picker.rules import rules_of
from firmware.picker.search.ladder import Search

CASES = 3000 if sys.implementation.name == "cpython" else 400


def case(seed):
    draw = Draw(seed)
    n = draw(7) if draw(8) == 0 else draw(6)
    table = random_table(draw, n, draw(2) == 1)
    return table, random_rules(draw, n, seed % 8) if n else None


def finished(search):
    steps = 0
    while search.step():
        steps += 1
        assert steps < 100000
    return search


def test_the_proven_walk_is_the_best_that_keeps_the_rules():
    kept = broken = impossible = 0
    for seed in range(1, CASES):
        table, rules = case(seed)
        search = finished(Search(table, rules))
        order = search.order
        assert sorted(order + search.left_out) == list(range(table.n)), seed
        if search.length_dm is None:
            continue
        shortest, least = best_of(table, rules, sorted(order))
        assert search.length_dm == table.length(order), seed
        if least is None:
            impossible += 1
            assert not search.kept and not search.exact, seed
            continue
        assert search.exact, seed
        if rules is not None:
            assert in_order(rules, order), seed
            assert search.carried_dm == carried(table, rules, order), seed
        if shortest is None:
            broken += 1
            assert not search.kept and rules.broken(table, order), seed
            assert (search.carried_dm, search.length_dm) == least, seed
        else:
            kept += 1
            assert search.kept and search.length_dm == shortest, seed
            assert rules is None or rules.broken(table, order) is None, seed
    assert kept > CASES // 2 and broken > CASES // 50 and impossible > CASES // 300


def test_without_the_proof_the_rules_are_kept_all_the_same():
    missed = tried = longer = 0
    for seed in range(1, CASES):
        table, rules = case(seed)
        search = finished(Search(table, rules, exact_stops=0))
        if search.length_dm is None or rules is None:
            continue
        order = search.order
        shortest, least = best_of(table, rules, sorted(order))
        assert search.length_dm == table.length(order), seed
        if least is None:
            assert not search.kept, seed
            continue
        assert in_order(rules, order) and carried(table, rules, order) == search.carried_dm, seed
        assert search.kept == (rules.broken(table, order) is None), seed
        assert least <= (search.carried_dm, search.length_dm), seed
        if shortest is not None:
            tried += 1
            missed += not search.kept
            longer += search.length_dm > shortest
    assert missed == 0, (missed, tried)
    assert longer < tried // 20, (longer, tried)


def test_the_answer_is_valid_after_every_step_and_gets_no_worse():
    for seed in range(1, CASES // 4):
        table, rules = case(seed)
        search = Search(table, rules, exact_stops=3, seed=seed)
        if search.length_dm is None:
            continue
        best = None
        going = True
        while going:
            order = search.order
            assert sorted(order + search.left_out) == list(range(table.n)), seed
            assert table.length(order) == search.length_dm, seed
            if rules is not None and search._possible:
                assert in_order(rules, order), seed
            now = (not search.kept, 0 if search.kept else search.carried_dm, search.length_dm)
            assert best is None or now <= best, (seed, best, now)
            best = now
            going = search.step()


def test_a_walk_of_many_stops_keeps_its_rules():
    for seed in range(1, CASES // 100 + 4):
        draw = Draw(seed)
        n = 20 + draw(15)
        table = random_table(draw, n, seed % 2 == 1)
        rules = random_rules(draw, n, 1 + seed % 7)
        # the budget that ordering the cold stops last can just keep
        rules.budget_dm = 0
        least = finished(Search(table, rules, kicks=200)).carried_dm
        rules.budget_dm = least * 6 // 5
        search = finished(Search(table, rules, kicks=200))
        if not search._possible:
            continue
        assert search.kept and rules.broken(table, search.order) is None, seed
        rules.budget_dm = 1 << 20
        free = finished(Search(table, rules, kicks=200))
        assert free.length_dm * 100 <= search.length_dm * 103, seed  # no search is perfect


def test_an_order_given_is_begun_with_and_a_wrong_one_is_not():
    draw = Draw(3)
    table = random_table(draw, 12, False)
    best = finished(Search(table)).order
    assert Search(table, first=best).order == best
    for wrong in (best[:-1], best + best[:1], best[:-1] + best[:1], [99] * 12):
        assert sorted(Search(table, first=wrong).order) == list(range(12))
    rules, _ = rules_of(12, after=[(best[-1], best[0])])
    search = Search(table, rules, first=best)
    assert search.order != best and in_order(rules, search.order)


def test_rules_that_cannot_be_are_refused_with_a_reason():
    assert "ring" in rules_of(4, after=[(0, 1), (1, 2), (2, 0)])[1]
    assert "ring" in rules_of(4, after=[(3, 3)])[1]
    assert "rank is higher" in rules_of(2, rank=[1, 0], after=[(0, 1)])[1]
    assert "not there" in rules_of(2, after=[(0, 2)])[1]
    assert "3 values for 2 stops" in rules_of(2, rank=[0, 0, 0])[1]
    assert "3 values for 2 stops" in rules_of(2, cold=[0, 0, 0])[1]
    assert "rank" in rules_of(1, rank=[256])[1]
    assert "budget_dm" in rules_of(1, cold=[1], budget_dm=-1)[1]
    rules, reason = rules_of(3, after=[(0, 1), (0, 1), (1, 2)])
    assert reason is None and rules.later == {0: [1], 1: [2]}


def test_what_is_broken_is_said():
    draw = Draw(9)
    table = random_table(draw, 3, False)
    rules, _ = rules_of(3, rank=[0, 1, 1], after=[(1, 2)], cold=[1, 0, 0], budget_dm=0)
    assert "rank is lower" in rules.broken(table, [1, 0, 2])
    assert "must come" in rules.broken(table, [0, 2, 1])
    assert "are allowed" in rules.broken(table, [0, 1, 2])
