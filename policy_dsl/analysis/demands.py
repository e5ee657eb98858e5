"""What must hold for a policy to grant a call of a tool, as rules that must be true and rules that must not hold.

Reading the levels of priority (docs/language.md) backwards: a layer *allows* exactly where some allow is true and no
forbid, ask or require approval of its level or a higher one holds, errors counting as holding; it *grants* (allows or
asks) exactly where some allow or ask is true and no such forbid holds. A policy does where all its layers do.

A judge may answer anything, so a grant that is subject to him is less than one that is not: that is asked at levels of
its own. A layer grants unjudged exactly where some such grant is true, and no grant that is subject to a judge is true
and decides before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from ..ast import Effect, Rule
from ..catalogue import Tool
from .parties import GRANTS, Entry, Layer, Mode, Party

Level = Literal["allow", "grant", "allow unjudged", "grant unjudged"]
"""`allow`: outright. `grant`: allowed, or asked about. `unjudged`: and that without asking a judge."""

OUTRIGHT: Final = frozenset({"allow", "allow unjudged"})
UNJUDGED: Final = frozenset({"allow unjudged", "grant unjudged"})


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
    wanted = (Effect.ALLOW,) if level in OUTRIGHT else GRANTS
    judged = level not in UNJUDGED
    return tuple(one for one in layer.grants if one.rule.effect in wanted and (judged or one.rule.subject is None))


def blocking(layer: Layer, grant: Entry | None, level: Level) -> tuple[Entry, ...]:
    """What must not hold for `grant` to decide; without a grant (an open layer) what must not hold at all."""
    return tuple(
        one
        for one in layer.blockers
        if one is not grant
        and (level in OUTRIGHT or one.rule.effect is Effect.FORBID)
        and (grant is None or one.rule.priority >= grant.rule.priority)
    ) + judging(layer, grant, level)


def judging(layer: Layer, grant: Entry | None, level: Level) -> tuple[Entry, ...]:
    """The grants that are subject to a judge and decide before `grant` where they are true, at a level without one.
    (An open layer has no written grant that binds, and what is learned needs no judge.)"""
    if level not in UNJUDGED or grant is None:
        return ()
    effects = (Effect.ALLOW,) if level in OUTRIGHT else GRANTS  # asks stand in the way of an allow by themselves
    return tuple(
        one
        for one in layer.grants
        if one.rule.subject is not None and one.rule.effect in effects and _decides_before(one.rule, grant.rule)
    )


def _decides_before(one: Rule, other: Rule) -> bool:
    """Whether this grant decides where both are true: what needs no judge goes first among its like."""
    asks_first = one.effect is Effect.ASK and other.effect is Effect.ALLOW
    return one.priority > other.priority or (one.priority == other.priority and asks_first)


def in_its_way(one: Entry, level: Level) -> Mode:
    """How a rule stands in the way: an error in a grant that is subject to a judge does not make it decide."""
    granted = one.rule.effect is Effect.ALLOW or (one.rule.effect is Effect.ASK and level not in OUTRIGHT)
    return "true" if granted else "holds"


def out_of_its_way(one: Entry, level: Level) -> Mode:
    return "untrue" if in_its_way(one, level) == "true" else "spared"


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
        ours = [(one.key, out_of_its_way(one, self.level)) for one in _in_the_way(self.ours, grant, self.level)]
        out = {*ours, *((key, "untrue") for key, mode in ours if mode == "spared")}
        return any(
            all(
                (block.key, out_of_its_way(block, self.level)) in out
                for block in _in_the_way(self.theirs, one, self.level)
            )
            for one in weaker
        )


def _in_the_way(of: Stand, grant: Entry, level: Level) -> Iterator[Entry]:
    yield from blocking(of.layers[0], grant, level)
    for layer in of.layers[1:]:
        if not layer.closed and not layer.grants:
            yield from blocking(layer, None, level)
