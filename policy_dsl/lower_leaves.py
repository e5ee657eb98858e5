"""The leaves of a parse tree as values: text, numbers, names, each refused at its own place when it is none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar, cast

from lark import Token, Tree

from . import ast
from .ast import Span
from .errors import ParseError, quoted
from .values import pattern as patterns
from .words import NOT_NAMES

MAX_DEPTH: Final = 64
"""Parentheses, members, terms of a sum inside each other; the same bound as for JSON (strict_json.MAX_DEPTH)."""

MAX_DIGITS: Final = 400
"""Length of a number; the longest finite double has 309 digits before its point."""

MAX_WHOLE: Final = 1_000_000_000
"""Greatest priority and list position, either side of zero."""

Branch = Tree[Token]
Node = Branch | Token | None
T = TypeVar("T")


class LeafLowering:
    """What every part of the way down shares: the file, the depth, and the leaves."""

    def __init__(self, source: str, path: str) -> None:
        self.source = source
        self.path = path
        self.depth = 0

    def fault(self, place: Branch | Token | Span, message: str, code: str, help: str | None = None) -> ParseError:
        span = place if isinstance(place, Span) else span_of(place)
        return ParseError(message, code=code, span=span, path=self.path, source=self.source, help=help)

    def deeper(self, step: Callable[[Branch], T], tree: Branch) -> T:
        """`step(tree)`, one level down; a fault ends the whole file, so nothing has to be put back."""
        if self.depth >= MAX_DEPTH:
            raise self.fault(tree, f"nested deeper than {MAX_DEPTH}", "too-deep", "split the rule in two")
        self.depth += 1
        result = step(tree)
        self.depth -= 1
        return result

    def first_word(self, tree: Branch) -> Span:
        whole = span_of(tree)
        length = len(cast("re.Match[str]", _WORD.match(self.source, whole.start)).group())
        return Span(whole.start, whole.start + length, whole.line, whole.column)

    def key(self, token: Node) -> str:
        assert isinstance(token, Token)
        return self.text(token) if token.type == "STRING" else str(token)

    def definable(self, token: Node, what: str) -> str:
        assert isinstance(token, Token)
        if token in NOT_NAMES:
            raise self.fault(
                token, f"`{token}` is a word of the language and names no {what}", "reserved-name", "take another name"
            )
        return str(token)

    def scalar(self, token: Token) -> ast.Scalar:
        match token.type:
            case "STRING":
                return self.text(token)
            case "NUMBER":
                return self.number(token)
            case _:
                return {"TRUE": True, "FALSE": False, "NULL": None}[token.type]

    def text(self, token: Node) -> str:
        assert isinstance(token, Token)
        try:
            text = str(json.loads(token))
        except json.JSONDecodeError as error:
            raise self.fault(
                token,
                "an escape that JSON does not have",
                "bad-escape",
                r"JSON has \" \\ \/ \b \f \n \r \t and \u with 4 digits",
            ) from error
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise self.fault(token, "half of a surrogate pair", "lone-surrogate", "no text can hold it")
        return text

    def number(self, token: Token) -> int | Decimal:
        if len(token) > MAX_DIGITS or not _NUMBER.fullmatch(token):
            raise self.fault(
                token,
                f"{quoted(token)} is no number",
                "bad-number",
                "as in `5`, `-0.25` or `1_000_000`, written out in full",
            )
        digits = token.replace("_", "")
        return Decimal(digits) if "." in digits else int(digits)

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

    def redaction(self, token: Token) -> str:
        """A pattern of what is replaced: it cannot match the empty text, which stands everywhere."""
        pattern = self.pattern(token)
        if patterns.compile(pattern).fullmatch(""):
            raise self.fault(token, "this matches nothing at all, too", "bad-pattern", "write `+` for `*`")
        return pattern

    def template(self, token: Token, known: frozenset[str] | None) -> str:
        """Text with placeholders `{name}`, of the `known` ones (None: any); `{{` and `}}` are the braces themselves."""
        text = self.text(token)
        written = list(_PLACEHOLDER.finditer(token))
        for index, found in enumerate(_PLACEHOLDER.finditer(text)):
            if found.group() in ("{{", "}}") or (found["name"] and (known is None or found["name"] in known)):
                continue
            span = span_of(token)
            if index < len(written) and written[index].group() == found.group():
                at, end = written[index].span()
                span = Span(span.start + at, span.start + end, span.line, span.column + at)
            if found["name"] is None:
                sign = found.group()
                raise self.fault(
                    span, f"`{sign}` stands for nothing", "bad-placeholder", f"write `{sign}{sign}` for the sign itself"
                )
            says = ", ".join(f"`{{{name}}}`" for name in sorted(known or ()))
            raise self.fault(
                span,
                f"{quoted(found.group())} is no placeholder here",
                "bad-placeholder",
                f"known here: {says}" if says else "name an argument, as in `{amount}`",
            )
        return text

    def filled(self, token: Node, what: str) -> str:
        """Text of at least one character."""
        assert isinstance(token, Token)
        text = self.text(token)
        if not text:
            raise self.fault(token, f"{what} has at least one character", "empty-name")
        return text

    def moment(self, token: Token) -> str:
        """An RFC 3339 date and time with its zone."""
        text = self.text(token)
        try:
            known = _MOMENT.fullmatch(text) is not None and datetime.fromisoformat(text) is not None
        except ValueError:
            known = False
        if not known:
            raise self.fault(
                token, f"{quoted(text)} is no moment", "bad-time", 'as in `"2026-11-20T10:00Z"`, with its zone'
            )
        return text

    def duration(self, tree: Branch) -> ast.Duration:
        amount, unit = cast("tuple[Token, Token]", tuple(tree.children))
        return ast.Duration(self.counted(amount, "a length of time"), str(unit).removesuffix("s"), span_of(tree))

    def counted(self, token: Node, what: str) -> int:
        """A whole number of at least 1."""
        assert isinstance(token, Token)
        number = self.whole(token)
        if number < 1:
            raise self.fault(token, f"{what} is at least 1", "bad-number")
        return number

    def whole(self, token: Node) -> int:
        assert isinstance(token, Token)
        number = self.number(token)
        if not isinstance(number, int) or abs(number) > MAX_WHOLE:
            raise self.fault(token, f"{quoted(token)} is no whole number up to a billion", "bad-number")
        return number


def span_of(place: Branch | Token) -> Span:
    """Where a tree or a token stands in its text."""
    where: Any = place if isinstance(place, Token) else place.meta  # the driver's Word and Place, with their Lines
    line, column = where.lines.place(where.start_pos)
    return Span(where.start_pos, where.end_pos, line, column)


def trees(tree: Branch) -> list[Branch]:
    return [child for child in tree.children if isinstance(child, Tree)]


def branch(tree: Branch, index: int) -> Branch:
    return cast(Branch, tree.children[index])


_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*|[1-9][0-9]{0,2}(_[0-9]{3})+)(\.[0-9]+)?", re.ASCII)
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_PLACEHOLDER: Final = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|[{}]")
_PAIR: Final = re.compile(r"\\.|[^\\]")
_WORD: Final = re.compile(r"[A-Za-z_]+")
