"""Definitions that nothing uses: most often a rule that was meant to and names another."""

from __future__ import annotations

from collections.abc import Iterator

from policy_dsl.ast import (
    CounterDefinition,
    CounterValue,
    GroupName,
    Macro,
    MacroUse,
    RuleRef,
    SetLiteral,
    SetName,
    ToolPattern,
)
from policy_dsl.findings import Finding

from .survey import Survey, finding, word_span


def unused_set(survey: Survey) -> Iterator[Finding]:
    used = {node.name for _, node in survey.every(SetName)}
    used.update(name for _, node in survey.every(SetLiteral) for name in node.names)
    for file, definition in survey.set_definitions:
        if definition.name not in used:
            span = word_span(file, definition.span, definition.name)
            yield finding(file, "unused-set", span, f"the set `{definition.name}` is used nowhere", _HELP)


def unused_group(survey: Survey) -> Iterator[Finding]:
    used = {node.name for _, node in survey.every(GroupName)}
    used.update(node.tool for _, node in survey.every(ToolPattern) if survey.is_group(node))
    for file, group in survey.groups:
        if group.name not in used:
            span = word_span(file, group.span, group.name)
            yield finding(file, "unused-group", span, f"the group `{group.name}` is used nowhere", _HELP)


def unused_counter(survey: Survey) -> Iterator[Finding]:
    """A counter is kept for every event, so one that nothing reads costs and forbids what it cannot count."""
    used = {node.counter for _, node in survey.every(CounterValue)}
    for placed, counter in survey.every(CounterDefinition):
        if counter.name not in used:
            span = word_span(placed.file, counter.span, counter.name)
            message = f"the counter `{counter.name}` is used nowhere"
            help = f"ask for it in a condition, as in `counter {counter.name} <= 10`, or remove it"
            yield finding(placed.file, "unused-counter", span, message, help)


def unused_macro(survey: Survey) -> Iterator[Finding]:
    used = {node.name for _, node in survey.every(MacroUse)} | {node.rule for _, node in survey.every(RuleRef)}
    for placed, macro in survey.every(Macro):
        if macro.name not in used:
            span = word_span(placed.file, macro.span, macro.name)
            message = f"the condition `{macro.name}` is used nowhere"
            yield finding(placed.file, "unused-macro", span, message, _HELP)


_HELP = "use it in a rule, or remove it"
