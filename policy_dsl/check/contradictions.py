"""Tests that cannot be true together: `x == "a" and x == "b"`, `amount < 1 and amount > 5`, an empty range.

Theory. The tests joined by `and` are gathered into what is known of each place: the values left, the values excluded,
the bounds, whether it is there. When nothing is left, the test just read is the contradiction. Each side of an `or` and
the body of a quantifier starts from what is known outside it. Nothing is known of two places together, so
`a < b and b < a` is not found. A test that is not understood here teaches nothing, so there are no false findings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from policy_dsl.ast import (
    EXACT,
    And,
    Argument,
    Compare,
    Condition,
    Constant,
    Element,
    Literal,
    Member,
    Not,
    Or,
    Presence,
    Quantified,
    RangeSet,
    Scalar,
    SetLiteral,
    Span,
)
from policy_dsl.errors import quoted
from policy_dsl.findings import Finding
from policy_dsl.types import same_scalar

from .places import Elements, Place, element_of, place_of, show
from .subjects import subjects
from .survey import Survey, finding, members_of, resolved

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_DENIED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


@dataclass(frozen=True, slots=True)
class Known:
    """What the tests so far leave of one place.

    `left` None means any value. A bound is a number and whether it is itself excluded.
    """

    left: tuple[Scalar, ...] | None = None
    without: tuple[Scalar, ...] = ()
    low: tuple[Decimal, bool] | None = None
    high: tuple[Decimal, bool] | None = None
    there: bool | None = None

    def is_empty(self) -> bool:
        if self.left is not None:
            return not any(self._fits(value) for value in self.left)
        if self.low is None or self.high is None:
            return False
        return self.low[0] > self.high[0] or (self.low[0] == self.high[0] and (self.low[1] or self.high[1]))

    def _fits(self, value: Scalar) -> bool:
        if any(same_scalar(value, other) for other in self.without):
            return False
        if self.low is None and self.high is None:
            return True
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return False
        above = self.low is None or value > self.low[0] or (value == self.low[0] and not self.low[1])
        below = self.high is None or value < self.high[0] or (value == self.high[0] and not self.high[1])
        return above and below


Facts = dict[Place, Known]


def never_matches(survey: Survey) -> Iterator[Finding]:
    for subject in subjects(survey):
        if subject.condition is not None:
            for span, message, help in _explore([(subject.condition, True)], {}, {}, survey):
                yield finding(subject.file, "never-matches", span, message, help)


def contradict(joined: list[Condition], survey: Survey) -> bool:
    """Whether conditions are seen never to be true together."""
    return any(True for _ in _explore([(condition, True) for condition in joined], {}, {}, survey))


_Found = Iterator[tuple[Span, str, str | None]]


def _explore(joined: list[tuple[Condition, bool]], facts: Facts, elements: Elements, survey: Survey) -> _Found:
    """What contradicts, in conditions that must hold together (each as written, or denied)."""
    facts = dict(facts)
    branching: list[tuple[Condition, bool]] = []
    for condition, positive in _flat(joined):
        if isinstance(condition, Constant):
            if condition.value is not positive:
                yield condition.span, "this is never true", "remove the rule, or the test"
            continue
        if isinstance(condition, And | Or | Quantified):
            branching.append((condition, positive))
            continue
        learnt = _learn(condition, positive, elements, survey)
        if learnt is None:
            continue
        place, taught = learnt
        before = facts.get(place, Known())
        after = _both(before, taught)
        if after.is_empty() or (before.there is not None and taught.there is (not before.there)):
            yield condition.span, *_said(place, taught)
            continue
        facts[place] = after
    for condition, positive in branching:
        if isinstance(condition, Quantified):
            if positive:
                inner = element_of(condition, elements)
                yield from _explore([(condition.body, True)], facts, inner, survey)
        elif isinstance(condition, And | Or):
            dead = [list(_explore([(item, positive)], facts, elements, survey)) for item in condition.items]
            # A dead alternative of an `or` was written for nothing. A denied `and` (`unless a and b`) is whole as long
            # as one of its tests can fail: that the others cannot is how an exception to the rest of the rule reads.
            if positive or all(dead):
                yield from (found for item in dead for found in item)


def _said(place: Place, taught: Known) -> tuple[str, str | None]:
    shown = quoted(show(place))
    if taught.is_empty():
        help = "give the set a member, or the range a low end that is not above its high end"
        return f"this is never true: no value of {shown} fits it", help
    return (
        f"this is never true together with the tests of {shown} before it",
        "join alternatives with `or`, or write them as one set: `in { ... }`",
    )


def _flat(joined: list[tuple[Condition, bool]]) -> Iterator[tuple[Condition, bool]]:
    """The conditions with `not` and the connective that means `and` taken away."""
    for condition, positive in joined:
        match condition:
            case Not(item):
                yield from _flat([(item, not positive)])
            case And(items) if positive:
                yield from _flat([(item, True) for item in items])
            case Or(items) if not positive:
                yield from _flat([(item, False) for item in items])
            case _:
                yield condition, positive


def _learn(condition: Condition, positive: bool, elements: Elements, survey: Survey) -> tuple[Place, Known] | None:
    """The place that a test speaks of, and what it says; None where it says nothing we can use."""
    match condition:
        case Compare(op, Argument() | Element() as operand, Literal(value), text) if text == EXACT:
            return _at(operand, elements, _compared(op if positive else _DENIED[op], value))
        case Compare(op, Literal(value), Argument() | Element() as operand, text) if text == EXACT:
            flipped = _FLIPPED[op]
            return _at(operand, elements, _compared(flipped if positive else _DENIED[flipped], value))
        case Member(Argument() | Element() as operand, within, text) if text == EXACT:
            literal = resolved(within, survey.sets)
            if isinstance(literal, SetLiteral):
                values = tuple(members_of(literal, survey.sets))
                return _at(operand, elements, Known(left=values) if positive else Known(without=values))
            if isinstance(literal, RangeSet) and positive:
                low, high = (Decimal(literal.low), False), (Decimal(literal.high), False)
                return _at(operand, elements, Known(low=low, high=high))
        case Presence(kind, operand):
            # `not absent x` says too little: x may be null, which `missing x` accepts.
            if kind == "absent" and not positive:
                return None
            return _at(operand, elements, Known(there=(kind == "has") is positive))
    return None


def _at(operand: Argument | Element, elements: Elements, known: Known | None) -> tuple[Place, Known] | None:
    place = place_of(operand, elements)
    return None if place is None or known is None else (place, known)


def _compared(op: str, value: Scalar) -> Known | None:
    if op == "==":
        return Known(left=(value,))
    if op == "!=":
        return Known(without=(value,))
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    bound = (Decimal(value), op in ("<", ">"))
    return Known(high=bound) if op in ("<", "<=") else Known(low=bound)


def _both(one: Known, other: Known) -> Known:
    left = one.left
    if other.left is not None:
        kept = other.left if left is None else tuple(v for v in left if any(same_scalar(v, o) for o in other.left))
        left = kept
    return replace(
        other,
        left=left,
        without=one.without + other.without,
        low=max((bound for bound in (one.low, other.low) if bound is not None), default=None),
        high=min((bound for bound in (one.high, other.high) if bound is not None), key=_strictest_high, default=None),
        there=one.there if other.there is None else other.there,
    )


def _strictest_high(bound: tuple[Decimal, bool]) -> tuple[Decimal, bool]:
    return bound[0], not bound[1]
