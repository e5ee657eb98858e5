"""A first policy from what there is: the tools' schemas, and calls that were recorded. Tight, and meant to be edited.

Tools that only read are allowed with the arguments that they declare. Tools that change something are asked about, and
only with values like those seen. Each rule says above it where it came from. What reads and what writes is told by the
tool's MCP hint or its name, a guess that a person has to check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..ast import (
    Argument,
    Condition,
    Effect,
    Json,
    JsonType,
    NamedArgument,
    Otherwise,
    Rule,
    SetLiteral,
    Signature,
    ToolPattern,
    UseTools,
)
from ..catalogue import EMPTY_CATALOGUE, Catalogue, Tool
from ..check.unconstrained import only_reads
from ..types import ANYTHING, ListOf, Object, Type, Union, Values, conforms, is_closed_throughout, kinds
from .page import Paragraph, literals, page, with_shared_sets
from .schema import OPEN
from .suggestions import suggested
from .typed import TRUE, all_of, unless_missing

RecordedCall = tuple[str | None, str, Mapping[str, Json]]
"""Its server, where it is known, its tool, its arguments."""


def scaffold(tools: Catalogue = EMPTY_CATALOGUE, calls: Iterable[RecordedCall] = (), *, use: str | None = None) -> str:
    """The policy text. `use` is the tool list as the policy names it."""
    seen: dict[tuple[str | None, str], list[Mapping[str, Json]]] = {}
    unknown: dict[str, None] = {}
    for server, tool, arguments in calls:
        known = tools.get(server, tool) if len(tools) else None
        if known is None and len(tools):
            unknown[tool if server is None else f"{server}/{tool}"] = None
        else:
            seen.setdefault((server if known is None else known.server, tool), []).append(arguments)
    paragraphs = [] if use is None else [Paragraph(UseTools(use))]
    reading: list[Paragraph] = []
    writing: list[Paragraph] = []
    hints: dict[SetLiteral, str] = {}
    for sight in _sights(tools, seen):
        (reading if sight.reads else writing).append(sight.paragraph(bool(seen), hints))
    rules = with_shared_sets(_headed(reading, _READING) + _headed(writing, _WRITING), hints)
    last = Paragraph(Otherwise("This is not allowed here. Continue without it."), _unlisted(unknown))
    return page(_HEAD, [*paragraphs, *rules, last])


@dataclass(frozen=True, slots=True)
class _Sight:
    """One tool: what it declares (None: nobody said), and how it was called."""

    server: str | None
    name: str
    declared: Tool | None
    calls: Sequence[Mapping[str, Json]]
    reads: bool

    def paragraph(self, recorded: bool, hints: dict[SetLiteral, str]) -> Paragraph:
        shapes = _declared(self.declared.parameters) if self.declared is not None else _recorded(self.calls)
        calls = [call for call in self.calls if self.fits(call)]
        comments: list[str] = []
        conditions: list[Condition] = []
        if not self.reads:
            comments.append(self.origin(recorded, len(calls)))
            for shape in shapes:
                condition, about = self.suggestion(shape, calls, hints)
                conditions.append(condition)
                if about:
                    comments.append(f"- {shape.name}: {about}")
        joined = all_of(conditions)
        return Paragraph(
            Rule(
                effect=Effect.ALLOW if self.reads else Effect.ASK,
                tools=(ToolPattern(self.server, self.name),),
                signature=Signature(tuple(shapes), open=False),
                when=None if joined == TRUE else joined,
                unless=None,
            ),
            tuple(comments),
        )

    def fits(self, call: Mapping[str, Json]) -> bool:
        return self.declared is None or conforms(call, self.declared.parameters) is None

    def origin(self, recorded: bool, calls: int) -> str:
        if not recorded:
            return "changes something, as far as its name or its server's hint says: which values are fine?"
        if not calls:
            return "never seen in the recorded calls"
        return f"as in {calls} recorded call{'' if calls == 1 else 's'}:"

    def suggestion(
        self, shape: NamedArgument, calls: Sequence[Mapping[str, Json]], hints: dict[SetLiteral, str]
    ) -> tuple[Condition, str]:
        member = None if self.declared is None else self.declared.parameters.members.get(shape.name)
        if not calls or (member is not None and isinstance(member.type, Values)):
            return TRUE, ""
        values = [call[shape.name] for call in calls if call.get(shape.name) is not None]
        if not values:
            return TRUE, "never given"
        operand = Argument((shape.name,))
        found = suggested(operand, values)
        _remember(found.condition, shape.name, hints)
        condition = unless_missing(found.condition, operand) if shape.optional else found.condition
        return condition, found.about


def _sights(tools: Catalogue, seen: Mapping[tuple[str | None, str], Sequence[Mapping[str, Json]]]) -> Iterable[_Sight]:
    for tool in tools:
        calls = seen.get((tool.server, tool.name), ())
        yield _Sight(tool.server, tool.name, tool, calls, only_reads(tool))
    if not len(tools):
        for (server, name), calls in seen.items():
            named = Tool(name, server, "", Object({}, closed=False), "")
            yield _Sight(server, name, None, calls, only_reads(named))


# --- signatures -----------------------------------------------------------------------------------------------------


def _declared(parameters: Object) -> list[NamedArgument]:
    return [
        NamedArgument(
            name,
            not member.required or JsonType.NULL in kinds(member.type),
            None if is_closed_throughout(member.type) else _members(member.type),
        )
        for name, member in parameters.members.items()
    ]


def _members(declared: Type) -> Signature | None:
    """The members that an object argument may have: those declared, or any where the schema names none."""
    match declared:
        case ListOf(item):
            return _members(item)
        case Union(options):
            return next((found for option in options if (found := _members(option)) is not None), None)
        case Object(members):
            return Signature(tuple(_declared(declared)), open=False) if members else OPEN
    return OPEN if declared == ANYTHING else None


def _recorded(calls: Sequence[Mapping[str, Json]]) -> list[NamedArgument]:
    """The arguments that were given: required where every call gave them, and objects with the members they had."""
    names = dict.fromkeys(name for call in calls for name in call)
    return [
        NamedArgument(
            name,
            any(call.get(name) is None for call in calls),
            _given([call[name] for call in calls if name in call]),
        )
        for name in names
    ]


def _given(values: Sequence[Json]) -> Signature | None:
    objects = list(_objects(values))
    return Signature(tuple(_recorded(objects)), open=False) if objects else None


def _objects(values: Iterable[Json]) -> Iterable[Mapping[str, Json]]:
    for value in values:
        if isinstance(value, dict):
            yield value
        elif isinstance(value, list):
            yield from _objects(value)


# --- words ----------------------------------------------------------------------------------------------------------


def _headed(paragraphs: list[Paragraph], heading: str) -> list[Paragraph]:
    if not paragraphs:
        return []
    first = paragraphs[0]
    return [Paragraph(first.statement, (f"--- {heading} ---", *first.comments)), *paragraphs[1:]]


def _remember(condition: Condition, name: str, hints: dict[SetLiteral, str]) -> None:
    for literal in literals(condition):
        hints.setdefault(literal, name)


def _unlisted(unknown: Mapping[str, None]) -> tuple[str, ...]:
    if not unknown:
        return ()
    return (f"Recorded calls of tools that no list has: {', '.join(unknown)}. They are refused.",)


_HEAD = [
    "A first policy: read every rule. What is not granted here is refused.",
    "`leastward check` looks for mistakes, `leastward diff` says what an edit changes.",
]
_READING = "tools that only read"
_WRITING = "tools that change something: a person is asked"
