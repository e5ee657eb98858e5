"""Seventh pass: what has not fired for long, or was learned of another policy, does not speak on as if nothing were.
Before the passes: what another policy or another encoder makes of what is known.

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
from .make import Work, changed, radius, slept

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
        moved = replace(abstraction, policy_hash=hash_)
        if abstraction.label == "allow" and abstraction.policy_hash:
            moved = slept(work.terms, state, moved, anew=False)
            work.changes.add("dormant", abstraction.id, "policy-changed")
        state.abstractions[abstraction.id] = moved
        gather(work.terms, state, moved)


def follow_encoder(work: Work, state: State) -> None:
    """Measure anew what another encoder measured. A widening that was approved reaches elsewhere then, and needs to be
    approved anew; a narrowing speaks on."""
    for abstraction in [one for one in state.abstractions.values() if one.encoder != work.encoder.id]:
        reach = radius(work.terms, work.encoder, state, abstraction.support)
        measured = replace(abstraction, radius=reach, encoder=work.encoder.id)
        if abstraction.label == "allow" and abstraction.approved == abstraction.version:
            measured = changed(work.terms, measured)
        state.abstractions[abstraction.id] = measured
        work.changes.add("measured", abstraction.id, "encoder-changed")
