"""The figures of a day's quality, computed from the feed alone.

take() valid messages without repeats, in any order across logs; figures() at the end. Every figure
says what it is, of how many, and what was left out. Too few, or not enough known: INCONCLUSIVE, with
the value that was found beside it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from tools.feed.cases import Order, PickList
from tools.feed.heard import ms_of
from tools.feed.standing import word_of

INCONCLUSIVE = "INCONCLUSIVE"
_LATE_ALERT_MS = 30_000
_KNOWN_MIN = 0.9  # of the orders must have a known promise before a share of them is a share of all
# So many orders beside those with a cold chain may be unknown before a share is not theirs any more.
_UNKNOWN_MAX = 0.1
_CARRIED = ("picked_up", "handed_over", "failed")  # the goods were with the rider
# Who says what was promised: the order's own message beats what was sent in (which may have been
# refused), and both beat what follows from a risk.
_BY_RISK, _BY_INTAKE, _BY_ORDER = 1, 2, 3
_WORST = ("fail", "inconclusive", "pass")


class Quality:
    """least: of fewer cases than this a figure is INCONCLUSIVE."""

    def __init__(self, least: int = 10):
        self._least = least
        self._orders: dict[str, Order] = {}
        self._lists: dict[str, PickList] = {}
        self._alert_ms: list[int] = []
        self._alerts_undated = 0

    def take(self, body: dict[str, Any]) -> None:
        """Take a valid message that is no repeat."""
        stream = body["stream"]
        t_ms = ms_of(body.get("t"))
        if stream == "order" and body.get("kind") != "gateway":
            self._order(body, t_ms)
        elif stream == "risk":
            self._risk(body, t_ms)
        elif stream in ("integrity", "excursion") and body.get("order"):
            self._cold(body)
        elif stream == "pick":
            self._pick(body, t_ms)
        elif stream == "alert":
            received_ms = ms_of(body["received"])
            if t_ms is None or received_ms is None:
                self._alerts_undated += 1
            else:
                self._alert_ms.append(received_ms - t_ms)

    def promise(self, order: str, promised: object) -> None:
        """Note when an order was promised, ISO with its zone, from what the platform sent."""
        self._promise(order, ms_of(promised), (_BY_INTAKE, 0))

    def intake(self, body: dict[str, Any]) -> None:
        """Note an order-in, a message that the platform sent: the promise, and the profile if any."""
        name = body.get("order")
        if not isinstance(name, str) or body.get("action", "assign") != "assign":
            return
        self.promise(name, body.get("promised"))
        order = self._orders.setdefault(name, Order())
        order.is_told = True
        order.is_cold = order.is_cold or bool(body.get("profile"))

    def _promise(self, name: str, t_ms: int | None, by: tuple[int, int]) -> None:
        order = self._orders.setdefault(name, Order())
        if t_ms is not None and by >= order.promised_by:
            order.promised_ms, order.promised_by = t_ms, by

    def _order(self, body: dict[str, Any], t_ms: int | None) -> None:
        order = self._orders.setdefault(body["order"], Order())
        state = str(body["state"])
        if t_ms is not None:
            order.states[state] = min(t_ms, order.states.get(state, t_ms))
        received_ms = ms_of(body["received"]) or 0
        word = word_of(body, t_ms if t_ms is not None else received_ms)
        if word is not None:
            order.words.add(word)
        self._promise(body["order"], ms_of(body.get("promised")), (_BY_ORDER, received_ms))

    def _risk(self, body: dict[str, Any], t_ms: int | None) -> None:
        eta_s, slack_s = body.get("eta_s"), body.get("slack_s")
        if t_ms is None or eta_s is None or slack_s is None:
            return
        self._promise(body["order"], t_ms + (eta_s + slack_s) * 1000, (_BY_RISK, -t_ms))

    def _cold(self, body: dict[str, Any]) -> None:
        order = self._orders.setdefault(body["order"], Order())
        order.is_cold = True
        if body.get("event") == "verdict":
            order.verdicts[str(body.get("sensor"))] = str(body["verdict"])

    def _pick(self, body: dict[str, Any], t_ms: int | None) -> None:
        found = self._lists.setdefault(body["list"], PickList())
        # Not list_taken: then it is whole on the tablet, and waits.
        if body["event"] == "list_started" and t_ms is not None:
            found.begun_ms = min(t_ms, found.begun_ms or t_ms)
        if body["event"] == "list_done":
            found.done, found.done_ms = body, t_ms
        found.lines = max(found.lines, body.get("lines", 0))
        for name in ("walk_dm", "list_order_dm", "walked_dm", "method"):
            if name in body:
                found.walk[name] = body[name]

    # -- the figures --------------------------------------------------------------------------------

    def figures(self) -> dict[str, dict[str, Any]]:
        """Return {name: {value.., n, of, definition}}; `verdict` INCONCLUSIVE where it is."""
        return {
            "delivery_time_s": self._span(
                ("picked_up", "assigned"),
                "handed_over",
                "from the goods being with the rider (picked_up, without a pick-up: assigned) to "
                "handed_over",
            ),
            "order_time_s": self._span(
                ("received",),
                "handed_over",
                "from the gateway's receipt of the order to handed_over",
            ),
            "hand_over_time_s": self._span(
                ("arrived",),
                "handed_over",
                "from arrived (a distance of the position) to handed_over",
            ),
            "on_time": self._on_time(),
            "pick_accuracy": self._accuracy(),
            "picking_time_s": self._picking_time(),
            "walking_saved": self._walking(),
            "temperature": self._temperature(),
            "alerts_late": self._alerts(),
        }

    def _span(self, starts: tuple[str, ...], end: str, definition: str) -> dict[str, Any]:
        ended = [each.states for each in self._orders.values() if end in each.states]
        spans, negative = [], 0
        for states in ended:
            start = next((states[name] for name in starts if name in states), None)
            if start is None:
                continue
            span_ms = states[end] - start
            # Two clocks: the board's, and the gateway's where it spoke. Never a negative time.
            if span_ms < 0:
                negative += 1
            else:
                spans.append(span_ms / 1000)
        return self._times(spans, len(ended), definition) | {"negative_left_out": negative}

    def _times(self, spans_s: list[float], of: int, definition: str) -> dict[str, Any]:
        result: dict[str, Any] = {"n": len(spans_s), "of": of, "definition": definition}
        if spans_s:
            result |= {"median": _rank(spans_s, 0.5), "p90": _rank(spans_s, 0.9)}
        return self._judged(result, len(spans_s))

    def _judged(self, result: dict[str, Any], n: int) -> dict[str, Any]:
        if n < self._least:
            result |= {"verdict": INCONCLUSIVE, "why": f"{n} cases, fewer than {self._least}"}
        return result

    def _on_time(self) -> dict[str, Any]:
        done = [each for each in self._orders.values() if "handed_over" in each.states]
        known = [each for each in done if each.promised_ms is not None]
        kept = sum(each.states["handed_over"] <= (each.promised_ms or 0) for each in known)
        result: dict[str, Any] = {
            "n": len(known),
            "of": len(done),
            "definition": "orders handed over by the promised time, of those whose promise is on the "
            "feed (promised of the order's received, else what the platform sent over MQTT, else "
            "t + eta_s + slack_s of a risk message)",
        }
        if known:
            result["share"] = round(kept / len(known), 4)
        result = self._judged(result, len(known))
        if done and len(known) < _KNOWN_MIN * len(done) and "verdict" not in result:
            # Promises that only a risk message tells of are those of orders in trouble.
            result |= {"verdict": INCONCLUSIVE, "why": "too many orders without a known promise"}
        return result

    def _accuracy(self) -> dict[str, Any]:
        ended = [each for each in self._lists.values() if each.done is not None]
        lines = sum(each.lines for each in ended)
        done = [each.done or {} for each in ended]
        picked = sum(each.get("picked", 0) for each in done)
        short = sum(each.get("short", 0) for each in done)
        substituted = sum(each.get("substituted", 0) for each in done)
        result: dict[str, Any] = {
            "n": lines,
            "lists": len(done),
            "of_lists": len(self._lists),
            "picked": picked,
            "short": short,
            "substituted": substituted,
            "definition": "lines picked in full, of the lines of finished lists, as the picker "
            "confirmed them; whether the goods in the bag are right is not on the feed",
        }
        if lines:
            result["share"] = round(picked / lines, 4)
        return self._judged(result, lines)

    def _picking_time(self) -> dict[str, Any]:
        spans = [
            (each.done_ms - each.begun_ms) / 1000
            for each in self._lists.values()
            if each.done_ms is not None
            and each.begun_ms is not None
            and each.done_ms >= each.begun_ms
        ]
        return self._times(
            spans, len(self._lists), "from the start of a list (list_started) to its end"
        )

    def _walking(self) -> dict[str, Any]:
        walks = [each.walk for each in self._lists.values()]
        known = [each for each in walks if each.get("walk_dm") and each.get("list_order_dm")]
        planned = sum(each["walk_dm"] for each in known)
        baseline = sum(each["list_order_dm"] for each in known)
        result: dict[str, Any] = {
            "n": len(known),
            "of": len(walks),
            "baseline": "the lines in the order of the list",
            "planned_m": planned / 10,
            "baseline_m": baseline / 10,
            "proven_shortest": sum(each.get("method") == "exact" for each in known),
            "definition": "1 - planned walk / walk in the order of the list, over all lists; planned, "
            "not paced out",
        }
        walked = [each for each in known if each.get("walked_dm")]
        if walked:
            result |= {"walked_m": sum(each["walked_dm"] for each in walked) / 10}
            result |= {"walked_n": len(walked)}
        if baseline:
            result["share"] = round(1 - planned / baseline, 4)
        return self._judged(result, len(known))

    def _temperature(self) -> dict[str, Any]:
        words: Counter[str] = Counter()
        missing = unknown = 0
        for order in self._orders.values():
            is_carried = any(state in order.states for state in _CARRIED)
            if not order.is_cold:
                unknown += not order.is_told and is_carried and order.is_over()
                continue
            found = set(order.verdicts.values())
            worst = next((word for word in _WORST if word in found), None)
            if worst is not None:
                words[worst] += 1
            elif order.is_over() and (is_carried or not order.is_told):
                missing += 1
        n = sum(words.values())
        result: dict[str, Any] = {
            "n": n,
            **{word: words[word] for word in _WORST},
            "no_verdict": missing,
            "profile_unknown": unknown,
            "definition": "the worst verdict over an order's sensors; inconclusive is never a pass; "
            "no_verdict: an order with a profile whose goods were with a rider, ended without one; "
            "profile_unknown: orders of which no order-in and no sensor tells whether they have one",
        }
        if n + missing:
            result["pass_share"] = round(words["pass"] / (n + missing), 4)
        result = self._judged(result, n)
        if unknown > _UNKNOWN_MAX * (n + missing) and "verdict" not in result:
            # Cold orders that nobody judged are silent: they would count as nothing.
            result |= {"verdict": INCONCLUSIVE, "why": "too many orders without a known profile"}
        return result

    def _alerts(self) -> dict[str, Any]:
        late = sum(each > _LATE_ALERT_MS for each in self._alert_ms)
        result: dict[str, Any] = {
            "n": len(self._alert_ms),
            "late": late,
            "undated": self._alerts_undated,
            "definition": "alerts that reached the gateway over 30 s after they were raised",
        }
        if self._alert_ms:
            result["share"] = round(late / len(self._alert_ms), 4)
            result["delay_median_s"] = _rank([each / 1000 for each in self._alert_ms], 0.5)
            result["delay_p90_s"] = _rank([each / 1000 for each in self._alert_ms], 0.9)
        return self._judged(result, len(self._alert_ms))


def _rank(values: list[float], share: float) -> float:
    """Return the nearest-rank quantile: a value that occurred."""
    ordered = sorted(values)
    at = max(0, -(-len(ordered) * round(share * 100) // 100) - 1)
    return round(ordered[at], 1)
