"""The answer to delay, in three levels, each once per order.

    python -m tools.feed.consumers.delay --broker HOST:PORT --db delay.db

warn        nothing: the customer is not told of what may still come right
intervene   a proposal to the dispatcher (help, another rider, a call), taken back when the risk falls
            or the order ends
compensate  a request for a voucher: the promise is as good as broken

Reads `risk` and `order`. What it asks for stands in the table `outbox`, once by its key, for whatever
carries it to the dispatcher's and the voucher system. Which of the two streams comes first does not
matter: an end that is known makes a later `intervene` void, and a `compensate` that was said before
the end counts whenever it comes. An end is one only from the rider who has the order
(tools/feed/standing.py): one who lost it to another says nothing of it any more.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from tools.feed.consumers import words
from tools.feed.consumers.inbox import Inbox, arguments, post, run
from tools.feed.standing import ENDS

STREAMS = ("risk", "order")
_SCHEMA = (
    words.SCHEMA
    + """
CREATE TABLE IF NOT EXISTS orders (name TEXT PRIMARY KEY, ended TEXT, ended_t TEXT, level TEXT,
  level_t TEXT);
CREATE TABLE IF NOT EXISTS counts (what TEXT PRIMARY KEY, n INTEGER);
"""
)


def open_inbox(path: Path) -> Inbox:
    """Return the reader on its database."""
    return Inbox(path, _SCHEMA, take)


def take(db: sqlite3.Connection, body: dict[str, Any]) -> None:
    """Take a message of `risk` or `order`; others are left alone."""
    if body["stream"] not in STREAMS:
        return
    order, said = body["order"], body["t"] or body["received"]
    db.execute("INSERT OR IGNORE INTO orders (name) VALUES (?)", (order,))
    ended, ended_t, level, level_t = db.execute(
        "SELECT ended,ended_t,level,level_t FROM orders WHERE name=?", (order,)
    ).fetchone()
    if body["stream"] == "order":
        _on_state(db, order, body, level)
        return
    _count(db, str(body["level"]))
    if body["level"] == "compensate" and (ended is None or said <= ended_t):
        _compensate(db, order, body)
    if level_t is not None and said < level_t:
        return  # an older word, late: the newer one stands
    db.execute("UPDATE orders SET level=?,level_t=? WHERE name=?", (body["level"], said, order))
    if ended is not None:
        return
    if body["level"] == "intervene":
        post(
            db,
            f"intervene|{order}",
            {
                "to": "dispatcher",
                "order": order,
                "proposal": "help or reassign",
                "late_pct": body.get("late_pct"),
                "slack_s": body.get("slack_s"),
                "stops_before": body.get("stops_before"),
                "text_zh": body.get("text_zh"),
                "act": body.get("act"),
            },
        )
    elif level == "intervene" and body["level"] in ("none", "warn"):
        _withdraw(db, order, "the risk has fallen")


def _on_state(db: sqlite3.Connection, order: str, body: dict[str, Any], level: str | None) -> None:
    """An end counts from whom it counts; an order that goes on with another rider begins anew."""
    standing = words.note(db, body)
    if standing is None:
        return
    last = standing.last
    if last is None or last.state not in ENDS:
        db.execute("UPDATE orders SET ended=NULL,ended_t=NULL WHERE name=?", (order,))
        return
    db.execute("UPDATE orders SET ended=?,ended_t=? WHERE name=?", (last.state, last.t, order))
    if level == "intervene":
        _withdraw(db, order, f"the order is {last.state}")


def _compensate(db: sqlite3.Connection, order: str, body: dict[str, Any]) -> None:
    message = {"to": "vouchers", "order": order, "why": "late", "slack_s": body.get("slack_s")}
    post(db, f"compensate|{order}", {**message, "act": body.get("act")})


def _withdraw(db: sqlite3.Connection, order: str, why: str) -> None:
    asked = db.execute("SELECT 1 FROM outbox WHERE key=?", (f"intervene|{order}",)).fetchone()
    if asked:
        post(db, f"withdraw|{order}", {"to": "dispatcher", "order": order, "withdrawn": why})


def _count(db: sqlite3.Connection, what: str) -> None:
    db.execute("INSERT INTO counts VALUES (?,1) ON CONFLICT(what) DO UPDATE SET n=n+1", (what,))


if __name__ == "__main__":
    options = arguments("The answer to delay, in three levels", "delay").parse_args()
    run(open_inbox(options.db), options, "delay", STREAMS)
