"""The one layout of a policy file: `parse(format(f)) == f`, and formatting again changes nothing.

At most WIDTH columns where the words allow it; a rule on one line if it has at most one of `when`, `unless`, `message`
and fits, else each of them on its own. What does not fit, or has a comment between its parts, is broken: a condition
before `and` and `or`, so that what they join stands in one column, and a list into one item a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from . import ast, spelling
from .ast import Span
from .layout import INDENT, Comments, Line

WIDTH: Final = 100


def format(file: ast.PolicyFile) -> str:
    """The canonical text of a file, comments kept at their places."""
    return _Formatter(file).text()


def canonical(file: ast.PolicyFile) -> str:
    """The canonical text without comments and blank lines: equal for two files exactly when they say the same."""
    return format(replace(file, comments=(), source=""))


@dataclass(frozen=True, slots=True)
class _Items:
    """The items of a list in brackets: their texts, and the places of each and of the bracket that closes it."""

    texts: tuple[str, ...]
    places: tuple[tuple[int, int], ...]
    opening: int
    closing: int


class _Formatter:
    def __init__(self, file: ast.PolicyFile) -> None:
        self.file = file
        self.source = file.source
        self.comments = Comments(file.comments, file.source)
        self.lines: list[Line] = []

    def text(self) -> str:
        start = self.past_comments(0)
        self.lines.append(Line(0, f"language {self.file.language}", start, start + 1))
        for statement in self.file.statements:
            self.statement(statement)
        return self.comments.put_into(self.lines)

    def statement(self, node: ast.Statement) -> None:
        first = len(self.lines)
        start, end = node.span.start, node.span.end
        match node:
            case ast.UseTools(path=path):
                self.line(0, f"use tools {spelling.text(path)}", start, end)
            case ast.SetDefinition(name=name, value=value):
                self.set_definition(f"set {name} = ", value, start, end)
            case ast.GroupDefinition(name=name, members=members):
                texts = [spelling.tool(member) for member in members]
                items = self.items(texts, [member.span for member in members], start, end - 1)
                flat = f"group {name} = {spelling.braced(texts)}"
                if len(flat) <= WIDTH and not self.items_parted(items):
                    self.line(0, flat, start, end)
                else:
                    self.lay_list(f"group {name} = {{", 0, items, "}", start, end)
            case ast.Otherwise(message=message):
                said = "" if message is None else f" message {spelling.text(message)}"
                self.line(0, f"otherwise forbid{said}", start, end)
            case ast.Rule():
                self.rule(node, 0)
            case ast.ScopeBlock():
                self.line(0, f"for {spelling.scope(node.scope)} {{", start, node.scope.span.end)
                for rule in node.rules:
                    self.rule(rule, INDENT)
                self.lines.append(Line(0, "}", end - 1, end, closes=True))
            case ast.TestBlock():
                self.test(node)
        self.lines[first] = replace(self.lines[first], begins=True)

    # --- rules ------------------------------------------------------------------------------------------------------

    def rule(self, node: ast.Rule, indent: int) -> None:
        first = len(self.lines)
        clauses = self.clauses(node)
        head_end = node.signature.span.end if node.signature is not None else node.tools[-1].span.end
        parted = bool(clauses) and self.comments.between(head_end, clauses[0][2].start)
        head = self.flat_head(node)
        flat = " ".join([head, *(f"{word} {text}" for word, text, _ in clauses)])
        whole = len(clauses) <= 1 and indent + len(flat) <= WIDTH and not parted and not self.broken(node)
        if whole:
            self.line(indent, flat, node.span.start, node.span.end)
        else:
            self.head(node, indent, head, node.span.end if not clauses else head_end)
            for word, condition in (("when ", node.when), ("unless ", node.unless)):
                if condition is not None:
                    self.lay(word, indent + INDENT, condition, (), "", condition.span.start)
            if node.message is not None:
                end = node.span.end
                self.line(indent + INDENT, f"message {spelling.text(node.message)}", end - 1, end)
        self.lines[first] = replace(self.lines[first], begins=True)

    def clauses(self, node: ast.Rule) -> list[tuple[str, str, Span]]:
        found = [
            (word, spelling.condition(condition), condition.span)
            for word, condition in (("when", node.when), ("unless", node.unless))
            if condition is not None
        ]
        if node.message is not None:
            end = node.span.end
            found.append(("message", spelling.text(node.message), Span(end, end, 0, 0)))
        return found

    def broken(self, node: ast.Rule) -> bool:
        """Whether a comment between its parts keeps something in the rule from standing on one line."""
        return (
            self.tools_parted(node)
            or (node.signature is not None and self.items_parted(self.signature_items(node.signature)))
            or any(self.must_break(condition) for condition in (node.when, node.unless) if condition is not None)
        )

    def flat_head(self, node: ast.Rule) -> str:
        signature = "" if node.signature is None else spelling.signature(node.signature)
        return f"{_HEADS[node.effect]} {spelling.tools(node.tools)}{signature}{_tail_of_head(node)}"

    def head(self, node: ast.Rule, indent: int, flat: str, end: int) -> None:
        signature = None if node.signature is None else self.signature_items(node.signature)
        too_wide = indent + len(flat) > WIDTH
        break_signature = signature is not None and (self.items_parted(signature) or (too_wide and signature.texts))
        words = f"{_HEADS[node.effect]} {spelling.tools(node.tools)}"
        break_tools = self.tools_parted(node) or (
            len(node.tools) > 1 and too_wide and (not break_signature or indent + len(words) >= WIDTH)
        )
        start = node.span.start
        if break_tools:
            words = "}"
            self.lay_list(f"{_HEADS[node.effect]} {{", indent, self.tool_items(node), None, start, end)
            start = self.tool_items(node).closing
        if signature is not None and break_signature:
            tail = f"){_tail_of_head(node)}"
            self.lay_list(f"{words}(", indent, signature, tail, start, end)
        else:
            spelled = "" if node.signature is None else spelling.signature(node.signature)
            self.line(indent, f"{words}{spelled}{_tail_of_head(node)}", start, end)

    def tool_items(self, node: ast.Rule) -> _Items:
        places = [tool.span for tool in node.tools]
        return self.items(
            [spelling.tool(tool) for tool in node.tools],
            places,
            node.span.start,
            self.past_comments(places[-1].end, ","),
        )

    def tools_parted(self, node: ast.Rule) -> bool:
        return len(node.tools) > 1 and self.items_parted(self.tool_items(node))

    def signature_items(self, node: ast.Signature) -> _Items:
        places = [argument.span for argument in node.arguments]
        if node.open:
            dots = max(node.span.start, node.span.end - 1 - len("..."))
            places.append(Span(dots, node.span.end - 1, 0, 0))
        return self.items(spelling.signature_items(node), places, node.span.start, node.span.end - 1)

    # --- conditions -------------------------------------------------------------------------------------------------

    def lay(self, words: str, indent: int, node: ast.Condition, bound: spelling.Bound, suffix: str, start: int) -> None:
        """A condition after `words`, which begin a line at `indent`; `suffix` ends its last line. The first line stands
        for the source from `start` on."""
        flat = f"{words}{spelling.condition(node, bound)}{suffix}"
        if indent + len(flat) <= WIDTH and not self.must_break(node):
            self.line(indent, flat, start, node.span.end)
            return
        match node:
            case ast.And() | ast.Or():
                self.lay_joined(words, indent, indent + len(words) - len(_joint(node)), node, bound, suffix, start)
            case ast.Not(item=item) if spelling.denied_tail(item, bound) is None and _composite(item):
                self.lay_parenthesis(f"{words}not (", indent, item, bound, suffix, start)
            case ast.Quantified(body=body) if spelling.short_body(node, bound) is None:
                head = f"{words}{spelling.quantifier_head(node, bound)} ("
                self.lay_parenthesis(head, indent, body, (*bound, node.name), suffix, start)
            case _:
                self.lay_leaf(words, indent, node, bound, suffix, start)

    def lay_joined(
        self, words: str, indent: int, next: int, node: _Joined, bound: spelling.Bound, suffix: str, start: int
    ) -> None:
        """`and` or `or`: the first item after `words`, each further one after its joint on a line at `next`."""
        for index, item in enumerate(node.items):
            last = suffix if index == len(node.items) - 1 else ""
            if index:
                words, indent, start = _joint(node), next, item.span.start
            if isinstance(item, ast.And | ast.Or) and (
                self.must_break(item) or indent + len(words) + len(spelling.joined(item, bound)) + len(last) > WIDTH
            ):
                self.lay_parenthesis(f"{words}(", indent, item, bound, last, start)
            elif isinstance(item, ast.And | ast.Or):
                self.line(indent, f"{words}{spelling.joined(item, bound)}{last}", start, item.span.end)
            else:
                self.lay(words, indent, item, bound, last, start)

    def lay_parenthesis(
        self, words: str, indent: int, node: ast.Condition, bound: spelling.Bound, suffix: str, start: int
    ) -> None:
        """`words` ends in the opening parenthesis. Items that each fit on a line stand in one column after it; others
        stand between two lines for the parentheses."""
        if isinstance(node, ast.And | ast.Or):
            column = indent + len(words)
            widest = max(len(spelling.joined(item, bound)) for item in node.items)
            if column + widest + len(f"){suffix}") <= WIDTH and not any(self.must_break(item) for item in node.items):
                self.lay_joined(words, indent, column - len(_joint(node)), node, bound, f"){suffix}", start)
                return
        closing = self.past_comments(node.span.end)
        self.line(indent, words, start, start + 1)
        inner = indent + INDENT
        if isinstance(node, ast.And | ast.Or):
            self.lay_joined("", inner, inner, node, bound, "", node.span.start)
        else:
            self.lay("", inner, node, bound, "", node.span.start)
        self.lines.append(Line(indent, f"){suffix}", closing, closing + 1, closes=True))

    def lay_leaf(
        self, words: str, indent: int, node: ast.Condition, bound: spelling.Bound, suffix: str, start: int
    ) -> None:
        """One test; only the set that it names can be broken."""
        found = _literal_of(node)
        flat = spelling.condition(node, bound)
        if found is None:
            self.line(indent, f"{words}{flat}{suffix}", start, node.span.end)
            return
        before, _, after = flat.rpartition(spelling.value_set(found))
        self.lay_set(f"{words}{before}", indent, found, f"{after}{suffix}", start, node.span.end)

    def set_definition(self, words: str, value: ast.ValueSet, start: int, end: int) -> None:
        literal = _literal_in(value)
        flat = f"{words}{spelling.value_set(value)}"
        if literal is None or (len(flat) <= WIDTH and not self.items_parted(self.set_items(literal))):
            self.line(0, flat, start, end)
            return
        before, _, after = flat.rpartition(spelling.value_set(literal))
        self.lay_set(before, 0, literal, after, start, end)

    def lay_set(self, before: str, indent: int, node: ast.SetLiteral, after: str, start: int, end: int) -> None:
        self.lay_list(f"{before}{{", indent, self.set_items(node), f"}}{after}", start, end)

    def set_items(self, node: ast.SetLiteral) -> _Items:
        """In the order of the source, which the tree does not keep between values and names of sets."""
        start, closing = node.span.start, max(node.span.start, node.span.end - 1)
        values, names = [spelling.scalar(item) for item in node.items], list(node.names)
        words = [word for word in _ITEMS.finditer(self.source, start + 1, closing) if word.group()[0] != "#"]
        if len(words) != len(values) + len(names):  # a tree that no source was read for
            texts = [*values, *names]
            return _Items(tuple(texts), ((start, start),) * len(texts), start, start)
        texts = [names.pop(0) if word.group() in node.names else values.pop(0) for word in words]
        return _Items(tuple(texts), tuple(word.span() for word in words), start, closing)

    def must_break(self, node: ast.Condition) -> bool:
        """Whether a comment stands between two parts of it, so that it cannot be one line."""
        match node:
            case ast.And(items=items) | ast.Or(items=items):
                pairs = pairwise(items)
                return any(self.comments.between(a.span.end, b.span.start) for a, b in pairs) or any(
                    self.must_break(item) for item in items
                )
            case ast.Not(item=item):
                return self.must_break(item)
            case ast.Quantified(body=body):
                return self.must_break(body)
            case _:
                literal = _literal_of(node)
                return literal is not None and self.items_parted(self.set_items(literal))

    # --- tests ------------------------------------------------------------------------------------------------------

    def test(self, node: ast.TestBlock) -> None:
        acting = "" if node.principal.is_everyone else f" as {spelling.scope(node.principal)}"
        at = "" if node.at is None else f" at {spelling.text(node.at)}"
        start, end = node.span.start, node.span.end
        self.line(0, f"test {spelling.text(node.title)}{acting}{at} {{", start, start + 1)
        for step in node.steps:
            first = len(self.lines)
            if isinstance(step, ast.UserSays):
                self.line(INDENT, f"user {spelling.text(step.words)}", step.span.start, step.span.end)
            else:
                self.call(step)
            self.lines[first] = replace(self.lines[first], begins=True)
        self.lines.append(Line(0, "}", end - 1, end, closes=True))

    def call(self, node: ast.CallExpectation) -> None:
        start, end = node.span.start, node.span.end
        pattern = ast.ToolPattern(node.server, node.tool)
        words, items = f"call {spelling.tool(pattern)}(", spelling.call_items(node)
        flat = f"{words}{', '.join(items)}) {spelling.expectation(node)}"
        if INDENT + len(flat) <= WIDTH or not items:
            self.line(INDENT, flat, start, end)
            return
        if INDENT + len(words) + len(", ".join(items)) + 1 <= WIDTH:
            self.line(INDENT, f"{words}{', '.join(items)})", start, end)
            self.line(2 * INDENT, spelling.expectation(node), end, end)
            return
        whole = _Items(tuple(items), ((start, end),) * len(items), start, start)
        self.lay_list(words, INDENT, whole, f") {spelling.expectation(node)}", start, end)

    # --- lists ------------------------------------------------------------------------------------------------------

    def items(self, texts: Sequence[str], spans: Iterable[Span], opening: int, closing: int) -> _Items:
        return _Items(tuple(texts), tuple((span.start, span.end) for span in spans), opening, max(opening, closing))

    def items_parted(self, items: _Items) -> bool:
        edges = [items.opening, *(edge for place in items.places for edge in place), items.closing]
        return any(self.comments.between(end, start) for end, start in zip(edges[::2], edges[1::2], strict=True))

    def lay_list(self, head: str, indent: int, items: _Items, tail: str | None, start: int, end: int) -> None:
        """`head` ends in the opening bracket, `tail` begins with the closing one; None leaves that to the caller."""
        self.line(indent, head, start, items.opening + 1)
        for text, (first, last) in zip(items.texts, items.places, strict=True):
            self.line(indent + INDENT, text if text == "..." else f"{text},", first, last)
        if tail is not None:
            self.lines.append(Line(indent, tail, items.closing, end, closes=True))

    def line(self, indent: int, text: str, start: int, end: int) -> None:
        self.lines.append(Line(indent, text, start, end))

    def past_comments(self, at: int, also: str = "") -> int:
        """The next place that is no space and in no comment."""
        match = re.compile(rf"(?:[\s{also}]|#[^\n]*)*").match(self.source, at)
        return at if match is None else match.end()


_HEADS: Final = {
    ast.Effect.ALLOW: "allow",
    ast.Effect.ASK: "ask",
    ast.Effect.FORBID: "forbid",
    ast.Effect.REQUIRE_APPROVAL: "require approval for",
}
_ITEMS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|#[^\n]*|[^\s,{}"#]+')


def _tail_of_head(node: ast.Rule) -> str:
    name = "" if node.name is None else f" as {node.name}"
    return name if node.priority == 0 else f"{name} priority {spelling.number(node.priority)}"


_Joined = ast.And | ast.Or


def _joint(node: _Joined) -> str:
    return "and " if isinstance(node, ast.And) else "or "


def _composite(node: ast.Condition) -> bool:
    return not isinstance(node, ast.Presence | ast.RuleRef)


def _literal_in(value: ast.ValueSet) -> ast.SetLiteral | None:
    match value:
        case ast.SetLiteral():
            return value
        case ast.MailSet(domains=ast.SetLiteral() as names) | ast.WebSet(hosts=ast.SetLiteral() as names):
            return names
        case _:
            return None


def _literal_of(node: ast.Condition) -> ast.SetLiteral | None:
    """The braces in a test, where it has any."""
    match node:
        case ast.Not(item=item):
            return _literal_of(item)
        case ast.Quantified(body=body):
            return _literal_of(body)
        case ast.Member(within=within):
            return _literal_in(within)
        case ast.Runs(programs=ast.SetLiteral() as names):
            return names
        case ast.Under(roots=ast.SetLiteral() as names) if len(names.items) + len(names.names) > 1:
            return names
        case _:
            return None
