"""What all queries about one tool share: a world and its rails, a solver, and what was learnt along the way.

A demand is stated as a tree of demands on single rules; here it becomes a formula, once. The solver holds the axioms
and the demands common to all grants; each query adds its own above a `push`. When a demand asks for more elements of a
list than the world has, the world is built anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..ast import JsonType, Scope, Signature
from ..types import Object, is_closed_throughout
from .demands import Stand
from .parties import Entry, Meeting, Mode
from .rails import Rails, Side
from .shapes import Shape
from .solver import Formula, conjunction, disjunction, implication, negation, z3
from .terms import Terms
from .tree import Node
from .witnesses import Census
from .world import World

EFFORT: Final = 400_000
"""z3's `rlimit` for one check: about half a second, and the same on every machine."""

OFFERED: Final = 24
"""Texts of the policies that are offered for patterns z3 cannot say."""

OPEN: Final = Object({}, closed=False, free=True)
"""The arguments of a tool that no catalogue describes."""


@dataclass(frozen=True, slots=True, eq=False)
class On:
    """A demand on one rule: that it is true or is not, that it holds (true or an error) or does not (is spared)."""

    entry: Entry
    mode: Mode
    stand: Stand
    side: Side


@dataclass(frozen=True, slots=True, eq=False)
class Misfit:
    """The demand that the arguments do not fit the other policy's own schema of the tool."""

    declared: Object


@dataclass(frozen=True, slots=True, eq=False)
class Scoped:
    """The demand that the principal is of a scope, or (`bound` false) is not."""

    scope: Scope
    bound: bool


@dataclass(frozen=True, slots=True, eq=False)
class Either:
    parts: tuple[Demand, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Both:
    parts: tuple[Demand, ...]


Demand = On | Misfit | Scoped | Either | Both


class Ground:
    """`common` are the demands of every query, `own` those of the one that is open."""

    def __init__(self, meeting: Meeting, declared: Object | None, shape: Shape) -> None:
        self._meeting = meeting
        self._declared = OPEN if declared is None else declared
        self._shape = shape
        self.census = Census(shape)
        self.learnt: dict[str, dict[str, None]] = {}
        self.common: list[Demand] = []
        self.own: list[Demand] = []
        self._build()

    def _build(self) -> None:
        self.world = World(self._declared, self._shape, self._meeting.labels)
        terms = Terms(self.world, self._meeting.trackers)
        self.rails = Rails(self.world, terms, self._meeting.texts[:OFFERED])
        self._formulas: dict[Demand, Formula] = {}  # by identity, and kept alive by it
        self._begin()

    def restart(self) -> None:
        """Begin another question in the same world: nothing is common yet."""
        self.common = []
        self._begin()

    def _begin(self) -> None:
        self.solver = z3.Solver()
        self.solver.set("rlimit", EFFORT)
        self._axioms = self._under = self._settled = 0
        self._settle()

    def _settle(self) -> None:
        """Put what is common, and every axiom so far, under what queries add."""
        common = [self._formula(demand) for demand in self.common[self._settled :]]
        self._settled = len(self.common)
        self._add(common)
        self._under = self._axioms

    # --- queries ----------------------------------------------------------------------------------------------------

    def begin(self, *demands: Demand) -> None:
        """Open a query."""
        self.own = []
        self._settle()
        self.solver.push()
        self.require(*demands)
        self._add(self._lemmas())

    def end(self) -> None:
        """Close it: what was added since `begin` goes, axioms too."""
        self.solver.pop()
        self._axioms = self._under

    def always(self, demand: Demand) -> None:
        """A demand of this query that all later ones will have too."""
        self.common.append(demand)
        self.require(demand)

    def require(self, *demands: Demand) -> None:
        self.own += demands
        if self._grow(demands):
            self._build()
            self.solver.push()
            self._add([*(self._formula(demand) for demand in self.own), *self._lemmas()])
        else:
            self._add([self._formula(demand) for demand in demands])

    def doubt(self, nodes: Sequence[Node], model: Any) -> None:
        """Put a model aside without a reason that the solver could be given."""
        same = [
            conjunction(
                (
                    node.text == model.eval(node.text, model_completion=True),
                    node.number == model.eval(node.number, model_completion=True),
                )
            )
            for node in nodes
        ]
        self.solver.add(negation(conjunction(same)))

    def learn(self, node: Node, text: str) -> None:
        self.learnt.setdefault(node.name, {})[text] = None
        self._add([view.lemma(text) for view in self.world.views.made.values() if view.node is node])

    def _lemmas(self) -> list[Formula]:
        """What was learnt about texts in earlier queries."""
        views = self.world.views.made.values()
        return [view.lemma(text) for view in views for text in self.learnt.get(view.node.name, ())]

    def check(self) -> tuple[str, Any]:
        """`sat` with a model, `unsat`, `unknown`, or `inexact`: a call whose arithmetic needs more than 1,000 digits is
        not looked for, only not ruled out."""
        exact = self.rails.terms.inexact
        found = self.solver.check(*exact)
        if found == z3.unsat and exact:
            return ("unsat" if self.solver.check() == z3.unsat else "inexact"), None
        return str(found), self.solver.model() if found == z3.sat else None

    def check_offer(self, nodes: Sequence[tuple[Node, Any]]) -> tuple[str, Any]:
        """The same with nodes that hold these texts."""
        self.solver.push()
        self.solver.add(*(node.text == text for node, text in nodes))
        found = self.solver.check(*self.rails.terms.inexact)
        model = self.solver.model() if found == z3.sat else None
        self.solver.pop()
        return str(found), model

    def _add(self, formulas: Sequence[Formula]) -> None:
        axioms = self.world.axioms
        self.solver.add(*axioms[self._axioms :], *formulas)
        self._axioms = len(axioms)

    # --- demands as formulas ----------------------------------------------------------------------------------------

    def _grow(self, demands: Sequence[Demand]) -> bool:
        for demand in demands:
            self._count(demand)
        return self.census.settle()

    def _count(self, demand: Demand) -> None:
        match demand:
            case Either(parts) | Both(parts):
                for part in parts:
                    self._count(part)
            case Misfit():
                self.census.everywhere("misfit")
            case On(entry, mode):
                self.census.condition(entry.condition, mode in ("true", "untrue"), mode in ("true", "spared"))
                if entry.rule.signature is not None and mode in ("untrue", "spared"):
                    self.census.everywhere(f"signature {entry.rule.signature!r}")

    def _formula(self, demand: Demand) -> Formula:
        known = self._formulas.get(demand)
        if known is None:
            known = self._formulas[demand] = self._written(demand)
        return known

    def _written(self, demand: Demand) -> Formula:
        match demand:
            case Either(parts):
                return disjunction([self._formula(part) for part in parts])
            case Both(parts):
                return conjunction([self._formula(part) for part in parts])
            case Misfit(declared):
                return self.world.arguments.misfits(declared)
            case Scoped(scope, bound):
                binds = self.world.binds(scope)
                return binds if bound else negation(binds)
            case On():
                return self._on(demand)

    def _on(self, demand: On) -> Formula:
        rule = demand.entry.rule
        tool = demand.stand.tool
        denied = demand.mode in ("untrue", "spared")
        declared = None if tool is None else tool.parameters
        accepted = True if rule.signature is None else accepts(rule.signature, self.world.arguments, declared)
        applies = conjunction((self.world.binds(rule.scope), accepted))
        if applies is False:
            return denied
        true = demand.mode in ("true", "untrue")
        rail = self.rails.whole(demand.entry.condition_key, demand.entry.condition, true, demand.side)
        whole = conjunction((applies, rail if true else negation(rail)))
        return negation(whole) if denied else whole


# --- signatures -----------------------------------------------------------------------------------------------------


def accepts(signature: Signature, node: Node, declared: Object | None) -> Formula:
    """reference/applies.py: no other argument where it is closed, and each named one there and not open inside."""
    named = {one.name: one for one in signature.arguments}
    parts: list[Formula] = []
    if not signature.open:
        parts += [negation(member.there) for name, member in node.members.items() if name not in named]
    for name, one in named.items():
        member = node.member(name)
        given = conjunction((member.there, negation(member.kinds[JsonType.NULL])))
        if one.members is not None:
            inner = _accepts_members(one.members, member)
        elif declared is not None and name in declared.members and is_closed_throughout(declared.members[name].type):
            inner = True
        else:
            inner = negation(member.holds_object())
        parts.append(disjunction((conjunction((given, inner)), negation(given) if one.optional else False)))
    return conjunction(parts)


def _accepts_members(signature: Signature, node: Node) -> Formula:
    listed = conjunction(implication(one.there, _accepts_members(signature, one)) for one in node.elements)
    return conjunction(
        (
            implication(node.kinds[JsonType.OBJECT], accepts(signature, node, None)),
            implication(node.kinds[JsonType.LIST], listed),
        )
    )
