"""The policy set as the passes read it: every rule where it stands, with the tools it fits and its whole condition.

Passes read the rules as written (a PolicySet's own rules have references replaced, so their spans may point into
another file). A reference to another rule stands here as that rule's condition, every span of which is the reference's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from policy_dsl.ast import (
    EVERYONE,
    And,
    Condition,
    Constant,
    GroupDefinition,
    GroupName,
    Not,
    PolicyFile,
    PolicySet,
    Rule,
    RuleRef,
    Scalar,
    Scope,
    ScopeBlock,
    SetDefinition,
    SetLiteral,
    SetName,
    Span,
    ToolPattern,
    ValueSet,
)
from policy_dsl.catalogue import Catalogue, Tool
from policy_dsl.findings import Finding

from .nodes import nodes, parts


@dataclass(frozen=True, slots=True)
class Site:
    """One rule as written: its file, its scope, its patterns with groups replaced, and the catalogue's tools it fits.

    `condition` is `when and not unless`, references replaced; None where the rule writes none.
    """

    file: PolicyFile
    rule: Rule
    scope: Scope
    patterns: tuple[ToolPattern, ...]
    tools: tuple[Tool, ...]
    condition: Condition | None

    @property
    def called(self) -> str:
        """What a message calls the rule."""
        return f"`{self.rule.name}`" if self.rule.name else f"the rule in line {self.rule.span.line}"


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything a pass may look at."""

    files: tuple[PolicyFile, ...]
    sites: tuple[Site, ...]
    sets: Mapping[str, ValueSet]
    set_definitions: tuple[tuple[PolicyFile, SetDefinition], ...]
    groups: tuple[tuple[PolicyFile, GroupDefinition], ...]
    catalogue: Catalogue


def survey(policy: PolicySet, catalogue: Catalogue) -> Survey:
    groups = tuple(
        (file, statement)
        for file in policy.files
        for statement in file.statements
        if isinstance(statement, GroupDefinition)
    )
    members = {group.name: group.members for _, group in groups}
    written = list(_rules(policy.files))
    named = {rule.name: rule for _, rule, _ in written if rule.name is not None}
    sites = []
    for file, rule, scope in written:
        patterns = tuple(_patterns(rule.tools, members, frozenset()))
        tools = tuple(dict.fromkeys(tool for pattern in patterns for tool in fitting(pattern, catalogue)))
        sites.append(Site(file, rule, scope, patterns, tools, _whole(rule, named, frozenset())))
    definitions = tuple(
        (file, statement)
        for file in policy.files
        for statement in file.statements
        if isinstance(statement, SetDefinition)
    )
    return Survey(policy.files, tuple(sites), policy.sets, definitions, groups, catalogue)


def finding(file: PolicyFile, code: str, span: Span, message: str, help: str | None = None) -> Finding:
    return Finding(code, message, span, file.path, help, file.source)


def fitting(pattern: ToolPattern, catalogue: Catalogue) -> list[Tool]:
    """The tools that the pattern names, in the catalogue's order."""
    candidates = catalogue.tools if "*" in pattern.tool else catalogue.named(pattern.tool)
    return [tool for tool in candidates if fits(pattern, tool)]


def fits(pattern: ToolPattern, tool: Tool) -> bool:
    """Whether the pattern names the tool. A tool without a server may live at any, so a pattern's server fits it."""
    if pattern.server is not None and tool.server is not None and not glob_fits(pattern.server, tool.server):
        return False
    return glob_fits(pattern.tool, tool.name)


def glob_fits(glob: str, name: str) -> bool:
    """Whether the whole name fits, `*` standing for any run of characters but `/`. Linear in the name."""
    head, *rest = glob.split("*")
    if not rest:
        return glob == name
    *middle, tail = rest
    if not name.startswith(head) or not name.endswith(tail) or len(name) < len(head) + len(tail) or "/" in name:
        return False
    at, end = len(head), len(name) - len(tail)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def resolved(within: ValueSet, sets: Mapping[str, ValueSet]) -> ValueSet | None:
    """The set that a name stands for; None for a name that is not defined."""
    return sets.get(within.name) if isinstance(within, SetName) else within


def members_of(within: SetLiteral, sets: Mapping[str, ValueSet]) -> list[Scalar]:
    """The values of a set, with those it takes over from other sets by name."""
    values, names, seen = list(within.items), list(within.names), set[str]()
    while names:
        name = names.pop(0)
        other = sets.get(name)
        if name not in seen and isinstance(other, SetLiteral):
            values.extend(other.items)
            names.extend(other.names)
        seen.add(name)
    return values


def word_span(file: PolicyFile, within: Span, word: str) -> Span:
    """Where `word` first stands alone in the part of the source that `within` covers; else `within` itself."""
    found = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)").search(file.source, within.start, within.end)
    if found is None:
        return within
    start = found.start()
    line_start = file.source.rfind("\n", 0, start) + 1
    return Span(start, start + len(word), file.source.count("\n", 0, start) + 1, start - line_start + 1)


def _rules(files: Iterable[PolicyFile]) -> Iterator[tuple[PolicyFile, Rule, Scope]]:
    for file in files:
        for statement in file.statements:
            if isinstance(statement, Rule):
                yield file, statement, EVERYONE
            elif isinstance(statement, ScopeBlock):
                for rule in statement.rules:
                    yield file, rule, statement.scope


def _patterns(
    tools: Iterable[ToolPattern | GroupName],
    groups: Mapping[str, tuple[ToolPattern | GroupName, ...]],
    inside: frozenset[str],
) -> Iterator[ToolPattern]:
    for tool in tools:
        if isinstance(tool, ToolPattern):
            yield tool
        elif tool.name not in inside:
            yield from _patterns(groups.get(tool.name, ()), groups, inside | {tool.name})


def _whole(rule: Rule, named: Mapping[str, Rule], inside: frozenset[str]) -> Condition | None:
    parts: list[Condition] = []
    if rule.when is not None:
        parts.append(_expanded(rule.when, named, inside))
    if rule.unless is not None:
        parts.append(Not(_expanded(rule.unless, named, inside), rule.unless.span))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(tuple(parts), parts[0].span)


def _expanded(condition: Condition, named: Mapping[str, Rule], inside: frozenset[str]) -> Condition:
    def reference(node: RuleRef) -> Condition:
        if node.rule in inside or node.rule not in named:
            return Constant(True, node.span)
        whole = _whole(named[node.rule], named, inside | {node.rule}) or Constant(True)
        return cast(Condition, _rebuilt(whole, lambda inner: replace(inner, span=node.span)))

    if not any(isinstance(node, RuleRef) for node in nodes(condition)):
        return condition
    return cast(Condition, _rebuilt(condition, lambda node: reference(node) if isinstance(node, RuleRef) else node))


def _rebuilt(node: Any, change: Any) -> Any:
    """The tree with `change` applied to every node that has a span, innermost first."""
    if isinstance(node, tuple):
        return tuple(_rebuilt(item, change) for item in node)
    if not parts(type(node)):
        return node
    rebuilt = replace(node, **{name: _rebuilt(getattr(node, name), change) for name in parts(type(node))})
    return change(rebuilt) if hasattr(node, "span") else rebuilt
