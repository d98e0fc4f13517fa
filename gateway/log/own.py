"""The log that the gateway itself writes: what it tells of devices, and of itself."""

import hashlib
import sqlite3
import time

from gateway.log.checksum import checksum

_SKIP = 1_000_000
_2020_S = 1_577_836_800
# More records of its own than a gateway writes in a second, over the years.
_PER_S = 4


def own_log(site: str) -> int:
    """Return the log number of a gateway's own records, from its id; it never changes."""
    return int.from_bytes(hashlib.sha256(site.encode()).digest()[:4], "big") >> 2


def skip_own(db: sqlite3.Connection, site: str, at_least: int = 0) -> int:
    """Go on with a number that was never given, in a database that may lack the last ones; returns it.

    With a board a number that is too low is safe, here it is not: a new record under an old id would be
    taken for a repeat. at_least: the highest number that is known from elsewhere.
    """
    log = own_log(site)
    row = db.execute("SELECT next FROM logs WHERE device=? AND log=?", (site, log)).fetchone()
    known = max(int(row[0]) if row else 0, at_least)
    following = known + _SKIP if known else int(time.time() - _2020_S) * _PER_S
    db.execute(
        "INSERT OR REPLACE INTO logs VALUES(?,?,?,?)",
        (site, log, following, checksum("logs", site, log, following)),
    )
    return following
