"""The statements of a file as an editor's outline shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from policy_dsl import CallExpectation, PolicyFile, Rule, ScopeBlock, Span, TestBlock, UseTools, ast, spelling

from .places import name_span

SymbolKind = Literal["rule", "set", "group", "macro", "counter", "label", "intent", "block", "test", "call", "file"]


@dataclass(frozen=True, slots=True)
class Symbol:
    """`span` is all of the statement, `name_span` what is shown as selected; both offsets into the text."""

    kind: SymbolKind
    name: str
    detail: str
    span: Span
    name_span: Span
    children: tuple[Symbol, ...] = ()


def outline(file: PolicyFile) -> list[Symbol]:
    return [symbol for statement in file.statements for symbol in _symbols(file, statement)]


def _symbols(file: PolicyFile, node: ast.Statement | ast.Step) -> Iterator[Symbol]:
    kind, name, detail, after = _shown(node)
    if kind is None:
        return
    children: tuple[ast.Statement | ast.Step, ...] = ()
    if isinstance(node, ScopeBlock):
        children = node.rules
    elif isinstance(node, TestBlock):
        children = node.steps
    place = name_span(file.source, node.span, name, after) if after else node.span
    inner = tuple(symbol for child in children for symbol in _symbols(file, child))
    yield Symbol(kind, name, detail, node.span, place, inner)


def _shown(node: ast.Statement | ast.Step) -> tuple[SymbolKind | None, str, str, str]:
    """Kind, name, detail, and the word before the name; without such a word the whole statement is the name's place."""
    match node:
        case Rule():
            standing = "shadow " if node.shadow else "learned " if node.learned is not None else ""
            effect = f"{standing}{node.effect.value}"
            return "rule", node.name or f"{effect} {_tools(node.tools)}", effect if node.name else "", _as(node.name)
        case ast.Learnable(rule=rule):
            return "rule", rule.name or f"learnable {_tools(rule.tools)}", "learnable", _as(rule.name)
        case ast.Limit():
            return "rule", node.name or f"limit {_tools(node.tools)}", "limit", _as(node.name)
        case ast.Rewrite():
            return "rule", node.name or f"rewrite {_tools(node.tools)}", "rewrite", _as(node.name)
        case ast.Clearance():
            return "rule", node.name or f"clearance of {_tools(node.tools)}", "clearance", _as(node.name)
        case ast.Hide():
            return "rule", f"hide {_tools(node.tools)}", "hide", ""
        case ast.SetDefinition(name=name):
            return "set", name, "set", "set"
        case ast.GroupDefinition(name=name):
            return "group", name, "group", "group"
        case ast.Macro(name=name, parameters=parameters):
            return "macro", name, f"({', '.join(parameters)})" if parameters else "define", "define"
        case ast.CounterDefinition(name=name, measure=measure):
            return "counter", name, measure, "counter"
        case ast.LabelResults(label=label):
            return "label", label.name, f"results of {_tools(node.tools)}", ""
        case ast.Levels(names=names):
            return "label", " < ".join(names), "levels", ""
        case ast.IntentMap(intent=intent, version=version):
            return "intent", intent, f"{version} from {spelling.tool(node.tool)}", "intent"
        case ScopeBlock(scope=scope):
            return "block", f"for {spelling.scope(scope)}", "", ""
        case ast.Otherwise():
            return "rule", "otherwise", "forbid", ""
        case TestBlock(title=title):
            return "test", title or "test", "", ""
        case CallExpectation(tool=tool, effect=wanted):
            return "call", tool, wanted, ""
        case UseTools(path=path) | ast.Import(path=path):
            return "file", path, "tools" if isinstance(node, UseTools) else "import", ""
    return None, "", "", ""


def _as(name: str | None) -> str:
    return "" if name is None else "as"


def _tools(tools: tuple[ast.ToolPattern | ast.GroupName | ast.IntentName, ...]) -> str:
    words = [f"intent {one.name}" if isinstance(one, ast.IntentName) else spelling.tool(one) for one in tools]
    return words[0] if len(words) == 1 else f"{{ {', '.join(words)} }}"
