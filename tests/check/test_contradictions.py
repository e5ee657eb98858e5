"""policy_dsl/check/contradictions.py: what is called never true is never true, tried on every call of a small world."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import EMPTY_CATALOGUE, NOBODY, check, parse, policy_set, reference_decide

ABSENT = object()
WORLD: list[Any] = [ABSENT, None, True, False, 0, 1, 2, 3, Decimal("1.5"), Decimal("2.0"), "1", "a", "b"]

LITERALS = st.sampled_from(["1", "2", "1.5", "2.0", '"a"', '"1"', "true", "false"])
NUMBERS = st.sampled_from(["0", "1", "1.5", "2", "3"])
PLACES = st.sampled_from(["x", "y"])
TESTS = (
    st.builds("{} {} {}".format, PLACES, st.sampled_from(["==", "!="]), LITERALS)
    | st.builds("{} {} {}".format, PLACES, st.sampled_from(["<", "<=", ">", ">="]), NUMBERS)
    | st.builds("{} {} {}".format, NUMBERS, st.sampled_from(["<", "<=", ">", ">="]), PLACES)
    | st.builds("{} {} {{ {}, {} }}".format, PLACES, st.sampled_from(["in", "not in"]), LITERALS, LITERALS)
    | st.builds("{} in {} .. {}".format, PLACES, st.sampled_from(["0", "1"]), st.sampled_from(["1.5", "2"]))
    | st.builds("{} {}".format, st.sampled_from(["has", "missing", "absent"]), PLACES)
)
CONDITIONS = st.lists(TESTS | st.builds("not ({})".format, TESTS), min_size=2, max_size=4).map(" and ".join)


@given(CONDITIONS)
@settings(print_blob=True, max_examples=300)
def test_a_contradiction_is_one(condition: str) -> None:
    policy = policy_set([parse(f"language 1\nallow t(...) when {condition}\n")])
    if not any(finding.code == "never-matches" for finding in check(policy)):
        return
    for x, y in product(WORLD, repeat=2):
        arguments = {name: value for name, value in (("x", x), ("y", y)) if value is not ABSENT}
        outcome = reference_decide(policy, EMPTY_CATALOGUE, "t", arguments, NOBODY)
        assert outcome.effect == "forbid", arguments
