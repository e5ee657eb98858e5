"""The gates of memory/gates under repeated reading, label flips, dependence and attack, by simulation.

- path: one sequence of right and wrong pieces of evidence of one abstraction
- ever: the gate was open after at least one piece of a path; what repeated reading, or stopping when it suits, comes to
- at the end: it was open after the last piece; what a sample size fixed beforehand comes to
- empirical: the gate everybody writes first, `share right >= threshold` after three pieces
- flip: what was right is reported as wrong and the other way round, at a rate that both share
- standard error: of a share over n paths, sqrt(share (1 - share) / n)

Flow: simulate.py draws paths and reads gates -> tables.py has the cells, each with its seed -> report.py prints them,
plot.py draws them. The printed tables stand in docs/memory-mathematics.md.
"""

from __future__ import annotations

from .simulate import (
    Opened,
    detected_after,
    ever_open,
    ever_open_contaminated,
    ever_open_weighted,
    exactly,
    opens,
)
from .tables import Cell, Table, measure

__all__ = [
    "Cell",
    "Opened",
    "Table",
    "detected_after",
    "ever_open",
    "ever_open_contaminated",
    "ever_open_weighted",
    "exactly",
    "measure",
    "opens",
]
