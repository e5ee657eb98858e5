"""guardrail/sayings.py and guard.py: what a deciding rule says besides yes or no, and what rewrites make of a call."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from guardrail import AskTerms, Decision, Guard, Principal, Session, ToolCall
from policy_dsl import EMPTY_CATALOGUE, compile_policy, parse, policy_set
from policy_dsl.ast import Duration
from policy_dsl.state import StatePlan

POLICY = """language 1
allow pay(to, amount) as pays
limit pay to 100 of amount released by to per agent ever as budget message "{tool}: {remaining} left of {decision}."
ask wire(amount, to) as wires prompt "Wire {amount} to {to}, for: {task}?" valid 10 minutes uses 2
require approval for note as shouts when text contains "!"
allow note(text, bcc?) as notes
rewrite note set bcc = [] as no-bcc when has bcc
rewrite note set text = "a" as one when text == "clash"
rewrite note set text = "b" as two when text == "clash"
rewrite note set text = list[0] as lists when has list
forbid dump as dumps message "The run {{ends}}." end session
shadow forbid note as quiet when text contains "x"
otherwise forbid message "{reason}"
"""
POLICY_SET = policy_set([parse(POLICY, "policy.lw")])
GUARD = Guard(compile_policy(POLICY_SET, EMPTY_CATALOGUE))


@pytest.fixture
def session() -> Session:
    return Session(Principal("acme", "bot"), plan=StatePlan(POLICY_SET))


def decide(session: Session, tool: str, **arguments: Any) -> Decision:
    call = ToolCall(tool, arguments, "c")
    decision = GUARD.decide(call, session, "dec-1")
    session.decided(call, decision)
    return decision


def test_a_limit_says_what_is_left_for_this_key(session: Session) -> None:
    assert decide(session, "pay", to="ann", amount=Decimal("60.50")).remaining is None
    refused = decide(session, "pay", to="ann", amount=40)
    assert (refused.effect, refused.reason, refused.rule) == ("forbid", "limit", "budget")
    assert (refused.remaining, refused.message) == (Decimal("39.50"), "pay: 39.50 left of dec-1.")
    assert decide(session, "pay", to="bob", amount=101).message == "pay: 100 left of dec-1."


def test_what_could_not_be_counted_has_no_remainder(session: Session) -> None:
    nobody = Session(Principal(), plan=StatePlan(POLICY_SET))
    refused = decide(nobody, "pay", to="ann", amount=1)
    assert (refused.effect, refused.remaining, refused.message) == ("forbid", None, "pay:  left of dec-1.")


def test_an_ask_says_what_a_person_is_told_and_how_far_a_yes_goes(session: Session) -> None:
    session.user_said(["Pay the rent\nplease", "and more"])
    asked = decide(session, "wire", amount=7, to="x\u202ey")
    prompt = "Wire 7 to x\\u{202e}y, for: Pay the rent\\u{a}please?"
    assert (asked.effect, asked.terms) == ("ask", AskTerms(prompt, Duration(10, "minute"), 2))
    assert decide(session, "note", text="hi!").terms is None


def test_every_rule_that_asks_is_content() -> None:
    """The attack: a rule of a team, named before that of its organisation, that lets its own clerk approve."""
    guard, facts = guard_of(
        'require approval for pay as large by role { "treasurer", "board" } valid 2 hours\nallow pay(amount) as pays',
        'layer team\nask pay(amount) as a-first prompt "ok?" by role "clerk" valid 1 hour uses 50',
        "layer agent\nrequire approval for pay as silent",
        "layer run\nask pay(amount) as few uses 3",
    )
    asked = guard.decide(ToolCall("pay", {"amount": 5}, "c"), facts)
    groups = (("board", "treasurer"), ("clerk",))
    assert (asked.rule, asked.terms) == ("large", AskTerms(None, Duration(1, "hour"), 3, groups))


def test_a_rule_without_terms_that_decides_hides_no_others() -> None:
    guard, facts = guard_of(
        "require approval for pay as a\nallow pay(amount) as pays",
        'layer team\nrequire approval for pay as b by role "board"',
    )
    asked = guard.decide(ToolCall("pay", {"amount": 5}, "c"), facts)
    assert (asked.rule, asked.terms) == ("a", AskTerms(by=(("board",),)))


def guard_of(*texts: str) -> tuple[Guard, Session]:
    policy = policy_set([parse(f"language 1\n{text}\n", f"{number}.lw") for number, text in enumerate(texts)])
    return Guard(compile_policy(policy, EMPTY_CATALOGUE)), Session(Principal("acme", "bot"), plan=StatePlan(policy))


def test_a_rewritten_call_is_the_one_that_was_decided(session: Session) -> None:
    plain, changed = decide(session, "note", text="hi"), decide(session, "note", text="hi", bcc=["eve"])
    assert (plain.rewritten, plain.arguments) == (False, None)
    assert (changed.effect, changed.rewritten, changed.arguments) == ("allow", True, {"text": "hi", "bcc": []})


@pytest.mark.parametrize(
    ("arguments", "reason", "rule"),
    [({"text": "clash"}, "rewrite-conflict", "one"), ({"text": "hi", "list": 7}, "rule-error", "lists")],
)
def test_rewrites_that_cannot_be_made_forbid(session: Session, arguments: Any, reason: str, rule: str) -> None:
    refused = decide(session, "note", **arguments)
    assert (refused.effect, refused.reason, refused.rule) == ("forbid", reason, rule)
    assert (refused.rewritten, refused.arguments, refused.message) == (False, None, reason)


def test_a_shadow_rule_is_told_and_changes_nothing(session: Session) -> None:
    assert decide(session, "note", text="a box").shadow == ("forbid", "quiet")
    assert decide(session, "note", text="a bar").shadow is None
    assert decide(session, "other").shadow is None


def test_an_ended_session_lets_nothing_through(session: Session) -> None:
    ended = decide(session, "dump")
    assert (ended.ends_session, ended.message, session.ended) == (True, "The run {ends}.", True)
    after = decide(session, "note", text="hi")
    assert (after.effect, after.reason, after.rule) == ("forbid", "session-ended", None)


def test_a_message_that_names_the_reason(session: Session) -> None:
    assert decide(session, "other").message == "no-rule"


def test_a_prompt_of_a_rule_on_an_intent_names_the_intents_fields() -> None:
    text = """language 1
intent payment 1 from charge { amount = number of cents * 0.01, to = merchant, asset = "EUR", rail = "card" }
ask intent payment(amount, to, asset, rail) as pay prompt "Pay {amount} {asset} to {to}?"
"""
    policy = policy_set([parse(text, "policy.lw")])
    session = Session(Principal("acme", "bot"), plan=StatePlan(policy))
    guard = Guard(compile_policy(policy, EMPTY_CATALOGUE))
    decision = guard.decide(ToolCall("charge", {"cents": "1250", "merchant": "shop-17"}), session)
    assert (decision.rule, decision.terms) == ("pay/charge", AskTerms("Pay 12.50 EUR to shop-17?"))
