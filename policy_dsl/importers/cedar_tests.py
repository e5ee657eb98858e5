"""One test of Cedar as one test here: comparisons, `has`, `like`, `contains` and the rest, and what keeps each from an
error in Cedar."""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..ast import (
    Argument,
    Claim,
    Compare,
    Condition,
    HasRole,
    IsType,
    JsonType,
    Like,
    ListLiteral,
    Literal,
    Matches,
    Not,
    Operand,
    Presence,
    PrincipalPart,
    Quantified,
    Scalar,
)
from ..ast import Element as ListElement
from ..errors import quoted
from .cedar_reading import Constraint, Expr, unescaped
from .cedar_terms import Terms
from .refusal import ImportRefused
from .typed import FALSE, TRUE, all_of, any_of, denied, listed


@dataclass(frozen=True, slots=True)
class CedarTests:
    """`grants`: no condition may be true where Cedar's errs."""

    terms: Terms
    grants: bool

    def leaf(self, expr: Expr, *, denies: bool) -> Condition:
        condition = self.test(expr)
        if not denies:
            return condition
        if self.grants and expr.kind == "has" and (around := self.around(expr)) is not None:
            return all_of([IsType(around, JsonType.OBJECT), denied(condition)])
        if _compares_two(condition):
            return all_of([denied(condition), *_scalar(condition)])
        return denied(condition)

    def test(self, expr: Expr) -> Condition:
        match expr.kind, expr.parts:
            case "literal", _ if isinstance(expr.value, bool):
                return TRUE if expr.value else FALSE
            case (("attribute" | "index" | "call"), _) if expr.kind != "call" or expr.words[0] == "getTag":
                return Compare("==", self.terms.operand(expr), Literal(True))
            case "compare", (left, right):
                return self.compare(expr, left, right)
            case "has", (target,):
                return self.has(expr, target)
            case "like", (target,):
                return self.like(expr, target)
            case "is_entity", (target,) if target.kind == "principal_variable":
                return self.is_of(expr.words[0], expr)
            case "call", (target, *arguments):
                return self.call(expr, target, tuple(arguments))
        raise self.terms.refused(expr.span, f"{self.terms.shown(expr)} is no condition that can be said here")

    def compare(self, expr: Expr, left: Expr, right: Expr) -> Condition:
        sign = expr.words[0]
        if left.kind == "principal_variable" or right.kind == "principal_variable":
            return self.of_principal(expr, sign, right if left.kind == "principal_variable" else left)
        if sign == "in" or {left.kind, right.kind} & {"action_variable", "resource_variable", "entity"}:
            raise self.terms.refused(
                expr.span, f"{self.terms.shown(expr)} cannot be said", "actions and resources stand in the scope"
            )
        if {left.kind, right.kind} & {"set", "record"}:
            raise self.terms.refused(expr.span, "a whole set or record to be equal to cannot be said", "use `contains`")
        one, other = self.terms.operand(left), self.terms.operand(right)
        if sign == "!=":
            return (
                denied(Compare("==", one, other))
                if _is_written(one) or _is_written(other)
                else all_of([Compare("!=", one, other), *_scalar(Compare("==", one, other))])
            )
        condition: Condition = Compare(sign, one, other)  # type: ignore[arg-type]  # the grammar's signs are ours
        if sign == "==" and not self.grants and _compares_two(condition):
            return any_of([condition, *(denied(scalar) for scalar in _scalar(condition))])
        return condition

    def of_principal(self, expr: Expr, sign: str, other: Expr) -> Condition:
        entity = self.terms.entity(other)
        part = self.terms.part(entity.type, entity.span)
        if sign == "in" and part == "role":
            return HasRole(entity.id)
        if sign not in ("==", "!=", "in") or part == "role":
            raise self.terms.refused(expr.span, f"{self.terms.shown(expr)} cannot be said")
        return Compare("!=" if sign == "!=" else "==", PrincipalPart(part), Literal(entity.id))

    def has(self, expr: Expr, target: Expr) -> Condition:
        if target.kind == "principal_variable":
            raise self.lone_tag(expr)
        if self.is_envelope(expr):
            return TRUE
        return Presence("has", Argument((*self.within(target), *expr.words)))

    def is_envelope(self, expr: Expr) -> bool:
        """Whether a `has` asks for what carries the arguments, which every call has."""
        return ".".join([self.terms.shown(expr.parts[0], quote=False), *expr.words]) == self.terms.root

    def within(self, target: Expr) -> tuple[str | int, ...]:
        """The path of what a `has` looks into; empty for the arguments themselves."""
        if self.terms.is_root(target):
            return ()
        place = self.terms.place(target)
        if not isinstance(place, Argument):
            raise self.terms.refused(target.span, f"{self.terms.shown(target)} has no members here")
        return place.path

    def around(self, expr: Expr) -> Argument | None:
        """What must be an object for a `has` not to err; None where it is the arguments themselves."""
        if self.is_envelope(expr):
            return None
        path = (*self.within(expr.parts[0]), *expr.words[:-1])
        return Argument(path) if path else None

    def like(self, expr: Expr, target: Expr) -> Condition:
        try:
            characters = unescaped(expr.words[0][1:-1], star=True)
        except ValueError as error:
            raise self.terms.refused(expr.span, f"{quoted(str(error))} is no escape of Cedar") from error
        operand = self.terms.operand(target)
        if "*" in characters or "?" in characters:  # not special there, special here
            return Matches(operand, "".join(_plainly(one) if one else "(?s:.*)" for one in characters))
        return Like(operand, "".join(one or "*" for one in characters))

    def call(self, expr: Expr, target: Expr, arguments: tuple[Expr, ...]) -> Condition:
        method = expr.words[0]
        if method in _DECIMAL and len(arguments) == 1:
            return Compare(_DECIMAL[method], self.terms.operand(target), self.terms.operand(arguments[0]))  # type: ignore[arg-type]  # a sign
        if method == "hasTag":
            raise self.lone_tag(expr)
        if method == "isEmpty" and not arguments and target.kind != "set":
            return Compare("==", self.terms.operand(target), ListLiteral(()))
        if method in ("contains", "containsAny", "containsAll") and len(arguments) == 1:
            return self.contains(expr, method, target, arguments[0])
        raise self.terms.refused(expr.span, f"`{method}` cannot be said here")

    def contains(self, expr: Expr, method: str, target: Expr, argument: Expr) -> Condition:
        element = ListElement("it")
        if target.kind == "set" and method == "contains":
            return self.one_of(self.terms.operand(argument), self.values(target), expr)
        if method == "contains":
            place = self.list_at(target)
            return Quantified("any", place, "it", Compare("==", element, self.terms.operand(argument)))
        written, other = (target, argument) if target.kind == "set" else (argument, target)
        values, place = self.values(written), self.list_at(other)
        if method == "containsAny":
            return Quantified("any", place, "it", self.one_of(element, values, expr))
        if target.kind == "set":
            each = Quantified("each", place, "it", self.one_of(element, values, expr))
            return any_of([Compare("==", place, ListLiteral(())), each])
        if not values:
            return IsType(place, JsonType.LIST)
        return all_of(Quantified("any", place, "it", Compare("==", element, Literal(value))) for value in values)

    def one_of(self, operand: Operand, values: list[Scalar], expr: Expr) -> Condition:
        if not values:
            raise self.terms.refused(expr.span, "an empty set contains nothing", "write `false`")
        return listed(operand, values)

    def values(self, written: Expr) -> list[Scalar]:
        found = [self.terms.written(part) for part in written.parts] if written.kind == "set" else [None]
        if any(value is None for value in found):
            raise self.terms.refused(written.span, f"{self.terms.shown(written)} is no set of written values")
        return list(dict.fromkeys(found))

    def list_at(self, expr: Expr) -> Argument:
        place = self.terms.place(expr)
        if not isinstance(place, Argument):
            raise self.terms.refused(expr.span, f"{self.terms.shown(expr)}: a claim is no set here")
        return place

    def lone_tag(self, expr: Expr) -> ImportRefused:
        return self.terms.refused(
            expr.span,
            "no condition asks whether a claim is there",
            "beside `&&` and a test of the same claim it says nothing more, and is left out",
        )

    def leaf_defined(self, expr: Expr, known: frozenset[str]) -> Condition:
        """What keeps one test from an error in Cedar."""
        if expr.kind == "has":
            around = None if expr.parts[0].kind == "principal_variable" else self.around(expr)
            return TRUE if around is None else IsType(around, JsonType.OBJECT)
        if expr.kind in ("literal", "is_entity") or (expr.kind == "call" and expr.words[0] == "hasTag"):
            return TRUE
        wanted = _ASKS.get(expr.words[0] if expr.kind in ("compare", "call") else expr.kind)
        conditions: list[Condition] = []
        for index, part in enumerate(expr.parts if expr.kind in ("compare", "like", "call") else (expr,)):
            if part.kind in ("attribute", "index") or (part.kind == "call" and part.words[0] == "getTag"):
                operand = self.terms.place(part)
                kind = wanted if index == 0 or expr.kind == "compare" else None
                kind = JsonType.BOOLEAN if part is expr else kind
                conditions.append(self.operand_defined(operand, kind, self.terms.shown(part, quote=False) in known))
        return all_of(conditions)

    def operand_defined(
        self, operand: Argument | Claim | PrincipalPart, kind: JsonType | None, is_there: bool
    ) -> Condition:
        if isinstance(operand, PrincipalPart):
            return TRUE
        if kind is not None:
            return IsType(operand, kind)
        if is_there:
            return TRUE
        return Presence("has", operand) if isinstance(operand, Argument) else Compare("==", operand, operand)

    def is_of(self, type: str, at: Constraint | Expr) -> Condition:
        part = self.terms.part(type, at.span)
        if part == "role":
            raise self.terms.refused(at.span, f"no principal is a {quoted(type)} here")
        return Compare("!=", PrincipalPart(part), Literal(""))


_DECIMAL: Final = {
    "lessThan": "<",
    "lessThanOrEqual": "<=",
    "greaterThan": ">",
    "greaterThanOrEqual": ">=",
}

_ASKS: Final[dict[str, JsonType]] = {
    **dict.fromkeys(["<", "<=", ">", ">=", *_DECIMAL], JsonType.NUMBER),
    "like": JsonType.TEXT,
    **dict.fromkeys(["contains", "containsAny", "containsAll", "isEmpty"], JsonType.LIST),
}
"""The type that an operand must have for a test not to err in Cedar; for methods, the one before the dot."""


def _plainly(character: str) -> str:
    """A character in a pattern that stands for itself."""
    if character.isprintable():
        return f"\\{character}" if character in string.punctuation.replace("_", "") else character
    return rf"\x{{{ord(character):x}}}"


def _is_written(operand: Operand) -> bool:
    return isinstance(operand, Literal)


def _compares_two(condition: Condition) -> bool:
    """Whether it is an equality of two values of the request: lists are sets in Cedar, and have an order here."""
    return (
        isinstance(condition, Compare)
        and condition.op in ("==", "!=")
        and isinstance(condition.left, Argument | Claim)
        and isinstance(condition.right, Argument | Claim)
    )


def _scalar(condition: Condition) -> Iterator[Condition]:
    assert isinstance(condition, Compare)  # see _compares_two
    for kind in (JsonType.LIST, JsonType.OBJECT):
        yield Not(IsType(condition.left, kind))
