"""Each statement of a policy file as a Term. STATEMENTS has one function for each class of statement and step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from .. import ast, spelling, strict_json
from .phrases import Term
from .terms_conditions import duration, event, made, term, terms, tool, tools


def statement(node: Any) -> Term:
    """The Term of a statement or a step of a test; KeyError where its class has no function."""
    return STATEMENTS[type(node)](node)


def clauses(node: Any) -> list[Term]:
    """The clauses that a statement has, in the order the language wants them."""
    return [found for each in _CLAUSES for found in each(node)]


# --- clauses: each a pass over what a statement may have --------------------------------------------------------------


def _named(node: Any) -> Iterator[Term]:
    if node.name is not None:
        yield made("clause", "as", name=node.name)


def _ranked(node: Any) -> Iterator[Term]:
    if getattr(node, "priority", 0):
        yield made("clause", "priority", number=spelling.number(node.priority))
    if getattr(node, "subject", None):
        yield made("clause", node.subject)


def _conditioned(node: Any) -> Iterator[Term]:
    for word in ("when", "unless"):
        condition = getattr(node, word, None)
        if condition is not None:
            yield made("clause", word, condition=term(condition))


def _said(node: Any) -> Iterator[Term]:
    if getattr(node, "message", None) is not None:
        yield made("clause", "message", text=spelling.text(node.message))


def _termed(node: Any) -> Iterator[Term]:
    if not isinstance(node, ast.Rule):
        return
    if node.terms.prompt is not None:
        yield made("clause", "prompt", text=spelling.text(node.terms.prompt))
    if node.terms.valid is not None:
        yield made("clause", "valid", **duration(node.terms.valid))
    start, end = (None if at is None else spelling.text(at) for at in (node.validity.start, node.validity.end))
    if start is not None and end is not None:
        yield made("clause", "from-until", start=start, end=end)
    elif start is not None:
        yield made("clause", "from", text=start)
    elif end is not None:
        yield made("clause", "until", text=end)
    if node.terms.uses is not None:
        yield made("clause", "uses", number=spelling.number(node.terms.uses))
    if node.ends_session:
        yield made("clause", "end")


def _signed(node: Any) -> Iterator[Term]:
    metadata = getattr(node, "metadata", ast.UNSIGNED)
    for word in ("owner", "ticket", "because"):
        if (said := getattr(metadata, word)) is not None:
            yield made("clause", word, text=spelling.text(said))


def _learned(node: Any) -> Iterator[Term]:
    if isinstance(node, ast.Rule) and node.learned is not None:
        yield made("clause", "evidence", text=spelling.learned_from(node.learned))


_CLAUSES: Final = (_named, _ranked, _conditioned, _said, _termed, _signed, _learned)


# --- parts ------------------------------------------------------------------------------------------------------------


def _standing(node: Any) -> Term:
    learned = getattr(node, "learned", None) is not None
    return made("standing", "learned" if learned else "shadow" if node.shadow else "none")


def signature(node: ast.Signature) -> Term:
    listed = [_argument(argument) for argument in node.arguments]
    if not listed:
        return made("signature", "any" if node.open else "empty")
    return made("signature", "open" if node.open else "closed", arguments=listed)


def _argument(node: ast.NamedArgument) -> Term:
    name = spelling.key(node.name)
    if node.members is None:
        return made("argument", "optional" if node.optional else "needed", name=name)
    row = "optional members" if node.optional else "members"
    return made("argument", row, name=name, members=signature(node.members))


def _window(node: ast.Window | None) -> Term:
    match node:
        case ast.Calendar(unit=unit, zone=zone):
            return made("window", "calendar", unit=unit, zone=spelling.text(zone))
        case ast.Sliding(duration=length):
            return made("window", "sliding", **duration(length))
        case ast.Ever():
            return made("window", "ever")
        case None:
            return made("window", "none")


def _keys(nodes: Sequence[ast.Operand]) -> Term:
    return made("keys", "by", keys=terms(nodes)) if nodes else made("keys", "none")


def _change(node: ast.Change) -> Term:
    path = spelling.path(ast.Argument(node.path), ())
    match node:
        case ast.SetArgument(value=value):
            return made("change", "set", path=path, value=term(value))
        case ast.RemoveArgument():
            return made("change", "remove", path=path)
        case ast.RedactArgument(pattern=pattern, replacement=replacement):
            return made(
                "change", "redact", path=path, pattern=spelling.pattern(pattern), text=spelling.text(replacement)
            )


def scope(node: ast.Scope) -> Term:
    acting = [("tenant", node.tenants), ("agent", node.agents), ("via", node.via)]
    behalf = [("user", node.users), ("role", node.roles)]
    first, second = ([_party(kind, names) for kind, names in kinds if names] for kinds in (acting, behalf))
    if first and second:
        return made("scope", "behalf", acting=first, behalf=second)
    return made("scope", "plain", acting=first or second)


def _party(kind: str, names: Sequence[str]) -> Term:
    texts = [spelling.text(name) for name in names]
    return made("party", kind, name=texts[0]) if len(texts) == 1 else made("party", f"{kind}s", names=texts)


# --- statements -------------------------------------------------------------------------------------------------------


def _rule(node: ast.Rule) -> Term:
    slots: dict[str, Any] = {"standing": _standing(node), "tools": tools(node.tools), "clauses": clauses(node)}
    if node.signature is not None:
        slots["signature"] = signature(node.signature)
    return made("statement", str(node.effect), **slots)


def _learnable(node: ast.Learnable) -> Term:
    rule = node.rule
    assert rule.signature is not None
    return made(
        "statement",
        "learnable",
        tools=tools(rule.tools),
        signature=signature(rule.signature),
        clauses=clauses(rule),
    )


def _limit(node: ast.Limit) -> Term:
    slots: dict[str, Any] = {} if node.value is None else {"value": term(node.value)}
    return made(
        "statement",
        "limit" if node.value is None else "limit-of",
        standing=_standing(node),
        tools=tools(node.tools),
        bound=term(node.bound),
        kind=str(node.kind),
        keys=_keys(node.keys),
        owner=node.owner,
        window=_window(node.window),
        clauses=clauses(node),
        **slots,
    )


def _counter(node: ast.CounterDefinition) -> Term:
    slots: dict[str, Any] = {} if node.value is None else {"measure": node.measure, "value": term(node.value)}
    return made(
        "statement",
        "counter" if node.value is None else "counter-of",
        name=node.name,
        event=event(node.event),
        keys=_keys(node.keys),
        owner=node.owner,
        window=_window(node.window),
        since=made("since", "none") if node.since is None else made("since", "since", event=event(node.since)),
        **slots,
    )


def _clearance(node: ast.Clearance) -> Term:
    slots = {"tools": tools(node.tools), "clauses": clauses(node)}
    if not node.labels:
        return made("statement", "clearance-none", **slots)
    return made("statement", "clearance", labels=[spelling.label(label) for label in node.labels], **slots)


def _rewrite(node: ast.Rewrite) -> Term:
    return made(
        "statement",
        "rewrite",
        standing=_standing(node),
        tools=tools(node.tools),
        changes=[_change(change) for change in node.changes],
        clauses=clauses(node),
    )


def _label_results(node: ast.LabelResults) -> Term:
    slots: dict[str, Any] = {"tools": tools(node.tools), "label": spelling.label(node.label)}
    slots["clauses"] = [] if node.when is None else [made("clause", "when", condition=term(node.when))]
    if node.arguments is None:
        return made("statement", "label", **slots)
    return made("statement", "label-where", arguments=term(node.arguments), **slots)


def _listed(row: str, nodes: Sequence[ast.ToolPattern | ast.GroupName], **slots: Any) -> Term:
    return made("statement", row, tools=[tool(node) for node in nodes], **slots)


def _redact_results(node: ast.RedactResults) -> Term:
    texts = {"pattern": spelling.pattern(node.pattern), "text": spelling.text(node.replacement)}
    return _listed("redact", node.tools, **texts)


def _macro(node: ast.Macro) -> Term:
    if not node.parameters:
        return made("statement", "macro", name=node.name, body=term(node.body))
    return made("statement", "macro-of", name=node.name, parameters=list(node.parameters), body=term(node.body))


def _intent(node: ast.IntentMap) -> Term:
    slots: dict[str, Any] = {
        "name": node.intent,
        "version": spelling.number(node.version),
        "tool": tool(node.tool),
    }
    row = "intent" if node.fields else "intent-empty"
    if node.fields:
        slots["fields"] = [made("field", "field", name=spelling.key(name), value=term(of)) for name, of in node.fields]
    if node.ignored:
        slots["ignored"] = [spelling.key(name) for name in node.ignored]
    return made("statement", f"{row}-ignoring" if node.ignored else row, **slots)


def _otherwise(node: ast.Otherwise) -> Term:
    if node.message is None:
        return made("statement", "otherwise")
    return made("statement", "otherwise-message", text=spelling.text(node.message))


def _import(node: ast.Import) -> Term:
    if node.package is None:
        return made("statement", "import", path=spelling.text(node.path))
    return made("statement", "import-package", path=spelling.text(node.path), package=spelling.text(node.package))


def _test(node: ast.TestBlock) -> Term:
    settings = [] if node.principal.is_everyone else [made("setting", "as", scope=scope(node.principal))]
    for name, value in node.claims:
        settings.append(made("setting", "claim", name=spelling.text(name), value=spelling.scalar(value)))
    if node.at is not None:
        settings.append(made("setting", "at", at=spelling.text(node.at)))
    return made(
        "statement",
        "test",
        title=spelling.text(node.title),
        settings=settings,
        steps=[statement(step) for step in node.steps],
    )


def _given(node: ast.Given) -> Term:
    slots = {
        "kind": str(node.kind),
        "tool": spelling.tool(ast.ToolPattern(node.server, node.tool)),
        "arguments": f"({', '.join(spelling.call_items(node.arguments))})",
    }
    if node.result is None:
        return made("step", "given", **slots)
    return made("step", "given-result", result=spelling.json_value(strict_json.parse(node.result)), **slots)


def _call(node: ast.CallExpectation) -> Term:
    return made(
        "step",
        "call",
        tool=spelling.tool(ast.ToolPattern(node.server, node.tool)),
        arguments=f"({', '.join(spelling.call_items(node.arguments))})",
        expected=spelling.expectation(node),
    )


STATEMENTS: Final[dict[type, Callable[[Any], Term]]] = {
    ast.Rule: _rule,
    ast.Learnable: _learnable,
    ast.Limit: _limit,
    ast.CounterDefinition: _counter,
    ast.Clearance: _clearance,
    ast.Rewrite: _rewrite,
    ast.Hide: lambda node: _listed("hide", node.tools),
    ast.TrustResults: lambda node: _listed("trust claimed" if node.claimed else "trust", node.tools),
    ast.LabelResults: _label_results,
    ast.RedactResults: _redact_results,
    ast.Levels: lambda node: made("statement", "levels", names=list(node.names)),
    ast.SetDefinition: lambda node: made("statement", "set", name=node.name, value=term(node.value)),
    ast.GroupDefinition: lambda node: _listed("group", node.members, name=node.name),
    ast.Macro: _macro,
    ast.IntentMap: _intent,
    ast.Otherwise: _otherwise,
    ast.UseTools: lambda node: made("statement", "tools", path=spelling.text(node.path)),
    ast.Import: _import,
    ast.Layer: lambda node: made("statement", "layer", name=node.name),
    ast.ScopeBlock: lambda node: made(
        "statement", "scope", scope=scope(node.scope), rules=[statement(rule) for rule in node.rules]
    ),
    ast.TestBlock: _test,
    ast.UserSays: lambda node: made("step", "user", words=spelling.text(node.words)),
    ast.MoveClock: lambda node: made("step", "at", at=spelling.text(node.at)),
    ast.GivenLabel: lambda node: made("step", "label", label=spelling.label(node.label)),
    ast.Given: _given,
    ast.CallExpectation: _call,
}
