"""`o2o route`: the shortest walk through a store's picks: one JSON object an instance."""

import argparse
import json
import re
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from firmware.picker import sequence
from firmware.picker.rules import Rules
from tools.errors import UsageError
from tools.route import problem
from tools.route.problem import Instance, Problem, Stop

HELP = "find the shortest walk through a store's picks: one JSON object an instance"
_FROZEN = 2  # the zone
_FROZEN_MAX_DM = 10_000_000
_HEAP = re.compile(r"([1-9]\d{0,8})([kKmM]?)")
_HEAP_MAX = 1 << 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("map", type=Path, metavar="MAP", help="JSON map with instances, or a store")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--instance", metavar="K", help="one instance, by its id or its number from 0"
    )
    which.add_argument("--all", action="store_true", help="all instances (the default)")
    parser.add_argument(
        "--picklist", type=Path, metavar="FILE", help="what to pick in a store folder"
    )
    parser.add_argument(
        "--start",
        type=int,
        metavar="J",
        help="walk from junction J to the depot (default: from the depot and back); 0 in `tour` is "
        "then J. `unreachable` holds indices of picks, from 0",
    )
    parser.add_argument("--blocked", metavar="E,..", help="edges that nobody can walk")
    parser.add_argument(
        "--budget-ms", type=int, metavar="N", help="search N ms where the walk is not proven"
    )
    parser.add_argument(
        "--frozen-dm",
        type=int,
        metavar="N",
        help="carry goods of frozen edges at most N dm, from the first such pick to the walk's end; "
        "adds `frozen_dm`, what they are carried, and `kept`",
    )
    parser.add_argument(
        "--cart",
        type=int,
        metavar="N",
        help="put up to N orders into a trip (a map's instances, a pick list's orders), and say what "
        "that saves: a line a trip, then one of all",
    )
    parser.add_argument(
        "--micropython",
        action="store_true",
        help="on the MicroPython unix port, a fresh one for each instance; `ms` by its own clock, the "
        "middle of three; adds heap_bytes: the least heap of the whole interpreter (its bytecode lies "
        "outside, in ROM) with which a fresh one gives the same method, length and bound, found by "
        "bisection from 16 kB to --heap in steps of 4 kB",
    )
    parser.add_argument(
        "--interpreter",
        choices=("micropython", "micropython-32", "micropython-wasm"),
        help="another build of MicroPython; the last is of 32 bit in node: its heap grows by "
        "itself, so there is no heap_bytes",
    )
    parser.add_argument(
        "--heap", default=None, metavar="SIZE", help="its heap, as 64k or 1m (default 120k)"
    )


def run(args: argparse.Namespace) -> int:
    """Plan the instances of a map, one line each."""
    on_device = args.micropython or args.interpreter is not None
    if args.heap is not None and not on_device:
        raise UsageError("--heap is a board's; it goes with --micropython or --interpreter")
    if args.budget_ms is not None and not 1 <= args.budget_ms <= 3_600_000:
        raise UsageError(f"--budget-ms is 1 to 3600000 ms, not {args.budget_ms}")
    for name in ("frozen_dm", "cart"):
        if getattr(args, name) is not None and on_device:
            raise UsageError(f"--{name.replace('_', '-')} is planned here, not with --micropython")
    if args.cart is not None and (args.start is not None or args.frozen_dm is not None):
        raise UsageError(
            "--cart goes without --start and --frozen-dm: trips leave and end at the depot"
        )
    if args.frozen_dm is not None and not 0 <= args.frozen_dm <= _FROZEN_MAX_DM:
        raise UsageError(f"--frozen-dm is 0 to {_FROZEN_MAX_DM} dm, not {args.frozen_dm}")
    heap_bytes = size_of(args.heap or "120k")
    given = problem.read(args.map, args.picklist)
    problem.block(given, args.blocked)
    start = problem.start_of(given, args.start)
    chosen = problem.choose(given, args.instance)
    given.graph.elimination()  # of the map, not of an instance: it comes with a map file
    if on_device:
        return _there(args.interpreter or "micropython", heap_bytes, given, chosen, start, args)
    if args.cart is not None:
        from tools.route.trips import trips

        for answer in trips(given, chosen, args.cart, args.budget_ms):
            _say(answer)
        return 0
    for each in chosen:
        own = start is None and args.blocked is None and args.frozen_dm is None
        _say(here(given, each, start, args.budget_ms, args.frozen_dm, own))
    return 0


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer, ensure_ascii=False), flush=True)


def size_of(text: str) -> int:
    """Return '120k' or '1m' as bytes; UsageError for anything else or less than 8 kB."""
    found = _HEAP.fullmatch(text)
    size = int(found[1]) << {"": 0, "k": 10, "m": 20}[found[2].lower()] if found else 0
    if not 8 << 10 <= size <= _HEAP_MAX:
        raise UsageError(f"--heap is a size from 8k to 1024m, as 120k, not '{text}'")
    return size


def here(
    given: Problem,
    instance: Instance,
    start: Stop | None,
    budget_ms: int | None = None,
    frozen_dm: int | None = None,
    own: bool = True,
) -> dict[str, Any]:
    """Plan a checked instance on this interpreter; `own` and the answer as of `answer_of`."""
    graph, picks = given.graph, instance.picks
    frozen = [edge >= 0 and graph.zone[edge] == _FROZEN for edge, _ in picks]
    rules = None if frozen_dm is None else Rules(None, (), frozen, frozen_dm, 0)
    began = time.perf_counter()
    plan: Any = sequence.plan(graph, picks, start, None, _ticks_ms, budget_ms, rules)
    took_ms = 1000 * (time.perf_counter() - began)
    found = {key: getattr(plan, key) for key in ("order", "unreachable", "length_dm", "bound_dm")}
    answer = answer_of(instance, {**found, "method": plan.method}, took_ms, own)
    if rules is not None:
        answer["frozen_dm"] = _carried(graph, picks, plan.order, frozen)
        answer["kept"] = plan.kept
    return answer


def _carried(graph: Any, picks: list[Stop], order: list[int], frozen: list[bool]) -> int:
    for k, number in enumerate(order):
        if frozen[number]:
            rest = [picks[i] for i in order[k + 1 :]]
            return int(sequence.length_in_order(graph, rest, range(len(rest)), picks[number]) or 0)
    return 0


def _there(
    interpreter: str,
    heap_bytes: int,
    given: Problem,
    chosen: list[Instance],
    start: Stop | None,
    args: argparse.Namespace,
) -> int:
    """Plan on another interpreter: a fresh one each time, so that no instance lies in another's way."""
    from tools.route import device

    # three times, the middle counts: the first plan of a process waits for memory to be mapped
    more = {"repeat": 3} if args.budget_ms is None else {"budget_ms": args.budget_ms}
    code = 0
    for instance in chosen:
        task = device.task_of(instance.picks, start, **more)
        (found,) = device.answers(interpreter, heap_bytes, given.graph, [task])
        if "fault" in found:
            told = f"instance {instance.id}: {found['fault']}; give it more with --heap"
            print(f"o2o route: {told}", file=sys.stderr)
            code = 1
            continue
        own = start is None and args.blocked is None
        answer = answer_of(instance, found, statistics.median(found["us"]) / 1000, own)
        if interpreter != device.WASM:
            answer["heap_bytes"] = device.least_heap(
                interpreter, heap_bytes, given.graph, task, found
            )
        _say(answer)
    return code


def answer_of(
    instance: Instance, found: dict[str, Any], took_ms: float, own: bool
) -> dict[str, Any]:
    """Return what the command says of one instance (DESIGN section 7).

    `own`: it was asked as it stands in the file. What is proven of it there can only be compared then,
    and only where all of it is visited.
    """
    answer = {
        "instance": instance.id,
        "length_dm": found["length_dm"],
        "tour": [0, *(i + 1 for i in found["order"])],
        "method": found["method"],
        "ms": round(took_ms, 3),
        "unreachable": found["unreachable"],
    }
    if found["method"] != sequence.EXACT:
        answer["bound_dm"] = found["bound_dm"]
    if instance.opt and own and not found["unreachable"] and found["length_dm"] is not None:
        answer["gap_pct"] = round(100 * (found["length_dm"] - instance.opt) / instance.opt, 3)
    if instance.bins is not None:
        answer["bins"] = [instance.bins[i] for i in found["order"]]
        answer["unreachable_bins"] = [instance.bins[i] for i in found["unreachable"]]
    return answer


def _ticks_ms() -> int:
    return time.perf_counter_ns() // 1_000_000
