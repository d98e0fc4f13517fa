"""Which records of which log have come: repeats, order and gaps, from the feed's own words.

A record is known by `record` if it has one (an alert's `id` is that of all its copies), else by `id`.
Order is promised within one log of one device; a pseudonym is one shift of it, and the roster says
which pseudonyms are one device. The log `gateway` is the gateway's own: one for all subjects.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

REMEMBERED = 1_000_000
_HOLES_SHOWN = 20
# Anybody may publish: what is kept of one log, of one subject, and of all is bounded.
_SPANS_MAX = 4_096
_GAPS_MAX = 4_096
_LOGS_MAX = 500_000

Span = tuple[int, int]


@dataclass
class _Log:
    """Numbers that have come, as spans in rising order; `epoch` counts how often it began anew."""

    spans: list[list[int]] = field(default_factory=list)
    epoch: int = 0

    def place(self, seq: int) -> str:
        """Tell where a number falls: 'first' 'next' 'jump' 'known' 'hole' or 'before'."""
        if not self.spans:
            return "first"
        if seq > self.spans[-1][1]:
            return "next" if seq == self.spans[-1][1] + 1 else "jump"
        if seq < self.spans[0][0]:
            return "before"
        return "known" if any(lo <= seq <= hi for lo, hi in self.spans) else "hole"

    def add(self, seq: int) -> None:
        """Note a number."""
        for at, (lo, hi) in enumerate(self.spans):
            if lo <= seq <= hi:
                return
            if seq == hi + 1:
                self.spans[at][1] = seq
                if at + 1 < len(self.spans) and self.spans[at + 1][0] == seq + 1:
                    self.spans[at][1] = self.spans.pop(at + 1)[1]
                return
            if seq < lo:
                if seq == lo - 1:
                    self.spans[at][0] = seq
                else:
                    self.spans.insert(at, [seq, seq])
                break
        else:
            self.spans.append([seq, seq])
        if len(self.spans) > _SPANS_MAX:
            self.spans[0][1] = self.spans.pop(1)[1]  # the oldest hole is forgotten


class Ledger:
    """note() every message in the order of arrival; the rest is what was found.

    `repeats` messages whose record had come; `jumps` where a log went on with a higher number than the
    next; `disorder` records that came after a later one of their log; `begun` logs that began anew.
    """

    def __init__(self, remembered: int = REMEMBERED):
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._remembered = remembered
        # (city, subject, log) -> one _Log per epoch
        self._logs: dict[tuple[str, str, str], list[_Log]] = {}
        self._gaps: dict[tuple[str, str], list[tuple[str, int, int, str]]] = {}
        self.devices: dict[tuple[str, str], str] = {}
        self._mixed: set[str] = set()
        self.repeats = 0
        self.jumps = 0
        self.begun = 0
        self.logs_not_kept = 0
        self._disorder: Counter[tuple[str, str, str]] = Counter()

    def note(self, city: str, body: dict[str, Any]) -> tuple[bool, str]:
        """Take a valid message; returns (it is a repeat, '' or what there is to say of its place)."""
        record = str(body.get("record") or body["id"])
        if record in self._ids:
            self._ids.move_to_end(record)
            self.repeats += 1
            return True, ""
        self._ids[record] = None
        if len(self._ids) > self._remembered:
            self._ids.popitem(last=False)
        subject, log, seq = str(body["subject"]), body.get("log"), body.get("seq")
        if body["stream"] == "roster":
            self.devices[city, subject] = str(body["device"])
        if body.get("event") == "gap":
            self._note_gap(city, subject, body)
        if not isinstance(log, str) or not isinstance(seq, int):
            return False, ""  # a snapshot
        said = self._place(city, "*" if log == "gateway" else subject, log, seq)
        alias = str(body["id"])
        if alias != record:
            repeated = alias in self._ids
            self._ids[alias] = None
            if repeated:
                self.repeats += 1
            return repeated, said
        return False, said

    def _note_gap(self, city: str, subject: str, body: dict[str, Any]) -> None:
        first, last = body.get("from_seq"), body.get("to_seq")
        gaps = self._gaps.setdefault((city, subject), [])
        if isinstance(first, int) and isinstance(last, int) and len(gaps) < _GAPS_MAX:
            log, why = str(body.get("of_log") or ""), str(body.get("why") or "unknown")
            gaps.append((log, first, last, why))

    def _place(self, city: str, subject: str, log: str, seq: int) -> str:
        key = (city, subject, log)
        if key not in self._logs and len(self._logs) >= _LOGS_MAX:
            self.logs_not_kept += 1
            return ""
        logs = self._logs.setdefault(key, [_Log()])
        current = logs[-1]
        where = current.place(seq)
        said = ""
        if where == "known" and log == "gateway":
            self._mixed.add(city)  # a second gateway of the city numbers its own log
        elif where == "known" or (where == "before" and self._begins(city, subject, log, seq)):
            logs.append(_Log(epoch=current.epoch + 1))
            self.begun += 1
            said = f"the log begins anew at {seq}"
        elif where in ("hole", "before"):
            self._disorder[key] += 1
            said = f"{seq} came after {current.spans[-1][1]}"
        elif where == "jump":
            self.jumps += 1
            first, last = current.spans[-1][1] + 1, seq - 1
            why = self._told(city, subject, log, first, last)
            said = f"gap {first}..{last} ({why or 'not told'})"
        logs[-1].add(seq)
        return said

    def _begins(self, city: str, subject: str, log: str, seq: int) -> bool:
        gaps = self._gaps.get((city, subject), ())
        first = self._logs[city, subject, log][-1].spans[0][0]
        # One right before the first that was heard is a late one, not a new log.
        return (seq == 1 and first > 2) or any(
            each[0] in ("", log) and each[2] == seq - 1 for each in gaps
        )

    def _told(self, city: str, subject: str, log: str, first: int, last: int) -> str:
        for of_log, lo, hi, why in self._gaps.get((city, subject), ()):
            if of_log in ("", log) and lo <= first and last <= hi:
                return why
        return ""

    # -- the account ---------------------------------------------------------------------------------

    @property
    def disorder(self) -> dict[str, int]:
        """Records that came after a later one of their log, by the log's name."""
        found: Counter[str] = Counter()
        for (city, _, log), count in self._disorder.items():
            if log != "gateway" or city not in self._mixed:
                found[log] += count
        return dict(found)

    def gaps(self, covers: Callable[[str], bool] | None = None) -> tuple[list[str], list[str]]:
        """Return (gaps that a message explains, gaps that nobody told), as lines of words.

        covers: tells of a log's name whether all its streams could be read; others are left out.
        """
        told: list[str] = []
        untold: list[str] = []
        for name, subjects, log, spans in self._sets():
            if covers is not None and not covers(log):
                continue
            explained = [
                (lo, hi)
                for key in subjects
                for of_log, lo, hi, _ in self._gaps.get(key, ())
                if of_log in ("", log)
            ]
            for first, last in _holes(spans):
                left = _minus((first, last), explained)
                if left != [(first, last)]:
                    told.append(f"{name} {log} {first}..{last}")
                untold += [f"{name} {log} {lo}..{hi}" for lo, hi in left]
        return told, untold

    def _sets(self) -> list[tuple[str, list[tuple[str, str]], str, list[Span]]]:
        """Return (who, its subjects, log, numbers that came), the subjects of a device as one."""
        groups: dict[tuple[str, str, str], list[tuple[tuple[str, str], list[_Log]]]] = {}
        for (city, subject, log), logs in self._logs.items():
            if log == "gateway" and city in self._mixed:
                continue
            device = self.devices.get((city, subject))
            # Which number of which beginning belongs together is only clear where there is one.
            name = device if device and len(logs) == 1 else subject
            groups.setdefault((city, name, log), []).append(((city, subject), logs))
        found = []
        for (_, name, log), members in groups.items():
            subjects = [key for key, _ in members]
            # Never the device: what this prints is read by more people than the roster.
            shown = "gateway" if name == "*" else subjects[0][1]
            if len(members) == 1:
                found += [(shown, subjects, log, _spans([each.spans])) for each in members[0][1]]
            else:
                spans = _spans([each.spans for _, logs in members for each in logs])
                found.append((shown, subjects, log, spans))
        return found

    def logs(self) -> set[str]:
        """Return the names of the logs that anything came of."""
        return {log for _, _, log in self._logs}

    def as_dict(self, covers: Callable[[str], bool] | None = None) -> dict[str, Any]:
        """Return the account as plain values; covers: see gaps()."""
        told, untold = self.gaps(covers)
        return {
            "repeats": self.repeats,
            "logs": sum(len(each) for each in self._logs.values()),
            "logs_begun_anew": self.begun,
            "out_of_order": self.disorder,
            "gaps_told": len(told),
            "gaps_untold": len(untold),
            "gaps": [f"{each}: told" for each in told[:_HOLES_SHOWN]] + untold[:_HOLES_SHOWN],
            "gateways_mixed": sorted(self._mixed),
            "logs_not_kept": self.logs_not_kept,
        }


def _spans(sets: list[list[list[int]]]) -> list[Span]:
    merged: list[list[int]] = []
    for lo, hi in sorted((span[0], span[1]) for spans in sets for span in spans):
        if merged and lo <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], hi)
        else:
            merged.append([lo, hi])
    return [(lo, hi) for lo, hi in merged]


def _holes(spans: list[Span]) -> list[Span]:
    return [(before[1] + 1, after[0] - 1) for before, after in pairwise(spans)]


def _minus(span: Span, others: list[Span]) -> list[Span]:
    left = [span]
    for lo, hi in others:
        rest: list[Span] = []
        for first, last in left:
            if hi < first or lo > last:
                rest.append((first, last))
                continue
            if first < lo:
                rest.append((first, lo - 1))
            if hi < last:
                rest.append((hi + 1, last))
        left = rest
    return left
