"""guardrail/advised.py and the Experience port: memory speaks last, and only as far as it may."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from guardrail import ANYONE, LEARNED, Advised, AskTerms, Decision, Guard, Session, ToolCall
from guardrail.advised import MAY_BECOME, SAID
from policy_dsl import Facts, Outcome, Reason, compile_policy, parse, policy_set

POLICY = """language 1
allow pay(to, amount) as known when to == "ann" and amount <= 10
ask pay(to, amount) as dear when to == "ann" and amount > 10 prompt "Pay {to}?"
forbid pay as never when to == "eve" message "Never eve."
rewrite pay set amount = 1 as one when amount == 0
limit pay to 3 requested per session as few
require approval for mail as checked when to == "boss" prompt "Mail the boss?"
forbid mail as no-spam when to == "all"
learnable pay(to, amount) as most when amount <= 5
learnable mail(to) as mails
otherwise forbid message "Not in the policy."
"""
STRICTNESS = {"allow": 0, "ask": 1, "forbid": 2}
EFFECTS = ("allow", "ask", "forbid")
GUARD = Guard(compile_policy(policy_set([parse(POLICY, "policy.lw")])))

SPOKEN = Advised(
    abstraction="L-0123456789", against=0.0, bound=0.9, confirming=20.0, effect="ask", gate="eprocess", log_e=4.0,
    reporters=3, threshold=0.6, version=1,
)  # fmt: skip


class Saying:
    """An Experience that gives one answer to everything, and keeps what it was asked."""

    def __init__(self, answer: object, version: Any = 7) -> None:
        self.answer, self.version = answer, version
        self.asked: list[tuple[dict[str, Any], str, str | None]] = []

    def advise(
        self, call: ToolCall, arguments: Mapping[str, Any], facts: Facts, base: str, ceiling: Outcome | None
    ) -> Advised | None:
        self.asked.append((dict(arguments), base, None if ceiling is None else ceiling.effect))
        if isinstance(self.answer, Exception):
            raise self.answer
        return cast("Advised | None", self.answer)


def wanting(effect: Any) -> Saying:
    return Saying(replace(SPOKEN, effect=effect))


def decided(tool: str, arguments: dict[str, Any], experience: Saying | None = None, calls: int = 0) -> Decision:
    session = Session(ANYONE, plan=GUARD.plan)
    for _ in range(calls):
        session.requested(ToolCall(tool, arguments))
    return GUARD.decide(ToolCall(tool, arguments), session, experience=experience)


KNOWN = {"to": "ann", "amount": 1}
DEAR = {"to": "ann", "amount": 11}
STRANGER = {"to": "bob", "amount": 2}


@pytest.mark.parametrize(
    ("tool", "arguments", "wanted", "asked"),
    [
        ("pay", KNOWN, "ask", ("allow", None)),
        ("pay", KNOWN, "forbid", ("allow", None)),
        ("pay", DEAR, "forbid", ("ask", None)),
        ("pay", STRANGER, "allow", ("forbid", "allow")),
        ("pay", STRANGER, "ask", ("forbid", "allow")),
        ("mail", {"to": "ann"}, "allow", ("forbid", "allow")),
        ("mail", {"to": "boss"}, "ask", ("forbid", "ask")),
    ],
)
def test_memory_may_narrow_what_is_granted_and_open_what_nothing_grants(
    tool: str, arguments: dict[str, Any], wanted: str, asked: tuple[str, str | None]
) -> None:
    plain, experience = decided(tool, arguments), wanting(wanted)
    decision = decided(tool, arguments, experience)
    assert [(base, ceiling) for _, base, ceiling in experience.asked] == [asked]
    assert (decision.effect, decision.rule, decision.reason, decision.memory_version) == (
        wanted, "L-0123456789", LEARNED, 7,
    )  # fmt: skip
    assert decision.message == SAID[decision.effect]
    assert decision.memory == replace(
        SPOKEN, effect=wanted, base=plain.effect, base_rule=plain.rule, base_reason=plain.reason
    )
    assert (decision.errors, decision.policy_hash) == (plain.errors, plain.policy_hash)


def test_an_ask_that_memory_makes_has_terms_only_where_a_written_rule_asks() -> None:
    assert decided("pay", KNOWN, wanting("ask")).terms is None
    assert decided("mail", {"to": "boss"}, wanting("ask")).terms == AskTerms(prompt="Mail the boss?")
    assert decided("pay", DEAR).terms == AskTerms(prompt="Pay ann?")
    assert decided("pay", DEAR, wanting("forbid")).terms is None


@pytest.mark.parametrize(
    ("tool", "arguments", "calls", "reason"),
    [
        ("pay", {"to": "eve", "amount": 1}, 0, "rule"),
        ("pay", {"amount": 1}, 0, "rule-error"),
        ("pay", STRANGER, 3, "limit"),
        ("mail", {"to": "all"}, 0, "rule"),
        ("pay", {"to": "bob", "amount": 6}, 0, "no-rule"),
        ("pay", {"to": "bob", "amount": 2, "bcc": "eve"}, 0, "no-rule"),
        ("wipe", {}, 0, "no-rule"),
    ],
)
def test_a_written_refusal_is_never_asked_about(tool: str, arguments: dict[str, Any], calls: int, reason: str) -> None:
    experience = wanting("allow")
    decision = decided(tool, arguments, experience, calls)
    assert (decision.effect, decision.reason) == ("forbid", reason)
    assert experience.asked == []
    assert decision == replace(decided(tool, arguments, None, calls), memory_version=7)


def test_tool_schemas_and_clearances_are_never_asked_about() -> None:
    text = """language 1
levels open < secret
label results of read as secret
clearance of send is { open } as cleared
learnable send(to) as most
"""
    guard = Guard(compile_policy(policy_set([parse(text, "policy.lw")])))
    session = Session(ANYONE, plan=guard.plan)
    session.labelled("secret")
    experience = wanting("allow")
    decision = guard.decide(ToolCall("send", {"to": "x"}), session, experience=experience)
    assert (decision.effect, decision.reason, experience.asked) == ("forbid", "clearance", [])
    ended = Session(ANYONE)
    ended.ended = True
    decision = guard.decide(ToolCall("send", {"to": "x"}), ended, experience=experience)
    assert (decision.reason, decision.memory_version, experience.asked) == ("session-ended", 7, [])


def test_memory_is_asked_with_what_rewrites_made_of_the_call() -> None:
    experience = wanting("ask")
    decision = decided("pay", {"to": "ann", "amount": 0}, experience)
    assert experience.asked == [({"to": "ann", "amount": 1}, "allow", None)]
    assert (decision.effect, decision.rewritten, decision.arguments) == ("ask", True, {"to": "ann", "amount": 1})


@pytest.mark.parametrize("arguments", [KNOWN, DEAR, STRANGER, {"to": "eve", "amount": 1}, {}])
def test_a_memory_that_knows_nothing_changes_nothing(arguments: dict[str, Any]) -> None:
    assert decided("pay", arguments, Saying(None, version=0)) == decided("pay", arguments)


@pytest.mark.parametrize(
    "answer",
    [
        ValueError("broken"),
        RecursionError(),
        "allow",
        replace(SPOKEN, effect="allow"),
        replace(SPOKEN, effect=cast(Any, "permit")),
        replace(SPOKEN, abstraction=cast(Any, None)),
        replace(SPOKEN, fired=cast(Any, [{}])),
        replace(SPOKEN, log_e=math.inf),
        replace(SPOKEN, bound=math.nan),
    ],
    ids=str,
)
def test_what_is_no_answer_is_a_refusal(answer: object) -> None:
    decision = decided("pay", KNOWN, Saying(answer))
    assert decision == Decision("forbid", None, "guard-error", None, (), GUARD.policy_hash, 7)


@pytest.mark.parametrize("version", [None, -1, "1", True])
def test_a_memory_without_a_version_is_a_refusal(version: object) -> None:
    assert decided("pay", KNOWN, Saying(None, version)).reason == "guard-error"


def test_what_an_experience_says_of_the_policy_is_lost() -> None:
    lying = Saying(replace(SPOKEN, effect="ask", base="forbid", base_rule="none", base_reason="limit"))
    memory = decided("pay", KNOWN, lying).memory
    assert memory is not None
    assert (memory.base, memory.base_rule, memory.base_reason) == ("allow", "known", "rule")


def test_the_model_is_told_neither_the_rule_nor_that_somebody_reported() -> None:
    for wanted in ("ask", "forbid"):
        message = decided("pay", KNOWN, wanting(wanted)).message or ""
        assert message.endswith(".")
        assert not any(word in message.lower() for word in ("l-0123456789", "report", "learn", "ann", "memory"))


# --- invariants 1 and 2 of the specification: whatever an Experience answers ------------------------------------------

effects = st.sampled_from([*EFFECTS, "permit", "", None, 1])
numbers = st.one_of(st.floats(), st.integers(), st.none(), st.text(max_size=3))
answers = st.one_of(
    st.none(),
    st.builds(ValueError),
    st.integers(),
    st.builds(
        lambda **members: replace(SPOKEN, **members),
        effect=effects,
        base=effects,
        base_rule=st.one_of(st.none(), st.text(max_size=3)),
        bound=numbers,
        log_e=numbers,
        reporters=numbers,
        abstraction=st.one_of(st.text(max_size=3), st.none()),
        fired=st.one_of(st.tuples(), st.tuples(st.text(max_size=3)), st.lists(st.integers(), max_size=2)),
    ),
)
calls = st.builds(
    lambda tool, to, amount, more: (tool, {**({} if to is None else {"to": to}), **amount, **more}),
    st.sampled_from(["pay", "mail", "wipe"]),
    st.sampled_from([None, "ann", "bob", "eve", "all", "boss"]),
    st.sampled_from([{}, {"amount": 0}, {"amount": 1}, {"amount": Decimal("5.5")}, {"amount": 12}, {"amount": "1"}]),
    st.sampled_from([{}, {}, {"cc": "x"}]),
)


@given(calls, answers, st.integers(0, 3))
def test_whatever_an_experience_answers_nothing_written_moves(
    call: tuple[str, dict[str, Any]], answer: object, before: int
) -> None:
    tool, arguments = call
    plain = decided(tool, arguments, None, before)
    decision = decided(tool, arguments, Saying(answer), before)
    if decision.reason == "guard-error":
        assert decision.effect == "forbid"
    elif plain.effect == "forbid" and plain.reason != Reason.NO_RULE:
        assert decision == replace(plain, memory_version=7)
    elif STRICTNESS[decision.effect] < STRICTNESS[plain.effect]:
        session = Session(ANYONE, plan=GUARD.plan)
        for _ in range(before):
            session.requested(ToolCall(tool, arguments))
        ceiling = GUARD.program.ceiling
        assert ceiling is not None
        assert (plain.effect, plain.reason) == ("forbid", "no-rule")
        assert STRICTNESS[decision.effect] >= STRICTNESS[ceiling(tool, arguments, session.facts).effect]
        assert decision.reason == LEARNED
    elif decision.memory is None:
        assert decision == replace(plain, memory_version=7)


def test_what_memory_may_make_of_a_decision_is_the_whole_table() -> None:
    for (base, ceiling), wanted in MAY_BECOME.items():
        for effect in wanted:
            assert STRICTNESS[effect] >= STRICTNESS[base if ceiling is None else ceiling]
            assert effect != base
