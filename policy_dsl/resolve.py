"""Names inside a policy: what each use of a set, a group or a rule stands for.

Sets and groups are replaced by their members, a rule's name in a condition by that rule's own condition (its `when` and
not its `unless`). Names never stand for themselves, however far around: a circle is an error, told with its members.

INVARIANT: a resolved condition has at most MAX_NODES tests and connectives, 2 * MAX_DEPTH inside each other, so that
what is written in a few lines cannot take the engines exponentially long or exhaust their stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from difflib import get_close_matches
from typing import Any, Final, TypeVar, cast

from .ast import (
    EXACT,
    And,
    Condition,
    Constant,
    GroupDefinition,
    GroupName,
    MailSet,
    Member,
    Not,
    Or,
    PolicyFile,
    Quantified,
    RangeSet,
    Rule,
    RuleRef,
    Runs,
    Scalar,
    SetDefinition,
    SetLiteral,
    SetName,
    Span,
    ToolPattern,
    Under,
    ValueSet,
    WebSet,
)
from .errors import BundleError

MAX_NODES: Final = 10_000
"""Tests and connectives of one rule once every rule it refers to is written out."""

MAX_DEPTH: Final = 64
"""Conditions inside each other, and names that stand for names; lower.py holds one rule's own text to the same."""

T = TypeVar("T")
Defined = Mapping[str, tuple[PolicyFile, T]]


class Resolver:
    """Answers what names stand for. Each name is resolved once; `_open` holds those being resolved, outermost first."""

    def __init__(self, sets: Defined[SetDefinition], groups: Defined[GroupDefinition], rules: Defined[Rule]) -> None:
        self._sets = sets
        self._groups = groups
        self.rules = rules
        self._open: list[tuple[str, str]] = []
        self._set_values: dict[str, ValueSet] = {}
        self._group_patterns: dict[str, tuple[ToolPattern, ...]] = {}
        self._rule_conditions: dict[str, tuple[Condition, int, int]] = {}

    # --- sets -------------------------------------------------------------------------------------------------------

    def named_set(self, name: str) -> ValueSet:
        """The value of a set, without names in it."""
        if name not in self._set_values:
            file, definition = self._sets[name]
            self._enter("set", name, file, definition.span)
            self._set_values[name] = self.value(file, definition.value)
            self._open.pop()
        return self._set_values[name]

    def _used_set(self, file: PolicyFile, name: str, span: Span) -> ValueSet:
        if name not in self._sets:
            raise unknown(file, name_within(file, span, name), "set", name, self._sets)
        return self.named_set(name)

    def value(self, file: PolicyFile, value: ValueSet) -> ValueSet:
        match value:
            case SetLiteral():
                return self._literal(file, value)
            case SetName(name=name):
                return self._used_set(file, name, value.span)
            case MailSet(domains=names):
                return replace(value, domains=self.texts(file, names))
            case WebSet(hosts=names):
                return replace(value, hosts=self.texts(file, names))
            case RangeSet():
                return value

    def _literal(self, file: PolicyFile, value: SetLiteral) -> SetLiteral:
        if not value.names:
            return value
        items = {_kind_and_value(item): item for item in value.items}
        for name in value.names:
            other = self._used_set(file, name, value.span)
            if not isinstance(other, SetLiteral):
                raise fault(
                    file,
                    name_within(file, value.span, name),
                    f"`{name}` is no set of values",
                    "wrong-set",
                    "only a set written in braces has members to take over",
                )
            for item in other.items:
                items.setdefault(_kind_and_value(item), item)
        return SetLiteral(tuple(items.values()), (), value.span)

    def texts(self, file: PolicyFile, names: SetLiteral | SetName) -> SetLiteral:
        value = self.value(file, names)
        if not isinstance(value, SetLiteral) or not all(isinstance(item, str) for item in value.items):
            raise fault(file, names.span, "only text can stand in this set", "wrong-set", 'as in `{ "a", "b" }`')
        return value

    # --- groups -----------------------------------------------------------------------------------------------------

    def patterns(self, file: PolicyFile, tools: Iterable[ToolPattern | GroupName]) -> tuple[ToolPattern, ...]:
        """The tools of a rule, groups replaced by their members. Each stands at the place where the rule names it."""
        found: dict[ToolPattern, None] = {}
        for tool in tools:
            name = self.group_named(tool)
            if name is None:
                found.setdefault(cast(ToolPattern, tool))
            else:
                found.update((replace(member, span=tool.span), None) for member in self.group(name))
        return tuple(found)

    def group_named(self, tool: ToolPattern | GroupName) -> str | None:
        """The group that a bare name stands for; a name in quotes is always a tool."""
        if isinstance(tool, GroupName):
            return tool.name
        return tool.tool if tool.server is None and not tool.quoted and tool.tool in self._groups else None

    def group(self, name: str) -> tuple[ToolPattern, ...]:
        """The tools of a group, without names of groups in it."""
        if name not in self._group_patterns:
            file, definition = self._groups[name]
            self._enter("group", name, file, definition.span)
            self._group_patterns[name] = self.patterns(file, definition.members)
            self._open.pop()
        return self._group_patterns[name]

    # --- conditions -------------------------------------------------------------------------------------------------

    def condition(self, file: PolicyFile, rule: Rule, part: Condition) -> Condition:
        """`when` or `unless` of a rule, without names of rules, and without names inside braces."""
        return _Writing(self, file, rule).out(part, 1)

    def named_condition(self, name: str) -> tuple[Condition, int, int]:
        """What a rule's name stands for, with its nodes and its depth."""
        if name not in self._rule_conditions:
            file, rule = self.rules[name]
            self._enter("rule", name, file, rule.span)
            writing = _Writing(self, file, rule)
            parts = [] if rule.when is None else [writing.out(rule.when, 2)]
            if rule.unless is not None:
                parts.append(Not(writing.out(rule.unless, 3)))
            whole = And(tuple(parts)) if len(parts) > 1 else parts[0] if parts else Constant(True)
            self._rule_conditions[name] = (whole, writing.nodes + 2, writing.depth)
            self._open.pop()
        return self._rule_conditions[name]

    def _enter(self, what: str, name: str, file: PolicyFile, span: Span) -> None:
        if (what, name) in self._open:
            around = [f"`{other}`" for kind, other in self._open[self._open.index((what, name)) :] if kind == what]
            raise fault(
                file,
                span,
                f"the {what} `{name}` stands for itself",
                "circle",
                f"{' needs '.join([*around, f'`{name}`'])}: take one of these names out",
            )
        if len(self._open) >= MAX_DEPTH:
            raise fault(file, span, f"names stand for names more than {MAX_DEPTH} deep", "too-deep")
        self._open.append((what, name))


class _Writing:
    """One rule's condition being written out: `nodes` and `depth` so far."""

    def __init__(self, resolver: Resolver, file: PolicyFile, rule: Rule) -> None:
        self._resolver = resolver
        self._file = file
        self._rule = rule
        self.nodes = 0
        self.depth = 0

    def out(self, node: Condition, depth: int) -> Condition:
        self._spend(node.span, 1, depth)
        match node:
            case And(items=items) | Or(items=items):
                return replace(node, items=tuple(self.out(item, depth + 1) for item in items))
            case Not(item=item):
                return replace(node, item=self.out(item, depth + 1))
            case Quantified(body=body):
                return replace(node, body=self.out(body, depth + 1))
            case Member():
                return self._member(node)
            case Under(roots=roots):
                return replace(node, roots=self._texts(roots))
            case Runs(programs=programs):
                return replace(node, programs=self._texts(programs))
            case RuleRef():
                return self._referred(node, depth)
            case _:
                return node

    def _texts(self, names: SetLiteral | SetName) -> SetLiteral | SetName:
        """A named set stays a name, so that the engines share one object for all its uses."""
        texts = self._resolver.texts(self._file, names)
        return names if isinstance(names, SetName) else texts

    def _member(self, node: Member) -> Member:
        value = self._resolver.value(self._file, node.within)
        if node.text != EXACT and not isinstance(value, SetLiteral):
            raise fault(
                self._file, node.span, "only a set of text can be compared so", "text-options", "leave the option out"
            )
        return node if isinstance(node.within, SetName) else replace(node, within=value)

    def _referred(self, node: RuleRef, depth: int) -> Condition:
        rules = self._resolver.rules
        if node.rule not in rules:
            error = unknown(self._file, node.span, "rule", node.rule, rules)
            if self._rule.signature is not None and any(a.name == node.rule for a in self._rule.signature.arguments):
                error.help = f"an argument is compared, as in `{node.rule} == true`; a bare name is a rule's"
            raise error
        condition, nodes, inner = self._resolver.named_condition(node.rule)
        self._spend(node.span, nodes, depth + inner)
        return cast(Condition, _moved(condition, node.span))

    def _spend(self, span: Span, nodes: int, depth: int) -> None:
        self.nodes += nodes
        self.depth = max(self.depth, depth)
        if self.nodes > MAX_NODES:
            raise fault(self._file, span, f"the condition has more than {MAX_NODES} tests, written out", "too-long")
        if self.depth > 2 * MAX_DEPTH:
            raise fault(self._file, span, f"the condition nests deeper than {2 * MAX_DEPTH}, written out", "too-deep")


def fault(file: PolicyFile, span: Span, message: str, code: str, help: str | None = None) -> BundleError:
    """An error at a place of one of the files."""
    return BundleError(message, code=code, span=span, path=file.path, source=file.source, help=help)


def unknown(file: PolicyFile, span: Span, what: str, name: str, known: Iterable[str]) -> BundleError:
    """The error for a name that nothing defines."""
    names = {other.lower(): other for other in known}
    close = get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    if close:
        help = f"did you mean `{names[close[0]]}`?"
    elif names:
        help = f"defined are {', '.join(f'`{other}`' for other in sorted(names.values())[:_LISTED])}"
    else:
        help = _NONE_DEFINED[what]
    return fault(file, span, f"there is no {what} `{name}`", f"unknown-{what}", help)


def name_within(file: PolicyFile, span: Span, name: str) -> Span:
    """Where a name stands inside a wider place, passing over text and comments; the wider place if it does not."""
    for word in _WORDS.finditer(file.source, span.start, span.end):
        if word.group() == name:
            at = word.start()
            column = at - file.source.rfind("\n", 0, at)
            return Span(at, word.end(), file.source.count("\n", 0, at) + 1, column)
    return span


def _kind_and_value(item: Scalar) -> tuple[str, Scalar]:
    """Equal exactly where two members are the same JSON value: 1 is 1.0, and neither is true."""
    return ("boolean" if isinstance(item, bool) else "text" if isinstance(item, str) else "number", item)


def _moved(node: Any, span: Span) -> Any:
    """The same condition, all of it at the place of the name that stood for it."""
    if isinstance(node, tuple):
        return tuple(_moved(item, span) for item in node)
    if not is_dataclass(node) or isinstance(node, type | Span):
        return node
    inner = {part.name: _moved(getattr(node, part.name), span) for part in fields(node) if part.name != "span"}
    return replace(node, **inner, span=span) if hasattr(node, "span") else node


_LISTED: Final = 8
_NONE_DEFINED: Final = {
    "set": "define it: `set name = { ... }`",
    "rule": "a bare name in a condition is a rule's: name one with `as`, or compare an argument, as in `x == true`",
}
_WORDS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|#[^\n]*|[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*')
