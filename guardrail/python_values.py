"""Python objects as JSON values and back, for doors in the agent's own process.

What an agent passes are objects with behaviour of their own; what is judged, recorded and run is what they print as
JSON, read back by the strict parser.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import Any

from policy_dsl import Json, StrictJsonError, strict_json


class NotJson(ValueError):
    """A value that has no JSON of its own: it is refused, not coerced into one."""


def as_json(value: object) -> Json:
    """The JSON value that `value` is, by the exact types of JSON alone: subclasses lose what they override. Raises
    NotJson for all else: members whose names are no texts, numbers that are not finite, lone surrogates."""
    try:
        return strict_json.parse(strict_json.encode(_plain(value)))
    except (StrictJsonError, RecursionError, UnicodeError) as error:
        raise NotJson("a value that strict JSON cannot hold") from error


def with_floats(value: Any) -> Any:
    """A JSON value as Python functions expect it: a Decimal as the float that prints alike, where there is one."""
    if isinstance(value, Decimal):
        near = float(value)
        return near if Decimal(repr(near)) == value else value
    if isinstance(value, list):
        return [with_floats(item) for item in value]
    if isinstance(value, Mapping):
        return {name: with_floats(item) for name, item in value.items()}
    return value


def _plain(value: object) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise NotJson("a number that is not finite")
        return Decimal(float.__repr__(value))
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise NotJson("a member whose name is no text")
        return {str.__str__(name): _plain(item) for name, item in value.items()}
    raise NotJson("a value of a kind that JSON does not have")
