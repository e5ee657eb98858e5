"""Places of a call as attributes name them: the language's own spelling of a path, without the dot it begins with."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Final, TypeGuard

from policy_dsl import Argument, spelling

Place = tuple[str, ...]

_STEP: Final = re.compile(r'([A-Za-z_][A-Za-z0-9_-]*|"(?:[^"\\]|\\.)*")(?:\.(?=.)|\Z)')


MOST_NAME: Final = 64
"""Characters of one name in a place; values under longer names are not read."""


@lru_cache(maxsize=4096)
def spelled(place: Place) -> str:
    """`filter.dates`, `"odd name".to`."""
    return ".".join(map(spelling.key, place))


def is_name(name: object) -> TypeGuard[str]:
    """Whether the name of an argument or a member can stand in an attribute: short, and Unicode (no lone surrogate)."""
    return type(name) is str and len(name) <= MOST_NAME and (name.isascii() or _SURROGATE.search(name) is None)


_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def parsed(text: str) -> Place | None:
    """The place that `text` spells, None where it spells none or spells it otherwise than `spelled` does."""
    steps: list[str] = []
    at = 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            return None
        try:
            steps.append(json.loads(step[1]) if step[1].startswith('"') else step[1])
        except ValueError:
            return None
        at = step.end()
    place = tuple(steps)
    return place if place and spelled(place) == text else None


def place_of_attribute(attribute: str) -> Place | None:
    """The place that an attribute is about; None for those of facts."""
    kind, _, rest = attribute.partition(" ")
    if kind == "in":
        rest = rest.partition(" ")[2]
    return None if kind in ("label", "role") or not rest else parsed(rest)


def place_of(operand: Argument) -> Place | None:
    """The place that an operand means; None where it is a position in a list, which attributes do not have."""
    steps = tuple(step for step in operand.path if isinstance(step, str))
    return steps if len(steps) == len(operand.path) else None
