"""The figures that have a threshold, computed once a second from what the gateway counts."""

from __future__ import annotations

import logging
import shutil
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

from gateway.config import Config
from gateway.ops.meters import Meters
from gateway.web.hub import Hub

# Counters of what was refused or dropped, by the reason that /metrics gives them.
REJECTS = (
    *("frames_malformed", "frames_oversize", "frames_refused", "records_unreadable"),
    *("presence_malformed", "intake_refused", "topics_refused", "qos0_dropped", "lives_late"),
    *("devices_refused_unknown", "devices_refused_revoked", "devices_refused_kind"),
    *("fields_sealed_refused", "moves_refused", "logs_behind"),
    *("http_refused_host", "http_refused_origin", "http_unauthorised", "http_forbidden"),
    *("logins_failed", "logins_slowed", "connections_turned_away"),
)
_RATE_S = 60.0
_SILENT_S = 120
_AGES_S = (("10s", 10), ("1m", 60), ("10m", 600), ("1h", 3_600))
_CERTIFICATES_S = 600.0
_CERTIFICATE_MAX_BYTES = 1_000_000

log = logging.getLogger(__name__)


class Vitals:
    """Keeps what a figure needs of the moments before. One thread asks."""

    def __init__(self, config: Config, meters: Meters, hub: Hub):
        self._config = config
        self._meters = meters
        self._hub = hub
        self._down_since: dict[str, float] = {}
        self._rejects: deque[tuple[float, int]] = deque()
        self._certificates_s = float("-inf")
        self._days: float | None = None

    def read(self, figures: Mapping[str, Any], commit_age_s: float) -> dict[str, float | None]:
        """Return name of a threshold -> its figure, None where there is none."""
        now_s = time.monotonic()
        meters = self._meters
        sinks: Mapping[str, Any] = figures.get("sinks") or {"": {"up": figures.get("feed_broker")}}
        down = [
            self._down_s(f"sink {name}", bool(each.get("up")), now_s)
            for name, each in sinks.items()
        ]
        return {
            "answer_ms": _p99_ms(meters.answers.all),
            "feed_delay_ms": _p99_ms(meters.feed_delay),
            "alert_delay_ms": _p99_ms(meters.alert_delay),
            "commit_ms": _p99_ms(meters.commit),
            "commit_age_s": commit_age_s,
            "log_age_s": _number(figures.get("log_oldest_s")),
            "log_fill_pct": self._fill_pct(figures),
            "upstream_down_s": max(down, default=None),
            "devices_down_s": self._down_s("devices", bool(figures.get("devices_broker")), now_s),
            "rejects_per_min": self._rejects_per_min(figures, now_s),
            "silent_pct": self._silent_pct(),
            "clock_skew_ms": meters.skew_ms(),
            "registry_trouble_s": _number(figures.get("registry_trouble_s")),
            "certificate_days": self._certificate_days(figures, now_s),
            "disk_free_mb": _free_mb(self._config.site.data),
        }

    def _down_s(self, name: str, is_up: bool, now_s: float) -> float:
        if is_up:
            self._down_since.pop(name, None)
            return 0.0
        return now_s - self._down_since.setdefault(name, now_s)

    def _fill_pct(self, figures: Mapping[str, Any]) -> float | None:
        commit = self._config.commit
        parts = [
            100 * value / most
            for value, most in (
                (_number(figures.get("log_rows")), commit.rows_max),
                (_number(figures.get("log_bytes")), commit.bytes_max),
            )
            if value is not None
        ]
        return max(parts, default=None)

    def _rejects_per_min(self, figures: Mapping[str, Any], now_s: float) -> float:
        total = sum(int(figures.get(name, 0)) for name in REJECTS)
        self._rejects.append((now_s, total))
        while now_s - self._rejects[0][0] > _RATE_S:
            self._rejects.popleft()
        return float(max(0, total - self._rejects[0][1]))

    # -- devices ------------------------------------------------------------------------------------

    def ages(self) -> dict[str, int]:
        """Return how many subjects were heard within 10 s, 1 min, 10 min, 1 h, longer ago, never."""
        now = datetime.now(UTC)
        edges = [(name, _iso(now - timedelta(seconds=age_s))) for name, age_s in _AGES_S]
        found = Counter({name: 0 for name, _ in (*edges, ("older", ""), ("never", ""))})
        for subject in self._hub.subjects.values():
            if not subject.seen:
                found["never"] += 1
            else:
                found[next((name for name, edge in edges if subject.seen >= edge), "older")] += 1
        return dict(found)

    def _silent_pct(self) -> float | None:
        edge = _iso(datetime.now(UTC) - timedelta(seconds=_SILENT_S))
        online = [each.seen for each in self._hub.subjects.values() if each.presence == "online"]
        if not online:
            return None
        return 100 * sum(seen < edge for seen in online) / len(online)

    # -- certificates -------------------------------------------------------------------------------

    def _paths(self) -> Iterable[Path]:
        config = self._config
        tls = [config.broker.tls, *(sink.tls for sink in config.sinks)]
        tls += [sink.broker.tls for sink in config.sinks]
        found = [config.http.cert, *(each.cert for each in tls if each is not None)]
        found += [each.ca for each in tls if each is not None]
        return {each for each in found if each is not None}

    def _certificate_days(self, figures: Mapping[str, Any], now_s: float) -> float | None:
        if now_s - self._certificates_s > _CERTIFICATES_S:
            self._certificates_s = now_s
            self._days = min(map(days_left, self._paths()), default=None)
        found = [] if self._days is None else [self._days]
        if figures.get("devices_enrolled"):
            found.append(float(figures["certificate_end_s"]) / 86_400)
        return min(found, default=None)


def days_left(path: Path) -> float:
    """Return the days until the first certificate of a PEM file ends; 0 when it cannot be read."""
    try:
        with path.open("rb") as file:
            certificate = x509.load_pem_x509_certificate(file.read(_CERTIFICATE_MAX_BYTES))
    except (OSError, ValueError) as fault:
        log.warning("the certificate %s cannot be read: %s", path, fault)
        return 0.0
    return (certificate.not_valid_after_utc - datetime.now(UTC)) / timedelta(days=1)


def _p99_ms(histogram: Any) -> float | None:
    found: float | None = histogram.quantile_s(0.99)
    return None if found is None else found * 1000


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _free_mb(folder: Path) -> float | None:
    try:
        return shutil.disk_usage(folder).free / 1e6
    except OSError:
        return None


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
