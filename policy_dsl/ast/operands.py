"""Operands and sets: what yields a JSON value or an error, and what may stand to the right of `in`.

A *set* is values, a range, or a shape such as `mail at {...}`. Nothing here evaluates; `reference/` says what each node
means and `compile/` makes it fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal as OneOf

from .source import NOWHERE, Scalar, Span

# --- operands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal:
    """One value written in the policy: text, an exact number, true, false or null."""

    value: Scalar
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """`[1, 2]`: a JSON list written in the policy."""

    items: tuple[Literal, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of the call, or a value inside it: `amount`, `.to`, `filter.dates[0].from`.

    `path[0]` is the argument's name; later steps are member names (text) or 0-based list positions (int).
    """

    path: tuple[str | int, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Element:
    """The element a surrounding quantifier stands on: `name` is its `as` name, `it` where none is written."""

    name: str
    path: tuple[str | int, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LengthOf:
    """`length of x`: characters of text (code points), items of a list, members of an object."""

    operand: Operand
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Exact decimal `+`, `-`, `*`; a result that cannot be held exactly in 1,000 digits is an error."""

    op: OneOf["+", "-", "*"]
    left: Operand
    right: Operand
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NumberOf:
    """`number of x`: the exact number that a whole text spells (`-12.50`); other text is an error."""

    operand: Operand
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CounterValue:
    """`counter spent`, `counter paid[recipient]`: where a counter stands before this call.

    `keys` are this call's values for the counter's `by` operands, in their order. A PolicySet has Tally in its place.
    """

    counter: str
    keys: tuple[Operand, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Tally:
    """A resolved CounterValue: `tracker` is a place in the PolicySet's `trackers`."""

    tracker: int
    keys: tuple[Operand, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """`claim "department"`: a verified claim of the principal; an error (missing) where there is none."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PrincipalPart:
    """`principal user`: who acts, as text; an error (missing) where it is not known."""

    part: OneOf["tenant", "agent", "user"]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CallValue:
    """`call.path`, in the condition of an event only: an argument of the call being decided."""

    path: tuple[str | int, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ResultValue:
    """`result`, `result.id`: what the tool answered. In the condition of a `succeeded` event or a label only."""

    path: tuple[str | int, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Operand = (
    Literal
    | ListLiteral
    | Argument
    | Element
    | LengthOf
    | NumberOf
    | Arithmetic
    | CounterValue
    | Tally
    | Claim
    | PrincipalPart
    | CallValue
    | ResultValue
)

# --- sets -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SetLiteral:
    """`{ "a", "b", payees }`: values, and the names of other sets whose members it takes over."""

    items: tuple[Scalar, ...]
    names: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SetName:
    """A set defined elsewhere by `set name = ...`."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RangeSet:
    """`low .. high`, both ends included; either numbers or nothing."""

    low: int | Decimal
    high: int | Decimal
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MailSet:
    """`mail at {...}`: one bare ASCII address at a listed domain; `mail under {...}` takes sub-domains too."""

    domains: SetLiteral | SetName
    subdomains: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class WebSet:
    """`https at {...}`: an https URL on port 443 of a listed host; `https under {...}` takes sub-domains too."""

    hosts: SetLiteral | SetName
    subdomains: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


ValueSet = SetLiteral | SetName | RangeSet | MailSet | WebSet
