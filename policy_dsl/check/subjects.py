"""Whatever reads arguments of calls, with the tools whose calls they are: rules, and all that stands beside them.

A *subject* is one sentence about calls of some tools: a rule, an event inside a condition (about earlier calls), a
counter, a limit, a rewrite, a label. A *part* is an operand of it that stands outside any test, and what it has to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from policy_dsl.ast import (
    And,
    Argument,
    CallValue,
    Condition,
    CounterDefinition,
    Event,
    JsonType,
    LabelResults,
    Limit,
    Measure,
    Not,
    Operand,
    PolicyFile,
    RedactArgument,
    Rewrite,
    SetArgument,
    Statement,
)
from policy_dsl.catalogue import Tool

from .nodes import nodes
from .survey import Survey

Kinds = frozenset[JsonType]
TEXT: Kinds = frozenset({JsonType.TEXT})
NUMBER: Kinds = frozenset({JsonType.NUMBER})
LIST: Kinds = frozenset({JsonType.LIST})


@dataclass(frozen=True, slots=True)
class Part:
    """`wanted` is what kinds of value it may be, None for any; `because` is why, as a message says it."""

    operand: Operand
    wanted: Kinds | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """`condition` has references replaced. `sets` are the changes of a rewrite that give a place a new value; `calling`
    are the tools of the call being decided, and `called` what a `call.x` in the condition reads of it."""

    file: PolicyFile
    tools: tuple[Tool, ...]
    condition: Condition | None
    parts: tuple[Part, ...] = ()
    sets: tuple[SetArgument, ...] = ()
    calling: tuple[Tool, ...] = ()
    called: tuple[CallValue, ...] = ()


def subjects(survey: Survey) -> Iterator[Subject]:
    """Every rule first, then what else speaks of arguments, kind by kind."""
    for site in survey.read:
        yield Subject(site.file, site.tools, site.condition)
    for placed, event in survey.every(Event):
        condition = _joined(survey, [event.condition])
        called = tuple(node for node in nodes((condition,)) if isinstance(node, CallValue))
        calling = _tools_of(survey, placed.statement) if called else ()
        yield Subject(placed.file, survey.tools(event.tools), condition, (), (), calling, called)
    for placed, counter in survey.every(CounterDefinition):
        value, keys = counter.value, counter.keys
        parts = (*_value(value, _MEASURES.get(counter.measure)), *map(Part, keys))
        yield Subject(placed.file, survey.tools(counter.event.tools), None, parts)
    for placed, limit in survey.every(Limit):
        parts = (
            Part(limit.bound, NUMBER, "a limit is a number"),
            *_value(limit.value, "a limit adds numbers"),
            *map(Part, limit.keys),
        )
        yield Subject(placed.file, survey.tools(limit.tools), _joined(survey, [limit.when]), parts)
    for placed, rewrite in survey.every(Rewrite):
        denied = None if rewrite.unless is None else Not(rewrite.unless, rewrite.unless.span)
        condition = _joined(survey, [rewrite.when, denied])
        yield Subject(placed.file, survey.tools(rewrite.tools), condition, tuple(_written(rewrite)), _sets(rewrite))
    for placed, label in survey.every(LabelResults):
        condition = _joined(survey, [label.arguments, label.when])
        yield Subject(placed.file, survey.tools(label.tools), condition)


def _value(operand: Operand | None, because: str | None) -> tuple[Part, ...]:
    if operand is None:
        return ()
    return (Part(operand),) if because is None else (Part(operand, NUMBER, because),)


_MEASURES: dict[Measure, str] = {"sum": "`sum` adds numbers", "max": "`max` compares numbers"}


def _written(rewrite: Rewrite) -> Iterator[Part]:
    for change in rewrite.changes:
        place = Argument(change.path, change.span)
        if isinstance(change, RedactArgument):
            yield Part(place, TEXT | LIST, "`redact` changes text, or the texts of a list")
        else:
            yield Part(place)
        if isinstance(change, SetArgument):
            yield Part(change.value)


def _sets(rewrite: Rewrite) -> tuple[SetArgument, ...]:
    return tuple(change for change in rewrite.changes if isinstance(change, SetArgument))


def _joined(survey: Survey, conditions: Iterable[Condition | None]) -> Condition | None:
    found = tuple(survey.expanded(condition) for condition in conditions if condition is not None)
    if not found:
        return None
    return found[0] if len(found) == 1 else And(found, found[0].span)


def _tools_of(survey: Survey, statement: Statement) -> tuple[Tool, ...]:
    """The tools of the call that a sentence decides; none for a definition, which is about whatever uses it."""
    tools = getattr(statement, "tools", None)
    return () if tools is None else survey.tools(tools)
