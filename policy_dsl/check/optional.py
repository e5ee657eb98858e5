"""Arguments that may be absent: what a rule must say about their absence, and what a forbid does without saying it.

A test of a missing value is an error. In an allow an error is no match, so `name?` would be a promise that the rule
does not keep; in a forbid an error is a match, so the rule holds for calls that nobody thought of.
"""

from __future__ import annotations

from collections.abc import Iterator

from policy_dsl.ast import And, Argument, Compare, Condition, CounterDefinition, Effect, Limit, Operand
from policy_dsl.catalogue import Tool
from policy_dsl.errors import quoted
from policy_dsl.findings import Finding
from policy_dsl.types import Type, always_there, inside

from .arguments import place_fault
from .places import EACH, Place, Reading, as_written, readings, show
from .survey import Survey, finding


def optional_untested(survey: Survey) -> Iterator[Finding]:
    for site in survey.read:
        if site.rule.signature is None:
            continue
        optional = {named.name for named in site.rule.signature.arguments if named.optional}
        for reading in readings(site.condition):
            name = reading.place[0]
            # An element is there when its list is, and the reading of the list is judged by itself.
            if isinstance(reading.operand, Argument) and name in optional and not reading.guarded((name,)):
                yield finding(
                    site.file,
                    "optional-untested",
                    reading.operand.span,
                    f"{quoted(name)} may be missing, and then this test is an error, which grants nothing",
                    f"write `missing {name} or ...` around the test, or drop the `?`",
                )


def optional_in_forbid(survey: Survey) -> Iterator[Finding]:
    for site in survey.sites:
        if site.rule.effect in (Effect.FORBID, Effect.REQUIRE_APPROVAL):
            for reading, tool, place in _missed(site.tools, site.condition):
                written = as_written(reading, len(place))
                message = f"{_may_be_missing(tool, place)}, and then this rule holds"
                help = (
                    f"write `has {written} and ...` to let such calls pass it, "
                    f"`missing {written} or ...` if it is meant"
                )
                yield finding(site.file, "optional-in-forbid", reading.operand.span, message, help)
    yield from _uncountable(survey)


def _uncountable(survey: Survey) -> Iterator[Finding]:
    """A limit, and the guard of a counter, refuse the calls that they cannot count: they are forbids too."""
    for placed, limit in survey.every(Limit):
        operands = (limit.bound, *_some(limit.value), *limit.keys)
        condition = _with_operands(survey, limit.when, operands)
        for reading, tool, place in _missed(survey.tools(limit.tools), condition):
            message = f"{_may_be_missing(tool, place)}, and then this limit refuses it"
            help = f"write `when has {as_written(reading, len(place))}` if such calls need not be counted"
            yield finding(placed.file, "optional-in-forbid", reading.operand.span, message, help)
    for placed, counter in survey.every(CounterDefinition):
        operands = (*_some(counter.value), *counter.keys)
        condition = _with_operands(survey, counter.event.condition, operands)
        for reading, tool, place in _missed(survey.tools(counter.event.tools), condition):
            message = f"{_may_be_missing(tool, place)}, and then this counter's guard refuses it"
            help = (
                f"write `(has {as_written(reading, len(place))})` after the event's tool if such calls need not count"
            )
            yield finding(placed.file, "optional-in-forbid", reading.operand.span, message, help)


def _some(operand: Operand | None) -> tuple[Operand, ...]:
    return () if operand is None else (operand,)


def _with_operands(survey: Survey, condition: Condition | None, operands: tuple[Operand, ...]) -> Condition:
    """The condition beside tests that read the operands: what it decides without them, nobody counts."""
    beside = () if condition is None else (survey.expanded(condition),)
    return And((*beside, *(Compare("==", operand, operand) for operand in operands)))


def _missed(tools: tuple[Tool, ...], condition: Condition | None) -> Iterator[tuple[Reading, Tool, Place]]:
    """Each place that a call of some tool may leave out and no guard speaks of, at its first reading."""
    told: set[Place] = set()
    for reading in readings(condition):
        found = _may_miss(tools, reading)
        if found is not None and found[1] not in told:
            told.add(found[1])
            yield reading, *found


def _may_be_missing(tool: Tool, place: Place) -> str:
    return f"{quoted(show(place))} may be missing from a call of {quoted(tool.name)}"


def _may_miss(tools: tuple[Tool, ...], reading: Reading) -> tuple[Tool, Place] | None:
    """The first tool and start of the place that a call may leave out, and no guard speaks of.

    None too where no tool has the place at all, which unknown-argument reports.
    """
    if all(place_fault(tool, reading.place) for tool in tools):
        return None
    for tool in tools:
        found: Type = tool.parameters
        for index, step in enumerate(reading.place):
            start = reading.place[: index + 1]
            if isinstance(step, str) and not always_there(found, step) and not reading.guarded(start):
                return tool, start
            found = inside(found, 0 if step is EACH else step)
    return None
