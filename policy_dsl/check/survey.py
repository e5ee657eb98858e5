"""The policy set as the passes read it: every rule where it stands, with the tools it fits and its whole condition.

Passes read the rules as written (a PolicySet's own rules have references replaced, so their spans may point into
another file). A reference to another rule or a macro stands here as that condition, every span of which is the
reference's. What else speaks of tools (limits, counters, events, labels, rewrites) is a *mention*.

A rule on an intent has no tools here: resolving it has already held its fields to the intent's schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from policy_dsl.ast import (
    EVERYONE,
    LAYERS,
    And,
    Argument,
    Condition,
    Constant,
    Effect,
    Element,
    GroupDefinition,
    GroupName,
    IntentMap,
    IntentName,
    Layer,
    Learnable,
    Macro,
    MacroUse,
    Not,
    Operand,
    PolicyFile,
    PolicySet,
    Presence,
    Rule,
    RuleRef,
    Scalar,
    Scope,
    ScopeBlock,
    SetDefinition,
    SetLiteral,
    SetName,
    Span,
    Statement,
    TestBlock,
    ToolPattern,
    ValueSet,
)
from policy_dsl.catalogue import Catalogue, Tool
from policy_dsl.findings import Finding

from .nodes import nodes, parts

Written = ToolPattern | GroupName | IntentName
Kind = TypeVar("Kind")

GRANTS = (Effect.ALLOW, Effect.ASK)


@dataclass(frozen=True, slots=True)
class Site:
    """One rule as written: its file, its scope, its patterns with groups replaced, and the catalogue's tools it fits.

    `condition` is `when and not unless`, references replaced; None where the rule writes none. `layer` is its file's.
    A learnable is a site like an allow, whose rule is of origin `learnable`; a learned rule that is not active has a
    rule in shadow. `inside` tells that a learned allow fits some learnable.
    """

    file: PolicyFile
    rule: Rule
    scope: Scope
    patterns: tuple[ToolPattern, ...]
    tools: tuple[Tool, ...]
    condition: Condition | None
    layer: str = LAYERS[0]
    inside: bool = False

    @property
    def called(self) -> str:
        """What a message calls the rule."""
        what = "learnable" if self.rule.origin == "learnable" else "rule"
        return f"`{self.rule.name}`" if self.rule.name else f"the {what} in line {self.rule.span.line}"

    @property
    def opens(self) -> bool:
        """Whether it is an allow that memory learned: it grants within learnables only."""
        return self.rule.learned is not None and self.rule.effect is Effect.ALLOW


@dataclass(frozen=True, slots=True)
class Placed:
    """A statement where it stands, with the scope around it."""

    file: PolicyFile
    statement: Statement
    scope: Scope = EVERYONE


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything a pass may look at. `statements` are all of all files, those inside scopes too, but for tests;
    `written` are their nodes by kind, `granted` the tools that some rule grants to anybody, or memory may open, through
    an intent too.
    `now` is microseconds since 1970 UTC, None where no clock is asked. `sites` are the rules, `ceilings` the learnables
    and `read` both: what is said of an allow as it is written goes for them too."""

    files: tuple[PolicyFile, ...]
    sites: tuple[Site, ...]
    sets: Mapping[str, ValueSet]
    set_definitions: tuple[tuple[PolicyFile, SetDefinition], ...]
    groups: tuple[tuple[PolicyFile, GroupDefinition], ...]
    catalogue: Catalogue
    statements: tuple[Placed, ...] = ()
    named: Mapping[str, Rule | Macro] = field(default_factory=dict)
    written: Mapping[type, Sequence[tuple[Placed, Any]]] = field(default_factory=dict)
    granted: frozenset[Tool] = frozenset()
    members: Mapping[str, tuple[ToolPattern | GroupName, ...]] = field(default_factory=dict)
    now: int | None = None
    ceilings: tuple[Site, ...] = ()

    @property
    def read(self) -> tuple[Site, ...]:
        return (*self.sites, *self.ceilings)

    def every(self, kind: type[Kind]) -> Sequence[tuple[Placed, Kind]]:
        """All nodes of a kind, with the statements they stand in."""
        return self.written.get(kind, ())

    def patterns(self, written: Sequence[Written]) -> tuple[ToolPattern, ...]:
        """With groups replaced by their members, and without intents."""
        return tuple(_patterns(written, self.members, frozenset()))

    def is_group(self, written: Written) -> bool:
        return _group_named(written, self.members) is not None

    def tools(self, written: Sequence[Written]) -> tuple[Tool, ...]:
        """The catalogue's tools that these fit."""
        return tuple(dict.fromkeys(t for one in self.patterns(written) for t in fitting(one, self.catalogue)))

    def expanded(self, condition: Condition) -> Condition:
        """With references replaced by what they stand for."""
        return _expanded(condition, self.named, frozenset())


def survey(policy: PolicySet, catalogue: Catalogue, now: int | None = None) -> Survey:
    placed = tuple(_placed(policy.files))
    groups = tuple((one.file, one.statement) for one in placed if isinstance(one.statement, GroupDefinition))
    members = {group.name: group.members for _, group in groups}
    written = [(one.file, _rule_of(one.statement), one.scope) for one in placed]
    rules = [(file, rule, scope) for file, rule, scope in written if rule is not None]
    named: dict[str, Rule | Macro] = {rule.name: rule for _, rule, _ in rules if rule.name is not None}
    named |= {one.statement.name: one.statement for one in placed if isinstance(one.statement, Macro)}
    layers = {one.file.path: one.statement.name for one in placed if isinstance(one.statement, Layer)}
    opened = {id.partition("/")[0] for id, rule in policy.rules.items() if rule.learned is not None}
    sites = []
    for file, rule, scope in rules:
        patterns = tuple(_patterns(rule.tools, members, frozenset()))
        tools = tuple(dict.fromkeys(tool for pattern in patterns for tool in fitting(pattern, catalogue)))
        whole = _whole(rule, named, frozenset())
        inside = (rule.name or f"{Path(file.path).stem}:{rule.span.line}") in opened
        sites.append(Site(file, rule, scope, patterns, tools, whole, layers.get(file.path, LAYERS[0]), inside))
    definitions = tuple((one.file, one.statement) for one in placed if isinstance(one.statement, SetDefinition))
    by_kind: dict[type, list[tuple[Placed, Any]]] = {}
    for one in placed:
        if not isinstance(one.statement, TestBlock):
            for node in nodes(one.statement):
                by_kind.setdefault(type(node), []).append((one, node))
    return Survey(
        files=policy.files,
        sites=tuple(site for site in sites if site.rule.origin != "learnable"),
        ceilings=tuple(site for site in sites if site.rule.origin == "learnable"),
        sets=policy.sets,
        set_definitions=definitions,
        groups=groups,
        catalogue=catalogue,
        statements=placed,
        named=named,
        written=by_kind,
        granted=_granted(sites, policy.intents, catalogue),
        members=members,
        now=now,
    )


def _rule_of(statement: Statement) -> Rule | None:
    """What a statement decides, as it is written: a learned rule that is not active is only watched."""
    if isinstance(statement, Learnable):
        return statement.rule
    if isinstance(statement, Rule) and statement.learned is not None and statement.learned.state != "active":
        return replace(statement, shadow=True)
    return statement if isinstance(statement, Rule) else None


def _granted(sites: Iterable[Site], maps: Iterable[IntentMap], catalogue: Catalogue) -> frozenset[Tool]:
    found: set[Tool] = set()
    intents: set[str] = set()
    for site in sites:
        if site.rule.effect in GRANTS and not site.rule.shadow and not site.opens:
            found.update(site.tools)
            intents.update(target.name for target in site.rule.tools if isinstance(target, IntentName))
    found.update(tool for one in maps if one.intent in intents for tool in fitting(one.tool, catalogue))
    return frozenset(found)


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


def _placed(files: Iterable[PolicyFile]) -> Iterator[Placed]:
    for file in files:
        for statement in file.statements:
            if isinstance(statement, ScopeBlock):
                yield from (Placed(file, inner, statement.scope) for inner in statement.rules)
            else:
                yield Placed(file, statement)


def _patterns(
    tools: Iterable[Written],
    groups: Mapping[str, tuple[ToolPattern | GroupName, ...]],
    inside: frozenset[str],
) -> Iterator[ToolPattern]:
    for tool in tools:
        name = _group_named(tool, groups)
        if isinstance(tool, ToolPattern) and name is None:
            yield tool
        elif name is not None and name not in inside:
            yield from _patterns(groups.get(name, ()), groups, inside | {name})


def _group_named(tool: Written, groups: Mapping[str, object]) -> str | None:
    """A bare name stands for a group of any file; a name in quotes is always a tool."""
    if isinstance(tool, ToolPattern):
        return tool.tool if tool.server is None and not tool.quoted and tool.tool in groups else None
    return tool.name if isinstance(tool, GroupName) else None


def _whole(rule: Rule, named: Mapping[str, Rule | Macro], inside: frozenset[str]) -> Condition | None:
    parts: list[Condition] = []
    if rule.when is not None:
        parts.append(_expanded(rule.when, named, inside))
    if rule.unless is not None:
        parts.append(Not(_expanded(rule.unless, named, inside), rule.unless.span))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(tuple(parts), parts[0].span)


def _expanded(condition: Condition, named: Mapping[str, Rule | Macro], inside: frozenset[str]) -> Condition:
    def stands_for(node: RuleRef | MacroUse) -> Condition:
        name = node.rule if isinstance(node, RuleRef) else node.name
        known = named.get(name)
        if name in inside or known is None:
            return Constant(True, node.span)
        if isinstance(known, Rule):
            whole = _whole(known, named, inside | {name}) or Constant(True)
        else:
            operands = node.operands if isinstance(node, MacroUse) else ()
            put_in = dict(zip(known.parameters, operands, strict=False))
            whole = _rebuilt(_expanded(known.body, named, inside | {name}), lambda inner: _given(inner, put_in))
        return cast(Condition, _rebuilt(whole, lambda inner: replace(inner, span=node.span)))

    if not any(isinstance(node, RuleRef | MacroUse) for node in nodes(condition)):
        return condition
    return cast(
        Condition,
        _rebuilt(condition, lambda node: stands_for(node) if isinstance(node, RuleRef | MacroUse) else node),
    )


def _given(node: Any, put_in: Mapping[str, Operand]) -> Any:
    """A parameter of a macro as the operand put in; what is not a place is always there."""
    if isinstance(node, Presence) and not isinstance(node.operand, Argument | Element):
        return Constant(node.kind == "has", node.span)
    if not isinstance(node, Argument) or node.path[0] not in put_in:
        return node
    operand = put_in[str(node.path[0])]
    if isinstance(operand, Argument | Element):
        return replace(operand, path=(*operand.path, *node.path[1:]))
    return operand if len(node.path) == 1 else node


def _rebuilt(node: Any, change: Any) -> Any:
    """The tree with `change` applied to every node that has a span, innermost first."""
    if isinstance(node, tuple):
        return tuple(_rebuilt(item, change) for item in node)
    if not parts(type(node)):
        return node
    rebuilt = replace(node, **{name: _rebuilt(getattr(node, name), change) for name in parts(type(node))})
    return change(rebuilt) if hasattr(node, "span") else rebuilt
