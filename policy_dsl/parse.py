"""Text to PolicyFile: the parser's loop, and the comments that the grammar passes over.

The loop itself is in driver.py. Here is what it is told of: a word kept for a later version stops it at once, a text
that is no sentence goes to `mistakes.py` for a message in the writer's own terms, and a tree goes to `lower.py`.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Final

from lark import Lark, Token, lexer

from . import tables
from .ast import Comment, PolicyFile, Span
from .driver import Driver, Read, Stuck
from .errors import ParseError, is_invisible, quoted
from .lower import lower
from .mistakes import explain, kept_for_later
from .stumble import Stumble

LANGUAGE: Final = 1
"""The version of the language that this package reads."""

MAX_LENGTH: Final = 16 * 1024 * 1024
"""Characters of one policy file; 10,000 rules of four lines are about 2 million."""

LARGE: Final = 256 * 1024
"""Characters from which on the collector rests; hand-written policies are a tenth of it."""


def parse(text: str, path: str = "<policy>") -> PolicyFile:
    """The file that `text` spells. `path` is what errors call it. Raises ParseError, and nothing else, for bad text."""
    _refuse_unreadable(text, path)
    with _collector_at_rest(len(text)):
        read = _read(text, path)
        statements = lower(read.tree, text, path)
        return PolicyFile(path, LANGUAGE, statements, text, tuple(_comments(text, read)) if "#" in text else ())


@cache
def grammar() -> Lark:
    """The parser, read once from its kept tables: tables only, so any number of threads may use it."""
    folder = files(__package__)
    text = folder.joinpath("grammar.lark").read_text(encoding="utf-8")
    kept = folder.joinpath(tables.FILE)
    return (tables.read(kept.read_bytes(), text) if kept.is_file() else None) or made(text)


def made(text: str) -> Lark:
    """The parser of a grammar, from its text: what the kept tables are compared with."""
    # Where interegular is installed, lark compares all terminals as automata at every start: 1.7 s of 2. A test does.
    compares, lexer.has_interegular = lexer.has_interegular, False
    try:
        return Lark(text, parser="lalr", propagate_positions=True, maybe_placeholders=True)
    finally:
        lexer.has_interegular = compares


@contextmanager
def _collector_at_rest(length: int) -> Iterator[None]:
    """Without the cyclic garbage collector for a text of LARGE characters or more: trees have no circles, and it would
    walk over all of a large one again and again (half of the time at 10,000 rules, measured). Whoever reads beside this
    thread is left with the collector on or off as it was, a moment sooner or later."""
    if length < LARGE or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@cache
def driver() -> Driver:
    """The loop over the parser's tables, for any number of threads."""
    return Driver(grammar())


def _read(text: str, path: str) -> Read:
    def refuse(token: Token, index: int) -> None:
        if token.type.startswith("LATER_") or token.type == "RESERVED":
            raise kept_for_later(token, text, path)
        if index == 1 and token != str(LANGUAGE):
            raise _other_language(token, text, path)

    try:
        return driver().read(text, refuse)
    except Stuck as stuck:
        raise explain(Stumble(text, path, stuck.at, stuck.tokens, stuck.accepts)) from None


def _other_language(token: Token, text: str, path: str) -> ParseError:
    return ParseError(
        f"this version reads `language {LANGUAGE}`, not {quoted(token)}",
        code="language-version",
        span=Span(token.start_pos or 0, token.end_pos or 0, token.line or 1, token.column or 1),
        path=path,
        source=text,
        help=f"write `language {LANGUAGE}`, or use a leastward that knows the newer language",
    )


def _comments(text: str, read: Read) -> Iterator[Comment]:
    """The comments in the stretches between the tokens."""
    for start, end in zip([0, *read.ends], [*read.starts, len(text)], strict=True):
        if text.find("#", start, end) < 0:
            continue
        for comment in _COMMENT.finditer(text, start, end):
            at, words = comment.start(), comment.group().rstrip()
            line, column = read.lines.place(at)
            own_line = not text[at - column + 1 : at].strip()
            yield Comment(words, own_line, Span(at, at + len(words), line, column))


_COMMENT: Final = re.compile(r"#[^\n]*")


_INVISIBLE_HELP: Final = "a policy shows all that it says; in text, write the escape, as in `\\u200b`"
_MARK_HELP: Final = "an editor put a byte order mark there: save the file as UTF-8 without one"


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
                help=_MARK_HELP if at == 0 and character == "\ufeff" else _INVISIBLE_HELP,
            )
