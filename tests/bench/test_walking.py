"""Walks beside rules of thumb and peers: gaps to the proven optimum, times, and walking saved.

`make bench`. The gaps are over the public form's instances (O2O_SHARED), walking saved over generated
stores and baskets, always. Every saving names what it is measured against: 40 % less than what?
All is of one machine and CPython; the walk on a board is a bench of its own.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

import pytest
import walking_baselines as rules
from walking_peers import or_tools, pyvrp
from walking_stores import Shoppers, Stop, Store, instances, made

from firmware.picker import sequence
from firmware.picker.batch.order_sets import Sets
from firmware.picker.batch.savings import savings
from firmware.picker.batching import Cart, batch, orders_from
from firmware.picker.sequence import EXACT
from tools.parts.place import shared_dir

SEED = 20261122
PEERS_MS = 500
BASKETS = 60
SIZES = (5, 10, 20, 30)
ROUNDS = 20  # of 12 orders each
OURS = "ours (exact where it says so)"

Walk = Callable[[Store, list[Stop]], int]


def timed(walk: Walk, store: Store, picks: list[Stop]) -> tuple[int, float]:
    begin = time.perf_counter()
    length = walk(store, picks)
    return length, 1000 * (time.perf_counter() - begin)


# A peer is given its matrix before its clock starts.
PEERS = {
    "OR-tools, first + descent": or_tools,
    f"OR-tools, guided, {PEERS_MS} ms": lambda ways: or_tools(ways, PEERS_MS),
    f"PyVRP, {PEERS_MS} ms": lambda ways: pyvrp(ways, PEERS_MS / 1000),
}


class Cell:
    """Gaps in % and times in ms of one method in one column."""

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self.times: list[float] = []

    def put(self, length: int, optimum: int, ms: float) -> None:
        assert length >= optimum
        self.gaps.append(100 * (length - optimum) / optimum)
        self.times.append(ms)

    def __str__(self) -> str:
        if not self.gaps:
            return "-"
        gap, most, ms = statistics.mean(self.gaps), max(self.gaps), statistics.mean(self.times)
        return f"{gap:.2f}/{most:.1f}, {ms:.1f}" if most else f"0/0, {ms:.1f}"


def show(title: str, head: list[str], rows: dict[str, dict[str, Cell]]) -> None:
    print(f"\n{title}\n| method | " + " | ".join(head) + " |\n|---|" + "---|" * len(head))
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(str(cells.get(each, "-")) for each in head) + " |")


@pytest.mark.timeout(900)
def test_gaps_and_times(capsys: pytest.CaptureFixture[str]) -> None:
    shared = shared_dir()
    if shared is None:
        with capsys.disabled():
            print("\n(the instances are not here: set O2O_SHARED)")
        return
    by_size: dict[str, dict[str, Cell]] = {}
    largest: dict[str, dict[str, Cell]] = {}  # N = 100 by map
    met: dict[str, float] = {}

    def put(name: str, store: Store, n: int, length: int, optimum: int, ms: float) -> None:
        by_size.setdefault(name, {}).setdefault(f"N={n}", Cell()).put(length, optimum, ms)
        if n == 100 and (name == OURS or name in PEERS):
            largest.setdefault(name, {}).setdefault(store.name, Cell()).put(length, optimum, ms)

    exact = 0
    everything = instances(shared)
    for store, instance in everything:
        picks = [(edge, offset) for edge, offset in instance["picks"]]
        n, optimum = instance["n"], instance["opt"]
        if store.name not in met:  # a store's elimination order is made once, with its first walk
            met[store.name] = timed(rules.shortest, store, picks)[1]
        walks = dict(rules.ANYWHERE)
        if store.block:
            walks.update(rules.ONE_BLOCK)
        for name, walk in walks.items():
            length, ms = timed(walk, store, picks)
            put(name, store, n, length, optimum, ms)
        begin = time.perf_counter()
        plan = sequence.plan(store.graph, picks)
        ms = 1000 * (time.perf_counter() - begin)
        assert plan.length_dm == optimum or plan.method != EXACT
        exact += plan.method == EXACT
        put(OURS, store, n, plan.length_dm, optimum, ms)
        ways = rules.matrix(store, picks)
        for name, call in PEERS.items():
            begin = time.perf_counter()
            length = call(ways)
            put(name, store, n, length, optimum, 1000 * (time.perf_counter() - begin))
    sizes = list(by_size[OURS])
    with capsys.disabled():
        title = f"gap to the proven optimum, mean %/max %, mean ms; {len(everything)} instances"
        show(f"{title}, ours exact on {exact}", sizes, by_size)
        show("N = 100 by map, the same run", list(met), largest)
        print("a new store's first walk, ms: " + ", ".join(f"{k} {v:.0f}" for k, v in met.items()))


def reduction(shorter: list[int], longer: list[int]) -> str:
    """The mean of what each walk is shorter, in %."""
    return f"{statistics.mean(100 * (b - a) / b for a, b in zip(shorter, longer, strict=True)):.1f}"


@pytest.mark.timeout(300)
def test_walking_saved_on_a_basket(capsys: pytest.CaptureFixture[str]) -> None:
    lines = []
    for items in SIZES:
        best: dict[str, list[int]] = {}
        walked: dict[str, list[int]] = {}
        for store in made():
            shoppers = Shoppers(store, SEED)
            for _ in range(BASKETS):
                picks = shoppers.basket(items)
                plan = sequence.plan(store.graph, picks)
                assert plan.method == EXACT
                walks = dict(rules.ANYWHERE)
                if store.block:
                    walks.update(rules.ONE_BLOCK)
                for name, walk in walks.items():
                    length = walk(store, picks)
                    assert length >= plan.length_dm
                    walked.setdefault(name, []).append(length)
                    best.setdefault(name, []).append(plan.length_dm)
        lines.append(
            (items, [reduction(best[name], walked[name]) for name in walked], list(walked))
        )
    with capsys.disabled():
        print(
            f"\nwalking saved by the shortest walk, mean %, {BASKETS} baskets in each of 4 stores"
        )
        print("| items | " + " | ".join(f"vs {name}" for name in lines[0][2]) + " |")
        print("|---|" + "---|" * len(lines[0][2]))
        for items, cells, _ in lines:
            print(f"| {items} | " + " | ".join(cells) + " |")


def always() -> bool:
    return True


def never_late(trips: list[int]) -> int:
    return 0


@pytest.mark.timeout(600)
def test_walking_saved_by_batching(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(
            f"\nm per order, {ROUNDS} times 12 orders of 5 to 15 items; % against one order a trip"
        )
        print(
            "| store | listed, one | serpentine, one | shortest, one | cart | FIFO | ours | ",
            end="",
        )
        print("serpentine in FIFO carts | ours vs serpentine, one | ms |\n|---" + "|---" * 10 + "|")
    for store in made():
        for slots in (2, 3, 4):
            shoppers = Shoppers(store, SEED)
            total: dict[str, int] = {}

            def add(name: str, length_dm: int, total: dict[str, int] = total) -> None:
                total[name] = total.get(name, 0) + length_dm

            begin = spent = 0.0
            for _ in range(ROUNDS):
                rows = [
                    {"id": k, "picks": shoppers.basket(shoppers.chance.randint(5, 15))}
                    for k in range(12)
                ]
                orders, why = orders_from(store.graph, rows)
                assert why is None, why
                begin = time.perf_counter()
                found, why = batch(store.graph, orders, Cart(slots))
                spent += time.perf_counter() - begin
                assert why is None, why
                assert found.length_dm <= found.fifo_dm <= found.single_dm
                add("ours", found.length_dm)
                add("fifo", found.fifo_dm)
                sets = Sets(orders, Cart(slots), partial(rules.shortest, store))
                add("savings", sum(map(sets.length, savings(sets, never_late, always))))
                add("one", found.single_dm)
                for row in rows:
                    add("listed", rules.customer_list(store, row["picks"]))
                    add("serpentine", rules.serpentine(store, row["picks"]))
                for k in range(0, 12, slots):
                    cart = [pick for row in rows[k : k + slots] for pick in row["picks"]]
                    add("serpentine fifo", rules.serpentine(store, cart))
            each = {name: length / ROUNDS / 12 / 10 for name, length in total.items()}
            one = each["one"]
            with capsys.disabled():
                print(
                    f"| {store.name} | {each['listed']:.0f} | {each['serpentine']:.0f} | {one:.0f} | "
                    f"{slots} | {each['fifo']:.0f} (-{100 * (1 - each['fifo'] / one):.0f} %) | "
                    f"{each['savings']:.0f} (-{100 * (1 - each['savings'] / one):.0f} %) | "
                    f"{each['ours']:.0f} (-{100 * (1 - each['ours'] / one):.0f} %) | "
                    f"{each['serpentine fifo']:.0f} | "
                    f"-{100 * (1 - each['ours'] / each['serpentine']):.0f} % | "
                    f"{1000 * spent / ROUNDS:.0f} |"
                )
