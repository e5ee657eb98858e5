"""The project's own attack corpus, case by case, through a real server. A disputed label is listed, never changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.attack.cases import Case, read_cases
from evals.attack.run import CORPUS, Result, run, wanted

DISPUTED: dict[str, str] = {}
"""Case id -> why the label is thought wrong. Such a case still runs, and must come out as disputed."""

CASES = wanted(CORPUS)


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    return {result.case.id: result for result in run(CASES)}


def test_the_corpus_is_whole() -> None:
    every: list[Case] = list(read_cases(CORPUS))
    assert len(every) == 252
    assert len(CASES) == 162, "127 chat answers and 23 streams and 15 raw requests, less the three that need a judge"
    assert Path(CORPUS).parent.joinpath("README.md").exists()


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_case_comes_out_as_labelled(case: Case, results: dict[str, Result]) -> None:
    result = results[case.id]
    assert result.as_labelled != (case.id in DISPUTED), f"{case.why}: got {result.got}, status {result.status}"
