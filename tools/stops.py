"""`o2o stops`: the best sequence of a rider's stops, found as the board finds it.

FILE is JSON: `instances`, each with `id`, `n` (1 to 12 orders) and `matrix`: what it costs to go
from stop to stop, integers 0 to 65,535, in the sequence start, end, pickup and hand-over of order
0, of order 1, ... Optional: `due` (per order when it is promised, or null), `aboard` (per order 1
when it is already picked up), `opt` (a proven length).
"""

import argparse
import json
import subprocess
import time
from pathlib import Path
from typing import Any

from firmware.rider.stops import Stops
from firmware.rider.stops_route import MAX_ORDERS, OPEN
from tools.errors import ToolError, UsageError
from tools.parts import require
from tools.parts.place import ROOT

HELP = "find the best stop order of riders: one JSON object an instance"
_LEG_MAX = 0xFFFF
_DUE_MAX = 200_000
# The solver is given so many steps between two looks at the clock.
_STEPS = 4
_ENDLESS = 1 << 28
_HEAP = "1m"  # for source and input; what the solver takes of it is measured

# Runs under MicroPython: `budget_ms n due.. aboard.. matrix..`, a line an instance, in; a line of
# numbers out.
_DEVICE = """
import gc, sys, time
from firmware.rider.stops import Stops
Stops()
while True:
    line = sys.stdin.readline()
    if not line:
        break
    data = [int(word) for word in line.split()]
    budget_ms, n = data[0], data[1]
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    stops = Stops()
    if budget_ms:
        stops.kicks = 1 << 28
    for k in range(n):
        stops.due[k] = data[2 + k]
        stops.aboard[k] = data[2 + n + k]
    for i in range((2 * n + 2) ** 2):
        stops.legs[i] = data[2 + 2 * n + i]
    began = time.ticks_us()
    stops.begin(n)
    while not stops.built:
        stops.run(1)
    first_us = time.ticks_diff(time.ticks_us(), began)
    stops.price(stops.sequence, stops.size)
    first = stops.length
    slowest_us = 0
    while True:
        at = time.ticks_us()
        done = stops.run(4)
        now = time.ticks_us()
        slowest_us = max(slowest_us, time.ticks_diff(now, at))
        if done or (budget_ms and time.ticks_diff(now, began) >= 1000 * budget_ms):
            break
    took_us = time.ticks_diff(time.ticks_us(), began)
    heap = gc.mem_alloc() - before
    gc.enable()
    stops.price(stops.sequence, stops.size)
    print(stops.length, stops.late, int(stops.exact), took_us, first_us, first, slowest_us, heap,
          *stops.sequence[:stops.size])
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("file", help="instances, in the format of rider_*.json")
    parser.add_argument(
        "--budget-ms",
        type=int,
        default=0,
        metavar="N",
        help="search for N ms an instance (default: a fixed number of tries, as on a board)",
    )
    parser.add_argument(
        "--micropython",
        action="store_true",
        help="on the MicroPython unix port; adds first_ms and first_length (all orders inserted), "
        "slice_ms (the longest slice) and heap_bytes (all that was allocated, collector off)",
    )


def run(args: argparse.Namespace) -> int:
    """Solve one file's instances, one line each."""
    if args.budget_ms < 0:
        raise UsageError(f"--budget-ms is a number of ms from 0 on, not {args.budget_ms}")
    instances = read(Path(args.file))
    if args.micropython:
        _on_micropython(instances, args.budget_ms)
        return 0
    for instance in instances:
        print(json.dumps(solve(instance, args.budget_ms)), flush=True)
    return 0


def read(path: Path) -> list[dict[str, Any]]:
    """Return the instances of a file, checked; a ToolError names what is wrong with it."""
    try:
        found = json.loads(path.read_bytes())
    except ValueError as fault:
        raise ToolError(f"{path.name} is no JSON: {fault}") from None
    except RecursionError:
        raise ToolError(f"{path.name} is no file of instances: it is nested too deeply") from None
    instances = found.get("instances") if isinstance(found, dict) else None
    if not isinstance(instances, list) or not instances:
        raise ToolError(f"{path.name} has no list 'instances'")
    for number, instance in enumerate(instances):
        why = _fault(instance)
        if why:
            name = instance.get("id", number) if isinstance(instance, dict) else number
            raise ToolError(f"{path.name}, instance {name}: {why}")
    return instances


def _fault(instance: Any) -> str | None:
    """Say why an instance cannot be solved, or None."""
    if not isinstance(instance, dict) or not isinstance(instance.get("id"), str | int):
        return "an instance is an object with an id"
    n: Any = instance.get("n")
    if not _is_int(n, 1, MAX_ORDERS):
        return f"n is 1 to {MAX_ORDERS} orders, not {n}"
    matrix: Any = instance.get("matrix")
    width = 2 * n + 2
    if not _is_rows(matrix, width) or not all(_is_rows(row, width) for row in matrix):
        return f"its matrix is not {width} rows of {width} numbers"
    if not all(_is_int(cost, 0, _LEG_MAX) for row in matrix for cost in row):
        return f"a cost in its matrix is no integer from 0 to {_LEG_MAX}"
    due: Any = instance.get("due")
    aboard: Any = instance.get("aboard")
    if due is not None and not (
        _is_rows(due, n) and all(x is None or _is_int(x, -_DUE_MAX, _DUE_MAX) for x in due)
    ):
        return f"due is not {n} integers or null, each within {_DUE_MAX}"
    if aboard is not None and not (_is_rows(aboard, n) and all(_is_int(x, 0, 1) for x in aboard)):
        return f"aboard is not {n} times 0 or 1"
    return None


def _is_int(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_rows(value: Any, size: int) -> bool:
    return isinstance(value, list) and len(value) == size


def _dues(instance: dict[str, Any]) -> list[int]:
    dues = instance.get("due") or [None] * instance["n"]
    return [OPEN if due is None else due for due in dues]


def _aboard(instance: dict[str, Any]) -> list[int]:
    return instance.get("aboard") or [0] * instance["n"]


def solve(instance: dict[str, Any], budget_ms: int = 0) -> dict[str, Any]:
    """Solve a checked instance here; budget_ms 0: as many tries as a board makes."""
    stops = Stops()
    if budget_ms:
        stops.kicks = _ENDLESS
    n = instance["n"]
    for k in range(n):
        stops.due[k] = _dues(instance)[k]
        stops.aboard[k] = _aboard(instance)[k]
    for i, row in enumerate(instance["matrix"]):
        for j, cost in enumerate(row):
            stops.legs[i * len(row) + j] = cost
    began = time.perf_counter()
    stops.begin(n)
    while not stops.run(_STEPS):
        if budget_ms and stops.built and 1000 * (time.perf_counter() - began) >= budget_ms:
            break
    took_ms = 1000 * (time.perf_counter() - began)
    stops.price(stops.sequence, stops.size)
    sequence = list(stops.sequence[: stops.size])
    return _answer(instance, stops.length, stops.late, stops.exact, took_ms, sequence)


def _answer(
    instance: dict[str, Any],
    length: int,
    late: int,
    exact: bool,
    took_ms: float,
    sequence: list[int],
) -> dict[str, Any]:
    answer = {
        "id": instance["id"],
        "n": instance["n"],
        "length": length,
        "sequence": [0, *sequence, 1],
        "ms": round(took_ms, 2),
        "method": "exact" if exact else "best-found",
    }
    if instance.get("due"):
        answer["late"] = late
    elif _is_int(instance.get("opt"), 1, _ENDLESS):
        answer["gap_pct"] = round(100 * (length - instance["opt"]) / instance["opt"], 3)
    return answer


def _on_micropython(instances: list[dict[str, Any]], budget_ms: int) -> None:
    """Solve all instances in one process of the unix port, and print them as they come."""
    child = subprocess.Popen(
        [
            *require("micropython"),
            *("-X", f"heapsize={_HEAP}", "-c"),
            f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{_DEVICE}",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None and child.stdout is not None
    with child:
        for instance in instances:
            costs = [cost for row in instance["matrix"] for cost in row]
            data = (budget_ms, instance["n"], *_dues(instance), *_aboard(instance), *costs)
            try:
                child.stdin.write(" ".join(map(str, data)) + "\n")
                child.stdin.flush()
                found = [int(word) for word in child.stdout.readline().split()]
            except BrokenPipeError:
                found = []
            if len(found) < 8:
                raise ToolError("MicroPython ended without an answer; its words are above")
            length, late, exact, took_us, first_us, first, slice_us, heap_bytes = found[:8]
            answer = _answer(instance, length, late, bool(exact), took_us / 1000, found[8:])
            answer["first_ms"] = first_us / 1000
            answer["first_length"] = first
            answer["slice_ms"] = slice_us / 1000
            answer["heap_bytes"] = heap_bytes
            print(json.dumps(answer), flush=True)
        child.stdin.close()
