"""Evidence as arrays: what each piece weighs, and whose it is.

Of several reporters of one piece each has an equal part of its weight; without one of them the others' parts remain.
What an auditor looked at belongs to no reporter: it is neither capped nor taken away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from ..model import Evidence
from .decay import DAY, decay
from .special import Floats


@dataclass(frozen=True)
class Tally:
    """Pieces of positive weight in the order in which memory heard of them.

    `weights` are those of receipt, `fresh` the decayed ones. A part is one reporter's of one piece, in order of the
    reporters: `parts` is how many each has, `part_piece` the index of the piece, `part_of` how many reporters share it.
    `units` has each reporter's unit as an index; a reporter without one is a unit of its own. `confirmers` and `days`
    count who confirmed, auditors included, and on how many UTC days; `audits` how often auditors did.
    """

    weights: Floats
    fresh: Floats
    right: NDArray[np.bool_]
    audit: NDArray[np.bool_]
    part_piece: NDArray[np.intp]
    part_of: Floats
    parts: NDArray[np.intp]
    units: NDArray[np.intp]
    confirmers: int
    days: int
    audits: int

    @property
    def reporters(self) -> int:
        """How many identities have a part."""
        return len(self.parts)

    def by_reporter(self, values: Floats) -> Floats:
        """Values of parts (first axis), added up by reporter."""
        if not self.reporters:
            return values
        starts = np.concatenate([[0], self.parts.cumsum()[:-1]])
        return np.asarray(np.add.reduceat(values, starts, axis=0), dtype=np.float64)

    def without(self, first: int, last: int) -> Floats:
        """Receipt weights, shape (rows, pieces), of the rows `first` to `last`: row 0 has all evidence, row 1 + r none
        of reporter r."""
        rows = np.repeat(self.weights[None, :], last - first, axis=0)
        row = np.repeat(np.arange(1 - first, 1 - first + self.reporters), self.parts)
        chosen = (row >= 0) & (row < last - first)
        rows[row[chosen], self.part_piece[chosen]] *= 1.0 - 1.0 / self.part_of[chosen]
        return rows


def tally(evidence: Sequence[Evidence], half_life_days: float, now: int) -> Tally:
    """ValueError for a weight outside [0, 1]; pieces of weight 0 say nothing, and neither do their reporters.

    A piece's `units` are those of its `reporters`, in their order; one that is missing is unknown.
    """
    wrongly = [p for p in evidence if not 0.0 <= p.weight <= 1.0]
    if wrongly:
        raise ValueError(f"evidence of `{wrongly[0].decision}` weighs `{wrongly[0].weight}`, weights lie in [0, 1]")
    pieces = sorted((p for p in evidence if p.weight > 0.0), key=attrgetter("sequence", "decision"))
    parts: dict[str, list[tuple[int, int]]] = {}
    unit_of: dict[str, str] = {}
    confirmers: set[str] = set()
    days: set[int] = set()
    audits = 0
    for index, piece in enumerate(pieces):
        reporters = piece.reporters or ("",)
        if piece.right:
            confirmers.update(reporters)
            days.add(piece.at // DAY)
            audits += piece.audit
        if not piece.audit:
            units = (*piece.units, *("",) * len(reporters))
            for reporter, unit in zip(reporters, units, strict=False):
                parts.setdefault(reporter, []).append((index, len(reporters)))
                unit_of[reporter] = f"unit {unit}" if unit else f"reporter {reporter}"
    numbers = {unit: number for number, unit in enumerate(dict.fromkeys(unit_of.values()))}
    table = np.array([part for own in parts.values() for part in own], dtype=np.intp).reshape(-1, 2)
    weights = np.array([p.weight for p in pieces], dtype=np.float64)
    at = np.array([p.at for p in pieces], dtype=np.float64)
    return Tally(
        weights=weights,
        fresh=weights * decay(at, now, half_life_days),
        right=np.array([p.right for p in pieces], dtype=np.bool_),
        audit=np.array([p.audit for p in pieces], dtype=np.bool_),
        part_piece=table[:, 0],
        part_of=table[:, 1].astype(np.float64),
        parts=np.array([len(own) for own in parts.values()], dtype=np.intp),
        units=np.array([numbers[unit_of[reporter]] for reporter in parts], dtype=np.intp),
        confirmers=len(confirmers),
        days=len(days),
        audits=audits,
    )
