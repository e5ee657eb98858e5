"""What a model may say, as a JSON schema, and the strict reading of what it said.

The schema has no word that grants. Every value must stand in the user's own words or in the tool's schema, and every
restriction quotes the words that caused it, so a model that was talked into something has nothing to say it with.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from policy_dsl import Catalogue, Tool, types

from ..asking import BadAnswer, read_list
from .restrictions import MAX_RESTRICTIONS, Allowed, Restriction

MAX_VALUES: Final = 100
MAX_QUOTE: Final = 2_000

_KINDS: Final = {"remove": "no tool", "only_values": "values", "range": "values", "at_most": "at most", "ask": "ask"}

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["restrictions"],
    "properties": {
        "restrictions": {
            "type": "array",
            "maxItems": MAX_RESTRICTIONS,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["tool", "kind", "argument", "values", "least", "most", "times", "quote"],
                "properties": {
                    "tool": {"type": "string"},
                    "kind": {"type": "string", "enum": list(_KINDS)},
                    "argument": {"type": ["string", "null"]},
                    "values": {"type": ["array", "null"], "items": {"type": ["string", "number"]}},
                    "least": {"type": ["number", "null"]},
                    "most": {"type": ["number", "null"]},
                    "times": {"type": ["integer", "null"]},
                    "quote": {"type": "string"},
                },
            },
        }
    },
}
"""All members required and closed: what providers call strict output (OpenAI, structured outputs)."""

_MEMBERS: Final = frozenset(SCHEMA["properties"]["restrictions"]["items"]["required"])


def read_answer(text: str, words: str, catalogue: Catalogue) -> tuple[Restriction, ...]:
    """The restrictions of a model's answer to `words`. Raises BadAnswer, and nothing else."""
    listed = read_list(text, "restrictions", MAX_RESTRICTIONS)
    return tuple(_restriction(item, words, catalogue) for item in listed)


def _restriction(item: object, words: str, catalogue: Catalogue) -> Restriction:
    if not isinstance(item, dict) or item.keys() != _MEMBERS:
        raise BadAnswer("a restriction has other members than the schema")
    members: dict[str, Any] = item
    kind, quote = members["kind"], members["quote"]
    if not isinstance(kind, str) or kind not in _KINDS:
        raise BadAnswer("a restriction is of no known kind")
    if not isinstance(quote, str) or len(quote) > MAX_QUOTE or not _stands_in(quote, words):
        raise BadAnswer("a restriction quotes what the user did not say")
    tool = _tool(members["tool"], catalogue)
    if kind in ("remove", "ask"):
        return Restriction("no tool" if kind == "remove" else "ask", (tool.identity,), quote)
    if kind == "at_most":
        times = members["times"]
        if type(times) is not int or not 1 <= times <= 1_000:
            raise BadAnswer("`times` is no whole number from 1 to 1000")
        return Restriction("at most", (tool.identity,), quote, times=times)
    return Restriction("values", (tool.identity,), quote, _allowed(members, tool, words))


def _tool(name: object, catalogue: Catalogue) -> Tool:
    if isinstance(name, str):
        server, slash, bare = name.rpartition("/")
        tool = catalogue.get(server if slash else None, bare)
        if tool is not None and tool.identity == name:
            return tool
    raise BadAnswer("a restriction names no tool of the list")


def _allowed(members: dict[str, Any], tool: Tool, words: str) -> Allowed:
    argument = members["argument"]
    if not isinstance(argument, str) or argument not in tool.parameters.members:
        raise BadAnswer("a restriction names no argument of its tool")
    declared = tool.parameters.members[argument].type
    if members["kind"] == "range":
        least, most = members["least"], members["most"]
        if (least is None) == (most is None):
            raise BadAnswer("a range has exactly one of `least` and `most`")
        if not _is_number(least if most is None else most) or not _holds(declared, types.Number, types.Integer):
            raise BadAnswer("a range is for numbers")
        return Allowed(argument, least=least, most=most)
    values = members["values"]
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_VALUES:
        raise BadAnswer(f"`values` is no list of 1 to {MAX_VALUES}")
    listed = set(_listed(declared))
    for value in values:
        if not isinstance(value, str) and not _is_number(value):
            raise BadAnswer("a value is neither text nor number")
        if not (value in listed or _stands_in(str(value), words)):
            raise BadAnswer("a value stands neither in the user's words nor in the tool's schema")
    return Allowed(argument, values=tuple(values))


def _stands_in(part: str, words: str) -> bool:
    """Spaces and case apart. Empty text stands nowhere."""
    wanted = " ".join(part.casefold().split())
    return bool(wanted) and wanted in " ".join(words.casefold().split())


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _options(declared: types.Type) -> Iterator[types.Type]:
    for option in declared.options if isinstance(declared, types.Union) else (declared,):
        yield option.item if isinstance(option, types.ListOf) else option


def _holds(declared: types.Type, *wanted: type) -> bool:
    return any(isinstance(option, wanted) for option in _options(declared))


def _listed(declared: types.Type) -> Iterator[object]:
    for option in _options(declared):
        if isinstance(option, types.Values):
            yield from option.values
