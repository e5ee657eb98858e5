"""Rules on an intent, written out as one rule for each tool that maps it.

In such a rule a bare name is a field of the intent. For each tool it becomes what the map computes the field from, and
the signature becomes the arguments that the named fields read, and those that the map ignores: a call with any other
argument does not fit, as with every rule that names its arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ..ast import (
    Argument,
    Condition,
    GroupName,
    IntentMap,
    IntentName,
    NamedArgument,
    Operand,
    PolicyFile,
    Rule,
    Signature,
    Span,
    ToolPattern,
)
from ..errors import BundleError
from ..intents import Schema
from .collected import Collected, Written
from .faults import fault, suggestion
from .intent_maps import checked, read_by, unknown_field
from .substitution import Absence, Substitution
from .tree import moved


@dataclass(frozen=True, slots=True)
class Mapped:
    """One map with its schema."""

    file: PolicyFile
    node: IntentMap
    schema: Schema

    @property
    def tool(self) -> str:
        """How an id names the tool."""
        pattern = self.node.tool
        return pattern.tool if pattern.server is None else f"{pattern.server}/{pattern.tool}"


class Fields(Substitution):
    """The fields of an intent as one tool spells them."""

    place_help = "map the field to a plain argument"

    def __init__(self, file: PolicyFile, mapped: Mapped) -> None:
        super().__init__(file)
        self._mapped = mapped
        self._operands = dict(mapped.node.fields)

    def stands_for(self, name: str, span: Span) -> Operand | Absence | None:
        if name not in self._mapped.schema.fields:
            raise unknown_field(self.file, span, self._mapped.schema, name)
        operand = self._operands.get(name)
        if operand is None:
            return Absence.NEVER_THERE
        found: Operand = moved(operand, span)
        return found

    def never_there(self, name: str, span: Span) -> BundleError:
        return fault(
            self.file,
            span,
            f"the map of `{self._mapped.tool}` says nothing of `{name}`",
            "unmapped-field",
            f"ask first whether it is there (`missing {name} or ...`, `has {name} and ...`), or map it at "
            f"{self._mapped.file.path}:{self._mapped.node.span.line}",
        )


class Maps:
    """All maps, by intent and in order of their tools."""

    def __init__(self, collected: Collected) -> None:
        self._intents: dict[str, list[Mapped]] = {}
        by_tool: dict[str, Written[IntentMap]] = {}
        for written in collected.intents:
            self._refuse_second(written, by_tool)
            known = checked(written.file, written.node, collected.catalogue)
            self._intents.setdefault(known.name, []).append(Mapped(written.file, written.node, known))
        for maps in self._intents.values():
            maps.sort(key=lambda mapped: mapped.tool)
            for other in maps[1:]:
                if other.schema.version != maps[0].schema.version:
                    raise fault(
                        other.file,
                        other.node.span,
                        f"`{other.schema.name}` is mapped in two versions",
                        "intent-version",
                        f"version {maps[0].schema.version} at {maps[0].file.path}:{maps[0].node.span.line}",
                    )

    @staticmethod
    def _refuse_second(written: Written[IntentMap], by_tool: dict[str, Written[IntentMap]]) -> None:
        """A call is one intent, so that Records and approvals can bind it."""
        name, server = written.node.tool.tool, written.node.tool.server
        for first in [by_tool.get(name), by_tool.get(f"{server}/{name}")] if server else _same_name(name, by_tool):
            if first is not None:
                raise fault(
                    written.file,
                    written.node.tool.span,
                    f"`{name}` is mapped twice",
                    "defined-twice",
                    f"first at {first.file.path}:{first.node.span.line}",
                )
        by_tool[name if server is None else f"{server}/{name}"] = written

    def __iter__(self) -> Iterator[IntentMap]:
        return (mapped.node for name in sorted(self._intents) for mapped in self._intents[name])

    def of(self, file: PolicyFile, intent: IntentName) -> list[Mapped]:
        """The maps of an intent. Raises BundleError where no tool has one."""
        if intent.name not in self._intents:
            mapped = sorted(self._intents)
            raise fault(
                file,
                intent.span,
                f"no tool is mapped to the intent `{intent.name}`",
                "unmapped-intent",
                suggestion("intent", intent.name, mapped)
                if mapped
                else f"map one, as in `intent {intent.name} 1 from tool {{ ... }}`",
            )
        return self._intents[intent.name]

    def refuse_unmapped(self, file: PolicyFile, tools: Iterable[ToolPattern | GroupName | IntentName]) -> None:
        for tool in tools:
            if isinstance(tool, IntentName):
                self.of(file, tool)

    def tools(self, file: PolicyFile, tools: Iterable[ToolPattern | IntentName]) -> tuple[ToolPattern, ...]:
        """With each intent replaced by the tools that map it."""
        found: dict[ToolPattern, None] = {}
        for tool in tools:
            if isinstance(tool, IntentName):
                found.update((replace(m.node.tool, span=tool.span), None) for m in self.of(file, tool))
            else:
                found.setdefault(tool)
        return tuple(found)

    # --- rules ------------------------------------------------------------------------------------------------------

    def rules(
        self, id: str, file: PolicyFile, rule: Rule, tools: tuple[ToolPattern | IntentName, ...]
    ) -> Iterator[tuple[str, Rule]]:
        """The rule under its own id for the tools that it names, and under `<id>/<tool>` for each tool of an intent.
        `when` and `unless` are written out already."""
        patterns = tuple(tool for tool in tools if isinstance(tool, ToolPattern))
        if patterns:
            yield id, replace(rule, tools=patterns)
        for intent in tools:
            if isinstance(intent, IntentName):
                for mapped in self.of(file, intent):
                    yield f"{id}/{mapped.tool}", self._for_tool(file, rule, intent, mapped)

    def _for_tool(self, file: PolicyFile, rule: Rule, intent: IntentName, mapped: Mapped) -> Rule:
        signature = None if rule.signature is None else _signature(file, rule.signature, mapped)
        fields = Fields(file, mapped)

        def written(condition: Condition | None) -> Condition | None:
            return None if condition is None else fields.applied(condition)

        return replace(
            rule,
            tools=(replace(mapped.node.tool, span=intent.span),),
            signature=signature,
            when=written(rule.when),
            unless=written(rule.unless),
        )


def _same_name(name: str, by_tool: dict[str, Written[IntentMap]]) -> list[Written[IntentMap] | None]:
    return [written for written in by_tool.values() if written.node.tool.tool == name]


# --- signatures -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Read:
    """How much of an argument is looked at: the members that are, or all of it. `optional`: only by what may be absent.
    `members` None: the whole value, as a rule that names the argument takes it."""

    optional: bool = True
    whole: bool = False
    inside: dict[str, _Read] = field(default_factory=dict)
    members: Signature | None = None

    def named(self, name: str) -> NamedArgument:
        if self.whole or not self.inside:
            return NamedArgument(name, self.optional, self.members)
        return NamedArgument(name, self.optional, Signature(_named(self.inside), False))


def _signature(file: PolicyFile, signature: Signature, mapped: Mapped) -> Signature:
    named = {argument.name: argument for argument in signature.arguments}
    fields = dict(mapped.node.fields)
    for argument in signature.arguments:
        _refuse_unfit(file, argument, fields, mapped)
    if not signature.open:
        _refuse_unnamed(file, signature, named, fields, mapped)
    read: dict[str, _Read] = {}
    for name, argument in named.items():
        if name in fields:
            for part in read_by(fields[name]):
                _add(read, part, argument)
    for name in mapped.node.ignored:
        kept = read.setdefault(name, _Read())
        kept.whole, kept.members = True, Signature((), True)
    return Signature(_named(read), signature.open, signature.span)


def _refuse_unfit(file: PolicyFile, argument: NamedArgument, fields: dict[str, Operand], mapped: Mapped) -> None:
    if argument.name not in mapped.schema.fields:
        raise unknown_field(file, argument.span, mapped.schema, argument.name)
    operand = fields.get(argument.name)
    if operand is None and not argument.optional:
        raise fault(
            file,
            argument.span,
            f"the map of `{mapped.tool}` says nothing of `{argument.name}`",
            "unmapped-field",
            f"write `{argument.name}?`: with it or without it",
        )
    if operand is not None and argument.members is not None and not isinstance(operand, Argument):
        raise fault(
            file,
            argument.span,
            f"`{argument.name}` of `{mapped.tool}` has nothing inside",
            "no-place",
            Fields.place_help,
        )


def _refuse_unnamed(
    file: PolicyFile,
    signature: Signature,
    named: dict[str, NamedArgument],
    fields: dict[str, Operand],
    mapped: Mapped,
) -> None:
    """A field that every call has and the rule does not name: the rule could fit no call."""
    for name, operand in fields.items():
        always = name in mapped.schema.required or not any(read_by(operand))
        if always and name not in named:
            raise fault(
                file,
                signature.span,
                f"every {mapped.schema.name} by `{mapped.tool}` has `{name}`, which is not named here",
                "unnamed-field",
                f"add `{name}`, or end the names with `...`",
            )


def _add(read: dict[str, _Read], part: Argument, argument: NamedArgument) -> None:
    """Positions in a list are passed over: a signature's members are those of each object in it."""
    optional = argument.optional
    steps = [step for step in part.path if isinstance(step, str)]
    for step in steps:
        kept = read.setdefault(step, _Read())
        kept.optional = kept.optional and optional
        read = kept.inside
    kept.whole = True
    kept.members = kept.members or argument.members


def _named(read: dict[str, _Read]) -> tuple[NamedArgument, ...]:
    return tuple(found.named(name) for name, found in read.items())
