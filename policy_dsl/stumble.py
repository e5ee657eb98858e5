"""Where the parser stopped: the text before, what could have stood there, and what a slip says about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from lark import Token

from .ast import Span
from .expected import STATEMENTS


@dataclass(frozen=True)
class Stumble:
    """Where the parser stopped: at `at` in `text`, after `tokens`, where only a token of the kinds `accepts` fits."""

    text: str
    path: str
    at: int
    tokens: tuple[Token, ...]
    accepts: frozenset[str]

    @cached_property
    def found(self) -> str:
        """The word or sign that stopped it; empty at the end of the file."""
        match = FOUND.match(self.text, self.at)
        return "" if match is None else match.group()

    @cached_property
    def rule(self) -> tuple[Token, ...]:
        """The tokens of the statement that it is in."""
        for start in range(len(self.tokens) - 1, -1, -1):
            if self.begins(start):
                return self.tokens[start + (self.tokens[start].type in _STANDINGS) :]
        return self.tokens

    def begins(self, place: int) -> bool:
        """Whether the token at a place begins a statement: some words have a second meaning inside one."""
        kind = self.tokens[place].type
        before = self.tokens[place - 1].type if place else ""
        follow = [token.type for token in self.tokens[place + 1 : place + 3]]
        match kind:
            case "_FOR":
                return before != "_APPROVAL" and (place < 2 or self.tokens[place - 2].type != "_EVIDENCE")
            case "_COUNTER":
                return follow[1:] == ["EQUAL"]
            case "_LABEL" | "_REDACT":
                return follow[:1] == ["_RESULTS"]
            case "_INTENT":
                return follow[1:] == ["NUMBER"]
            case _:
                return kind in STATEMENTS and before not in _STANDINGS

    @cached_property
    def open(self) -> tuple[Token, ...]:
        """The brackets that are still open, outermost first."""
        brackets: list[Token] = []
        for token in self.tokens:
            if token.type in _OPENS:
                brackets.append(token)
            elif token.type in _CLOSES and brackets:
                brackets.pop()
        return tuple(brackets)

    def before(self, count: int = 1) -> str:
        """The kind of the token `count` before the place, empty where there is none."""
        return self.tokens[-count].type if len(self.tokens) >= count else ""

    def takes(self, *kinds: str) -> bool:
        return any(kind in self.accepts for kind in kinds)

    @property
    def operand_next(self) -> bool:
        """Whether a condition or a value can begin here."""
        return self.takes("TRUE") and self.takes("NAME") and self.takes("_LENGTH")

    @property
    def test_next(self) -> bool:
        """Whether an operand stands before and a test of it can follow."""
        return self.takes("COMPARE")


@dataclass(frozen=True, slots=True)
class Slip:
    """What is said: the message, the help, and the place where it is not the found word itself."""

    message: str
    code: str
    help: str | None = None
    place: Span | None = None


_STANDINGS: Final = frozenset({"SHADOW", "LEARNED"})
"""Words before the one that a rule begins with."""

_OPENS: Final = frozenset({"LPAR", "LSQB", "LBRACE"})
_CLOSES: Final = frozenset({"RPAR", "RSQB", "RBRACE"})
FOUND: Final = re.compile(
    r'"(?:[^"\\\n]|\\[^\n])*"?'
    r"|'[^'\n]*'?|[‘’“”„«»`´][^‘’“”„«»`´\n]*[‘’“”„«»`´]?"
    r"|[^\W\d]\w*(?:-\w+)*|-?\d\w*(?:\.\d\w*)?"
    r"|===|!==|==|!=|<=|>=|=>|->|=~|=<|<>|:=|&&|\|\||\.\.\.|\.\.|//|/\*|\S"
)
"""A word, a text or a sign of any language, as a message quotes it."""
