"""Conditions without names: what rules, macros and sets stand for is written in their place.

What a name needs to be one is refused here, at its own place: counters, labels, groups, zones that nothing defines.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, cast

from ..ast import (
    EXACT,
    And,
    Arithmetic,
    Condition,
    Constant,
    CounterValue,
    DerivedFrom,
    Event,
    FromResults,
    Happened,
    IfThen,
    Label,
    LengthOf,
    MacroUse,
    Member,
    Not,
    NumberOf,
    Or,
    PolicyFile,
    Quantified,
    RuleRef,
    Runs,
    SessionExceeds,
    SessionHas,
    SetLiteral,
    SetName,
    Signature,
    Span,
    Tally,
    TimeBetween,
    Under,
)
from .bounds import MAX_DEPTH, MAX_NODES
from .collected import Collected
from .events import refuse_session
from .faults import fault, unknown
from .intents import Maps
from .labels import Labels
from .macros import put_in
from .names import Names
from .times import refuse_unknown_zone
from .tree import inside, moved, parts, with_parts


@dataclass(frozen=True, slots=True)
class WrittenOut:
    """A condition without names, with its nodes and its depth. `remembers`: something in it asks what the session
    remembers, which stands there as it was written until memory.py gives it its place."""

    condition: Condition
    nodes: int
    depth: int
    remembers: bool


class Writing:
    """Writes conditions out. What a rule's or a macro's name stands for is written once."""

    def __init__(self, collected: Collected, names: Names, labels: Labels, maps: Maps) -> None:
        self.collected = collected
        self.names = names
        self.labels = labels
        self.maps = maps
        self._rules: dict[str, WrittenOut] = {}
        self._macros: dict[str, WrittenOut] = {}

    def condition(self, file: PolicyFile, part: Condition, signature: Signature | None = None) -> WrittenOut:
        """A condition of a sentence, names replaced; a named set stays a name, so that the engines share one object
        for all its uses. `signature` is only for what to tell the writer."""
        writing = _Condition(self, file, signature)
        return writing.done(writing.out(part, 1))

    def of_call(self, file: PolicyFile, part: Condition | None) -> Condition | None:
        """A condition on one call and its answer, sets written out too: of an event or a label."""
        return None if part is None else _Condition(self, file, None).of_call(part, 1)

    def event(self, file: PolicyFile, event: Event) -> Event:
        """An event with its groups and its condition written out; intents stay named."""
        return _Condition(self, file, None).event(event, 1)

    def operands(self, file: PolicyFile, node: Any) -> None:
        """Refuses what the operands directly inside a node name and nothing defines."""
        _Condition(self, file, None).check_operands(node)

    def rule(self, name: str) -> WrittenOut:
        """A rule's name is its `when` and not its `unless`."""
        if name not in self._rules:
            file, rule = self.collected.named[name].file, self.collected.named[name].node
            with self.names.entered("rule", name, file, rule.span):
                writing = _Condition(self, file, rule.signature)
                parts = [] if rule.when is None else [writing.out(rule.when, 2)]
                if rule.unless is not None:
                    parts.append(Not(writing.out(rule.unless, 3)))
                whole = And(tuple(parts)) if len(parts) > 1 else parts[0] if parts else Constant(True)
                writing.nodes += 2
                self._rules[name] = writing.done(whole)
        return self._rules[name]

    def macro(self, name: str) -> WrittenOut:
        """A macro's body; its parameters are still arguments."""
        if name not in self._macros:
            file, macro = self.collected.macros[name].file, self.collected.macros[name].node
            with self.names.entered("define", name, file, macro.span):
                writing = _Condition(self, file, None)
                self._macros[name] = writing.done(writing.out(macro.body, 1))
        return self._macros[name]


class _Condition:
    """One condition being written out: `nodes` and `depth` so far."""

    def __init__(self, writing: Writing, file: PolicyFile, signature: Signature | None) -> None:
        self._writing = writing
        self._file = file
        self._signature = signature
        self.nodes = 0
        self.depth = 0
        self.remembers = False

    def done(self, condition: Condition) -> WrittenOut:
        return WrittenOut(condition, self.nodes, self.depth, self.remembers)

    def out(self, node: Condition, depth: int) -> Condition:
        self._spend(node.span, 1, depth)
        match node:
            case And(items=items) | Or(items=items):
                return replace(node, items=tuple(self.out(item, depth + 1) for item in items))
            case Not(item=item):
                return replace(node, item=self.out(item, depth + 1))
            case IfThen(test=test, then=then, otherwise=otherwise):
                rest = None if otherwise is None else self.out(otherwise, depth + 1)
                return replace(node, test=self.out(test, depth + 1), then=self.out(then, depth + 1), otherwise=rest)
            case Quantified(body=body):
                return replace(node, body=self.out(body, depth + 1))
            case RuleRef():
                return self._referred(node, depth)
            case MacroUse():
                return self._used(node, depth)
            case Happened():
                self.remembers = True
                until = None if node.until is None else self.event(node.until, depth + 1)
                return replace(node, event=self.event(node.event, depth + 1), until=until)
            case _:
                return self._leaf(node)

    def _leaf(self, node: Condition) -> Condition:
        self.check_operands(node)
        names = self._writing.names
        match node:
            case Member():
                return self._member(node)
            case Under(roots=roots):
                return replace(node, roots=self._texts(roots))
            case Runs(programs=programs):
                return replace(node, programs=self._texts(programs))
            case TimeBetween(zone=zone):
                refuse_unknown_zone(self._file, node.span, zone)
            case SessionHas(label=label):
                self._writing.labels.known(self._file, label)
            case SessionExceeds(clearance=clearance):
                for label in clearance:
                    self._writing.labels.known(self._file, label)
            case FromResults(tools=tools):
                self.remembers = True
                return replace(node, tools=names.patterns(self._file, tools))
            case DerivedFrom(source=source):
                self.remembers = True
                if isinstance(source, Label):
                    self._writing.labels.known(self._file, source)
                elif isinstance(source, tuple):
                    return replace(node, source=names.patterns(self._file, source))
        return node

    def event(self, event: Event, depth: int) -> Event:
        """An event with its groups and its condition written out; intents stay named."""
        self._writing.maps.refuse_unmapped(self._file, event.tools)
        tools = self._writing.names.targets(self._file, event.tools)
        condition = None if event.condition is None else self.of_call(event.condition, depth)
        return replace(event, tools=tools, condition=condition)

    def of_call(self, node: Condition, depth: int) -> Condition:
        written = self.out(node, depth)
        refuse_session(self._file, written)
        return cast(Condition, self._without_set_names(written))

    def _without_set_names(self, node: Any) -> Any:
        if isinstance(node, SetName):
            return replace(self._writing.names.value(self._file, node), span=node.span)
        return with_parts(node, self._without_set_names)

    def check_operands(self, node: Any) -> None:
        for name in parts(type(node)):
            part = getattr(node, name)
            if type(part) in _COMPOSED:
                for value in inside(part):
                    if isinstance(value, CounterValue):
                        self._counter(value)
                    self.remembers = self.remembers or isinstance(value, CounterValue | Tally)

    def _counter(self, node: CounterValue) -> None:
        counters = self._writing.collected.counters
        if node.counter not in counters:
            raise unknown(self._file, node.span, "counter", node.counter, counters)
        keys = counters[node.counter].node.keys
        if len(keys) != len(node.keys):
            counted = "counts all together" if not keys else f"counts by {len(keys)} value{'s' * (len(keys) > 1)}"
            shown = f"counter {node.counter}" + (f"[{', '.join('x' * len(keys))}]" if keys else "")
            raise fault(
                self._file, node.span, f"`{node.counter}` {counted}", "counter-keys", f"write it as in `{shown}`"
            )

    def _texts(self, names: SetLiteral | SetName) -> SetLiteral | SetName:
        texts = self._writing.names.texts(self._file, names)
        return names if isinstance(names, SetName) else texts

    def _member(self, node: Member) -> Member:
        value = self._writing.names.value(self._file, node.within)
        if node.text != EXACT and not isinstance(value, SetLiteral):
            raise fault(
                self._file, node.span, "only a set of text can be compared so", "text-options", "leave the option out"
            )
        return node if isinstance(node.within, SetName) else replace(node, within=value)

    # --- names of conditions ----------------------------------------------------------------------------------------

    def _referred(self, node: RuleRef, depth: int) -> Condition:
        collected = self._writing.collected
        if node.rule in collected.macros:
            return self._used(MacroUse(node.rule, (), node.span), depth)
        if node.rule not in collected.named:
            what = collected.sentence(node.rule)
            if what is not None:
                raise fault(
                    self._file,
                    node.span,
                    f"`{node.rule}` is a {what}, which has no condition to stand for",
                    "no-rule",
                    "what is learned changes with what is reported: nothing that is written rests on it"
                    if what == "learned rule"
                    else "give the condition a name of its own, as in `define name = ...`",
                )
            known = {*collected.named, *collected.macros}
            error = unknown(self._file, node.span, "rule", node.rule, known)
            if self._signature is not None and any(a.name == node.rule for a in self._signature.arguments):
                error.help = f"an argument is compared, as in `{node.rule} == true`; a bare name is a rule's"
            raise error
        named = self._writing.rule(node.rule)
        self._spend(node.span, named.nodes, depth + named.depth)
        self.remembers = self.remembers or named.remembers
        return cast(Condition, moved(named.condition, node.span))

    def _used(self, node: MacroUse, depth: int) -> Condition:
        macros = self._writing.collected.macros
        if node.name not in macros:
            raise unknown(self._file, node.span, "define", node.name, macros)
        self.check_operands(node)
        macro = macros[node.name].node
        named = self._writing.macro(node.name)
        if node.operands or macro.parameters:
            body, longer = put_in(self._file, node, macro, cast(Condition, moved(named.condition, node.span)))
        else:
            body, longer = cast(Condition, moved(named.condition, node.span)), 0
        self._spend(node.span, named.nodes + longer, depth + named.depth)
        self.remembers = self.remembers or named.remembers
        return body

    def _spend(self, span: Span, nodes: int, depth: int) -> None:
        self.nodes += nodes
        self.depth = max(self.depth, depth)
        if self.nodes > MAX_NODES:
            raise fault(self._file, span, f"the condition has more than {MAX_NODES} tests, written out", "too-long")
        if self.depth > 2 * MAX_DEPTH:
            raise fault(self._file, span, f"the condition nests deeper than {2 * MAX_DEPTH}, written out", "too-deep")


_COMPOSED: Final = frozenset({Arithmetic, LengthOf, NumberOf, CounterValue, Tally, tuple})
"""What may hold the value of a counter; most operands are an argument or a written value."""
