"""One call and everything a rule may ask about beside it, unknown: who acts, what was said, what happened, what time
it is.

Session words are free: the same word over the same values is one unknown in both policies, so a proof holds for every
session. What is asked of a session by a value (`x from user`, `counter paid[to]`) is one unknown for each way to write
the value; a session in which two of them contradict each other is found when it is replayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..ast import EXACT, Claim, Label, PrincipalPart, Scope, TimeBetween, Tracker
from ..types import ANYTHING, Number, Object, Text
from .shapes import Shape
from .solver import Formula, conjunction, disjunction, is_sayable, negation, text_term, z3
from .tree import Node, root
from .views import Views

LabelName = tuple[str, str | None]

UNTRUSTED: LabelName = ("untrusted", None)
"""Of every result that nothing trusts. It is no secret, so no clearance is about it."""

THEIRS = "their "
"""The tag of labels and sources of the other policy's session, where the two are told apart."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question put to the session: true, false or an error. `about` names it, `values` are what is asked of."""

    about: tuple[str, int, str]
    values: tuple[Any, ...]
    true: Any
    false: Any


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter's standing for these values of its keys; an error where the node is not there."""

    about: tuple[str, int, str]
    values: tuple[Any, ...]
    node: Node


@dataclass(frozen=True, slots=True)
class Wall:
    """What the clock of one zone shows."""

    minute: Any
    weekday: Any


class World:
    """The unknowns. `axioms` holds what is true of them in every world; it grows as they are asked for."""

    def __init__(self, declared: Object, shape: Shape, labels: Sequence[LabelName]) -> None:
        self.axioms: list[Formula] = []
        self.arguments = root(declared, shape, self.axioms)
        self.views = Views()
        self.label_names = tuple(labels)
        self.asked: dict[str, Asked] = {}
        self.counted: dict[str, Counted] = {}
        self.walls: dict[str, Wall] = {}
        self.spans: set[tuple[int | None, int | None]] = set()
        self.flags: dict[tuple[str, str], Any] = {}
        self.facts: dict[str, Node] = {}
        self.claim_names: dict[str, str] = {}
        self.labels: dict[tuple[str, LabelName], Any] = {}
        self.now: Any = z3.Int("now")
        self.clock: Any = z3.Bool("the time is known")
        self.axioms.append(self.now > 0)

    # --- who acts ---------------------------------------------------------------------------------------------------

    def fact(self, operand: Claim | PrincipalPart) -> Node:
        is_claim = isinstance(operand, Claim)
        name = f"claim {operand.name!r}" if isinstance(operand, Claim) else f"principal {operand.part}"
        if name not in self.facts:
            there = z3.Bool(f"{name} there")
            if isinstance(operand, Claim):
                self.claim_names[name] = operand.name
            self.facts[name] = Node(name, there, ANYTHING if is_claim else Text(), Shape(), self.axioms)
        return self.facts[name]

    def has(self, kind: str, name: str) -> Any:
        """Whether the principal has a role, or an agent stands in the chain of delegation."""
        return self.flags.setdefault((kind, name), z3.Bool(f"{kind} {name!r}"))

    def binds(self, scope: Scope) -> Formula:
        parts = [
            disjunction(self._is(part, name) for name in names)
            for part, names in (("tenant", scope.tenants), ("agent", scope.agents), ("user", scope.users))
            if names
        ]
        parts += [
            disjunction(self.has(kind, name) for name in names)
            for kind, names in (("role", scope.roles), ("via", scope.via))
            if names
        ]
        return conjunction(parts)

    def _is(self, part: Any, name: str) -> Formula:
        node = self.fact(PrincipalPart(part))
        same = node.text == text_term(name) if is_sayable(name) else self.views.holds(node, "is", name, EXACT)
        return conjunction((node.there, same))

    # --- the session ------------------------------------------------------------------------------------------------

    def label(self, tag: str, name: LabelName) -> Any:
        return self.labels.setdefault((tag, name), z3.Bool(f"{tag}label {name}"))

    def ask(self, about: tuple[str, int, str], key: str, values: tuple[Any, ...]) -> Asked:
        name = f"{about} {key}"
        if name not in self.asked:
            true, false = z3.Bool(f"{name} true"), z3.Bool(f"{name} false")
            self.axioms.append(negation(conjunction((true, false))))
            self.asked[name] = Asked(about, values, true, false)
        return self.asked[name]

    def count(self, about: tuple[str, int, str], tracker: Tracker, key: str, values: tuple[Any, ...]) -> Node:
        name = f"{about} {key}"
        if name not in self.counted:
            node = Node(name, z3.Bool(f"{name} there"), Number(), Shape(), self.axioms)
            if tracker.measure in ("count", "distinct"):
                self.axioms += [z3.IsInt(node.number), node.number >= 0]
            self.counted[name] = Counted(about, values, node)
        return self.counted[name].node

    # --- time -------------------------------------------------------------------------------------------------------

    def within(self, start: int | None, end: int | None) -> Formula:
        """From `start` on and before `end`, in microseconds since 1970."""
        self.spans.add((start, end))
        started = True if start is None else self.now >= start
        return conjunction((started, True if end is None else self.now < end))

    def between(self, node: TimeBetween) -> Formula:
        """Whether the clock of the zone shows such a time; each zone's clock shows any time, whatever the others do."""
        wall = self.walls.get(node.zone)
        if wall is None:
            wall = Wall(z3.Int(f"minute in {node.zone}"), z3.Int(f"weekday in {node.zone}"))
            self.walls[node.zone] = wall
            self.axioms += [wall.minute >= 0, wall.minute < 1_440, wall.weekday >= 0, wall.weekday < 7]
        today = _any_day(wall.weekday, node.days)
        if node.start is None or node.end is None:
            return today
        if node.start <= node.end:
            return conjunction((wall.minute >= node.start, wall.minute < node.end, today))
        yesterday = _any_day((wall.weekday + 6) % 7, node.days)
        return disjunction(
            (conjunction((wall.minute >= node.start, today)), conjunction((wall.minute < node.end, yesterday)))
        )


def _any_day(weekday: Any, days: tuple[int, ...]) -> Formula:
    return disjunction(weekday == day for day in days) if days else True


def is_cleared(label: LabelName, clearance: Sequence[Label], levels: tuple[str, ...]) -> bool:
    """(n, c) is covered by (m, d) where n is m or below it in `levels`, and c is none or d."""
    return label == UNTRUSTED or any(
        _reaches(by.name, label[0], levels) and label[1] in (None, by.compartment) for by in clearance
    )


def carries(label: LabelName, wanted: Label, levels: tuple[str, ...]) -> bool:
    """Whether a label is the wanted one or above it; a wanted label without a compartment means any."""
    return _reaches(label[0], wanted.name, levels) and wanted.compartment in (None, label[1])


def _reaches(upper: str, lower: str, levels: tuple[str, ...]) -> bool:
    if upper in levels and lower in levels:
        return levels.index(upper) >= levels.index(lower)
    return upper == lower
