"""Progent's policies as files, read strictly: both forms in which people write them down.

    {tool: [[priority, effect, {argument: restriction}, fallback, update?], ...]}            what its code holds
    {tool: [{"priority", "effect", "conditions", "fallback", "fallback_msg", "update"}, ...]} what its paper prints
    [{"tool", "effect", ...}, ...]                                                            the same as one list
    [{"name", "args"}, ...]                                                                   what its model drafts

Effect 0 is allow, 1 forbid; fallback 0 is a message, 1 ends the process, 2 asks a person. An update has one of these
forms again. A member that is not known is refused: half a rule understood is another rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from .. import strict_json
from ..ast import Json
from ..errors import quoted
from .refusal import ImportRefused, pointer

T = TypeVar("T")

Fallback = Literal["message", "terminate", "ask"]

GENERATED: Final = 100
"""The priority that marks what Progent's model drafted; its engine treats such rules apart."""

MAX_PRIORITY: Final = 1_000_000_000 - 1
"""Ours are at most a billion, and one more level may be needed below all of a tool's."""


@dataclass(frozen=True, slots=True)
class ProgentRule:
    """One rule as written; `at` is its JSON pointer in `document`. `restrictions` maps arguments to schemas (objects)
    or to patterns (text)."""

    priority: int
    allows: bool
    restrictions: Mapping[str, Json]
    fallback: Fallback
    message: str | None
    update: Mapping[str, tuple[ProgentRule, ...]] | None
    document: str
    at: str
    restrictions_at: str

    @property
    def says(self) -> bytes:
        """Equal for two rules that say the same, wherever they stand."""
        return strict_json.encode(_said(self))


Policies = Mapping[str, tuple[ProgentRule, ...]]


def read(text: str | bytes, document: str) -> Policies:
    """The policies of one file. Raises ImportRefused."""
    try:
        value = strict_json.parse(text, numbers="kept")
    except strict_json.StrictJsonError as error:
        raise ImportRefused(f"is no strict JSON: {error}", path=document) from error
    if isinstance(value, dict) and value.keys() == {"policies"}:
        return _Reader(document).policies(value["policies"], "/policies")
    return _Reader(document).policies(value, "")


class _Reader:
    def __init__(self, document: str) -> None:
        self.document = document

    def policies(self, value: Json, at: str) -> Policies:
        found: dict[str, list[ProgentRule]] = {}
        if isinstance(value, dict):
            for tool, rules in value.items():
                place = pointer(at, tool)
                if not isinstance(rules, list):
                    raise self.refused("the rules of a tool are a list", place)
                self.add(found, tool, place)
                found[tool] += [self.rule(rule, pointer(place, index)) for index, rule in enumerate(rules)]
        elif isinstance(value, list):
            for index, rule in enumerate(value):
                place = pointer(at, index)
                tool = self.tool(rule, place)
                self.add(found, tool, place)
                found[tool].append(self.rule(rule, place))
        else:
            raise self.refused("policies are an object of tools, or a list of rules", at)
        return {tool: tuple(rules) for tool, rules in found.items()}

    def add(self, found: dict[str, list[ProgentRule]], tool: str, at: str) -> None:
        if not tool or "*" in tool or "/" in tool:
            raise self.refused(f"{quoted(tool)} cannot name one tool here", at)
        found.setdefault(tool, [])

    def tool(self, rule: Json, at: str) -> str:
        if isinstance(rule, dict):
            named = [rule[word] for word in _TOOL_WORDS if word in rule]
            if len(named) == 1 and isinstance(named[0], str):
                return named[0]
        raise self.refused('a rule of a list names its tool, as in `"tool": "send_email"`', at)

    def rule(self, value: Json, at: str) -> ProgentRule:
        if isinstance(value, list):
            if len(value) not in (4, 5):
                raise self.refused("a rule has 4 parts, or 5 with an update", at)
            priority, effect, restrictions, fallback, *update = value
            places = [pointer(at, index) for index in range(5)]
            return self.built(
                at, (priority, places[0]), (effect, places[1]), (restrictions, places[2]), (fallback, places[3]),
                (None, at), (update[0] if update else None, places[4]),
            )  # fmt: skip
        if not isinstance(value, dict):
            raise self.refused("a rule is a list or an object", at)
        unknown = next((name for name in value if name not in _MEMBERS), None)
        if unknown is not None:
            raise self.refused(f"{quoted(unknown)} is no part of a rule", pointer(at, unknown))
        drafted = "args" in value
        members: dict[str, tuple[Json, str]] = {
            name: (value.get(name, default), pointer(at, name))
            for name, default in (
                ("priority", GENERATED if drafted else 1),
                ("effect", 0 if drafted else None),
                ("args" if drafted else "conditions", {}),
                ("fallback", 0),
                ("fallback_msg", None),
                ("update", None),
            )
        }
        return self.built(at, *members.values())

    def built(
        self,
        at: str,
        priority: tuple[Json, str],
        effect: tuple[Json, str],
        restrictions: tuple[Json, str],
        fallback: tuple[Json, str],
        message: tuple[Json, str],
        update: tuple[Json, str],
    ) -> ProgentRule:
        number = priority[0]
        if isinstance(number, bool) or not isinstance(number, int) or abs(number) > MAX_PRIORITY:
            raise self.refused(f"a priority is a whole number up to {MAX_PRIORITY:_}", priority[1])
        if not isinstance(restrictions[0], dict):
            raise self.refused("the conditions are an object of arguments", restrictions[1])
        if message[0] is not None and not isinstance(message[0], str):
            raise self.refused("`fallback_msg` is text", message[1])
        return ProgentRule(
            priority=number,
            allows=self.word(effect, _EFFECTS, "an effect is `allow` (0) or `forbid` (1)"),
            restrictions=restrictions[0],
            fallback=self.word(
                fallback, _FALLBACKS, "a fallback is a message (0), `terminate` (1) or a question to a person (2)"
            ),
            message=message[0],
            update=self.policies(*update) if update[0] else None,
            document=self.document,
            at=at,
            restrictions_at=restrictions[1],
        )

    def word(self, found: tuple[Json, str], words: Mapping[str | int, T], expected: str) -> T:
        value, at = found
        key = value.lower().replace("_", " ") if isinstance(value, str) else value
        if isinstance(key, bool) or not isinstance(key, str | int) or key not in words:
            raise self.refused(expected, at)
        return words[key]

    def refused(self, fault: str, at: str) -> ImportRefused:
        return ImportRefused(fault, path=self.document, place=at)


def _said(rule: ProgentRule) -> Json:
    updates = rule.update or {}
    return [
        rule.priority,
        rule.allows,
        dict(rule.restrictions),
        rule.fallback,
        rule.message,
        {tool: [_said(inner) for inner in rules] for tool, rules in updates.items()},
    ]


_TOOL_WORDS: Final = ("tool", "tool_name", "tool_id", "name")

_MEMBERS: Final = frozenset(
    [*_TOOL_WORDS, "priority", "effect", "conditions", "args", "fallback", "fallback_msg", "update"]
)

_EFFECTS: Final[Mapping[str | int, bool]] = {0: True, "allow": True, 1: False, "forbid": False}

_FALLBACKS: Final[Mapping[str | int, Fallback]] = {
    0: "message",
    "message": "message",
    "msg": "message",
    "return msg": "message",
    "return message": "message",
    1: "terminate",
    "terminate": "terminate",
    "terminate execution": "terminate",
    2: "ask",
    "ask": "ask",
    "user inspection": "ask",
    "request user inspection": "ask",
}
