"""The stop order under MicroPython: first answer, gap to the optimum and time by number of orders.

`make bench`. With the real captures at hand (O2O_SHARED) the public meal-delivery instances are
measured; towns made here always are, those with promises too. A town's optimum is not known for many
orders: the gap is then to the best that a search of far more tries finds. Figures are of the
unix port on one machine, not of a board.
"""

import json
import random
import statistics

import pytest

from firmware.rider.stops import Stops
from firmware.rider.stops_route import OPEN
from tools.cli import main
from tools.parts.place import shared_dir

SEED = 20261122
TOWNS = 4


def town(chance, n, promised):
    """Shops and doors in 4 x 4 km at 4 m/s, 120 s at a stop; promises 20 to 90 min from now."""
    shops = [(chance.randrange(4_000), chance.randrange(4_000)) for _ in range(1 + n // 3)]
    places = [(2_000, 2_000)] * 2
    for _ in range(n):
        places += [chance.choice(shops), (chance.randrange(4_000), chance.randrange(4_000))]
    matrix = [
        [0 if j == 1 else round(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 / 4) + 120 * (j > 1)
         for j, b in enumerate(places)]
        for a in places
    ]  # fmt: skip
    instance = {"id": f"town-{n}", "n": n, "matrix": matrix}
    if promised:
        instance["due"] = [chance.randrange(1_200, 5_400) for _ in range(n)]
    return instance


def best_known(instance):
    """What the sequence costs that a long search, or the proof, finds."""
    stops = Stops(exact_bytes=9_000, kicks=4_000)
    cost, _ = worked(stops, instance)
    return cost


def worked(stops, instance):
    n = instance["n"]
    fill(stops, instance)
    stops.begin(n)
    while not stops.run(1_000):
        pass
    return stops.cost, stops.late


def fill(stops, instance):
    for k in range(instance["n"]):
        stops.aboard[k] = 0
        stops.due[k] = instance.get("due", [OPEN] * instance["n"])[k]
    for i, row in enumerate(instance["matrix"]):
        for j, cost in enumerate(row):
            stops.legs[i * len(row) + j] = cost
    stops.n = instance["n"]


def on_device(capsys, path, *words):
    assert main(["stops", str(path), "--micropython", *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def show(capsys, title, instances, optima, path, *words):
    path.write_text(json.dumps({"instances": instances}))
    answers = on_device(capsys, path, *words)
    gaps, late = {}, {}
    for answer, instance, optimum in zip(answers, instances, optima, strict=True):
        stops = Stops()
        fill(stops, instance)
        cost = stops.price(answer["sequence"][1:-1], 2 * instance["n"])
        gaps.setdefault(instance["n"], []).append(100 * (cost - optimum) / optimum)
        late.setdefault(instance["n"], []).append(stops.late)
    with capsys.disabled():
        print(f"\n{title} {' '.join(words)}")
        print("   n   first ms    gap % mean/max   optimal    ms mean/max  slice ms   heap B  late")
        for n, each in gaps.items():
            mine = [answer for answer in answers if answer["n"] == n]
            times = [answer["ms"] for answer in mine]
            print(
                f"  {n:2} {max(a['first_ms'] for a in mine):10.2f} {statistics.mean(each):10.3f}/"
                f"{max(each):.3f} {sum(gap == 0 for gap in each):7}/{len(each)} "
                f"{statistics.mean(times):9.1f}/{max(times):.1f} "
                f"{statistics.median(a['slice_ms'] for a in mine):9.2f} "
                f"{max(a['heap_bytes'] for a in mine):8} {sum(late[n]):5}"
            )


@pytest.mark.timeout(300)
def test_towns(capsys, tmp_path):
    for promised in (False, True):
        chance = random.Random(SEED)
        instances = [town(chance, n, promised) for n in (4, 5, 6, 8, 10, 12) for _ in range(TOWNS)]
        optima = [best_known(instance) for instance in instances]
        title = f"{TOWNS} towns a size{', promises' if promised else ''}"
        for words in ((), ("--budget-ms", "50")):
            show(capsys, title, instances, optima, tmp_path / "towns.json", *words)


@pytest.mark.timeout(300)
def test_public_instances(capsys, tmp_path):
    shared = shared_dir()
    if shared is None:
        with capsys.disabled():
            print("\n(the public instances are not here: set O2O_SHARED)")
        return
    path = shared / "data/routing/rider_tsppd_grubhub.json"
    instances = json.loads(path.read_text())["instances"]
    optima = [instance["opt"] for instance in instances]
    for words in ((), ("--budget-ms", "10"), ("--budget-ms", "50")):
        show(capsys, "meal delivery", instances, optima, tmp_path / "public.json", *words)
