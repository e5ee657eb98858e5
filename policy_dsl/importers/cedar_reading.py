"""Cedar text to a tree of its own (cedar.lark): policies, scopes, expressions, each with its place in the text.

Only the shape is read here; what a part means, and whether this language can say it, is for cedar.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Final, Literal, cast

from lark import Lark, Token, Tree, UnexpectedInput, UnexpectedToken, lexer

from ..ast import NOWHERE, Span
from ..errors import quoted
from .refusal import ImportRefused

MAX_DEPTH: Final = 64
"""Expressions inside each other, as many as a condition of this language may have."""

MAX_LENGTH: Final = 1024 * 1024
"""Characters of one file. AWS takes policies of 10 KiB."""


@dataclass(frozen=True, slots=True)
class Entity:
    """`AgentCore::Action::"refund"`."""

    type: str
    id: str
    span: Span = field(default=NOWHERE, compare=False)

    def __str__(self) -> str:
        return f'{self.type}::"{self.id}"'


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a scope asks of the principal, the action or the resource: `== e`, `in e`, `in [e, ...]`, `is T [in e]`."""

    kind: Literal["==", "in", "is"]
    entities: tuple[Entity, ...]
    type: str | None
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Expr:
    """One expression. `kind` is the rule of the grammar; `parts` are the expressions inside, `words` the names, signs
    and texts (decoded, but for a `like` pattern)."""

    kind: str
    parts: tuple[Expr, ...] = ()
    words: tuple[str, ...] = ()
    value: str | int | bool | None = None
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class CedarPolicy:
    """`conditions` keeps `when` and `unless` in the order written."""

    permits: bool
    principal: Constraint | None
    action: Constraint | None
    resource: Constraint | None
    conditions: tuple[tuple[Literal["when", "unless"], Expr], ...]
    annotations: tuple[tuple[str, str], ...]
    span: Span = field(default=NOWHERE, compare=False)


def read(text: str, path: str) -> tuple[CedarPolicy, ...]:
    """The policies of one file. Raises ImportRefused."""
    if len(text) > MAX_LENGTH:
        raise ImportRefused(f"a file has at most {MAX_LENGTH} characters", path=path)
    try:
        tree = grammar().parse(text)
    except UnexpectedInput as error:
        raise _unreadable(error, text, path) from error
    return _Reader(text, path).policies(tree)


@cache
def grammar() -> Lark:
    """The parser, built once."""
    text = files(__package__).joinpath("cedar.lark").read_text(encoding="utf-8")
    # As in parse.py: with interegular installed lark would compare all terminals as automata at every start.
    compares, lexer.has_interegular = lexer.has_interegular, False
    try:
        return Lark(text, parser="lalr", propagate_positions=True, maybe_placeholders=True)
    finally:
        lexer.has_interegular = compares


def _unreadable(error: UnexpectedInput, text: str, path: str) -> ImportRefused:
    at = error.pos_in_stream or 0
    token = error.token if isinstance(error, UnexpectedToken) else text[at : at + 1]
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        end = len(text)
        line = text.count("\n") + 1
        place = Span(end, end, line, end - text.rfind("\n") - 1 + 1)
        return ImportRefused("the last policy is not finished", path=path, span=place, source=text)
    place = Span(at, at + max(1, len(token)), error.line, error.column)
    return ImportRefused(f"{quoted(str(token))} cannot stand here in Cedar", path=path, span=place, source=text)


_Tree = Tree[Token]


class _Reader:
    def __init__(self, source: str, path: str) -> None:
        self.source = source
        self.path = path

    def refused(self, span: Span, fault: str, help: str | None = None) -> ImportRefused:
        return ImportRefused(fault, path=self.path, span=span, source=self.source, help=help)

    def policies(self, tree: _Tree) -> tuple[CedarPolicy, ...]:
        return tuple(self.policy(child) for child in _trees(tree))

    def policy(self, tree: _Tree) -> CedarPolicy:
        children = _trees(tree)
        effect = next(child for child in tree.children if isinstance(child, Token))
        scopes = {child.data: self.constraint(child) for child in children if child.data in _SCOPES}
        return CedarPolicy(
            permits=effect == "permit",
            principal=scopes["principal"],
            action=scopes["action"],
            resource=scopes["resource"],
            conditions=tuple(self.condition(child) for child in children if child.data == "condition"),
            annotations=tuple(self.annotation(child) for child in children if child.data == "annotation"),
            span=_span(effect),
        )

    def annotation(self, tree: _Tree) -> tuple[str, str]:
        name, value = tree.children
        return str(name), "" if value is None else self.text(cast(Token, value))

    def constraint(self, tree: _Tree) -> Constraint | None:
        found = _trees(tree)
        if not found:
            return None
        written = found[0]
        slot = next((child for child in written.children if isinstance(child, Token)), None)
        if slot is not None:
            raise self.refused(
                _span(slot), f"a template ({quoted(slot)}) is no policy yet", "import what it is linked to"
            )
        parts = _trees(written)
        span = _span(written)
        if written.data == "is_type":
            entities = tuple(self.entity(part) for part in parts[1:])
            return Constraint("is", entities, _path(parts[0]), span)
        if written.data == "within" and parts[0].data == "entities":
            return Constraint("in", tuple(self.entity(part) for part in _trees(parts[0])), None, span)
        return Constraint("==" if written.data == "equals" else "in", (self.entity(parts[0]),), None, span)

    def entity(self, tree: _Tree) -> Entity:
        *names, id = cast("list[Token]", tree.children)
        return Entity("::".join(names), self.text(id), _span(tree))

    def condition(self, tree: _Tree) -> tuple[Literal["when", "unless"], Expr]:
        word, expression = tree.children
        return ("when" if word == "when" else "unless"), self.expression(cast(_Tree, expression), 0)

    def expression(self, tree: _Tree, depth: int) -> Expr:
        span = _span(tree)
        if depth > MAX_DEPTH:
            raise self.refused(span, f"nested deeper than {MAX_DEPTH}")
        kind = str(tree.data)
        if kind == "literal":
            return Expr(kind, value=self.literal(cast(Token, tree.children[0])), span=span)
        if kind == "entity":
            entity = self.entity(tree)
            return Expr(kind, words=(entity.type, entity.id), span=span)
        parts: list[Expr] = []
        words: list[str] = []
        for child in tree.children:
            if isinstance(child, Tree):
                if child.data == "path":
                    words.append(_path(child))
                else:
                    parts.append(self.expression(child, depth + 1))
            elif isinstance(child, Token):
                decodes = child.type == "STRING" and kind != "like"
                words.append(self.text(child) if decodes else str(child))
        return Expr(kind, tuple(parts), tuple(words), span=span)

    def literal(self, token: Token) -> str | int | bool:
        if token.type == "STRING":
            return self.text(token)
        if token.type == "INTEGER":
            if len(token) > 19:  # a long of 64 bits
                raise self.refused(_span(token), f"{quoted(token)} is no number of Cedar")
            return int(token)
        return str(token) == "true"

    def text(self, token: Token) -> str:
        try:
            return "".join(unescaped(token[1:-1]))
        except ValueError as error:
            raise self.refused(_span(token), f"{quoted(str(error))} is no escape of Cedar") from error


def unescaped(written: str, *, star: bool = False) -> list[str]:
    """The characters of a text between quotes. With `star`, a pattern of `like`: its wildcards are empty strings.

    Raises ValueError with the escape that is none.
    """
    found: list[str] = []
    for piece in _CHARACTER.findall(written):
        if piece == "*" and star:
            found.append("")
        elif piece[0] != "\\":
            found.append(piece)
        elif piece in _ESCAPES:
            found.append(_ESCAPES[piece])
        elif piece == r"\*" and star:
            found.append("*")
        elif match := _CODE.fullmatch(piece):
            code = int(match[1] or match[2], 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                raise ValueError(piece)
            found.append(chr(code))
        else:
            raise ValueError(piece)
    return found


_CHARACTER: Final = re.compile(r"\\x[0-9A-Fa-f]{2}|\\u\{[0-9A-Fa-f]{1,6}\}|\\.|.", re.DOTALL)
_CODE: Final = re.compile(r"\\x([0-9A-Fa-f]{2})|\\u\{([0-9A-Fa-f]+)\}")
_ESCAPES: Final = {r"\n": "\n", r"\r": "\r", r"\t": "\t", r"\\": "\\", r"\0": "\0", r"\'": "'", r"\"": '"'}
_SCOPES: Final = ("principal", "action", "resource")


def _trees(tree: _Tree) -> list[_Tree]:
    return [child for child in tree.children if isinstance(child, Tree)]


def _path(tree: _Tree) -> str:
    return "::".join(str(child) for child in tree.children)


def _span(place: _Tree | Token) -> Span:
    if isinstance(place, Token):
        return Span(place.start_pos or 0, place.end_pos or 0, place.line or 1, place.column or 1)
    meta = place.meta
    if meta.empty:
        return NOWHERE
    return Span(meta.start_pos, meta.end_pos, meta.line, meta.column)
