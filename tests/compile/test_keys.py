"""policy_dsl/compile/keys.py: which conjuncts make keys, and which key is chosen."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from policy_dsl.compile.keys import MANY_SHARE, Begins, Between, Equals, Key, choose, keys
from policy_dsl.compile.sets import Sets

CASES: dict[str, list[Key]] = {
    'a == "x"': [Equals("a", "text", ("x",))],
    "5 == a": [Equals("a", "number", (5,))],
    "a == true": [],
    "a == null": [],
    'a == "x" ignoring case': [],
    'a != "x"': [],
    "a == b": [],
    'a.b == "x"': [],
    'a in { "x", "y" }': [Equals("a", "text", ("x", "y"))],
    "a in { 1, 2.5 }": [Equals("a", "number", (1, Decimal("2.5")))],
    'a in { "x", 1 }': [],
    "a in 1 .. 9": [Between("a", 1, 9)],
    "a >= 1 and 9 > a": [Between("a", 1, 9)],
    "a >= 1 and a > 3 and a < 9": [Between("a", 3, 9)],
    "a >= 1": [],
    'a starts with "x"': [Begins("a", ("x",))],
    'a starts with ""': [],
    'a starts with "x" ignoring case': [],
    'a in { "x" } after nfkc': [],
    'a ends with "x"': [],
    'a under "/srv/"': [Begins("a", ("/srv",))],
    'a under "/"': [],
    "a matches /x.*/": [Begins("a", ("x",))],
    "a matches /x|yz/": [Equals("a", "text", ("x", "yz"))],
    "a matches /x+/": [],
    'a == "x" or b == "y"': [],
    'not (a == "x")': [],
    'a == "x" and (b in 1 .. 2 and c > 5)': [Equals("a", "text", ("x",)), Between("b", 1, 2)],
}


@pytest.mark.parametrize("text", CASES)
def test_keys_of_a_condition(compiled: Callable[..., tuple[Any, Any]], text: str) -> None:
    _, policy = compiled(f"forbid act when {text}")
    (rule,) = policy.rules.values()
    assert [keyed.key for keyed in keys(rule, Sets(policy.sets))] == CASES[text]


def test_the_key_that_the_fewest_share_is_chosen(compiled: Callable[..., tuple[Any, Any]]) -> None:
    each = 'forbid act when mode in {{ "r", "w" }} and a in {0} .. {0}.5 and to == "u{0}"'
    rules = "\n".join(each.format(number) for number in range(9))
    _, policy = compiled(f'{rules}\nforbid act when mode == "r"\nforbid act when mode == "r" and a in 0 .. 99')
    in_lines = sorted(policy.rules.values(), key=lambda rule: rule.span.line)
    chosen = choose([keys(rule, Sets(policy.sets)) for rule in in_lines])
    # The last rule's wide range shares nothing with rules that are found by `to`; the one before has no good key.
    assert [keyed and keyed.key.argument for keyed in chosen] == ["to"] * 9 + [None, "a"]


def test_ranges_that_overlap_too_much_are_no_key(compiled: Callable[..., tuple[Any, Any]]) -> None:
    _, policy = compiled("\n".join(f"forbid act when a in 0 .. {n}" for n in range(2 * MANY_SHARE + 9)))
    assert choose([keys(rule, Sets(policy.sets)) for rule in policy.rules.values()]) == [None] * (2 * MANY_SHARE + 9)


def test_what_a_table_says_all_of_is_not_tested_again(compiled: Callable[..., tuple[Any, Any]]) -> None:
    _, policy = compiled('forbid act when a == "x" and b in 1 .. 2 and c under "/srv"')
    (rule,) = policy.rules.values()
    assert [keyed.held is not None for keyed in keys(rule, Sets(policy.sets))] == [True, False, False]
