"""One order, whole: what was promised, whose it is, all that happened to it, how warm its goods were."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from gateway.feed.writer import iso
from gateway.log.store import ROUTINE, URGENT, connect
from gateway.web.history import decoded, first_id, true_ms

_LOOK_ROWS = 200_000  # of the urgent rows, the newest
_EVENTS_MAX = 300
_TEMP_ROWS = 4_000
_POINTS_MAX = 400
_MARGIN_MS = 300_000  # of temperatures before the first and after the last event
# Where the customer is, is not the business of everybody who may look.
_SHOWN = ("promised", "profile", "building", "floor", "action")


class Orders:
    """Reads an order from the rows that are still in the database at `path`, read-only.

    Call it off the event loop; sqlite3.Error or GatewayError when the database cannot be read.
    """

    def __init__(self, path: Path):
        self._path = path

    def view(self, order: str) -> dict[str, Any] | None:
        """Return the order's whole story, None for an order that nobody knows.

        {order, state, taken_ms, told: what the platform said, subject, kind, events: feed messages by
        time, temps: sensor -> [[t, temp_cc]], more: True when older events were left out}.
        """
        with closing(connect(self._path, read_only=True)) as db:
            held = db.execute(
                "SELECT state,body,taken_ms FROM orders WHERE name=?", (order,)
            ).fetchone()
            events, more = _events(db, order)
            if held is None and not events:
                return None
            subject = next(
                (each["subject"] for each in events[::-1] if each["kind"] != "gateway"), ""
            )
            kind = next((each["kind"] for each in events[::-1] if each["subject"] == subject), "")
            temps = _temps(db, subject, events) if subject else {}
        return {
            "order": order,
            "state": held[0]
            if held
            else next((each["state"] for each in events[::-1] if each["stream"] == "order"), ""),
            "taken_ms": held[2] if held and held[2] else None,
            "told": _told(bytes(held[1])) if held else {},
            "subject": subject,
            "kind": kind,
            "events": events,
            "temps": temps,
            "more": more,
        }


def _told(body: bytes) -> dict[str, Any]:
    """Return what the platform said of an order, without the device behind the pseudonym."""
    try:
        message = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return {}
    if not isinstance(message, dict):
        return {}
    return {name: message[name] for name in _SHOWN if message.get(name) is not None}


def _events(db: sqlite3.Connection, order: str) -> tuple[list[dict[str, Any]], bool]:
    needle = b'"order":' + msgspec.json.encode(order)
    floor = db.execute("SELECT coalesce(max(id),0) FROM rows").fetchone()[0] - _LOOK_ROWS
    found = db.execute(
        "SELECT payload FROM rows WHERE prio=? AND id>? AND instr(payload,?) "
        "ORDER BY id DESC LIMIT ?",
        (URGENT, floor, needle, _EVENTS_MAX + 1),
    ).fetchall()
    events = [each for each in decoded(found[:_EVENTS_MAX]) if each.get("order") == order]
    return sorted(events, key=true_ms), len(found) > _EVENTS_MAX


def _temps(
    db: sqlite3.Connection, subject: str, events: list[dict[str, Any]]
) -> dict[str, list[tuple[str, int]]]:
    """The rider's curves between the first and the last event, thinned to 400 points each.

    Of all names he had in that time: a pseudonym ends at midnight, an order need not.
    """
    first = first_id(db, true_ms(events[0]) - _MARGIN_MS)
    last = first_id(db, true_ms(events[-1]) + _MARGIN_MS)
    names = db.execute(
        "SELECT subject FROM roster WHERE device=(SELECT device FROM roster WHERE subject=?)",
        (subject,),
    ).fetchall()
    told = {subject, *({name for (name,) in names} & {str(each["subject"]) for each in events})}
    found = []
    for name in told:
        found += db.execute(
            "SELECT payload FROM rows WHERE prio=? AND id>=? AND id<? AND topic LIKE ? "
            "ORDER BY id DESC LIMIT ?",
            (ROUTINE, first, last, f"%/{name}/temp", _TEMP_ROWS),
        ).fetchall()
    curves: dict[str, list[tuple[str, int]]] = {}
    for message in decoded(found):
        sensor, temp_cc = message.get("sensor"), message.get("temp_cc")
        if isinstance(sensor, str) and isinstance(temp_cc, int):
            curves.setdefault(sensor, []).append((iso(true_ms(message)), temp_cc))
    return {sensor: _thin(sorted(curve)) for sensor, curve in list(curves.items())[:16]}


def _thin(curve: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Keep of each stretch its lowest and its highest reading: a peak must not be thinned away."""
    if len(curve) <= _POINTS_MAX:
        return curve
    step = -(-2 * len(curve) // _POINTS_MAX)
    kept: set[tuple[str, int]] = {curve[0], curve[-1]}
    for at in range(0, len(curve), step):
        part = curve[at : at + step]
        kept.add(min(part, key=lambda point: point[1]))
        kept.add(max(part, key=lambda point: point[1]))
    return sorted(kept)
