"""Sixth pass: what has not fired for long, or was learned of another policy, does not speak on as if nothing had been.

A change of the policy puts every widening to sleep until a person approves it anew: its ceiling and its base may be
others. A narrowing keeps speaking, as it can break no more than it repairs under the old policy and keeps a harm away
under the new one, but its evidence from before counts half (evidence.py). Both keep their evidence to be looked at.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..model import State
from .evidence import gather
from .index import living
from .make import Work, slept

_DAY: Final = 86_400_000_000


def expire(work: Work, state: State) -> None:
    for abstraction in living(state):
        idle = work.event.at - max(abstraction.fired_at, abstraction.made_at)
        if idle > work.terms.idle_days * _DAY:
            state.abstractions[abstraction.id] = slept(work.terms, state, abstraction, anew=True)
            work.changes.add("dormant", abstraction.id, "idle")
    spare = len(living(state)) - work.terms.most_abstractions
    if spare > 0:
        for abstraction in sorted(living(state), key=lambda one: (one.phase == "active", one.fired_at, one.id))[:spare]:
            state.abstractions[abstraction.id] = slept(work.terms, state, abstraction, anew=True)
            work.changes.add("dormant", abstraction.id, "too-many")


def follow_policy(work: Work, state: State) -> None:
    """Before the passes: the policy in force may be another than that of the last refresh."""
    hash_ = work.event.policy_hash
    if not hash_ or hash_ == state.policy_hash:
        return
    state.policy_hash = hash_
    for abstraction in [one for one in state.abstractions.values() if one.phase not in ("retired", "dormant")]:
        changed = replace(abstraction, policy_hash=hash_)
        if abstraction.label == "allow" and abstraction.policy_hash:
            changed = slept(work.terms, state, changed, anew=False)
            work.changes.add("dormant", abstraction.id, "policy-changed")
        state.abstractions[abstraction.id] = changed
        gather(work.terms, state, changed)
