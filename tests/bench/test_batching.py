"""Batching: gap to the proven optimum of batching and walking together, walks planned, time.

`make bench`. With the captures at hand (O2O_SHARED) the public instances of Bahceci & Oncan 2021;
generated stores always, for more orders than a proof is known for: there the gap is to the best that
any of the methods found, three times as long a search among them. In the same run: one order a trip,
carts filled in sequence (FIFO), savings without improvement, and the search without its proof.
"""

import json
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
from walking_stores import Shoppers, Stop, Store, made, rectangular

from firmware.picker import sequence
from firmware.picker.batch.crew import Crew
from firmware.picker.batch.grouping import KICKS, Grouping
from firmware.picker.batch.order_sets import Sets
from firmware.picker.batch.savings import savings
from firmware.picker.batching import Cart, Order, batch, orders_from
from tools.parts.place import shared_dir

SEED = 20261122
PUBLIC = "data/routing/batching_bahceci_oncan.json"
LONG_KICKS = 3 * KICKS
SECOND_MS = 1000
ROUNDS = 2
# orders, cart
SIZES = (
    (12, Cart(4)),
    (20, Cart(3)),
    (30, Cart(4)),
    (30, Cart(8, items=40)),
    (40, Cart(4)),
)


METHODS = ("one a trip", "FIFO", "savings", "ours, 1 s", "ours", "long")


def always() -> bool:
    return True


def for_a_second() -> Callable[[], bool]:
    end = time.perf_counter() + SECOND_MS / 1000
    return lambda: time.perf_counter() < end


class Undealt(Grouping):
    """The search alone: moves and kicks, nothing dealt out anew, nothing proven."""

    def _deal_some(self, trips: list[int], state: Any) -> None:
        return None


class Row:
    """What one method did on the cases of one line of the table."""

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self.asked: list[int] = []
        self.times: list[float] = []

    def put(self, length: int, best: int, asked: int, ms: float) -> None:
        self.gaps.append(100 * (length - best) / best)
        self.asked.append(asked)
        self.times.append(ms)

    def __str__(self) -> str:
        hit = sum(not gap for gap in self.gaps)
        return (
            f"{statistics.mean(self.gaps):7.2f} {max(self.gaps):7.2f} {hit:4}/{len(self.gaps):<3} "
            f"{statistics.mean(self.asked):8.0f} {statistics.mean(self.times):8.1f} "
            f"{max(self.times):8.1f}"
        )


def grouped(store: Store, orders: list[Order], cart: Cart, method: str) -> tuple[int, int, float]:
    """(length_dm, walks planned, ms) of one way to group."""
    begin = time.perf_counter()
    sets = Sets(orders, cart, lambda picks: sequence.plan(store.graph, picks).length_dm)
    search = Grouping(sets, Crew(), always, LONG_KICKS if method == "long" else KICKS)
    if method == "one a trip":
        trips = [1 << k for k in range(len(orders))]
    elif method == "FIFO":
        trips = search.fifo(range(len(orders)))
    elif method == "savings":
        trips = savings(sets, search.late_s, always)
    else:
        if method == "search alone":
            search = Undealt(sets, Crew(), always, KICKS)
        elif method == "ours, 1 s":
            search = Grouping(sets, Crew(), for_a_second(), KICKS)
        search.solve()
        trips = search.trips
    length = sum(sets.length(trip) for trip in trips)
    return length, sets.asked, 1000 * (time.perf_counter() - begin)


def show(title: str, rows: dict[str, Row]) -> None:
    print(f"\n{title}\n{'':>14}  gap % mean    max  best     walks    ms mean      max")
    for name, row in rows.items():
        print(f"{name:>14}    {row}")


@pytest.mark.timeout(300)
def test_public_instances(capsys: pytest.CaptureFixture[str]) -> None:
    shared = shared_dir()
    if shared is None:
        with capsys.disabled():
            print("\n(the public instances are not here: set O2O_SHARED)")
        return
    rows: dict[str, Row] = {}
    proven = 0
    instances = json.loads((shared / PUBLIC).read_text())["instances"]
    for instance in instances:
        # its aisles are the edges of a block, its positions are counted from the front
        store = rectangular("", instance["aisles"], 1, instance["aisle_len"], instance["pitch"])
        written = [
            {
                "id": k,
                "picks": [(line["aisle"], line["pos"]) for line in order],
                "items": sum(line["qty"] for line in order),
            }
            for k, order in enumerate(instance["orders"])
        ]
        orders, why = orders_from(store.graph, written)
        assert why is None, why
        cart = Cart(len(orders), items=instance["capacity"])
        sequence.plan(store.graph, [])  # a store's elimination order is made once
        for method in ("one a trip", "FIFO", "savings", "search alone"):
            length, asked, ms = grouped(store, orders, cart, method)
            assert length >= instance["opt"]
            if method == "one a trip":
                assert length == instance["sum_single_order_opt"]
            rows.setdefault(method, Row()).put(length, instance["opt"], asked, ms)
        begin = time.perf_counter()
        found, why = batch(store.graph, orders, cart)
        ms = 1000 * (time.perf_counter() - begin)
        assert why is None, why
        assert found.length_dm == instance["opt"] or not found.proven
        proven += found.proven
        rows.setdefault("ours", Row()).put(found.length_dm, instance["opt"], found.asked, ms)
    with capsys.disabled():
        show(f"Bahceci & Oncan: {len(instances)} instances, ours proven on {proven}", rows)


def cases(store: Store, count: int) -> list[list[Order]]:
    shoppers = Shoppers(store, SEED)
    out = []
    for _ in range(ROUNDS):
        baskets: list[list[Stop]] = [
            shoppers.basket(shoppers.chance.randint(1, 10)) for _ in range(count)
        ]
        out.append([Order(k, basket) for k, basket in enumerate(baskets)])
    return out


@pytest.mark.timeout(600)
def test_more_orders(capsys: pytest.CaptureFixture[str]) -> None:
    for store, sizes in ((made()[0], SIZES), (made()[2], SIZES[:3])):
        sequence.plan(store.graph, [])
        for count, cart in sizes:
            rows: dict[str, Row] = {}
            for orders in cases(store, count):
                found = {method: grouped(store, orders, cart, method) for method in METHODS}
                best = min(length for length, _, _ in found.values())
                for method, (length, asked, ms) in found.items():
                    rows.setdefault(method, Row()).put(length, best, asked, ms)
            with capsys.disabled():
                items = f", {cart.items} items" if cart.items else ""
                show(f"{store.name}: {count} orders, carts of {cart.slots}{items}", rows)


@pytest.mark.timeout(300)
def test_promises(capsys: pytest.CaptureFixture[str]) -> None:
    """Promised orders: what is late, what is walked, against carts filled in sequence."""
    store = made()[0]
    with capsys.disabled():
        print(f"\n{store.name}, promises in 10 to 60 min: lateness s, walk m, ms; {ROUNDS} rounds")
        print(" orders cart pickers        FIFO        ours       ms")
    for count, slots, pickers in ((12, 3, 1), (20, 4, 2), (30, 4, 3)):
        total = [0] * 4
        spent = 0.0
        chance = random.Random(SEED)
        for orders in cases(store, count):
            for order in orders:
                order.due_s = chance.randrange(600, 3600)
            begin = time.perf_counter()
            found, why = batch(store.graph, orders, Cart(slots), Crew(pickers=pickers))
            spent += time.perf_counter() - begin
            assert why is None, why
            fifo = (found.fifo_lateness_s, found.fifo_dm)
            ours = (found.lateness_s, found.length_dm)
            assert ours <= fifo
            total = [a + b for a, b in zip(total, fifo + ours, strict=True)]
        late, walk, our_late, our_walk = (each // ROUNDS for each in total)
        with capsys.disabled():
            print(
                f"{count:7} {slots:4} {pickers:7} {late:6} {walk // 10:5} "
                f"{our_late:6} {our_walk // 10:5} {1000 * spent / ROUNDS:8.0f}"
            )
