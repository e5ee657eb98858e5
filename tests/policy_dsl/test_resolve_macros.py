"""Macros: what cannot be said as text beside text (bundles/same.yaml has the rest), and what they must not become.

Names resolve/{macros,substitution,bounds}.py.
"""

from __future__ import annotations

import pytest

from policy_dsl import (
    NOBODY,
    And,
    Argument,
    Arithmetic,
    BundleError,
    Claim,
    Constant,
    Element,
    Literal,
    Or,
    PolicySet,
    Presence,
    Quantified,
    parse,
    policy_set,
    reference_decide,
)
from policy_dsl.resolve import MAX_DEPTH, MAX_NODES


def _policy(*lines: str) -> PolicySet:
    return policy_set([parse("\n".join(["language 1", *lines]), "a.lw")])


def _decide(policy: PolicySet, tool: str, **arguments: object) -> str:
    return reference_decide(policy, policy.catalogue, tool, arguments, NOBODY).effect  # type: ignore[arg-type]


def test_an_element_put_in_is_not_caught_by_a_quantifier_inside() -> None:
    """Caught, `it == it` would be true of every list: each of `xs` would be among any `ys`."""
    policy = _policy(
        "define among(x, ys) = any of ys (it == x)", "allow f(xs, ys) as r when each of xs (among(it, ys))"
    )
    when = policy.rules["r"].when
    assert isinstance(when, Quantified)
    assert isinstance(when.body, Quantified)
    assert when.body.name != when.name
    assert Element("it") in _parts(when.body.body)
    assert _decide(policy, "f", xs=[1, 2], ys=[2, 1, 3]) == "allow"
    assert _decide(policy, "f", xs=[1, 9], ys=[2, 1, 3]) == "forbid"


def test_a_computed_value_is_there_where_all_that_it_reads_is() -> None:
    policy = _policy("define d(x) = has x", "define m(x) = missing x", "forbid f as r when d(a + b) or m(a + b)")
    when = policy.rules["r"].when
    assert isinstance(when, Or)
    there, gone = when.items
    assert isinstance(there, And)
    assert isinstance(gone, Or)
    assert {part.kind for part in _parts(there) if isinstance(part, Presence)} == {"has"}
    assert {part.operand for part in gone.items if isinstance(part, Presence)} == {Argument(("a",)), Argument(("b",))}


@pytest.mark.parametrize(("value", "answers"), [("5", (True, False, False)), ("null", (False, True, False))])
def test_a_written_value_is_there(value: str, answers: tuple[bool, ...]) -> None:
    policy = _policy(
        "define has_it(x) = has x",
        "define misses(x) = missing x",
        "define lacks(x) = absent x",
        *(f"forbid f as r{n} when {name}({value})" for n, name in enumerate(("has_it", "misses", "lacks"))),
    )
    assert tuple(policy.rules[f"r{n}"].when for n in range(3)) == tuple(Constant(answer) for answer in answers)


def test_an_event_sees_the_arguments_of_its_own_call() -> None:
    """A parameter is hidden there; the call being decided is `call`, in a define as everywhere."""
    policy = _policy(
        "define opened(limit) = after released open(path == call.path and size > 5) and size <= limit",
        "allow read(path, size) as r when opened(9)",
    )
    tracker = policy.trackers[0]
    assert [Argument(("path",))] == list(tracker.feeds[0].keys)
    assert Argument(("size",)) in _parts(tracker.feeds[0].condition)


def test_what_is_put_in_may_be_anything_that_has_a_value() -> None:
    policy = _policy(
        "counter n = count of released f per session",
        "define small(x) = x <= 5",
        'forbid f as r when not small(counter n + 1) or small(claim "budget")',
    )
    parts = _parts(policy.rules["r"].when)
    assert Claim("budget") in parts
    assert any(isinstance(part, Arithmetic) and part.right == Literal(1) for part in parts)


def test_few_lines_cannot_make_a_value_exponentially_long() -> None:
    doubling = [f"define d{n}(x) = d{n - 1}(x + x)" for n in range(1, 60)]
    with pytest.raises(BundleError) as caught:
        _policy("define d0(x) = x > 0", *doubling, "forbid f when d59(a)")
    assert caught.value.message == f"the condition has more than {MAX_NODES} tests, written out"


def test_few_lines_cannot_make_a_condition_exponentially_long() -> None:
    doubling = [f"define d{n}(x) = d{n - 1}(x) and not d{n - 1}(x)" for n in range(1, 60)]
    with pytest.raises(BundleError) as caught:
        _policy("define d0(x) = x > 0", *doubling)
    assert caught.value.code == "too-long"


def test_values_cannot_nest_without_end() -> None:
    nested = "(1 + " * 15 + "x" + ")" * 15
    chain = [f"define d{n}(x) = d{n - 1}({nested})" for n in range(1, 40)]
    with pytest.raises(BundleError) as caught:
        _policy("define d0(x) = x > 0", *chain)
    assert caught.value.code == "too-deep"
    assert str(4 * MAX_DEPTH) in caught.value.message


def test_all_of_a_use_stands_where_it_is_written() -> None:
    policy = _policy("define p(x) = x > 0 and each of y (it == x)", "", "", "forbid f as r", "  when p(a)")
    lines = {part.span.line for part in _parts(policy.rules["r"].when) if hasattr(part, "span")}
    assert lines == {6}


def _parts(node: object) -> list[object]:
    from policy_dsl.resolve.tree import inside

    return list(inside(node))
