"""The whole reasoning of one call: what each layer says, which rules speak, what the limits have left, what decided.

The Guard decides; everything else is asked of the reference evaluator in questions of one rule or one layer (anatomy),
so an explanation cannot say another thing than the decision. Rewrites come first: what is explained is the call that
they make of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from guardrail import Decision, Guard, Session, ToolCall
from policy_dsl import (
    ABSENT,
    LAYERS,
    Effect,
    Facts,
    PolicySet,
    Rewrite,
    Rule,
    Signature,
    ToolPattern,
    limit_of,
    reference_decide,
)

from .anatomy import Anatomy, Question, Truth, dissect, dissect_rewrites
from .readings import value_of

UNASKED = frozenset({"unknown-tool", "bad-arguments", "session-ended", "guard-error"})
"""Reasons that no rule had a part in."""


@dataclass(frozen=True, slots=True)
class LayerSays:
    """What one layer says by itself; `effect` is None where it has no objection."""

    layer: str
    effect: str | None
    rule: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class LimitStands:
    """A limit on the call's tool before this call; `left` is never below 0. None where the session cannot tell."""

    rule: str
    counted: Any
    bound: Any
    left: Any


@dataclass(frozen=True, slots=True)
class Reasoning:
    """`arguments` are those that were judged. `rewrites` are those about the tool, each with whether it applied."""

    decision: Decision
    arguments: Mapping[str, Any]
    layers: tuple[LayerSays, ...]
    rules: tuple[Anatomy, ...]
    limits: tuple[LimitStands, ...]
    rewrites: tuple[tuple[str, Rewrite, Truth], ...]
    facts: Facts

    @property
    def step(self) -> str:
        """The step that decided (docs/language.md, Deciding)."""
        if any(self.decision.rule == id for id, _, _ in self.rewrites) and self.decision.reason == "rule-error":
            return "a rewrite that cannot be evaluated refuses the call"
        return _STEPS[self.decision.effect, self.decision.reason]


def reason(guard: Guard, call: ToolCall, session: Session) -> Reasoning:
    """Decide `call` in `session`, and say why. The session is not changed."""
    policy, facts = guard.program.policy, session.facts
    decision = guard.decide(call, session)
    if decision.reason in UNASKED:
        return Reasoning(decision, call.arguments, (), (), (), (), facts)
    asked = Question(call.tool, call.server, call.arguments, facts)
    rewrites = tuple(dissect_rewrites(policy, asked))
    if decision.arguments is not None:
        asked = replace(asked, arguments=decision.arguments)
    rules = tuple(dissect(policy, asked))
    layers = tuple(_layers(policy, asked))
    limits = tuple(_limit(one, asked) for one in rules if one.applies and limit_of(one.rule) is not None)
    return Reasoning(decision, asked.arguments, layers, rules, limits, rewrites, facts)


def _layers(policy: PolicySet, asked: Question) -> list[LayerSays]:
    """Each layer alone; a lower one under a topmost layer that allows everything, as it can only tighten."""
    enforced = {id: rule for id, rule in policy.rules.items() if not rule.shadow}
    spoken = {rule.layer for rule in enforced.values()} | set(policy.otherwise)
    written = {rule.layer for rule in enforced.values() if rule.is_written} | set(policy.otherwise)
    first = next((layer for layer in LAYERS if layer in written), LAYERS[0])
    present = [first, *(layer for layer in LAYERS if layer in spoken and layer != first)]
    found = []
    for layer in present:
        rules = {id: rule for id, rule in enforced.items() if rule.layer == layer}
        alone = replace(policy, rules=rules, otherwise={k: v for k, v in policy.otherwise.items() if k == layer})
        if layer != present[0]:
            alone = replace(alone, rules={**rules, _ANYTHING: _allowing(asked.tool, present[0])})
        said = reference_decide(alone, policy.catalogue, asked.tool, asked.arguments, asked.facts, asked.server)
        silent = said.rule == _ANYTHING
        found.append(
            LayerSays(layer, None if silent else said.effect, None if silent else said.rule, said.reason.value)
        )
    return found


def _allowing(tool: str, layer: str) -> Rule:
    return Rule(Effect.ALLOW, (ToolPattern(None, tool),), Signature((), open=True), None, None, layer=layer)


def _limit(one: Anatomy, asked: Question) -> LimitStands:
    limit = limit_of(one.rule)
    assert limit is not None
    counted, bound = (value_of(operand, asked.arguments, asked.facts) for operand in limit)
    if counted is ABSENT or bound is ABSENT:
        return LimitStands(one.id, None, None, None)
    return LimitStands(one.id, counted, bound, max(bound - counted, 0))


_ANYTHING = "/"
"""An id that no rule can have."""

_STEPS = {
    ("forbid", "unknown-tool"): "no tool list that the policy uses has this tool, so no rule was asked",
    ("forbid", "bad-arguments"): "the arguments do not fit the tool's own schema, so no rule was asked",
    ("forbid", "session-ended"): "a rule has ended this session, so no rule was asked",
    ("forbid", "guard-error"): "deciding broke, and what cannot be decided is refused",
    ("forbid", "needs-judge"): "the grant is subject to the judge, who is not asked here: he may let it stand, "
    "make it an ask or refuse the call",
    ("forbid", "no-rule"): "no rule grants it, and what nothing grants is refused",
    ("forbid", "rule"): "a forbid that matches refuses the call, whatever grants it at this level or below",
    ("forbid", "rule-error"): "a forbid that cannot be evaluated counts as matching",
    ("forbid", "limit"): "the call would pass a limit, and limits stand above every priority",
    ("forbid", "clearance"): "the session carries a label that the tool has no clearance for",
    ("forbid", "rewrite-conflict"): "two rewrites write the same place with different values, so neither can be right",
    ("ask", "rule"): "a person has to agree: an ask, or a require approval over what would be allowed, matches",
    ("ask", "rule-error"): "a rule that wants a person cannot be evaluated, so a person has to agree",
    ("allow", "rule"): "an allow matches, and nothing at this level or above is stricter",
}
"""By effect and reason."""
