"""server/propose/answer.py: what a model may say, from a corpus of recorded and hostile answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl import Catalogue
from server.asking import MAX_ANSWER, BadAnswer
from server.propose.answer import SCHEMA, read_answer

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "answers.yaml").read_text(encoding="utf-8"))
WORDS = "Pay DE02120300000000202051 at most 50 EUR and mail kim@corp.example."


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_corpus(case: dict[str, Any], tools: Catalogue) -> None:
    if "problem" in case:
        with pytest.raises(BadAnswer, match=case["problem"]):
            read_answer(case["answer"], WORDS, tools)
    else:
        assert [one.kind for one in read_answer(case["answer"], WORDS, tools)] == case["kinds"]


def test_a_huge_answer_is_refused_unread(tools: Catalogue) -> None:
    with pytest.raises(BadAnswer, match="characters"):
        read_answer('{"restrictions":[' + " " * MAX_ANSWER + "]}", WORDS, tools)


def test_a_deep_answer_is_refused(tools: Catalogue) -> None:
    with pytest.raises(BadAnswer, match="no strict JSON"):
        read_answer("[" * 10_000, WORDS, tools)


_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=4), max_size=2)
_ITEM = st.fixed_dictionaries(
    dict.fromkeys(SCHEMA["properties"]["restrictions"]["items"]["required"], _VALUES)
    | {
        "tool": st.sampled_from(["send_money", "delete_file", "get_balance"]),
        "kind": st.sampled_from(["remove", "only_values", "range", "at_most", "ask"]),
        "argument": st.sampled_from(["recipient", "amount", "file_id", None]),
        "quote": st.sampled_from(["Pay", "50"]),
    }
)


@given(st.lists(_ITEM, max_size=3))
def test_any_answer_is_read_or_refused(tools: Catalogue, items: list[dict[str, Any]]) -> None:
    try:
        read = read_answer(json.dumps({"restrictions": items}), WORDS, tools)
    except BadAnswer:
        return
    assert len(read) == len(items)
