"""Everything that a PolicySet holds, from files and their tools: the passes in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from ..ast import (
    And,
    CallExpectation,
    Clearance,
    Condition,
    Effect,
    GivenLabel,
    Hide,
    IntentMap,
    LabelResults,
    Learnable,
    Limit,
    PolicyFile,
    RedactResults,
    Rewrite,
    Rule,
    SetArgument,
    Source,
    TestBlock,
    Tracker,
    TrustResults,
    ValueSet,
)
from ..catalogue import Catalogue
from .collected import Collected, Written
from .faults import unknown
from .imports import refuse_circles
from .intents import Maps
from .labels import Labels
from .learned import opened
from .memory import Memory
from .names import Names
from .sugar import of_clearance, of_counter, of_limit
from .times import validity_test
from .writing import Writing


@dataclass(frozen=True, slots=True)
class Whole:
    """The parts of a PolicySet, as its docstring tells them; `rules`, `sets`, `rewrites` and `learnable` in order of
    their names."""

    files: tuple[PolicyFile, ...]
    rules: dict[str, Rule]
    sets: dict[str, ValueSet]
    otherwise: dict[str, str | None]
    tests: tuple[TestBlock, ...]
    trackers: tuple[Tracker, ...]
    sources: tuple[Source, ...]
    levels: tuple[str, ...]
    labels: tuple[LabelResults, ...]
    trust: tuple[TrustResults, ...]
    redactions: tuple[RedactResults, ...]
    rewrites: dict[str, Rewrite]
    hidden: tuple[Hide, ...]
    intents: tuple[IntentMap, ...]
    learnable: dict[str, Rule]


def resolve(files: Sequence[PolicyFile], catalogue: Catalogue) -> Whole:
    """Raises BundleError for what needs more than one statement to be seen as wrong."""
    refuse_circles(files)
    return _Resolution(Collected(files, catalogue)).whole()


Listed = TypeVar("Listed", TrustResults, RedactResults, Hide)


class _Resolution:
    def __init__(self, collected: Collected) -> None:
        self._collected = collected
        self._names = Names(collected)
        self._labels = Labels(collected)
        self._maps = Maps(collected)
        self._writing = Writing(collected, self._names, self._labels, self._maps)
        self._memory = Memory(self._writing, self._names, self._maps)

    def whole(self) -> Whole:
        collected = self._collected
        self._hold_unused_names()
        for name in sorted(collected.counters):
            written = collected.counters[name]
            self._memory.count(written.file, written.node)
        rules, learnable = self._rules()
        rewrites = {
            id: self._rewrite(written.file, written.node)
            for id, written in sorted(collected.sentences.items())
            if isinstance(written.node, Rewrite)
        }
        self._refuse_unknown_in_tests(rules)
        return Whole(
            files=tuple(collected.files),
            rules=dict(sorted(rules.items())),
            sets={name: self._names.named_set(name) for name in sorted(collected.sets)},
            otherwise={layer: written.node.message for layer, written in collected.otherwise.items()},
            tests=tuple(written.node for written in collected.tests),
            trackers=self._memory.trackers,
            sources=self._memory.sources,
            levels=() if collected.levels is None else collected.levels.node.names,
            labels=tuple(self._label(written) for written in collected.labels),
            trust=tuple(self._listed(written) for written in collected.trust),
            redactions=tuple(self._listed(written) for written in collected.redactions),
            rewrites=rewrites,
            hidden=tuple(self._listed(written) for written in collected.hidden),
            intents=tuple(self._maps),
            learnable=learnable,
        )

    def _hold_unused_names(self) -> None:
        """A name that nothing uses is held to the same as one that is used."""
        for name in self._collected.groups:
            self._names.group(name)
        for name in self._collected.macros:
            self._writing.macro(name)

    # --- rules ------------------------------------------------------------------------------------------------------

    def _rules(self) -> tuple[dict[str, Rule], dict[str, Rule]]:
        """The rules, and the learnables."""
        collected = self._collected
        found: dict[str, Rule] = {}
        learnable: dict[str, Rule] = {}
        allows: dict[str, Rule] = {}
        for id, written in sorted(collected.sentences.items()):
            layer = collected.layer(written.file)
            match written.node:
                case Rule(learned=None) as rule:
                    self._add(found, id, written.file, replace(rule, layer=layer))
                case Rule(learned=evidence) as rule:
                    silent = evidence is None or evidence.state != "active"
                    rule = replace(rule, layer=layer, origin="learned", shadow=silent)
                    self._add(allows if rule.effect is Effect.ALLOW else found, id, written.file, rule)
                case Learnable(rule=rule):
                    self._add(learnable, id, written.file, replace(rule, layer=layer))
                case Limit() as limit:
                    tracker = self._memory.limit(written.file, limit)
                    self._add(found, id, written.file, of_limit(limit, tracker, layer))
                case Clearance() as clearance:
                    rule = of_clearance(clearance, layer)
                    targets = self._maps.tools(written.file, self._names.targets(written.file, rule.tools))
                    self._add(found, id, written.file, replace(rule, tools=targets))
        for name, counter in sorted(collected.counters.items()):
            guard = of_counter(counter.node, collected.layer(counter.file))
            if guard is not None:
                self._add(found, f"counter:{name}", counter.file, guard)
        learnable = dict(sorted(learnable.items()))
        for id, rule in allows.items():
            found.update(opened(id, rule, learnable))
        return found, learnable

    def _add(self, found: dict[str, Rule], id: str, file: PolicyFile, rule: Rule) -> None:
        targets = self._names.targets(file, rule.tools)
        written = [
            None if part is None else self._writing.condition(file, part, rule.signature)
            for part in (rule.when, rule.unless)
        ]
        when, unless = (None if part is None else part.condition for part in written)
        valid = validity_test(file, rule.span, rule.validity)
        if valid is not None:
            when = valid if when is None else And((valid, *(when.items if isinstance(when, And) else (when,))))
        rule = replace(rule, when=when, unless=unless)
        remembers = any(part is not None and part.remembers for part in written)
        for name, spelled in self._maps.rules(id, file, rule, targets):
            if remembers:
                spelled = replace(
                    spelled, when=self._asked(file, spelled.when), unless=self._asked(file, spelled.unless)
                )
            found[name] = spelled

    def _asked(self, file: PolicyFile, part: Condition | None) -> Condition | None:
        return None if part is None else cast(Condition, self._memory.asked(file, part))

    # --- other statements -------------------------------------------------------------------------------------------

    def _rewrite(self, file: PolicyFile, rewrite: Rewrite) -> Rewrite:
        changes = []
        for change in rewrite.changes:
            if isinstance(change, SetArgument):
                self._writing.operands(file, change)
                change = replace(change, value=self._memory.asked(file, change.value))
            changes.append(change)
        when, unless = (
            None if part is None else self._asked(file, self._writing.condition(file, part).condition)
            for part in (rewrite.when, rewrite.unless)
        )
        tools = self._names.patterns(file, rewrite.tools)
        return replace(rewrite, tools=tools, changes=tuple(changes), when=when, unless=unless)

    def _label(self, written: Written[LabelResults]) -> LabelResults:
        node, file = written.node, written.file
        return replace(
            node,
            tools=self._names.patterns(file, node.tools),
            arguments=self._writing.of_call(file, node.arguments),
            when=self._writing.of_call(file, node.when),
        )

    def _listed(self, written: Written[Listed]) -> Listed:
        return replace(written.node, tools=self._names.patterns(written.file, written.node.tools))

    def _refuse_unknown_in_tests(self, rules: dict[str, Rule]) -> None:
        for written in self._collected.tests:
            for step in written.node.steps:
                if isinstance(step, CallExpectation) and step.rule is not None and step.rule not in rules:
                    error = unknown(written.file, step.span, "rule", step.rule, rules)
                    spelled = next((id for id in sorted(rules) if id.startswith(f"{step.rule}/")), None)
                    if spelled is not None:
                        each = "learned allow is one for each learnable"
                        if rules[spelled].origin != "learned":
                            each = "rule on an intent is one for each tool"
                        error.help = f'a {each}: `by "{spelled}"`'
                    raise error
                if isinstance(step, GivenLabel):
                    self._labels.known(written.file, step.label)
