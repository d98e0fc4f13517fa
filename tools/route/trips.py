"""`o2o route --cart N`: orders put together into trips of one cart, and what that saves."""

import time
from collections.abc import Iterator
from typing import Any

from firmware.picker.batching import Cart, batch, orders_from
from tools.errors import ToolError, UsageError
from tools.route.problem import Instance, Problem

_BUDGET_MS = 2000


def trips(
    given: Problem, chosen: list[Instance], slots: int, budget_ms: int | None
) -> Iterator[dict[str, Any]]:
    """Yield what is said of each trip, and at last of all together.

    The orders are those of a store folder's pick list, or else the instances of the map. UsageError for
    a cart of no slots, ToolError for more orders than are grouped at once.
    """
    orders, reason = orders_from(given.graph, _rows(chosen))
    if orders is None:
        raise ToolError(f"{given.name}: {reason}; choose fewer of them")
    end = time.monotonic() + (budget_ms or _BUDGET_MS) / 1000
    found, reason = batch(given.graph, orders, Cart(slots), more=lambda: time.monotonic() < end)
    if found is None:
        raise UsageError(f"--cart {slots}: {reason}")
    for number, trip in enumerate(found.trips, 1):
        yield {
            "trip": number,
            "orders": trip.orders,
            "picks": len(trip.picks),
            "length_dm": trip.length_dm,
            "method": trip.method,
            "lines": trip.lines,
        }
    yield {
        "trips": len(found.trips),
        "length_dm": found.length_dm,
        "proven": found.proven,
        "one_order_a_trip_dm": found.single_dm,
        "first_come_dm": found.fifo_dm,
        "saved_pct": found.saved_permille(found.single_dm) / 10,
        "saved_against_first_come_pct": found.saved_permille(found.fifo_dm) / 10,
        "unreachable": found.unreachable,
    }


def _rows(chosen: list[Instance]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for instance in chosen:
        if instance.orders is None:
            rows.append({"id": instance.id, "picks": instance.picks})
            continue
        of_list: dict[str, list[Any]] = {}
        for name, pick in zip(instance.orders, instance.picks, strict=True):
            of_list.setdefault(name, []).append(pick)
        rows += [{"id": name, "picks": picks} for name, picks in of_list.items()]
    return rows
