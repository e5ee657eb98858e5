"""Parse tree to operands and sets.

A name is the element of a quantifier around it, else an argument. `call` and `result` are what their place makes them.
"""

from __future__ import annotations

from typing import Final, Literal, cast

from lark import Token, Tree

from . import ast
from .errors import quoted
from .lower_leaves import Branch, branch, span_of, trees
from .lower_tools import ToolLowering


class OperandLowering(ToolLowering):
    """What the place says about names: `bound` are the elements that the quantifiers around stand on, `parameters`
    those of the `define` around. Inside the condition of an event (`past`), both are `hidden`. `call_known`: `call.x`
    is the call being decided; `answered`: `result` is what the tool answered."""

    def __init__(self, source: str, path: str) -> None:
        super().__init__(source, path)
        self.bound: list[str] = []
        self.parameters: tuple[str, ...] = ()
        self.hidden: frozenset[str] = frozenset()
        self.past = False
        self.call_known = False
        self.answered = False

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
                return self.named(tree)
            case "literal":
                return ast.Literal(self.scalar(cast(Token, tree.children[0])), span_of(tree))
            case "list":
                items = tuple(cast(ast.Literal, self.operand(child)) for child in trees(tree))
                return ast.ListLiteral(items, span_of(tree))
            case "length":
                return ast.LengthOf(self.named(branch(tree, 0)), span_of(tree))
            case "number_of":
                return ast.NumberOf(self.operand(branch(tree, 0)), span_of(tree))
            case "counter_value":
                return self.counter_value(tree)
            case "claim":
                return ast.Claim(self.filled(tree.children[0], "a claim"), span_of(tree))
            case "principal_part":
                part = cast("Literal['tenant', 'agent', 'user']", str(tree.children[1]))
                return ast.PrincipalPart(part, span_of(tree))
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

    def counter_value(self, tree: Branch) -> ast.CounterValue:
        name, *keys = tree.children
        if self.past:
            raise self.fault(tree, "an event looks at one earlier call, not at a counter", "nested-event", _FLAT)
        given = tuple(self.operand(key) for key in keys if isinstance(key, Tree))
        return ast.CounterValue(str(name), given, span_of(tree))

    def named(self, tree: Branch) -> ast.Argument | ast.Element | ast.CallValue | ast.ResultValue:
        """What a path stands for where any value may stand."""
        match self.bare(tree):
            case "call":
                return self.call_value(tree)
            case "result":
                self.result_known(tree)
                return ast.ResultValue(self.steps(tree), span_of(tree))
            case _:
                return self.argument(tree)

    def call_value(self, tree: Branch) -> ast.CallValue:
        if not self.call_known:
            place = self.first_word(tree)
            raise self.fault(place, "`call` is known in the event of a condition only", "call-here", _dotted("call"))
        path = self.steps(tree)
        if not path or isinstance(path[0], int):
            raise self.fault(tree, "`call` alone is no value", "call-here", "name an argument, as in `call.path`")
        return ast.CallValue(path, span_of(tree))

    def result_known(self, tree: Branch) -> None:
        if not self.answered:
            message = "`result` is known in a `succeeded` event and in the `when` of a label only"
            raise self.fault(self.first_word(tree), message, "result-here", _dotted("result"))

    def argument(self, tree: Branch) -> ast.Argument | ast.Element:
        """A path where only an argument or an element may stand."""
        first = tree.children[0]
        if isinstance(first, Tree):
            step = self.step(first)
            if step in self.parameters:
                message = f"{quoted(str(step))} is a parameter here, so no argument can be called so"
                raise self.fault(first, message, "hidden-name", "give the parameter another name")
            return ast.Argument((step, *self.steps(tree)), span_of(tree))
        name = str(first)
        if name in ("call", "result"):
            self.named(tree)  # where it is not known at all, that is the fault
            message = f"only an argument can stand here, not a part of `{name}`"
            raise self.fault(tree, message, f"{name}-here", "compare it instead")
        if name in self.hidden:
            raise self.fault(
                first,
                f"an event does not see `{name}`: its names are the arguments of the earlier call",
                "hidden-name",
                "compare it with an argument of this call, as in `path == call.path`",
            )
        if name in self.bound:
            return ast.Element(name, self.steps(tree), span_of(tree))
        return ast.Argument((name, *self.steps(tree)), span_of(tree))

    def steps(self, tree: Branch) -> tuple[str | int, ...]:
        return tuple(self.step(cast(Branch, child)) for child in tree.children[1:])

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


def _dotted(name: str) -> str:
    return f"an argument of this name is written `.{name}`"


_SIGNS: Final[dict[str, Literal["+", "-", "*"]]] = {"plus": "+", "minus": "-", "times": "*"}
_FLAT: Final = "test it beside the event, joined by `and`"
