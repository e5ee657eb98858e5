"""A PolicySet as a list of specifications: one for each statement, with its kind, its rule ids and its place.

The four kinds are those of CAP-CPT (arXiv 2510.11588): what is so (factual), what is done whatever the case
(behavioural), what hangs on one thing (simple conditional), and what hangs on several, on conditions inside conditions,
or on what happened before (complex conditional). The paper lets a model sort sentences; here the tree says it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from .. import ast
from ..ast import PolicySet
from .phrases import Term, tell, write
from .terms_conditions import made
from .terms_statements import scope, statement


class Kind(StrEnum):
    FACTUAL = "factual"
    BEHAVIOURAL = "behavioural"
    SIMPLE = "simple conditional"
    COMPLEX = "complex conditional"


@dataclass(frozen=True, slots=True)
class Specification:
    """One statement of a policy. `rules` are the ids under which a PolicySet has it, `place` is `file:line`, `term` is
    what tells it. `nesting` is how many connectives stand one inside the other at most, `values` what its conditions
    read."""

    kind: Kind
    rules: tuple[str, ...]
    place: str
    term: Term
    nesting: int
    values: tuple[str, ...]
    is_history: bool

    def sentence(self, rng: random.Random) -> str:
        """The statement in words, in phrasings that `rng` chooses. A rule without a name is marked by its id."""
        mark = f"[{self.rules[0]}] " if self.rules and not _names(self.term) else ""
        told = tell(self.term, rng)
        return f"{mark}{told[0].upper()}{told[1:]}" if told[0].isalpha() else f"{mark}{told}"

    def written(self) -> str:
        """The statement in the language."""
        return write(self.term)


_FACTS: Final = (
    ast.SetDefinition,
    ast.GroupDefinition,
    ast.Levels,
    ast.Macro,
    ast.IntentMap,
    ast.TrustResults,
    ast.LabelResults,
    ast.CounterDefinition,
    ast.Layer,
)
_OF_HISTORY: Final = (
    ast.Happened,
    ast.Seen,
    ast.SessionHas,
    ast.SessionExceeds,
    ast.FromResults,
    ast.FromSource,
    ast.DerivedFrom,
    ast.FromUser,
    ast.CounterValue,
    ast.Tally,
)
_CONNECTIVES: Final = (ast.And, ast.Or, ast.IfThen, ast.Quantified)
_UNTOLD: Final = (ast.UseTools, ast.Import, ast.TestBlock)
"""Statements that say nothing to a reader of the policy: where files lie, and what the rules were tested with."""


def specifications(policy: PolicySet) -> list[Specification]:
    """Every statement of the policy that says something, in the order written."""
    ids = _ids(policy)
    found = []
    for file in policy.files:
        stem = Path(file.path).stem
        for node, around in _statements(file):
            line = node.span.line
            own = tuple(ids.get(_key(node, stem), ()))
            term = statement(node)
            if around is not None:
                term = made("statement", "scope", scope=scope(around), rules=[term])
            nesting, values, is_history = _measured(node)
            kind = _kind(node, nesting, values, is_history)
            found.append(Specification(kind, own, f"{file.path}:{line}", term, nesting, values, is_history))
    return found


def _statements(file: ast.PolicyFile) -> Iterator[tuple[Any, ast.Scope | None]]:
    for node in file.statements:
        if isinstance(node, ast.ScopeBlock):
            for inner in node.rules:
                yield inner, node.scope
        elif not isinstance(node, _UNTOLD):
            yield node, None


def _key(node: Any, stem: str) -> str:
    if isinstance(node, ast.CounterDefinition):
        return f"counter:{node.name}"
    named = getattr(node, "name", None)
    return str(named) if named else f"{stem}:{node.span.line}"


def _ids(policy: PolicySet) -> Mapping[str, list[str]]:
    """The ids of a PolicySet under the name or the place of the statement that they come from: a rule on an intent and
    a learned rule have several."""
    found: dict[str, list[str]] = {}
    for id in (*policy.rules, *policy.learnable, *policy.rewrites):
        found.setdefault(id.split("/")[0], []).append(id)
    return found


def _kind(node: Any, nesting: int, values: tuple[str, ...], is_history: bool) -> Kind:
    if isinstance(node, _FACTS):
        return Kind.FACTUAL
    if isinstance(node, ast.Limit | ast.Clearance) or is_history or nesting >= 2 or len(values) > 1:
        return Kind.COMPLEX
    return Kind.SIMPLE if values or nesting else Kind.BEHAVIOURAL


def _measured(node: Any) -> tuple[int, tuple[str, ...], bool]:
    rule = node.rule if isinstance(node, ast.Learnable) else node
    parts = [part for name in ("when", "unless", "arguments") if is_dataclass(part := getattr(rule, name, None))]
    inside = [one for part in parts for one in walk(part)]
    values = dict.fromkeys(name for one in inside if (name := _value(one)) is not None)
    history = any(isinstance(one, _OF_HISTORY) for one in inside)
    return max(map(nesting_of, parts), default=0), tuple(values), history


def _value(node: Any) -> str | None:
    match node:
        case ast.Argument(path=path):
            return str(path[0])
        case ast.Claim(name=name):
            return f"claim {name}"
        case ast.PrincipalPart(part=part):
            return f"principal {part}"
        case ast.HasRole():
            return "principal role"
        case ast.TimeBetween() | ast.TimeWithin():
            return "time"
        case ast.RuleRef(rule=rule):
            return rule
        case _:
            return None


def nesting_of(node: Any) -> int:
    """How many connectives and quantifiers stand one inside the other at most."""
    inner = max((nesting_of(child) for child in _children(node)), default=0)
    return inner + isinstance(node, _CONNECTIVES)


def walk(node: Any) -> Iterator[Any]:
    """The node and every node in it."""
    yield node
    for child in _children(node):
        yield from walk(child)


def _children(node: Any) -> Iterator[Any]:
    for field in fields(node):
        value = getattr(node, field.name)
        for item in value if isinstance(value, tuple) else (value,):
            if is_dataclass(item) and not isinstance(item, ast.Span | type):
                yield item


def _names(term: Term) -> bool:
    """Whether the words name the rule themselves."""
    inner = _inside(term, "rules")
    if inner:
        return _names(inner[0])
    named = any(clause.row.name == "as" for clause in _inside(term, "clauses"))
    return named or term.row.name.startswith("counter")


def unnamed(specification: Specification) -> Specification:
    """The same without the name of its rule, for a question that asks for the name."""
    return replace(specification, rules=(), term=_without_name(specification.term))


def _without_name(term: Term) -> Term:
    slots = dict(term.slots)
    if inner := _inside(term, "rules"):
        slots["rules"] = [_without_name(rule) for rule in inner]
    if clauses := _inside(term, "clauses"):
        slots["clauses"] = [clause for clause in clauses if clause.row.name != "as"]
    return replace(term, slots=slots)


def _inside(term: Term, slot: str) -> list[Term]:
    """The terms in a slot that holds several."""
    held = term.slots.get(slot, ())
    return [] if isinstance(held, str | Term) else [one for one in held if isinstance(one, Term)]
