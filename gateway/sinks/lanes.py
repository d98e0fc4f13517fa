"""One priority of one sink: the cursors, the rows under way, and who may overtake a backlog."""

from __future__ import annotations

from collections import deque

from gateway.sinks.rows import OutRow, Rows

SAVE_S = 0.2
_FETCH = 200
# Rows that went out before their turn, and subjects that owe older ones, are kept in memory: so many.
_EARLY_MAX = 100_000
_OWING_MAX = 200_000


class Lane:
    """The cursors of one priority: `read` the last row in order that was sent, `out` up to where all is
    answered, `safe` where `out` was `resend_s` ago. Never is `read` < `out` or `out` < `safe`."""

    def __init__(self, prio: int, cursor: int):
        self.prio = prio
        self.read = cursor
        self.out = cursor
        self.safe = cursor
        self.saved = (-1, -1)
        self.fetched: deque[OutRow] = deque()  # read from the log, not sent
        self.under_way: deque[int] = deque()
        self.acked: set[int] = set()
        self.history: deque[tuple[float, int]] = deque()

    def advance(self, now_s: float, resend_s: float) -> None:
        """Move `out` over what is answered without a hole, and `safe` to where it was before."""
        while self.under_way and self.under_way[0] in self.acked:
            self.out = self.under_way.popleft()
            self.acked.discard(self.out)
        if not self.history or (
            self.history[-1][1] != self.out and now_s - self.history[-1][0] > SAVE_S
        ):
            self.history.append((now_s, self.out))
        while len(self.history) > 1 and self.history[1][0] <= now_s - resend_s:
            self.history.popleft()
        if self.history[0][0] <= now_s - resend_s:
            self.safe = self.history[0][1]

    def rewind(self) -> None:
        """Go back to what is safe."""
        self.read = self.out = self.safe
        self.fetched.clear()
        self.under_way.clear()
        self.acked.clear()
        self.history.clear()

    def next(self, rows: Rows) -> OutRow | None:
        """Return the next row in order, None when there is none; passed() takes it off."""
        if not self.fetched:
            self.fetched.extend(rows.after(self.prio, self.read, _FETCH))
        return self.fetched[0] if self.fetched else None

    def passed(self) -> None:
        """The row of next() is under way."""
        self.read = self.fetched.popleft().row
        self.under_way.append(self.read)


class Overtaking:
    """Looks ahead in a lane whose turn is a backlog's, for rows of subjects that owe nothing older.

    A subject with a row between the lane's place and ours that was not sent owes; its later rows wait
    for that one, so the order of each log stands. A subject is one device for one shift.
    """

    def __init__(self, lane: Lane):
        self._lane = lane
        self.at = 0
        self.early: set[int] = set()  # sent before their turn, the lane has not come to them yet
        self._owing: dict[str, int] = {}  # subject -> its last row that was not sent

    def reset(self) -> None:
        """Forget everything: the lane begins anew, or has come to where we looked."""
        self.at = self._lane.read
        self.early.clear()
        self._owing.clear()

    def look(self, rows: Rows) -> list[OutRow]:
        """Return the next rows to be judged, in order; [] when there are none, or memory is used up."""
        self.at = max(self.at, self._lane.read)
        if len(self.early) >= _EARLY_MAX or len(self._owing) >= _OWING_MAX:
            return []
        return rows.after(self._lane.prio, self.at, _FETCH)

    def owes(self, row: OutRow, is_old: bool) -> bool:
        """Tell whether a row must wait for its turn; then it is passed over."""
        subject = _subject(row.topic)
        if is_old or subject in self._owing:
            self._owing[subject] = row.row
            self.at = row.row
            return True
        return False

    def sent(self, row: OutRow) -> None:
        """A row has gone out before its turn."""
        self.early.add(row.row)
        self.at = row.row

    def is_early(self, row: OutRow) -> bool:
        """Tell, once, whether a row that the lane has come to had gone out before."""
        if row.row in self.early:
            self.early.discard(row.row)
            return True
        return False

    def passed(self, row: OutRow) -> None:
        """The lane has sent a row: if it was the last that its subject owed, that one is free again."""
        if self._owing:
            subject = _subject(row.topic)
            if self._owing.get(subject, row.row + 1) <= row.row:
                del self._owing[subject]


def _subject(topic: str) -> str:
    return topic[: topic.rfind("/")]
