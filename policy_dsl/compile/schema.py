"""A tool's schema as one Python expression: common types inline, the rest through `types.conforms`, to the same end."""

from __future__ import annotations

from ..types import Anything, Boolean, Integer, ListOf, Null, Number, Object, Text, Type, Values, always_there, kinds
from .frame import Frame, Known
from .logic import conjunction

_INLINE: dict[type, str] = {
    Text: "type({0}) is str",
    Number: "(type({0}) is int or type({0}) is Decimal)",
    Integer: "(type({0}) is int or is_integer({0}))",
    Boolean: "type({0}) is bool",
    Null: "{0} is None",
}


def fits(declared: Object, frame: Frame) -> str:
    """Where `conforms(arguments, declared)` finds no misfit."""
    if not isinstance(declared.rest, Anything):
        return f"conforms(a, {frame.constants.name(declared)}) is None"
    parts = ["type(a) is dict"]
    for name, member in declared.members.items():
        local = frame.argument(name)
        if isinstance(member.type, Anything):
            parts.append(f"{local} is not ABSENT" if member.required else "True")
            continue
        test = _fits(member.type, local, frame)
        parts.append(test if member.required else f"({local} is ABSENT or {test})")
    if declared.closed:
        parts.append(_closed(declared, frame))
    return conjunction(parts)


def _fits(declared: Type, local: str, frame: Frame) -> str:
    match declared:
        case ListOf(item) if type(item) in _INLINE:
            return f"(type({local}) is list and all({_INLINE[type(item)].format('each')} for each in {local}))"
        case Values(values) if all(type(value) is str for value in values):
            return f"(type({local}) is str and {local} in {frame.constants.name(frozenset(values))})"
    inline = _INLINE.get(type(declared))
    return inline.format(local) if inline else f"conforms({local}, {frame.constants.name(declared)}) is None"


def _closed(declared: Object, frame: Frame) -> str:
    """No other member: as many members as those of the declared ones that are there."""
    required = sum(member.required for member in declared.members.values())
    optional = (f"({frame.argument(n)} is not ABSENT)" for n, m in declared.members.items() if not m.required)
    return f"len(a) == {' + '.join((str(required), *optional))}"


def known(declared: Object | None) -> Known:
    """The arguments that are always there with one JSON type, once `fits` has held."""
    if declared is None:
        return {}
    one_kind = {name: kinds(member.type) for name, member in declared.members.items() if always_there(declared, name)}
    return {name: next(iter(found)) for name, found in one_kind.items() if len(found) == 1}
