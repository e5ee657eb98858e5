"""Parse tree to tools, signatures and scopes: intents among the tools, agents on the way among the parties."""

from __future__ import annotations

import pytest

from policy_dsl import GroupName, Rule, Scope, ScopeBlock, ToolPattern, parse
from policy_dsl.ast import IntentName


def test_an_intent_stands_among_tools() -> None:
    _, rule = parse("language 1\ngroup g = { x }\nforbid { intent payment, g, a/b }").statements
    assert isinstance(rule, Rule)
    assert rule.tools == (IntentName("payment"), GroupName("g"), ToolPattern("a", "b"))


@pytest.mark.parametrize("written", ['"intent"', "intent/f", "s/intent", "intent_of", "intent.x", "intent*"])
def test_a_tool_may_be_called_as_the_word(written: str) -> None:
    (rule,) = parse(f"language 1\nforbid {written}").statements
    assert isinstance(rule, Rule)
    assert isinstance(rule.tools[0], ToolPattern)


@pytest.mark.parametrize(
    ("written", "scope"),
    [
        ('agent "a" via "v"', Scope(agents=("a",), via=("v",))),
        ('via { "v", "w" } on behalf of role "r"', Scope(via=("v", "w"), roles=("r",))),
        (
            'tenant "t" agent "a" via "v" on behalf of user "u" role "r"',
            Scope(("t",), ("a",), ("u",), ("r",), ("v",)),
        ),
    ],
)
def test_a_scope_names_who_delegated(written: str, scope: Scope) -> None:
    (block,) = parse(f"language 1\nfor {written} {{ }}").statements
    assert isinstance(block, ScopeBlock)
    assert block.scope == scope
