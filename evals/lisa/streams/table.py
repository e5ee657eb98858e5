"""Policy tables: the seeded truth of the streams whose data set has only one label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from memory import Label

DRIFTING = 0.25
"""Share of the broad cells that are drawn anew at the midpoint."""


@dataclass(frozen=True, slots=True)
class Table:
    """A label for every cell; a cell is a tuple of attribute values whose first `broad` ones name its broad cell."""

    labels: Mapping[tuple[str, ...], Label]
    broad: int

    def drifted(self, random: Random) -> Table:
        """The table with every label of a drawn share of its broad cells turned round."""
        cells = sorted({cell[: self.broad] for cell in self.labels})
        turned = set(random.sample(cells, round(DRIFTING * len(cells))))
        return Table(
            {cell: opposite(label) if cell[: self.broad] in turned else label for cell, label in self.labels.items()},
            self.broad,
        )


def opposite(label: Label) -> Label:
    return "forbid" if label == "allow" else "allow"
