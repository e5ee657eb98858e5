"""The fixed base guardrail that all methods stand on. It is SYNTHETIC: no product decides like this.

It is a broad default table over cells of two attributes, as somebody would write it who knows the organisation
roughly: each cell has one effect, that of most of the calls in it. So its first kind of error is every local exception,
which the cell does not see. Its second kind is made on purpose: whole cells, drawn by seed, say the opposite, until
the base is right about `RIGHT` of the time. Errors are therefore systematic (a cell is wrong again and again, and
reports about it agree), which is what a memory can learn from; errors without a system can be learned by nobody.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from .item import Item

RIGHT = 0.75
"""Share of items that the base is to decide rightly: the middle of the 70 to 80% that its description asks for."""


def with_base(items: Sequence[Item], seed: int, right: float = RIGHT) -> list[Item]:
    """The items with what the base says of each. Cells are inverted in a seeded order, each only if that leaves the
    base at `right` or above; a base that is below `right` already keeps all its cells."""
    cells: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        cells[item.cell].append(item)
    says = {cell: "allow" if _allows(within) else "forbid" for cell, within in cells.items()}
    hits = sum(says[item.cell] == item.truth for item in items)
    order = sorted(cells)
    Random(f"base {seed}").shuffle(order)
    for cell in order:
        inverted = hits + sum(-1 if says[cell] == item.truth else 1 for item in cells[cell])
        if right * len(items) <= inverted < hits:
            says[cell] = "forbid" if says[cell] == "allow" else "allow"
            hits = inverted
    return [replace(item, base="allow" if says[item.cell] == "allow" else "forbid") for item in items]


def _allows(items: Sequence[Item]) -> bool:
    """Whether most of them should be allowed; a tie is not."""
    labels = Counter(item.truth for item in items)
    return labels["allow"] > labels["forbid"]
