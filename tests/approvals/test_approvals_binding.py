"""server/approvals/binding.py and guardrail/approval.py: what a yes is bound to, and what it makes of a Decision."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail import APPROVED, Decision, ToolCall, approved
from policy_dsl import strict_json
from server.approvals import as_judged, canonical, digest_of

ID = "apr-00000000000000000000000000"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.decimals(-1000, 1000, places=2) | TEXT
TREES = st.dictionaries(
    TEXT, st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)),
    max_size=4,
)  # fmt: skip


def _shuffled(value: Any, lot: random.Random) -> Any:
    if isinstance(value, dict):
        names = list(value)
        lot.shuffle(names)
        return {name: _shuffled(value[name], lot) for name in names}
    if isinstance(value, list):
        return [_shuffled(item, lot) for item in value]
    return value


def _as_text(value: Any) -> str:
    """The tree with every type told apart."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{name!r}:{_as_text(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_as_text, value)) + "]"
    return f"{type(value).__name__}:{value}"


@settings(max_examples=60)
@given(TREES, st.randoms(use_true_random=False))
def test_the_order_of_members_does_not_matter(tree: dict[str, Any], lot: random.Random) -> None:
    assert canonical(_shuffled(tree, lot)) == canonical(tree)
    assert strict_json.parse(canonical(tree), numbers="kept") == tree


@settings(max_examples=60)
@given(TREES, TREES)
def test_two_calls_have_one_digest_exactly_when_they_are_one(left: dict[str, Any], right: dict[str, Any]) -> None:
    same = strict_json.parse(canonical(left), numbers="kept") == strict_json.parse(canonical(right), numbers="kept")
    alike = same and canonical(left) == canonical(right)
    assert (digest_of("s", "t", left) == digest_of("s", "t", right)) == alike


def test_server_tool_and_arguments_are_told_apart() -> None:
    calls: list[tuple[str | None, str, dict[str, Any]]] = [
        (None, "a", {}),
        ("", "a", {}),
        ("a", "", {}),
        ("a", "b", {}),
        ("b", "a", {}),
        (None, "a/b", {}),
        (None, "a", {"x": None}),
        (None, "a", {"x": 1}),
        (None, "a", {"x": Decimal("1.0")}),
        (None, "a", {"x": "1"}),
        (None, "a", {"x": True}),
        (None, "a", {"x": [1]}),
        (None, "a", {"x": {"y": 1}}),
        (None, "a", {"x": "é"}),
        (None, "a", {"x": "e\u0301"}),
    ]
    assert len({digest_of(*call) for call in calls}) == len(calls)
    assert len(digest_of(*calls[0])) == 64


def _decision(effect: Any, arguments: dict[str, Any] | None = None) -> Decision:
    return Decision(effect, "big", "rule", "wait", (), "f" * 64, rewritten=arguments is not None, arguments=arguments)


def test_a_yes_turns_an_ask_into_an_allow_and_nothing_else() -> None:
    ask = _decision("ask", {"x": 2})
    allow = approved(ask, ID)
    assert (allow.effect, allow.reason, allow.releases) == ("allow", APPROVED, True)
    assert (allow.rule, allow.policy_hash, allow.arguments, allow.rewritten) == ("big", "f" * 64, {"x": 2}, True)
    for effect in ("allow", "forbid"):
        with pytest.raises(ValueError, match="an approval turns an ask into an allow"):
            approved(_decision(effect), ID)
    with pytest.raises(ValueError, match="named by its id"):
        approved(ask, "dec-1")


def test_a_rewritten_call_is_what_is_judged() -> None:
    call = ToolCall("t", {"x": 1}, "call_1", "s")
    assert as_judged(call, _decision("ask")) is call
    assert as_judged(call, _decision("ask", {"x": 2})) == ToolCall("t", {"x": 2}, "call_1", "s")
