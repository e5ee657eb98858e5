"""The layers of a policy, and in each the levels of priority, highest first: the first with an answer decides.

Each layer decides on its own, and the strictest answer wins. The topmost one that says anything must grant. A lower one
without an `otherwise`, and without a rule that could grant a call of the tool to whoever acts, has no objection by
default, so that only its forbids and require approvals speak. What is learned, and what may be, makes no layer one that
says anything, and none that has to grant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ..ast import LAYERS, Effect, Json, PolicySet, Rule
from ..catalogue import Catalogue
from ..facts import Facts
from ..outcome import Outcome, Reason, RuleError
from ..types import Object, conforms
from .applies import accepts, fits
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
    """The Outcome of one call; `server` is None where the door does not know it. Shadow rules take no part."""
    enforced = {id: rule for id, rule in policy.rules.items() if not rule.shadow}
    return _decide(policy, enforced, catalogue, tool, arguments, facts, server)


def shadow(
    policy: PolicySet,
    catalogue: Catalogue,
    tool: str,
    arguments: Mapping[str, Json],
    facts: Facts,
    server: str | None = None,
) -> Outcome | None:
    """What the Outcome would be if shadow rules were rules like any other; None for a policy without them."""
    if not any(rule.shadow for rule in policy.rules.values()):
        return None
    return _decide(policy, policy.rules, catalogue, tool, arguments, facts, server)


def ceiling(
    policy: PolicySet,
    catalogue: Catalogue,
    tool: str,
    arguments: Mapping[str, Json],
    facts: Facts,
    server: str | None = None,
) -> Outcome | None:
    """What the Outcome would be if learnables were allows beside the rules; None for a policy without them."""
    if not policy.learnable:
        return None
    enforced = {id: rule for id, rule in policy.rules.items() if not rule.shadow}
    return _decide(policy, {**enforced, **policy.learnable}, catalogue, tool, arguments, facts, server)


def askers(
    policy: PolicySet,
    catalogue: Catalogue,
    tool: str,
    arguments: Mapping[str, Json],
    facts: Facts,
    server: str | None = None,
) -> tuple[str, ...]:
    """The ids of all rules that ask about a call whose Outcome is an ask, in order."""
    known = catalogue.get(server, tool)
    declared = None if known is None else known.parameters
    evaluator = Evaluator(arguments, facts, sets=policy.sets, levels=policy.levels)
    found: list[str] = []
    for layer in LAYERS:
        judged = [
            _Judged(id, rule, evaluator.of_rule(rule))
            for id, rule in policy.rules.items()
            if rule.layer == layer and not rule.shadow
            if fits(rule, tool, server, facts) and accepts(rule, arguments, declared)
        ]
        granting = [one.rule.priority for one in judged if one.rule.effect in _GRANTS and one.truth is True]
        least = max(granting, default=None)
        found += [
            one.id
            for one in judged
            if one.rule.effect in (Effect.ASK, Effect.REQUIRE_APPROVAL) and one.truth is not False
            if least is None or one.rule.priority >= least
        ]
    return tuple(sorted(found))


_GRANTS = (Effect.ALLOW, Effect.ASK)


def topmost(rules: Mapping[str, Rule], otherwise: Mapping[str, str | None]) -> str:
    """The topmost layer that says anything: it has to grant. Where nobody wrote anything, the first of all."""
    written = {rule.layer for rule in rules.values() if rule.origin not in ("learned", "learnable")} | set(otherwise)
    return next((layer for layer in LAYERS if layer in written), LAYERS[0])


def _decide(
    policy: PolicySet,
    rules: Mapping[str, Rule],
    catalogue: Catalogue,
    tool: str,
    arguments: Mapping[str, Json],
    facts: Facts,
    server: str | None,
) -> Outcome:
    first = topmost(rules, policy.otherwise)
    spoken = {rule.layer for rule in rules.values()} | set(policy.otherwise)
    present = [first, *(layer for layer in LAYERS if layer in spoken and layer != first)]
    declared: Object | None = None
    if len(catalogue):
        known = catalogue.get(server, tool)
        if known is None:
            return Outcome("forbid", None, Reason.UNKNOWN_TOOL, policy.otherwise.get(present[0]))
        declared = known.parameters
        if conforms(arguments, declared) is not None:
            return Outcome("forbid", None, Reason.BAD_ARGUMENTS, policy.otherwise.get(present[0]))
    evaluator = Evaluator(arguments, facts, sets=policy.sets, levels=policy.levels)
    outcomes: list[Outcome] = []
    for layer in present:
        fitting = {
            id: rule for id, rule in sorted(rules.items()) if rule.layer == layer and fits(rule, tool, server, facts)
        }
        judged = [
            _Judged(id, rule, evaluator.of_rule(rule))
            for id, rule in fitting.items()
            if accepts(rule, arguments, declared)
        ]
        written = (rule for rule in fitting.values() if rule.origin not in ("learned", "learnable"))
        grants = any(rule.effect in (Effect.ALLOW, Effect.ASK) for rule in written)
        only_restricts = layer != present[0] and layer not in policy.otherwise and not grants
        outcome = _settle(judged, policy.otherwise.get(layer), only_restricts)
        if outcome is not None:
            outcomes.append(outcome)
    # The topmost layer always has an outcome, and of equally strict ones the first is the topmost layer's.
    strictest = max(outcomes, key=lambda outcome: _STRICTNESS[outcome.effect])
    if strictest.effect == "forbid":
        return strictest
    needs = [outcome.subject for outcome in outcomes]
    return replace(strictest, subject=next((need for need in ("judge", "judge, learnable") if need in needs), None))


_STRICTNESS = {"allow": 0, "ask": 1, "forbid": 2}


# --- levels ---------------------------------------------------------------------------------------------------------


def _settle(judged: list[_Judged], otherwise: str | None, only_restricts: bool) -> Outcome | None:
    approval: list[_Judged] = []
    doubt: list[_Judged] = []
    for priority in sorted({one.rule.priority for one in judged}, reverse=True):
        level = [one for one in judged if one.rule.priority == priority]
        if forbid := _true(level, Effect.FORBID) or _erring(level, Effect.FORBID):
            return _outcome("forbid", forbid, otherwise)
        approval = approval or _true(level, Effect.REQUIRE_APPROVAL) or _erring(level, Effect.REQUIRE_APPROVAL)
        if ask := _true(level, Effect.ASK):
            least = _least_judged(ask)
            return replace(_outcome("ask", least, None), subject=least[0].rule.subject)
        doubt = doubt or _erring(level, Effect.ASK)
        if allow := _true(level, Effect.ALLOW):
            least = _least_judged(allow)
            held_back = approval or doubt
            outcome = _outcome("ask", held_back, None) if held_back else _outcome("allow", least, None)
            return replace(outcome, subject=least[0].rule.subject)
    if only_restricts:
        return _outcome("ask", approval, None) if approval else None
    grants = [one for one in judged if one.rule.effect in (Effect.ALLOW, Effect.ASK)]
    return Outcome("forbid", None, Reason.NO_RULE, otherwise, _errors(grants))


def _least_judged(grants: list[_Judged]) -> list[_Judged]:
    """Those of the grants that hold which need a judge least; what is learned comes after all that is written."""
    written = [one for one in grants if one.rule.is_written]
    for need in (None, "judge, learnable", "judge"):
        if found := [one for one in written if one.rule.subject == need]:
            return found
    return grants


def _true(level: list[_Judged], effect: Effect) -> list[_Judged]:
    return [one for one in level if one.rule.effect is effect and one.truth is True]


def _erring(level: list[_Judged], effect: Effect) -> list[_Judged]:
    return [one for one in level if one.rule.effect is effect and isinstance(one.truth, Fault)]


def _outcome(effect: Literal["allow", "ask", "forbid"], deciding: list[_Judged], otherwise: str | None) -> Outcome:
    """`deciding` are rules of one effect and level, all true or all in error, in order of id."""
    first = deciding[0]
    reason = Reason.RULE if first.truth is True else Reason.RULE_ERROR
    if effect == "forbid" and first.truth is True:
        reason = _REASONS.get(first.rule.origin, reason)
    message = first.rule.message if first.rule.message is not None else otherwise
    return Outcome(effect, first.id, reason, message, _errors(deciding))


_REASONS = {"limit": Reason.LIMIT, "clearance": Reason.CLEARANCE}


def _errors(judged: Iterable[_Judged]) -> tuple[RuleError, ...]:
    return tuple(RuleError(one.id, one.truth.code, one.truth.place) for one in judged if isinstance(one.truth, Fault))
