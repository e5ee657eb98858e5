"""From the user's words to a file that loads under the operator's policy, or to the reasons why none does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from policy_dsl import Catalogue, PolicyError, PolicyFile, PolicySet, check, parse, policy_set

from .narrowing import given_back, widening_statements
from .restrictions import MAX_RESTRICTIONS, Proposal, Restriction, Unproposable
from .writing import PATH, written

Proposer = Callable[[str, Catalogue], Proposal]
"""Words of the user and the tools in, restrictions out. Raises Unproposable, and nothing else for what a model said."""

DraftStatus = Literal["loads", "waits", "refused"]
"""`loads`: at once. `waits`: it gives back what an earlier draft took, so a person decides. `refused`: no draft."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A session policy. `file` is None where nothing was drafted: then the operator's policy stands alone.

    `problems` say why it is refused, or what an update gives back; `proposal` is what the file was written from.
    """

    status: DraftStatus
    proposal: Proposal
    file: PolicyFile | None = None
    text: str = ""
    problems: tuple[str, ...] = ()

    def over(self, policy: PolicySet) -> PolicySet:
        """The policy of the session: the operator's files and, if it loads, this one below them."""
        if self.file is None or self.status != "loads":
            return policy
        return policy_set([*policy.files, self.file], policy.catalogue)


def draft(
    words: str, policy: PolicySet, catalogue: Catalogue, proposer: Proposer, *, instead_of: Draft | None = None
) -> Draft:
    """What `proposer` makes of the user's words, checked against the operator's `policy`.

    `words` must be the user's own: never a tool's answer, never a text that the client merely claims. `catalogue` is
    what the session offers, the policy's own where that names tools. `instead_of` is the draft that this one would
    replace. Never raises for what a proposer or a model said.
    """
    try:
        proposal = proposer(words, catalogue)
    except Unproposable as error:
        return Draft("refused", Proposal((), "none"), problems=(str(error),))
    problems = tuple(_unknown(proposal, catalogue))
    if problems:
        return Draft("refused", proposal, problems=problems)
    text = written(proposal, catalogue)
    try:
        file = parse(text, PATH)
        policy_set([*policy.files, file], policy.catalogue)
        problems = tuple(_faults(file, policy_set([file], catalogue)))
    except PolicyError as error:
        return Draft("refused", proposal, text=text, problems=(error.render(),))
    if problems:
        return Draft("refused", proposal, file, text, problems)
    if instead_of is not None and (lost := given_back(instead_of.proposal, proposal)):
        return Draft("waits", proposal, file, text, tuple(_gives_back(one) for one in lost))
    return Draft("loads", proposal, file, text)


def is_narrower(file: PolicyFile) -> bool:
    """Whether a file can only tighten the policies it is loaded with: see narrowing.py."""
    return not any(widening_statements(file))


def _unknown(proposal: Proposal, catalogue: Catalogue) -> Iterator[str]:
    if len(proposal.restrictions) > MAX_RESTRICTIONS:
        yield f"more than {MAX_RESTRICTIONS} restrictions"
        return
    for restriction in proposal.restrictions:
        for identity in restriction.tools:
            server, slash, name = identity.rpartition("/")
            tool = catalogue.get(server if slash else None, name)
            if tool is None:
                yield f"there is no tool `{identity}`"
            elif restriction.allowed is not None and restriction.allowed.argument not in tool.parameters.members:
                yield f"`{identity}` has no argument `{restriction.allowed.argument}`"


def _faults(file: PolicyFile, alone: PolicySet) -> Iterator[str]:
    for statement in widening_statements(file):
        yield f"line {statement.span.line} may widen: a draft holds forbids, limits and requests for approval only"
    for finding in check(alone):
        if finding.severity == "error":
            yield finding.render()


def _gives_back(lost: Restriction) -> str:
    (tool,) = lost.tools
    what = {"no tool": "the tool", "values": "values of", "at most": "calls of", "ask": "unasked calls of"}[lost.kind]
    return f"gives back {what} `{tool}`, which an earlier draft took away ({lost.provenance})"
