"""Arguments replaced by operands, in a whole condition: a macro's parameters, an intent's fields.

A presence test needs a place and an operand is not always one, so the tests are rewritten: a written value is there, a
computed one is there where all that it reads is. What is known never to be there makes `has` false, `missing` and
`absent` true; `and`, `or`, `not` and `if` around a test whose answer is known are taken away. Any other test of it is
refused, unless what stands around already decides: `missing deadline or deadline < 5` is true.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from enum import Enum
from typing import Any, ClassVar, cast

from ..ast import (
    And,
    Argument,
    CallValue,
    Condition,
    Constant,
    Element,
    Happened,
    IfThen,
    ListLiteral,
    Literal,
    Not,
    Operand,
    Or,
    PolicyFile,
    Presence,
    Quantified,
    Span,
)
from ..errors import BundleError
from ..types import path_name
from .bounds import MAX_DEPTH, MAX_NODES
from .faults import fault
from .tree import depth, inside, with_parts


class Absence(Enum):
    """What an argument can stand for besides an operand: nothing, in any call."""

    NEVER_THERE = "never there"


class _NotThere(Exception):
    """A test of what is never there; it is a fault only where the tests around do not decide without it."""

    def __init__(self, error: BundleError) -> None:
        self.error = error


class Substitution(ABC):
    """`spent` is how many nodes longer the conditions have become. `place_help` is what to do where a value stands in
    for an argument that has to be a place in the call."""

    place_help: ClassVar[str]

    def __init__(self, file: PolicyFile) -> None:
        self.file = file
        self.spent = 0

    @abstractmethod
    def stands_for(self, name: str, span: Span) -> Operand | Absence | None:
        """What an argument of this name stands for; None where it is none of those replaced."""

    @abstractmethod
    def never_there(self, name: str, span: Span) -> BundleError:
        """The fault of testing what is never there."""

    def applied(self, condition: Condition) -> Condition:
        try:
            found = self._condition(condition)
        except _NotThere as reason:
            raise reason.error from None
        if self.spent and depth(found) > 4 * MAX_DEPTH:
            raise fault(
                self.file, condition.span, f"the condition nests deeper than {4 * MAX_DEPTH}, written out", "too-deep"
            )
        return found

    def operand(self, node: Operand) -> Operand:
        try:
            return cast(Operand, self._operand(node))
        except _NotThere as reason:
            raise reason.error from None

    # --- conditions -------------------------------------------------------------------------------------------------

    def _condition(self, node: Condition) -> Condition:
        match node:
            case And():
                return self._joined(node, False)
            case Or():
                return self._joined(node, True)
            case Not(item=item):
                inner = self._condition(item)
                return (
                    Constant(not inner.value, node.span) if isinstance(inner, Constant) else replace(node, item=inner)
                )
            case IfThen():
                return self._if_then(node)
            case Presence():
                return self._presence(node)
            case Quantified():
                return self._quantified(node)
            case Happened():
                return with_parts(node, self._of_event)
            case _:
                return with_parts(node, self._operand)

    def _joined(self, node: And | Or, decides: bool) -> Condition:
        """`decides` is the answer of one item that is the answer of all."""
        items: list[Condition] = []
        refused: _NotThere | None = None
        for item in node.items:
            try:
                inner = self._condition(item)
            except _NotThere as reason:
                refused = refused or reason
                continue
            if isinstance(inner, Constant):
                if inner.value is decides:
                    return Constant(decides, node.span)
            else:
                items.append(inner)
        if refused is not None:
            raise refused
        if not items:
            return Constant(not decides, node.span)
        return items[0] if len(items) == 1 else replace(node, items=tuple(items))

    def _if_then(self, node: IfThen) -> Condition:
        test = self._condition(node.test)
        if isinstance(test, Constant):
            if test.value:
                return self._condition(node.then)
            return Constant(True, node.span) if node.otherwise is None else self._condition(node.otherwise)
        otherwise = None if node.otherwise is None else self._condition(node.otherwise)
        return replace(node, test=test, then=self._condition(node.then), otherwise=otherwise)

    def _presence(self, node: Presence) -> Condition:
        there = node.kind == "has"
        try:
            operand = self._operand(node.operand)
        except _NotThere:
            return Constant(not there, node.span)
        match operand:
            case Argument() | Element():
                return replace(node, operand=operand)
            case Literal(value=value):
                return Constant({"has": value is not None, "missing": value is None}.get(node.kind, False), node.span)
            case ListLiteral():
                return Constant(there, node.span)
        read = tuple(dict.fromkeys(part for part in inside(operand) if isinstance(part, Argument | Element)))
        if not read:
            raise self._no_place(node, "presence is asked of an argument")
        tests = tuple(replace(node, operand=part) for part in read)
        if len(tests) == 1:
            return tests[0]
        return And(tests, node.span) if there else Or(tests, node.span)

    def _quantified(self, node: Quantified) -> Condition:
        source = self._operand(node.source)
        if not isinstance(source, Argument | Element):
            raise self._no_place(node, f"`{node.kind} of` walks a list of the call")
        return replace(node, source=source, body=self._condition(node.body))

    def _of_event(self, node: Any) -> Any:
        """An event's bare names are an earlier call's; only `call.x` is of the call being decided."""
        if isinstance(node, CallValue):
            return _of_call(self._operand(Argument(node.path, node.span)))
        return with_parts(node, self._of_event)

    # --- operands ---------------------------------------------------------------------------------------------------

    def _operand(self, node: Any) -> Any:
        return self._put(node) if isinstance(node, Argument) else with_parts(node, self._operand)

    def _put(self, node: Argument) -> Operand:
        name, rest = str(node.path[0]), node.path[1:]
        found = self.stands_for(name, node.span)
        if found is None:
            return node
        if isinstance(found, Absence):
            raise _NotThere(self.never_there(name, node.span))
        self._spend(found, node.span)
        if not rest:
            return found
        if not isinstance(found, Argument | Element):
            raise self._no_place(node, f"`{path_name(name)}` stands for one value, which has nothing inside")
        return replace(found, path=found.path + rest)

    def _spend(self, operand: Operand, span: Span) -> None:
        if isinstance(operand, Literal | Argument | Element):
            return
        self.spent += sum(1 for _ in inside(operand))
        if self.spent > MAX_NODES:
            raise fault(self.file, span, f"the condition has more than {MAX_NODES} tests, written out", "too-long")

    def _no_place(self, node: Any, message: str) -> BundleError:
        return fault(self.file, node.span, message, "no-place", self.place_help)


def _of_call(node: Any) -> Any:
    return CallValue(node.path, node.span) if isinstance(node, Argument) else with_parts(node, _of_call)
