"""evals/bench/workload.py and decide.py: the program answers the standard workload as its truth does, at every size."""

from __future__ import annotations

import pytest

from evals.bench import decide, workload
from policy_dsl import compile_policy


@pytest.mark.parametrize("tools", [50, 1])
@pytest.mark.parametrize("size", decide.SIZES)
def test_the_program_answers_the_workload_as_its_truth_does(size: int, tools: int) -> None:
    rules = workload.rules(size, tools)
    program = compile_policy(decide.policy_of(rules))
    requests = [workload.worst(rules), *workload.mixed(rules, tools, count=128)]
    for tool, arguments in requests:
        expected = workload.truth(rules, (tool, arguments))
        assert (program.decide(tool, arguments).effect == "allow") is expected
        assert program.decide_bare(tool, arguments) == program.decide(tool, arguments)


def test_the_workload_is_what_its_description_says() -> None:
    rules = workload.rules(1_000)
    assert len({rule.tool for rule in rules}) == 50
    assert 0.05 < sum(rule.forbids for rule in rules) / len(rules) < 0.2
    assert {len(rule.conditions) for rule in rules} == {1, 2, 3}
    assert [rule for rule in rules if all(c.holds(workload.worst(rules)[1]) for c in rule.conditions)][-1] is rules[-1]
    idle = workload.idle_arguments()
    assert not any(all(condition.holds(idle) for condition in rule.conditions) for rule in rules)
    requests = workload.mixed(rules)
    unknown = sum(tool == "unknown_tool" for tool, _ in requests)
    assert 0.05 < unknown / len(requests) < 0.2
    assert requests == workload.mixed(rules) != workload.mixed(rules, seed=4)


@pytest.mark.parametrize("requests", ["worst", "mixed"])
def test_peers_answer_alike_and_ratios_are_of_medians(requests: str) -> None:
    pytest.importorskip("cedarpy")
    pytest.importorskip("jsonschema_rs")
    figures = [figure for figure in decide.measure(10, 1, peers=True) if figure.requests == requests]
    assert {figure.engine for figure in figures} == {
        "leastward bare",
        "leastward full",
        "cedarpy",
        "jsonschema-rs",
        "empty call",
    }
    assert all(figure.low <= figure.median <= figure.high for figure in figures)
