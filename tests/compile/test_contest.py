"""policy_dsl/compile/contest.py and contender.py: chains and tables give the same winner, found as intended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policy_dsl.compile import contest

KINDS = [
    'when a == "{n}" and b in 0 .. 5',
    "when b in {n}0 .. {n}1",
    'when a starts with "/{n}/" and b > 1',
    "when length of a == {n} and b == 7",
]
EFFECTS = ["allow act(a, b)", "forbid act", "ask act(a, b)", "require approval for act"]


def policy_text(count: int) -> str:
    return "\n".join(
        f"{EFFECTS[n % 7 % 4]} as r{n:03} priority {n % 3} {KINDS[n % 4].format(n=n)}" for n in range(count)
    )


CALLS: list[dict[str, Any]] = [
    {"a": a, "b": b}
    for a in ("0", "4", "8", "12", "/2/x", "/6/", "x" * 7, None, 5, "none")
    for b in (0, 1, 2, 5, 7, 10, 50, 90, "7", None)
] + [{}, {"a": "0"}, {"b": 3}, {"a": "4", "b": 3, "c": 1}]


@pytest.mark.parametrize("count", [5, 11, 12, 40, 200])
def test_chains_and_tables_answer_alike(
    compiled: Callable[..., tuple[Any, Any]], monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    by_default, _ = compiled(policy_text(count))
    expected = [by_default.decide("act", arguments) for arguments in CALLS]
    assert len({outcome.effect for outcome in expected}) == 3
    for tables, long_chain in ((1, 64), (10_000, 10_000), (10_000, 0), (1, 0)):
        monkeypatch.setattr(contest, "WORTH_TABLES", tables)
        monkeypatch.setattr(contest, "WORTH_A_TABLE", 1)
        monkeypatch.setattr(contest, "LONG_CHAIN", long_chain)
        program, _ = compiled(policy_text(count))
        assert [program.decide("act", arguments) for arguments in CALLS] == expected


def test_few_rules_are_a_chain_and_many_are_looked_up(compiled: Callable[..., tuple[Any, Any]]) -> None:
    few, _ = compiled('allow act(a) as one when a == "x"\nforbid act as two when a == "y"')
    assert "for ask in" not in few.source("act")
    assert few.source("act").index("'two'") < few.source("act").index("'one'")
    many, _ = compiled("\n".join(f'allow act(a) as r{n} when a == "{n}"' for n in range(50)))
    source = many.source("act")
    assert "found = k0(a_a)" in source
    assert "# 50 of this shape:" in source
    assert many.decide("act", {"a": "49"}).rule == "r49"


def test_a_rule_is_found_that_fails_where_its_key_cannot_be_asked(compiled: Callable[..., tuple[Any, Any]]) -> None:
    """A forbid whose keyed argument is missing is an error, so it forbids; unless another part of it is false."""
    program, _ = compiled(
        "allow act(...)\n" + "\n".join(f'forbid act as f{n:02} when a == "{n}" and b == {n}' for n in range(30))
    )
    assert program.decide("act", {"a": "nobody", "b": 3}).effect == "allow"
    assert program.decide("act", {"b": 3}).rule == "f03"
    assert program.decide("act", {"b": 3}).reason == "rule-error"
    assert program.decide("act", {"b": 99}).effect == "allow"
    assert len(program.decide("act", {}).errors) == 30


def test_what_never_matches_is_not_asked(compiled: Callable[..., tuple[Any, Any]]) -> None:
    properties = {"a": {"type": "number"}}
    tools = [{"name": "act", "inputSchema": {"type": "object", "properties": properties, "required": ["a"]}}]
    rules = 'allow act(...) as never when a starts with "x" and b == 1\nallow act(...) as maybe when b == 2'
    program, _ = compiled(rules, tools)
    assert "'never'" not in program.source("act").partition("# k0")[0]
    assert program.decide("act", {"a": 1, "b": 1}).effect == "forbid"
    assert program.decide("act", {"a": 1, "b": 2}).rule == "maybe"
