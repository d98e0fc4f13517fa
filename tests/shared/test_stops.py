"""The stop solver against all sequences there are, and what it promises on the way to its answer."""

from mutate import Chance, rounds

from firmware.rider.stops import Stops
from firmware.rider.stops_route import OPEN

# Retyped: what a broken promise costs, and each second of it.
LATE_COST = 7_200
LATE_WEIGHT = 10


def fill(stops, n, legs, aboard, due):
    for i in range(len(legs)):
        stops.legs[i] = legs[i]
    for k in range(n):
        stops.aboard[k] = aboard[k]
        stops.due[k] = due[k]


def drawn(chance, n, mosts=(9, 300, 2_500)):
    """Costs without any geometry, some orders aboard, promises tight, loose, past or none."""
    width = 2 * n + 2
    most = chance.pick(mosts)
    legs = [
        chance.below(most) if i % width != 1 else chance.pick((0, 0, 50))
        for i in range(width * width)
    ]
    aboard = [int(chance.below(5) < 2) for _ in range(n)]
    due = [
        chance.pick((OPEN, OPEN, -chance.below(500), chance.below(most * n + 1), most * n))
        for _ in range(n)
    ]
    return legs, aboard, due


def price(sequence, n, legs, due):
    """What a sequence costs, written once more: (cost, length, promises broken)."""
    at = length = cost = late = 0
    for node in sequence:
        length += legs[at * (2 * n + 2) + node]
        at = node
        if node % 2 and length > due[node // 2 - 1]:
            late += 1
            cost += LATE_COST + LATE_WEIGHT * (length - due[node // 2 - 1])
    length += legs[at * (2 * n + 2) + 1]
    return length + cost, length, late


def put(stops, at, node):
    return stops[:at] + [node] + stops[at:]  # noqa: RUF005 - MicroPython has no [*a, b]


def all_sequences(n, aboard):
    """Every sequence in which a pickup comes before its hand-over."""
    whole = []
    left = [x for k in range(n) for x in ((3 + 2 * k,) if aboard[k] else (2 + 2 * k, 3 + 2 * k))]

    def go_on(done, left):
        if not left:
            whole.append(done)
        for node in left:
            if node % 2 == 0 or node - 1 not in left:
                go_on(put(done, len(done), node), [each for each in left if each != node])

    go_on([], left)
    return whole


def check(stops, n, aboard):
    """The present answer is a sequence that can be ridden."""
    found = list(stops.sequence[: stops.size])
    wanted = [x for k in range(n) for x in ((3 + 2 * k,) if aboard[k] else (2 + 2 * k, 3 + 2 * k))]
    assert sorted(found) == wanted
    for k in range(n):
        assert aboard[k] or found.index(2 + 2 * k) < found.index(3 + 2 * k)
    return found


def solved(stops, n, legs, aboard, due, begin=b"", slices=(1,)):
    fill(stops, n, legs, aboard, due)
    stops.begin(n, begin)
    at = 0
    while not stops.run(slices[at % len(slices)]):
        at += 1
    return check(stops, n, aboard)


def test_what_it_calls_exact_no_sequence_undercuts():
    chance = Chance("stops")
    stops = Stops(20_000)
    proven = 0
    for number in range(rounds(60)):
        n = 1 + number % 3 if number % 10 else 4
        legs, aboard, due = drawn(chance, n)
        found = solved(stops, n, legs, aboard, due)
        best = min([price(each, n, legs, due) for each in all_sequences(n, aboard)])
        assert stops.exact, (n, legs, aboard, due)
        assert price(found, n, legs, due)[0] == stops.cost == best[0], (n, legs, aboard, due)
        proven += 1
    assert proven >= 60


def test_every_promise_is_kept_where_one_sequence_keeps_them():
    chance = Chance("promises")
    kept = broken = 0
    for number in range(rounds(40)):
        n = 2 + number % 2
        legs, aboard, due = drawn(
            chance, n, (9, 900)
        )  # no way is longer than a broken promise costs
        # Due when a sequence drawn by chance is there: what is shortest is often late then.
        ways = all_sequences(n, aboard)
        at = when = 0
        for node in chance.pick(ways):
            when += legs[at * (2 * n + 2) + node]
            at = node
            if node % 2:
                due[node // 2 - 1] = when
        stops = Stops()
        found = solved(stops, n, legs, aboard, due)
        assert price(found, n, legs, due)[2] == 0
        kept += 1
        lengths = [price(each, n, legs, [OPEN] * n)[1] for each in ways]
        broken += price(ways[lengths.index(min(lengths))], n, legs, due)[2] > 0
    assert kept >= 40 and broken > 0  # the shortest alone would have broken some


def test_a_late_order_is_worth_a_longer_way_but_not_any():
    # From the start 100 to A and 70 to B, 30 from A to B, 90 back: A first is 130, B first 160.
    legs = [0] * 36
    legs[3], legs[5], legs[3 * 6 + 5], legs[5 * 6 + 3] = 100, 70, 30, 90
    stops = Stops()
    assert solved(stops, 2, legs, [1, 1], [OPEN, OPEN]) == [3, 5]
    # B is late whatever he does; 60 s less late are worth 30 s of riding ...
    assert solved(stops, 2, legs, [1, 1], [OPEN, -1_000]) == [5, 3] and stops.late == 1
    # ... but not 700 s.
    legs[5 * 6 + 3] = 770
    assert solved(stops, 2, legs, [1, 1], [OPEN, -1_000]) == [3, 5]


def city(chance, n):
    """Shops and doors in a town of 3 km, at 4 m/s; two minutes at each stop."""
    shops = [(chance.below(3_000), chance.below(3_000)) for _ in range(1 + n // 3)]
    at = [(1_500, 1_500), None]
    for _ in range(n):
        at += [chance.pick(shops), (chance.below(3_000), chance.below(3_000))]
    legs = []
    for a in at:
        for b in at:
            if a is None or b is None:
                legs.append(0)
            else:
                legs.append((abs(a[0] - b[0]) + abs(a[1] - b[1])) // 4 + 120)
    return legs


def test_it_has_an_answer_at_once_and_only_better_ones_later():
    chance = Chance("anytime")
    for n in (1, 2, 5, 8, 12):
        legs = city(chance, n)
        aboard = [int(chance.below(3) == 0) for _ in range(n)]
        due = [chance.pick((OPEN, 600 + chance.below(3_000))) for _ in range(n)]
        stops = Stops(kicks=40)
        fill(stops, n, legs, aboard, due)
        stops.begin(n)
        before = stops.cost
        assert price(check(stops, n, aboard), n, legs, due)[0] == before
        done = False
        while not done:
            done = stops.run(1)
            assert price(check(stops, n, aboard), n, legs, due)[0] == stops.cost <= before
            before = stops.cost
        assert stops.built and stops.run(100)


def test_slices_change_nothing():
    chance = Chance("slices")
    for n in (3, 4, 9):
        legs, aboard, due = drawn(chance, n)
        whole = solved(Stops(kicks=60), n, legs, aboard, due, slices=(10_000,))
        for slices in ((1,), (3, 1, 50), (7,)):
            assert solved(Stops(kicks=60), n, legs, aboard, due, slices=slices) == whole


def test_searching_finds_what_is_proven():
    chance = Chance("search")
    stops, search = Stops(20_000), Stops(0, 400)
    missed = 0
    for number in range(12):
        n = 2 + number % 3
        legs = city(chance, n)
        aboard = [int(chance.below(3) == 0) for _ in range(n)]
        due = [chance.pick((OPEN, OPEN, 200 + chance.below(2_000))) for _ in range(n)]
        solved(stops, n, legs, aboard, due)
        solved(search, n, legs, aboard, due, slices=(50,))
        assert stops.exact and not search.exact and search.cost >= stops.cost
        missed += search.cost > stops.cost
    assert missed <= 1


def test_it_begins_with_what_the_rider_does_and_puts_the_new_order_where_it_costs_least():
    chance = Chance("new order")
    for _ in range(rounds(20)):
        n = 4 + chance.below(5)
        legs = city(chance, n)
        aboard = [0] * (n - 1) + [chance.below(2)]
        due = [chance.pick((OPEN, 600 + chance.below(3_000))) for _ in range(n)]
        old = []
        for k in range(n - 1):  # one after the other, the last in between
            old += [2 + 2 * k, 3 + 2 * k]
        stops = Stops()
        fill(stops, n, legs, aboard, due)
        stops.begin(n, bytes(old))
        assert list(stops.sequence[: stops.size])[: len(old)] == old
        while not stops.built:
            stops.run(1)
        pick, drop = 2 * n, 2 * n + 1
        costs = []
        for j in range(len(old) + 1):
            dropped = put(old, j, drop)
            for i in range(j + 1):
                tried = dropped if aboard[n - 1] else put(dropped, i, pick)
                costs.append(price(tried, n, legs, due)[0])
        assert stops.cost == min(costs), (legs, aboard, due)


def test_no_orders_is_an_answer_too():
    stops = Stops()
    fill(stops, 0, [0] * 4, [], [])
    stops.begin(0)
    assert stops.run(1) and stops.exact and stops.size == 0 and stops.cost == 0


def test_a_table_that_is_too_large_or_too_long_is_not_begun():
    legs = [9_000] * 100
    stops = Stops(1 << 20, 5)
    solved(stops, 4, legs, [0] * 4, [OPEN] * 4)  # 9 legs of 9,000 do not fit 16 bits
    assert not stops.exact and stops.length == 8 * 9_000 + 9_000
    legs = [7_000] * 100
    solved(stops, 4, legs, [0] * 4, [OPEN] * 4)
    assert stops.exact and stops.length == 63_000
    stops = Stops(647, 5)  # four orders take 81 states of 4 entries of 2 bytes
    solved(stops, 4, legs, [0] * 4, [OPEN] * 4)
    assert not stops.exact
    stops = Stops(648, 5)
    solved(stops, 4, legs, [0] * 4, [OPEN] * 4)
    assert stops.exact
