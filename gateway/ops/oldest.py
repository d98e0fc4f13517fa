"""How old the oldest row is that a sink still owes: the figure that says the feed is behind."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from gateway.errors import GatewayError
from gateway.log.store import ROUTINE, URGENT, connect


def oldest_s(path: Path, sinks: list[str]) -> dict[str, float]:
    """Return sink -> seconds since its oldest row came that is not out, 0 when it owes nothing.

    Reads the database at `path`; call it off the event loop. {} when it cannot be read.
    """
    now_ms = time.time_ns() // 1_000_000
    found = {}
    try:
        with closing(connect(path, read_only=True)) as db:
            for sink in sinks:
                ages_ms = [0]
                for prio in (URGENT, ROUTINE):
                    row = db.execute(
                        "SELECT received_ms FROM rows WHERE prio=?1 AND id>coalesce("
                        "(SELECT id FROM cursors WHERE sink=?2 AND prio=?1),0) ORDER BY id LIMIT 1",
                        (prio, sink),
                    ).fetchone()
                    if row is not None:
                        ages_ms.append(now_ms - int(row[0]))
                found[sink] = max(ages_ms) / 1000
    except (sqlite3.Error, GatewayError):
        return {}
    return found
