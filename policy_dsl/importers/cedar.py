"""Cedar policies as sentences of this language that never allow what Cedar would not.

Both deny by default and let a forbid win. They differ in errors: Cedar skips a policy whose condition errs (a missing
attribute, `<` on text), so a forbid that errs forbids nothing; here it forbids. And Cedar's `||` looks at its right
side only where the left is false, so `error || true` errs there and would be true here: where the left side may err,
what keeps it from erring is written in front. The text is stricter than its source

- where a forbid looks at an argument or a claim that is not there,
- where `==` or `contains` compares values of two types and is denied (false in Cedar, an error here),
- where several claims of one name, sets compared as wholes or numbers outside 64 bits play a part,

and equal everywhere else. Arguments may be any number here; in Cedar only whole ones can be compared with `<`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..ast import Condition, Effect, Rule, Scope, ScopeBlock, ToolPattern
from ..errors import quoted
from .cedar_conditions import CedarConditions
from .cedar_reading import CedarPolicy, Constraint, read
from .cedar_terms import Root, Terms
from .page import Paragraph, fresh_name, page, with_shared_sets
from .schema import OPEN
from .typed import FALSE, TRUE, all_of, any_of, denied


def import_cedar(documents: Sequence[tuple[str, str]], *, root: Root = "context.input") -> str:
    """The policy text of Cedar files, given as (name, content). Raises ImportRefused."""
    names: set[str] = set()
    resources: dict[str, str] = {}
    paragraphs: list[Paragraph] = []
    for name, content in documents:
        terms = Terms(content, name, root)
        paragraphs += [
            _Translator(terms, policy.permits).policy(policy, names, resources) for policy in read(content, name)
        ]
    head = [f"Imported from {', '.join(name for name, _ in documents)}: policies of Cedar.", *_HEAD]
    head += [f"Their resource, {resource}, is what this policy stands in front of." for resource in resources]
    return page(head, with_shared_sets(paragraphs, {}), ", ".join(name for name, _ in documents))


@dataclass(frozen=True, slots=True)
class _Translator(CedarConditions):
    """One policy."""

    def policy(self, policy: CedarPolicy, names: set[str], resources: dict[str, str]) -> Paragraph:
        self.resource(policy.resource, resources)
        scope, of_principal = self.principal(policy.principal)
        when: list[Condition] = [of_principal]
        unless: list[Condition] = []
        for word, expr in policy.conditions:
            said = self.said(expr, denies=word == "unless")
            if word == "unless" and said == denied(self.loosely(expr)):
                unless.append(self.loosely(expr))
            else:
                when.append(said)
        condition, exception = all_of(when), any_of(unless)
        rule = Rule(
            effect=Effect.ALLOW if policy.permits else Effect.FORBID,
            tools=self.tools(policy.action),
            signature=OPEN if policy.permits else None,
            when=None if condition == TRUE else condition,
            unless=None if exception == FALSE else exception,
            name=_name(policy, names),
        )
        comments = tuple(f"@{name}: {value}" for name, value in policy.annotations if name != "id")
        return Paragraph(rule if scope.is_everyone else ScopeBlock(scope, (rule,)), comments)

    # --- scopes -----------------------------------------------------------------------------------------------------

    def principal(self, constraint: Constraint | None) -> tuple[Scope, Condition]:
        """For whom the rule is, and what else the scope asks."""
        if constraint is None:
            return Scope(), TRUE
        found = Scope()
        if constraint.kind == "is" and constraint.type is not None:
            known = self.is_of(constraint.type, constraint)
            if not constraint.entities:
                return found, known
        names: dict[str, list[str]] = {}
        for entity in constraint.entities:
            names.setdefault(self.terms.part(entity.type, entity.span), []).append(entity.id)
        if len(names) > 1:
            raise self.terms.refused(constraint.span, "principals of two kinds", "write one policy for each kind")
        of = {part: tuple(ids) for part, ids in names.items()}
        return Scope(
            tenants=of.get("tenant", ()), agents=of.get("agent", ()), users=of.get("user", ()), roles=of.get("role", ())
        ), TRUE

    def tools(self, constraint: Constraint | None) -> tuple[ToolPattern, ...]:
        if constraint is None:
            return (ToolPattern(None, "*"),)
        lone = constraint.kind == "in" and len(constraint.entities) == 1
        if constraint.kind == "is" or (
            lone and "[" not in self.terms.source[constraint.span.start : constraint.span.end]
        ):
            raise self.terms.refused(
                constraint.span, "which actions belong to this one is not written here", "name them: `action in [...]`"
            )
        if not constraint.entities:
            raise self.terms.refused(constraint.span, "no action is named")
        for entity in constraint.entities:
            if "*" in entity.id or "/" in entity.id or not entity.id:
                raise self.terms.refused(entity.span, f"{quoted(entity.id)} cannot name one tool here")
        return tuple(ToolPattern(None, entity.id) for entity in constraint.entities)

    def resource(self, constraint: Constraint | None, resources: dict[str, str]) -> None:
        """One resource at most: it is what the policy stands in front of, and nothing here tells two apart."""
        if constraint is None:
            return
        shown = self.terms.source[constraint.span.start : constraint.span.end]
        resources.setdefault(shown, shown)
        if len(resources) > 1:
            first = next(iter(resources))
            raise self.terms.refused(
                constraint.span,
                f"another resource than {quoted(first)}",
                "a policy here stands in front of one resource: import those of each resource by themselves",
            )


def _name(policy: CedarPolicy, names: set[str]) -> str | None:
    for name, value in policy.annotations:
        if name == "id" and value:
            found = fresh_name(value, names)
            names.add(found)
            return found
    return None


_HEAD: Final = [
    "",
    "Never wider than there. Stricter: a forbid that looks at something missing forbids, where Cedar passes over it.",
    "Actions are tools by their ids, tags and attributes of the principal are claims, further arguments pass (`...`).",
]
