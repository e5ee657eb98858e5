"""policy_dsl/importers/cedar.py and cedar_terms.py against Cedar itself (cedarpy).

Two promises. Whatever is asked, the imported policy allows nothing that Cedar does not. And where every argument and
claim is there with the type that the policy looks for, both decide alike.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail import Guard, Principal, Session, ToolCall
from policy_dsl import compile_policy, parse, policy_set
from policy_dsl.importers import ImportRefused, import_cedar

cedarpy = pytest.importorskip("cedarpy")

TEXTS = ["", "a", "ab", "agent", "b*", "x?y"]
TYPED: dict[str, st.SearchStrategy[Any]] = {
    "amount": st.integers(-3, 600),
    "count": st.integers(0, 5),
    "reason": st.sampled_from(TEXTS),
    "kind": st.sampled_from(TEXTS),
    "flag": st.booleans(),
    "tags": st.lists(st.sampled_from(TEXTS), max_size=3, unique=True),
    "box": st.fixed_dictionaries({"size": st.integers(0, 5), "label": st.sampled_from(TEXTS)}),
}
CLAIMS: dict[str, st.SearchStrategy[Any]] = {"role": st.sampled_from(TEXTS), "dept": st.sampled_from(TEXTS)}
WILD = st.one_of(
    st.booleans(), st.integers(-2, 5), st.sampled_from(TEXTS), st.lists(st.sampled_from(TEXTS), max_size=2)
)


def quoted(text: str) -> str:
    return json.dumps(text)


def sets(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(strategy, min_size=1, max_size=3).map(lambda items: f"[{', '.join(items)}]")


def path(name: str) -> str:
    return f"context.input.{name}"


TEXT_LITERALS = st.sampled_from([quoted(text) for text in TEXTS])
NUMBER_LITERALS = st.integers(-3, 600).map(str)
NUMBERS = st.sampled_from([path(name) for name in ("amount", "count", "box.size")])
STRINGS = st.sampled_from([path(name) for name in ("reason", "kind", "box.label")])
GLOBS = st.sampled_from(['"a*"', '"*"', '"*b"', r'"b\*"', '"x?y"', '"x?*"', '"a"'])


def leaves(wild: bool) -> st.SearchStrategy[str]:
    anything = st.one_of(NUMBERS, STRINGS, st.just(path("flag")), st.just(path("tags")), st.just(path("box")))
    numbers, strings = (anything, anything) if wild else (NUMBERS, STRINGS)
    lists = anything if wild else st.just(path("tags"))
    literals = st.one_of(TEXT_LITERALS, NUMBER_LITERALS, st.just("true")) if wild else TEXT_LITERALS
    claims = [
        'principal.hasTag("role") && principal.getTag("role") == "agent"',
        'principal.hasTag("dept") && principal.getTag("dept") like "a*"',
    ]
    if wild:
        claims += ['principal.getTag("role") == "agent"', 'principal.getTag("dept") like "a*"']
    return st.one_of(
        st.tuples(numbers, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBER_LITERALS).map(" ".join),
        st.tuples(NUMBER_LITERALS, st.just(">="), numbers).map(" ".join),
        st.tuples(numbers, st.sampled_from(["==", "!=", "<"]), numbers).map(" ".join),
        st.tuples(strings, st.sampled_from(["==", "!="]), literals).map(" ".join),
        st.tuples(strings, st.just("like"), GLOBS).map(" ".join),
        st.tuples(sets(literals), strings).map(lambda both: f"{both[0]}.contains({both[1]})"),
        st.tuples(lists, literals).map(lambda both: f"{both[0]}.contains({both[1]})"),
        st.tuples(lists, sets(literals)).map(lambda both: f"{both[0]}.containsAny({both[1]})"),
        st.tuples(lists, sets(literals)).map(lambda both: f"{both[0]}.containsAll({both[1]})"),
        st.tuples(sets(literals), lists).map(lambda both: f"{both[0]}.containsAll({both[1]})"),
        lists.map(lambda place: f"{place}.isEmpty()"),
        st.sampled_from(["context.input has reason", "context.input has box", "context.input has box.size"]),
        st.sampled_from(["context.input.box has label", 'context.input has "amount"', "context has input"]),
        st.sampled_from([path("flag"), "true", "false", 'principal in Role::"ops"', 'principal == User::"ada"']),
        st.sampled_from(claims).map(lambda text: f"({text})"),
    )


def expressions(wild: bool) -> st.SearchStrategy[str]:
    return st.recursive(
        leaves(wild),
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda both: f"({both[0]} && {both[1]})"),
            st.tuples(inner, inner).map(lambda both: f"({both[0]} || {both[1]})"),
            inner.map(lambda one: f"!({one})"),
            st.tuples(inner, inner, inner).map(lambda all: f"(if {all[0]} then {all[1]} else {all[2]})"),
        ),
        max_leaves=5,
    )


PRINCIPALS = st.sampled_from(["principal", 'principal == User::"ada"', 'principal in Role::"ops"', "principal is User"])
ACTIONS = st.sampled_from(["action", 'action == Action::"pay"', 'action in [Action::"pay", Action::"look"]'])


def policies(wild: bool) -> st.SearchStrategy[str]:
    clauses = st.lists(
        st.tuples(st.sampled_from(["when", "unless"]), expressions(wild)).map(
            lambda both: f"{both[0]} {{ {both[1]} }}"
        ),
        max_size=2,
    )
    one = st.tuples(st.sampled_from(["permit", "permit", "forbid"]), PRINCIPALS, ACTIONS, clauses).map(
        lambda all: f"{all[0]}({all[1]}, {all[2]}, resource) {' '.join(all[3])};"
    )
    return st.lists(one, min_size=1, max_size=3).map("\n".join)


def requests(wild: bool) -> st.SearchStrategy[dict[str, Any]]:
    arguments = st.fixed_dictionaries(TYPED)
    claims = st.fixed_dictionaries(CLAIMS)
    if wild:
        arguments = st.one_of(
            st.fixed_dictionaries({}, optional=TYPED),
            st.fixed_dictionaries({}, optional={name: st.one_of(WILD, TYPED[name]) for name in TYPED}),
        )
        claims = st.fixed_dictionaries({}, optional=CLAIMS)
    return st.fixed_dictionaries(
        {
            "tool": st.sampled_from(["pay", "look", "other"]),
            "user": st.sampled_from(["ada", "bob"]),
            "roles": st.sampled_from([[], ["ops"]]),
            "arguments": arguments,
            "claims": claims,
        }
    )


def by_cedar(text: str, request: dict[str, Any]) -> bool:
    user = {"type": "User", "id": request["user"]}
    roles = [{"type": "Role", "id": role} for role in request["roles"]]
    entities = [
        {"uid": user, "attrs": {}, "parents": roles, "tags": request["claims"]},
        *({"uid": role, "attrs": {}, "parents": []} for role in roles),
    ]
    asked = {
        "principal": user,
        "action": {"type": "Action", "id": request["tool"]},
        "resource": {"type": "Gateway", "id": "g"},
        "context": {"input": request["arguments"]},
    }
    return bool(cedarpy.is_authorized(asked, text, entities).decision == cedarpy.Decision.Allow)


def by_us(text: str, request: dict[str, Any]) -> bool:
    guard = Guard(compile_policy(policy_set([parse(text, "cedar.lw")])))
    who = Principal(None, None, request["user"], frozenset(request["roles"]), request["claims"])
    return guard.decide(ToolCall(request["tool"], request["arguments"], "c"), Session(who)).effect == "allow"


@settings(max_examples=50)
@given(policies(True), st.lists(requests(True), min_size=1, max_size=6))
def test_nothing_is_allowed_that_cedar_does_not_allow(text: str, asked: list[dict[str, Any]]) -> None:
    is_never_wider(text, asked)


@settings(max_examples=50)
@given(policies(False), st.lists(requests(False), min_size=1, max_size=6))
def test_both_decide_alike_where_everything_is_there(text: str, asked: list[dict[str, Any]]) -> None:
    is_equal(text, asked)


@pytest.mark.long
@pytest.mark.timeout(1_200)
@settings(max_examples=3_000)
@given(st.data())
def test_the_same_at_length(data: st.DataObject) -> None:
    is_never_wider(data.draw(policies(True)), data.draw(st.lists(requests(True), min_size=1, max_size=6)))
    is_equal(data.draw(policies(False)), data.draw(st.lists(requests(False), min_size=1, max_size=6)))


def is_never_wider(text: str, asked: list[dict[str, Any]]) -> None:
    imported = import_cedar([("p.cedar", text)])
    for request in asked:
        if by_us(imported, request):
            assert by_cedar(text, request), f"{imported}\n{request}"


def is_equal(text: str, asked: list[dict[str, Any]]) -> None:
    imported = import_cedar([("p.cedar", text)])
    for request in asked:
        assert by_us(imported, request) == by_cedar(text, request), f"{imported}\n{request}"


def test_a_refusal_is_the_only_error_for_any_text() -> None:
    for text in ("permit", "permit(", "permit(principal, action, resource) when { 1 + 1 == 2 };", "\x00", "§"):
        with pytest.raises(ImportRefused):
            import_cedar([("p.cedar", text)])
