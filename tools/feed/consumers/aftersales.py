"""What after-sales can prove of an order: temperature, excursions, the box, exceptions, who says so.

    python -m tools.feed.consumers.aftersales --broker HOST:PORT --db aftersales.db
    python -m tools.feed.consumers.aftersales --db aftersales.db --order A1001

Silence is unknown, never good: an order without a verdict has none, and says so. When records of its
rider are missing, that stands in the report too.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from tools.feed.consumers.inbox import Inbox, arguments, run
from tools.feed.standing import Standing, word_of

STREAMS = ("order", "excursion", "integrity", "exception", "alert", "health")
_WORST = ("fail", "inconclusive", "pass")
_STATES = ("in", "warn", "out", "latched")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (id TEXT PRIMARY KEY, name TEXT, subject TEXT, stream TEXT, t TEXT,
  message TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS facts_of ON facts (name);
CREATE TABLE IF NOT EXISTS gaps (id TEXT PRIMARY KEY, subject TEXT, t TEXT, log TEXT, n INTEGER,
  why TEXT) WITHOUT ROWID;
"""


def open_inbox(path: Path) -> Inbox:
    """Return the reader on its database."""
    return Inbox(path, _SCHEMA, take)


def take(db: sqlite3.Connection, body: dict[str, Any]) -> None:
    """Keep what belongs to an order, and the gaps of each rider."""
    if body["stream"] not in STREAMS:
        return
    said = body["t"] or body["received"]
    if body["stream"] == "order":
        word_of(body, said)  # raises for what report() could not judge
    if body["stream"] == "health":
        if body.get("event") == "gap":
            n = body["to_seq"] - body["from_seq"] + 1
            row = (body["id"], body["subject"], said, body.get("of_log"), n, body.get("why"))
            db.execute("INSERT OR IGNORE INTO gaps VALUES (?,?,?,?,?,?)", row)
        return
    if body.get("order"):
        text = json.dumps(body, ensure_ascii=False)
        row = (body["id"], body["order"], body["subject"], body["stream"], said, text)
        db.execute("INSERT OR IGNORE INTO facts VALUES (?,?,?,?,?,?)", row)


def report(db: sqlite3.Connection, order: str) -> dict[str, Any]:
    """Return what is known of an order; {'order', 'known': False} when nothing is."""
    rows = db.execute("SELECT stream,message FROM facts WHERE name=? ORDER BY t", (order,))
    by: dict[str, list[dict[str, Any]]] = {}
    for stream, message in rows:
        by.setdefault(stream, []).append(json.loads(message))
    if not by:
        return {"order": order, "known": False}
    states = _states(by.get("order", []))
    verdicts = [each for each in by.get("integrity", ()) if each.get("event") == "verdict"]
    subjects = {each["subject"] for found in by.values() for each in found}
    return {
        "order": order,
        "known": True,
        "states": states,
        "temperature": _temperature(verdicts),
        "excursions": _excursions(by.get("excursion", [])),
        "box": [
            {"t": each["t"], "what": each.get("what"), "seconds_s": each.get("seconds_s")}
            for each in by.get("integrity", ())
            if each.get("event") != "verdict"
        ],
        "exceptions": [
            {"t": each["t"], "code": each["code"], "seconds_s": each.get("seconds_s")}
            for each in by.get("exception", ())
        ],
        "records_missing": _missing(db, subjects),
    }


def _states(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every state that was said; counts: it says something of the order, and is not the word of one
    who had lost it or a refused message."""
    words = [word_of(each, each["t"] or each["received"]) for each in found]
    standing = Standing(word for word in words if word is not None)
    return [
        {
            "state": each["state"],
            "t": each["t"],
            "counts": word is not None and standing.counts(word),
        }
        for each, word in zip(found, words, strict=True)
    ]


def _temperature(verdicts: list[dict[str, Any]]) -> dict[str, Any]:
    """The worst of all sensors' verdicts, each with what vouches for it."""
    # A verdict that the board gave again (after a power cut) takes the place of the one before.
    newest = {each.get("sensor"): each for each in verdicts}
    words = [str(each["verdict"]) for each in newest.values()]
    worst = next((word for word in _WORST if word in words), "none")
    names = ("sensor", "verdict", "profile", "profile_hash", "trust", "samples", "total_s")
    more = ("unknown_s", "min_cc", "mean_cc", "max_cc", "mkt_cc", "longest_s", "reason")
    return {
        "verdict": worst.upper() if worst != "none" else "NO VERDICT",
        "attested": [
            {name: each[name] for name in (*names, *more) if name in each}
            for each in newest.values()
        ],
    }


def _excursions(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The steps that were told. None is no praise: whether it was good says the verdict alone."""
    known = [_STATES.index(each["state"]) for each in found if each["state"] in _STATES]
    return {
        "worst": _STATES[max(known)] if known else "none told",
        "steps": [
            {
                name: each[name]
                for name in ("t", "sensor", "state", "was", "side", "limit_cc", "peak_cc")
                if name in each
            }
            for each in found
        ],
    }


def _missing(db: sqlite3.Connection, subjects: set[str]) -> list[dict[str, Any]]:
    rows = [
        row
        for subject in sorted(subjects)
        for row in db.execute("SELECT t,log,n,why FROM gaps WHERE subject=? ORDER BY t", (subject,))
    ]
    return [{"t": t, "log": log, "records": n, "why": why} for t, log, n, why in rows]


if __name__ == "__main__":
    parser = arguments("What after-sales can prove of an order", "aftersales")
    parser.add_argument("--order", help="only print what is known of this order")
    options = parser.parse_args()
    inbox = open_inbox(options.db)
    if options.order:
        print(json.dumps(report(inbox.db, options.order), ensure_ascii=False, indent=1))
    else:
        run(inbox, options, "aftersales", STREAMS)
