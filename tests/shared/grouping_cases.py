"""Orders and carts drawn at random, and what a grouping of them has to keep."""

import sys

from firmware.picker import batching, maps, sequence
from firmware.picker.batch.crew import Crew

CASES = 400 if sys.implementation.name == "cpython" else 40
NEVER = 1 << 29


def ladder(aisles=6, length_dm=60, pitch_dm=20, **more):
    """A store of one block: aisle k is edge k."""
    junctions = [[pitch_dm * a, y] for a in range(aisles) for y in (0, length_dm)]
    edges = [[2 * a, 2 * a + 1, length_dm] for a in range(aisles)]
    edges += [[2 * a + r, 2 * a + 2 + r, pitch_dm] for a in range(aisles - 1) for r in (0, 1)]
    store = {"junctions": junctions, "edges": edges, "depot": 0}
    store.update(more)
    graph, why = maps.from_map(store)
    assert why is None, why
    return graph


def random_rows(draw, graph, count, due=False):
    rows = []
    for k in range(count):
        picks = [(draw(0, 5), draw(0, 60)) for _ in range(draw(0, 3))]
        row = {"id": "A{}".format(k), "picks": picks, "items": draw(1, 5)}
        if draw(0, 1):
            row["volume_ml"] = draw(0, 900)
        if due and draw(0, 2):
            row["due_s"] = draw(-60, 400)
        rows.append(row)
    return rows


def random_cart(draw):
    return batching.Cart(draw(1, 4), draw(3, 12) if draw(0, 1) else None, draw(0, 2) * 800 or None)


def orders_of(graph, rows):
    orders, why = batching.orders_from(graph, rows)
    assert why is None, why
    return orders


def grouped(graph, rows, cart, *more, **named):
    found, why = batching.batch(graph, orders_of(graph, rows), cart, *more, **named)
    assert why is None, why
    return found


def groupings(names):
    """All ways to part a list into groups, each in the sequence of the list."""
    if not names:
        yield []
        return
    for rest in groupings(names[1:]):
        apart = list(rest)
        apart.append(names[:1])
        yield apart
        for i in range(len(rest)):
            joined = list(rest)
            joined[i] = names[:1] + rest[i]
            yield joined


def holds(cart, rows):
    """Whether one cart takes these orders; an order alone is always a trip."""
    return len(rows) == 1 or (
        len(rows) <= cart.slots
        and sum(row.get("items", len(row["picks"])) for row in rows) <= (cart.items or NEVER)
        and sum(row.get("volume_ml", 0) for row in rows) <= (cart.volume_ml or NEVER)
    )


def walk_dm(graph, rows, memo):
    key = " ".join(row["id"] for row in rows)
    if key not in memo:
        memo[key] = sequence.plan(graph, [pick for row in rows for pick in row["picks"]]).length_dm
    return memo[key]


def least_walk(graph, rows, cart):
    """By all groupings."""
    memo: dict = {}
    return min(
        sum(walk_dm(graph, trip, memo) for trip in trips)
        for trips in groupings(rows)
        if all(holds(cart, trip) for trip in trips)
    )


def check(graph, rows, cart, found, crew=None):
    """Each order once, each pick once, the cart kept, lengths those of the walks, times in sequence."""
    crew = crew or Crew()
    named = {row["id"]: row for row in rows}
    assert sorted(name for trip in found.trips for name in trip.orders) == sorted(named)
    picked = []
    for trip in found.trips:
        assert holds(cart, [named[name] for name in trip.orders]), trip.orders
        assert trip.picks == [
            tuple(named[name]["picks"][i])
            for name in trip.orders
            for i in range(len(named[name]["picks"]))
            if (name, i) not in found.unreachable
        ]
        walk = [named[name]["picks"][i] for name, i in trip.lines]
        assert [trip.picks[i] for i in trip.plan.order] == walk
        assert sequence.length_in_order(graph, walk, range(len(walk))) == trip.length_dm
        assert trip.end_s - trip.start_s == crew.duration_s(trip.length_dm, len(trip.lines))
        assert trip.start_s >= 0
        picked += trip.lines
    assert found.length_dm == sum(trip.length_dm for trip in found.trips)
    picked += found.unreachable
    assert sorted(picked) == sorted(
        (row["id"], i) for row in rows for i in range(len(row["picks"]))
    )
    late = sum(late_s for _, late_s in found.late)
    assert late == found.lateness_s
    for name, late_s in found.late:
        (end_s,) = [trip.end_s for trip in found.trips if name in trip.orders]
        assert late_s == end_s - named[name]["due_s"] > 0
