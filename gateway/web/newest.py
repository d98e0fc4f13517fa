"""The last word of everybody at a time, of however many rows: for a look back at a great fleet.

A fleet writes more in a quarter of an hour than one picture can be made of. The newest rows are taken
whole; of what is older, the newest row of each rider's stream, order and sensor, and no other.
"""

import sqlite3
import time
from typing import Any

from gateway.feed.writer import iso

_SPEND_S = 3.0  # of one question, for all of its reading
_STEP_OPERATIONS = 100_000  # of SQLite, between two looks at the clock: a few ms
_STEP_IDS = 20_000  # looked through at once: some 50 ms, in which other threads run
_OLDER_ROWS = 40_000  # a row takes some 300 bytes


def _text(name: str) -> str:
    """SQL for the value of a text field, '' where the message has none.

    The gateway writes the payload: a quote inside a text stands there as \\", so a name is a name.
    """
    mark = f'"{name}":"'
    begin = f"instr(payload,CAST('{mark}' AS BLOB))"
    rest = f"CAST(substr(payload,{begin}+{len(mark)},80) AS TEXT)"
    return f"CASE {begin} WHEN 0 THEN '' ELSE substr({rest},1,instr({rest}||'\"','\"')-1) END"


# When a row was true: all times are of one length and form, so as texts they are in order.
_TRUE = f"min(coalesce(nullif({_text('t')},''),{_text('received')}),{_text('received')})"
_ABOUT = f"{_text('order')}||' '||{_text('sensor')}||' '||{_text('side')}"


class Reading:
    """One question's reading of a database: what was true by `t_ms` (Unix), within _SPEND_S in all.

    `is_short`: the time was over, or there were too many, before everybody's last word was found.
    """

    def __init__(self, db: sqlite3.Connection, t_ms: int):
        self.is_short = False
        self._db = db
        self._limit = iso(t_ms)
        self._until_s = time.monotonic() + _SPEND_S
        db.set_progress_handler(self._is_over, _STEP_OPERATIONS)

    def end(self) -> None:
        """Give the connection back to who may take his time."""
        self._db.set_progress_handler(None, 0)

    def rows(
        self, prio: int, span: tuple[int, int], most: int, floor: int, late_only: bool = False
    ) -> tuple[list[tuple[bytes]], bool]:
        """Return (payloads, whether the newest `most` were not all there are).

        Of the ids from span[0] until before span[1] the newest `most`; if there were more, of the older
        ones the newest of each kind, down to the id `floor`. late_only: tracks and backlogs.
        """
        found = self._read(
            f"SELECT payload,id FROM rows WHERE {_where(late_only)} "  # noqa: S608 (text of ours)
            "ORDER BY id DESC LIMIT ?",
            (prio, *span, self._limit, most + 1),
        )
        newest = [(payload,) for payload, _ in found[:most]]
        if len(found) <= most:
            return newest, False
        return newest + self._older(prio, floor, found[most][1] + 1, late_only), True

    def _older(self, prio: int, floor: int, end: int, late_only: bool) -> list[tuple[bytes]]:
        seen: dict[tuple[str, str], tuple[str, bytes]] = {}
        while end > floor and not self.is_short:
            begin = max(floor, end - _STEP_IDS)
            for topic, about, true, payload in self._read(
                f"SELECT topic,{_ABOUT} AS about,max({_TRUE}),payload FROM rows "  # noqa: S608
                f"WHERE {_where(late_only)} GROUP BY topic,about",
                (prio, begin, end, self._limit),
            ):
                known = seen.get((topic, about))
                if known is None or known[0] < true:
                    seen[topic, about] = true, payload
            end = begin
            if end > floor and (self._is_over() or len(seen) > _OLDER_ROWS):
                self.is_short = True
        return [(payload,) for _, payload in seen.values()]

    def _read(self, statement: str, values: tuple[int | str, ...]) -> list[Any]:
        found = []
        try:
            for row in self._db.execute(statement, values):
                found.append(row)  # noqa: PERF402 (what was read until the time was over counts)
        except sqlite3.OperationalError:
            if not self._is_over():
                raise
            self.is_short = True
        return found

    def _is_over(self) -> bool:
        return time.monotonic() > self._until_s


def _where(late_only: bool) -> str:
    late = "(topic LIKE '%/track' OR instr(payload,CAST('\"replay\":true' AS BLOB))) AND "
    return f"prio=? AND id>=? AND id<? AND {late if late_only else ''}{_TRUE}<=?"
