"""Definitions that nothing uses: most often a rule that was meant to and names another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from policy_dsl.ast import GroupName, SetLiteral, SetName
from policy_dsl.findings import Finding

from .survey import Survey, finding, word_span


def unused_set(survey: Survey) -> Iterator[Finding]:
    used: set[str] = set()
    for file in survey.files:
        used.update(_names(file.statements, SetName))
    for file, definition in survey.set_definitions:
        if definition.name not in used:
            span = word_span(file, definition.span, definition.name)
            yield finding(file, "unused-set", span, f"the set `{definition.name}` is used nowhere", _HELP)


def unused_group(survey: Survey) -> Iterator[Finding]:
    used: set[str] = set()
    for file in survey.files:
        used.update(_names(file.statements, GroupName))
    for file, group in survey.groups:
        if group.name not in used:
            span = word_span(file, group.span, group.name)
            yield finding(file, "unused-group", span, f"the group `{group.name}` is used nowhere", _HELP)


_HELP = "use it in a rule, or remove it"


def _names(node: Any, kind: type[SetName] | type[GroupName]) -> Iterator[str]:
    """Every name of that kind in a tree of nodes; a set literal also takes other sets over by name."""
    if isinstance(node, tuple):
        for item in node:
            yield from _names(item, kind)
    elif isinstance(node, kind):
        yield node.name
    elif is_dataclass(node) and not isinstance(node, type):
        if kind is SetName and isinstance(node, SetLiteral):
            yield from node.names
        for part in fields(node):
            yield from _names(getattr(node, part.name), kind)
