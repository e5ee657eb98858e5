"""policy_dsl/check/places.py: a guarded test is never an error for want of the value, tried on the reference."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import EMPTY_CATALOGUE, NOBODY, check, parse, policy_set, reference_decide
from policy_dsl.check.places import EACH, each_test, place_of, readings, show

ATOMS = st.sampled_from(["x == 1", "x > 1", "has x", "missing x", "absent x", "y == 1", "x in { 1, 2 }", "has x.a"])
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: (
        st.builds("({} and {})".format, inner, inner)
        | st.builds("({} or {})".format, inner, inner)
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=5,
)


@given(CONDITIONS, CONDITIONS)
@settings(print_blob=True, max_examples=300)
def test_with_every_test_guarded_absence_is_no_error(when: str, unless: str) -> None:
    policy = policy_set([parse(f"language 1\nask t(x?, y) when {when} unless {unless}\n")])
    if any(finding.code == "optional-untested" for finding in check(policy)):
        return
    for extra, y in product([{}, {"x": None}], [1, 2]):
        outcome = reference_decide(policy, EMPTY_CATALOGUE, "t", {"y": y, **extra}, NOBODY)
        assert outcome.errors == ()


@pytest.mark.parametrize(
    ("condition", "places"),
    [
        ("a == b.c[0]", ["a", "b.c[0]"]),
        ("any of xs (it.n > 1)", ["xs", "xs[].n"]),
        ("each of xs as x (any of x.ys as y (y == x.z))", ["xs", "xs[].ys", "xs[].ys[]", "xs[].z"]),
        ("length of a + b * 2 > 3", ["a", "b"]),
        ("has a and missing b", []),
    ],
)
def test_readings(condition: str, places: list[str]) -> None:
    [rule] = parse(f"language 1\nforbid t when {condition}\n").statements
    assert [show(reading.place) for reading in readings(rule.when)] == places


def test_polarity_counts_every_not() -> None:
    [rule] = parse("language 1\nforbid t when not (a == 1 or not (b == 2)) and c != 3\n").statements
    tests: list[Any] = list(each_test(rule.when))
    assert [(show(place_of(test.node.left, test.elements)), test.positive) for test in tests] == [
        ("a", False),
        ("b", True),
        ("c", True),
    ]
    assert show(("xs", EACH, 0, "a b")) == 'xs[][0]."a b"'
