"""How hard a generated policy is: the four levels of CC-Gen (arXiv 2510.11588) as numbers."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..example import DataError

_BOUNDS = {
    "environment": (0, 4),
    "tasks": (1, 12),
    "arguments": (1, 4),
    "depth": (1, 4),
    "branching": (2, 3),
    "query": (1, 4),
}


@dataclass(frozen=True, slots=True)
class Knobs:
    """Four levels; tasks and workflow are two numbers each.

    `environment` is how many databases the facts of a case come from, `tasks` how many tools a policy rules over and
    `arguments` how many arguments each takes. `depth` is how many tests stand one inside the other, `branching` how
    many ways lead on from each. `query` is how a case is told: 1 one form of words, 2 four forms, 3 facts in any order
    with some that do not matter, 4 the request in the user's own words besides.

    Raises DataError where a number is out of its bounds.
    """

    environment: int = 1
    tasks: int = 2
    arguments: int = 2
    depth: int = 2
    branching: int = 2
    query: int = 1

    def __post_init__(self) -> None:
        for knob in fields(self):
            low, high = _BOUNDS[knob.name]
            value = getattr(self, knob.name)
            if not low <= value <= high:
                raise DataError(f"`{knob.name}` is `{value}`, and it goes from {low} to {high}")
