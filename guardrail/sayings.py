"""What a deciding rule says besides yes or no: its message, the terms of an ask, an ended session, what remains.

Rules that say nothing of the kind are most, so an Outcome is first asked whether it is plain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from policy_dsl import Outcome, Program, Rule, intent_of
from policy_dsl.ast import UNCONDITIONAL, Terms
from policy_dsl.state import remainders

from .decision import AskTerms
from .messages import render, shown
from .model import ToolCall
from .session import Session


class Said(NamedTuple):
    """What stands in a Decision besides the Outcome."""

    message: str | None
    terms: AskTerms | None
    ends_session: bool
    remaining: int | Decimal | None


class Sayings:
    """What the rules of one policy say."""

    __slots__ = ("_asks", "_left", "_policy", "_program", "_rules")

    def __init__(self, program: Program) -> None:
        policy = program.policy
        self._rules: dict[str, Rule] = {id: rule for id, rule in policy.rules.items() if _says_more(rule)}
        self._asks = any(rule.terms != UNCONDITIONAL for rule in policy.rules.values())
        self._left = remainders(policy)
        self._policy = policy
        self._program = program

    def is_plain(self, outcome: Outcome) -> bool:
        """Whether the Outcome is all that there is to say."""
        message = outcome.message
        return (
            outcome.rule not in self._rules
            and (message is None or not ("{" in message or "}" in message))
            and not (self._asks and outcome.effect == "ask")
        )

    def of(
        self,
        outcome: Outcome,
        call: ToolCall,
        arguments: Mapping[str, Any],
        session: Session,
        decision_id: str,
        *,
        opened: bool = False,
    ) -> Said:
        """`arguments` are those that were judged: the call's own, or what a rewrite made of them. An Outcome that is
        `opened` is the ceiling's."""
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
        if self._asks and outcome.effect == "ask":
            ids = self._program.askers(call.tool, arguments, session.facts, call.server, opened=opened)
            asking = [self._policy.rules[id].terms for id in ids if id in self._rules]
            prompt = None if rule is None else rule.terms.prompt
            if prompt is not None:
                prompt = render(prompt, values, self._named(outcome.rule or "", call, arguments))
            terms = together(prompt, asking)
        ends = rule is not None and outcome.effect == "forbid" and rule.ends_session
        return Said(message, terms, ends, remaining)

    def _named(self, rule_id: str, call: ToolCall, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a prompt can name: the arguments, or the intent's fields in a rule that was written of an intent."""
        if "/" not in rule_id:
            return arguments
        found = intent_of(self._policy, call.tool, call.server, arguments)
        return arguments if found is None else found[2]


def together(prompt: str | None, asking: Iterable[Terms]) -> AskTerms | None:
    """The terms of all rules that ask about one call; None where none of them says anything.

    What one rule leaves open another may close, and none opens what another closed: else a rule of a team could let its
    own clerk approve what the organisation leaves to its treasurer.
    """
    said = list(asking)
    valid = min((one.valid for one in said if one.valid is not None), key=lambda span: span.seconds, default=None)
    uses = min((one.uses for one in said if one.uses is not None), default=None)
    by = tuple(sorted({tuple(sorted(set(one.by))) for one in said if one.by}))
    terms = AskTerms(prompt, valid, uses, by)
    return None if terms == _SAYS_NOTHING else terms


_SAYS_NOTHING = AskTerms()


def _says_more(rule: Rule) -> bool:
    return rule.terms != UNCONDITIONAL or rule.ends_session or rule.origin == "limit"
