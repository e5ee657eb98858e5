"""An Abstraction as a rule of the language: effect, tool, condition, and exceptions as its `unless`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from policy_dsl import (
    And,
    Argument,
    Condition,
    Effect,
    GroupDefinition,
    Not,
    Or,
    PolicySet,
    Presence,
    Rule,
    Signature,
    ToolPattern,
)
from policy_dsl.types import always_there

from ..context import OutsideVocabulary, Vocabulary, condition_of, place_of_attribute, target_of
from ..model import Abstraction, Snapshot
from ..model import Condition as Tests

ANYTHING: Final = Signature((), open=True)
"""`(...)`: a learned allow is held to the learnable's own signature."""


def rule_of(one: Abstraction, snapshot: Snapshot, words: Vocabulary) -> Rule:
    """The rule without name and evidence. Raises OutsideVocabulary where the language, under this policy, cannot say
    what the abstraction does; then it has no text, because half of a condition would speak of more calls."""
    known = {other.id: other for other in snapshot.abstractions}
    lacking = [id for id in one.exceptions if id not in known]
    if lacking:
        raise OutsideVocabulary(f"its exception `{lacking[0]}` is not in the snapshot")
    exceptions = [known[id].condition for id in one.exceptions if known[id].condition.tool == one.condition.tool]
    narrows = one.label == "forbid"
    return Rule(
        effect_of(one),
        (pattern_of(one.condition.tool, words.policy),),
        None if narrows else ANYTHING,
        _spelled(one.condition, words, guarded=narrows),
        unless_of(exceptions, words, guarded=not narrows),
    )


def effect_of(one: Abstraction) -> Effect:
    if one.label == "allow":
        return Effect.ALLOW
    by_person = one.narrows_to == "forbid" and one.approved == one.version
    return Effect.FORBID if by_person else Effect.REQUIRE_APPROVAL


def pattern_of(tool: str, policy: PolicySet) -> ToolPattern:
    """The tool's name, quoted where the policy has a group of that name, which would stand for its members."""
    target = target_of(tool)
    groups = (node.name for file in policy.files for node in file.statements if isinstance(node, GroupDefinition))
    return ToolPattern(target.server, target.tool, quoted=target.tool in set(groups))


def unless_of(exceptions: Sequence[Tests], words: Vocabulary, *, guarded: bool) -> Condition | None:
    parts = []
    for tests in exceptions:
        part = _spelled(tests, words, guarded=guarded)
        if part is None:
            raise OutsideVocabulary("one of its exceptions holds for every call of the tool, so it holds for none")
        parts.append(part)
    return None if not parts else parts[0] if len(parts) == 1 else Or(tuple(parts))


def flat(condition: Condition | None) -> tuple[Condition, ...]:
    """The parts of a conjunction."""
    if condition is None:
        return ()
    return (
        tuple(part for item in condition.items for part in flat(item)) if isinstance(condition, And) else (condition,)
    )


def joined(*conditions: Condition | None) -> Condition | None:
    """All of them at once; None where there is nothing to test."""
    parts = tuple(dict.fromkeys(part for condition in conditions for part in flat(condition)))
    return None if not parts else parts[0] if len(parts) == 1 else And(parts)


def _spelled(tests: Tests, words: Vocabulary, *, guarded: bool) -> Condition | None:
    """With `guarded`, a test of an argument that may be lacking is false there, where it would be an error."""
    condition = condition_of(tests, words)
    return joined(*_guards(tests, words), condition) if guarded else condition


def _guards(tests: Tests, words: Vocabulary) -> Iterator[Condition]:
    """For each place that is tested and may be lacking, that it is there."""
    target = target_of(tests.tool)
    schema = words.policy.catalogue.get(target.server, target.tool)
    for attribute, values in tests.tests:
        place = place_of_attribute(attribute)
        if place is None or attribute.startswith("has "):
            continue
        if attribute.startswith("arg ") and "null" in values:
            yield Not(Presence("absent", Argument(place)))
        elif len(place) > 1 or schema is None or not always_there(schema.parameters, place[0]):
            yield Presence("has", Argument(place))
