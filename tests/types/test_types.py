"""policy_dsl/types.py: every value has a place in a type or a first misfit, and nothing is ever raised."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import strict_json, types
from policy_dsl.json_schema import from_json_schema
from policy_dsl.types import (
    ANYTHING,
    NOTHING,
    NULL,
    Anything,
    Boolean,
    Integer,
    ListOf,
    Member,
    Number,
    Object,
    Text,
    Type,
    Union,
    Values,
    always_there,
    conforms,
    describe,
    inside,
    is_closed_throughout,
    kinds,
    union,
)

CASES = yaml.safe_load((Path(__file__).parent / "corpus" / "schemas.yaml").read_text(encoding="utf-8"))

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.sampled_from([Decimal("1.5"), Decimal("2.0")])
    | st.text(max_size=2)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def members(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[dict[str, Member]]:
    return st.dictionaries(st.sampled_from("abc"), st.builds(Member, inner, st.booleans()), max_size=3)


TYPES: st.SearchStrategy[Type] = st.recursive(
    st.sampled_from([ANYTHING, NOTHING, Text(), Number(), Integer(), Boolean(), NULL])
    | st.builds(Values, st.lists(SCALARS, min_size=1, max_size=3).map(tuple)),
    lambda inner: (
        st.builds(ListOf, inner)
        | st.builds(Object, members(inner), st.booleans(), inner)
        | st.lists(inner, max_size=3).map(union)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_schema(case: dict[str, Any]) -> None:
    declared = from_json_schema(strict_json.parse(case["schema"], numbers="kept"))
    if "says" in case:
        assert describe(declared) == case["says"]
    if "because" in case:
        assert isinstance(declared, Anything)
        assert declared.because == case["because"]
    for text in case.get("fits", []):
        assert conforms(strict_json.parse(text), declared) is None, text
    for text, place in case.get("misfits", {}).items():
        assert conforms(strict_json.parse(text), declared) == place, text


@given(VALUES | st.floats() | st.tuples(st.text()), TYPES)
@settings(print_blob=True)
def test_every_value_fits_or_has_a_place(value: object, declared: Type) -> None:
    misfit = conforms(value, declared)
    assert misfit is None or misfit
    assert describe(declared)
    if misfit is None and not isinstance(declared, Anything) and types.json_kind(value) is not None:
        assert types.json_kind(value) in kinds(declared)


@pytest.mark.parametrize("value", [1.0, float("nan"), (), b"a", {1}], ids=repr)
@pytest.mark.parametrize("declared", [Text(), Number(), Integer(), Boolean(), NULL, Values((1, "a")), ListOf(ANYTHING)])
def test_what_the_strict_parser_never_gives_fits_no_type(value: object, declared: Type) -> None:
    assert conforms(value, declared) == "."


@given(TYPES, VALUES)
@settings(print_blob=True)
def test_a_fitting_value_fits_inside_too(declared: Type, value: Any) -> None:
    if conforms(value, declared) is not None:
        return
    if isinstance(value, dict):
        for name, member in value.items():
            assert conforms(member, inside(declared, name)) is None
        for name in "abc":
            if always_there(declared, name):
                assert value[name] is not None
    if isinstance(value, list):
        for position, item in enumerate(value):
            assert conforms(item, inside(declared, position)) is None


def test_union_keeps_each_option_once() -> None:
    assert union([Text(), Union((NULL, Text()))]) == Union((Text(), NULL))
    assert union([Text(), Anything("why")]) == ANYTHING
    assert union([]) == NOTHING


@pytest.mark.parametrize(
    ("declared", "closed"),
    [
        (Text(), True),
        (ANYTHING, False),
        (Object({}, closed=False), False),
        (Object({"a": Member(ANYTHING, False)}, closed=True), False),
        (ListOf(Object({"a": Member(Text(), False)}, closed=True)), True),
        (Union((NULL, Object({}, closed=True))), True),
        (Union((NULL, Object({}, closed=False))), False),
    ],
)
def test_closed_throughout(declared: Type, closed: bool) -> None:
    assert is_closed_throughout(declared) is closed
