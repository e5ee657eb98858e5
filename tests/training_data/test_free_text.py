"""training/knowledge/free_text.py: a model drafts, over the real litellm, and nothing of it is believed unchecked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from policy_dsl import Catalogue
from training.knowledge import Drafter, Unreadable, read_free
from training.knowledge.free_text import believed

DOCUMENT = """Refunds up to 500 are fine. Be friendly at all times.
A refund of 700 is never made. Nobody ships on Sundays."""
TOOLS = Catalogue.from_tools(
    [
        {
            "name": "refund",
            "inputSchema": {
                "type": "object",
                "properties": {"amount": {"type": "integer"}},
                "required": ["amount"],
                "additionalProperties": False,
            },
        }
    ]
)
RULE = "allow refund(amount) as small when amount <= 500"
EXAMPLE = {
    "quote": "A refund of 700 is never made",
    "tool": "refund",
    "arguments": '{"amount": 700}',
    "effect": "forbid",
}


def _answer(statements: list[tuple[int, str | None, str | None]], examples: list[dict[str, Any]]) -> str:
    listed = [{"sentence": number, "policy": policy, "why": why} for number, policy, why in statements]
    return json.dumps({"statements": listed, "examples": examples})


def _read(worded: Callable[..., Any], answer: str | int) -> Any:
    server = worded(answer)
    return read_free(DOCUMENT, TOOLS, Drafter("openai/scripted", server.url)), server


@pytest.mark.long
def test_what_checks_and_agrees_is_taken_and_the_rest_is_told_by_place(worded: Callable[..., Any]) -> None:
    answer = _answer(
        [(0, RULE, None), (1, None, "no rule"), (2, None, "an example"), (3, "forbid ???", None)], [EXAMPLE]
    )
    found, server = _read(worded, answer)
    assert found.text == f"language 1\n{RULE}\n"
    assert list(found.policy.rules) == ["small"]
    assert found.examples == 1
    assert [(one.line, one.column, one.sentence) for one in found.unresolved] == [
        (1, 29, "Be friendly at all times."),
        (2, 1, "A refund of 700 is never made."),
        (2, 32, "Nobody ships on Sundays."),
    ]
    assert found.unresolved[2].why.startswith("the draft is no statement")
    (request,) = server.requests
    assert request["response_format"]["json_schema"]["strict"] is True


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (_answer([(0, "allow refund(amount) as all", None)], [EXAMPLE]), "and the draft as allow"),
        (_answer([(0, 'allow refund(amount) when amount == "x"', None)], []), "does not check: line 2"),
        (_answer([(0, RULE, None)], [{**EXAMPLE, "quote": "A refund of 700 is fine"}]), "not in the document"),
        (_answer([(0, RULE, None)], [{**EXAMPLE, "arguments": '{"amount": 1, "amount": 2}'}]), "no strict JSON"),
        (_answer([(0, RULE, None), (0, RULE, None)], []), "or one twice"),
        (_answer([(9, RULE, None)], []), "a sentence that there is not"),
        (_answer([], []), "no sentence of the document became a rule"),
        (_answer([(0, f"{RULE}\nallow *(...)", None)], []), "no sentence of the document became a rule"),
        (_answer([(0, 'import "other.lw"', None)], []), "no sentence of the document became a rule"),
        ("Sure! Here it is.", "no strict JSON"),
        ('{"statements": [], "examples": [], "more": 1}', "other members"),
        ('{"statements": [{"sentence": 0}], "examples": []}', "`statements` in the answer is not as asked for"),
    ],
)
def test_a_draft_that_cannot_be_believed_is_refused_whole(answer: str, fault: str) -> None:
    with pytest.raises(Unreadable, match=fault):
        believed(DOCUMENT, TOOLS, answer)


@pytest.mark.long
def test_a_server_without_an_answer_is_told(worded: Callable[..., Any]) -> None:
    with pytest.raises(Unreadable, match="no answer from `openai/scripted`"):
        _read(worded, 500)


def test_what_is_taken_needs_no_library() -> None:
    found = believed(DOCUMENT, TOOLS, _answer([(0, RULE, None)], [EXAMPLE]))
    assert (found.examples, len(found.unresolved)) == (1, 3)


def test_a_document_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(Unreadable, match="more than 200000 characters"):
        read_free("x" * 200_001, TOOLS, Drafter("openai/scripted"))
