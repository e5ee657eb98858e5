"""policy_dsl/analysis/compare.py and search.py: comparisons.yaml holds pairs of policies and what is said of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from policy_dsl import Catalogue, parse, policy_set
from policy_dsl.analysis import SolverMissing, compare

CASES = yaml.safe_load((Path(__file__).parent / "comparisons.yaml").read_text(encoding="utf-8"))


def _policy(text: str, tools: Catalogue | None = None) -> Any:
    return policy_set([parse(f"language 1\n{text}", "p.lw")], tools)


@pytest.mark.parametrize("case", CASES, ids=[case["note"] for case in CASES])
def test_comparison(case: dict[str, Any]) -> None:
    comparison = compare(_policy(case["old"]), _policy(case["new"]))
    found = {tool.tool: tool for tool in comparison.tools}
    if case.get("relation") == "narrower-or-unknown":
        assert found["t"].relation in ("narrower", "unknown")
        return
    for name, relation in case.get("tools", {"t": case.get("relation")}).items():
        assert found[name].relation == relation, found[name]
    for side in ("widening", "narrowing"):
        if side in case:
            example = getattr(found["t"], side).allowed.counterexample
            assert example is not None
            assert example.arguments == case[side]
    assert comparison.beside == ((case["beside"],) if "beside" in case else ())
    assert {tool.tool: tool.relation for tool in comparison.ceilings} == case.get("ceilings", {})
    compared = (*comparison.tools, *comparison.ceilings)
    unknown = any(tool.widening.answer == "unknown" for tool in compared)
    wider = any(tool.widening.answer == "counterexample" for tool in compared)
    assert comparison.widens is (unknown or wider or "beside" in case)


TYPED = Catalogue.from_tools(
    [
        {
            "name": "t",
            "inputSchema": {
                "type": "object",
                "properties": {"x": {"type": "string"}, "n": {"type": "integer"}},
                "required": ["x"],
                "additionalProperties": False,
            },
        }
    ]
)


@pytest.mark.parametrize(
    ("old", "new", "relation"),
    [
        ('allow t(x, n?) when x != "a"', 'allow t(x, n?) when not (x == "a")', "equal"),
        ("allow t(x, n) when n < 5", "allow t(x, n) when n <= 4", "equal"),
        ("allow t(x, n?)", "allow t(...)", "equal"),
        ("allow t(x)", "allow t(x) when x is text", "equal"),
        ("allow t(x)\nforbid t when n == 1", "allow t(x)", "wider"),
    ],
)
def test_the_tools_schema_is_reckoned_with(old: str, new: str, relation: str) -> None:
    [tool] = compare(_policy(old, TYPED), _policy(new, TYPED)).tools
    assert tool.relation == relation


def test_a_looser_schema_is_wider() -> None:
    loose = Catalogue.from_tools([{"name": "t", "inputSchema": {"type": "object", "properties": {"x": {}}}}])
    [tool] = compare(_policy("allow t(...)", TYPED), _policy("allow t(...)", loose)).tools
    assert tool.relation == "wider"


def test_layers_are_decided_each_on_its_own() -> None:
    def both(lower: str) -> Any:
        files = [parse("language 1\nallow t(x)\n", "top.lw"), parse(f"language 1\nlayer team\n{lower}\n", "low.lw")]
        return policy_set(files)

    [old, *_] = compare(_policy("allow t(x)"), both("forbid t when x == 1")).tools
    assert old.relation == "narrower"
    [granting, *_] = compare(both("forbid t when x == 1"), both("allow t(x) when x == 1")).tools
    assert granting.relation == "different"
    assert granting.widening.allowed.counterexample is not None
    assert granting.widening.allowed.counterexample.arguments == {"x": 1}


def test_without_z3_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("policy_dsl.analysis.solver")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "z3", None)
    monkeypatch.delattr("policy_dsl.analysis.solver", raising=False)
    with pytest.raises(SolverMissing, match="leastward\\[analysis\\]"):
        compare(_policy("allow t(x)"), _policy("allow t(x)"))


def test_a_lower_layer_closes_only_for_whom_it_grants() -> None:
    """Found by test_honesty.py (pair 1049): the first call replayed is of nobody, for whom the layer abstains."""
    top = parse("language 1\nallow t(x)\n", "top.lw")
    low = parse('language 1\nlayer team\nfor agent "bot" { allow t(x) when x == 1 }\n', "low.lw")
    [tool, *_] = compare(policy_set([top]), policy_set([top, low])).tools
    assert tool.relation == "narrower"
    assert tool.narrowing.allowed.counterexample is not None
    assert tool.narrowing.allowed.counterexample.facts[1].agent == "bot"


def _t(old: Any, new: Any) -> Any:
    """What is said of `t`; the names that no rule has are a class of their own."""
    return next(tool for tool in compare(old, new).tools if tool.tool == "t")


def test_what_is_learned_in_a_lower_layer_binds_nobody_to_grant() -> None:
    """Else the proof would know of calls that a learnable, or a rule learned in it, takes away."""
    evidence = "evidence 9 for, 0 against, 3 reporters; bound 0.9 >= 0.9 (eprocess, 5%); e-value 30; support 0"

    def both(lower: str) -> Any:
        files = [parse("language 1\nallow t(x)\n", "top.lw"), parse(f"language 1\nlayer team\n{lower}\n", "low.lw")]
        return policy_set(files)

    blocked = "forbid t priority -1 when x > 5"
    more = "learnable t(x) as more when x < 20"
    learned = f"{more}\nlearned allow t(...) as n when x == 7 {evidence}; state active"
    tool = _t(both(blocked), both(f"{blocked}\n{more}"))
    assert tool.relation == "equal"
    tool = _t(both(blocked), both(f"{blocked}\n{learned}"))
    assert tool.relation == "wider"
    assert tool.widening.allowed.counterexample is not None
    assert tool.widening.allowed.counterexample.arguments == {"x": 7}
    tool = _t(both(f"{blocked}\n{learned}"), both(blocked))
    assert tool.relation == "narrower"
