"""Plans walks on a board's interpreter: a job of JSON lines in, an answer of one JSON line a task.

The first line is a map, the hex digits of a `firmware.picker.mapfile`. Each next one is a task:
`picks` (edge, offset, edge, offset, ...) and, if wanted, `start` (a place), `block` (edges closed for
this task), `budget_ms`, `repeat` (how often to plan and time it), `search` (1: by local search alone),
and `events` (what happens on the way). An answer's `taken_bytes` is what code, map and task had taken
before planning, and `free_bytes` what they had left. A task that cannot be done answers {"fault": why}.

In the subset of MicroPython; CPython runs it too.
"""
# mypy: ignore-errors

import binascii
import gc
import json
import sys
import time

from firmware.picker import mapfile, sequence


def run(path, out=None):
    """Do the job of a file; '-' reads standard input, so that a board's console can feed it."""
    if path == "-":
        _job(sys.stdin, out or print)
    else:
        with open(path) as file:  # noqa: PTH123
            _job(file, out or print)


def _job(file, say):
    graph, reason = mapfile.unpack(binascii.unhexlify(json.loads(file.readline())))
    if graph is None:
        say(json.dumps({"fault": reason}))
        return
    if hasattr(gc, "threshold"):
        gc.threshold(-1)  # as set for loading, it would collect in the middle of planning
    while True:
        line = file.readline()
        if not line:
            return
        try:
            answer = _do(graph, json.loads(line))
        except MemoryError as fault:
            answer = {"fault": "out of heap: " + str(fault)}
        say(json.dumps(answer))


def _do(graph, task):
    flat = task["picks"]
    task["picks"] = [(flat[i], flat[i + 1]) for i in range(0, len(flat), 2)]
    flat = None
    if task.get("start"):
        task["start"] = (task["start"][0], task["start"][1])
    closed = [edge for edge in task.get("block", ()) if not graph.is_blocked(edge)]
    for edge in closed:
        graph.block(edge)
    try:
        return _answer(graph, task)
    finally:
        for edge in closed:
            graph.block(edge, False)


def _answer(graph, task):
    if task.get("events"):
        return _on_the_way(graph, task)
    took_us = []
    taken_bytes = free_bytes = 0
    if hasattr(gc, "mem_alloc"):
        gc.collect()
        taken_bytes, free_bytes = gc.mem_alloc(), gc.mem_free()
    for _ in range(task.get("repeat", 1)):
        plan = None  # the one before would lie in the heap
        gc.collect()
        began = _us()
        plan = _plan(graph, task)
        took_us.append(_us_since(began))
    return {
        "order": plan.order,
        "unreachable": plan.unreachable,
        "length_dm": plan.length_dm,
        "bound_dm": plan.bound_dm,
        "method": plan.method,
        "us": took_us,
        "taken_bytes": taken_bytes,
        "free_bytes": free_bytes,
    }


def _on_the_way(graph, task):
    """A round with `events` [name, value]: how long until the next step is known, and the whole walk."""
    from firmware.picker.round import Round

    tour = Round(graph, task["picks"], task.get("start"))
    while tour.advance():
        pass
    first_us, took_us, methods = [], [], []
    for name, value in task["events"]:
        gc.collect()
        began = _us()
        if name == "short":
            tour.short(tour.next)
        elif name == "join":
            tour.join([(pick[0], pick[1]) for pick in value])
        elif name == "at":
            tour.at((value[0], value[1]))
        else:
            tour.block(value, name == "block")
        goes = tour.next
        first_us.append(_us_since(began))
        while tour.advance():
            pass
        took_us.append(_us_since(began))
        methods.append(name + " " + tour.plan.method)
        if goes is not None and name == "short":
            tour.picked(tour.next)
    return {"first_us": first_us, "us": took_us, "methods": methods}


def _plan(graph, task):
    start, budget_ms = task.get("start"), task.get("budget_ms")
    if task.get("search"):
        return sequence.plan(
            graph, task["picks"], start, None, _ms, budget_ms, room=0, exact_stops=0
        )
    return sequence.plan(graph, task["picks"], start, None, _ms, budget_ms)


def _ms():
    return time.ticks_ms() if hasattr(time, "ticks_ms") else int(1000 * time.perf_counter())


def _us():
    return time.ticks_us() if hasattr(time, "ticks_us") else int(1e6 * time.perf_counter())


def _us_since(began):
    if hasattr(time, "ticks_us"):
        return time.ticks_diff(time.ticks_us(), began)
    return _us() - began
