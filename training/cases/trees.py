"""Policies as trees of tests: each leaf is one rule, and its path is what the rule tests.

A test splits a field in two or three: a number at thresholds, a choice into groups of words, an event into whether it
has happened. A field is tested again further down a path only where its part can still be split.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from policy_dsl import strict_json

from .knobs import Knobs
from .world import ARGUMENTS, DATABASES, EVENT, NAMES, TOOLS, VERIFY, Choice, Database, Field, Number, schema

EFFECTS: Final = ("allow", "ask", "forbid")

Part = tuple[int, int] | tuple[str, ...]
"""What is left of a field: a range of numbers, both ends included, or some of its words."""


def whole(field: Field) -> Part:
    """All of a field."""
    return (field.domain.low, field.domain.high) if isinstance(field.domain, Number) else field.domain.words


@dataclass(frozen=True, slots=True)
class Edge:
    """One way on from a test: the field, and the part of it that goes this way."""

    field: Field
    part: Part
    whole: Part
    """What was left of the field before the test."""

    def condition(self) -> str:
        """The edge in the language."""
        name = self.field.operand
        if self.field.where == "event":
            return f"{'after' if self.part == ('yes',) else 'before'} succeeded {self.field.name}"
        if isinstance(self.field.domain, Choice):
            words = [f'"{word}"' for word in self.part]
            return f"{name} == {words[0]}" if len(words) == 1 else f"{name} in {{ {', '.join(words)} }}"
        (low, high), (least, most) = self.part, self.whole
        if low == least:
            return f"{name} <= {high}"
        return f"{name} > {int(low) - 1}" if high == most else f"{name} in {low} .. {high}"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One rule. `path` names the tool and the way to it, `box` is what the way leaves of each field tested."""

    tool: str
    path: str
    edges: tuple[Edge, ...]
    effect: str
    rule: str

    @property
    def depth(self) -> int:
        return len(self.edges)

    def box(self) -> dict[Field, Part]:
        return {edge.field: edge.part for edge in self.edges}

    def sentence(self, arguments: Sequence[Field]) -> str:
        """The rule in the language."""
        names = ", ".join(field.name for field in arguments)
        signed = self.tool if self.effect == "forbid" else f"{self.tool}({names})"
        tests = "\n   and ".join(edge.condition() for edge in self.edges)
        return f"{self.effect} {signed} as {self.rule}\n  when {tests}"


@dataclass(frozen=True, slots=True)
class Grown:
    """A generated policy: its name, what its cases are made of, and its leaves."""

    name: str
    arguments: Mapping[str, tuple[Field, ...]]
    databases: tuple[Database, ...]
    leaves: tuple[Leaf, ...]

    def fields(self, tool: str) -> tuple[Field, ...]:
        """Everything that a case of this tool tells of."""
        facts = tuple(field for database in self.databases for field in database.fields)
        return (*self.arguments[tool], *facts, *([EVENT] if self.databases else []))

    def text(self) -> str:
        """The policy in the language."""
        head = ["language 1", f'use tools "{self.name}.tools.json"']
        look = [f"allow {VERIFY}() as verify"] if self.databases else []
        rules = [leaf.sentence(self.arguments[leaf.tool]) for leaf in self.leaves]
        return "\n\n".join([*head, *look, *rules]) + "\n"

    def tools(self) -> list[dict[str, object]]:
        """Its tools, OpenAI-style."""
        signatures = {**self.arguments, **({VERIFY: ()} if self.databases else {})}
        return [
            {
                "type": "function",
                "function": {"name": name, "description": f"{name}.".capitalize(), "parameters": schema(fields)},
            }
            for name, fields in signatures.items()
        ]


def grow(knobs: Knobs, seed: int, number: int = 0) -> Grown:
    """The `number`th policy of a seed."""
    rng = random.Random(strict_json.encode([seed, number, "policy"]))  # noqa: S311  # data, no secret
    name = f"{NAMES[number % len(NAMES)]}{number // len(NAMES) or ''}"
    tools = rng.sample(TOOLS, knobs.tasks)
    arguments = {tool: _arguments(rng, knobs.arguments) for tool in tools}
    databases = tuple(rng.sample(DATABASES, knobs.environment))
    grown = Grown(name, arguments, databases, ())
    leaves = [leaf for tool in tools for leaf in _leaves(rng, knobs, tool, grown.fields(tool))]
    return replace(grown, leaves=tuple(leaves))


def changed(grown: Grown, seed: int) -> Grown:
    """A second version: the same fields and names, other thresholds, other groups of words and other effects."""
    depth = max(leaf.depth for leaf in grown.leaves)
    branching = 3 if any(leaf.path[-1] == "2" for leaf in grown.leaves) else 2
    knobs = Knobs(len(grown.databases), len(grown.arguments), depth=depth, branching=branching)
    rng = random.Random(strict_json.encode([seed, grown.name, "changed"]))  # noqa: S311  # data, no secret
    leaves = [leaf for tool in grown.arguments for leaf in _leaves(rng, knobs, tool, grown.fields(tool))]
    return replace(grown, leaves=tuple(leaves))


def _arguments(rng: random.Random, count: int) -> tuple[Field, ...]:
    """A number first, so that every tool has a threshold."""
    numbers = [field for field in ARGUMENTS if isinstance(field.domain, Number)]
    first = rng.choice(numbers)
    rest = rng.sample([field for field in ARGUMENTS if field is not first], count - 1)
    return (first, *rest)


def _leaves(rng: random.Random, knobs: Knobs, tool: str, fields: Sequence[Field]) -> Iterator[Leaf]:
    paths = list(_paths(rng, knobs, fields, (), ""))
    # Every effect stands somewhere, and no two neighbours agree by more than chance.
    effects = [EFFECTS[place % len(EFFECTS)] for place in range(len(paths))]
    rng.shuffle(effects)
    for number, ((way, edges), effect) in enumerate(zip(paths, effects, strict=True), 1):
        yield Leaf(tool, f"{tool}:{way}", edges, effect, f"{tool}-{number}")


def _paths(
    rng: random.Random, knobs: Knobs, fields: Sequence[Field], taken: tuple[Edge, ...], way: str
) -> Iterator[tuple[str, tuple[Edge, ...]]]:
    left = {edge.field: edge.part for edge in taken}
    open_fields = [field for field in fields if field not in left]
    if len(taken) == knobs.depth or not open_fields:
        yield way, taken
        return
    field = open_fields[0] if not taken else rng.choice(open_fields)
    for number, part in enumerate(_split(rng, field, knobs.branching)):
        yield from _paths(rng, knobs, fields, (*taken, Edge(field, part, whole(field))), f"{way}{number}")


def _split(rng: random.Random, field: Field, branching: int) -> list[Part]:
    domain = field.domain
    if isinstance(domain, Choice):
        words = list(domain.words)
        if field.where != "event":
            rng.shuffle(words)
        ways = min(branching, len(words))
        return [tuple(word for word in domain.words if word in words[place::ways]) for place in range(ways)]
    margin, step = domain.cell, 50 if domain.high > 100 else 5
    inner = [value for value in range(domain.low, domain.high) if value % step == 0]
    usable = [value for value in inner if domain.low + 2 * margin <= value <= domain.high - 2 * margin]
    while True:
        bounds = sorted(rng.sample(usable, branching - 1))
        if all(high - low >= 3 * margin for low, high in pairwise(bounds)):
            break
    lows = [domain.low, *(bound + 1 for bound in bounds)]
    return [*zip(lows, [*bounds, domain.high], strict=True)]
