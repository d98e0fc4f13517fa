"""The words that were said of each order, kept by the readers that act on where an order stands."""

from __future__ import annotations

import sqlite3
from typing import Any

from tools.feed.standing import Standing, Word, word_of

SCHEMA = """
CREATE TABLE IF NOT EXISTS said (name TEXT, t TEXT, rank INTEGER, seq INTEGER, subject TEXT,
  state TEXT, PRIMARY KEY (name,t,rank,seq,subject,state)) WITHOUT ROWID;
"""
_WORDS_MAX = 1_000  # of one order; a real one has some ten


def note(db: sqlite3.Connection, body: dict[str, Any]) -> Standing | None:
    """Keep a message of `order`; returns where the order stands, None for no word on the order."""
    word = word_of(body, body["t"] or body["received"])
    if word is None:
        return None
    order = body["order"]
    db.execute("INSERT OR IGNORE INTO said VALUES (?,?,?,?,?,?)", (order, *word))
    rows = db.execute(
        "SELECT t,rank,seq,subject,state FROM said WHERE name=? ORDER BY t DESC LIMIT ?",
        (order, _WORDS_MAX),
    )
    return Standing(Word(*row) for row in rows)


def was_said(db: sqlite3.Connection, order: str, state: str, t: str) -> bool:
    """Tell whether a message of `order` said this state at this time, whether it counts or not."""
    query = "SELECT 1 FROM said WHERE name=? AND state=? AND t=?"
    return db.execute(query, (order, state, t)).fetchone() is not None
