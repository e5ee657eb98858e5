"""Statements to a policy text: comments above them, lists that several rules share as named sets, one layout.

The text is parsed and formatted before anybody gets it, so an importer cannot print what the language does not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from textwrap import wrap
from typing import Any, TypeVar

from ..ast import Member, PolicyFile, SetDefinition, SetLiteral, SetName, Statement
from ..errors import PolicyError, visible
from ..format import format
from ..format_conditions import WIDTH
from ..parse import LANGUAGE, parse
from ..words import NOT_NAMES
from .refusal import ImportRefused

T = TypeVar("T")

LONG = 4
"""Values from which on a list stands in a set of its own."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One statement, and what is to be said about it."""

    statement: Statement
    comments: tuple[str, ...] = ()


def page(head: Sequence[str], paragraphs: Sequence[Paragraph], path: str = "<import>") -> str:
    """The whole text, in form. Each comment is one line, or several where it has line feeds.

    Raises ImportRefused, naming `path`.
    """
    blocks = ["\n".join(_commented(head)), f"language {LANGUAGE}"] if head else [f"language {LANGUAGE}"]
    blocks += ["\n".join([*_commented(one.comments), _spelled(one.statement)]) for one in paragraphs]
    text = "\n\n".join(blocks) + "\n"
    try:
        return format(parse(text))
    except PolicyError as error:  # beyond a bound of the language: too deep, too many digits
        raise ImportRefused(f"what it comes to is no policy: {error.message}", path=path, help=error.help) from error


def with_shared_sets(paragraphs: Sequence[Paragraph], hints: Mapping[SetLiteral, str]) -> list[Paragraph]:
    """Long lists, and those that stand in more than one rule, as sets before the rules; `hints` says what a list is
    about (the argument that is looked up in it)."""
    counts: dict[SetLiteral, int] = {}
    for paragraph in paragraphs:
        for literal in dict.fromkeys(literals(paragraph.statement)):
            counts[literal] = counts.get(literal, 0) + 1
    shared = [literal for literal, count in counts.items() if len(literal.items) >= (2 if count > 1 else LONG)]
    names: dict[SetLiteral, str] = {}
    for literal in shared:
        names[literal] = fresh_name(f"known-{hints.get(literal, 'value')}", names.values())

    def named(node: Any) -> Any:
        if isinstance(node, Member) and node.within in names:
            return replace(node, within=SetName(names[node.within]))
        return node

    definitions = [Paragraph(SetDefinition(name, literal)) for literal, name in names.items()]
    return definitions + [replace(one, statement=rewritten(one.statement, named)) for one in paragraphs]


def fresh_name(wanted: str, taken: Iterable[str]) -> str:
    """A name of the language close to `wanted`, and none of `taken`."""
    name = re.sub(r"[^A-Za-z0-9_]+", "-", wanted).strip("-")
    if not name or name[0].isdigit() or name in NOT_NAMES:
        name = f"x-{name}".rstrip("-")
    known = set(taken)
    number = 2
    while name in known:
        name, number = f"{name.removesuffix(f'-{number - 1}')}-{number}", number + 1
    return name


def rewritten(node: T, change: Callable[[Any], Any]) -> T:
    """The tree with `change` put to each of its nodes, inner ones first."""
    if isinstance(node, tuple):
        return tuple(rewritten(item, change) for item in node)  # type: ignore[return-value]  # a tuple for a tuple
    if not is_dataclass(node) or isinstance(node, type):
        return node
    parts = {part.name: getattr(node, part.name) for part in fields(node)}
    changed = {name: new for name, old in parts.items() if (new := rewritten(old, change)) is not old and new != old}
    result: T = change(replace(node, **changed) if changed else node)
    return result


def literals(node: object) -> Iterator[SetLiteral]:
    """The written lists that some test of the tree looks a value up in."""
    if isinstance(node, Member) and isinstance(node.within, SetLiteral):
        yield node.within
    elif isinstance(node, tuple):
        for item in node:
            yield from literals(item)
    elif is_dataclass(node):
        for part in fields(node):
            yield from literals(getattr(node, part.name))


def _commented(comments: Iterable[str]) -> list[str]:
    lines = [visible(line) for comment in comments for line in comment.split("\n")]
    return [f"# {part}".rstrip() for line in lines for part in wrap(line, WIDTH - 2, break_on_hyphens=False) or [""]]


def _spelled(statement: Statement) -> str:
    text = format(PolicyFile("<import>", LANGUAGE, (statement,), ""))
    return text.split("\n", 1)[1].strip("\n")
