"""What the gate counts, in Prometheus' text format. Every label takes its values from a short list.

A value that is on no list is counted as `other`: a client or a model must not be able to make series.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_MOST_SERIES: Final = 256
_COMMIT_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class _Series:
    """A counter with its children kept at hand: `labels()` costs more than the count itself."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._children: dict[tuple[str, ...], Counter] = {}

    def add(self, *labels: str) -> None:
        child = self._children.get(labels)
        if child is None:
            if len(self._children) >= _MOST_SERIES:
                labels = ("other",) * len(labels)
            child = self._children[labels] = self._counter.labels(*labels)
        child.inc()


class Metrics:
    """Counters and their text. The hot path calls one `request` per answer and one `decision` per call."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = _Series(
            Counter("leastward_requests", "Answers, by route and status.", ("route", "status"), registry=registry)
        )
        self._decisions = _Series(
            Counter("leastward_decisions", "Decisions, by effect and reason.", ("effect", "reason"), registry=registry)
        )
        self._refusals = _Series(
            Counter("leastward_refusals", "Calls and requests refused, by code.", ("code",), registry=registry)
        )
        self._upstream_errors = _Series(
            Counter(
                "leastward_upstream_errors", "Unusable answers, by upstream and code.", ("upstream", "code"),
                registry=registry,
            )
        )
        self._reloads = _Series(
            Counter("leastward_policy_reloads", "Policy loads, by result.", ("result",), registry=registry)
        )
        self._commits = Histogram(
            "leastward_record_commit_seconds", "From handing records over until they are durable.",
            buckets=_COMMIT_BUCKETS, registry=registry,
        )
        self._ready = Gauge("leastward_ready", "1 while /readyz answers 200.", registry=registry)

    def request(self, route: str, status: int) -> None:
        """`route` is a route's own path template, or `unknown`."""
        self._requests.add(route, str(status))

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

    def committed(self, seconds: float) -> None:
        self._commits.observe(seconds)

    def ready(self, yes: bool) -> None:
        self._ready.set(1 if yes else 0)

    def text(self) -> bytes:
        return generate_latest(self._registry)
