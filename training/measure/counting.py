"""Answers counted: of everything, and by level, depth, policy and whether a threshold is near."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..example import Example
from ..reward import Reward


class Counts(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How many of `asked` answers were right in what.

    `exact` has effect, rule and, where a call is due, its arguments. `false_allow` counts allows among the `withheld`,
    which the engine asks about or forbids; `false_deny` everything but an allow among the `granted`.
    """

    asked: int = 0
    form: int = 0
    effect: int = 0
    rule: int = 0
    exact: int = 0
    withheld: int = 0
    false_allow: int = 0
    granted: int = 0
    false_deny: int = 0


def counted(examples: Sequence[Example], answers: Sequence[str], reward: Reward) -> dict[str, Counts]:
    """Counts by group: `all`, `level L2`, `depth 2`, `policy <...>`, `boundary`. DataError as the reward raises it."""
    groups: dict[str, Counts] = {"all": Counts()}
    for example, answer in zip(examples, answers, strict=True):
        graded, gold = reward(example, answer), reward.gold(example)
        may_pass = gold.effect == "allow"
        is_exact = graded.effect and graded.rule and (gold.call is None or graded.arguments)
        for name in _groups(example):
            counts = groups.setdefault(name, Counts())
            counts.asked += 1
            counts.form += graded.form
            counts.effect += graded.effect
            counts.rule += graded.rule
            counts.exact += is_exact
            counts.withheld += not may_pass
            counts.false_allow += graded.false_allow
            counts.granted += may_pass
            counts.false_deny += may_pass and not graded.effect
    return dict(sorted(groups.items()))


def _groups(example: Example) -> list[str]:
    near = ["boundary"] if example.boundary else []
    return ["all", f"level {example.level}", f"depth {example.depth}", f"policy {example.policy}", *near]
