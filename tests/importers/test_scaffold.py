"""policy_dsl/importers/scaffold.py, suggestions.py and page.py: a first policy checks, and holds for what was seen."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail import ANYONE, Guard, Session, ToolCall
from policy_dsl import Argument, Catalogue, check, compile_policy, format, parse, policy_set
from policy_dsl.importers import scaffold
from policy_dsl.importers.suggestions import suggested
from policy_dsl.spelling import condition

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "agentdojo"

TOOLS = Catalogue.from_tools(
    [
        {"name": "get_x", "inputSchema": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        {"name": "sync", "annotations": {"readOnlyHint": True}, "inputSchema": {"type": "object", "properties": {}}},
        {
            "name": "send",
            "inputSchema": {
                "type": "object",
                "properties": {
                    "to": {"type": "array", "items": {"type": "string"}},
                    "body": {"type": "string"},
                    "cc": {"type": ["string", "null"]},
                    "level": {"enum": ["low", "high"]},
                    "meta": {"type": "object", "properties": {"k": {"type": "string"}}, "required": ["k"]},
                },
                "required": ["to", "body"],
            },
        },
    ]
)


def body(text: str) -> str:
    return text.partition("language 1\n")[2].strip("\n") + "\n"


def test_tools_alone() -> None:
    assert body(scaffold(TOOLS, use="t.json")) == (
        'use tools "t.json"\n'
        "\n"
        "# --- tools that only read ---\n"
        "allow get_x(n?)\n"
        "\n"
        "allow sync()\n"
        "\n"
        "# --- tools that change something: a person is asked ---\n"
        "# changes something, as far as its name or its server's hint says: which values are fine?\n"
        "ask send(to, body, cc?, level?, meta?(k))\n"
        "\n"
        'otherwise forbid message "This is not allowed here. Continue without it."\n'
    )


def test_traffic_says_which_values() -> None:
    calls: list[Any] = [
        (None, "send", {"to": ["a@x.example"], "body": "Dear all, this is the report.", "meta": {"k": "v"}}),
        (
            None,
            "send",
            {"to": ["a@x.example", "b@x.example"], "body": "Short, but for all of you.", "cc": "a@x.example"},
        ),
        (None, "other", {}),
    ]
    assert (
        "# as in 2 recorded calls:\n"
        "# - to: each of 2 values\n"
        "# - body: 2 texts, any other passes\n"
        "# - cc: 1 value\n"
        "# - meta: any value\n"
        "ask send(to, body, cc?, level?, meta?(k))\n"
        '  when each of to in { "a@x.example", "b@x.example" }\n'
        "   and length of body <= 50\n"
        '   and (missing cc or cc == "a@x.example")\n'
    ) in scaffold(TOOLS, calls)
    assert "# Recorded calls of tools that no list has: other. They are refused.\n" in scaffold(TOOLS, calls)


def test_without_a_list_the_arguments_are_those_seen() -> None:
    text = scaffold(calls=[("s", "pay", {"a": 1, "o": {"k": 1}}), ("s", "pay", {"o": {"j": [{"z": 1}]}})])
    assert "ask s/pay(a?, o(k?, j?(z))) when missing a or a == 1\n" in text


@pytest.mark.parametrize("suite", ["banking", "slack", "travel", "workspace"])
def test_a_scaffold_of_real_tools_checks_without_a_finding(suite: str) -> None:
    tools = Catalogue.read(EXAMPLES / f"{suite}.tools.json")
    text = scaffold(tools)
    assert check(policy_set([parse(text)], tools)) == []
    assert format(parse(text)) == text


def test_a_list_of_what_a_schema_refers_to_itself_with_may_hold_anything() -> None:
    person = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "kin": {"type": "array", "items": {"$ref": "#/$defs/person"}}},
    }
    schema = {"type": "object", "properties": {"who": {"$ref": "#/$defs/person"}}, "$defs": {"person": person}}
    tools = Catalogue.from_tools([{"name": "get_kin", "inputSchema": schema}])
    text = scaffold(tools)
    assert "allow get_kin(who?(name?, kin?(...)))\n" in text
    policy = policy_set([parse(text)], tools)
    assert [finding for finding in check(policy) if finding.severity == "error"] == []
    call = ToolCall("get_kin", {"who": {"name": "ann", "kin": [{"name": "bob", "kin": []}]}}, "c")
    assert Guard(compile_policy(policy)).decide(call, Session(ANYONE)).effect == "allow"


SCALARS = st.one_of(
    st.text(max_size=70), st.integers(-(2**53), 2**53), st.booleans(), st.decimals(-9, 9, places=2), st.none()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=2)),
    max_leaves=5,
)
CALLS = st.lists(
    st.tuples(
        st.none(),
        st.sampled_from(["get_it", "send", "odd name"]),
        st.dictionaries(st.sampled_from(["to", "body", "x y", "time"]), VALUES, max_size=3),
    ),
    max_size=6,
)


@given(CALLS)
def test_every_recorded_call_is_granted_or_asked_about(calls: list[Any]) -> None:
    policy = policy_set([parse(scaffold(calls=calls), "s.lw")])
    assert [finding for finding in check(policy) if finding.severity == "error"] == []
    guard = Guard(compile_policy(policy))
    for server, tool, arguments in calls:
        effect = guard.decide(ToolCall(tool, arguments, "c", server), Session(ANYONE)).effect
        assert effect == ("allow" if tool == "get_it" else "ask")


MANY = [f"{name}@x.example" for name in "abcdefghij"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["a", "b", "a"], 'x in { "a", "b" }'),
        ([*MANY, "k@y.example"], 'x in mail at { "x.example", "y.example" }'),
        ([f"https://h.example/{n}" for n in range(9)], 'x in https at { "h.example" }'),
        ([f"/srv/data/{n}.txt" for n in range(9)], 'x under "/srv/data"'),
        ([f"GB{n}0" for n in range(9)], "x matches /[A-Z0-9]{4}/"),
        ([f"n {n}" for n in range(9)], "length of x <= 50"),
        (["word " * 30], "length of x <= 200"),
        ([3, 5, Decimal("4.5")], "x in 3 .. 5"),
        ([True, True], "x == true"),
        ([True, False], "0 == 0"),
        ([["a"], []], 'x == [] or each of x == "a"'),
        ([1, "a"], "0 == 0"),
    ],
)
def test_suggestions(values: list[Any], said: str) -> None:
    assert condition(suggested(Argument(("x",)), values).condition) == said
