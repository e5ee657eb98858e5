"""What a draft takes away, as values, before it is a policy file."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from typing import Literal as OneOf

MAX_RESTRICTIONS: Final = 200
"""A draft with more is refused: nobody reads it, and each costs time at every call."""


class Unproposable(Exception):
    """There is no draft to be had: the model could not be reached, or nothing it said was one. For a person to read."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The values of one argument that stay allowed. Exactly one of the five is set.

    `values`: one of these, texts compared ignoring case. `days`: an ISO day with one of these `MM-DD`, whatever
    follows. `hosts`: a URL there, with a plain path or none, http or https or neither. `least`, `most`: a number so
    large at least or at most.
    """

    argument: str
    values: tuple[str | int | Decimal, ...] = ()
    days: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    least: int | Decimal | None = None
    most: int | Decimal | None = None


@dataclass(frozen=True, slots=True)
class Restriction:
    """One thing taken away, with the user's words that caused it.

    `no tool`: no call of `tools`. `values`: only calls whose `allowed` argument fits. `at most`: so many calls in the
    run. `ask`: every call waits for a person.
    """

    kind: OneOf["no tool", "values", "at most", "ask"]
    tools: tuple[str, ...]
    provenance: str
    allowed: Allowed | None = None
    times: int = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a proposer says, and who it was: `entities`, or the name of a model."""

    restrictions: tuple[Restriction, ...]
    proposer: str
    notes: tuple[str, ...] = ()
