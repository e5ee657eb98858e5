"""The truths again, each user task in a session of its own that begins by drafting its policy: what is allowed, what an
attack gets through after it, and how much of that was written with the examination in view."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .replay import POLICIES, Arena
from .truths import Baseline, baseline

HALF = Path(__file__).resolve().parent / "half"
"""Policies written while looking at the even-numbered user tasks only."""


@dataclass(frozen=True, slots=True)
class Session:
    """One row: which policies, with or without a draft, on which user tasks."""

    title: str
    baselines: tuple[Baseline, ...]

    @property
    def tasks(self) -> int:
        return sum(len(one.tasks) for one in self.baselines)

    @property
    def tasks_allowed(self) -> int:
        return sum(one.tasks_allowed for one in self.baselines)

    @property
    def pairs(self) -> int:
        return sum(one.pairs.of for one in self.baselines)

    @property
    def pairs_passed(self) -> int:
        """Pairs in which all of the injection's critical calls pass."""
        return sum(len(one.pairs.whole) for one in self.baselines)

    @property
    def pairs_touched(self) -> int:
        """Pairs in which any of them passes."""
        return sum(len(one.pairs.partial) for one in self.baselines)


def sessions(suites: Iterable[str], data: Path, policies: Path = POLICIES) -> list[Session]:
    """The rows of the table, in its order."""
    suites = tuple(suites)

    def row(title: str, folder: Path, *, proposing: bool, parity: int | None = None) -> Session:
        return Session(
            title, tuple(baseline(Arena(suite, folder, proposing=proposing), data, parity) for suite in suites)
        )

    rows = [
        row("policies alone", policies, proposing=False),
        row("with --propose entities", policies, proposing=True),
    ]
    if policies == POLICIES:
        rows += [
            row("half: written on even tasks, scored on odd", HALF, proposing=True, parity=1),
            row("half: the even tasks themselves", HALF, proposing=True, parity=0),
        ]
    return rows
