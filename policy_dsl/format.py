"""The one layout of a policy file: `parse(format(f)) == f`, and formatting again changes nothing.

At most WIDTH columns where the words allow it. What does not fit, or has a comment between its parts, is broken:
conditions and lists in format_conditions.py, sentences with clauses in format_rules.py, and the other statements here.
"""

from __future__ import annotations

from dataclasses import replace

from . import ast, spelling, strict_json
from .format_conditions import WIDTH, Items, literal_in
from .format_rules import RuleLayout
from .layout import INDENT, Line


def format(file: ast.PolicyFile) -> str:
    """The canonical text of a file, comments kept at their places."""
    return _Formatter(file).text()


def canonical(file: ast.PolicyFile) -> str:
    """The canonical text without comments and blank lines: equal for two files exactly when they say the same."""
    return format(replace(file, comments=(), source=""))


class _Formatter(RuleLayout):
    """One file on its way to text."""

    def text(self) -> str:
        start = self.past_comments(0)
        self.lines.append(Line(0, f"language {self.file.language}", start, start + 1))
        for statement in self.file.statements:
            first = len(self.lines)
            self.statement(statement)
            self.lines[first] = replace(self.lines[first], begins=True)
        return self.comments.put_into(self.lines)

    def statement(self, node: ast.Statement) -> None:
        start, end = node.span.start, node.span.end
        match node:
            case ast.UseTools(path=path):
                self.line(0, f"use tools {spelling.text(path)}", start, end)
            case ast.Import(path=path, package=package):
                inside = "" if package is None else f" from package {spelling.text(package)}"
                self.line(0, f"import {spelling.text(path)}{inside}", start, end)
            case ast.Layer(name=name):
                self.line(0, f"layer {name}", start, end)
            case ast.Levels(names=names):
                self.line(0, f"levels {' < '.join(names)}", start, end)
            case ast.SetDefinition(name=name, value=value):
                self.set_definition(f"set {name} = ", value, start, end)
            case ast.GroupDefinition():
                self.group(node)
            case ast.Macro(name=name, parameters=parameters, body=body):
                given = f"({', '.join(parameters)})" if parameters else ""
                self.lay(f"define {name}{given} = ", 0, body, (), "", start)
            case ast.IntentMap():
                self.intent_map(node)
            case ast.TrustResults(tools=tools, claimed=claimed):
                self.listed(f"trust {'claimed ' * claimed}results of ", tools, "", 0, node.span)
            case ast.LabelResults():
                self.label_results(node)
            case ast.RedactResults(tools=tools):
                self.listed("redact results of ", tools, f" {spelling.redaction(node)}", 0, node.span)
            case ast.Otherwise(message=message):
                said = "" if message is None else f" message {spelling.text(message)}"
                self.line(0, f"otherwise forbid{said}", start, end)
            case ast.ScopeBlock():
                self.line(0, f"for {spelling.scope(node.scope)} {{", start, node.scope.span.end)
                for inner in node.rules:
                    self.scoped(inner, INDENT)
                self.lines.append(Line(0, "}", end - 1, end, closes=True))
            case ast.TestBlock():
                self.test(node)
            case _:
                self.scoped(node, 0)

    def set_definition(self, words: str, value: ast.ValueSet, start: int, end: int) -> None:
        literal = literal_in(value)
        flat = f"{words}{spelling.value_set(value)}"
        if literal is None or (len(flat) <= WIDTH and not self.items_parted(self.set_items(literal))):
            self.line(0, flat, start, end)
            return
        before, _, after = flat.rpartition(spelling.value_set(literal))
        self.lay_set(before, 0, literal, after, start, end)

    def group(self, node: ast.GroupDefinition) -> None:
        start, end = node.span.start, node.span.end
        texts = [spelling.tool(member) for member in node.members]
        items = self.items(texts, [member.span for member in node.members], start, end - 1)
        flat = f"group {node.name} = {spelling.braced(texts)}"
        if len(flat) <= WIDTH and not self.items_parted(items):
            self.line(0, flat, start, end)
        else:
            self.lay_list(f"group {node.name} = {{", 0, items, "}", start, end)

    def intent_map(self, node: ast.IntentMap) -> None:
        words = f"intent {node.intent} {spelling.number(node.version)} from {spelling.tool(node.tool)}"
        texts = [f"{spelling.key(name)} = {spelling.operand(value, ())}" for name, value in node.fields]
        ignored = f" ignoring {spelling.braced([spelling.key(name) for name in node.ignored])}" if node.ignored else ""
        start, end = node.span.start, node.span.end
        places = [value.span for _, value in node.fields]
        opening = node.tool.span.end
        closing = self.past_comments(places[-1].end if places else opening, "," if places else "{")
        items = self.items(texts, places, opening, min(closing, max(end - 1, opening)))
        flat = f"{words} {spelling.braced(texts) if texts else '{ }'}{ignored}"
        if not texts or (len(flat) <= WIDTH and not self.items_parted(items)):
            self.line(0, flat, start, end)
        else:
            self.lay_list(f"{words} {{", 0, items, f"}}{ignored}", start, end)

    # --- tests ------------------------------------------------------------------------------------------------------

    def test(self, node: ast.TestBlock) -> None:
        acting = "" if node.principal.is_everyone else f" as {spelling.scope(node.principal)}"
        claims = "".join(f" claim {spelling.text(name)} = {spelling.scalar(value)}" for name, value in node.claims)
        at = "" if node.at is None else f" at {spelling.text(node.at)}"
        start, end = node.span.start, node.span.end
        self.line(0, f"test {spelling.text(node.title)}{acting}{claims}{at} {{", start, start + 1)
        for step in node.steps:
            first = len(self.lines)
            self.step(step)
            self.lines[first] = replace(self.lines[first], begins=True)
        self.lines.append(Line(0, "}", end - 1, end, closes=True))

    def step(self, node: ast.Step) -> None:
        start, end = node.span.start, node.span.end
        match node:
            case ast.UserSays(words=words):
                self.line(INDENT, f"user {spelling.text(words)}", start, end)
            case ast.MoveClock(at=at):
                self.line(INDENT, f"at {spelling.text(at)}", start, end)
            case ast.GivenLabel(label=label):
                self.line(INDENT, f"given label {spelling.label(label)}", start, end)
            case ast.Given(kind=kind, server=server, tool=tool, arguments=arguments, result=result):
                words = f"given {kind} {spelling.tool(ast.ToolPattern(server, tool))}("
                answer = "" if result is None else f"result {spelling.json_value(strict_json.parse(result))}"
                self.call(words, spelling.call_items(arguments), answer, node.span)
            case ast.CallExpectation(server=server, tool=tool, arguments=arguments):
                words = f"call {spelling.tool(ast.ToolPattern(server, tool))}("
                self.call(words, spelling.call_items(arguments), spelling.expectation(node), node.span)

    def call(self, words: str, items: list[str], behind: str, span: ast.Span) -> None:
        start, end = span.start, span.end
        suffix = f") {behind}" if behind else ")"
        flat = f"{words}{', '.join(items)}{suffix}"
        if INDENT + len(flat) <= WIDTH or not items:
            self.line(INDENT, flat, start, end)
            return
        if behind and INDENT + len(words) + len(", ".join(items)) + 1 <= WIDTH:
            self.line(INDENT, f"{words}{', '.join(items)})", start, end)
            self.line(2 * INDENT, behind, end, end)
            return
        whole = Items(tuple(items), ((start, end),) * len(items), start, start)
        self.lay_list(words, INDENT, whole, suffix, start, end)
