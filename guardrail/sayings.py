"""What a deciding rule says besides yes or no: its message, the terms of an ask, an ended session, what remains.

Rules that say nothing of the kind are most, so an Outcome is first asked whether it is plain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

from policy_dsl import Outcome, PolicySet, Rule, intent_of
from policy_dsl.ast import UNCONDITIONAL, Terms
from policy_dsl.state import remainders

from .messages import render, shown
from .model import ToolCall
from .session import Session


class Said(NamedTuple):
    """What stands in a Decision besides the Outcome."""

    message: str | None
    terms: Terms | None
    ends_session: bool
    remaining: int | Decimal | None


class Sayings:
    """What the rules of one policy say."""

    __slots__ = ("_left", "_policy", "_rules")

    def __init__(self, policy: PolicySet) -> None:
        self._rules: dict[str, Rule] = {id: rule for id, rule in policy.rules.items() if _says_more(rule)}
        self._left = remainders(policy)
        self._policy = policy

    def is_plain(self, outcome: Outcome) -> bool:
        """Whether the Outcome is all that there is to say."""
        message = outcome.message
        return outcome.rule not in self._rules and (message is None or not ("{" in message or "}" in message))

    def of(
        self, outcome: Outcome, call: ToolCall, arguments: Mapping[str, Any], session: Session, decision_id: str
    ) -> Said:
        """`arguments` are those that were judged: the call's own, or what a rewrite made of them."""
        rule = self._rules.get(outcome.rule or "")
        left = self._left.get(outcome.rule or "")
        remaining = None if left is None else left(arguments, session.facts)
        words = session.facts.user_words
        values = {
            "tool": shown(call.tool),
            "reason": outcome.reason.value,
            "decision": decision_id,
            "remaining": ""
            if remaining is None
            else f"{remaining:f}"
            if isinstance(remaining, Decimal)
            else str(remaining),
            "task": shown(words[0]) if words else "",
        }
        message = None if outcome.message is None else render(outcome.message, values)
        terms = None
        if rule is not None and outcome.effect == "ask" and rule.terms != UNCONDITIONAL:
            prompt = rule.terms.prompt
            if prompt is not None:
                prompt = render(prompt, values, self._named(outcome.rule or "", call, arguments))
            terms = replace(rule.terms, prompt=prompt)
        ends = rule is not None and outcome.effect == "forbid" and rule.ends_session
        return Said(message, terms, ends, remaining)

    def _named(self, rule_id: str, call: ToolCall, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a prompt can name: the arguments, or the intent's fields in a rule that was written of an intent."""
        if "/" not in rule_id:
            return arguments
        found = intent_of(self._policy, call.tool, call.server, arguments)
        return arguments if found is None else found[2]


def _says_more(rule: Rule) -> bool:
    return rule.terms != UNCONDITIONAL or rule.ends_session or rule.origin == "limit"
