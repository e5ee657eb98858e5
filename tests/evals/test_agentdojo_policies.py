"""examples/agentdojo/*.lw and evals/agentdojo/half/*.lw: in order by our own checks, and free of values that only an
attack, or only a solution, could have taught."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from evals.agentdojo import SUITES, Recording, pipelines, read_recordings, truths
from evals.agentdojo.replay import POLICIES
from evals.agentdojo.sessions import HALF
from guardrail import Guard, run_tests
from policy_dsl import FromUser, Literal, Matches, SetLiteral, TestBlock, check, compile_policy, format, load, parse


@pytest.fixture(params=SUITES)
def suite(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_policy_checks_without_an_error_and_is_in_form(suite: str) -> None:
    path = POLICIES / f"{suite}.lw"
    findings = check(load([path]))
    assert [finding.render() for finding in findings if finding.severity == "error"] == []
    text = path.read_text(encoding="utf-8")
    assert format(parse(text, str(path))) == text


def test_its_own_tests_pass(suite: str) -> None:
    policy = load([POLICIES / f"{suite}.lw"])
    outcomes = run_tests(policy, Guard(compile_policy(policy)))
    assert len(outcomes) >= 10
    assert [outcome.render() for outcome in outcomes if not outcome.passed] == []


def written_texts(node: Any) -> Iterator[str]:
    """Every value that a rule or a set names. Not the policy's own tests, nor the ordinary words that a rule looks for
    in the user's request (`"delete" from user`): these say what the user spoke of, and fit no argument."""
    if isinstance(node, FromUser) and isinstance(node.operand, Literal):
        return
    if isinstance(node, Matches):
        yield from re.findall(r"[A-Za-z0-9-]{8,}", node.pattern)
    if isinstance(node, Literal) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, SetLiteral):
        yield from (item for item in node.items if isinstance(item, str))
    if isinstance(node, tuple):
        for item in node:
            yield from written_texts(item)
    elif is_dataclass(node) and not isinstance(node, type | TestBlock):
        for field in fields(node):
            yield from written_texts(getattr(node, field.name))


@pytest.fixture(params=[POLICIES, HALF], ids=["whole", "half"])
def policy(request: pytest.FixtureRequest, suite: str) -> Path:
    return Path(request.param) / f"{suite}.lw"


@pytest.fixture(scope="session")
def data() -> Path:
    folder = os.environ.get("LEASTWARD_DATA")
    if not folder:
        pytest.skip("LEASTWARD_DATA names no data folder")
    return Path(folder)


@cache
def recorded(data: Path, suite: str) -> list[Recording]:
    (pipeline, recordings), *_ = pipelines(data).items()
    return [run for run in read_recordings(recordings, pipeline) if run.suite == suite]


def values(policy: Path) -> set[str]:
    return {text for text in written_texts(parse(policy.read_text(encoding="utf-8"), str(policy)).statements) if text}


def test_no_value_is_known_from_attacks_alone(policy: Path, suite: str, data: Path) -> None:
    """A value of an injected text must also stand in what tools answered, or users asked, without any attack."""
    runs = recorded(data, suite)
    benign = "\n".join(
        text for run in runs if run.kind == "benign" for text in (run.prompt, *(call.output for call in run.calls))
    )
    attacked = "\n".join(text for run in runs if run.kind == "attacked" for text in run.injected)
    assert attacked
    assert {text for text in values(policy) if text in attacked and text not in benign} == set()


def looked_at(run: Recording) -> Iterator[str]:
    """What the run read before it changed anything: the suite's initial environment, as far as the run saw it."""
    for call in takewhile(lambda call: call.tool.startswith(READS), run.calls):
        yield call.output


READS = ("get_", "search_", "list_", "read_", "check_")


def test_no_value_is_known_from_a_solution_alone(policy: Path, suite: str, data: Path) -> None:
    """A value of a ground-truth call must also stand in the initial environment: what runs without an attack read
    before their first write."""
    initial = "\n".join(text for run in recorded(data, suite) if run.kind == "benign" for text in looked_at(run))
    solved = "\n".join(
        str(value)
        for task in truths(data)[suite]["user_tasks"].values()
        for call in task["ground_truth"]
        for value in call["args"].values()
    )
    assert {text for text in values(policy) if text in solved and text not in initial} == set()
