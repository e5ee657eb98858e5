"""Parse tree to conditions.

A name alone, where a condition stands, is a rule's or that of a `define`. What a parenthesis holds is known only here:
the grammar takes a value and a condition alike.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, cast

from lark import Token, Tree

from . import ast
from .ast import Span
from .errors import ParseError, quoted
from .lower_events import EventLowering
from .lower_leaves import Branch, branch, span_of, trees


class ConditionLowering(EventLowering):
    """Conditions, and every test of a value."""

    def condition(self, tree: Branch) -> ast.Condition:
        return self.deeper(self._condition, tree)

    def _condition(self, tree: Branch) -> ast.Condition:
        match tree.data:
            case "conjunction":
                return ast.And(tuple(self.condition(child) for child in trees(tree)), span_of(tree))
            case "disjunction":
                return ast.Or(tuple(self.condition(child) for child in trees(tree)), span_of(tree))
            case "negation":
                return self.negation(tree)
            case "comparison":
                operand, tail = trees(tree)
                return self.tail(self.operand(operand), tail, span_of(tree))
            case "presence":
                kind, path = cast("tuple[Token, Branch]", tuple(tree.children))
                return ast.Presence(_PRESENCE[kind.type], self.argument(path), span_of(tree))
            case "quantifier":
                return self.quantifier(tree)
            case "parenthesis":
                return self.condition(branch(tree, 0))
            case "if_then":
                test, then, *otherwise = (self.condition(child) for child in trees(tree))
                return ast.IfThen(test, then, otherwise[0] if otherwise else None, span_of(tree))
            case "macro_use":
                return self.macro_use(tree)
            case "happened":
                return self.happened(tree)
            case "session_has":
                return ast.SessionHas(self.label(branch(tree, -1)), span_of(tree))
            case "session_exceeds":
                return ast.SessionExceeds(self.labels(branch(tree, 0)), span_of(tree))
            case "has_role":
                return ast.HasRole(self.filled(tree.children[-1], "a role"), span_of(tree))
            case "time_between" | "time_on":
                return self.time(tree)
            case "path" if len(tree.children) == 1 and self.bare(tree) not in (None, *_VALUES, *self.values):
                return ast.RuleRef(str(tree.children[0]), span_of(tree))
            case _:
                raise self.value_alone(tree)

    def value_alone(self, tree: Branch) -> ParseError:
        text = self.source[span_of(tree).start : span_of(tree).end]
        compare = f"compare it, as in `{text} == true`" if tree.data == "path" else "compare it with something"
        return self.fault(tree, f"{quoted(text)} is a value, not a condition", "value-alone", compare)

    def negation(self, tree: Branch) -> ast.Not:
        item = branch(tree, 0)
        if item.data not in _TIGHT:
            raise self.fault(
                self.first_word(tree),
                "`not` before a test needs parentheses",
                "loose-not",
                "write `before ...` for `not after ...`, or `not (...)`"
                if item.data == "happened"
                else "write `not (...)`, or put it inside: `x not in s`, `x not matches /.../`",
            )
        return ast.Not(self.condition(item), span_of(tree))

    @property
    def values(self) -> tuple[str, ...]:
        """The names that stand for a value here, and so for no condition."""
        return (*self.bound, *self.parameters, *self.hidden)

    def macro_use(self, tree: Branch) -> ast.MacroUse:
        name, *given = tree.children
        operands = tuple(self.operand(child) for child in given if isinstance(child, Tree))
        if not operands:
            raise self.fault(
                tree, f"nothing is put into `{name}`", "empty-macro", f"write `{name}` without parentheses"
            )
        return ast.MacroUse(str(name), operands, span_of(tree))

    def quantifier(self, tree: Branch) -> ast.Quantified:
        kind, source, *rest = cast("list[Token | Branch | None]", tree.children)
        path = self.argument(cast(Branch, source))
        written = next((child for child in rest if isinstance(child, Token)), None)
        name = "it" if written is None else self.definable(written, "element")
        if name in self.values:
            what = "a parameter" if name in self.parameters else "the element around"
            raise self.fault(
                written or tree,
                f"{what} is already called `{name}`",
                "shadowed-element",
                "name each element: `each of xs as x (any of x as y (...))`",
            )
        body = cast(Branch, rest[-1])
        self.bound.append(name)
        try:
            if body.data == "parenthesis":
                holds = self.condition(body)
            else:
                holds = self.tail(ast.Element(name, (), path.span), body, span_of(body))
        finally:
            self.bound.pop()
        return ast.Quantified("each" if cast(Token, kind).type == "EACH" else "any", path, name, holds, span_of(tree))

    def tail(self, operand: ast.Operand, tree: Branch, span: Span) -> ast.Condition:
        """One test of an operand: the part after it."""
        children = tree.children
        match tree.data:
            case "denied":
                return ast.Not(self.tail(operand, branch(tree, 0), span), span)
            case "compare":
                sign, right, options = cast("tuple[Token, Branch, Branch]", tuple(children))
                text = self.options(options)
                if text != ast.EXACT and sign not in ("==", "!="):
                    raise self.fault(options, "only `==` and `!=` compare text", "text-options", "leave the option out")
                return ast.Compare(cast("Literal['==']", str(sign)), operand, self.operand(right), text, span)
            case "member":
                within = self.value_set(branch(tree, 0))
                text = self.options(branch(tree, 1))
                if text != ast.EXACT and not isinstance(within, ast.SetLiteral | ast.SetName):
                    raise self.fault(
                        branch(tree, 1), "only a set of text can be compared so", "text-options", "leave the option out"
                    )
                return ast.Member(operand, within, text, span)
            case "matches":
                return ast.Matches(operand, self.pattern(cast(Token, children[0])), span=span)
            case "search":
                return ast.Matches(operand, self.pattern(cast(Token, children[-1])), True, span)
            case "like":
                glob, options = cast("tuple[Token, Branch]", tuple(children))
                return ast.Like(operand, self.filled(glob, "a pattern of `like`"), self.options(options), span)
            case "holds":
                kind, part, options = cast("tuple[Token, Branch, Branch]", tuple(children))
                return ast.Holds(_HOLDS[kind.type], operand, self.operand(part), self.options(options), span)
            case "under":
                return ast.Under(operand, self.names_set(children[1]), span)
            case "runs":
                kind, programs = cast("tuple[Token, Branch | Token]", tuple(children))
                return ast.Runs("one of" if kind.type == "ONE" else "none of", operand, self.names_set(programs), span)
            case "is_type":
                return ast.IsType(operand, ast.JsonType(str(children[0])), span)
            case "is_not_type":
                return ast.Not(ast.IsType(operand, ast.JsonType(str(children[0])), span), span)
            case "is_multiple":
                return ast.MultipleOf(operand, self.multiple(cast(Token, children[0])), span)
            case "is_not_multiple":
                return ast.Not(ast.MultipleOf(operand, self.multiple(cast(Token, children[0])), span), span)
            case "from_user":
                return ast.FromUser(operand, span)
            case "from_results":
                return ast.FromResults(operand, self.tools(branch(tree, 0)), span)
            case "derived_untrusted":
                return ast.DerivedFrom(operand, "untrusted", span)
            case "derived_label":
                return ast.DerivedFrom(operand, self.label(branch(tree, 0)), span)
            case _:
                return ast.DerivedFrom(operand, self.tools(branch(tree, 0)), span)

    def multiple(self, token: Token) -> int | Decimal:
        step = self.number(token)
        if step <= 0:
            raise self.fault(token, "a number is a multiple of something above 0", "bad-number", "as in `0.01`")
        return step

    def options(self, tree: Branch) -> ast.TextOptions:
        ignoring, after = tree.children
        return ast.TextOptions(ignoring is not None, after is not None) if ignoring or after else ast.EXACT


_PRESENCE: Final[dict[str, Literal["has", "missing", "absent"]]] = {
    "HAS": "has",
    "MISSING": "missing",
    "ABSENT": "absent",
}
_HOLDS: Final[dict[str, Literal["starts with", "ends with", "contains"]]] = {
    "STARTS": "starts with",
    "ENDS": "ends with",
    "CONTAINS": "contains",
}
_VALUES: Final = ("call", "result")
_TIGHT: Final = ("parenthesis", "presence", "path", "macro_use", "session_has", "session_exceeds", "has_role")
"""What `not` may stand before: nothing in it could be meant to be outside."""
