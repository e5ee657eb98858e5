"""Definitions that nothing uses: most often a rule that was meant to and names another."""

from __future__ import annotations

from collections.abc import Iterator

from policy_dsl.ast import GroupName, SetLiteral, SetName
from policy_dsl.findings import Finding

from .nodes import nodes
from .survey import Survey, finding, word_span


def unused_set(survey: Survey) -> Iterator[Finding]:
    used = set[str]()
    for file in survey.files:
        for node in nodes(file.statements):
            if isinstance(node, SetName):
                used.add(node.name)
            elif isinstance(node, SetLiteral):
                used.update(node.names)
    for file, definition in survey.set_definitions:
        if definition.name not in used:
            span = word_span(file, definition.span, definition.name)
            yield finding(file, "unused-set", span, f"the set `{definition.name}` is used nowhere", _HELP)


def unused_group(survey: Survey) -> Iterator[Finding]:
    tools = [site.rule.tools for site in survey.sites] + [group.members for _, group in survey.groups]
    used = {tool.name for patterns in tools for tool in patterns if isinstance(tool, GroupName)}
    for file, group in survey.groups:
        if group.name not in used:
            span = word_span(file, group.span, group.name)
            yield finding(file, "unused-group", span, f"the group `{group.name}` is used nowhere", _HELP)


_HELP = "use it in a rule, or remove it"
