"""Which places of a call two policies look at: a tree of names, list elements and list positions.

It is gathered before anything is encoded, because a closed signature speaks of every name there is: those that a
policy or a schema mentions, and one more that stands for all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..ast import (
    And,
    Argument,
    Arithmetic,
    Claim,
    Compare,
    Condition,
    Element,
    Holds,
    IfThen,
    LengthOf,
    ListLiteral,
    Member,
    Not,
    NumberOf,
    Operand,
    Or,
    Quantified,
    Seen,
    Signature,
    Tally,
)
from ..types import ListOf, Object, Type, Union


@dataclass(slots=True, eq=False)
class Shape:
    """What is mentioned below one place. `closed` tells that a signature speaks of every member there is.
    `witnesses` is how many elements of a list there a query needs to speak of."""

    names: dict[str, Shape] = field(default_factory=dict)
    positions: set[int] = field(default_factory=set)
    element: Shape | None = None
    witnesses: int = 1
    closed: bool = False

    def name(self, step: str) -> Shape:
        return self.names.setdefault(step, Shape())

    def position(self, step: int) -> Shape:
        """All elements of a list have one shape, because what a quantifier asks is asked of each."""
        self.positions.add(step)
        return self.elements()

    def elements(self) -> Shape:
        if self.element is None:
            self.element = Shape()
        return self.element

    def step(self, step: str | int) -> Shape:
        return self.name(step) if isinstance(step, str) else self.position(step)

    def add_type(self, declared: Type) -> None:
        match declared:
            case Object(members):
                for name, member in members.items():
                    self.name(name).add_type(member.type)
            case ListOf(item):
                self.elements().add_type(item)
            case Union(options):
                for option in options:
                    self.add_type(option)

    def add_signature(self, signature: Signature) -> None:
        self.closed = True
        for named in signature.arguments:
            inner = self.name(named.name)
            if named.members is not None:
                inner.add_signature(named.members)
                inner.elements().add_signature(named.members)

    def add_condition(self, condition: Condition | None, around: Mapping[str, Shape] | None = None) -> None:
        around = around or {}
        match condition:
            case And(items) | Or(items):
                for item in items:
                    self.add_condition(item, around)
            case Not(item):
                self.add_condition(item, around)
            case IfThen(test, then, otherwise):
                for branch in (test, then, otherwise):
                    self.add_condition(branch, around)
            case Quantified(source=source, name=name, body=body):
                listed = self._place(source, around)
                if listed is not None:
                    self.add_condition(body, {**around, name: listed.elements()})
            case Compare(left=left, right=right):
                self._compared(left, right, around)
            case Holds(kind=kind, operand=operand, part=part):
                self.add_operands((operand, part), around)
                listed = self._place(operand, around)
                if listed is not None and kind == "contains":
                    listed.elements()
            case Member(operand=operand):
                self.add_operands((operand,), around)
            case Seen(keys=keys):
                self.add_operands(keys, around)
            case None:
                return
            case _:
                read = getattr(condition, "operand", None)
                if read is not None:
                    self.add_operands((read,), around)

    def add_operands(self, operands: Iterable[Operand], around: Mapping[str, Shape]) -> None:
        for operand in operands:
            match operand:
                case Argument() | Element() | Claim():
                    self._place(operand, around)
                case LengthOf(inner) | NumberOf(inner):
                    self.add_operands((inner,), around)
                case Arithmetic(left=left, right=right):
                    self.add_operands((left, right), around)
                case Tally(keys=keys):
                    self.add_operands(keys, around)

    def _compared(self, left: Operand, right: Operand, around: Mapping[str, Shape]) -> None:
        self.add_operands((left, right), around)
        for one, other in ((left, right), (right, left)):
            if isinstance(other, ListLiteral) and (listed := self._place(one, around)) is not None:
                for index in range(len(other.items)):
                    listed.position(index)

    def _place(self, operand: Operand, around: Mapping[str, Shape]) -> Shape | None:
        match operand:
            case Argument(path):
                found, steps = self, path
            case Element(name, path) if name in around:
                found, steps = around[name], path
            case _:
                return None
        for step in steps:
            found = found.step(step)
        return found
