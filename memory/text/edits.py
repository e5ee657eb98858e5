"""Text that people wrote, back as Conditions: an edit that narrows a rule, and a file of learned rules.

The text is parsed before anything else, in a rule of its own that must come out as nothing but that rule, so that it
cannot bring clauses or statements along.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from policy_dsl import Condition as Tree
from policy_dsl import Effect, Or, ParseError, PolicySet, Rule, ToolPattern, parse, quoted

from ..context import OutsideVocabulary, Vocabulary, read_back, spelled_target
from ..model import Abstraction, Condition, Label, Phase
from .rules import pattern_of

MOST_EDIT = 20_000
"""Characters of an edit; a condition of 64 tests is a tenth of it."""


class EditRefused(Exception):
    """A text that is not taken. Codes: `unreadable` (no condition of the language), `outside` (one that memory does not
    look at), `not-narrower` (it would speak of calls that the old one does not)."""

    def __init__(self, code: Literal["unreadable", "outside", "not-narrower"], message: str, help: str | None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help


@dataclass(frozen=True, slots=True)
class Imported:
    """One learned rule of a file: what it claims, where, and which regions it leaves out. Its evidence is not taken
    over: a claim that somebody wrote into a file confirms nothing."""

    id: str
    label: Label
    condition: Condition
    exceptions: tuple[Condition, ...]
    narrows_to: Literal["ask", "forbid"]
    state: Phase


def narrowed(one: Abstraction, text: str, policy: PolicySet) -> Condition:
    """What a person made of the condition of `one`. Raises EditRefused where it is none, or implies the old one not."""
    tree = _condition(text, one.condition.tool, policy)
    try:
        new = read_back(tree, one.condition.tool, policy)
    except OutsideVocabulary as error:
        raise EditRefused("outside", error.message, error.help) from error
    if not new.implies(one.condition):
        raise EditRefused("not-narrower", *_wider(new, one.condition))
    return new


def imported(text: str, policy: PolicySet, path: str = "learned.lw") -> tuple[Imported, ...]:
    """The learned rules of a file, in its order; its other statements are left alone. Raises EditRefused."""
    words = Vocabulary(policy)
    return tuple(
        _imported(node, words) for node in _parsed(text, path) if isinstance(node, Rule) and node.learned is not None
    )


def _parsed(text: str, path: str) -> tuple[object, ...]:
    try:
        return parse(text, path).statements
    except ParseError as error:
        raise EditRefused("unreadable", error.message, error.help) from error


def _condition(text: str, tool: str, policy: PolicySet) -> Tree:
    if len(text) > MOST_EDIT:
        raise EditRefused("unreadable", f"a condition of more than {MOST_EDIT} characters", None)
    # On lines of its own: a comment at the end of the text must not swallow the parenthesis.
    statements = _parsed(f"language 1\nforbid tool when (\n{text}\n)\n", "edit.lw")
    [rule, *others] = statements
    if others or not isinstance(rule, Rule) or rule.when is None:
        raise EditRefused("unreadable", f"{quoted(text)} is more than one condition", "write what stands after `when`")
    if rule != replace(_BARE, when=rule.when):
        raise EditRefused("unreadable", f"{quoted(text)} is more than a condition", "write what stands after `when`")
    return rule.when


_BARE = Rule(Effect.FORBID, (ToolPattern(None, "tool"),), None, None, None)


def _wider(new: Condition, old: Condition) -> tuple[str, str]:
    tests = dict(new.tests)
    for attribute, values in old.tests:
        if attribute not in tests:
            return f"the test of `{attribute}` was taken away", "keep every test of the old condition, and add others"
        if not set(tests[attribute]) <= set(values):
            more = min(set(tests[attribute]) - set(values))
            return f"`{attribute}` may now be {quoted(more)}", "name only values that the old condition has"
    return "it is about another tool", "a rule stays with its tool"


def _imported(rule: Rule, words: Vocabulary) -> Imported:
    assert rule.learned is not None
    name = rule.name or ""
    if len(rule.tools) != 1 or not isinstance(rule.tools[0], ToolPattern) or not name:
        raise EditRefused("outside", "a learned rule has a name and is about one tool", None)
    tool = spelled_target(rule.tools[0].tool, rule.tools[0].server)
    unless = () if rule.unless is None else rule.unless.items if isinstance(rule.unless, Or) else (rule.unless,)
    try:
        pattern_of(tool, words.policy)
        condition = read_back(rule.when, tool, words)
        exceptions = tuple(read_back(part, tool, words) for part in unless)
    except OutsideVocabulary as error:
        raise EditRefused("outside", f"`{name}`: {error.message}", error.help) from error
    label: Label = "allow" if rule.effect is Effect.ALLOW else "forbid"
    narrows_to: Literal["ask", "forbid"] = "forbid" if rule.effect is Effect.FORBID else "ask"
    return Imported(name, label, condition, exceptions, narrows_to, rule.learned.state)
