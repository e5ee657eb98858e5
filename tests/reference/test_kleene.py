"""policy_dsl/reference/kleene.py: the connectives of three-valued logic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.reference.kleene import Fault, Truth, both, either, negated

A, B = Fault("missing", "a"), Fault("null", "b")
TRUTHS = st.lists(st.sampled_from([True, False, A, B]))


@pytest.mark.parametrize(
    ("left", "right", "conjunction", "disjunction"),
    [
        (True, True, True, True),
        (True, False, False, True),
        (True, B, B, True),
        (False, True, False, True),
        (False, False, False, False),
        (False, B, False, B),
        (A, True, A, True),
        (A, False, False, A),
        (A, B, A, A),
        (B, A, B, B),
    ],
)
def test_tables(left: Truth, right: Truth, conjunction: Truth, disjunction: Truth) -> None:
    assert both((left, right)) == conjunction
    assert either((left, right)) == disjunction


def test_of_nothing() -> None:
    assert both(()) is True
    assert either(()) is False


@given(TRUTHS)
def test_de_morgan(parts: list[Truth]) -> None:
    assert negated(both(parts)) == either([negated(part) for part in parts])
    assert negated(either(parts)) == both([negated(part) for part in parts])


@given(TRUTHS, TRUTHS)
def test_grouping_does_not_matter(left: list[Truth], right: list[Truth]) -> None:
    assert both([*left, *right]) == both((both(left), both(right)))
    assert either([*left, *right]) == either((either(left), either(right)))


@given(st.permutations([True, False, A, B]))
def test_order_does_not_matter_but_for_which_error_is_told(parts: list[Truth]) -> None:
    assert both(parts) is False
    assert either(parts) is True
    errors = [part for part in parts if isinstance(part, Fault)]
    assert both([True, *errors]) == either([False, *errors]) == errors[0]
