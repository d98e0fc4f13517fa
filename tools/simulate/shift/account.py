"""What became of every record that a board accepted: delivered, told as a gap, or lost."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_LOGS = ("evidence", "track")


@dataclass
class Account:
    """One log. `lost`: accepted, never delivered, and no gap record tells of it."""

    accepted: int = 0
    delivered: int = 0
    in_gaps: int = 0
    lost: list[int] = field(default_factory=list)
    repeated: int = 0
    out_of_order: int = 0


def accounts(rows: Iterable[dict[str, Any]], accepted: dict[str, int]) -> dict[str, Account]:
    """Return an Account of each log, from the feed's messages in the order of their commit.

    accepted: log -> the highest number that its ring ever said it had accepted.
    """
    result = {name: Account(accepted=accepted[name]) for name in _LOGS}
    seen: dict[str, set[int]] = {name: set() for name in _LOGS}
    gone: dict[str, set[int]] = {name: set() for name in _LOGS}
    last = dict.fromkeys(_LOGS, 0)
    for row in rows:
        log = row["log"]
        if log in result:
            account = result[log]
            account.repeated += row["seq"] in seen[log]
            account.out_of_order += row["seq"] < last[log]
            seen[log].add(row["seq"])
            last[log] = row["seq"]
        # The board names its log. The gateway tells of a jump in a log, not of which one: what the
        # board did not tell is missing there, and counted as lost here.
        if row.get("event") == "gap" and row.get("of_log") in gone:
            gone[row["of_log"]].update(range(row["from_seq"], row["to_seq"] + 1))
    for name, account in result.items():
        account.delivered = len(seen[name])
        account.in_gaps = len(gone[name] - seen[name])
        everything = set(range(1, account.accepted + 1))
        account.lost = sorted(everything - seen[name] - gone[name])
    return result


def alerts_told(rows: Iterable[dict[str, Any]]) -> tuple[int, int]:
    """Return (alerts of orders, how many of them came more than once under different ids)."""
    kinds: Counter[tuple[str, str]] = Counter()
    ids: set[str] = set()
    for row in rows:
        if row["stream"] == "alert" and row.get("order") and row["id"] not in ids:
            ids.add(row["id"])
            kinds[row["order"], str(row.get("alert"))] += 1
    return len(kinds), sum(count > 1 for count in kinds.values())


def copies_of_alerts(rows: Iterable[dict[str, Any]]) -> int:
    """Return how many alerts the board recorded again after a restart (same id, told once)."""
    ids: Counter[str] = Counter(
        row["id"] for row in rows if row["stream"] == "alert" and row.get("order")
    )
    return sum(count - 1 for count in ids.values())
