"""What kind of value a tool's argument holds, told from its schema: its type, its name, its description."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from typing import Literal as OneOf

from policy_dsl import Tool, parse_json, types

Kind = OneOf["mail", "account", "file", "host", "day", "sum"]

_TOLD_BY: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    ("mail", re.compile(r"\be-?mail\saddress(?:es)?\b|(?:^|_)e?mails?\s", re.IGNORECASE)),
    ("account", re.compile(r"\biban\b|\baccount\snumber\b", re.IGNORECASE)),
    ("file", re.compile(r"^file_?(?:name|path)\s", re.IGNORECASE)),
    ("host", re.compile(r"^(?:url|link|uri)\s", re.IGNORECASE)),
    ("day", re.compile(r"YYYY-MM-DD")),
    ("sum", re.compile(r"\bamount\b", re.IGNORECASE)),
)
"""In this order: the first that the argument's name and description tell. A day is told by its format alone, because
only then is it known how a day is written."""

_END_OF: Final = re.compile(r"(?:^|_)(?:end|until|to)(?:_|$)", re.IGNORECASE)
"""An end may lie on a day that nobody named."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One argument that may be restricted. `listed`: it holds a list of such values. `optional`: a call may leave it
    out, or give null."""

    argument: str
    kind: Kind
    listed: bool
    optional: bool


def slots(tool: Tool) -> Iterator[Slot]:
    """The arguments of `tool` whose kind is told, in the schema's order."""
    descriptions = _descriptions(tool)
    for name, member in tool.parameters.members.items():
        kind = _kind(name, descriptions.get(name, ""))
        options = member.type.options if isinstance(member.type, types.Union) else (member.type,)
        if kind is None or not all(_fits(option, kind) or isinstance(option, types.Null) for option in options):
            continue
        listed = [isinstance(option, types.ListOf) for option in options if not isinstance(option, types.Null)]
        if listed and len(set(listed)) == 1 and not (kind == "day" and _END_OF.search(name)):
            yield Slot(name, kind, listed[0], optional=not member.required or len(listed) < len(options))


def _kind(name: str, description: str) -> Kind | None:
    said = f"{name} {description}"
    return next((kind for kind, told in _TOLD_BY if told.search(said)), None)


def _fits(declared: types.Type, kind: Kind) -> bool:
    if isinstance(declared, types.ListOf):
        return kind == "mail" and _fits(declared.item, kind)
    return isinstance(declared, types.Number | types.Integer if kind == "sum" else types.Text)


def _descriptions(tool: Tool) -> dict[str, str]:
    """By argument. They are the server's words: they may steer what is taken away, and nothing else."""
    schema = parse_json(tool.interface, numbers="kept")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return {}
    told = {name: declared.get("description") for name, declared in properties.items() if isinstance(declared, dict)}
    return {name: text for name, text in told.items() if isinstance(text, str)}
