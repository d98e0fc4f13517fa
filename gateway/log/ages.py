"""What nobody asks for any more is deleted by its age, so that the database does not grow for ever.

Feed rows have a rule of their own (gateway.log.bounds). A log's `next` is never forgotten: a board that
comes back after a year goes on where it was.
"""

import sqlite3
from datetime import UTC, datetime, timedelta

from gateway.log.book import FAILED, OVER
from gateway.sections import Keep

DAY_MS = 86_400_000
# Of each table in one commit.
_CHUNK = 1_000
# Of a board that runs for months the clock is still needed.
_OLD_START = (
    "at_ms<? AND NOT EXISTS(SELECT 1 FROM devices WHERE devices.device=anchors.device "
    "AND devices.boot=anchors.boot)"
)
_AWAY = (
    "at_ms<? AND presence<>'online' AND "
    "NOT EXISTS(SELECT 1 FROM commands WHERE commands.device=devices.device)"
)


def purge_ages(db: sqlite3.Connection, keep: Keep, now_ms: int) -> int:
    """Delete the oldest of what is over, inside a transaction; returns how many rows.

    Orders that are over, refused or expired, and pick lists, `orders_days` after they changed last.
    The memory of a message that was taken, `messages_days` after it came last. Who was who in a shift,
    clocks of former starts, and devices that are away, after `riders_days`.
    """
    gone = (*OVER, *FAILED)
    marks = ",".join("?" * len(gone))
    orders_ms = now_ms - keep.orders_days * DAY_MS
    riders_ms = now_ms - keep.riders_days * DAY_MS
    day = datetime.fromtimestamp(now_ms / 1000, UTC) - timedelta(days=keep.riders_days)
    done = 0
    for table, key, condition, values in (
        ("orders", "name", f"at_ms<? AND state IN ({marks})", (orders_ms, *gone)),
        ("lists", "name,device", "at_ms<?", (orders_ms,)),
        (
            *("taken", "ref,digest"),
            # As long as an order is known, so are its messages.
            "at_ms<? AND NOT EXISTS(SELECT 1 FROM orders WHERE orders.name=taken.ref)",
            (now_ms - keep.messages_days * DAY_MS,),
        ),
        (
            *("anchors", "device,boot"),
            _OLD_START,
            (riders_ms,),
        ),
        ("roster", "subject", "shift<?", (f"{day:%Y%m%d}",)),
        (
            *("devices", "device"),
            _AWAY,
            (riders_ms,),
        ),
    ):
        # In an order of its own, so that the same goes wherever the statement is played again.
        age = "shift" if table == "roster" else "at_ms"
        done += db.execute(
            f"DELETE FROM {table} WHERE ({key}) IN "  # noqa: S608
            f"(SELECT {key} FROM {table} WHERE {condition} ORDER BY {age},{key} LIMIT {_CHUNK})",
            values,
        ).rowcount
    return done
