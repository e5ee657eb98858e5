"""guardrail/judging.py and the judge in the Guard: asked where a rule says so, and never more permissive for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import permutations
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from guardrail import ANYONE, NEEDS_JUDGE, Advised, Decision, Guard, Judged, Judgement, Objection, Session, ToolCall
from guardrail.chain import encode
from guardrail.judging import JUDGED, STRICTNESS, about, no_objection
from guardrail.record import Record
from policy_dsl import Facts, Outcome, compile_policy, parse, policy_set

POLICY = """language 1
allow mail(to) as known when to == "ann"
allow mail(to) as others subject to judge message "others"
ask pay(amount) as dear subject to judge prompt "Pay {amount}?"
allow post(text) as posts subject to judge, learnable
allow note(text) as notes subject to judge, learnable
require approval for note as checked prompt "Note {text}?"
allow run(command) as runs subject to judge
rewrite run set command = "ls" as safe when command == "dir"
forbid mail as never when to == "eve"
learnable mail(to, cc) as most
"""
EFFECTS = ("allow", "ask", "forbid")
OBJECTION = Objection("secret", "secrets", "text")
SPOKEN = Advised(
    abstraction="L-0123456789", against=0.0, bound=0.9, confirming=20.0, effect="allow", gate="eprocess", log_e=4.0,
    reporters=3, threshold=0.6, version=1,
)  # fmt: skip


def guard_of(*files: str) -> Guard:
    return Guard(compile_policy(policy_set([parse(text, f"p{n}.lw") for n, text in enumerate(files)])))


GUARD = guard_of(POLICY)


class Memory:
    """An Experience that answers by what the decision is without it, and keeps what it was asked."""

    version = 3

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str | None]] = []

    def advise(
        self, call: ToolCall, arguments: Mapping[str, Any], facts: Facts, base: str, ceiling: Outcome | None
    ) -> Advised | None:
        self.asked.append((base, None if ceiling is None else ceiling.effect))
        found = self.answers.get(base)
        return None if found is None else replace(SPOKEN, effect=cast(Any, found))


def judged(tool: str, arguments: dict[str, Any], effect: Any = "allow", **more: Any) -> Judgement:
    return Judgement(about=about(None, tool, arguments), effect=effect, judges=("secrets",), **more)


def decided(
    tool: str,
    arguments: dict[str, Any],
    judgement: Judgement | None = None,
    experience: Memory | None = None,
    guard: Guard = GUARD,
) -> Decision:
    session = Session(ANYONE, plan=guard.plan)
    return guard.decide(ToolCall(tool, arguments), session, "dec-1", experience, judgement)


def test_without_an_answer_the_call_is_refused_and_says_what_it_needs() -> None:
    found = decided("mail", {"to": "bob"}, experience=Memory(forbid="allow"))
    assert (found.effect, found.reason, found.needs, found.rule, found.judge) == (
        "forbid", NEEDS_JUDGE, "judge", "others", None,
    )  # fmt: skip
    assert found.message is None
    assert not found.releases


@pytest.mark.parametrize(
    ("tool", "arguments", "answer", "effect"),
    [
        ("mail", {"to": "bob"}, "allow", "allow"),
        ("mail", {"to": "bob"}, "ask", "ask"),
        ("mail", {"to": "bob"}, "forbid", "forbid"),
        ("pay", {"amount": 1}, "allow", "ask"),
        ("pay", {"amount": 1}, "ask", "ask"),
        ("pay", {"amount": 1}, "forbid", "forbid"),
        ("note", {"text": "x"}, "allow", "ask"),
        ("note", {"text": "x"}, "forbid", "forbid"),
    ],
)
def test_he_narrows_what_is_granted_and_never_widens_it(
    tool: str, arguments: dict[str, Any], answer: str, effect: str
) -> None:
    plain = decided(tool, arguments)
    assert plain.needs == "judge"
    found = decided(tool, arguments, judged(tool, arguments, answer, objections=(OBJECTION,)))
    assert (found.effect, found.needs) == (effect, None)
    assert found.judge is not None
    assert (found.judge.effect, found.judge.objections) == (answer, (OBJECTION,))
    narrowed = found.effect != found.judge.base
    assert (found.reason == JUDGED) is narrowed
    if tool == "pay" and not narrowed:
        assert found.terms is not None
        assert found.terms.prompt == "Pay 1?"
    if found.effect == "forbid":
        assert found.terms is None
        assert "secret" not in (found.message or "")


@pytest.mark.parametrize(("tool", "arguments"), [("mail", {"to": "ann"}), ("mail", {"to": "eve"}), ("other", {})])
@pytest.mark.parametrize("answer", EFFECTS)
def test_where_no_rule_asks_for_him_his_answer_counts_for_nothing(
    tool: str, arguments: dict[str, Any], answer: str
) -> None:
    assert decided(tool, arguments, judged(tool, arguments, answer)) == decided(tool, arguments)


def test_the_order_of_rules_never_matters() -> None:
    rules = (
        "allow f(x) as plain when x < 3",
        "allow f(x) as open subject to judge, learnable when x < 6",
        "allow f(x) as closed subject to judge when x < 9",
        "ask f(x) as person subject to judge when x == 8",
    )
    for order in permutations(rules):
        guard = guard_of("language 1\n" + "\n".join(order))
        found = [guard.program.decide("f", {"x": x}) for x in (1, 4, 7, 8, 9)]
        assert [(one.rule, one.subject) for one in found] == [
            ("plain", None),
            ("open", "judge, learnable"),
            ("closed", "judge"),
            ("person", "judge"),
            (None, None),
        ]


def test_every_layer_may_demand_him() -> None:
    top = "language 1\nlayer organisation\nallow f(x) as top\nallow g(x) as both subject to judge, learnable"
    team = "language 1\nlayer team\nallow f(x) as under subject to judge\nask g(x) as person subject to judge"
    guard = guard_of(top, team)
    f, g = guard.program.decide("f", {"x": 1}), guard.program.decide("g", {"x": 1})
    assert (f.effect, f.rule, f.subject) == ("allow", "top", "judge")
    assert (g.effect, g.rule, g.subject) == ("ask", "person", "judge")


def test_a_judgement_of_another_call_counts_for_nothing() -> None:
    right = judged("mail", {"to": "bob"})
    assert decided("mail", {"to": "bob"}, right).releases
    for tool, arguments in (("mail", {"to": "Bob"}), ("run", {"command": "bob"}), ("mail", {"to": "carl"})):
        assert decided(tool, arguments, right).needs == "judge"
    assert decided("mail", {"to": "bob"}, judged("mail", {"to": True})).needs == "judge"
    assert about(None, "f", {"x": 1}) != about(None, "f", {"x": True})
    assert about("a", "f", {}) != about(None, "f", {})


def test_he_judges_what_a_rewrite_made_of_the_call() -> None:
    session = Session(ANYONE, plan=GUARD.plan)
    call = ToolCall("run", {"command": "dir"})
    first = GUARD.decide(call, session)
    question = GUARD.question(call, session, first)
    assert dict(question.arguments) == {"command": "ls"}
    done = GUARD.decide(call, session, judged=no_objection(question))
    assert done.releases
    assert done.arguments == {"command": "ls"}
    assert GUARD.decide(call, session, judged=judged("run", {"command": "dir"})).needs == "judge"


@pytest.mark.parametrize(
    "nonsense",
    [
        object(),
        Judgement(about=about(None, "mail", {"to": "bob"}), effect=cast(Any, "permit")),
        Judgement(about=about(None, "mail", {"to": "bob"}), effect="allow", failed="timeout"),
        Judgement(about=about(None, "mail", {"to": "bob"}), effect="allow", objections=cast(Any, ("x",))),
        Judgement(about=about(None, "mail", {"to": "bob"}), effect="allow", objections=(OBJECTION,) * 33),
    ],
)
def test_nonsense_is_a_refusal(nonsense: Any) -> None:
    found = decided("mail", {"to": "bob"}, nonsense)
    assert (found.effect, found.reason) == ("forbid", "guard-error")


@pytest.mark.parametrize(
    ("tool", "answer", "memory", "effect", "asked"),
    [
        ("post", "forbid", {"forbid": "allow"}, "allow", [("forbid", "allow")]),
        ("post", "ask", {"forbid": "allow"}, "allow", [("forbid", "allow")]),
        ("post", "ask", {"forbid": "ask"}, "ask", [("forbid", "allow"), ("ask", None)]),
        ("post", "ask", {"ask": "forbid"}, "forbid", [("forbid", "allow"), ("ask", None)]),
        ("post", "forbid", {}, "forbid", [("forbid", "allow")]),
        ("post", "allow", {"allow": "ask"}, "ask", [("allow", None)]),
        ("note", "forbid", {"forbid": "ask"}, "ask", [("forbid", "ask")]),
        ("note", "ask", {}, "ask", [("ask", None)]),
        ("mail", "forbid", {"forbid": "allow"}, "forbid", []),
        ("mail", "ask", {"ask": "forbid"}, "forbid", [("ask", None)]),
    ],
)
def test_memory_overturns_him_only_where_the_rule_lets_it(
    tool: str, answer: str, memory: dict[str, str], effect: str, asked: list[Any]
) -> None:
    arguments = {"to": "bob"} if tool == "mail" else {"text": "x"}
    experience = Memory(**memory)
    found = decided(tool, arguments, judged(tool, arguments, answer), experience)
    assert (found.effect, experience.asked) == (effect, asked)
    if found.memory is not None:
        narrowed = answer if STRICTNESS[cast(Any, answer)] else found.memory.base
        assert (found.reason, found.memory.base) == ("learned", narrowed)
        if effect in ("allow", "ask") and narrowed == "forbid":
            assert found.memory.base_reason == JUDGED
            assert (found.terms is not None) is (tool == "note")


def test_memory_cannot_go_beyond_what_the_policy_grants_there() -> None:
    found = decided("note", {"text": "x"}, judged("note", {"text": "x"}, "forbid"), Memory(forbid="allow"))
    assert (found.effect, found.reason) == ("forbid", "guard-error")


def test_what_memory_opens_passes_the_judge_of_a_lower_layer() -> None:
    top = "language 1\nlayer organisation\nlearnable f(x) as most\nallow g() as other"
    guard = guard_of(top, "language 1\nlayer team\nallow f(x) as under subject to judge")
    opening = Memory(forbid="allow")
    waiting = decided("f", {"x": 1}, None, opening, guard)
    assert (waiting.effect, waiting.needs) == ("forbid", "judge")
    assert decided("f", {"x": 1}, judged("f", {"x": 1}), opening, guard).releases
    assert decided("f", {"x": 1}, judged("f", {"x": 1}, "forbid"), opening, guard).effect == "forbid"
    assert decided("f", {"x": 1}, judged("f", {"x": 1}), None, guard).effect == "forbid"


@given(
    tool=st.sampled_from(("mail", "pay", "post", "note", "run", "other")),
    value=st.sampled_from(("ann", "bob", "eve", "dir", "x")),
    answer=st.sampled_from(EFFECTS),
    memory=st.dictionaries(st.sampled_from(EFFECTS), st.sampled_from(EFFECTS)),
)
def test_with_a_judge_nothing_is_more_permissive_than_the_policy(
    tool: str, value: str, answer: str, memory: dict[str, str]
) -> None:
    name = {"mail": "to", "pay": "amount", "run": "command"}.get(tool, "text")
    arguments: dict[str, Any] = {name: value}
    released = {"command": "ls"} if (tool, value) == ("run", "dir") else arguments
    outcome = GUARD.program.decide(tool, released)
    found = decided(tool, arguments, judged(tool, released, answer))
    assert STRICTNESS[found.effect] >= STRICTNESS[outcome.effect]
    heard = decided(tool, arguments, judged(tool, released, answer), Memory(**memory))
    learnable = outcome.subject == "judge, learnable"
    if not learnable:
        assert heard.reason == "guard-error" or STRICTNESS[heard.effect] >= STRICTNESS[found.effect]
    assert STRICTNESS[heard.effect] >= STRICTNESS[outcome.effect]


def test_the_record_holds_his_answer_and_no_value_of_the_call() -> None:
    answer = Judged(base="allow", effect="forbid", judges=("secrets",), objections=(OBJECTION,))
    record = Record(
        kind="decision", id="dec-1", at="2026-11-22T12:00:00.000000Z", tenant="t", agent="a", user=None, roles=(),
        run="run-1", door="chat", tool="post", call_id="c", arguments="00", effect="forbid", rule="posts",
        reason=JUDGED, errors=(), policy_hash="sha256:0", memory_version=0, mode="enforce", text_calls="", upstream="u",
        model="m", judge=answer,
    )  # fmt: skip
    body = json.loads(encode(record, "inc-x", 1))
    assert body["judge"] == {
        "base": "allow",
        "effect": "forbid",
        "failed": None,
        "judges": ["secrets"],
        "objections": [{"code": "secret", "judge": "secrets", "place": "text"}],
    }
    assert list(body["judge"]) == sorted(body["judge"])
