"""Test sets that ask what training did not: a rule changed in the prompt, another policy in the prompt, rules by name.

- override      the system message changes one rule; the model has learned the old one
- substitution  a second version of the policy, never trained on, stands whole in the prompt (view `document`)
- referral      which rule says this? The sentence comes in another phrasing, without its name
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from policy_dsl import strict_json

from ..example import Data, Example
from ..knowledge import document, sentences, specifications, unnamed
from .asked import Asked
from .generate import cases
from .knobs import Knobs
from .trees import EFFECTS, changed

SAYINGS = 3
"""Phrasings in which a referral asks for one rule."""


def add_probes(data: Data, policies: Sequence[Asked], knobs: Knobs, seed: int, count: int) -> None:
    """Adds the three sets to the data, at most `count` cases each, with the policies that judge them."""
    overridden = [_overridden(asked, seed) for asked in policies]
    # Versions of one policy have the same substitute.
    new = [Asked.of(changed(asked.grown, seed)) for asked in policies]
    substituted = list({asked.identifier: asked for asked in new}.values())
    for asked in [*overridden, *substituted]:
        judge = asked.judge or asked.identifier
        data.policies[judge] = asked.grown.text()
        data.tools[judge] = asked.grown.tools()
        data.documents[judge] = document(asked.engine.policy, seed)
        data.rules[judge] = sentences(asked.engine.policy, seed)
    for name, of in (("override", overridden), ("substitution", substituted)):
        paths = [(asked, leaf) for asked in of for leaf in asked.grown.leaves]
        data.probes[name] = list(cases(paths, knobs, seed, count, "test", name))
    data.probes["referral"] = list(_referrals(policies, seed))[:count]


def _overridden(asked: Asked, seed: int) -> Asked:
    """The policy with one rule turned round; who is asked knows the old one and is told of the change."""
    rng = random.Random(strict_json.encode([seed, asked.identifier, "override"]))  # noqa: S311  # data, no secret
    leaves = list(asked.grown.leaves)
    place = rng.randrange(len(leaves))
    effect = rng.choice([one for one in EFFECTS if one != leaves[place].effect])
    leaves[place] = replace(leaves[place], effect=effect)
    new = Asked.of(replace(asked.grown, leaves=tuple(leaves)))
    told = sentences(new.engine.policy, seed)[leaves[place].rule]
    return replace(new, identifier=asked.identifier, judge=new.identifier, note=f"Changed: {told}")


def _referrals(policies: Sequence[Asked], seed: int) -> Iterator[Example]:
    rng = random.Random(strict_json.encode([seed, "referral"]))  # noqa: S311  # data, no secret
    for asked in policies:
        for one in specifications(asked.engine.policy):
            for rule in one.rules:
                if rule not in asked.engine.policy.rules:
                    continue
                label = asked.engine.rule(rule)
                for number in range(SAYINGS):
                    yield Example(
                        id=f"referral-{seed}-{asked.identifier}-{rule}-{number}",
                        policy=asked.identifier,
                        question=f"Which rule says this? {unnamed(one).sentence(rng)}",
                        thought=f"it is {rule}",
                        answer=label.answer(),
                        effect=label.effect,
                        rule=rule,
                        level=f"L{min(4, max(1, len(one.values)))}",
                        depth=one.nesting,
                        path=f"rule:{rule}",
                        boundary=False,
                        split="test",
                        call={},
                        context={"rule": rule},
                    )
