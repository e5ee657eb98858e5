"""Each condition, operand and set of a policy as a Term: which row tells it, and with what in its slots.

TERMS has one function for each class of node; a class without one fails tests/training_data by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from .. import ast, spelling
from .phrases import ROWS, Term

Bound = tuple[str, ...]
"""The names of the elements of the quantifiers around."""

Slots = dict[str, Any]


def made(sort: str, row: str, **slots: Any) -> Term:
    """A Term of a row; KeyError where there is no such row."""
    return Term(ROWS[sort][row], slots)


def term(node: Any, bound: Bound = ()) -> Term:
    """The Term of a condition, an operand, a set or an event; KeyError where its class has no function."""
    sort, row, slots = TERMS[type(node)](node, bound)
    return made(sort, row, **slots)


def terms(nodes: Sequence[Any], bound: Bound = ()) -> list[Term]:
    return [term(node, bound) for node in nodes]


def options(node: ast.TextOptions) -> Term:
    rows = {(False, False): "exact", (True, False): "case", (False, True): "nfkc", (True, True): "both"}
    return made("options", rows[node.ignore_case, node.nfkc])


def tools(nodes: Sequence[ast.ToolPattern | ast.GroupName | ast.IntentName]) -> Term:
    if len(nodes) == 1:
        return made("tools", "one", tool=tool(nodes[0]))
    return made("tools", "many", tools=[tool(node) for node in nodes])


def tool(node: ast.ToolPattern | ast.GroupName | ast.IntentName) -> Term:
    if isinstance(node, ast.IntentName):
        return made("tool", "intent", name=node.name)
    return made("tool", "group" if isinstance(node, ast.GroupName) else "pattern", name=spelling.tool(node))


def names(node: ast.SetLiteral | ast.SetName) -> Term:
    if isinstance(node, ast.SetName):
        return made("names", "named", name=node.name)
    items = _items(node)
    return made("names", "values", items=items) if items else made("names", "nothing")


def event(node: ast.Event, bound: Bound = ()) -> Term:
    """An event; names that are bound around it are dotted in its condition, where they are not seen."""
    if node.condition is None:
        return made("event", "plain", kind=str(node.kind), tools=tools(node.tools))
    return made("event", "where", kind=str(node.kind), tools=tools(node.tools), condition=term(node.condition, bound))


def _items(node: ast.SetLiteral) -> list[Term]:
    values = [made("item", "scalar", value=spelling.scalar(item)) for item in node.items]
    return [*values, *(made("item", "members", name=name) for name in node.names)]


Told = tuple[str, str, Slots]


def _is(row: str, **slots: Any) -> Told:
    return "condition", row, slots


def _operand(row: str, **slots: Any) -> Told:
    return "operand", row, slots


def _if(node: ast.IfThen, bound: Bound) -> Told:
    both = {"test": term(node.test, bound), "then": term(node.then, bound)}
    return _is("if", **both) if node.otherwise is None else _is("if-else", **both, other=term(node.otherwise, bound))


def _compare(node: ast.Compare, bound: Bound) -> Told:
    sides = {"left": term(node.left, bound), "right": term(node.right, bound)}
    return _is(node.op, **sides, text=options(node.text)) if node.op in ("==", "!=") else _is(node.op, **sides)


def _quantified(node: ast.Quantified, bound: Bound) -> Told:
    slots = {"source": term(node.source, bound), "body": term(node.body, (*bound, node.name))}
    return _is(f"{node.kind}-it", **slots) if node.name == "it" else _is(node.kind, name=node.name, **slots)


def _derived(node: ast.DerivedFrom, bound: Bound) -> Told:
    of = term(node.operand, bound)
    if isinstance(node.source, str):
        return _is("derived", operand=of)
    if isinstance(node.source, ast.Label):
        return _is("derived-label", operand=of, label=spelling.label(node.source))
    return _is("derived-results", operand=of, tools=tools(node.source))


def _time(node: ast.TimeBetween, bound: Bound) -> Told:
    named = [spelling.DAYS[day] for day in node.days]
    days = made("days", "days", days=named) if named else made("days", "any")
    zone = spelling.text(node.zone)
    if node.start is None or node.end is None:
        return _is("on", days=days, zone=zone)
    start, end = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (node.start, node.end))
    return _is("between", start=start, end=end, days=days, zone=zone)


def _happened(node: ast.Happened, bound: Bound) -> Told:
    until = made("until", "never") if node.until is None else made("until", "until", event=event(node.until, bound))
    within = made("within", "ever") if node.within is None else made("within", "within", **duration(node.within))
    return _is(node.mode, event=event(node.event, bound), until=until, within=within)


def duration(node: ast.Duration) -> Slots:
    return {"amount": spelling.number(node.amount), "unit": node.unit + "s" * (node.amount != 1)}


def _exceeds(node: ast.SessionExceeds, bound: Bound) -> Told:
    labels = [spelling.label(label) for label in node.clearance]
    return _is("exceeds", labels=labels) if labels else _is("exceeds-none")


def _list(node: ast.ListLiteral, bound: Bound) -> Told:
    items = [spelling.scalar(item.value) for item in node.items]
    return _operand("list", items=items) if items else _operand("empty-list")


def _counter(node: ast.CounterValue, bound: Bound) -> Told:
    if not node.keys:
        return _operand("counter", name=node.counter)
    return _operand("counter-of", name=node.counter, keys=terms(node.keys, bound))


def _values(node: ast.SetLiteral, bound: Bound) -> Told:
    items = _items(node)
    return ("set", "values", {"items": items}) if items else ("set", "nothing", {})


def _place(kind: str, node: ast.MailSet | ast.WebSet) -> Told:
    listed = node.domains if isinstance(node, ast.MailSet) else node.hosts
    return "set", f"{kind} {'under' if node.subdomains else 'at'}", {"names": names(listed)}


TERMS: Final[dict[type, Callable[[Any, Bound], Told]]] = {
    ast.And: lambda node, bound: _is("and", items=terms(node.items, bound)),
    ast.Or: lambda node, bound: _is("or", items=terms(node.items, bound)),
    ast.Not: lambda node, bound: _is("not", item=term(node.item, bound)),
    ast.IfThen: _if,
    ast.Compare: _compare,
    ast.Member: lambda node, bound: _is(
        "in", operand=term(node.operand, bound), within=term(node.within), text=options(node.text)
    ),
    ast.Matches: lambda node, bound: _is(
        "search" if node.search else "matches",
        operand=term(node.operand, bound),
        pattern=spelling.pattern(node.pattern),
    ),
    ast.Like: lambda node, bound: _is(
        "like", operand=term(node.operand, bound), glob=spelling.text(node.glob), text=options(node.text)
    ),
    ast.Holds: lambda node, bound: _is(
        node.kind, operand=term(node.operand, bound), part=term(node.part, bound), text=options(node.text)
    ),
    ast.Under: lambda node, bound: _is("under", operand=term(node.operand, bound), roots=names(node.roots)),
    ast.Runs: lambda node, bound: _is(node.kind, operand=term(node.operand, bound), programs=names(node.programs)),
    ast.IsType: lambda node, bound: _is("type", operand=term(node.operand, bound), kind=str(node.type)),
    ast.MultipleOf: lambda node, bound: _is(
        "multiple", operand=term(node.operand, bound), step=spelling.number(node.step)
    ),
    ast.Presence: lambda node, bound: _is(node.kind, operand=term(node.operand, bound)),
    ast.Quantified: _quantified,
    ast.FromUser: lambda node, bound: _is("from user", operand=term(node.operand, bound)),
    ast.FromResults: lambda node, bound: _is(
        "from results", operand=term(node.operand, bound), tools=tools(node.tools)
    ),
    ast.DerivedFrom: _derived,
    ast.FromSource: lambda node, bound: _is("source", operand=term(node.operand, bound), place=str(node.source)),
    ast.HasRole: lambda node, bound: _is("role", role=spelling.text(node.role)),
    ast.TimeBetween: _time,
    ast.TimeWithin: lambda node, bound: _is("within", start=str(node.start), end=str(node.end)),
    ast.Happened: _happened,
    ast.Seen: lambda node, bound: _is("seen", place=str(node.tracker)),
    ast.SessionHas: lambda node, bound: _is("session has", label=spelling.label(node.label)),
    ast.SessionExceeds: _exceeds,
    ast.RuleRef: lambda node, bound: _is("named", rule=node.rule),
    ast.MacroUse: lambda node, bound: _is("macro", name=node.name, operands=terms(node.operands, bound)),
    ast.Constant: lambda node, bound: _is("constant", value="true" if node.value else "false"),
    ast.Literal: lambda node, bound: _operand("scalar", value=spelling.scalar(node.value)),
    ast.ListLiteral: _list,
    ast.Argument: lambda node, bound: _operand("argument", path=spelling.path(node, bound)),
    ast.Element: lambda node, bound: _operand("element", path=spelling.path(node, bound)),
    ast.LengthOf: lambda node, bound: _operand("length", operand=term(node.operand, bound)),
    ast.NumberOf: lambda node, bound: _operand("number", operand=term(node.operand, bound)),
    ast.Arithmetic: lambda node, bound: _operand(node.op, left=term(node.left, bound), right=term(node.right, bound)),
    ast.CounterValue: _counter,
    ast.Tally: lambda node, bound: _operand("tally", place=str(node.tracker)),
    ast.Claim: lambda node, bound: _operand("claim", name=spelling.text(node.name)),
    ast.PrincipalPart: lambda node, bound: _operand("principal", part=node.part),
    ast.CallValue: lambda node, bound: _operand("call", path=spelling.operand(node, bound)),
    ast.ResultValue: lambda node, bound: _operand("result", path=spelling.operand(node, bound)),
    ast.SetLiteral: _values,
    ast.SetName: lambda node, bound: ("set", "named", {"name": node.name}),
    ast.RangeSet: lambda node, bound: (
        "set",
        "range",
        {"low": spelling.number(node.low), "high": spelling.number(node.high)},
    ),
    ast.MailSet: lambda node, bound: _place("mail", node),
    ast.WebSet: lambda node, bound: _place("https", node),
}
