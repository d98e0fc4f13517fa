"""/metrics: the gateway's figures as Prometheus text (prometheus_client).

Names are ours and few, labels too: no device, order or address becomes a label, so what comes from
outside cannot make series. A figure that the gateway does not have is absent, not 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from gateway.ops.histogram import BOUNDS_S, Histogram
from gateway.ops.thresholds import LEVELS
from gateway.ops.vitals import REJECTS
from gateway.ops.watch import Watch

# figure -> (series, what it is): those that are one number of the whole gateway.
_GAUGES = {
    "uptime_s": ("gw_uptime_seconds", "since the start"),
    "devices_broker": ("gw_devices_broker_connected", "1 while the devices' broker is"),
    "log_rows": ("gw_log_rows", "rows in the commit log that are not out"),
    "log_bytes": ("gw_log_bytes", "bytes of the commit log"),
    "log_oldest_s": ("gw_log_oldest_seconds", "age of the oldest row that is not out"),
    "devices_enrolled": ("gw_devices_enrolled", "devices that may speak, by the site's registry"),
    "devices_revoked": ("gw_devices_revoked", "devices that may not any more"),
    "certificates_due": ("gw_certificates_due", "certificates to be renewed, or run out"),
    "certificates_expired": ("gw_certificates_expired", "certificates that have run out"),
    "registry_troubled": ("gw_registry_troubled", "1 while the registry cannot be read"),
}
_COUNTERS = {
    "records_repeated": ("gw_duplicates", "records that boards sent again"),
    "records_lost": ("gw_lost", "records that boards overwrote before they came"),
    "gaps": ("gw_gaps", "holes in device logs"),
    "commits": ("gw_commits", "group commits"),
    "jobs_failed": ("gw_jobs_failed", "jobs that met a defect of the gateway's"),
}
_NMEA = "terminal_nmea_"
_TALKERS_MAX = 32
# Figures that are one number each of our own words.
_BY_LABEL = {
    "rows_dropped_by_stream": (
        "gw_rows_dropped",
        "rows given up because the log was full",
        "stream",
    ),
    "log_oldest_s_by_sink": ("gw_sink_oldest_seconds", "age of the oldest row not out", "sink"),
}
# Of one sink's figures.
_SINK_GAUGES = {
    "backlog_rows": ("gw_backlog_rows", "rows that wait or are under way"),
}
_SINK_COUNTERS = {
    "acknowledged": ("gw_forwarded", "rows that the upstream holds"),
    "published": ("gw_published", "rows sent, repeats among them"),
    "rewinds": ("gw_reconnects", "times that the feed went back to what is safe"),
}


class Metrics:
    """Collects for every scrape anew."""

    def __init__(self, figures: Callable[[], dict[str, Any]], watch: Watch):
        self._figures = figures
        self._watch = watch
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """Return the text format 0.0.4."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing is described in advance."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every series that has a figure."""
        figures = self._figures()
        yield from _plain(figures)
        yield from _sinks(figures.get("sinks") or {})
        yield _labelled(
            CounterMetricFamily,
            "gw_received",
            "rows committed",
            "stream",
            self._watch.meters.streams,
        )
        dropped = {name: figures[name] for name in REJECTS if name in figures}
        yield _labelled(CounterMetricFamily, "gw_dropped", "refused or dropped", "reason", dropped)
        for name, (series, text, label) in _BY_LABEL.items():
            if isinstance(figures.get(name), dict):
                kind = CounterMetricFamily if "dropped" in series else GaugeMetricFamily
                yield _labelled(kind, series, text, label, figures[name])
        yield _labelled(
            GaugeMetricFamily,
            "gw_devices",
            "riders and pickers by the age of what was last heard",
            "age",
            self._watch.vitals.ages(),
        )
        used = {*_GAUGES, *_COUNTERS, *REJECTS, "feed_broker", "backlog_rows"}
        rest = {
            name: value
            for name, value in sorted(figures.items())
            if name not in used and isinstance(value, int | float) and not name.startswith(_NMEA)
        }
        yield _labelled(GaugeMetricFamily, "gw_figure", "as in /api/figures", "name", rest)
        yield from _terminal(figures)
        yield from self._times()
        yield from self._health()

    def _times(self) -> Iterator[Metric]:
        meters = self._watch.meters
        for name, text, histogram in (
            ("gw_commit_seconds", "group commits (one is timed every 5 s)", meters.commit),
            ("gw_puback_seconds", "from sending to the upstream's word (sampled)", meters.puback),
            (
                "gw_feed_delay_seconds",
                "from arrival to the upstream's word, live (sampled)",
                meters.feed_delay,
            ),
            (
                "gw_alert_delay_seconds",
                "from an alert's time on its board to the upstream",
                meters.alert_delay,
            ),
        ):
            if histogram.count:
                family = HistogramMetricFamily(name, text)
                _add(family, [], histogram)
                yield family
        answers = HistogramMetricFamily("gw_answer_seconds", "HTTP answers", labels=["route"])
        for route, histogram in meters.answers.items():
            _add(answers, [route], histogram)
        yield answers

    def _health(self) -> Iterator[Metric]:
        levels = GaugeMetricFamily(
            "gw_threshold_level", "0 green, 1 yellow, 2 red; absent: not known", labels=["name"]
        )
        values = GaugeMetricFamily(
            "gw_threshold_value",
            "the figure that has the level, in its unit",
            labels=["name", "unit"],
        )
        for each in self._watch.judge.view():
            if each["level"] in LEVELS:
                levels.add_metric([each["name"]], LEVELS.index(each["level"]))
            if each["value"] is not None:
                values.add_metric([each["name"], each["unit"]], each["value"])
        yield levels
        yield values


def _plain(figures: dict[str, Any]) -> Iterator[Metric]:
    for name, (series, text) in _GAUGES.items():
        if isinstance(figures.get(name), int | float):
            yield GaugeMetricFamily(series, text, value=float(figures[name]))
    for name, (series, text) in _COUNTERS.items():
        if isinstance(figures.get(name), int | float):
            yield CounterMetricFamily(series, text, value=float(figures[name]))


def _terminal(figures: dict[str, Any]) -> Iterator[Metric]:
    """Yield the sentences and adverts of this machine's own receiver and radio, if it has them."""
    sentences = CounterMetricFamily(
        "gw_nmea_sentences", "of this machine's receiver", labels=["talker", "ok"]
    )
    # A receiver of noise makes talkers at will: the first ones are told, the rest is one.
    rest = {"good": 0.0, "bad": 0.0}
    for name in sorted(each for each in figures if each.startswith(_NMEA)):
        word, _, talker = name.removeprefix(_NMEA).partition("_")
        if word not in rest or not talker:
            continue
        if len(sentences.samples) < _TALKERS_MAX and talker.isascii() and talker.isalnum():
            sentences.add_metric([talker, str(word == "good").lower()], float(figures[name]))
        else:
            rest[word] += float(figures[name])
    for word, count in rest.items():
        if count:
            sentences.add_metric(["other", str(word == "good").lower()], count)
    if sentences.samples:
        yield sentences
    heard = figures.get("terminal_adverts_heard")
    if isinstance(heard, int | float):
        yield CounterMetricFamily("gw_ble_adverts", "heard by this machine's radio", value=heard)


def _sinks(sinks: dict[str, Any]) -> Iterator[Metric]:
    up = GaugeMetricFamily("gw_upstream_connected", "1 while a sink is", labels=["sink"])
    for name, figures in sinks.items():
        up.add_metric([name], float(bool(figures.get("up"))))
    yield up
    for table, kind in ((_SINK_GAUGES, GaugeMetricFamily), (_SINK_COUNTERS, CounterMetricFamily)):
        for figure, (series, text) in table.items():
            found = {
                name: figures[figure]
                for name, figures in sinks.items()
                if isinstance(figures.get(figure), int | float)
            }
            yield _labelled(kind, series, text, "sink", found)


def _labelled(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    text: str,
    label: str,
    values: dict[str, Any],
) -> Metric:
    family = kind(name, text, labels=[label])
    for each, value in sorted(values.items()):
        family.add_metric([each], float(value))
    return family


def _add(family: HistogramMetricFamily, labels: list[str], histogram: Histogram) -> None:
    counts, sum_s = histogram.read()
    total, buckets = 0, []
    for bound, number in zip((*map(str, BOUNDS_S), "+Inf"), counts, strict=True):
        total += number
        buckets.append((bound, float(total)))
    family.add_metric(labels, buckets, sum_s)
