"""What a condition needs so that it cannot be an error: the types of plain arguments, where that is all it takes."""

from __future__ import annotations

from typing import Literal as OneOf

from ..ast import (
    And,
    Argument,
    Compare,
    Condition,
    Constant,
    Holds,
    Literal,
    MailSet,
    Matches,
    Member,
    Not,
    Or,
    Presence,
    RangeSet,
    Runs,
    Under,
    ValueSet,
    WebSet,
)
from ..values.number import is_number
from .sets import Sets

Need = tuple[OneOf["text", "number"], str]
"""The JSON type that an argument must have, and its name."""


def needs(condition: Condition, sets: Sets) -> frozenset[Need] | None:
    """With these met the condition is true or false, never an error; None where more than that would be needed."""
    match condition:
        case And(items) | Or(items):
            parts = [needs(item, sets) for item in items]
            met = [part for part in parts if part is not None]
            return frozenset().union(*met) if len(met) == len(parts) else None
        case Not(item):
            return needs(item, sets)
        case Constant() | Presence():
            return frozenset()
        case Compare(op, Argument((str(name),)), Literal(value)) | Compare(op, Literal(value), Argument((str(name),))):
            if type(value) is str and op in ("==", "!="):
                return frozenset({("text", name)})
            return frozenset({("number", name)}) if is_number(value) else None
        case Member(Argument((str(name),)), within):
            kind = _kind(within, sets)
            return frozenset({(kind, name)}) if kind is not None else None
        case Matches(Argument((str(name),))) | Under(Argument((str(name),))) | Runs(_, Argument((str(name),))):
            return frozenset({("text", name)})
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
