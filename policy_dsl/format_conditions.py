"""The layout of conditions and lists: on one line where they fit, else broken where they join.

A condition is broken before `and` and `or`, so that what they join stands in one column, and a list into one item a
line. A comment between two parts breaks them too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from . import ast, spelling
from .ast import Span
from .layout import INDENT, Comments, Line

WIDTH: Final = 100


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a list in brackets: their texts, and the places of each and of the bracket that closes it."""

    texts: tuple[str, ...]
    places: tuple[tuple[int, int], ...]
    opening: int
    closing: int


class ConditionLayout:
    """The lines of one file, as far as they are written."""

    def __init__(self, file: ast.PolicyFile) -> None:
        self.file = file
        self.source = file.source
        self.comments = Comments(file.comments, file.source)
        self.lines: list[Line] = []

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
            case ast.IfThen():
                self.lay_if(words, indent, node, bound, suffix, start)
            case ast.Happened(event=ast.Event(condition=inner) as event) if inner is not None:
                head = f"{words}{spelling.happened_head(node)}{spelling.event_head(event)}("
                self.lay_parenthesis(
                    head, indent, inner, bound, f"{spelling.happened_tail(node, bound)}{suffix}", start
                )
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
            if isinstance(item, _IN_PARENTHESES) and (
                self.must_break(item) or indent + len(words) + len(spelling.joined(item, bound)) + len(last) > WIDTH
            ):
                self.lay_parenthesis(f"{words}(", indent, item, bound, last, start)
            elif isinstance(item, _IN_PARENTHESES):
                self.line(indent, f"{words}{spelling.joined(item, bound)}{last}", start, item.span.end)
            else:
                self.lay(words, indent, item, bound, last, start)

    def lay_if(self, words: str, indent: int, node: ast.IfThen, bound: spelling.Bound, suffix: str, start: int) -> None:
        """`if`, `then` and `else` begin a line each, in one column; what they join further stands to their right."""
        column = indent + len(words)
        parts = [(f"{words}if ", indent, start, node.test), ("then ", column, node.then.span.start, node.then)]
        if node.otherwise is not None:
            parts.append(("else ", column, node.otherwise.span.start, node.otherwise))
        for before, at, begins, part in parts:
            ends = suffix if part is parts[-1][3] else ""
            flat = f"{before}{spelling.branch(part, bound)}{ends}"
            if isinstance(part, ast.IfThen) and before != "else ":
                self.lay_parenthesis(f"{before}(", at, part, bound, ends, begins, column)
            elif isinstance(part, _Joined) and (at + len(flat) > WIDTH or self.must_break(part)):
                self.lay_joined(before, at, at + len(before), part, bound, ends, begins)
            else:
                self.lay(before, at, part, bound, ends, begins)

    def lay_parenthesis(
        self,
        words: str,
        indent: int,
        node: ast.Condition,
        bound: spelling.Bound,
        suffix: str,
        start: int,
        column: int | None = None,
    ) -> None:
        """`words` ends in the opening parenthesis. Items that each fit on a line stand in one column after it; others
        stand between two lines for the parentheses, right of `column`, which is `indent` where it is not told."""
        if isinstance(node, ast.And | ast.Or):
            inside = indent + len(words)
            widest = max(len(spelling.joined(item, bound)) for item in node.items)
            if inside + widest + len(f"){suffix}") <= WIDTH and not any(self.must_break(item) for item in node.items):
                self.lay_joined(words, indent, inside - len(_joint(node)), node, bound, f"){suffix}", start)
                return
        closing = self.past_comments(node.span.end)
        self.line(indent, words, start, start + 1)
        column = indent if column is None else column
        inner = column + INDENT
        if isinstance(node, ast.And | ast.Or):
            self.lay_joined("", inner, inner, node, bound, "", node.span.start)
        else:
            self.lay("", inner, node, bound, "", node.span.start)
        self.lines.append(Line(column, f"){suffix}", closing, closing + 1, closes=True))

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

    def lay_set(self, before: str, indent: int, node: ast.SetLiteral, after: str, start: int, end: int) -> None:
        self.lay_list(f"{before}{{", indent, self.set_items(node), f"}}{after}", start, end)

    def set_items(self, node: ast.SetLiteral) -> Items:
        """In the order of the source, which the tree does not keep between values and names of sets."""
        start, closing = node.span.start, max(node.span.start, node.span.end - 1)
        values, names = [spelling.scalar(item) for item in node.items], list(node.names)
        words = [word for word in _ITEMS.finditer(self.source, start + 1, closing) if word.group()[0] != "#"]
        if len(words) != len(values) + len(names):  # a tree that no source was read for
            texts = [*values, *names]
            return Items(tuple(texts), ((start, start),) * len(texts), start, start)
        texts = [names.pop(0) if word.group() in node.names else values.pop(0) for word in words]
        return Items(tuple(texts), tuple(word.span() for word in words), start, closing)

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
            case ast.IfThen(test=test, then=then, otherwise=otherwise):
                branches = [test, then] if otherwise is None else [test, then, otherwise]
                return any(self.comments.between(a.span.end, b.span.start) for a, b in pairwise(branches)) or any(
                    self.must_break(part) for part in branches
                )
            case ast.Happened(event=ast.Event(condition=inner)) if inner is not None:
                return self.must_break(inner)
            case _:
                literal = _literal_of(node)
                return literal is not None and self.items_parted(self.set_items(literal))

    # --- lists ------------------------------------------------------------------------------------------------------

    def items(self, texts: Sequence[str], spans: Iterable[Span], opening: int, closing: int) -> Items:
        return Items(tuple(texts), tuple((span.start, span.end) for span in spans), opening, max(opening, closing))

    def items_parted(self, items: Items) -> bool:
        edges = [items.opening, *(edge for place in items.places for edge in place), items.closing]
        return any(self.comments.between(end, start) for end, start in zip(edges[::2], edges[1::2], strict=True))

    def lay_list(self, head: str, indent: int, items: Items, tail: str | None, start: int, end: int) -> None:
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


_ITEMS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|#[^\n]*|[^\s,{}"#]+')
_Joined = ast.And | ast.Or
_IN_PARENTHESES: Final = (ast.And, ast.Or, ast.IfThen)


def _joint(node: _Joined) -> str:
    return "and " if isinstance(node, ast.And) else "or "


def _composite(node: ast.Condition) -> bool:
    return not isinstance(node, spelling.TIGHT)


def literal_in(value: ast.ValueSet) -> ast.SetLiteral | None:
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
            return literal_in(within)
        case ast.Runs(programs=ast.SetLiteral() as names):
            return names
        case ast.Under(roots=ast.SetLiteral() as names) if len(names.items) + len(names.names) > 1:
            return names
        case _:
            return None
