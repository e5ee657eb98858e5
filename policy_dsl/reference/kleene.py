"""Three-valued truth: strong Kleene connectives that keep the first Fault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Code = Literal[
    "missing",
    "null",
    "wrong-type",
    "empty-list",
    "out-of-range",
    "inexact",
    "unreadable",
    "unknown-time",
    "claimed",
    "forgotten",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a test has no answer: a stable code, and the path of the value it stumbled on."""

    code: Code
    place: str


Truth = bool | Fault


def both(parts: Iterable[Truth]) -> Truth:
    listed = list(parts)
    if any(part is False for part in listed):
        return False
    return next((part for part in listed if isinstance(part, Fault)), True)


def either(parts: Iterable[Truth]) -> Truth:
    listed = list(parts)
    if any(part is True for part in listed):
        return True
    return next((part for part in listed if isinstance(part, Fault)), False)


def negated(part: Truth) -> Truth:
    return part if isinstance(part, Fault) else not part
