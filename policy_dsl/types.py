"""What values a tool's argument may hold: a small tree of types, and whether a JSON value fits one.

A type is read from JSON Schema by `json_schema.py`. It keeps what decides about the shape of a call (which members
there are, which are required, whether more are allowed, which values an enum lists) and drops the rest (lengths,
patterns, formats). What the strict JSON parser cannot produce (a Python float) fits no number.

Every function here is total on JSON values. Types are finite trees: a schema that refers to itself ends in `Anything`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from .ast import JsonType, Scalar
from .spelling import scalar


@dataclass(frozen=True, slots=True)
class Anything:
    """Any JSON value. `because` says why no more is known: None where the schema itself allows everything."""

    because: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """Any text."""


@dataclass(frozen=True, slots=True)
class Number:
    """Any number."""


@dataclass(frozen=True, slots=True)
class Integer:
    """A number whose fraction is zero, so 3.0 too (JSON Schema 2020-12 Validation, section 6.1.1)."""


@dataclass(frozen=True, slots=True)
class Boolean:
    """true or false, which are never numbers."""


@dataclass(frozen=True, slots=True)
class Null:
    """null."""


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Exactly one of these scalars, in the order of the schema's `enum`."""

    values: tuple[Scalar, ...]

    # Equality as JSON has it: to Python, True is 1.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Values) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[tuple[JsonType | None, Scalar], ...]:
        return tuple((json_kind(value), value) for value in self.values)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list, every element of one type."""

    item: Type


@dataclass(frozen=True, slots=True)
class Member:
    """What an object holds under one name."""

    type: Type
    required: bool


@dataclass(frozen=True, slots=True)
class Object:
    """An object with these members, in the schema's order.

    `closed`: no other member is allowed. Otherwise every other member is of type `rest`. `free`: the schema itself
    invites members it does not name (it names none, or writes `additionalProperties`); a schema that is merely not
    closed accepts them too, but a policy that names one has most likely misspelt it.
    """

    members: Mapping[str, Member] = field(hash=False)
    closed: bool
    rest: Type = field(default_factory=Anything)
    free: bool = False


@dataclass(frozen=True, slots=True)
class Union:
    """A value of any of these types; no option is itself a Union. Without options nothing fits."""

    options: tuple[Type, ...]


Type = Anything | Text | Number | Integer | Boolean | Null | Values | ListOf | Object | Union

ANYTHING = Anything()
NOTHING = Union(())
NULL = Null()


def json_kind(value: object) -> JsonType | None:
    """The JSON type of a value; None for what is no JSON value of ours (a float, a tuple). Never INTEGER."""
    return _KINDS.get(type(value))


_KINDS: dict[type, JsonType] = {
    str: JsonType.TEXT,
    bool: JsonType.BOOLEAN,
    int: JsonType.NUMBER,
    Decimal: JsonType.NUMBER,
    type(None): JsonType.NULL,
    list: JsonType.LIST,
    dict: JsonType.OBJECT,
}


def conforms(value: object, declared: Type) -> str | None:
    """None where `value` fits, else the dotted path of the first misfit in the schema's order: `recipients[0]`.

    A missing required member and a member too many are misfits at their own path; `.` is the whole value.
    """
    misfit = _misfit(value, declared)
    return None if misfit is None else (misfit.removeprefix(".") or ".")


def _misfit(value: object, declared: Type) -> str | None:
    """As `conforms`, but the path starts with `.` or `[`, or is empty for the value itself."""
    match declared:
        case Anything():
            return None
        case Text():
            return None if type(value) is str else ""
        case Number():
            return None if json_kind(value) is JsonType.NUMBER else ""
        case Integer():
            return None if _is_integer(value) else ""
        case Boolean():
            return None if type(value) is bool else ""
        case Null():
            return None if value is None else ""
        case Values(values):
            return None if any(same_scalar(value, listed) for listed in values) else ""
        case ListOf(item):
            return _list_misfit(value, item)
        case Object():
            return _object_misfit(value, declared)
        case Union(options):
            return _union_misfit(value, options)


def _is_integer(value: object) -> bool:
    if type(value) is Decimal:
        return value.is_finite() and value == value.to_integral_value()
    return type(value) is int


def same_scalar(left: object, right: object) -> bool:
    """JSON equality of scalars: `true` is not 1, 1 is 1.0, `"1"` is not 1."""
    kind = json_kind(left)
    return kind is not None and kind is json_kind(right) and left == right


def _list_misfit(value: object, item: Type) -> str | None:
    if type(value) is not list:
        return ""
    for index, element in enumerate(value):
        inner = _misfit(element, item)
        if inner is not None:
            return f"[{index}]{inner}"
    return None


def _object_misfit(value: object, declared: Object) -> str | None:
    if type(value) is not dict:
        return ""
    members = declared.members
    for name, member in members.items():
        if name in value:
            inner = _misfit(value[name], member.type)
            if inner is not None:
                return f".{path_name(name)}{inner}"
        elif member.required:
            return f".{path_name(name)}"
    for name, other in value.items():
        if name not in members:
            inner = "" if declared.closed else _misfit(other, declared.rest)
            if inner is not None:
                return f".{path_name(name)}{inner}"
    return None


def _union_misfit(value: object, options: tuple[Type, ...]) -> str | None:
    """Inside an option only where it is the single one of the value's own kind: else no option is the one meant."""
    misfits = []
    for option in options:
        inner = _misfit(value, option)
        if inner is None:
            return None
        if json_kind(value) in kinds(option):
            misfits.append(inner)
    return misfits[0] if len(misfits) == 1 else ""


def path_name(name: str) -> str:
    """A member's name as a path shows it: bare where it is a plain word, else as JSON text."""
    return name if _PLAIN_NAME.fullmatch(name) else json.dumps(name)


_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")

_ALL_KINDS = frozenset(_KINDS.values())


def kinds(declared: Type) -> frozenset[JsonType]:
    """The JSON types a fitting value can have. Never INTEGER: an integer is a number."""
    match declared:
        case Anything():
            return _ALL_KINDS
        case Text():
            return frozenset({JsonType.TEXT})
        case Number() | Integer():
            return frozenset({JsonType.NUMBER})
        case Boolean():
            return frozenset({JsonType.BOOLEAN})
        case Null():
            return frozenset({JsonType.NULL})
        case Values(values):
            return frozenset(_KINDS[type(value)] for value in values)
        case ListOf():
            return frozenset({JsonType.LIST})
        case Object():
            return frozenset({JsonType.OBJECT})
        case Union(options):
            return frozenset(kind for option in options for kind in kinds(option))


def union(options: list[Type]) -> Type:
    """The type of a value that fits any of `options`: flattened, without doubles."""
    flat: list[Type] = []
    for option in options:
        for part in option.options if isinstance(option, Union) else (option,):
            if isinstance(part, Anything):
                return part
            if part not in flat:
                flat.append(part)
    return flat[0] if len(flat) == 1 else Union(tuple(flat))


def inside(declared: Type, step: str | int) -> Type:
    """The type one step further in: a member's name or a list position. NOTHING where there can be no such place."""
    match declared:
        case Anything():
            return declared
        case Object(members, closed, rest) if isinstance(step, str):
            if step in members:
                return members[step].type
            return NOTHING if closed else rest
        case ListOf(item) if isinstance(step, int):
            return item
        case Union(options):
            return union([inside(option, step) for option in options])
    return NOTHING


def always_there(declared: Type, step: str | int) -> bool:
    """Whether every fitting value has something other than null one step further in."""
    match declared:
        case Object(members) if isinstance(step, str) and step in members:
            return members[step].required and JsonType.NULL not in kinds(members[step].type)
        case Union(options):
            return bool(options) and all(always_there(option, step) for option in options)
    return False


def is_closed_throughout(declared: Type) -> bool:
    """Whether no fitting value can hold an object member that the type does not name, at any depth."""
    match declared:
        case Anything():
            return False
        case ListOf(item):
            return is_closed_throughout(item)
        case Object(members, closed):
            return closed and all(is_closed_throughout(member.type) for member in members.values())
        case Union(options):
            return all(is_closed_throughout(option) for option in options)
    return True


def describe(declared: Type) -> str:
    """The type in a reader's words, for messages: `text`, `a list of text or null`, `one of "low", "high"`."""
    match declared:
        case Values(values):
            shown = ", ".join(scalar(value) for value in values[:_SHOWN_VALUES])
            return f"one of {shown}{', ...' if len(values) > _SHOWN_VALUES else ''}" if len(values) > 1 else shown
        case ListOf(Anything()):
            return "a list"
        case ListOf(item):
            return f"a list of {describe(item)}"
        case Union(()):
            return "nothing"
        case Union(options):
            return " or ".join(describe(option) for option in options)
    return _WORDS[type(declared)]


_SHOWN_VALUES = 6
_WORDS: dict[type, str] = {
    Anything: "anything",
    Text: "text",
    Number: "a number",
    Integer: "an integer",
    Boolean: "true or false",
    Null: "null",
    Object: "an object",
}
