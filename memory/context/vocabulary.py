"""What a policy adds to the attributes: named sets, labels, and the arguments of its tools that it knows by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Final

from policy_dsl import (
    Argument,
    Label,
    Member,
    PolicySet,
    RangeSet,
    SessionHas,
    SetLiteral,
    SetName,
    ValueSet,
    spelling,
)
from policy_dsl.compile import compile_condition, fits

from .places import place_of

Test = Callable[..., bool | None]

MOST_SETS: Final = 16
MOST_LABELS: Final = 16
"""Sets and labels that attributes ask about, in order of their names; those of a policy are few."""

MOST_TOOLS: Final = 1_024
"""Tools whose arguments are remembered; a model may name any tool it likes."""


class OutsideVocabulary(Exception):
    """A condition that no attribute can say. `help` says what to do."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


class Vocabulary:
    """The words of one policy.

    `text_sets` and `number_sets` are tests of one value by the set's name, for the sets that can hold texts, and those
    that can hold other values: `text_sets[name]({"value": it})`. `asked` are the (set, place) pairs that a rule of the
    policy asks about: there, that a value is *not* in the set is worth an attribute too.
    """

    def __init__(self, policy: PolicySet) -> None:
        self.policy = policy
        names = sorted(policy.sets)[:MOST_SETS]
        value = Argument(("value",))
        tests = {name: compile_condition(Member(value, SetName(name)), policy) for name in names}
        self.text_sets = {name: test for name, test in tests.items() if _holds_text(policy.sets[name])}
        self.number_sets = {name: test for name, test in tests.items() if _holds_numbers(policy.sets[name])}
        rules = [*policy.rules.values(), *policy.learnable.values()]
        self.asked = frozenset(
            (node.within.name, place)
            for rule in rules
            for node in _nodes((rule.when, rule.unless))
            if isinstance(node, Member) and isinstance(node.within, SetName) and isinstance(node.operand, Argument)
            if (place := place_of(node.operand)) is not None
        )
        self.labels = _labels(policy)
        self._label_tests: list[tuple[str, Test]] = [
            (spelling.label(label), compile_condition(SessionHas(label), policy)) for label in self.labels
        ]
        self._signatures = [(rule.tools, rule.signature) for rule in rules if rule.signature is not None]
        self._names: dict[tuple[str | None, str], tuple[str, ...]] = {}

    def names(self, server: str | None, tool: str) -> tuple[str, ...]:
        """The arguments of a tool that its schema or a signature names, sorted: where one is absent, that can be
        said. Without them, nobody knows what is lacking."""
        found = self._names.get((server, tool))
        if found is None:
            schema = self.policy.catalogue.get(server, tool)
            names = set(() if schema is None else schema.parameters.members)
            for tools, signature in self._signatures:
                if fits(tools, server, tool):
                    names.update(argument.name for argument in signature.arguments)
            found = tuple(sorted(names))
            if len(self._names) < MOST_TOOLS:
                self._names[server, tool] = found
        return found

    def carried(self, facts: Any) -> list[tuple[str, bool]]:
        """Each label that the policy knows, and whether the session has it."""
        return [(name, test({}, facts) is True) for name, test in self._label_tests]


def _labels(policy: PolicySet) -> tuple[Label, ...]:
    written = [one.label for one in policy.labels]
    named = {*policy.levels, "untrusted", *(label.name for label in written)}
    found = {(name, None) for name in named} | {(label.name, label.compartment) for label in written}
    return tuple(Label(*pair) for pair in sorted(found, key=lambda pair: (pair[0], pair[1] or ""))[:MOST_LABELS])


def _holds_text(within: ValueSet) -> bool:
    return not isinstance(within, RangeSet) and not (
        isinstance(within, SetLiteral) and not any(isinstance(item, str) for item in within.items)
    )


def _holds_numbers(within: ValueSet) -> bool:
    if isinstance(within, SetLiteral):
        return any(not isinstance(item, str) for item in within.items)
    return isinstance(within, RangeSet)


def _nodes(tree: object) -> Iterator[object]:
    """Every node of a tree of the language, itself first."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend(node)
        elif is_dataclass(node):
            yield node
            waiting.extend(getattr(node, field.name) for field in fields(node))
