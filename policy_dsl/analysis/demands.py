"""What must hold for a policy to grant a call of a tool, as rules that must be true and rules that must not hold.

Reading the levels of priority (docs/language.md) backwards: a layer *allows* exactly where some allow is true and no
forbid, ask or require approval of its level or a higher one holds, errors counting as holding; it *grants* (allows or
asks) exactly where some allow or ask is true and no such forbid holds. A policy does where all its layers do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from ..ast import Effect
from ..catalogue import Tool
from .parties import GRANTS, Entry, Layer, Party

Level = Literal["allow", "grant"]
"""`allow`: outright. `grant`: allowed, or asked about."""


@dataclass(frozen=True, slots=True)
class Stand:
    """One policy on one tool. `tool` is the catalogue's, None where it lists none at all; `known` is false where it
    lists tools but not this one: then it grants nothing."""

    party: Party
    layers: tuple[Layer, ...]
    tool: Tool | None
    known: bool

    @property
    def grants_nothing(self) -> bool:
        return not self.known or not self.layers[0].grants

    @property
    def tool_digest(self) -> str | None:
        """Equal where the arguments are typed alike."""
        return None if self.tool is None else repr(self.tool.parameters)

    def single(self) -> bool:
        """Whether the topmost layer alone grants: the others are open and hold no grant that fits the tool."""
        return all(not layer.grants and not layer.closed for layer in self.layers[1:])


def stand(party: Party, server: str | None, tool: str) -> Stand:
    catalogue = party.policy.catalogue
    listed = catalogue.get(server, tool) if len(catalogue) else None
    return Stand(party, party.in_layers(party.fitting(server, tool)), listed, listed is not None or not len(catalogue))


def granting(layer: Layer, level: Level) -> tuple[Entry, ...]:
    wanted = (Effect.ALLOW,) if level == "allow" else GRANTS
    return tuple(one for one in layer.grants if one.rule.effect in wanted)


def blocking(layer: Layer, grant: Entry | None, level: Level) -> tuple[Entry, ...]:
    """What must not hold for `grant` to decide; without a grant (an open layer) what must not hold at all."""
    return tuple(
        one
        for one in layer.blockers
        if one is not grant
        and (level == "allow" or one.rule.effect is Effect.FORBID)
        and (grant is None or one.rule.priority >= grant.rule.priority)
    )


@dataclass(slots=True)
class Covering:
    """Which of our grants the other policy grants at sight, without a solver.

    Some grant of theirs is true wherever ours is (the same, or one with fewer conjuncts), and whatever stands in its
    way stands in the way of ours.
    """

    ours: Stand
    theirs: Stand
    level: Level
    _at: dict[str, list[Entry]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.theirs.known and self.theirs.single() and self.ours.tool_digest == self.theirs.tool_digest:
            for one in granting(self.theirs.layers[0], self.level):
                # A grant with conjuncts is found under one of them: ours must have it too.
                self._at.setdefault(min(one.conjuncts, default=""), []).append(one)

    def covers(self, grant: Entry) -> bool:
        weaker = [
            one
            for under in ("", *grant.conjuncts)
            for one in self._at.get(under, ())
            if one.frame == grant.frame and one.conjuncts <= grant.conjuncts
        ]
        if not weaker:
            return False
        spared = {one.key for one in _in_the_way(self.ours, grant, self.level)}
        return any(all(block.key in spared for block in _in_the_way(self.theirs, one, self.level)) for one in weaker)


def _in_the_way(of: Stand, grant: Entry, level: Level) -> Iterator[Entry]:
    yield from blocking(of.layers[0], grant, level)
    for layer in of.layers[1:]:
        if not layer.closed and not layer.grants:
            yield from blocking(layer, None, level)
