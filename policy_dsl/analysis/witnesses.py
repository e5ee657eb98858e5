"""How many elements of each list a query must speak of: one for each `is there an element` that it asks (tree.py).

A question inside `for every element` of another list would need an element for each of its elements, and so on in
turn: there the count is a guess, `exact` is false, and an unsatisfiable query is no proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..ast import (
    And,
    Argument,
    Condition,
    Element,
    Holds,
    IfThen,
    Not,
    Or,
    Quantified,
)
from .shapes import Shape

GUESS = 3
"""Elements for a question whose number of askings is not known."""


@dataclass(frozen=True, slots=True)
class _Around:
    """The quantifiers around a condition: the elements by name, each with those it hangs on, and which speak of all.

    Quantifiers are told apart by their depth, because an inner one may take the name of an outer one.
    """

    elements: Mapping[str, tuple[Shape, frozenset[int]]]
    of_all: frozenset[int]
    trail: str

    def ancestors(self, source: Argument | Element) -> frozenset[int]:
        if isinstance(source, Element) and source.name in self.elements:
            return self.elements[source.name][1]
        return frozenset()


_NOTHING = _Around({}, frozenset(), "")


@dataclass(slots=True)
class Census:
    """Questions per list, told apart by what they ask. `settle` writes the counts into the shapes and says whether one
    has grown, so that a tree made before is too small."""

    root: Shape
    exact: bool = True
    _asked: dict[int, tuple[Shape, dict[str, int]]] = field(default_factory=dict)

    def settle(self) -> bool:
        grown = False
        for shape, asked in self._asked.values():
            wanted = max(1, sum(asked.values()))
            if wanted > shape.witnesses:
                shape.witnesses = wanted
                grown = True
        return grown

    def everywhere(self, key: str) -> None:
        """A question about any list at any depth: whether there is an object in it, or what does not fit a type."""
        waiting = [self.root]
        while waiting:
            shape = waiting.pop()
            if shape.element is not None:
                self._ask(shape, key, 1)
                waiting.append(shape.element)
            waiting.extend(shape.names.values())

    def condition(self, node: Condition, rail: bool, positive: bool, around: _Around = _NOTHING) -> None:
        """The questions of the demand that a rail of a condition holds (`positive`), or that it does not."""
        match node:
            case And(items) | Or(items):
                for item in items:
                    self.condition(item, rail, positive, around)
            case Not(item):
                self.condition(item, not rail, positive, around)
            case IfThen(test, then, otherwise):
                for branch, on in ((test, True), (test, False), (then, rail), (otherwise, rail)):
                    if branch is not None:
                        self.condition(branch, on, positive, around)
            case Quantified():
                self._quantified(node, rail, positive, around)
            case Holds("contains", Argument() | Element() as operand) if rail is positive:
                self._question(operand, f"{node!r} {rail}", around)

    def _quantified(self, node: Quantified, rail: bool, positive: bool, around: _Around) -> None:
        of_all = ((node.kind == "each") is rail) is positive
        key = f"{node!r} {rail}"
        if not of_all:
            self._question(node.source, key, around)
        shape = self._shape(node.source, around)
        if shape is None:
            return
        depth = len(around.trail.split("\n"))
        hangs_on = around.ancestors(node.source) | {depth}
        inner = _Around(
            {**around.elements, node.name: (shape.elements(), hangs_on)},
            around.of_all | {depth} if of_all else around.of_all,
            f"{around.trail}\n{key}",
        )
        self.condition(node.body, rail, positive, inner)

    def _question(self, source: Argument | Element, key: str, around: _Around) -> None:
        shape = self._shape(source, around)
        if shape is None:
            return
        alone = around.of_all <= around.ancestors(source)
        self.exact = self.exact and alone
        self._ask(shape, f"{around.trail}\n{key}", 1 if alone else GUESS)

    def _ask(self, shape: Shape, key: str, times: int) -> None:
        self._asked.setdefault(id(shape), (shape, {}))[1][key] = times

    def _shape(self, source: Argument | Element, around: _Around) -> Shape | None:
        if isinstance(source, Argument):
            found = self.root
        elif source.name in around.elements:
            found = around.elements[source.name][0]
        else:
            return None
        for step in source.path:
            found = found.step(step)
        return found
