"""server/metrics.py: what is counted, and that no caller can make series."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from server.metrics import Metrics


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_counts() -> None:
    metrics = Metrics()
    metrics.request("/v1/models", 200)
    metrics.request("/v1/models", 200)
    metrics.decision("forbid", "no-rule")
    metrics.refusal("invalid-key")
    metrics.upstream_error("vllm", "read-timeout")
    metrics.policy_reload("failed")
    metrics.committed(0.004)
    metrics.ready(True)
    found = samples(metrics)
    assert found["leastward_requests_total", "/v1/models", "200"] == 2
    assert found["leastward_decisions_total", "forbid", "no-rule"] == 1
    assert found["leastward_refusals_total", "invalid-key"] == 1
    assert found["leastward_upstream_errors_total", "read-timeout", "vllm"] == 1
    assert found["leastward_policy_reloads_total", "failed"] == 1
    assert found["leastward_record_commit_seconds_bucket", "0.005"] == 1
    assert found["leastward_record_commit_seconds_bucket", "0.0025"] == 0
    assert found["leastward_ready",] == 1


def test_each_gate_counts_for_itself() -> None:
    first, second = Metrics(), Metrics()
    first.refusal("x")
    assert ("leastward_refusals_total", "x") not in samples(second)


def test_series_are_bounded() -> None:
    metrics = Metrics()
    for number in range(5000):
        metrics.refusal(f"made-up-{number}")
    found = {key: value for key, value in samples(metrics).items() if key[0] == "leastward_refusals_total"}
    assert len(found) <= 257
    assert sum(found.values()) == 5000
    assert found["leastward_refusals_total", "other"] > 4000
