"""Text to PolicyFile: the parser's loop, and the comments that the grammar passes over.

The loop looks at each token before the parser does, so that a word kept for a later version stops it at once. A text
that is no sentence goes to `mistakes.py` for a message in the writer's own terms; a tree goes to `lower.py`.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any, Final

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedToken, lexer

from .ast import Comment, PolicyFile, Span
from .errors import ParseError, is_invisible, quoted
from .lower import lower
from .mistakes import Stumble, explain, kept_for_later

LANGUAGE: Final = 1
"""The version of the language that this package reads."""

MAX_LENGTH: Final = 16 * 1024 * 1024
"""Characters of one policy file; 10,000 rules of four lines are about 2 million."""


def parse(text: str, path: str = "<policy>") -> PolicyFile:
    """The file that `text` spells. `path` is what errors call it. Raises ParseError, and nothing else, for bad text."""
    _refuse_unreadable(text, path)
    tree, gaps = _read(text, path)
    statements = lower(tree, text, path)
    return PolicyFile(path, LANGUAGE, statements, text, tuple(_comments(text, gaps)) if "#" in text else ())


@cache
def grammar() -> Lark:
    """The parser, built once: tables only, so any number of threads may use it."""
    text = files(__package__).joinpath("grammar.lark").read_text(encoding="utf-8")
    # Where interegular is installed, lark compares all terminals as automata at every start: 1.7 s of 2. A test does.
    compares, lexer.has_interegular = lexer.has_interegular, False
    try:
        return Lark(text, parser="lalr", propagate_positions=True, maybe_placeholders=True)
    finally:
        lexer.has_interegular = compares


def _read(text: str, path: str) -> tuple[Tree[Token], list[tuple[int, int]]]:
    """The tree, and the stretches of text between its tokens, where comments are."""
    parser: Any = grammar().parse_interactive(text)  # lark leaves half of it untyped
    tokens: list[Token] = []
    try:
        for token in parser.iter_parse():
            tokens.append(token)
            if token.type.startswith("LATER_") or token.type == "RESERVED":
                raise kept_for_later(token, text, path)
            if len(tokens) == 2 and token != str(LANGUAGE):
                raise _other_language(token, text, path)
        tree: Tree[Token] = parser.feed_eof(tokens[-1] if tokens else None)
    except UnexpectedToken as error:
        end = error.token.type == "$END"
        at = len(text) if end else error.token.start_pos or 0
        tokens = tokens if end or not tokens or tokens[-1].start_pos != at else tokens[:-1]
        raise explain(Stumble(text, path, at, tuple(tokens), frozenset(parser.accepts()))) from None
    except UnexpectedCharacters as error:
        stumble = Stumble(text, path, error.pos_in_stream or 0, tuple(tokens), frozenset(parser.accepts()))
        raise explain(stumble) from None
    starts = [token.start_pos or 0 for token in tokens]
    ends = [token.end_pos or 0 for token in tokens]
    return tree, list(zip([0, *ends], [*starts, len(text)], strict=True))


def _other_language(token: Token, text: str, path: str) -> ParseError:
    return ParseError(
        f"this version reads `language {LANGUAGE}`, not {quoted(token)}",
        code="language-version",
        span=Span(token.start_pos or 0, token.end_pos or 0, token.line or 1, token.column or 1),
        path=path,
        source=text,
        help=f"write `language {LANGUAGE}`, or use a leastward that knows the newer language",
    )


def _comments(text: str, gaps: list[tuple[int, int]]) -> list[Comment]:
    found: list[Comment] = []
    for start, end in gaps:
        if text.find("#", start, end) < 0:
            continue
        for comment in _COMMENT.finditer(text, start, end):
            line_start = text.rfind("\n", 0, comment.start()) + 1
            own_line = not text[line_start : comment.start()].strip()
            words = comment.group().rstrip()
            at = comment.start()
            line = text.count("\n", 0, at) + 1
            found.append(Comment(words, own_line, Span(at, at + len(words), line, at - line_start + 1)))
    return found


_COMMENT: Final = re.compile(r"#[^\n]*")


def _refuse_unreadable(text: str, path: str) -> None:
    if len(text) > MAX_LENGTH:
        raise ParseError(f"a policy file has at most {MAX_LENGTH} characters", code="too-long", path=path)
    if text.isascii() and text.replace("\n", "").replace("\t", "").replace("\r", "").isprintable():
        return
    for at, character in enumerate(text):
        if is_invisible(character):
            line = text.count("\n", 0, at) + 1
            raise ParseError(
                f"a character that a reader cannot see: U+{ord(character):04X}",
                code="invisible-character",
                span=Span(at, at + 1, line, at - text.rfind("\n", 0, at)),
                path=path,
                source=text,
                help="a policy shows all that it says; in text, write the escape, as in `\\u200b`",
            )
