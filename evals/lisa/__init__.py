"""Memory that learns from failure reports, against simpler ways to do it: streams, a crowd, methods, numbers.

- item: one call to decide: its Context, what it should come to, what the fixed base says
- stream: traffic in order, and what is held out: items of covered classes, items of classes that never occurred
- base: the guardrail that all methods stand on; synthetic, wrong by whole cells (base.py)
- crowd: how much is reported by whom, and how much of it is false (reporters.py)
- method: one way to learn; ours is memory.learning and memory.voice through their public functions
- broken: a right decision of the base that a method got wrong; mended: a wrong one that it got right
- astray: an item of an uncovered class whose effect is not the base's
- drift: the policy table changes at the midpoint; recovery: reports until the turned cells are as right as before
- case, cell: one crowd with one refresh interval, with or without drift

Choices that the protocol (knowledge/memory 6 and 7.5) leaves open, each said where it is made: streams/ (tables, twins,
word lists, splits), base.py (errors), reporters.py (who comments on right decisions), methods/ (an approver who says
yes; a ceiling that allows everything; typed attributes for the simpler methods too).

Flow: data folder -> streams -> protocol.run(stream, crowd, method) -> metrics -> requirements, report, plots.
After arXiv 2605.14454 (LiSA), whose construction of PrivacyLens+ and ConFaide+, prompts and numbers we do not know:
nothing here reproduces its figures. AgentHarm is evaluated on and never trained on.
"""

from __future__ import annotations

from .grid import GRIDS, Case, Key, Plan, Results, run_grid
from .item import Item, Stream, is_right
from .material import Unreadable
from .metrics import Measured, Spread, measure, spread
from .protocol import Run, run
from .reporters import Crowd, Reporting
from .requirements import Contest, Judged, contests, judge

__all__ = [
    "GRIDS",
    "Case",
    "Contest",
    "Crowd",
    "Item",
    "Judged",
    "Key",
    "Measured",
    "Plan",
    "Reporting",
    "Results",
    "Run",
    "Spread",
    "Stream",
    "Unreadable",
    "contests",
    "is_right",
    "judge",
    "measure",
    "run",
    "run_grid",
    "spread",
]
