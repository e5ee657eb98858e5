"""Whether a rule's signature accepts the arguments, as one Python expression: true or false, never an error.

What the rule's own condition or the tool's schema already makes sure of is not asked again.
"""

from __future__ import annotations

from collections.abc import Callable

from ..ast import (
    And,
    Argument,
    Compare,
    Condition,
    Holds,
    Like,
    Literal,
    Matches,
    Member,
    MultipleOf,
    NamedArgument,
    Runs,
    SetLiteral,
    Signature,
    Under,
)
from ..types import Object, always_there, is_closed_throughout
from .frame import Frame
from .logic import conjunction
from .sets import Sets


def accepts(signature: Signature, frame: Frame, declared: Object | None, sure: frozenset[str]) -> str:
    """The expression; `sure` names the arguments known to be there as a text or number when it is asked."""
    named = {argument.name: argument for argument in signature.arguments}
    parts = [part for argument in named.values() for part in _accepts(argument, frame, declared, sure)]
    if not signature.open:
        needed = sum(not argument.optional for argument in named.values())
        optional = (f"({frame.argument(a.name)} is not ABSENT)" for a in named.values() if a.optional)
        parts.append(f"len(a) == {' + '.join((str(needed), *optional))}")
    return conjunction(parts)


def _accepts(argument: NamedArgument, frame: Frame, declared: Object | None, sure: frozenset[str]) -> list[str]:
    name = argument.name
    if name in sure:
        return []
    local = frame.argument(name)
    parts = []
    if not (argument.optional or (declared is not None and always_there(declared, name))):
        parts.append(f"{local} is not None and {local} is not ABSENT")
    inner = declared.members[name].type if declared is not None and name in declared.members else None
    if argument.members is not None:
        parts.append(f"{frame.constants.name(_Members(argument.members).accept)}({local})")
    elif inner is None or not is_closed_throughout(inner):
        parts.append(f"(type({local}) in SCALARS or is_flat({local}))")
    return parts


class _Members:
    """`date(start, end?)`: what an object given for the argument, or each object in a list given for it, may hold."""

    def __init__(self, signature: Signature) -> None:
        self._open = signature.open
        self._named = {argument.name: argument for argument in signature.arguments}
        self._inner: dict[str, Callable[[object], bool]] = {
            name: is_flat if argument.members is None else _Members(argument.members).accept
            for name, argument in self._named.items()
        }

    def accept(self, value: object) -> bool:
        if type(value) is list:
            return all(self.accept(item) for item in value)
        return type(value) is not dict or self._accept_object(value)

    def _accept_object(self, value: dict[str, object]) -> bool:
        for name, argument in self._named.items():
            member = value.get(name)
            if member is None:
                if not argument.optional:
                    return False
            elif not self._inner[name](member):
                return False
        return self._open or all(name in self._named for name in value)


def is_flat(value: object) -> bool:
    """Whether no object stands anywhere in the value."""
    if type(value) is list:
        return all(is_flat(item) for item in value)
    return type(value) is not dict


def sure_scalars(condition: Condition, sets: Sets) -> frozenset[str]:
    """The arguments of which a true condition implies that they are there, as a text, a number, true or false."""
    match condition:
        case And(items):
            return frozenset(name for item in items for name in sure_scalars(item, sets))
        case Compare(_, Argument((str(name),)), Literal(value)) | Compare(_, Literal(value), Argument((str(name),))):
            return frozenset({name}) if value is not None else frozenset()
        case Member(Argument((str(name),)), within):
            listed = sets.resolve(within)
            return frozenset() if isinstance(listed, SetLiteral) and sets.grouped(listed).null else frozenset({name})
        case Matches(Argument((str(name),))) | Under(Argument((str(name),))) | Runs(_, Argument((str(name),))):
            return frozenset({name})
        case Like(Argument((str(name),))) | MultipleOf(Argument((str(name),))):
            return frozenset({name})
        case Holds("starts with" | "ends with", Argument((str(name),))):
            return frozenset({name})
    return frozenset()
