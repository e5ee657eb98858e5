"""JSON values, where they stand, and when two are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from ..ast import Json, JsonType, Literal, Operand, TextOptions
from ..types import path_name
from ..values import number, text
from .kleene import Fault


@dataclass(frozen=True, slots=True)
class Found:
    """A value and where it stands in the arguments; `place` is empty for what the policy itself wrote."""

    value: Json
    place: str = ""


def walk(found: Found, steps: tuple[str | int, ...]) -> Found | Fault:
    for step in steps:
        value = found.value
        if type(value) is not (dict if isinstance(step, str) else list):
            return wrong(found)
        if isinstance(step, str):
            place = f"{found.place}.{path_name(step)}" if found.place else path_name(step)
            there = step in cast("dict[str, Json]", value)
        else:
            place = f"{found.place}[{step}]"
            there = step < len(cast("list[Json]", value))
        if not there:
            return Fault("missing", place)
        found = Found(value[step], place)  # type: ignore[index]  # the step fits the value, see above
    return found


def wrong(found: Found) -> Fault:
    return Fault("null" if found.value is None else "wrong-type", found.place)


def of_type(found: Found | Fault, kind: JsonType) -> Found | Fault:
    return found if isinstance(found, Fault) or kind_of(found.value) is kind else wrong(found)


def kind_of(value: object) -> JsonType | None:
    """The JSON type of a value, None for what is no JSON value of ours; no value is of type integer here."""
    if number.is_number(value):
        return JsonType.NUMBER
    kinds = {
        str: JsonType.TEXT,
        bool: JsonType.BOOLEAN,
        type(None): JsonType.NULL,
        list: JsonType.LIST,
        dict: JsonType.OBJECT,
    }
    return kinds.get(type(value))


def is_json(value: Json) -> bool:
    if isinstance(value, list):
        return all(is_json(item) for item in value)
    if isinstance(value, dict):
        return all(is_json(item) for item in value.values())
    return kind_of(value) is not None


def same(one: Json, other: Json, options: TextOptions) -> bool:
    """JSON equality at every depth: `true` is not 1, 1 is 1.0, members have no order, texts as `options` say."""
    if kind_of(one) is not kind_of(other):
        return False
    if isinstance(one, str) and isinstance(other, str):
        return folded(one, options) == folded(other, options)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b, options) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name], options) for name in one)
    return one == other


def folded(value: str, options: TextOptions) -> str:
    return text.fold(value, options.ignore_case, options.nfkc)


def is_written_null(operand: Operand) -> bool:
    return isinstance(operand, Literal) and operand.value is None
