"""Each word of the tree as text on one line, the way the formatter writes it.

What a reader may write in two ways has one spelling here: numbers from five digits on are grouped, a name is quoted or
dotted only where it must be, parentheses stand where the grammar needs them and around every `not` of a test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, cast

from . import ast, strict_json
from .errors import is_invisible
from .words import NOT_NAMES

Bound = tuple[str, ...]
"""The names of the elements of the quantifiers around."""

Target = ast.ToolPattern | ast.GroupName | ast.IntentName


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


def tool(pattern: Target) -> str:
    if isinstance(pattern, ast.GroupName):
        return pattern.name
    if isinstance(pattern, ast.IntentName):
        return f"intent {pattern.name}"
    plain = _PATTERN.fullmatch(pattern.tool) is not None
    if pattern.server is None:  # the quotes of a name without a server say that it is no group
        bare = plain and not pattern.quoted and pattern.tool != "intent"
        return pattern.tool if bare else text(pattern.tool)
    server = pattern.server if _SERVER.fullmatch(pattern.server) else text(pattern.server)
    return f"{server}/{pattern.tool if plain else text(pattern.tool)}"


def tools(patterns: Sequence[Target]) -> str:
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
    acting = [("tenant", node.tenants), ("agent", node.agents), ("via", node.via)]
    behalf = [("user", node.users), ("role", node.roles)]
    parts = [party(kind, names) for kind, names in acting if names]
    if parts and (node.users or node.roles):
        parts.append("on behalf of")
    return " ".join(parts + [party(kind, names) for kind, names in behalf if names])


def party(kind: str, names: Sequence[str]) -> str:
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
        case ast.NumberOf(operand=inner):
            spelled = operand(inner, bound)
            return f"number of ({spelled})" if isinstance(inner, ast.Arithmetic) else f"number of {spelled}"
        case ast.CounterValue(counter=name, keys=keys):
            return f"counter {name}{_keys(keys, bound)}"
        case ast.Tally(tracker=place, keys=keys):
            return f"counter #{place}{_keys(keys, bound)}"
        case ast.Claim(name=name):
            return f"claim {text(name)}"
        case ast.PrincipalPart(part=part):
            return f"principal {part}"
        case ast.CallValue(path=steps):
            return f"call{_steps(steps)}"
        case ast.ResultValue(path=steps):
            return f"result{_steps(steps)}"
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


def operands(nodes: Sequence[ast.Operand], bound: Bound = ()) -> str:
    return ", ".join(operand(node, bound) for node in nodes)


def _keys(keys: Sequence[ast.Operand], bound: Bound) -> str:
    return f"[{operands(keys, bound)}]" if keys else ""


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
        case ast.IfThen(test=test, then=then, otherwise=otherwise):
            last = "" if otherwise is None else f" else {condition(otherwise, bound)}"
            return f"if {branch(test, bound)} then {branch(then, bound)}{last}"
        case ast.MacroUse(name=name, operands=given):
            return f"{name}({operands(given, bound)})"
        case ast.Happened(event=event):
            return f"{happened_head(node)}{happening(event, bound)}{happened_tail(node, bound)}"
        case ast.SessionHas(label=carried):
            return f"session has {label(carried)}"
        case ast.SessionExceeds(clearance=labels):
            return f"session exceeds {braced([label(item) for item in labels])}"
        case ast.HasRole(role=role):
            return f"principal has role {text(role)}"
        case ast.TimeBetween():
            return time(node)
        case ast.Seen() | ast.TimeWithin():
            return _resolved(node, bound)
        case _:
            return f"{operand(subject(node), bound)} {tail(node, bound)}"


def joined(node: ast.Condition, bound: Bound) -> str:
    """A condition as one side of `and` or `or`."""
    spelled = condition(node, bound)
    return f"({spelled})" if isinstance(node, ast.And | ast.Or | ast.IfThen) else spelled


def branch(node: ast.Condition, bound: Bound) -> str:
    """A condition between `if`, `then` and `else`."""
    spelled = condition(node, bound)
    return f"({spelled})" if isinstance(node, ast.IfThen) else spelled


def negated(node: ast.Condition, bound: Bound) -> str:
    denied = denied_tail(node, bound)
    if denied is not None:
        return f"{operand(subject(node), bound)} {denied}"
    spelled = condition(node, bound)
    return f"not {spelled}" if isinstance(node, TIGHT) else f"not ({spelled})"


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
        case ast.Matches(pattern=written, search=search):
            return f"{'contains' if search else 'matches'} {pattern(written)}"
        case ast.Like(glob=glob, text=how):
            return f"like {text(glob)}{options(how)}"
        case ast.MultipleOf(step=step):
            return f"is multiple of {number(step)}"
        case ast.FromResults(tools=asked):
            return f"from results of {tools(asked)}"
        case ast.DerivedFrom(source=source):
            return f"derived from {_source(source)}"
        case ast.FromSource(source=place, loosely=loosely):
            return f"{'derived from' if loosely else 'from'} results #{place}"
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
    if isinstance(node, ast.MultipleOf):
        return f"is not multiple of {number(node.step)}"
    return f"not {tail(node, bound)}" if isinstance(node, _DENIABLE) else None


def pattern(written: str) -> str:
    return f"/{written.replace('/', chr(92) + '/')}/"


def _source(source: str | ast.Label | tuple[ast.ToolPattern | ast.GroupName, ...]) -> str:
    if isinstance(source, str):
        return source
    return f"label {label(source)}" if isinstance(source, ast.Label) else f"results of {tools(source)}"


def _roots(roots: ast.SetLiteral | ast.SetName) -> str:
    if isinstance(roots, ast.SetLiteral) and len(roots.items) == 1 and not roots.names:
        return scalar(roots.items[0])
    return value_set(roots)


# --- the session and the clock --------------------------------------------------------------------------------------


def label(node: ast.Label) -> str:
    return node.name if node.compartment is None else f"{node.name}({node.compartment})"


def event_head(node: ast.Event) -> str:
    return f"{node.kind} {tools(node.tools)}"


def happening(node: ast.Event, bound: Bound = ()) -> str:
    """An event; names that are bound around it are dotted in its condition, where they are not seen."""
    inside = "" if node.condition is None else f"({condition(node.condition, bound)})"
    return f"{event_head(node)}{inside}"


def happened_head(node: ast.Happened) -> str:
    return f"{node.mode} "


def happened_tail(node: ast.Happened, bound: Bound) -> str:
    until = "" if node.until is None else f" until {happening(node.until, bound)}"
    within = "" if node.within is None else f" within {duration(node.within)}"
    return f"{until}{within}"


def change(node: ast.Change) -> str:
    match node:
        case ast.SetArgument(path=steps, value=value):
            return f"set {path(ast.Argument(steps), ())} = {operand(value, ())}"
        case ast.RemoveArgument(path=steps):
            return f"remove {path(ast.Argument(steps), ())}"
        case ast.RedactArgument(path=steps):
            return f"redact {path(ast.Argument(steps), ())} {redaction(node)}"


def redaction(node: ast.RedactArgument | ast.RedactResults) -> str:
    return f"matching {pattern(node.pattern)} with {text(node.replacement)}"


def learned_from(node: ast.LearnedFrom) -> str:
    """What stands behind the word `evidence`."""
    sign, digits, exponent = node.alpha.as_tuple()
    percent = Decimal((sign, digits, cast(int, exponent) + 2))
    reached = f"{number(node.bound)} {'>=' if node.bound >= node.threshold else '<'} {number(node.threshold)}"
    return (
        f"{number(node.confirming)} for, {number(node.against)} against, "
        f"{number(node.reporters)} reporter{'s' * (node.reporters != 1)}; "
        f"bound {reached} ({node.gate}, {number(percent)}%); "
        f"e-value {number(node.e_value)}; support {number(node.support)}; state {node.state}"
    )


def duration(node: ast.Duration) -> str:
    return f"{number(node.amount)} {node.unit}{'s' * (node.amount != 1)}"


def window(node: ast.Window) -> str:
    match node:
        case ast.Calendar(unit=unit, zone=zone):
            return f"each {unit} in {text(zone)}"
        case ast.Sliding(duration=length):
            return f"within {duration(length)}"
        case ast.Ever():
            return "ever"


def time(node: ast.TimeBetween) -> str:
    between = "" if node.start is None or node.end is None else f" between {_clock(node.start)} and {_clock(node.end)}"
    days = f" on {braced([DAYS[day] for day in node.days])}" if node.days else ""
    return f"time{between}{days} in {text(node.zone)}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _resolved(node: ast.Seen | ast.TimeWithin, bound: Bound) -> str:
    """What only a PolicySet holds, for a reader; no text of the language says it."""
    if isinstance(node, ast.Seen):
        return f"after #{node.tracker}{_keys(node.keys, bound)}"
    start, end = ("" if moment is None else f" {moment}" for moment in (node.start, node.end))
    return f"time within{start} ..{end}"


# --- tests ----------------------------------------------------------------------------------------------------------


def call_items(arguments_text: str) -> list[str]:
    arguments = strict_json.parse_object(arguments_text)
    return [f"{key(name)}: {json_value(value)}" for name, value in arguments.items()]


def json_value(value: ast.Json) -> str:
    if isinstance(value, list):
        return f"[{', '.join(json_value(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key(name)}: {json_value(item)}' for name, item in value.items())}}}"
    return scalar(value)


def expectation(node: ast.CallExpectation) -> str:
    by = "" if node.rule is None else f" by {key(node.rule)}"
    sent = "" if node.rewritten is None else f" with ({', '.join(call_items(node.rewritten))})"
    return f"=> {node.effect}{by}{sent}"


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


_UNGROUPED: Final = 4
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*")
_PATTERN: Final = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_*.-]*")
_SERVER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_DENIABLE: Final = (
    ast.Member,
    ast.Matches,
    ast.Like,
    ast.Holds,
    ast.Under,
    ast.FromUser,
    ast.FromResults,
    ast.DerivedFrom,
    ast.FromSource,
)
_TESTS: Final = (*_DENIABLE, ast.Compare, ast.Runs, ast.IsType, ast.MultipleOf)
TIGHT: Final = (ast.Presence, ast.RuleRef, ast.MacroUse, ast.SessionHas, ast.SessionExceeds, ast.HasRole)
"""What `not` stands before without parentheses."""

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""0 to 6, as TimeBetween counts them."""
