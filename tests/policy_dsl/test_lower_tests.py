"""Parse tree to the tests a file holds: who acts with which claims, what has happened, and what a call becomes."""

from __future__ import annotations

from typing import Any

import pytest

from policy_dsl import CallExpectation, Scope, TestBlock, parse
from policy_dsl.ast import EventKind, Given, GivenLabel, Label, MoveClock


def _test(written: str) -> TestBlock:
    (block,) = parse(f"language 1\n{written}").statements
    assert isinstance(block, TestBlock)
    return block


@pytest.mark.parametrize(
    ("written", "step"),
    [
        ("given released f()", Given(EventKind.RELEASED, None, "f", "{}")),
        (
            'given succeeded s/f(a: 1) result {"id": [1, null]}',
            Given(EventKind.SUCCEEDED, "s", "f", '{"a":1}', '{"id":[1,null]}'),
        ),
        ('given failed f() result "gone"', Given(EventKind.FAILED, None, "f", "{}", '"gone"')),
        ("given refused f()", Given(EventKind.REFUSED, None, "f", "{}")),
        ("given label secret(hr)", GivenLabel(Label("secret", "hr"))),
        ('at "2026-11-20T22:30Z"', MoveClock("2026-11-20T22:30Z")),
        ("call f(a: 1) => allow with (a: 2)", CallExpectation(None, "f", '{"a":1}', "allow", None, '{"a":2}')),
        ("call f() => allow by r with ()", CallExpectation(None, "f", "{}", "allow", "r", "{}")),
        ('call f() => ask by "a:1"', CallExpectation(None, "f", "{}", "ask", "a:1")),
    ],
)
def test_a_step_becomes(written: str, step: Any) -> None:
    assert repr(_test(f'test "t" {{ {written} }}').steps) == repr((step,))


def test_who_acts_has_claims_and_a_chain() -> None:
    block = _test(
        'test "t" as agent "a" via { "b", "c" } on behalf of user "u"'
        ' claim "x" = "y" claim "n" = 1.50 at "2026-01-01T00:00Z" { }'
    )
    assert block.principal == Scope(agents=("a",), users=("u",), via=("b", "c"))
    assert repr(block.claims) == "(('x', 'y'), ('n', Decimal('1.50')))"
    assert block.at == "2026-01-01T00:00Z"
    assert _test('test "t" claim "x" = null { }').claims == (("x", None),)


def test_the_clock_may_stand_still() -> None:
    block = _test('test "t" at "2026-01-01T01:00+01:00" { at "2026-01-01T00:00Z" at "2026-01-01T00:00Z" }')
    assert len(block.steps) == 2
