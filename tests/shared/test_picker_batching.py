"""Given orders and a cart, when they are grouped into trips, then each order is in one trip, the cart
holds it, and no grouping walks less: against all groupings of small random cases, walks by trying all
sequences.
"""

from grouping_cases import (
    CASES,
    NEVER,
    check,
    grouped,
    groupings,
    holds,
    ladder,
    least_walk,
    orders_of,
    random_cart,
    random_rows,
    walk_dm,
)
from park_miller import Draw

from firmware.picker import batching, sequence
from firmware.picker.batch.crew import Crew
from firmware.picker.batch.dealing import deal
from firmware.picker.batch.grouping import Grouping
from firmware.picker.batch.order_sets import Sets


def test_no_grouping_walks_less():
    draw = Draw(5)
    graph = ladder()
    for _ in range(CASES):
        rows = random_rows(draw, graph, draw(0, 6))
        cart = random_cart(draw)
        found = grouped(graph, rows, cart)
        check(graph, rows, cart, found)
        assert found.length_dm == least_walk(graph, rows, cart), (rows, cart.slots, cart.items)
        assert found.proven and found.length_dm <= found.fifo_dm <= found.single_dm


def test_searching_without_the_proof_stays_near_and_is_never_better():
    draw = Draw(6)
    graph = ladder()
    worst = equal = 0
    for _ in range(CASES // 8):
        rows = random_rows(draw, graph, 7)
        cart = batching.Cart(3, 9)
        sets = Sets(
            orders_of(graph, rows), cart, lambda picks: sequence.plan(graph, picks).length_dm
        )
        least = sum(sets.length(trip) for trip in deal(sets, 127))
        assert least == least_walk(graph, rows, cart)
        search = Grouping(sets, Crew(), lambda: True, 5)
        search._deal_some = lambda trips, state: None
        search.solve()
        total = sum(sets.length(trip) for trip in search.trips)
        assert sum(search.trips) == 127 and total >= least and not search.proven
        worst = max(worst, 1000 * (total - least) // least if least else 0)
        equal += total == least
    assert equal * 10 >= 8 * (CASES // 8) and worst < 100, (equal, worst)


def test_stopped_at_any_walk_there_is_a_valid_answer():
    draw = Draw(7)
    graph = ladder()
    cart = batching.Cart(3, 10)
    for asked in (0, 1, 2, 5, 8, 10, 12, 14, 16, 18, 20, 30, 50, 100):
        rows = random_rows(draw, graph, 9, due=asked % 2)
        left = [asked]

        def more(left=left):
            left[0] -= 1
            return left[0] >= 0

        found = grouped(graph, rows, cart, more=more)
        check(graph, rows, cart, found)
        assert (found.lateness_s, found.length_dm) <= (found.fifo_lateness_s, found.fifo_dm)


def least_cost(graph, rows, cart, crew):
    """(lateness, walk) by all groupings and all sequences of their trips."""
    best = (NEVER, NEVER)
    memo: dict = {}
    for trips in groupings(rows):
        if not all(holds(cart, trip) for trip in trips):
            continue
        walk = [walk_dm(graph, trip, memo) for trip in trips]
        best = min(best, (least_lateness(trips, walk, crew, [0] * crew.pickers), sum(walk)))
    return best


def least_lateness(trips, walk, crew, free_s):
    if not trips:
        return 0
    best = NEVER
    picker = free_s.index(min(free_s))
    for k in range(len(trips)):
        lines = sum(len(row["picks"]) for row in trips[k])
        end_s = free_s[picker] + crew.duration_s(walk[k], lines)
        late_s = sum(max(0, end_s - row.get("due_s", NEVER)) for row in trips[k])
        then = list(free_s)
        then[picker] = end_s
        rest = least_lateness(trips[:k] + trips[k + 1 :], walk[:k] + walk[k + 1 :], crew, then)
        best = min(best, late_s + rest)
    return best


def test_promises_come_before_walking():
    draw = Draw(8)
    graph = ladder()
    equal = count = 0
    for _ in range(CASES // 8):
        rows = random_rows(draw, graph, draw(1, 4), due=True)
        cart = batching.Cart(draw(1, 3))
        crew = Crew(pickers=draw(1, 2))
        found = grouped(graph, rows, cart, crew)
        check(graph, rows, cart, found, crew)
        least = least_cost(graph, rows, cart, crew)
        assert (found.lateness_s, found.length_dm) >= least, (rows, least)
        assert not found.proven or (0, least_walk(graph, rows, cart)) == least
        count += 1
        equal += (found.lateness_s, found.length_dm) == least
    assert equal * 10 >= 9 * count, (equal, count)


def test_an_order_is_left_out_of_a_trip_that_would_make_it_late():
    graph = ladder()
    crew = Crew(walk_mm_s=1000, line_s=10, trip_s=0)
    near = {"id": "near", "picks": [(4, 10)], "due_s": 30}  # 18 m and a line: 28 s
    far = {"id": "far", "picks": [(5, 50)]}
    apart = grouped(graph, [far, near], batching.Cart(2), crew)
    assert [trip.orders for trip in apart.trips] == [["near"], ["far"]]
    assert apart.late == [] and apart.lateness_s == 0 and apart.fifo_lateness_s > 0
    assert [trip.end_s for trip in apart.trips] == [28, 28 + 10 + 30]
    assert not apart.proven  # together they walk less
    near["due_s"] = 52  # 32 m and two lines
    together = grouped(graph, [far, near], batching.Cart(2), crew)
    assert [trip.orders for trip in together.trips] == [["far", "near"]] and together.proven


def test_what_cannot_be_in_time_is_told():
    graph = ladder()
    crew = Crew(walk_mm_s=1000, line_s=10, trip_s=5)
    found = grouped(graph, [{"id": 7, "picks": [(0, 10)], "due_s": -3}], batching.Cart(2), crew)
    assert found.late == [(7, 20)] and found.lateness_s == 20  # 5 + 10 + 2 s, due 3 s ago


def test_two_pickers_work_at_once():
    graph = ladder()
    rows = [{"id": k, "picks": [(k, 30)], "due_s": 100} for k in (0, 5)]
    found = grouped(graph, rows, batching.Cart(1), Crew(pickers=2))
    assert [(trip.picker, trip.start_s) for trip in found.trips] == [(0, 0), (1, 0)]


def test_nothing_to_do_is_no_trip():
    found = grouped(ladder(), [], batching.Cart(3))
    assert found.trips == [] and found.length_dm == found.single_dm == found.lateness_s == 0
    assert found.saved_permille(found.single_dm) == 0


def test_one_order_is_one_trip():
    found = grouped(ladder(), [{"id": "A", "picks": [[2, 10], (0, 5)]}], batching.Cart(3))
    (trip,) = found.trips
    assert trip.orders == ["A"] and trip.method == "exact" and trip.length_dm == 2 * (40 + 10) + 10
    assert found.proven and found.saved_permille(found.single_dm) == 0


def test_an_order_too_large_is_a_trip_of_its_own_and_told():
    graph = ladder()
    rows = [{"id": "big", "picks": [(1, 10)], "items": 50}]
    rows += [{"id": "A{}".format(k), "picks": [(1, 20)]} for k in range(3)]
    found = grouped(graph, rows, batching.Cart(4, 10))
    check(graph, rows, batching.Cart(4, 10), found)
    assert found.oversized == ["big"]
    assert sorted(len(trip.orders) for trip in found.trips) == [1, 3]


def test_lengths_may_be_the_callers():
    graph = ladder()
    asked = []

    def length_of(picks):
        asked.append(sorted(picks))
        return sequence.plan(graph, picks).length_dm

    rows = random_rows(Draw(9), graph, 6)
    found = grouped(graph, rows, batching.Cart(3), length_of=length_of)
    assert found.length_dm == grouped(graph, rows, batching.Cart(3)).length_dm
    assert found.asked == len(asked) <= 6 + 15 + 20  # no set of orders twice
    assert not found.proven  # nobody has proved the caller's lengths


def test_a_rule_of_thumb_for_lengths_proves_nothing():
    graph = ladder(blocked=[4])
    rows = random_rows(Draw(12), graph, 5)
    told = []

    def length_of(picks):
        told.extend(picks)
        return 100 * len(picks)

    found = grouped(graph, rows, batching.Cart(3), length_of=length_of)
    assert not found.proven and not [pick for pick in told if pick[0] == 4]
    assert found.length_dm == sum(trip.length_dm for trip in found.trips)


def test_walks_that_are_not_proven_prove_no_grouping():
    graph = ladder(oneway=[0])
    draw = Draw(13)
    rows = [{"id": k, "picks": [(draw(0, 5), draw(0, 60)) for _ in range(12)]} for k in range(2)]
    found = grouped(graph, rows, batching.Cart(1))
    assert "best-found" in [trip.method for trip in found.trips] and not found.proven
    assert grouped(ladder(), rows, batching.Cart(1)).proven


def test_a_trip_takes_its_time_rounded_up():
    crew = Crew(walk_mm_s=1000, line_s=10, trip_s=5)
    for length_dm, lines, duration_s in (
        (0, 0, 5),
        (1, 1, 16),
        (10, 0, 6),
        (11, 0, 7),
        (19, 2, 27),
    ):
        assert crew.duration_s(length_dm, lines) == duration_s, length_dm
    assert Crew(walk_mm_s=900, trip_s=0).duration_s(9, 0) == 1


def test_bad_input_is_a_reason():
    graph = ladder()
    for rows in (
        None,
        [1],
        [{"id": None, "picks": []}],
        [{"id": "A"}],
        [{"id": "A", "picks": []}, {"id": "A", "picks": []}],
        [{"id": "A", "picks": [(99, 0)]}],
        [{"id": "A", "picks": [(0, 61)]}],
        [{"id": "A", "picks": [(0, "1")]}],
        [{"id": "A", "picks": [3]}],
        [{"id": "A", "picks": [], "items": -1}],
        [{"id": "A", "picks": [], "items": True}],
        [{"id": "A", "picks": [], "volume_ml": "1"}],
        [{"id": "A", "picks": [], "due_s": 1 << 40}],
        [{"id": k, "picks": []} for k in range(65)],
    ):
        orders, why = batching.orders_from(graph, rows)
        assert orders is None and isinstance(why, str), rows
    for cart in (
        batching.Cart(0),
        batching.Cart(65),
        batching.Cart(1, 0),
        batching.Cart(1, None, "9"),
    ):
        assert batching.batch(graph, [], cart)[0] is None
    for crew in (Crew(walk_mm_s=0), Crew(line_s=-1), Crew(trip_s=None), Crew(pickers=0)):
        assert batching.batch(graph, [], batching.Cart(1), crew)[0] is None


def test_sixty_four_orders_are_grouped():
    graph = ladder()
    rows = random_rows(Draw(3), graph, 64)
    left = [300]

    def more():
        left[0] -= 1
        return left[0] > 0

    cart = batching.Cart(4, 12)
    found = grouped(graph, rows, cart, more=more)
    check(graph, rows, cart, found)
    assert found.length_dm <= found.fifo_dm
