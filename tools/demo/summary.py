"""The table at the end of the demo."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.demo.accounts import Account


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: the accounts, the guide's and the gateway's own figures, what went wrong.

    faults: one line each, every reason for exit code 1; malformed: messages on the feed that were none.
    """

    accounts: list[Account]
    picking: dict[str, Any] | None
    figures: dict[str, Any]
    faults: list[str]
    malformed: int
    took_s: float


def show_summary(outcome: Outcome, folder: Path) -> None:
    """Print what came in, what came out, and what was lost."""
    accounts, figures = outcome.accounts, outcome.figures
    rows = [("", [account.device for account in accounts])]
    rows += [
        ("records written on the board", [str(each.written) for each in accounts]),
        ("  arrived on the feed", [str(each.arrived) for each in accounts]),
        ("  lost", [str(each.lost) for each in accounts]),
        ("  repeats removed by id", [str(each.repeated) for each in accounts]),
        ("epochs with a position, sent", [str(each.epochs or "-") for each in accounts]),
        ("  on the feed, right and in order", [str(each.epochs_right or "-") for each in accounts]),
        ("temperatures, degC", [_temperatures(each) for each in accounts]),
        ("orders", [_orders(each) for each in accounts]),
        ("alerts", [str(len(each.alerts)) for each in accounts]),
    ]
    widths = [max(len(row[1][i]) for row in rows) for i in range(len(accounts))]
    print()
    for name, cells in rows:
        cells = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        print(f"{name:34}  " + "  ".join(cells))
    for account in accounts:
        for text in account.alerts:
            print(f"  {account.device}: {text}")
    print()
    for name in sorted({each.implementation for each in accounts if each.implementation}):
        who = ", ".join(each.device for each in accounts if each.implementation == name)
        print(f"runs on {name}: {who}")
    if outcome.picking is not None:
        _show_picking(outcome.picking)
    records = figures.get("records", 0)
    print(
        f"gateway, since its last start: {records} records committed in {figures.get('commits', 0)} "
        f"commits, {figures.get('records_repeated', 0)} repeats from boards refused, "
        f"{figures.get('gaps', 0)} gaps"
    )
    if outcome.malformed:
        print(f"feed: {outcome.malformed} malformed messages ignored")
    for fault in outcome.faults:
        print(fault)
    lost = any(each.lost or each.epochs != each.epochs_right for each in accounts)
    verdict = "NOT ALL CAME THROUGH" if lost else "nothing was lost"
    print(f"{verdict}; {outcome.took_s:.1f} s; logs and results in {folder}")


def _temperatures(account: Account) -> str:
    if not account.temperatures:
        return "-"
    low = min(each[0] for each in account.temperatures.values())
    high = max(each[1] for each in account.temperatures.values())
    return f"{low / 100:.1f} .. {high / 100:.1f}"


def _orders(account: Account) -> str:
    if not account.orders:
        return "-"
    return ", ".join(f"{name} {state}" for name, state in account.orders.items())


def _show_picking(result: dict[str, Any]) -> None:
    for each in result["lists"]:
        walk, baseline = each["walk_dm"], each["list_order_dm"]
        saved = 100 * (1 - walk / baseline) if baseline else 0.0
        print(
            f"picking {each['list']}: {each['picked']} of {each['lines']} lines, {each['short']} short; "
            f"walk {walk / 10:.1f} m ({each['method']}) against {baseline / 10:.1f} m in list order: "
            f"{saved:.0f} % less"
        )
    tracked = result["frames_by_state"]["tracked"] / max(1, result["frames"])
    error = result["overlay_error_px"]
    print(
        f"  camera (simulated): {result['frames']} pictures, {tracked:.0%} with a trusted pose; what "
        f"was drawn lay {error['median']} px off in the median, {error['max']} px at worst"
    )
