"""What a comparison says, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..ast import Json
from ..facts import NOBODY, Facts
from ..outcome import Outcome

Answer = Literal["proved", "counterexample", "unknown"]


class SolverMissing(Exception):
    """z3 is not installed; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """One call on which both engines, under both policies, gave what is said here.

    `assuming` are the facts under which they did, in words; `facts` the same for the old policy and for the new one,
    which number counters and sources each in its own way. `old` and `new` are the outcomes.
    """

    server: str | None
    tool: str
    arguments: dict[str, Json]
    assuming: tuple[str, ...]
    old: Outcome
    new: Outcome
    facts: tuple[Facts, Facts] = field(default=(NOBODY, NOBODY), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """Whether one policy grants calls of a tool that the other does not.

    `proved`: it grants none. `counterexample`: it grants that call. `unknown`: neither could be shown, and `because`
    says what stood in the way.
    """

    answer: Answer
    counterexample: Counterexample | None = None
    because: str | None = None


PROVED = Shown("proved")


@dataclass(frozen=True, slots=True)
class Direction:
    """What the one policy grants beyond the other. `allowed`: calls that the other did not allow outright.
    `granted`: calls, allowed or asked about, that the other forbade."""

    allowed: Shown
    granted: Shown

    @property
    def both(self) -> tuple[Shown, Shown]:
        return self.allowed, self.granted

    @property
    def is_empty(self) -> bool:
        """Proved to be nothing."""
        return all(shown.answer == "proved" for shown in self.both)

    @property
    def answer(self) -> Answer:
        """The worse of the two: a counterexample before an unknown before a proof."""
        answers = {shown.answer for shown in self.both}
        return "counterexample" if "counterexample" in answers else "unknown" if "unknown" in answers else "proved"


NOTHING_MORE = Direction(PROVED, PROVED)


@dataclass(frozen=True, slots=True)
class ToolComparison:
    """One tool, or one class of tool names that all patterns treat alike (`named` is false, `tool` an example)."""

    server: str | None
    tool: str
    named: bool
    widening: Direction
    narrowing: Direction

    @property
    def relation(self) -> Literal["equal", "narrower", "wider", "different", "unknown"]:
        """How NEW stands to OLD here; `unknown` wherever an unknown answer leaves it open."""
        answers = (self.widening.answer, self.narrowing.answer)
        if answers == ("proved", "proved"):
            return "equal"
        if answers == ("proved", "counterexample"):
            return "narrower"
        if answers == ("counterexample", "proved"):
            return "wider"
        return "different" if answers == ("counterexample", "counterexample") else "unknown"


@dataclass(frozen=True, slots=True)
class Comparison:
    """NEW beside OLD, tool by tool. `beside` tells of changes that no call shows and that no proof covers: they count
    as widening. `ceilings` compares what memory may open at most: both policies with their learnables as allows, for
    the tools that a learnable of either is about."""

    tools: tuple[ToolComparison, ...]
    beside: tuple[str, ...] = ()
    ceilings: tuple[ToolComparison, ...] = ()

    @property
    def widens(self) -> bool:
        """Whether NEW may grant what OLD did not, by itself or once memory has learned: shown, or not proved
        otherwise."""
        return bool(self.beside) or any(not tool.widening.is_empty for tool in (*self.tools, *self.ceilings))

    @property
    def narrows(self) -> bool:
        """Whether OLD may grant what NEW does not: shown, or not proved otherwise."""
        return any(not tool.narrowing.is_empty for tool in (*self.tools, *self.ceilings))

    @property
    def unknowns(self) -> int:
        """How many questions stayed open."""
        directions = [side for tool in (*self.tools, *self.ceilings) for side in (tool.widening, tool.narrowing)]
        return sum(shown.answer == "unknown" for side in directions for shown in side.both)
