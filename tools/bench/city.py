"""From measured costs to a city: messages, bytes, cores and disk for so many riders and orders.

Every figure says where it comes from: `measured` here and now, `counted` (bytes of real messages, rates
measured on recorded rides), `assumed` (an argument of the command), `computed` from those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tools.bench.measure import TCP_IP_BYTES, TLS_BYTES, Cost

# docs/track.md: mean of four recorded bicycle rides, live bound 30 m: 170 messages an hour, of them 4
# are lines of up to 15 minutes, which carry 442 B an hour.
LIVE_PER_H = 166
LINES_PER_H = 4
LINE_BYTES = 442 // LINES_PER_H
# A cold box that is neither warming nor failing (firmware/rider/cold.py): a reading a minute.
TEMPS_PER_H = 60
# An order on the feed: received, accepted, picked up, arrived, handed over; two alerts (1 km, 300 m), a
# risk level, a verdict and its integrity event, the end of its cold chain.
ROWS_PER_ORDER = 10
PEAK = 3.0  # of a day's orders in its busiest hour, against the mean of 24
_HEADS = TCP_IP_BYTES + TLS_BYTES
_DAY_S = 86_400


@dataclass(frozen=True)
class City:
    """What is assumed. hours: a rider's shift. busy: how full a process may be, 0..1."""

    riders: int = 100_000
    orders_per_day: int = 10_000_000
    hours: float = 8.0
    busy: float = 0.6


@dataclass(frozen=True)
class Costs:
    """What was measured. commit1, commit10: a record in frames of 1 or 10; out: a feed message; whole: a
    frame of one fix through a gateway process, from the broker to the feed's acknowledgement."""

    decode: Cost
    encode: Cost
    commit1: Cost
    commit10: Cost
    out: Cost
    whole: Cost
    disk_bytes: float
    sizes: dict[str, int]


def figure(value: float, unit: str, source: str) -> dict[str, Any]:
    """Return a figure with its unit and where it comes from."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 1 else 3
    return {"value": round(value, digits), "unit": unit, "source": source}


def profiles(city: City, costs: Costs) -> dict[str, dict[str, Any]]:
    """Return the figures of each profile: adaptive, and a fix every 5 s (plain and in batches)."""
    orders_s = city.orders_per_day * ROWS_PER_ORDER / _DAY_S
    temps_s = city.riders * TEMPS_PER_H / 3600
    live_s = city.riders * LIVE_PER_H / 3600
    lines_s = city.riders * LINES_PER_H / 3600
    fixes_s = city.riders / 5
    up, feed = costs.sizes, costs.sizes
    line_up = LINE_BYTES + up["up_fix"] - 60  # its head and topic are a fix's
    told: dict[str, dict[str, Any]] = {}
    told["adaptive"] = _profile(
        city,
        costs,
        up=[(live_s, up["up_live"]), (lines_s, line_up), (temps_s, up["up_temp"])],
        rows_s=lines_s + temps_s + orders_s * PEAK,
        # A `last` of each rider at most every 10 s; here as often as a live message comes.
        feed=[
            (min(live_s, city.riders / 10), feed["feed_fix"]),
            (lines_s + orders_s * PEAK, feed["feed_fix"]),
            (temps_s, feed["feed_temp"]),
        ],
        stored_s=(lines_s + temps_s + orders_s),
    )
    rest_up = [(fixes_s, up["up_fix"]), (temps_s, up["up_temp"])]
    rest_feed = [
        (city.riders / 10, feed["feed_fix"]),
        (orders_s * PEAK, feed["feed_fix"]),
        (temps_s, feed["feed_temp"]),
    ]
    rows_s = fixes_s + temps_s + orders_s * PEAK
    stored_s = fixes_s + temps_s + orders_s
    told["every 5 s"] = _profile(
        city, costs, rest_up, rows_s, [(fixes_s, feed["feed_fix"]), *rest_feed], stored_s
    )
    told["every 5 s, batches of 64"] = _profile(
        city, costs, rest_up, rows_s, [(fixes_s / 64, feed["feed_batch64"]), *rest_feed], stored_s
    )
    return told


def _profile(
    city: City,
    costs: Costs,
    up: list[tuple[float, int]],
    rows_s: float,
    feed: list[tuple[float, int]],
    stored_s: float,
) -> dict[str, Any]:
    up_s = sum(rate for rate, _ in up)
    out_s = sum(rate for rate, _ in feed)
    up_mbit = sum(rate * (size + _HEADS) for rate, size in up) * 8 / 1e6
    out_mbit = sum(rate * (size + _HEADS) for rate, size in feed) * 8 / 1e6
    # What comes but is not a row (a live message) costs its receiving and decoding.
    receive = max(0.0, costs.whole.cpu_s_100k - costs.commit1.cpu_s_100k - costs.out.cpu_s_100k)
    cores = (
        up_s * receive
        + rows_s * costs.commit1.cpu_s_100k
        + max(0.0, up_s - rows_s) * costs.decode.cpu_s_100k
        + out_s * costs.out.cpu_s_100k
    ) / 100_000
    share = city.hours / 24
    return {
        "device messages": figure(up_s, "messages/s", "computed: all riders at work"),
        "device traffic": figure(
            up_mbit, "Mbit/s", "computed from counted bytes, TCP/IP and TLS in"
        ),
        "rows committed": figure(rows_s, "rows/s", "computed, orders at their peak"),
        "feed messages": figure(out_s, "messages/s", "computed"),
        "feed traffic": figure(
            out_mbit, "Mbit/s", "computed from counted bytes, TCP/IP and TLS in"
        ),
        "gateway cores": figure(cores, "cores", "computed from measured CPU seconds"),
        "workers": figure(
            -(-cores // city.busy), "processes", f"computed: one core each, {city.busy:.0%} full"
        ),
        "disk written": figure(
            stored_s * share * _DAY_S * costs.disk_bytes / 1e9,
            "GB/day",
            f"computed from measured bytes a row; riders at work {city.hours:g} h",
        ),
        "feed in a day": figure(
            sum(rate * size for rate, size in feed) * share * _DAY_S / 1e9, "GB/day", "computed"
        ),
    }


def measured(costs: Costs) -> dict[str, Any]:
    """Return the costs as figures."""
    here = "measured here"
    told = {}
    for name, cost in (
        ("decode a frame of one fix", costs.decode),
        ("encode a feed message", costs.encode),
        ("commit a record, 1 a frame", costs.commit1),
        ("commit a record, 10 a frame", costs.commit10),
        ("publish a feed message", costs.out),
        ("a whole gateway, 1 a frame", costs.whole),
    ):
        told[name] = figure(cost.per_s, "1/s", here)
        told[f"{name}, CPU"] = figure(cost.cpu_s_100k, "s/100k", here)
    told["database"] = figure(costs.disk_bytes, "bytes a row", here)
    for name, size in costs.sizes.items():
        told[name] = figure(size, "bytes", "counted: MQTT packet without TCP and TLS")
    return told
