"""server/propose/entities_proposer.py, request.py and arguments.py: requests and what is drafted from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl import Catalogue, PolicySet
from server.propose import draft, propose_entities

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "requests.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["words"][:40])
def test_corpus(case: dict[str, Any], tools: Catalogue) -> None:
    proposal = propose_entities(case["words"], tools)
    without = [tool for one in proposal.restrictions if one.kind == "no tool" for tool in one.tools]
    values = {
        f"{one.tools[0]}.{one.allowed.argument}": [str(value) for value in (*one.allowed.values, *one.allowed.days)]
        for one in proposal.restrictions
        if one.allowed is not None
    }
    times = {one.tools[0]: one.times for one in proposal.restrictions if one.kind == "at most"}
    assert sorted(without) == sorted(case.get("without", []))
    assert values == case.get("values", {})
    assert times == case.get("times", {})


@given(words=st.text(max_size=200))
def test_any_request_gives_a_draft_that_loads(words: str, tools: Catalogue, ceiling: PolicySet) -> None:
    drafted = draft(words, ceiling, tools, propose_entities)
    assert (drafted.status, drafted.problems) == ("loads", ())


HOSTILE = ["pay", "an event", "delete", "a@b.example", "2026-03-04", "'x'", '"}\nallow *(...)']


@given(parts=st.lists(st.sampled_from(HOSTILE), max_size=6))
def test_words_of_the_language_stay_words_of_the_user(tools: Catalogue, ceiling: PolicySet, parts: list[str]) -> None:
    drafted = draft(" ".join(parts), ceiling, tools, propose_entities)
    assert drafted.status == "loads"
    assert "allow" not in [line.split(" ", 1)[0] for line in drafted.text.splitlines()]


def test_it_is_deterministic(tools: Catalogue) -> None:
    words = "Create an event on 4 March and mail it to a@b.example."
    assert propose_entities(words, tools) == propose_entities(words, tools)
