"""policy_dsl/json_schema.py beside an independent validator, and what a hostile schema costs.

What a schema says about a value is compared with jsonschema-rs: a type is never stricter than its schema, and for the
keywords that a type keeps it says exactly the same.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl.json_schema import MAX_NODES, _Reader, as_arguments, from_json_schema
from policy_dsl.types import ANYTHING, Anything, Object, conforms, inside

NAMES = st.sampled_from(["a", "b", "c"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(NAMES, inner, max_size=3)},
        optional={
            "required": st.lists(NAMES, max_size=2, unique=True),
            "additionalProperties": st.booleans() | inner,
        },
    )


SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([{"type": name} for name in ("string", "number", "integer", "boolean", "null", "array", "object")])
    | st.builds(lambda values: {"enum": values}, st.lists(SCALARS, min_size=1, max_size=3))
    | st.builds(lambda value: {"const": value}, SCALARS)
    | st.builds(
        lambda names: {"type": names}, st.lists(st.sampled_from(["string", "integer", "null"]), min_size=1, unique=True)
    )
    | st.booleans()
    | st.just({}),
    lambda inner: (
        _objects(inner)
        | st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda branches: {"allOf": branches}, st.lists(inner, min_size=1, max_size=2))
    ),
    max_leaves=5,
)


@given(SCHEMAS, VALUES)
@settings(print_blob=True, max_examples=300)
def test_a_type_says_what_the_schema_says(schema: Any, value: Any) -> None:
    validator = pytest.importorskip("jsonschema_rs", reason="jsonschema-rs is in the extra `evals`")
    valid = validator.Draft202012Validator(schema).is_valid(value)
    assert (conforms(value, from_json_schema(schema)) is None) is valid


@given(VALUES)
@settings(print_blob=True)
def test_a_schema_made_from_a_value_accepts_it(value: Any) -> None:
    assert conforms(value, from_json_schema(_schema_of(value))) is None


def _schema_of(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {"type": "array", "items": {"anyOf": [_schema_of(item) for item in value]} if value else False}
    if isinstance(value, dict):
        members = {name: _schema_of(item) for name, item in value.items()}
        return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}
    return {"const": value}


def test_definitions_that_expand_without_end_stop() -> None:
    names = [f"d{n}" for n in range(12)]
    defs = {
        name: {"type": "object", "properties": {other: {"$ref": f"#/$defs/{other}"} for other in names}}
        for name in names
    }
    schema = {"$ref": "#/$defs/d0", "$defs": defs}
    reader = _Reader(schema)
    read = reader.read(schema, "parameters", frozenset(), 0)
    assert isinstance(read, Object)
    assert reader.nodes <= 2 * MAX_NODES  # each part after the limit is Anything, read once


def test_alternatives_that_multiply_stop() -> None:
    branches = [
        {"anyOf": [{"type": "object", "properties": {f"p{n}": {"const": branch}}} for n in range(20)]}
        for branch in range(6)
    ]
    read = from_json_schema({"allOf": branches})
    assert read == ANYTHING
    assert isinstance(read, Anything)
    assert read.because == "the schema has more than 256 alternatives"


def test_a_schema_nested_without_end_stops() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(500):
        schema = {"type": "array", "items": schema}
    found = from_json_schema(schema)
    for _ in range(70):
        found = inside(found, 0)
    assert isinstance(found, Anything)
    assert found.because == "the schema is nested deeper than 64"


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "object"}, None),
        ({"type": "string"}, "the parameters are no object"),
        ({"$ref": "#/nowhere"}, "`#/nowhere` is not defined in this schema"),
        (
            {"anyOf": [{"required": ["a"]}, {"required": ["a", "b"]}]},
            "the parameters have alternatives, which are read as one object",
        ),
    ],
)
def test_parameters_are_one_object(schema: Any, why: str | None) -> None:
    parameters, because = as_arguments(from_json_schema(schema))
    assert because == why
    assert conforms({"a": 1, "b": 2}, parameters) is None


def test_alternatives_of_parameters_require_what_all_require() -> None:
    schema = {"properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["a", "b"]}]}
    parameters, _ = as_arguments(from_json_schema(schema))
    assert {name: member.required for name, member in parameters.members.items()} == {"a": True, "b": False}
