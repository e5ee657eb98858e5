"""Candidates from outside: what a Proposer may say, and how little it is believed.

A proposal enters the log with the Refreshed it was made for, so that a replay asks nobody. In the refresh it is one
candidate among others: closed over the failures it covers, weighed on cases held aside, checked for mixture and for
distinct reporters. A proposer sees contexts and labels; what reporters wrote is not among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from ..model import Case, Label, Proposal, State
from .index import index_of
from .make import condition_of

MOST_PROPOSALS: Final = 5
"""For one group: memory.md 3 has three to five generalities compete."""
_MOST_CASES: Final = 24
_MOST_TESTS: Final = 32
_LONGEST: Final = 300
"""Characters of a rationale."""


class Proposer(Protocol):
    """Anything that reads failures and says what they may have in common, such as a language model."""

    def propose(self, cases: Sequence[Case], label: Label) -> Sequence[Proposal]:
        """Conditions under which `label` is right. `cases` are failures of one tool with that label."""
        ...


def proposals(proposer: Proposer, state: State) -> tuple[Proposal, ...]:
    """What to put into the next Refreshed: bounded, and about nothing that the cases do not have."""
    index, found = index_of(state), list[Proposal]()
    for tool, label in sorted(index.groups):
        cases = [
            case
            for case in index.groups[tool, label]
            if (word := index.word(case.id)) is not None and word.label == label
        ]
        newest = sorted(cases, key=lambda one: (-one.sequence, one.id))[:_MOST_CASES]
        if len(newest) > 1:
            said = list(proposer.propose(newest, label))[:MOST_PROPOSALS]
            found += [kept for one in said if (kept := _kept(one, tool, label, newest)) is not None]
    return tuple(found)


def _kept(said: Proposal, tool: str, label: Label, cases: Sequence[Case]) -> Proposal | None:
    tests = said.condition.tests
    if said.label != label or said.condition.tool != tool or not 0 < len(tests) <= _MOST_TESTS:
        return None
    known = {pair for case in cases for pair in case.context.attributes}
    if any(not values or any((attribute, one) not in known for one in values) for attribute, values in tests):
        return None
    return Proposal(label, condition_of(tool, tests), said.rationale[:_LONGEST])
