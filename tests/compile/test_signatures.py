"""policy_dsl/compile/signatures.py, schema.py and sets.py: what is asked of a signature, a schema and a set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import Catalogue
from policy_dsl.ast import SetLiteral, SetName
from policy_dsl.compile.frame import Constants, Frame
from policy_dsl.compile.schema import fits, known
from policy_dsl.compile.sets import Sets
from policy_dsl.compile.shapes import run
from policy_dsl.types import conforms

ACCEPTED = [
    ("()", [{}], [{"a": 1}, {"a": None}]),
    ("(...)", [{}, {"a": {"x": 1}}], []),
    ("(a)", [{"a": 1}, {"a": [1, [2]]}], [{}, {"a": None}, {"a": 1, "b": 1}, {"a": {}}, {"a": [[{}]]}]),
    ("(a?)", [{}, {"a": None}, {"a": ""}], [{"a": {}}, {"a": 1, "b": None}]),
    ("(a, b?)", [{"a": 1}, {"a": 1, "b": None}], [{"b": 1}, {"a": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}]),
    ("(a, ...)", [{"a": 1, "z": {"x": 1}}], [{"z": 1}]),
    ("(a(...))", [{"a": {"x": {"y": 1}}}, {"a": 5}], [{}, {"a": None}]),
    ("(a(x, y?))", [{"a": {"x": 1}}, {"a": [{"x": 1}, 5]}], [{"a": {"y": 1}}, {"a": {"x": {}}}, {"a": [{"z": 1}]}]),
    ("(a(x(y)))", [{"a": {"x": {"y": 1}}}], [{"a": {"x": {"y": 1, "z": 1}}}, {"a": {"x": None}}]),
]


@pytest.mark.parametrize(("signature", "accepted", "refused"), ACCEPTED, ids=[case[0] for case in ACCEPTED])
def test_signatures(
    compiled: Callable[..., Any], signature: str, accepted: list[dict[str, Any]], refused: list[dict[str, Any]]
) -> None:
    program, _ = compiled(f"allow act{signature}")
    assert [program.decide("act", arguments).effect for arguments in accepted] == ["allow"] * len(accepted)
    assert [program.decide("act", arguments).effect for arguments in refused] == ["forbid"] * len(refused)


def test_what_is_sure_is_not_asked_again(compiled: Callable[..., Any]) -> None:
    tools = [
        {
            "name": "act",
            "inputSchema": {
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                "required": ["a"],
                "additionalProperties": False,
            },
        }
    ]
    by_condition, _ = compiled('allow act(a, ...) when a == "x"')
    assert "SCALARS" not in by_condition.source("act")
    by_schema, _ = compiled('allow act(a, b?) when a != "x"', tools)
    assert "SCALARS" not in by_schema.source("act")
    assert "text_a" not in by_schema.source("act")
    null_is_no_member, _ = compiled("allow act(a, ...) when a == null")
    assert null_is_no_member.decide("act", {"a": None}).effect == "forbid"


SCHEMAS = st.recursive(
    st.sampled_from(
        [{"type": kind} for kind in ("string", "number", "integer", "boolean", "null")]
        + [{}, {"enum": ["a", "b"]}, {"enum": ["a", 1, None]}, {"type": ["string", "null"]}]
    ),
    lambda inner: (
        st.builds(lambda item: {"type": "array", "items": item}, inner)
        | st.builds(
            lambda members, required, rest: {
                "type": "object",
                "properties": members,
                "required": [name for name in members if name in required],
                **({} if rest is None else {"additionalProperties": rest}),
            },
            st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            st.sets(st.sampled_from("abc")),
            st.sampled_from([None, False, True, {"type": "string"}]),
        )
    ),
    max_leaves=5,
)
VALUES = st.recursive(
    st.sampled_from(["a", "b", "", 1, 1.5, True, None]) | st.decimals(0, 3, places=1),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, print_blob=True)
@given(st.dictionaries(st.sampled_from("abc"), SCHEMAS, max_size=3), st.data())
def test_a_schema_as_code_is_conforms(members: dict[str, Any], data: st.DataObject) -> None:
    others: list[dict[str, Any]] = [{}, {"additionalProperties": False}, {"additionalProperties": {"type": "string"}}]
    rest = data.draw(st.sampled_from(others))
    required = data.draw(st.lists(st.sampled_from(sorted(members)), unique=True)) if members else []
    schema = {"type": "object", "properties": members, "required": required, **rest}
    declared = Catalogue.from_tools([{"name": "act", "inputSchema": schema}]).tools[0].parameters
    frame = Frame(Constants(spelled=True), {})
    expression = fits(declared, frame)
    lines = [*frame.fresh(), f"return {expression}"]
    source = "def check(a):\n" + "".join(f"    {line}\n" for line in lines)
    check = run(source, "check", frame.constants.values)
    for _ in range(8):
        arguments = data.draw(st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4))
        assert bool(check(arguments)) is (conforms(arguments, declared) is None), arguments
    assert set(known(declared)) <= set(required)


def test_sets_keep_types_apart_and_are_made_once() -> None:
    named = {"both": SetLiteral((1, "1", True)), "more": SetLiteral((None,), ("both",))}
    sets = Sets(named)
    grouped = sets.grouped(SetName("more"))
    assert (grouped.texts, grouped.truths, grouped.null) == ({"1"}, {True}, True)
    assert [type(member) for member in grouped.numbers] == [int]
    assert sets.grouped(SetName("more")) is grouped
    assert sets.grouped(SetLiteral((1,))) != sets.grouped(SetLiteral((True,)))
    assert sets.hosts(SetLiteral(("Corp.Example", "no host", "*.x"))) == {"corp.example"}
