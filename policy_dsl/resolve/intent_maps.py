"""Whether a map spells its intent: every required field, of the schema's type, from arguments that the tool has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..ast import (
    Argument,
    Arithmetic,
    IntentMap,
    JsonType,
    LengthOf,
    Literal,
    NumberOf,
    Operand,
    PolicyFile,
    Span,
)
from ..catalogue import Catalogue, Tool
from ..errors import BundleError
from ..intents import Schema, schema
from ..intents.fields import OPERANDS
from ..intents.schema import named, names
from ..types import NOTHING, Member, Type, conforms, describe, inside, kinds, path_name
from .faults import fault, name_within, suggestion
from .tree import inside as nodes_inside


def checked(file: PolicyFile, intent: IntentMap, catalogue: Catalogue) -> Schema:
    """The schema of the intent that is mapped. Raises BundleError where the map does not spell it."""
    known = _schema(file, intent)
    for name, operand in intent.fields:
        member = known.fields.get(name)
        if member is None:
            raise unknown_field(file, name_within(file, intent.span, name), known, name)
        for part in nodes_inside(operand):
            if not isinstance(part, OPERANDS):
                raise fault(
                    file,
                    part.span,
                    "a field is computed from the call's own arguments",
                    "field-operand",
                    "an argument, a written value, `number of x`, `length of x`, or a sum or product of these",
                )
        if isinstance(operand, Literal) and (operand.value is None or conforms(operand.value, member.type) is not None):
            message = f"`{name}` of a {known.name} is {describe(member.type)}"
            raise fault(file, operand.span, message, "field-type")
    for name in known.required:
        if name not in dict(intent.fields):
            raise fault(
                file,
                intent.tool.span,
                f"the map says nothing of `{name}`, which every {known.name} has",
                "missing-field",
                f"write what it is for `{intent.tool.tool}`, as in `{name} = ...`",
            )
    _refuse_wrong_ignored(file, intent)
    for tool in _tools(intent, catalogue):
        _fits(file, intent, known, tool)
    return known


def unknown_field(file: PolicyFile, span: Span, known: Schema, name: str) -> BundleError:
    help = suggestion("field", name, known.fields)
    return fault(file, span, f"a {known.name} has no field `{name}`", "unknown-field", help)


def read_by(operand: Operand) -> Iterator[Argument]:
    """The arguments that a field is computed from."""
    return (part for part in nodes_inside(operand) if isinstance(part, Argument))


def _schema(file: PolicyFile, intent: IntentMap) -> Schema:
    known = schema(intent.intent, intent.version)
    if known is not None:
        return known
    versions = named(intent.intent)
    if not versions:
        help = suggestion("intent", intent.intent, names())
        span = name_within(file, intent.span, intent.intent)
        raise fault(file, span, f"there is no intent `{intent.intent}`", "unknown-intent", help)
    raise fault(
        file,
        name_within(file, intent.span, intent.intent),
        f"`{intent.intent}` has no version {intent.version}",
        "intent-version",
        f"known is {', '.join(str(found.version) for found in versions)}",
    )


def _refuse_wrong_ignored(file: PolicyFile, intent: IntentMap) -> None:
    whole = {part.path[0] for _, operand in intent.fields for part in read_by(operand) if len(part.path) == 1}
    for name in intent.ignored:
        if name in whole:
            raise fault(
                file,
                name_within(file, intent.span, name, last=True),
                f"`{name}` is both read and ignored",
                "read-and-ignored",
                "what a field reads is looked at: take it out of `ignoring`",
            )


# --- the tool -------------------------------------------------------------------------------------------------------


def _tools(intent: IntentMap, catalogue: Catalogue) -> tuple[Tool, ...]:
    if intent.tool.server is None:
        return catalogue.named(intent.tool.tool)
    found = catalogue.get(intent.tool.server, intent.tool.tool)
    return () if found is None else (found,)


def _fits(file: PolicyFile, intent: IntentMap, known: Schema, tool: Tool) -> None:
    for name, operand in intent.fields:
        _of_kind(file, operand, name, known.fields[name], tool, kinds(known.fields[name].type) - {JsonType.NULL})
    for name in intent.ignored:
        if inside(tool.parameters, name) == NOTHING:
            raise _no_argument(file, name_within(file, intent.span, name, last=True), tool, name)
    read = {part.path[0] for _, operand in intent.fields for part in read_by(operand)}
    for name, member in tool.parameters.members.items():
        if member.required and name not in read and name not in intent.ignored:
            raise fault(
                file,
                intent.tool.span,
                f"`{tool.name}` needs `{name}`, which the map neither reads nor ignores",
                "unmapped-argument",
                f"no rule on the intent could fit a call: `ignoring {{ {path_name(name)} }}` lets any value pass",
            )


def _of_kind(
    file: PolicyFile, operand: Operand, field: str, member: Member, tool: Tool, wanted: frozenset[JsonType]
) -> None:
    match operand:
        case NumberOf(operand=inner):
            _of_kind(file, inner, field, member, tool, frozenset({JsonType.TEXT}))
            given = frozenset({JsonType.NUMBER})
        case Arithmetic(left=left, right=right):
            for side in (left, right):
                _of_kind(file, side, field, member, tool, frozenset({JsonType.NUMBER}))
            given = frozenset({JsonType.NUMBER})
        case LengthOf(operand=inner):
            _of_kind(file, inner, field, member, tool, frozenset({JsonType.TEXT, JsonType.LIST, JsonType.OBJECT}))
            given = frozenset({JsonType.NUMBER})
        case Argument():
            declared = _declared(file, operand, tool)
            if not kinds(declared) & wanted:
                said = f"`{'.'.join(map(str, operand.path))}` of `{tool.name}` is {describe(declared)}"
                raise fault(
                    file,
                    operand.span,
                    f"{said}, and `{field}` is {describe(member.type)}"
                    if wanted == kinds(member.type) - {JsonType.NULL}
                    else said,
                    "field-type",
                    _help(operand, declared, wanted),
                )
            return
        case _:
            return
    if not given & wanted:
        raise fault(file, operand.span, f"`{field}` is {describe(member.type)}, and this is a number", "field-type")


def _help(operand: Argument, declared: Type, wanted: frozenset[JsonType]) -> str | None:
    path = ".".join(map(str, operand.path))
    if JsonType.NUMBER in wanted and kinds(declared) == frozenset({JsonType.TEXT}):
        return f"`number of {path}` is the number that a text spells"
    return None


def _declared(file: PolicyFile, operand: Argument, tool: Tool) -> Type:
    declared: Type = tool.parameters
    for step in operand.path:
        outer, declared = declared, inside(declared, step)
        if declared == NOTHING:
            if outer is tool.parameters:
                raise _no_argument(file, operand.span, tool, str(step))
            raise fault(
                file, operand.span, f"`{tool.name}` has nothing at `{'.'.join(map(str, operand.path))}`", "field-type"
            )
    return declared


def _no_argument(file: PolicyFile, span: Span, tool: Tool, name: str) -> BundleError:
    help = suggestion("argument", name, tool.parameters.members) if tool.parameters.members else _NO_ARGUMENTS
    return fault(file, span, f"`{tool.name}` has no argument `{name}`", "unknown-argument", help)


_NO_ARGUMENTS: Final = "it takes none"
