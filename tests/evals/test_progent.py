"""evals/progent: replay.py and the command, on Progent's shipped policies and AgentDojo's truths (LEASTWARD_DATA)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from evals.progent import Counts, replay
from evals.progent.__main__ import main, total

DATA = Path(os.environ.get("LEASTWARD_DATA", ""))
pytestmark = pytest.mark.skipif(
    not (DATA / "progent_policies").is_dir(), reason="LEASTWARD_DATA names no folder with progent_policies"
)


@pytest.fixture(scope="module")
def suites() -> list[Counts]:
    return replay(DATA)


def test_every_task_comes_out_as_in_progents_own_engine(suites: list[Counts]) -> None:
    assert [suite.suite for suite in suites if not suite.is_progents] == []


def test_the_counts_are_those_of_the_paper_trail(suites: list[Counts]) -> None:
    """91 of 97 user tasks; all injections but one, which is 25 of 26 where the folder holds all of them."""
    allowed, tasks, refused, injections = total(suites)
    assert (allowed, tasks) == (91, 97)
    assert refused == injections - 1
    assert injections <= 26


def test_the_command_prints_it_and_says_whether_it_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(DATA), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["as_progent"] is True
    assert printed["total"][:2] == [91, 97]
