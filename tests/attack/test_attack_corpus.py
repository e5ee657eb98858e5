"""The project's own attack corpus, case by case, through a real server. A disputed label is listed, never changed."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from evals.attack.cases import Case, read_cases
from evals.attack.run import CORPUS, Result, run, wanted
from evals.attack.somebody import prior

DISPUTED: dict[str, str] = {
    "path-031": "over a model API the gate sees no file system, so no link in it (SECURITY.md)",
    "url-039": "over a model API the gate sees no redirect; where it asks itself, each is decided (tests/tools)",
}
"""Case id -> why the label is thought wrong. Such a case still runs, and must come out as disputed."""

CASES = wanted(CORPUS)


def _agreed() -> list[Case]:
    """The corpus has only judges and approvals that must not release: the same cases with those that must."""
    by_id = {case.id: case for case in CASES}
    approved, judged = by_id["context-002"], by_id.get("context-020")
    earlier = prior(approved)
    assert earlier is not None
    cases = [replace(approved, id="approved", wire=earlier.wire)]
    return cases if judged is None else [*cases, replace(judged, id="judged", context={"judge": "safe"})]


AGREED = [replace(case, expected=frozenset({"allow"})) for case in _agreed()]


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    return {result.case.id: result for result in run([*CASES, *AGREED])}


def test_the_corpus_is_whole() -> None:
    every: list[Case] = list(read_cases(CORPUS))
    assert len(every) == 252
    judged = sum(case.is_judged for case in CASES)
    assert judged == 3 or find_spec("litellm") is None
    assert len(CASES) - judged == 215, "all but 34 requests of MCP clients (tests/mcp)"
    assert Path(CORPUS).parent.joinpath("README.md").exists()


def test_somebody_who_agrees_is_heard(results: dict[str, Result]) -> None:
    """Else the cases above would come out as labelled with nobody there."""
    assert [results[case.id].got for case in AGREED] == ["allow"] * len(AGREED)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_case_comes_out_as_labelled(case: Case, results: dict[str, Result]) -> None:
    result = results[case.id]
    assert result.as_labelled != (case.id in DISPUTED), f"{case.why}: got {result.got}, status {result.status}"
