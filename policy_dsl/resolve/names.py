"""Sets and groups by name, written out. Names never stand for themselves, however far around."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from ..ast import (
    GroupName,
    IntentName,
    MailSet,
    PolicyFile,
    RangeSet,
    Scalar,
    SetLiteral,
    SetName,
    Span,
    ToolPattern,
    ValueSet,
    WebSet,
)
from .bounds import MAX_DEPTH
from .collected import Collected
from .faults import fault, name_within, unknown

Target = ToolPattern | GroupName | IntentName


class Names:
    """Answers what sets and groups stand for. Each is resolved once; `_open` holds the names being resolved, of these
    and of rules and macros, outermost first."""

    def __init__(self, collected: Collected) -> None:
        self._collected = collected
        self._open: list[tuple[str, str]] = []
        self._sets: dict[str, ValueSet] = {}
        self._groups: dict[str, tuple[ToolPattern, ...]] = {}

    @contextmanager
    def entered(self, what: str, name: str, file: PolicyFile, span: Span) -> Iterator[None]:
        """While a name is being resolved. Raises BundleError where it is already."""
        if (what, name) in self._open:
            around = [f"`{other}`" for _, other in self._open[self._open.index((what, name)) :]]
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
        yield
        self._open.pop()

    # --- sets -------------------------------------------------------------------------------------------------------

    def named_set(self, name: str) -> ValueSet:
        """The value of a set, without names in it."""
        if name not in self._sets:
            written = self._collected.sets[name]
            with self.entered("set", name, written.file, written.node.span):
                self._sets[name] = self.value(written.file, written.node.value)
        return self._sets[name]

    def _used_set(self, file: PolicyFile, name: str, span: Span) -> ValueSet:
        if name not in self._collected.sets:
            raise unknown(file, name_within(file, span, name), "set", name, self._collected.sets)
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

    def patterns(self, file: PolicyFile, tools: Iterable[Target]) -> tuple[ToolPattern, ...]:
        """The tools that are named, groups replaced by their members, but for those of intents. Each stands at the
        place where the statement names it."""
        found: dict[ToolPattern, None] = {}
        for tool in tools:
            if isinstance(tool, IntentName):
                continue
            name = self._group_named(tool)
            if name is None:
                found.setdefault(cast(ToolPattern, tool))
            elif name not in self._collected.groups:
                raise unknown(file, tool.span, "group", name, self._collected.groups)
            else:
                found.update((replace(member, span=tool.span), None) for member in self.group(name))
        return tuple(found)

    def targets(self, file: PolicyFile, tools: Iterable[Target]) -> tuple[ToolPattern | IntentName, ...]:
        """The same, with the intents that are named behind the tools."""
        tools = tuple(tools)
        return (*self.patterns(file, tools), *(tool for tool in tools if isinstance(tool, IntentName)))

    def _group_named(self, tool: ToolPattern | GroupName) -> str | None:
        """The group that a bare name stands for; a name in quotes is always a tool."""
        if isinstance(tool, GroupName):
            return tool.name
        bare = tool.server is None and not tool.quoted and tool.tool in self._collected.groups
        return tool.tool if bare else None

    def group(self, name: str) -> tuple[ToolPattern, ...]:
        """The tools of a group, without names of groups in it."""
        if name not in self._groups:
            written = self._collected.groups[name]
            with self.entered("group", name, written.file, written.node.span):
                self._groups[name] = self.patterns(written.file, written.node.members)
        return self._groups[name]


def _kind_and_value(item: Scalar) -> tuple[str, Scalar]:
    """Equal exactly where two members are the same JSON value: 1 is 1.0, and neither is true."""
    return ("boolean" if isinstance(item, bool) else "text" if isinstance(item, str) else "number", item)
