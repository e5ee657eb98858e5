"""The levels of priority, highest first: the first with an answer decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ..ast import LAYERS, Effect, Json, PolicySet, Rule
from ..catalogue import Catalogue
from ..facts import Facts
from ..outcome import Outcome, Reason, RuleError
from ..types import Object, conforms
from .applies import applies
from .conditions import Evaluator
from .kleene import Fault, Truth


@dataclass(frozen=True, slots=True)
class _Judged:
    """A rule that applies to the call, and what its condition came to."""

    id: str
    rule: Rule
    truth: Truth


def decide(
    policy: PolicySet,
    catalogue: Catalogue,
    tool: str,
    arguments: Mapping[str, Json],
    facts: Facts,
    server: str | None = None,
) -> Outcome:
    """The Outcome of one call; `server` is None where the door does not know it."""
    otherwise = policy.otherwise.get(LAYERS[0])
    declared: Object | None = None
    if len(catalogue):
        known = catalogue.get(server, tool)
        if known is None:
            return Outcome("forbid", None, Reason.UNKNOWN_TOOL, otherwise)
        declared = known.parameters
        if conforms(arguments, declared) is not None:
            return Outcome("forbid", None, Reason.BAD_ARGUMENTS, otherwise)
    evaluator = Evaluator(policy.sets, arguments, facts.user_words, {})
    judged = [
        _Judged(id, rule, evaluator.of_rule(rule))
        for id, rule in sorted(policy.rules.items())
        if applies(rule, tool, server, arguments, facts, declared)
    ]
    return _settle(judged, otherwise)


# --- levels ---------------------------------------------------------------------------------------------------------


def _settle(judged: list[_Judged], otherwise: str | None) -> Outcome:
    approval: list[_Judged] = []
    doubt: list[_Judged] = []
    for priority in sorted({one.rule.priority for one in judged}, reverse=True):
        level = [one for one in judged if one.rule.priority == priority]
        if forbid := _true(level, Effect.FORBID) or _erring(level, Effect.FORBID):
            return _outcome("forbid", forbid, otherwise)
        approval = approval or _true(level, Effect.REQUIRE_APPROVAL) or _erring(level, Effect.REQUIRE_APPROVAL)
        if ask := _true(level, Effect.ASK):
            return _outcome("ask", ask, None)
        doubt = doubt or _erring(level, Effect.ASK)
        if allow := _true(level, Effect.ALLOW):
            if held_back := approval or doubt:
                return _outcome("ask", held_back, None)
            return _outcome("allow", allow, None)
    grants = [one for one in judged if one.rule.effect in (Effect.ALLOW, Effect.ASK)]
    return Outcome("forbid", None, Reason.NO_RULE, otherwise, _errors(grants))


def _true(level: list[_Judged], effect: Effect) -> list[_Judged]:
    return [one for one in level if one.rule.effect is effect and one.truth is True]


def _erring(level: list[_Judged], effect: Effect) -> list[_Judged]:
    return [one for one in level if one.rule.effect is effect and isinstance(one.truth, Fault)]


def _outcome(effect: Literal["allow", "ask", "forbid"], deciding: list[_Judged], otherwise: str | None) -> Outcome:
    """`deciding` are rules of one effect and level, all true or all in error, in order of id."""
    first = deciding[0]
    reason = Reason.RULE if first.truth is True else Reason.RULE_ERROR
    message = first.rule.message if first.rule.message is not None else otherwise
    return Outcome(effect, first.id, reason, message, _errors(deciding))


def _errors(judged: Iterable[_Judged]) -> tuple[RuleError, ...]:
    return tuple(RuleError(one.id, one.truth.code, one.truth.place) for one in judged if isinstance(one.truth, Fault))
