"""Each word of the tree as text on one line, the way the formatter writes it.

What a reader may write in two ways has one spelling here: numbers from five digits on are grouped, a name is quoted or
dotted only where it must be, parentheses stand where the grammar needs them and around every `not` of a test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from . import ast, strict_json
from .errors import is_invisible
from .words import NOT_NAMES

Bound = tuple[str, ...]
"""The names of the elements of the quantifiers around."""


def text(value: str) -> str:
    """A JSON string in which a reader sees every character."""
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(_escaped(character) if is_invisible(character) else character for character in quoted)


def number(value: int | Decimal) -> str:
    digits = f"{value:f}" if isinstance(value, Decimal) else str(value)
    sign, digits = ("-", digits[1:]) if digits[0] == "-" else ("", digits)
    whole, dot, rest = digits.partition(".")
    return f"{sign}{f'{int(whole):_}' if len(whole) > _UNGROUPED else whole}{dot}{rest}"


def scalar(value: ast.Scalar) -> str:
    if isinstance(value, str):
        return text(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return number(value)


def key(name: str) -> str:
    """An argument or a member, where no keyword can stand."""
    return name if _NAME.fullmatch(name) else text(name)


def tool(pattern: ast.ToolPattern | ast.GroupName) -> str:
    if isinstance(pattern, ast.GroupName):
        return pattern.name
    plain = _PATTERN.fullmatch(pattern.tool) is not None
    if pattern.server is None:  # the quotes of a name without a server say that it is no group
        return pattern.tool if plain and not pattern.quoted else text(pattern.tool)
    server = pattern.server if _SERVER.fullmatch(pattern.server) else text(pattern.server)
    return f"{server}/{pattern.tool if plain else text(pattern.tool)}"


def tools(patterns: Sequence[ast.ToolPattern | ast.GroupName]) -> str:
    return tool(patterns[0]) if len(patterns) == 1 else braced([tool(pattern) for pattern in patterns])


def braced(items: Sequence[str]) -> str:
    return f"{{ {', '.join(items)} }}"


def signature(node: ast.Signature) -> str:
    return f"({', '.join(signature_items(node))})"


def signature_items(node: ast.Signature) -> list[str]:
    return [named_argument(item) for item in node.arguments] + ["..."] * node.open


def named_argument(node: ast.NamedArgument) -> str:
    members = "" if node.members is None else signature(node.members)
    return f"{key(node.name)}{'?' * node.optional}{members}"


def scope(node: ast.Scope) -> str:
    acting = [("tenant", node.tenants), ("agent", node.agents)]
    behalf = [("user", node.users), ("role", node.roles)]
    parts = [_party(kind, names) for kind, names in acting if names]
    if parts and (node.users or node.roles):
        parts.append("on behalf of")
    return " ".join(parts + [_party(kind, names) for kind, names in behalf if names])


def _party(kind: str, names: Sequence[str]) -> str:
    return f"{kind} {text(names[0]) if len(names) == 1 else braced([text(name) for name in names])}"


# --- sets -----------------------------------------------------------------------------------------------------------


def set_items(node: ast.SetLiteral) -> list[str]:
    return [scalar(item) for item in node.items] + list(node.names)


def value_set(node: ast.ValueSet) -> str:
    match node:
        case ast.SetLiteral():
            return braced(set_items(node))
        case ast.SetName(name=name):
            return name
        case ast.RangeSet(low=low, high=high):
            return f"{number(low)} .. {number(high)}"
        case ast.MailSet(domains=names, subdomains=below):
            return f"mail {'under' if below else 'at'} {value_set(names)}"
        case ast.WebSet(hosts=names, subdomains=below):
            return f"https {'under' if below else 'at'} {value_set(names)}"


def options(node: ast.TextOptions) -> str:
    return " ignoring case" * node.ignore_case + " after nfkc" * node.nfkc


# --- operands -------------------------------------------------------------------------------------------------------


def operand(node: ast.Operand, bound: Bound) -> str:
    match node:
        case ast.Literal(value=value):
            return scalar(value)
        case ast.ListLiteral(items=items):
            return f"[{', '.join(scalar(item.value) for item in items)}]"
        case ast.Argument() | ast.Element():
            return path(node, bound)
        case ast.LengthOf(operand=inner):
            return f"length of {operand(inner, bound)}"
        case ast.Arithmetic(op=sign, left=left, right=right):
            return f"{_term(left, sign, bound, False)} {sign} {_term(right, sign, bound, True)}"


def _term(node: ast.Operand, sign: str, bound: Bound, right: bool) -> str:
    """One side of a sum or a product, in parentheses where the grammar would group it otherwise."""
    spelled = operand(node, bound)
    if not isinstance(node, ast.Arithmetic):
        return spelled
    looser = sign == "*" and node.op != "*"
    again = right and (sign == "*") == (node.op == "*")
    return f"({spelled})" if looser or again else spelled


def path(node: ast.Argument | ast.Element, bound: Bound) -> str:
    if isinstance(node, ast.Element):
        return node.name + _steps(node.path)
    first = str(node.path[0])
    plain = _NAME.fullmatch(first) and first not in NOT_NAMES and first not in bound
    return (first if plain else f".{key(first)}") + _steps(node.path[1:])


def _steps(steps: Sequence[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{key(step)}" for step in steps)


# --- conditions -----------------------------------------------------------------------------------------------------


def condition(node: ast.Condition, bound: Bound = ()) -> str:
    match node:
        case ast.And(items=items):
            return " and ".join(joined(item, bound) for item in items)
        case ast.Or(items=items):
            return " or ".join(joined(item, bound) for item in items)
        case ast.Not(item=item):
            return negated(item, bound)
        case ast.Presence(kind=kind, operand=of):
            return f"{kind} {path(of, bound)}"
        case ast.Quantified():
            return quantified(node, bound)
        case ast.RuleRef(rule=rule):
            return rule
        case ast.Constant(value=value):
            return f"0 == {0 if value else 1}"
        case _:
            return f"{operand(subject(node), bound)} {tail(node, bound)}"


def joined(node: ast.Condition, bound: Bound) -> str:
    """A condition as one side of `and` or `or`."""
    spelled = condition(node, bound)
    return f"({spelled})" if isinstance(node, ast.And | ast.Or) else spelled


def negated(node: ast.Condition, bound: Bound) -> str:
    denied = denied_tail(node, bound)
    if denied is not None:
        return f"{operand(subject(node), bound)} {denied}"
    spelled = condition(node, bound)
    return f"not {spelled}" if isinstance(node, ast.Presence | ast.RuleRef) else f"not ({spelled})"


def quantified(node: ast.Quantified, bound: Bound) -> str:
    head = quantifier_head(node, bound)
    short = short_body(node, bound)
    return f"{head} {short}" if short is not None else f"{head} ({condition(node.body, (*bound, node.name))})"


def quantifier_head(node: ast.Quantified, bound: Bound) -> str:
    named = "" if node.name == "it" else f" as {node.name}"
    return f"{node.kind} of {path(node.source, bound)}{named}"


def short_body(node: ast.Quantified, bound: Bound) -> str | None:
    """`in own_mail`: the one test of the element that needs no name; None where the body is more than that."""
    if node.name != "it":
        return None
    positive = node.body.item if isinstance(node.body, ast.Not) else node.body
    if not isinstance(positive, _TESTS) or subject(positive) != ast.Element("it"):
        return None
    inner = (*bound, "it")
    return tail(positive, inner) if positive is node.body else denied_tail(positive, inner)


def subject(node: ast.Condition) -> ast.Operand:
    """What a test is about: the operand before its words."""
    assert isinstance(node, _TESTS)
    return node.left if isinstance(node, ast.Compare) else node.operand


def tail(node: ast.Condition, bound: Bound) -> str:
    """The words of a test, after its subject."""
    match node:
        case ast.Compare(op=sign, right=right, text=how):
            return f"{sign} {operand(right, bound)}{options(how)}"
        case ast.Member(within=within, text=how):
            return f"in {value_set(within)}{options(how)}"
        case ast.Matches(pattern=pattern):
            return f"matches /{pattern.replace('/', chr(92) + '/')}/"
        case ast.Holds(kind=kind, part=part, text=how):
            return f"{kind} {operand(part, bound)}{options(how)}"
        case ast.Under(roots=roots):
            return f"under {_roots(roots)}"
        case ast.Runs(kind=kind, programs=programs):
            return f"runs {kind} {value_set(programs)}"
        case ast.IsType(type=kind):
            return f"is {kind}"
        case _:
            return "from user"


def denied_tail(node: ast.Condition, bound: Bound) -> str | None:
    """`not in s`, `is not null`: the words of a test denied, None where `not (...)` must be written."""
    if isinstance(node, ast.IsType):
        return f"is not {node.type}"
    return f"not {tail(node, bound)}" if isinstance(node, _DENIABLE) else None


def _roots(roots: ast.SetLiteral | ast.SetName) -> str:
    if isinstance(roots, ast.SetLiteral) and len(roots.items) == 1 and not roots.names:
        return scalar(roots.items[0])
    return value_set(roots)


# --- tests ----------------------------------------------------------------------------------------------------------


def call_items(node: ast.CallExpectation) -> list[str]:
    arguments = strict_json.parse_object(node.arguments)
    return [f"{key(name)}: {json_value(value)}" for name, value in arguments.items()]


def json_value(value: ast.Json) -> str:
    if isinstance(value, list):
        return f"[{', '.join(json_value(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key(name)}: {json_value(item)}' for name, item in value.items())}}}"
    return scalar(value)


def expectation(node: ast.CallExpectation) -> str:
    by = "" if node.rule is None else f" by {key(node.rule)}"
    return f"=> {node.effect}{by}"


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


_UNGROUPED: Final = 4
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*")
_PATTERN: Final = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_*.-]*")
_SERVER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_DENIABLE: Final = (ast.Member, ast.Matches, ast.Holds, ast.Under, ast.FromUser)
_TESTS: Final = (*_DENIABLE, ast.Compare, ast.Runs, ast.IsType)
