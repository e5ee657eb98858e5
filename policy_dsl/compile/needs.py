"""What a condition needs so that it cannot be an error: the types of plain arguments and a clock, where that is all."""

from __future__ import annotations

from typing import Literal as OneOf

from ..ast import (
    And,
    Argument,
    Compare,
    Condition,
    Constant,
    HasRole,
    Holds,
    IfThen,
    Like,
    Literal,
    MailSet,
    Matches,
    Member,
    MultipleOf,
    Not,
    Or,
    Presence,
    RangeSet,
    Runs,
    SessionExceeds,
    SessionHas,
    TimeBetween,
    TimeWithin,
    Under,
    ValueSet,
    WebSet,
)
from ..values.number import is_number
from .sets import Sets

Need = tuple[OneOf["text", "number", "clock"], str]
"""The JSON type that an argument must have, and its name; or that the time must be known, which has none."""


def needs(condition: Condition, sets: Sets) -> frozenset[Need] | None:
    """With these met the condition is true or false, never an error; None where more than that would be needed."""
    match condition:
        case And(items) | Or(items):
            parts = [needs(item, sets) for item in items]
            met = [part for part in parts if part is not None]
            return frozenset().union(*met) if len(met) == len(parts) else None
        case Not(item):
            return needs(item, sets)
        case IfThen(test, then, otherwise):
            return needs(And(tuple(part for part in (test, then, otherwise) if part is not None)), sets)
        case Constant() | Presence() | HasRole() | SessionHas() | SessionExceeds():
            return frozenset()
        case TimeBetween() | TimeWithin():
            return frozenset({("clock", "")})
        case Compare(op, Argument((str(name),)), Literal(value)) | Compare(op, Literal(value), Argument((str(name),))):
            if type(value) is str and op in ("==", "!="):
                return frozenset({("text", name)})
            return frozenset({("number", name)}) if is_number(value) else None
        case Member(Argument((str(name),)), within):
            kind = _kind(within, sets)
            return frozenset({(kind, name)}) if kind is not None else None
        case Matches(Argument((str(name),))) | Under(Argument((str(name),))) | Runs(_, Argument((str(name),))):
            return frozenset({("text", name)})
        case Like(Argument((str(name),))):
            return frozenset({("text", name)})
        case MultipleOf(Argument((str(name),))):
            return frozenset({("number", name)})
        case Holds("starts with" | "ends with", Argument((str(name),)), Literal(str())):
            return frozenset({("text", name)})
    return None


def _kind(within: ValueSet, sets: Sets) -> OneOf["text", "number"] | None:
    """A type with which a value is plainly in the set or not; a set of several types takes each of them."""
    match sets.resolve(within):
        case RangeSet():
            return "number"
        case MailSet() | WebSet():
            return "text"
        case resolved:
            grouped = sets.grouped(resolved)
            return "text" if grouped.texts else "number" if grouped.numbers else None
