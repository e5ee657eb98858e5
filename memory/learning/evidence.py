"""Which cases are evidence for which abstractions, and with what weight.

A case is evidence for an abstraction that fires on it, that has something to say there (index.concerned), and that was
made before the case's first report: what induced a rule never confirms it. What spoke against the rule when it was
induced does count, against it: a piece more on the wrong side can only lower a bound or an e-process, so no claim of
the gate is lost, and without it a region that is right half the time opens on the failures alone, which are what people
report. One case is one piece of evidence, made again when further reports come.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ..model import Abstraction, Case, Evidence, State, Terms
from .index import concerned, fires, index_of

_ELSEWHERE: Final = 0.5
"""What evidence gathered under another policy counts: it is about the same calls, and about another base."""


def attach(terms: Terms, state: State, case: Case) -> None:
    """Make the case evidence wherever it is, or no longer is, after a report on it."""
    index = index_of(state)
    values, label = dict(case.context.attributes), concerned(case.base)
    for one in sorted(index.by_tool.get(case.context.tool, ())):
        abstraction = state.abstractions[one]
        if abstraction.label != label or abstraction.phase == "retired":
            continue
        if not fires(state, abstraction, case.context, values):
            continue
        if case.at > abstraction.fired_at:
            state.abstractions[one] = replace(abstraction, fired_at=case.at)
        judge(terms, state, abstraction, case)


def judge(terms: Terms, state: State, abstraction: Abstraction, case: Case) -> None:
    """Set, renew or remove one piece of evidence; the caller knows that the abstraction fires on the case."""
    kept = state.evidence.setdefault(abstraction.id, {})
    before = case.sequence <= abstraction.made
    if before and case.id not in kept:
        return
    found = evidence_of(terms, state, abstraction, case)
    if found is None or (before and found.right and not kept[case.id].right):
        kept.pop(case.id, None)
    else:
        kept[case.id] = found


def evidence_of(terms: Terms, state: State, abstraction: Abstraction, case: Case) -> Evidence | None:
    """None where the reports on the case tie, or where only agents confirm.

    People report failures and seldom say that something was right, so what users say against a rule weighs more than
    what they say for it (`Terms.contradiction`); against one that had spoken, as much as trust allows, up to an audit,
    because then they report its failures and no longer its successes. More weight on wrong outcomes alone can only
    lower a bound or an e-process.
    """
    word = index_of(state).word(case.id)
    if word is None:
        return None
    right, weight = word.label == abstraction.label, word.weight
    if right and not word.human:
        return None
    if not right and not word.audit:
        had_spoken = case.effect != case.base
        factor = max(terms.contradiction, 1.0 / terms.report_weight) if had_spoken else terms.contradiction
        weight = min(1.0, weight * factor)
    if abstraction.policy_hash and case.policy_hash and abstraction.policy_hash != case.policy_hash:
        weight *= _ELSEWHERE
    return Evidence(
        abstraction=abstraction.id,
        decision=case.id,
        sequence=case.sequence,
        at=case.at,
        right=right,
        weight=weight,
        reporters=word.reporters,
        units=word.units,
        audit=word.audit,
    )


def charge(terms: Terms, state: State, abstraction: Abstraction, against: Iterable[Case]) -> None:
    """Hold against a new abstraction what was known against it: cases that it fires on, from before it was made.

    At the plain weight of who said it, without `Terms.contradiction`: so much as that of flips alone would shut gates.
    """
    kept = state.evidence.setdefault(abstraction.id, {})
    for case in against:
        found, word = evidence_of(terms, state, abstraction, case), index_of(state).word(case.id)
        if found is not None and word is not None and not found.right:
            kept[case.id] = replace(found, weight=min(found.weight, word.weight))


def gather(terms: Terms, state: State, abstraction: Abstraction) -> None:
    """Look through all cases for evidence: where an abstraction was made, narrowed or put in force again."""
    cases = index_of(state).groups.get((abstraction.condition.tool, abstraction.label), ())
    kept = state.evidence.setdefault(abstraction.id, {})
    for decision in sorted(kept):
        if not fires(state, abstraction, state.cases[decision].context):
            del kept[decision]
    for case in cases:
        if (case.sequence > abstraction.made or case.id in kept) and fires(state, abstraction, case.context):
            judge(terms, state, abstraction, case)
