"""Back through the last hour: the picture as it was at a time, made anew from the rows of that time.

Reads the database through connections of its own, read-only, in a thread, one question at a time; every
question has a bound on the rows and the time it takes and gives other threads their turn. What counts
is when a thing was true, not when it came: a stretch of track that came ten minutes later is in it.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from gateway.feed.last import when
from gateway.feed.writer import REPLAY_MS, iso
from gateway.log.store import ROUTINE, URGENT, connect
from gateway.web.hub import Hub
from gateway.web.newest import Reading

# Rows of one question, at most.
_URGENT_ROWS = 4_000
_ROUTINE_ROWS = 30_000
_LATE_ROWS = 6_000
_PAGE_ROWS = 1_000
_MARKS = 400
_BEFORE_MS = 900_000  # what a trail and a curve show
_AFTER_MS = 960_000  # a stretch of track comes within 15 minutes
_OPEN_MS = 43_200_000  # among more than _URGENT_ROWS an order is looked for so far back
_TURN_ROWS = 250  # decoded before other threads get their turn

Point = tuple[str, int, int]


class History:
    """Answers questions about rows that are still in the database at `path`.

    Every method opens and closes a connection and raises GatewayError or sqlite3.Error when the database
    cannot be read; call them off the event loop.
    """

    def __init__(self, path: Path):
        self._path = path

    def span(self) -> dict[str, Any]:
        """Return {from_ms, to_ms, marks}: what there is to look at, null without a row.

        marks: [[ms, level]] of what needed somebody, oldest first; level 2 act, 1 worth a look.
        """
        with closing(connect(self._path, read_only=True)) as db:
            ends = db.execute(
                "SELECT (SELECT received_ms FROM rows ORDER BY id LIMIT 1),"
                "(SELECT received_ms FROM rows ORDER BY id DESC LIMIT 1)"
            ).fetchone()
            found = db.execute(
                "SELECT payload FROM rows WHERE prio=? AND (topic LIKE '%/risk' OR "
                "topic LIKE '%/excursion' OR topic LIKE '%/integrity' OR topic LIKE '%/alert') "
                "ORDER BY id DESC LIMIT ?",
                (URGENT, _MARKS),
            ).fetchall()
        levels = [(message, _level(message)) for message in decoded(found)]
        marks = sorted([true_ms(message), level] for message, level in levels if level)
        return {"from_ms": ends[0], "to_ms": ends[1], "marks": marks}

    def at(self, t_ms: int, nows: dict[str, tuple[str, list[Point]]]) -> dict[str, Any]:
        """Return the hub's picture as it was at `t_ms` (Unix ms), and {at_ms, rows, cut}.

        cut: there was more than one picture is made of: trails and curves are shorter, or, when the time
        for it was over, somebody's last word is missing.
        nows: subject -> (kind, positions that are in no log), from the hub's memory.
        """
        with closing(connect(self._path, read_only=True)) as db:
            messages, is_cut = self._known_at(db, t_ms)
            names = _names(db, {str(message.get("subject")) for message in messages})
        limit = iso(t_ms)
        for subject, (kind, points) in nows.items():
            for t, lat_e7, lon_e7 in points:
                if t <= limit:
                    messages.append(_now(subject, kind, t, lat_e7, lon_e7))
        messages.sort(key=lambda message: message["received"])
        hub = Hub()
        for name in names:
            hub.name(*name)
        for n, message in enumerate(messages):
            if n % _TURN_ROWS == 0:
                time.sleep(0)
            hub.replay(message)
        return {"at_ms": t_ms, "rows": len(messages), "cut": is_cut, **hub.picture()}

    def _known_at(self, db: sqlite3.Connection, t_ms: int) -> tuple[list[dict[str, Any]], bool]:
        first = first_id(db, t_ms - _BEFORE_MS)
        then = first_id(db, t_ms + REPLAY_MS)  # what came later than this says so
        late = first_id(db, t_ms + _AFTER_MS)
        floor = first_id(db, t_ms - _OPEN_MS)
        reading = Reading(db, t_ms)  # from here on the clock runs
        # What somebody had to act on first: should the time be short, trails are what is short.
        found, _ = reading.rows(URGENT, (1, then), _URGENT_ROWS, floor)
        routine, is_thin = reading.rows(ROUTINE, (first, then), _ROUTINE_ROWS, first)
        found += routine
        for prio in (URGENT, ROUTINE):
            came, is_less = reading.rows(prio, (then, late), _LATE_ROWS, then, late_only=True)
            found += came
            is_thin = is_thin or is_less
        reading.end()
        limit = iso(t_ms)
        known = [_cut(message, t_ms, limit) for message in decoded(found)]
        return [message for message in known if message is not None], is_thin or reading.is_short

    def rows(self, from_ms: int, to_ms: int, after: int, most: int) -> dict[str, Any]:
        """Return {messages, next, more}: feed messages received from `from_ms` until before `to_ms`.

        In the order of their commits, a page of at most `most` (1,000 at most); `next` goes into `after`
        of the question for the following page. The roster is not among them.
        """
        most = max(1, min(most, _PAGE_ROWS))
        with closing(connect(self._path, read_only=True)) as db:
            first = max(after + 1, first_id(db, from_ms))
            found = db.execute(
                "SELECT id,payload FROM rows WHERE id>=? AND id<? AND topic NOT LIKE '%/roster' "
                "ORDER BY id LIMIT ?",
                (first, first_id(db, to_ms), most + 1),
            ).fetchall()
        page = found[:most]
        return {
            "messages": [msgspec.Raw(payload) for _, payload in page],
            "next": page[-1][0] if page else after,
            "more": len(found) > most,
        }


def first_id(db: sqlite3.Connection, t_ms: int) -> int:
    """Return the first row that was received at `t_ms` or later; one beyond the last if none was.

    Rows are committed in the order of their receipt, but for the moments a full queue takes: good enough
    for a picture, and it needs no index.
    """
    low, high = db.execute("SELECT coalesce(min(id),1),coalesce(max(id),0)+1 FROM rows").fetchone()
    while low < high:
        middle = (low + high) // 2
        row = db.execute(
            "SELECT id,received_ms FROM rows WHERE id>=? ORDER BY id LIMIT 1", (middle,)
        ).fetchone()
        if row is None or row[0] >= high or row[1] >= t_ms:
            high = middle
        else:
            low = int(row[0]) + 1
    return int(low)


def _names(db: sqlite3.Connection, subjects: set[str]) -> list[tuple[str, str, str]]:
    """Return (device, pseudonym, shift) of those who are among `subjects`, the oldest shift first."""
    found = []
    for subject in subjects:
        found += db.execute(
            "SELECT device,subject,shift FROM roster WHERE subject=?", (subject,)
        ).fetchall()
    return sorted(found, key=lambda name: name[2])


def decoded(found: list[Any]) -> Iterator[dict[str, Any]]:
    for n, row in enumerate(found):
        if n % _TURN_ROWS == 0:
            time.sleep(0)
        try:
            message = msgspec.json.decode(row[-1])
            if isinstance(message, dict) and message["stream"] != "roster":
                yield message
        except (msgspec.MsgspecError, LookupError):
            continue


def true_ms(message: dict[str, Any]) -> int:
    stamps = [each for each in (message.get("t"), message.get("received")) if each]
    return min(_ms(each) for each in stamps)


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def _level(message: dict[str, Any]) -> int:
    """Return 2 for what somebody had to act on, 1 for what was worth a look, else 0."""
    stream = message["stream"]
    if stream == "risk":
        return {"warn": 1, "intervene": 2, "compensate": 2}.get(str(message.get("level")), 0)
    if stream == "excursion":
        return {"warn": 1, "out": 2, "latched": 2}.get(str(message.get("state")), 0)
    if stream == "integrity":
        return {"fail": 2, "inconclusive": 1}.get(str(message.get("verdict")), 0)
    return 2 if message.get("alert") == "sensor_lost" else 0


def _cut(message: dict[str, Any], t_ms: int, limit: str) -> dict[str, Any] | None:
    """Return what of a message was true by `t_ms`, as if it had come at once; None if nothing was."""
    try:
        if message["stream"] == "track":
            return _cut_track(message, t_ms)
        true = when(message)  # the gateway writes every time alike: as texts they are in order
    except (LookupError, TypeError, ValueError, OverflowError):
        return None
    if true > limit:
        return None
    message.update(received=true, replay=False)
    return message


def _cut_track(message: dict[str, Any], t_ms: int) -> dict[str, Any] | None:
    """The way up to `t_ms`, with where the rider was then on the straight between two vertices."""
    began_ms = _ms(message["from"])
    vertices = message["vertices"]
    kept = [vertex for vertex in vertices if began_ms + vertex[0] <= t_ms]
    if not kept:
        return None
    breaks = [place for place in message.get("breaks", ()) if place < len(kept) - 1]
    if len(kept) < len(vertices) and len(kept) - 1 not in message.get("breaks", ()):
        (a_ms, *a), (b_ms, *b) = kept[-1], vertices[len(kept)]
        share = (t_ms - began_ms - a_ms) / max(1, b_ms - a_ms)
        here = [round(x + (y - x) * share) for x, y in zip(a, b, strict=True)]
        if t_ms - began_ms > a_ms:
            kept = [*kept, [t_ms - began_ms, *here]]
    end_ms = began_ms + kept[-1][0]
    return {**message, "vertices": kept, "breaks": breaks, "received": iso(end_ms)}


def _now(subject: str, kind: str, t: str, lat_e7: int, lon_e7: int) -> dict[str, Any]:
    head = {"stream": "now", "kind": kind, "subject": subject, "log": "track", "replay": False}
    return {**head, "id": "", "t": t, "received": t, "lat_e7": lat_e7, "lon_e7": lon_e7}
