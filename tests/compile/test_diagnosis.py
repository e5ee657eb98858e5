"""policy_dsl/compile/diagnosis.py, needs.py, faults.py, spots.py and runtime.py: which errors are told."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from policy_dsl.compile.needs import needs
from policy_dsl.compile.runtime import ABSENT, ASTRAY, add, contains, dig, equal, is_flat, is_json, length, multiply
from policy_dsl.compile.sets import Sets

NEEDS: dict[str, set[tuple[str, str]] | None] = {
    'a == "x" and b > 5': {("text", "a"), ("number", "b")},
    'a == "x" or not (a in { "y" })': {("text", "a")},
    'a in 1 .. 2 and c in mail at { "x.example" }': {("number", "a"), ("text", "c")},
    'a starts with "x" and a under "/x" and a matches /x/ and a runs one of { "ls" }': {("text", "a")},
    "missing a and has b": set(),
    "a == true": None,
    "a.b == 5": None,
    "a == b": None,
    "length of a > 5": None,
    "each of a (it == 5)": None,
    "a is text": None,
    'a contains "x"': None,
    "a from user": None,
    'if a like "x*" then b is multiple of 5 else principal has role "r"': {("text", "a"), ("number", "b")},
    "session has untrusted or session exceeds { untrusted }": set(),
    'time on { monday } in "UTC" and a contains /x/': {("clock", ""), ("text", "a")},
    'claim "x" == 1': None,
    "number of a > 1": None,
    "after released act": None,
}


@pytest.mark.parametrize("text", NEEDS)
def test_what_a_condition_needs_to_be_no_error(compiled: Callable[..., tuple[Any, Any]], text: str) -> None:
    _, policy = compiled(f"forbid act when {text}")
    (rule,) = policy.rules.values()
    assert needs(rule.when, Sets(policy.sets)) == NEEDS[text]


def errors(
    compiled: Callable[..., tuple[Any, Any]], text: str, arguments: dict[str, Any]
) -> list[tuple[str, str, str]]:
    program, _ = compiled(text)
    return [(error.rule, error.code, error.place) for error in program.decide("act", arguments).errors]


def test_a_default_deny_tells_the_grants_that_failed(compiled: Callable[..., tuple[Any, Any]]) -> None:
    text = 'allow act(...) as one when a == "x"\nask act(...) as two when b > 5\nallow act(a) as three when b == 1'
    assert errors(compiled, text, {"a": "y", "b": 3}) == []
    assert errors(compiled, text, {"a": 5, "b": "x"}) == [("one", "wrong-type", "a"), ("two", "wrong-type", "b")]
    assert errors(compiled, text, {"b": None}) == [("one", "missing", "a"), ("two", "null", "b")]
    # An allow that wins beside an ask in error is no default deny: the ask holds it back, and is told.
    assert errors(compiled, text, {"a": "x", "b": None}) == [("two", "null", "b")]


def test_only_errors_that_made_the_outcome_are_told(compiled: Callable[..., tuple[Any, Any]]) -> None:
    text = (
        'forbid act as f1 when a == "x"\nforbid act as f2 when b == "x"\nforbid act as low priority -1 when c == 1\n'
        'require approval for act as p when d == "x"\nallow act(...) as ok'
    )
    assert errors(compiled, text, {"b": "y", "c": 2, "d": "y"}) == [("f1", "missing", "a")]
    assert errors(compiled, text, {"c": 2}) == [("f1", "missing", "a"), ("f2", "missing", "b")]
    assert errors(compiled, text, {"a": "x"}) == []
    assert errors(compiled, text, {"a": "", "b": ""}) == [("p", "missing", "d")]


def test_places_are_paths_of_the_arguments(compiled: Callable[..., tuple[Any, Any]]) -> None:
    text = 'allow act(...) as one when each of box.items (it.to == "x" and it.n * 1.5 < b[1])'
    item = {"to": "x", "n": 1}
    assert errors(compiled, text, {"box": {"items": [item, {"to": 5}]}, "b": [1, 2]}) == [
        ("one", "wrong-type", "box.items[1].to")
    ]
    assert errors(compiled, text, {"box": {"items": [item]}, "b": [1]}) == [("one", "missing", "b[1]")]
    assert errors(compiled, text, {"box": {"items": []}}) == [("one", "empty-list", "box.items")]
    assert errors(compiled, text, {"box": 5}) == [("one", "wrong-type", "box")]
    assert errors(compiled, text, {"box": {"items": [{"to": "x", "n": 10**1005}]}, "b": [1, 2]}) == [
        ("one", "inexact", "box.items[0].n")
    ]


def test_runtime_functions_are_total() -> None:
    odd: list[Any] = [None, True, 0, Decimal("NaN"), 1.5, "", [], [1.5], {}, {"a": object()}, ABSENT, ASTRAY, object()]
    for one in odd:
        assert length(one) is ASTRAY or isinstance(length(one), int)
        assert dig(one, ("a", 0)) in (ABSENT, ASTRAY)
        assert isinstance(is_json(one), bool)
        assert isinstance(is_flat(one), bool)
        for other in odd:
            assert add(one, other) is ASTRAY or isinstance(add(one, other), int)
            assert equal(one, other, True, True) in (True, False, None)
            assert contains(one, other, False, False) in (True, False, None)
    assert multiply(10**600, 10**600) is ASTRAY
    assert add(Decimal("0.1"), Decimal("0.2")) == Decimal("0.3")
    assert equal([1], [True], False, False) is False
    assert equal({"a": 1}, {"a": Decimal("1.0")}, False, False) is True
    assert equal("A", "a", True, False) is True
    assert equal(1, "1", False, False) is None
    assert equal([1.0], [1.0], False, False) is None
