"""What the gate counts, in Prometheus' text format. Every label takes its values from a short list.

A value that is on no list is counted as `other`: a client or a model must not be able to make series.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_MOST_SERIES: Final = 256
_COMMIT_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class _Series:
    """A counter as plain integers: prometheus_client's own take a lock per count, here one thread counts."""

    def __init__(self, name: str, help_text: str, labels: tuple[str, ...]) -> None:
        self._about = (name, help_text)
        self._labels = labels
        self._counts: dict[tuple[str | int, ...], int] = {}

    def add(self, *values: str | int) -> None:
        counts = self._counts
        if values not in counts and len(counts) >= _MOST_SERIES:
            values = ("other",) * len(values)
        counts[values] = counts.get(values, 0) + 1

    def family(self) -> Metric:
        family = CounterMetricFamily(*self._about, labels=self._labels)
        for values, count in self._counts.items():
            family.add_metric([str(value) for value in values], count)
        return family


class _Times:
    """A histogram of seconds, summed up over its buckets only when it is read."""

    def __init__(self, name: str, help_text: str, bounds: tuple[float, ...]) -> None:
        self._about = (name, help_text)
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def family(self) -> Metric:
        family = HistogramMetricFamily(*self._about)
        seen, buckets = 0, []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            seen += count
            buckets.append((bound, seen))
        family.add_metric([], buckets, self._sum)
        return family


class Metrics(Collector):
    """Counters and their text. The hot path calls one `request` per answer and one `decision` per call."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = _Series("leastward_requests", "Answers, by route and status.", ("route", "status"))
        self._decisions = _Series("leastward_decisions", "Decisions, by effect and reason.", ("effect", "reason"))
        self._refusals = _Series("leastward_refusals", "Calls and requests refused, by code.", ("code",))
        self._upstream_errors = _Series(
            "leastward_upstream_errors", "Unusable answers, by upstream and code.", ("upstream", "code")
        )
        self._reloads = _Series("leastward_policy_reloads", "Policy loads, by result.", ("result",))
        self._commits = _Times(
            "leastward_record_commit_seconds", "From handing records over until they are durable.", _COMMIT_BUCKETS
        )
        self._reports = _Series("leastward_reports", "Reports, by what became of them.", ("result",))
        self._announcements = _Series(
            "leastward_approval_announcements", "Announcements of approvals, by what became of them.", ("result",)
        )
        self._internalized = _Series(
            "leastward_internalized", "Requests to models with a file, by what it came to.", ("upstream", "result")
        )
        self._queue: Mapping[str, int] = {}
        self._oldest_ask = 0.0
        self._refreshes = _Series("leastward_memory_refreshes", "Refreshes of memory, by result.", ("result",))
        self._phases: Mapping[str, int] = {}
        self._snapshot = 0
        self._stale = False
        self._ready = False
        self._registry.register(self)

    def collect(self) -> Iterable[Metric]:
        for series in (self._requests, self._decisions, self._refusals, self._upstream_errors, self._reloads):
            yield series.family()
        for series in (self._reports, self._refreshes, self._announcements, self._internalized):
            yield series.family()
        yield self._commits.family()
        yield from self._memory()
        yield from self._approvals()
        yield GaugeMetricFamily("leastward_ready", "1 while /readyz answers 200.", int(self._ready))

    def _memory(self) -> Iterable[Metric]:
        rules = GaugeMetricFamily("leastward_memory_abstractions", "Learned rules, by phase.", labels=("phase",))
        for phase, count in sorted(self._phases.items()):
            rules.add_metric([phase], count)
        yield rules
        yield GaugeMetricFamily(
            "leastward_memory_snapshot_version", "The newest snapshot in force, 0 for none.", self._snapshot
        )
        yield GaugeMetricFamily("leastward_memory_stale", "1 while memory cannot be reached.", int(self._stale))

    def _approvals(self) -> Iterable[Metric]:
        queue = GaugeMetricFamily("leastward_approvals", "Approvals that are kept, by state.", labels=("state",))
        for state in ("pending", "approved", "denied", "used", "expired"):
            queue.add_metric([state], self._queue.get(state, 0))
        yield queue
        yield GaugeMetricFamily(
            "leastward_approvals_oldest_seconds", "How long the oldest pending approval has waited.", self._oldest_ask
        )

    def request(self, route: str, status: int) -> None:
        """`route` is a route's own path template, or `unknown`."""
        self._requests.add(route, status)

    def decision(self, effect: str, reason: str) -> None:
        self._decisions.add(effect, reason)

    def refusal(self, code: str) -> None:
        self._refusals.add(code)

    def upstream_error(self, upstream: str, code: str) -> None:
        """`upstream` is its name in the settings."""
        self._upstream_errors.add(upstream, code)

    def policy_reload(self, result: str) -> None:
        """`loaded`, `unchanged` or `failed`."""
        self._reloads.add(result)

    def report(self, result: str) -> None:
        """`accepted`, or the code with which a report was refused."""
        self._reports.add(result)

    def internalized(self, upstream: str, result: str) -> None:
        """`taught`, or why the policy was put back into the prompt (internalized.Standings)."""
        self._internalized.add(upstream, result)

    def announcement(self, result: str) -> None:
        """What became of the announcement of an approval (approvals.Webhook)."""
        self._announcements.add(result)

    def queue(self, states: Mapping[str, int], oldest_seconds: float) -> None:
        """How the approvals of all tenants stand now. Never by tenant, as /metrics is open."""
        self._queue, self._oldest_ask = states, oldest_seconds

    def refresh(self, result: str) -> None:
        """`done` or `failed`."""
        self._refreshes.add(result)

    def memory(self, phases: Mapping[str, int], snapshot: int, *, stale: bool) -> None:
        """What is in force, over all tenants: rules by phase, the newest snapshot's version, and whether memory cannot
        be reached. Never by tenant: /metrics is open, and who the tenants are is not."""
        self._phases, self._snapshot, self._stale = phases, snapshot, stale

    def committed(self, seconds: float) -> None:
        self._commits.observe(seconds)

    def ready(self, yes: bool) -> None:
        self._ready = yes

    def text(self) -> bytes:
        return generate_latest(self._registry)
