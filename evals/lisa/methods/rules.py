"""Our memory, through its public functions only: every report is an event, every refresh folds, Voice speaks.

A person's part is played: `approves` is an approver who says yes to every abstraction that waits for one, at once after
the refresh that made it wait. That is the most permissive person there is; the row without approvals shows what is left
where nobody ever looks. All calls stand under a `learnable` ceiling of effect allow, so that memory may widen wherever
its own conditions are met.
"""

from __future__ import annotations

from memory import Abstraction, Approved, Refreshed, Reported, State, Terms
from memory.encoders import Encoder, Kept
from memory.learning import snapshot_of, step
from memory.voice import Voice

from ..item import Item
from ..reporters import POLICY, TENANT
from .port import Said


class Rules:
    """Abstractions that decide by themselves, as the product has them."""

    def __init__(self, name: str, terms: Terms, encoder: Encoder, approves: bool = True) -> None:
        self.name, self.terms, self._encoder, self._approves = name, terms, Kept(encoder), approves
        self.state = State(TENANT)
        self.ever_active: set[str] = set()
        self._refreshes = 0
        self._voice = self._speaking()

    def decide(self, item: Item) -> Said:
        advice = self._voice.hear(item.context, item.base, "allow")
        return Said(item.base, False) if advice is None else Said(advice.effect, True)

    def report(self, reported: Reported) -> None:
        step(self.terms, self.state, reported, self._encoder)

    def refresh(self, at: int) -> None:
        self._refreshes += 1
        step(self.terms, self.state, Refreshed(at, self._refreshes, POLICY), self._encoder)
        if self._approves:
            for one in sorted(self.state.abstractions.values(), key=lambda one: one.id):
                if one.phase == "pending":
                    step(self.terms, self.state, Approved(at, "approver", one.id, one.version), self._encoder)
        self.ever_active.update(one.id for one in self.state.abstractions.values() if one.phase == "active")
        self._voice = self._speaking()

    def open_for(self, item: Item) -> list[Abstraction]:
        """The abstractions that speak, hold for the item and are not carved out there, the most specific first."""
        all_of = self.state.abstractions
        found = [
            one
            for one in all_of.values()
            if one.phase == "active"
            and one.condition.holds(item.context)
            and not any(all_of[name].condition.holds(item.context) for name in one.exceptions if name in all_of)
        ]
        return sorted(found, key=lambda one: (-len(one.condition.tests), one.id))

    def _speaking(self) -> Voice:
        return Voice(snapshot_of(self.state, self._refreshes), self._encoder, self.terms)
