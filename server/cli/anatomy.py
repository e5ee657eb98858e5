"""A rule taken apart for one call: does it apply, and what does each part of its condition come to.

Each answer is a question to the reference evaluator, put as a policy of one rule that allows everything under just
the part asked about: allowed means true, refused with an error means that error, refused without one means false. So
nothing here knows what a part means, and an explanation cannot drift from the language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from policy_dsl import (
    EMPTY_CATALOGUE,
    EVERYONE,
    LAYERS,
    And,
    Argument,
    Catalogue,
    Condition,
    Effect,
    Element,
    Facts,
    IfThen,
    Not,
    Or,
    PolicySet,
    Quantified,
    Rewrite,
    Rule,
    Signature,
    Span,
    reference_decide,
    spelling,
)

from .readings import Reading, readings

MOST_ELEMENTS = 20
"""Elements of a list that are taken apart one by one."""

_OPEN = Signature((), open=True)


@dataclass(frozen=True, slots=True)
class Question:
    """The call, and what is known of who makes it."""

    tool: str
    server: str | None
    arguments: Mapping[str, Any]
    facts: Facts


@dataclass(frozen=True, slots=True)
class Truth:
    """True, False, or None with the error's code and the place in the arguments that it stumbled on."""

    value: bool | None
    code: str = ""
    place: str = ""

    def __str__(self) -> str:
        return f"error ({self.code} at {self.place})" if self.value is None else str(self.value).lower()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a condition; `depth` counts the parts around it, `condition` is the part itself.

    `head` is how to call it where its own parts follow below; else it is the text. `saw` is what a test that has no
    parts of its own looked at.
    """

    depth: int
    text: str
    head: str
    truth: Truth
    condition: Condition
    saw: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A rule that fits the call's tool. Where its scope or signature leaves the call out, it does not apply and `why`
    says so."""

    id: str
    rule: Rule
    applies: bool
    why: str
    truth: Truth
    parts: tuple[Part, ...]

    @property
    def matches(self) -> bool:
        """Whether the rule takes part: an error in a forbid or a require approval counts as a match."""
        if self.truth.value is None:
            return self.applies and self.rule.effect in (Effect.FORBID, Effect.REQUIRE_APPROVAL)
        return self.applies and self.truth.value


def dissect(policy: PolicySet, question: Question) -> list[Anatomy]:
    """Every rule that fits the tool: topmost layer first, in it higher levels, then as they are written."""
    found = [
        _anatomy(policy, question, id, rule)
        for id, rule in policy.rules.items()
        if _ask(policy, question, replace(rule, **_BARE)).value
    ]
    return sorted(
        found, key=lambda one: (LAYERS.index(one.rule.layer), -one.rule.priority, one.rule.span.start, one.id)
    )


def dissect_rewrites(policy: PolicySet, question: Question) -> list[tuple[str, Rewrite, Truth]]:
    """Every rewrite that is about the call's tool and maker, and whether it applies to the call as it came."""
    found = []
    for id, rewrite in policy.rewrites.items():
        bare = Rule(Effect.ALLOW, rewrite.tools, _OPEN, None, None, scope=rewrite.scope)
        if _ask(policy, question, bare).value:
            asked = replace(bare, when=rewrite.when, unless=rewrite.unless)
            found.append((id, rewrite, _ask(policy, question, asked)))
    return found


_HEADS: dict[type, str] = {And: "all of", Or: "any of", Not: "not", IfThen: "if"}

_BARE: dict[str, Any] = {
    "effect": Effect.ALLOW,
    "signature": _OPEN,
    "when": None,
    "unless": None,
    "scope": EVERYONE,
    "priority": 0,
    "layer": LAYERS[0],
    "shadow": False,
    "origin": "written",
}


def _anatomy(policy: PolicySet, question: Question, id: str, rule: Rule) -> Anatomy:
    bare = replace(rule, **_BARE)
    if not _ask(policy, question, replace(bare, scope=rule.scope)).value:
        return Anatomy(id, rule, False, "it is for somebody else", Truth(False), ())
    # The signature needs the catalogue: an object argument is closed where the tool's schema closes it.
    if (
        rule.signature is not None
        and not _ask(policy, question, replace(bare, signature=rule.signature), policy.catalogue).value
    ):
        return Anatomy(id, rule, False, _misfit(rule.signature, question.arguments), Truth(False), ())
    parts: list[Part] = []
    for word, condition in (("when", rule.when), ("unless", rule.unless)):
        if condition is not None:
            parts.extend(_parts(policy, question, bare, condition, word))
    truth = _ask(policy, question, replace(bare, when=rule.when, unless=rule.unless))
    return Anatomy(id, rule, True, "", truth, tuple(parts))


def _misfit(signature: Signature, arguments: Mapping[str, Any]) -> str:
    named = {one.name: one for one in signature.arguments}
    for name in arguments:
        if name not in named and not signature.open:
            return f"its signature does not take `{name}`"
    for name, one in named.items():
        if arguments.get(name) is None and not one.optional:
            return f"its signature wants `{name}`"
    return "an argument holds an object whose members its signature does not list"


def _parts(
    policy: PolicySet, question: Question, bare: Rule, condition: Condition, word: str = "", depth: int = 0
) -> Iterator[Part]:
    truth = _ask(policy, question, replace(bare, when=condition))
    written = f"{word} {spelling.condition(condition)}".strip()
    head = f"{word} {_HEADS[type(condition)]}".strip() if type(condition) in _HEADS else written
    has_parts = isinstance(condition, And | Or | Not | IfThen | Quantified)
    saw = () if has_parts else readings(condition, question.arguments, question.facts)
    yield Part(depth, written, head, truth, condition, saw)
    match condition:
        case And(items) | Or(items):
            for item in items:
                yield from _parts(policy, question, bare, item, depth=depth + 1)
        case Not(item):
            yield from _parts(policy, question, bare, item, depth=depth + 1)
        case IfThen(test, then, otherwise):
            for part_word, part in (("", test), ("then", then), ("else", otherwise)):
                if part is not None:
                    yield from _parts(policy, question, bare, part, part_word, depth + 1)
        case Quantified(_, source, name, body) if isinstance(source, Argument):
            for index in range(min(_length(question.arguments, source), MOST_ELEMENTS)):
                element = Argument((*source.path, index), source.span)
                yield from _parts(policy, question, bare, _standing_on(body, name, element), depth=depth + 1)
        case _:
            return


def _ask(policy: PolicySet, question: Question, rule: Rule, catalogue: Catalogue = EMPTY_CATALOGUE) -> Truth:
    alone = replace(policy, rules={"asked": rule}, otherwise={})
    outcome = reference_decide(alone, catalogue, question.tool, question.arguments, question.facts, question.server)
    if outcome.effect == "allow":
        return Truth(True)
    if outcome.errors:
        return Truth(None, outcome.errors[0].code, outcome.errors[0].place)
    return Truth(False)


def _length(arguments: Mapping[str, Any], source: Argument) -> int:
    value: Any = arguments
    for step in source.path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return 0
    return len(value) if isinstance(value, list) else 0


def _standing_on(node: Any, name: str, element: Argument) -> Any:
    """`node` with the element called `name` replaced by its place in the arguments."""
    if isinstance(node, Element):
        return Argument((*element.path, *node.path), node.span) if node.name == name else node
    if isinstance(node, tuple):
        return tuple(_standing_on(item, name, element) for item in node)
    if isinstance(node, Quantified) and node.name == name:
        # The inner quantifier takes the name for its own elements.
        return replace(node, source=_standing_on(node.source, name, element))
    if is_dataclass(node) and not isinstance(node, type | Span):
        changed = {
            field.name: _standing_on(getattr(node, field.name), name, element)
            for field in fields(node)
            if field.name != "span"
        }
        return replace(node, **changed)
    return node
