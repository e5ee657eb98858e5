"""Parse tree to conditions, operands and sets.

A name in a condition is the element of a quantifier around it, else an argument; alone, where a condition stands, it is
a rule's. What a parenthesis holds is known only here: the grammar takes a value and a condition alike.
"""

from __future__ import annotations

import re
from typing import Final, Literal, cast

from lark import Token, Tree

from . import ast
from .ast import Span
from .errors import ParseError, quoted
from .lower_leaves import Branch, LeafLowering, branch, span_of, trees
from .values import pattern as patterns


class ConditionLowering(LeafLowering):
    """`bound` holds the names of the elements that the quantifiers around stand on."""

    def __init__(self, source: str, path: str) -> None:
        super().__init__(source, path)
        self.bound: list[str] = []

    # --- sets -------------------------------------------------------------------------------------------------------

    def value_set(self, tree: Branch) -> ast.ValueSet:
        span = span_of(tree)
        match tree.data:
            case "range":
                low, high = (self.number(cast(Token, child)) for child in tree.children)
                if low > high:
                    raise self.fault(tree, "the range is empty: its first number is the greater", "empty-range")
                return ast.RangeSet(low, high, span)
            case "mail" | "https":
                kind, names = cast("tuple[Token, Branch]", tuple(tree.children))
                build = ast.MailSet if tree.data == "mail" else ast.WebSet
                return build(self.names_set(names), kind.type == "UNDER", span)
            case "set_name":
                return ast.SetName(str(tree.children[0]), span)
            case _:
                return self.braces(tree)

    def braces(self, tree: Branch) -> ast.SetLiteral:
        items: list[ast.Scalar] = []
        names: list[str] = []
        for child in trees(tree):
            token = cast(Token, child.children[0])
            if child.data == "set_name":
                names.append(str(token))
            elif token.type == "NULL":
                raise self.fault(token, "`null` is in no set", "null-in-set", "write `missing x` or `x is null`")
            else:
                items.append(self.scalar(token))
        if not items and not names:
            raise self.fault(tree, "the set is empty", "empty-set", "a test against it could never be true")
        return ast.SetLiteral(tuple(items), tuple(names), span_of(tree))

    def names_set(self, node: Branch | Token) -> ast.SetLiteral | ast.SetName:
        """Domains, hosts, roots, programs: text only."""
        if isinstance(node, Token):
            return ast.SetLiteral((self.text(node),), (), span_of(node))
        if node.data == "set_name":
            return ast.SetName(str(node.children[0]), span_of(node))
        for child in trees(node):
            token = cast(Token, child.children[0])
            if child.data == "literal" and token.type != "STRING":
                raise self.fault(token, f"{quoted(token)} is no text", "not-text", "only text can stand in this set")
        return self.braces(node)

    # --- conditions -------------------------------------------------------------------------------------------------

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
            case "path" if len(tree.children) == 1 and self.bare(tree) not in (None, *self.bound):
                return ast.RuleRef(str(tree.children[0]), span_of(tree))
            case _:
                raise self.value_alone(tree)

    def value_alone(self, tree: Branch) -> ParseError:
        text = self.source[span_of(tree).start : span_of(tree).end]
        compare = f"compare it, as in `{text} == true`" if tree.data == "path" else "compare it with something"
        return self.fault(tree, f"{quoted(text)} is a value, not a condition", "value-alone", compare)

    def negation(self, tree: Branch) -> ast.Not:
        item = branch(tree, 0)
        if item.data not in ("parenthesis", "presence", "path"):
            raise self.fault(
                self.first_word(tree),
                "`not` before a test needs parentheses",
                "loose-not",
                "write `not (...)`, or put it inside: `x not in s`, `x not matches /.../`",
            )
        return ast.Not(self.condition(item), span_of(tree))

    def quantifier(self, tree: Branch) -> ast.Quantified:
        kind, source, *rest = cast("list[Token | Branch | None]", tree.children)
        path = self.argument(cast(Branch, source))
        written = next((child for child in rest if isinstance(child, Token)), None)
        name = "it" if written is None else self.definable(written, "element")
        if name in self.bound:
            raise self.fault(
                written or tree,
                f"the element around is already called `{name}`",
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
            case _:
                return ast.FromUser(operand, span)

    def options(self, tree: Branch) -> ast.TextOptions:
        ignoring, after = tree.children
        return ast.TextOptions(ignoring is not None, after is not None) if ignoring or after else ast.EXACT

    def pattern(self, token: Token) -> str:
        written = _PAIR.findall(token[1:-1])
        text = "".join("/" if part == "\\/" else part for part in written)
        try:
            patterns.compile(text)
        except patterns.PatternError as error:
            whole = span_of(token)
            before = 1 + error.position + text.count("/", 0, error.position)  # each `/` is written `\/`
            at = min(before, whole.end - whole.start - 1)
            place = Span(whole.start + at, whole.end, whole.line, whole.column + at)
            raise self.fault(
                place, f"the pattern cannot be used: {error.message}", "bad-pattern", error.help
            ) from error
        return text

    # --- operands ---------------------------------------------------------------------------------------------------

    def operand(self, tree: Branch) -> ast.Operand:
        return self.deeper(self._operand, tree)

    def _operand(self, tree: Branch) -> ast.Operand:
        match tree.data:
            case "plus" | "times" | "minus":
                left, right = trees(tree)
                if tree.data == "minus":
                    self.spaced(cast(Token, tree.children[1]))
                return ast.Arithmetic(_SIGNS[str(tree.data)], self.operand(left), self.operand(right), span_of(tree))
            case "path":
                return self.argument(tree)
            case "literal":
                return ast.Literal(self.scalar(cast(Token, tree.children[0])), span_of(tree))
            case "list":
                items = tuple(cast(ast.Literal, self.operand(child)) for child in trees(tree))
                return ast.ListLiteral(items, span_of(tree))
            case "length":
                return ast.LengthOf(self.argument(branch(tree, 0)), span_of(tree))
            case "parenthesis":
                return self.operand(branch(tree, 0))
            case _:
                raise self.fault(
                    tree,
                    "a condition stands where a value is compared",
                    "condition-as-value",
                    "join conditions with `and`",
                )

    def spaced(self, minus: Token) -> None:
        at = minus.start_pos or 0
        if not (self.source[at - 1].isspace() and self.source[at + 1 : at + 2].isspace()):
            raise self.fault(
                minus, "`-` needs a space on both sides", "minus-spaces", "`a - b` subtracts, `a-b` is a name"
            )

    def argument(self, tree: Branch) -> ast.Argument | ast.Element:
        first, *rest = tree.children
        steps = tuple(self.step(cast(Branch, child)) for child in rest)
        if isinstance(first, Tree):
            return ast.Argument((self.step(first), *steps), span_of(tree))
        name = str(first)
        return (
            ast.Element(name, steps, span_of(tree))
            if name in self.bound
            else ast.Argument((name, *steps), span_of(tree))
        )

    def step(self, tree: Branch) -> str | int:
        token = cast(Token, tree.children[0])
        if tree.data == "dotted":
            return self.key(token)
        index = self.whole(token)
        if index < 0:
            raise self.fault(token, "a position counts from 0", "bad-position")
        return index

    @staticmethod
    def bare(path: Branch) -> str | None:
        return str(path.children[0]) if isinstance(path.children[0], Token) else None


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
_SIGNS: Final[dict[str, Literal["+", "-", "*"]]] = {"plus": "+", "minus": "-", "times": "*"}
_PAIR: Final = re.compile(r"\\.|[^\\]")
