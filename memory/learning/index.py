"""What is looked up while a State is folded: cases by tool, reports by decision, abstractions by tool.

All of it follows from the State and is made again where it is missing (a State that was loaded), so it is never stored
and never compared.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from typing import Final

from ..model import COUNTING, Abstraction, Case, Condition, Context, Effect, Label, Report, State
from .word import Word, word_of

LIVING: Final = frozenset({"shadow", "pending", "active"})
"""Phases in which an abstraction gathers evidence towards speaking, or speaks."""

_DAY: Final = 86_400_000_000


def concerned(base: Effect) -> Label:
    """The label that has anything to say where the base says `base`: only forbid changes allow, only allow the rest.

    A case is evidence only for abstractions of this label. Otherwise a rule would earn trust where the base is right
    without it, and spend it where the base is not.
    """
    return "forbid" if base == "allow" else "allow"


class Index:
    """Look-ups of one State. `sequence` is that of the State it was made of."""

    def __init__(self) -> None:
        self.sequence = 0
        self._said: dict[str, Report | tuple[Report, ...]] = {}
        self.words: dict[str, Word | None] = {}
        """Of decisions with more reports than one."""
        self._known: dict[Word | None, Word | None] = {}
        self._lone: dict[object, Word | None] = {}
        self.days: dict[tuple[str, int], int] = defaultdict(int)
        self.times: dict[str, list[int]] = defaultdict(list)
        self.groups: dict[tuple[str, Label], list[Case]] = defaultdict(list)
        self.by_tool: dict[str, set[str]] = defaultdict(set)
        self.barren: dict[tuple[str, Label], object] = {}
        """By group, what induction last looked at without finding anything: the same again would find nothing again."""

    def note(self, report: Report, tool: str | None) -> None:
        """`tool` is None for a report that made or joined no case."""
        known = self.said(report.decision)
        self._said[report.decision] = (*known, report) if known else report
        self.days[report.reporter, report.at // _DAY] += 1
        if tool is not None and _counts(report):
            self._hear(report, tool)

    def release(self, report: Report, tool: str) -> None:
        """Let a report count that `note` has seen as another that did not."""
        known = self.said(report.decision)
        self._said[report.decision] = tuple(report if one.sequence == report.sequence else one for one in known)
        self._hear(report, tool)

    def _hear(self, report: Report, tool: str) -> None:
        self.words.pop(report.decision, None)
        if report.kind not in ("audit", "admin"):
            insort(self.times[tool], report.at)

    def said(self, decision: str) -> tuple[Report, ...]:
        """All reports on a decision, as they came. Most have one, and a tuple around each of them would be 5 MB at a
        hundred thousand cases."""
        found = self._said.get(decision, ())
        return found if isinstance(found, tuple) else (found,)

    def counting(self, decision: str) -> list[Report]:
        return [report for report in self.said(decision) if _counts(report)]

    def has_said(self, reporter: str, decision: str) -> bool:
        return any(report.reporter == reporter for report in self.said(decision))

    def today(self, reporter: str, at: int) -> int:
        return self.days.get((reporter, at // _DAY), 0)

    def add(self, case: Case) -> None:
        self.groups[case.context.tool, concerned(case.base)].append(case)

    def word(self, decision: str) -> Word | None:
        """What the accepted reports on a decision come to; None where they tie."""
        found = self._said.get(decision, ())
        if isinstance(found, Report):
            return self._word_of_one(found)
        if decision not in self.words:
            word = word_of(self.counting(decision))
            self.words[decision] = self._known.setdefault(word, word)
        return self.words[decision]

    def _word_of_one(self, report: Report) -> Word | None:
        """Few differ: which reporter, with which weight, said which label. Kept by that and not by decision, which most
        have one report of: that would be 5 MB more at a hundred thousand cases."""
        said = (report.reporter, report.unit, report.kind, report.label, report.weight, report.standing)
        if said not in self._lone:
            self._lone[said] = word_of([report] if _counts(report) else ())
        return self._lone[said]


def _counts(report: Report) -> bool:
    return report.standing in COUNTING and report.weight > 0


def index_of(state: State) -> Index:
    if isinstance(state.index, Index) and state.index.sequence == state.sequence:
        return state.index
    index = Index()
    for case in state.cases.values():
        index.add(case)
    for report in state.reports:
        case_of = state.cases.get(report.decision)
        index.note(report, None if case_of is None else case_of.context.tool)
    for abstraction in state.abstractions.values():
        index.by_tool[abstraction.condition.tool].add(abstraction.id)
    index.sequence = state.sequence
    state.index = index
    return index


def put(state: State, abstraction: Abstraction) -> None:
    """Keep an abstraction, in place of the one with its id."""
    index_of(state).by_tool[abstraction.condition.tool].add(abstraction.id)
    state.abstractions[abstraction.id] = abstraction


def holds(condition: Condition, values: dict[str, str]) -> bool:
    """Condition.holds for a tool that is known to be the right one, with the attributes made a dict once."""
    return all(values.get(attribute) in allowed for attribute, allowed in condition.tests)


def fires(state: State, abstraction: Abstraction, context: Context, values: dict[str, str] | None = None) -> bool:
    """Whether the condition holds and none of the exceptions' conditions does."""
    if abstraction.condition.tool != context.tool:
        return False
    has = dict(context.attributes) if values is None else values
    return holds(abstraction.condition, has) and not any(
        holds(state.abstractions[one].condition, has) for one in abstraction.exceptions if one in state.abstractions
    )


def living(state: State, tool: str | None = None, label: Label | None = None) -> list[Abstraction]:
    """Abstractions that live, by the order of their ids: no pass may depend on the order of a dict."""
    ids = state.abstractions.keys() if tool is None else index_of(state).by_tool.get(tool, set())
    found = (state.abstractions[one] for one in sorted(ids))
    return [one for one in found if one.phase in LIVING and (label is None or one.label == label)]
