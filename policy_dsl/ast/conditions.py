"""Conditions: what comes to true, false or an error (strong Kleene), and the events of a session they ask about.

Nothing here evaluates; `reference/` says what each node means and `compile/` makes it fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Literal as OneOf

from .operands import Argument, Element, Operand, SetLiteral, SetName, ValueSet
from .source import NOWHERE, Duration, JsonType, Span
from .tools import GroupName, IntentName, ToolPattern

# --- tests of values ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How two texts are compared where it is written: `ignoring case` (Unicode case folding), `after nfkc`."""

    ignore_case: bool = False
    nfkc: bool = False


EXACT = TextOptions()


@dataclass(frozen=True, slots=True)
class And:
    items: tuple[Condition, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple[Condition, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not:
    item: Condition
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """`left op right`. `==` and `!=` need one JSON type on both sides (numbers are one type); order needs numbers."""

    op: OneOf["==", "!=", "<", "<=", ">", ">="]
    left: Operand
    right: Operand
    text: TextOptions = EXACT
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Member:
    """`operand in set`."""

    operand: Operand
    within: ValueSet
    text: TextOptions = EXACT
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Matches:
    """`operand matches /pattern/`: RE2 syntax, the whole value, linear time. `contains /pattern/` (`search`) asks for a
    match anywhere inside."""

    operand: Operand
    pattern: str
    search: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Holds:
    """`starts with`, `ends with`, `contains` on text; `contains` on a list asks for an equal element."""

    kind: OneOf["starts with", "ends with", "contains"]
    operand: Operand
    part: Operand
    text: TextOptions = EXACT
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Under:
    """`operand under "/root"` or `under { "/a", "/b" }`: an absolute, plain path inside one of the roots."""

    operand: Operand
    roots: SetLiteral | SetName
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Runs:
    """`runs one of {...}`: one simple shell command whose program is listed.
    `runs none of {...}`: simple commands joined by && and || only, none of which runs a listed program."""

    kind: OneOf["one of", "none of"]
    operand: Operand
    programs: SetLiteral | SetName
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class IsType:
    """`operand is text`: true or false for any present value; an integer is also a number."""

    operand: Operand
    type: JsonType
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Presence:
    """`has x`: there and not null. `missing x`: not there, or null. `absent x`: not there at all. Never an error."""

    kind: OneOf["has", "missing", "absent"]
    operand: Argument | Element
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Quantified:
    """`each of xs (...)`, `any of xs (...)`: a Kleene fold of `body` over the elements of a list.
    Over an empty list `each` is an error and `any` is false. `name` is what `body` calls the element."""

    kind: OneOf["each", "any"]
    source: Argument | Element
    name: str
    body: Condition
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FromUser:
    """`x from user`: the whole value, normalised and at least 4 characters long, stands in the user's own words."""

    operand: Operand
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RuleRef:
    """The name of another rule, standing for its condition, or of a `define` without parameters; acyclic."""

    rule: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Constant:
    """The condition of a rule that writes none: always true."""

    value: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MultipleOf:
    """`x is multiple of 0.01`: an exact multiple; `step` is a number above 0."""

    operand: Operand
    step: int | Decimal
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Like:
    """`x like "*.txt"`: the whole text, `*` for any run of characters, `?` for one; nothing else is special."""

    operand: Operand
    glob: str
    text: TextOptions = EXACT
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class HasRole:
    """`principal has role "admin"`. Never an error."""

    role: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class IfThen:
    """`if A then B else C`: `(not A or B) and (A or C)` in strong Kleene. Without `else`, C is true."""

    test: Condition
    then: Condition
    otherwise: Condition | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MacroUse:
    """`small(amount, 500)`: a `define` with its operands put in. A PolicySet has none left."""

    name: str
    operands: tuple[Operand, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TimeBetween:
    """`time between 22:00 and 06:00 in "Europe/Berlin"`, `time on { saturday, sunday } in "UTC"`, or both together.

    `start` and `end` are minutes of the day, start included and end not; a start after the end spans midnight, and its
    early hours count to the day before. `days` holds 0 (Monday) to 6; empty means every day. An error where no clock
    is known.
    """

    start: int | None
    end: int | None
    days: tuple[int, ...]
    zone: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TimeWithin:
    """From `start` on and before `end`, in microseconds since 1970 UTC: a rule's validity. Only in a PolicySet."""

    start: int | None
    end: int | None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


# --- the session ----------------------------------------------------------------------------------------------------


class EventKind(StrEnum):
    """What can have happened to an earlier call. `requested` and `refused` are calls that may never have run."""

    REQUESTED = "requested"
    REFUSED = "refused"
    RELEASED = "released"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Event:
    """`released send_money(amount > 100)`: earlier calls of a kind. In `condition` a bare name is that call's own
    argument, `call.x` the argument of the call being decided (in `past == call.x` only), `result.x` its answer."""

    kind: EventKind
    tools: tuple[ToolPattern | GroupName | IntentName, ...]
    condition: Condition | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Happened:
    """`after E`, `before E`, `just after E`, each perhaps `until E2` and `within 10 minutes`.

    `after`: E has happened in this run, no E2 since the last E, and the last E is no longer ago than `within`.
    `before` is its negation. `just after`: the last call that got E's kind of event was an E.
    A PolicySet has Seen in its place.
    """

    mode: OneOf["after", "before", "just after"]
    event: Event
    until: Event | None = None
    within: Duration | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """A resolved Happened in mode `after` or `just after` (`before` is Not of it). `keys` are this call's values for
    the tracker's keys; an error where the session's evidence is not enough to say."""

    tracker: int
    keys: tuple[Operand, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Label:
    """`secret`, `secret(hr)`: a label name and perhaps a compartment."""

    name: str
    compartment: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SessionHas:
    """`session has secret(hr)`: a result of this run carried that label, or one above it. `secret` alone means any
    compartment. `untrusted` is the label of every result that nothing trusts. Never an error."""

    label: Label
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SessionExceeds:
    """`session exceeds { internal, secret(hr) }`: a label of this run is not covered. (n, c) is covered by (m, d) where
    n is m or below it in `levels`, and c is none or d. `untrusted` is no secret and always covered. Never an error."""

    clearance: tuple[Label, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FromResults:
    """`x from results of get_contacts`: the whole value, normalised and at least 4 characters long, stands in an answer
    of those tools. Answers that a client only claims count where `trust claimed results of` says so."""

    operand: Operand
    tools: tuple[ToolPattern | GroupName, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class DerivedFrom:
    """`x derived from untrusted`, `derived from label secret`, `derived from results of T`: the value stands in such an
    answer, or holds a whole value of it. It may only tighten: `check` refuses it as the reason of a grant."""

    operand: Operand
    source: OneOf["untrusted"] | Label | tuple[ToolPattern | GroupName, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FromSource:
    """A resolved FromResults, or with `loosely` a DerivedFrom. `source` is a place in the PolicySet's `sources`."""

    operand: Operand
    source: int
    loosely: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Condition = (
    And
    | Or
    | Not
    | IfThen
    | Compare
    | Member
    | Matches
    | Like
    | Holds
    | Under
    | Runs
    | IsType
    | MultipleOf
    | Presence
    | Quantified
    | FromUser
    | FromResults
    | DerivedFrom
    | FromSource
    | HasRole
    | TimeBetween
    | TimeWithin
    | Happened
    | Seen
    | SessionHas
    | SessionExceeds
    | RuleRef
    | MacroUse
    | Constant
)
