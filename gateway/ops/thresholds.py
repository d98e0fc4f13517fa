"""Every key figure's green, yellow and red, as data, and the judge that goes by them.

A level is left for the worst one whose limit the figure has been beyond for `for_s`, and for a better
one when it has been a fifth inside the limit for as long. Each limit has a time of its own: what swings
about red is at least yellow all the while, and what swings about one limit changes nothing there.
[thresholds.NAME] in the configuration changes yellow, red or for_s.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.errors import ConfigError
from gateway.feed.writer import iso

GREEN, YELLOW, RED, UNKNOWN = "green", "yellow", "red", "unknown"
LEVELS = (GREEN, YELLOW, RED)
_INSIDE = 0.2
# So long without a figure, and nobody knows how it stands.
_SILENT_S = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Threshold:
    """`sense`: 'above' when more is worse, 'below' when less is; `text`: what to look at."""

    name: str
    unit: str
    yellow: float
    red: float
    for_s: float
    text: str
    sense: str = "above"


# 200 and 500 ms are the limits of an answer that a person waits for; times are the 99th percentile of
# the last minute. Figures that the gateway does not have (yet) stay unknown.
THRESHOLDS = (
    Threshold("answer_ms", "ms", 200, 500, 10, "answers of this page and of the intake are slow"),
    Threshold(
        "feed_delay_ms", "ms", 200, 500, 10, "from a live record's arrival to the upstream's word"
    ),
    Threshold("commit_ms", "ms", 200, 500, 10, "the disk of [site] data is slow"),
    Threshold("commit_age_s", "s", 10, 20, 0, "nothing was committed for so long: disk or lock"),
    Threshold("log_age_s", "s", 30, 300, 5, "the oldest row that is not out; look at the upstream"),
    Threshold(
        "log_fill_pct", "%", 50, 90, 5, "of what [commit] allows; then positions are dropped"
    ),
    Threshold("upstream_down_s", "s", 10, 60, 0, "a sink is not connected"),
    Threshold("devices_down_s", "s", 10, 60, 0, "the devices' broker is not connected"),
    Threshold(
        "rejects_per_min", "/min", 30, 600, 5, "messages that are refused; see gw_dropped_total"
    ),
    Threshold(
        "silent_pct", "%", 10, 30, 30, "of devices that say they are online, silent for 2 min"
    ),
    Threshold(
        "alert_delay_ms", "ms", 5_000, 30_000, 5, "from an alert's time on the board to the feed"
    ),
    Threshold("clock_skew_ms", "ms", 2_000, 10_000, 30, "this clock against the boards' (GNSS)"),
    Threshold(
        *("registry_trouble_s", "s", 1, 5, 0),
        "the registry cannot be read: who was revoked may speak",
    ),
    Threshold("certificate_days", "d", 30, 7, 0, "until the next certificate ends", "below"),
    Threshold("disk_free_mb", "MB", 1_000, 250, 5, "left on the disk of [site] data", "below"),
)
NAMES = tuple(each.name for each in THRESHOLDS)


def adjusted(changes: Mapping[str, Any]) -> tuple[Threshold, ...]:
    """Return the thresholds with a configuration's changes; ConfigError for an unknown name or order.

    changes: name -> object with yellow, red, for_s, each None where it stays.
    """
    for name in changes:
        if name not in NAMES:
            raise ConfigError(f"unknown key 'thresholds.{name}'; known: {', '.join(NAMES)}")
    found = []
    for each in THRESHOLDS:
        change = changes.get(each.name)
        given = {
            field: getattr(change, field)
            for field in ("yellow", "red", "for_s")
            if change is not None and getattr(change, field) is not None
        }
        new = replace(each, **given)
        is_in_order = new.yellow <= new.red if new.sense == "above" else new.yellow >= new.red
        if not is_in_order:
            raise ConfigError(
                f"'thresholds.{each.name}': red ({new.red:g}) comes before yellow ({new.yellow:g})"
            )
        found.append(new)
    return tuple(found)


class _Light:
    """One figure's level."""

    def __init__(self, threshold: Threshold, now_ms: int):
        self.threshold = threshold
        self.level = UNKNOWN
        self.value: float | None = None
        self.since_ms = now_ms
        self._heard_s: float | None = None
        # Since when it has been at least so bad (by level), and well inside that level's limit.
        self._beyond_s: dict[str, float] = {}
        self._inside_s: dict[str, float] = {}

    def note(self, value: float | None, now_s: float, now_ms: int) -> str:
        """Take a figure; returns the level that it left, '' when it left none."""
        self.value = value
        if value is None:
            is_lost = self._heard_s is None or now_s - self._heard_s > _SILENT_S
            if not is_lost or self.level == UNKNOWN:
                return ""
            self._beyond_s.clear()
            self._inside_s.clear()
            return self._go(UNKNOWN, now_ms)
        self._heard_s = now_s
        self._time(value, now_s)
        level = self._judge(now_s)
        if level == self.level:
            return ""
        was = self._go(level, now_ms)
        return "" if was == UNKNOWN and level == GREEN else was  # nothing to tell

    def _go(self, level: str, now_ms: int) -> str:
        was, self.level, self.since_ms = self.level, level, now_ms
        return was

    def _time(self, value: float, now_s: float) -> None:
        """Note since when the figure is beyond each limit, and since when well inside."""
        is_more = self.threshold.sense == "above"
        factor = 1 - _INSIDE if is_more else 1 + _INSIDE
        for level, limit in ((YELLOW, self.threshold.yellow), (RED, self.threshold.red)):
            is_beyond = value > limit if is_more else value < limit
            is_inside = value <= limit * factor if is_more else value >= limit * factor
            for times, holds in ((self._beyond_s, is_beyond), (self._inside_s, is_inside)):
                if holds:
                    times.setdefault(level, now_s)
                else:
                    times.pop(level, None)

    def _judge(self, now_s: float) -> str:
        """Return the level of now: the worst that has lasted, or what the figure has come back to."""
        for level in (RED, YELLOW):
            if self._lasts(self._beyond_s, level, now_s) and self._is_worse(level):
                return level
        if self.level == UNKNOWN:
            return UNKNOWN if self._beyond_s else GREEN
        back = self.level
        for level, better in ((RED, YELLOW), (YELLOW, GREEN)):
            if back == level and self._lasts(self._inside_s, level, now_s):
                back = better
        return back

    def _lasts(self, times: dict[str, float], level: str, now_s: float) -> bool:
        since_s = times.get(level)
        return since_s is not None and now_s - since_s >= self.threshold.for_s

    def _is_worse(self, level: str) -> bool:
        return self.level == UNKNOWN or LEVELS.index(level) > LEVELS.index(self.level)

    def view(self) -> dict[str, Any]:
        """Return what /api/health tells."""
        each = self.threshold
        value = None if self.value is None else round(self.value, 3)
        return {
            "name": each.name,
            "level": self.level,
            "value": value,
            "unit": each.unit,
            "yellow": each.yellow,
            "red": each.red,
            "sense": each.sense,
            "for_s": each.for_s,
            "since": iso(self.since_ms),
            "text": each.text,
        }


class Judge:
    """The levels of all thresholds. One thread notes; view() may be read by any."""

    def __init__(
        self,
        thresholds: Iterable[Threshold] = THRESHOLDS,
        clock_s: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ):
        self._clock_s = clock_s
        self._now_ms = now_ms
        self._lights = [_Light(each, now_ms()) for each in thresholds]

    def note(self, figures: Mapping[str, float | None]) -> None:
        """Take the figures of now, by threshold name; one log line per change of a level."""
        now_s, now_ms = self._clock_s(), self._now_ms()
        for light in self._lights:
            each = light.threshold
            if was := light.note(figures.get(each.name), now_s, now_ms):
                _tell(light, was)

    def view(self) -> list[dict[str, Any]]:
        """Return the levels, as /api/health shows them."""
        return [light.view() for light in self._lights]

    def worst(self) -> str:
        """Return the worst level that is known."""
        known = [LEVELS.index(each.level) for each in self._lights if each.level != UNKNOWN]
        return LEVELS[max(known)] if known else UNKNOWN


def _tell(light: _Light, was: str) -> None:
    each, value = light.threshold, light.value
    shown = "no figure" if value is None else f"{value:.4g} {each.unit}"
    is_bad = light.level in (YELLOW, RED)
    number = {YELLOW: logging.WARNING, RED: logging.ERROR}.get(light.level, logging.INFO)
    log.log(
        number,
        "%s is %s (was %s): %s%s",
        *(each.name, light.level, was, shown, f"; {each.text}" if is_bad else ""),
        extra={"threshold": each.name, "level_now": light.level, "level_was": was, "value": value},
    )
