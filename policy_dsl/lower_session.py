"""Parse tree to what a session remembers and what results are worth: counters, levels, labels, trust, redaction."""

from __future__ import annotations

from typing import Final, Literal, cast

from lark import Token

from . import ast
from .lower_leaves import Branch, branch, span_of, trees
from .lower_rules import RuleLowering


class SessionLowering(RuleLowering):
    """Counters, and every statement about results."""

    def counter(self, tree: Branch) -> ast.CounterDefinition:
        name, *_ = tree.children
        measure, event, *rest = trees(tree)
        parts = {str(part.data): part for part in rest}
        kind, *value = measure.children
        owner, window = self.owned(parts, tree)
        since = parts.get("since")
        return ast.CounterDefinition(
            self.definable(name, "counter"),
            _MEASURES[str(kind)],
            self.operand(cast(Branch, value[-1])) if value else None,
            self.event(event, compares=False),
            self.keys(parts.get("keys")),
            owner,
            window,
            None if since is None else self.event(branch(since, 0), compares=False),
            span=span_of(tree),
        )

    def levels(self, tree: Branch) -> ast.Levels:
        names: list[str] = []
        for token in cast("list[Token]", tree.children):
            if token.type == "COMPARE":
                if str(token) != "<":
                    raise self.fault(token, "levels stand lowest first", "wrong-sign", "write `<`")
                continue
            name = self.definable(token, "label")
            if name in names:
                raise self.fault(token, f"`{name}` is named twice", "named-twice", "a level stands in one place")
            names.append(name)
        return ast.Levels(tuple(names), span_of(tree))

    def label_results(self, tree: Branch) -> ast.LabelResults:
        tools, *rest = trees(tree)
        arguments = self.condition(branch(rest.pop(0), 0)) if rest[0].data == "parenthesis" else None
        label = self.label(rest.pop(0))
        clauses = self.clauses(tree, rest)
        self.answered = True
        when = self.clause_condition(clauses, "when")
        self.answered = False
        return ast.LabelResults(self.tools(tools), arguments, label, when, span_of(tree))

    def trust(self, tree: Branch) -> ast.TrustResults:
        claimed = any(isinstance(child, Token) for child in tree.children)
        return ast.TrustResults(self.tools(branch(tree, -1)), claimed, span_of(tree))

    def redact_results(self, tree: Branch) -> ast.RedactResults:
        listed, pattern, replacement = cast("tuple[Branch, Token, Token]", tuple(tree.children))
        return ast.RedactResults(self.tools(listed), self.redaction(pattern), self.text(replacement), span_of(tree))


_MEASURES: Final[dict[str, Literal["count", "sum", "max", "distinct"]]] = {
    "count": "count",
    "sum": "sum",
    "max": "max",
    "distinct": "distinct",
}
