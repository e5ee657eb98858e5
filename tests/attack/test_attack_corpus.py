"""The project's own attack corpus, case by case, through a real server. A disputed label is listed, never changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.attack.cases import Case, read_cases
from evals.attack.run import CORPUS, Result, run, wanted

DISPUTED: dict[str, str] = {
    "path-031": "over a model API the gate sees no file system, so no link in it (SECURITY.md)",
    "url-039": "over a model API the gate sees no redirect; where it asks itself, each is decided (tests/tools)",
}
"""Case id -> why the label is thought wrong. Such a case still runs, and must come out as disputed."""

CASES = wanted(CORPUS)


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    return {result.case.id: result for result in run(CASES)}


def test_the_corpus_is_whole() -> None:
    every: list[Case] = list(read_cases(CORPUS))
    assert len(every) == 252
    assert len(CASES) == 209, "all but 34 requests of MCP clients (tests/mcp), 3 that need a judge and 6 an approval"
    assert Path(CORPUS).parent.joinpath("README.md").exists()


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_case_comes_out_as_labelled(case: Case, results: dict[str, Result]) -> None:
    result = results[case.id]
    assert result.as_labelled != (case.id in DISPUTED), f"{case.why}: got {result.got}, status {result.status}"
