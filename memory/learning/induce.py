"""First pass: failures that no abstraction covers become candidates, and the best of these abstractions.

A failure is a case whose label the base contradicts. Cases are grouped by tool and label; in a group the best candidate
is taken, what it covers is taken out, and so on while one is worth saying. A candidate needs failures from several
sources, and no more right decisions of the base than label flips explain.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import Final

from .. import gates
from ..model import Case, Condition, Label, Proposal, State, Terms
from .candidates import Candidate, Field, pairs, search
from .cover import Columns, mask_of, places_of
from .evidence import charge
from .index import LIVING, concerned, fires, index_of, living
from .make import Work, bounded, condition_of, keep, made, name_of, radius, traced

LEAST_WORTH: Final = 6.0
"""Bits by which a candidate must pay: by chance one in 2^6 does (no-hypercompression bound, Grünwald 2007)."""
_DENSE: Final = 3
"""Failures that a candidate covers at least. Two agree in too much by chance to show what may vary."""
_MOST_CASES: Final = 20_000
"""Cases of a group that are looked at, the newest: what bounds a refresh."""
_MOST_NEW: Final = 16
"""Abstractions a group may induce in one round of the passes."""
_MOST_KEPT: Final = 96
"""Candidates that are weighed again after the best was taken out."""
_DAY: Final = 86_400_000_000


def induce(work: Work, state: State) -> None:
    for tool, label in sorted(index_of(state).groups):
        _group(work, state, tool, label)


def _group(work: Work, state: State, tool: str, label: Label) -> None:
    index = index_of(state)
    oldest = work.event.at - int(work.terms.idle_days * _DAY)
    both: tuple[Label, Label] = ("allow", "forbid")
    rows = [case for one in both for case in index.groups.get((tool, one), ()) if case.at >= oldest]
    rows = sorted((case for case in rows if index.word(case.id)), key=lambda one: (one.at, one.id))[-_MOST_CASES:]
    group = {case.id for case in rows if concerned(case.base) == label}
    failing = {case.id for case in rows if case.id in group and _label(state, case) == label}
    open_ = failing - _covered(state, tool, label, [case for case in rows if case.id in failing])
    if len(open_) < _least(work.terms):
        return
    known = tuple((one, state.abstractions[one].phase) for one in sorted(index.by_tool.get(tool, ())))
    looked = (work.event.seed, work.event.proposals, frozenset(open_), state.sequence, known)
    if index.barren.get((tool, label)) == looked:
        return
    columns = work.columns.get((tool, label))
    if columns is None:
        columns = work.columns[tool, label] = Columns(rows)

    def mask(ids: set[str]) -> int:
        return mask_of((at for at, case in enumerate(rows) if case.id in ids), len(rows))

    right = mask(group - failing)
    rare = math.log2((len(state.cases) + 2) / (len(rows) + 1))
    aside = mask({case.id for case in rows if _aside(case, work.event.seed)})
    proposed = [one for one in work.event.proposals if one.label == label and one.condition.tool == tool]
    failures = mask(open_)
    starts = [*(one.condition.tests for one in proposed), *pairs(Field(columns, failures, right, aside, rare))]
    for number in range(_MOST_NEW):
        if len(living(state)) >= work.terms.most_abstractions or failures.bit_count() < _least(work.terms):
            return
        candidates = search(Field(columns, failures, right, aside, rare), starts)
        starts = [one.tests for one in candidates[:_MOST_KEPT]]
        chosen = next((one for one in candidates if _stands(work.terms, state, columns, one, tool, label)), None)
        if chosen is None:
            if not number:
                index.barren[tool, label] = looked
            return
        _make(work, state, columns, chosen, condition_of(tool, chosen.tests), label, proposed, right)
        failures &= ~chosen.support


def _label(state: State, case: Case) -> Label | None:
    word = index_of(state).word(case.id)
    return None if word is None else word.label


def _least(terms: Terms) -> int:
    return max(_DENSE, terms.least_support)


def _aside(case: Case, seed: int) -> bool:
    return hashlib.blake2b(f"{seed}\n{case.id}".encode(), digest_size=1).digest()[0] < 128


def _covered(state: State, tool: str, label: Label, cases: list[Case]) -> set[str]:
    """Failures that a living abstraction fires on; what sleeps covers those from before it fell asleep."""
    found: set[str] = set()
    rules = [state.abstractions[one] for one in sorted(index_of(state).by_tool.get(tool, ()))]
    rules = [one for one in rules if one.label == label and (one.phase in LIVING or one.phase == "dormant")]
    for case in cases:
        values = dict(case.context.attributes)
        for rule in rules:
            if (rule.phase in LIVING or case.sequence <= rule.made) and fires(state, rule, case.context, values):
                found.add(case.id)
                break
    return found


def _stands(terms: Terms, state: State, columns: Columns, candidate: Candidate, tool: str, label: Label) -> bool:
    if candidate.worth < LEAST_WORTH or candidate.support.bit_count() < _least(terms):
        return False
    known = state.abstractions.get(name_of(label, condition_of(tool, candidate.tests)))
    if known is not None and known.phase != "dormant":
        return False
    if gates.mixed(candidate.support.bit_count(), candidate.against.bit_count(), terms.flips):
        return False
    reporters: set[str] = set()
    for at in places_of(candidate.support):
        word = index_of(state).word(columns.cases[at].id)
        reporters.update(word.reporters if word is not None else ())
    return len(reporters) >= terms.least_reporters


def _make(
    work: Work,
    state: State,
    columns: Columns,
    candidate: Candidate,
    condition: Condition,
    label: Label,
    proposed: list[Proposal],
    right: int,
) -> None:
    support = [columns.cases[at].id for at in places_of(candidate.support)]
    said = next((one for one in proposed if condition.implies(one.condition)), None)
    known = state.abstractions.get(name_of(label, condition))
    if known is None:
        new = made(work.terms, work.encoder, state, work.event.at, label, condition, support)
        act = "induced"
    else:
        kept = bounded(state, support)
        new = replace(
            known,
            version=known.version + 1,
            made=state.sequence,
            made_at=work.event.at,
            policy_hash=state.policy_hash,
            support=kept,
            radius=radius(work.terms, work.encoder, state, kept),
            encoder=work.encoder.id,
            phase="shadow",
            approved=None,
            approved_by=None,
        )
        act = "revived"
    if said is not None:
        new = replace(new, rationale=said.rationale)
    keep(state, new)
    # All that is known, and not only since the support began, as `candidate.against`: the window is there to find what
    # began lately, and a gate is not to take that it began lately for granted. What a revived one slept over is gone.
    since = 0 if known is None else known.made
    spoken = [columns.cases[at] for at in places_of(columns.cover(candidate.tests) & right)]
    charge(work.terms, state, new, [case for case in spoken if case.sequence > since])
    traced(state, new.id, (), "induce", work.event.at, support)
    work.changes.add("induced" if act == "induced" else "revived", new.id, "uncovered" if said is None else "proposed")
