"""Memory: the one object through which everybody else takes, changes and asks what a tenant's failures taught.

    report, report_many, draw, adjudicate   hot: checks rights and appends to the log, nothing else
    refresh, approve, reject, edit, release, rollback, retract   cold: fold what is new, save, publish; one transaction
    snapshot   hot: what is in force, from a cache that looks at the database twice a second
    abstractions, show, explain, history, audit_queue   asking

Times are microseconds since 1970. Every method may be called from any thread; a blocking one must not be called on an
event loop.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, cast

from ..encoders import Encoder
from ..learning import Changes, Proposer, fold, proposals, snapshot_of, step
from ..model import (
    Abstraction,
    Approved,
    Condition,
    Edited,
    Label,
    Observed,
    Proposal,
    Refreshed,
    Rejected,
    Released,
    Report,
    Reported,
    Reporter,
    Retracted,
    RolledBack,
    Snapshot,
    State,
    Terms,
)
from ..store import Control, Held, Logged, Overtaken, Problem, Receipt, Store
from . import asking
from .asking import Explained, Shown
from .refusals import ReportCode, ReportRefused, ReviewRefused
from .rights import reason_against
from .together import Together

Clock = Callable[[], int]
Progress = Callable[[str, int, int], None]
"""Called with what is done, how far it is and how far it goes: `fold` in events, then each pass by its name, in passes
of its round. A refresh has a few rounds; how many is not known before."""

POLL_SECONDS: Final = 0.5
"""How old the answer of `snapshot` may be where another process published."""

BATCH: Final = 500
"""Reports of one commit at most. More gain nothing: the sync is a small part of the commit then."""

_NONE: Final[Mapping[str, Terms]] = {}

_TRIES: Final = 5
"""How often a change begins anew where another process was faster."""


def microseconds() -> int:
    return time.time_ns() // 1_000


class Memory:
    """See the module's text. `url` is `sqlite:///PATH`, a path, or `postgresql://...`; tables are made where missing.

    `tenants` has the terms of those tenants that are not under `terms`. `encoder` None is learning's own, which needs
    no weights. Raises StoreError where the database fails.
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        terms: Terms | None = None,
        encoder: Encoder | None = None,
        clock: Clock = microseconds,
        tenants: Mapping[str, Terms] = _NONE,
    ) -> None:
        self.terms = Terms() if terms is None else terms
        self._terms_of = dict(tenants)
        self._quotas = {tenant: one.reports_a_day for tenant, one in tenants.items()}
        self.encoder = encoder
        self.store = Store(url)
        self._clock = clock
        self._intake: Together[Reported, Receipt] = Together(self._receive, BATCH)
        self._draws: Together[Observed, None] = Together(self._draw, BATCH)
        self._counts: Counter[str] = Counter()
        self._known: dict[str, tuple[float, Snapshot]] = {}
        self._guard = threading.Lock()

    def close(self) -> None:
        self.store.close()

    def terms_of(self, tenant: str) -> Terms:
        return self._terms_of.get(tenant, self.terms)

    # --- reports ---------------------------------------------------------------------------------------------------

    @property
    def counts(self) -> dict[str, int]:
        """How many reports were `taken`, came `again` under their key, and were refused, by code, since the start."""
        with self._guard:
            return dict(self._counts)

    def report(self, observed: Observed, reporter: Reporter, label: Label, because: str = "", key: str = "") -> None:
        """Take one report; durable on return. Sent again under the same `key` it changes nothing.

        Raises ReportRefused, after which nothing of it is stored.
        """
        (answer,) = self._take([Reported(self._clock(), observed, reporter, label, because, key)])
        if answer is not None:
            raise ReportRefused(*answer)

    def report_many(self, reports: Sequence[Reported]) -> list[ReportRefused | None]:
        """Take many, each with its own time, in as few commits as may be; for each None, or why it was refused."""
        return [None if answer is None else ReportRefused(*answer) for answer in self._take(reports)]

    def refuse(self, code: ReportCode) -> ReportRefused:
        """The refusal of a report whose decision could not be resolved, counted like those made here; to be raised."""
        self._count([code])
        return ReportRefused(code)

    def _take(self, reports: Sequence[Reported]) -> list[tuple[ReportCode, str] | None]:
        answers = [reason_against(report) for report in reports]
        plain = [report for report, answer in zip(reports, answers, strict=True) if answer is None]
        receipts = iter(self._intake.do(plain))
        names: list[str] = []
        for number, answer in enumerate(answers):
            receipt = next(receipts) if answer is None else None
            if receipt is not None and receipt not in ("taken", "again"):
                answers[number] = answer = (cast(ReportCode, receipt), "")
            names.append(answer[0] if answer is not None else cast(str, receipt))
        self._count(names)
        return answers

    def _receive(self, reports: Sequence[Reported]) -> list[Receipt]:
        return self.store.receive(reports, self.terms.reports_a_day, self._quotas)

    def _count(self, names: Sequence[str]) -> None:
        with self._guard:
            self._counts.update(names)

    # --- audit -----------------------------------------------------------------------------------------------------

    def draw(self, observed: Observed) -> None:
        """Queue a decision that was drawn for audit with probability `observed.audited`; durable on return.

        Raises ReportRefused where the decision cannot be kept.
        """
        reason = reason_against(Reported(0, observed, Reporter("-", observed.tenant, "audit"), "allow"))
        if reason is not None:
            raise ReportRefused(*reason)
        self._draws.do([observed])

    def _draw(self, drawn: Sequence[Observed]) -> list[None]:
        self.store.draw(drawn)
        return [None] * len(drawn)

    def audit_queue(self, tenant: str, limit: int = 100) -> tuple[Observed, ...]:
        """Drawn decisions that nobody has adjudicated, oldest first."""
        return self.store.audits(tenant, limit)

    def audits_waiting(self, tenant: str) -> int:
        return self.store.waiting(tenant)

    def adjudicate(self, decision: str, label: Label, by: Reporter, because: str = "") -> None:
        """An auditor's answer to a decision that was drawn: a report of kind `audit`. Raises ReportRefused."""
        if by.kind != "audit":
            raise self._refused("no-right", "only an auditor adjudicates")
        observed = self.store.drawn(by.tenant, decision)
        if observed is None:
            raise self._refused("unknown-decision", "it was not drawn for audit")
        self.report(observed, by, label, because)

    def _refused(self, code: ReportCode, detail: str) -> ReportRefused:
        self._count([code])
        return ReportRefused(code, detail)

    # --- what changes the State ------------------------------------------------------------------------------------

    def refresh(
        self,
        tenant: str,
        now: int | None = None,
        seed: int = 0,
        policy_hash: str = "",
        progress: Progress | None = None,
        proposals: Sequence[Proposal] = (),
    ) -> Changes:
        """Fold the reports since the last change, run every pass, publish. Deterministic by the log and these values.

        Raises Overtaken where other processes kept being faster; the old snapshot stays in force.
        """
        at = self._clock() if now is None else now
        return self._change(tenant, Refreshed(at, seed, policy_hash, tuple(proposals)), progress=progress)

    def proposals(self, tenant: str, proposer: Proposer) -> tuple[Proposal, ...]:
        """What a proposer says to the failures that are known by now, for the next refresh. Raises what it raises."""
        held = self.store.load(tenant)
        self._fold_pending(held, None)
        return proposals(proposer, held.state)

    def preview(
        self, tenant: str, now: int, seed: int = 0, policy_hash: str = "", progress: Progress | None = None
    ) -> tuple[Changes, Snapshot]:
        """What a refresh would change and publish; nothing is written."""
        held = self.store.load(tenant)
        changes = self._fold_pending(held, progress)
        event = Refreshed(now, seed, policy_hash)
        changes.extend(step(self.terms_of(tenant), held.state, event, self.encoder, told=progress))
        return changes, snapshot_of(held.state, held.version + 1)

    def approve(
        self,
        tenant: str,
        abstraction: str,
        version: int,
        by: str,
        narrows_to: Literal["ask", "forbid"] = "ask",
    ) -> Changes:
        """A person approves this version of an abstraction. Raises ReviewRefused."""

        def check(state: State) -> None:
            if _reviewable(state, abstraction).version != version:
                raise ReviewRefused("stale-version")

        return self._change(tenant, Approved(self._clock(), by, abstraction, version, narrows_to), check)

    def reject(self, tenant: str, abstraction: str, by: str, because: str = "") -> Changes:
        """A person takes an abstraction away for good. Raises ReviewRefused."""

        def check(state: State) -> None:
            _reviewable(state, abstraction)

        return self._change(tenant, Rejected(self._clock(), by, abstraction, because), check)

    def edit(self, tenant: str, abstraction: str, condition: Condition, by: str, rationale: str = "") -> Changes:
        """A person narrows an abstraction. Raises ReviewRefused, also where `condition` does not imply the old one."""

        def check(state: State) -> None:
            if not condition.implies(_reviewable(state, abstraction).condition):
                raise ReviewRefused("not-narrower")

        return self._change(tenant, Edited(self._clock(), by, abstraction, condition, rationale), check)

    def quarantined(self, tenant: str, limit: int = 100) -> tuple[Report, ...]:
        """Reports that are held back until somebody releases them, newest first, as of the last change of the State."""
        return self.store.quarantined(tenant, limit)

    def release(self, tenant: str, decision: str, reporter: str, by: str) -> Changes:
        """A person lets a quarantined report count. Raises ReviewRefused."""
        reported = self.store.report(tenant, decision, reporter)
        if reported is None:
            raise ReviewRefused("unknown-report")
        if by == reporter:
            raise ReviewRefused("own-report")

        def check(state: State) -> None:
            held = [one for one in state.reports if one.standing == "quarantined"]
            if not any((one.decision, one.reporter) == (decision, reporter) for one in held):
                raise ReviewRefused("unknown-report")

        return self._change(tenant, Released(self._clock(), by, reported), check)

    def rollback(self, tenant: str, snapshot: int, by: str) -> Changes:
        """Put what an earlier snapshot said in force again, as a new one; 0 is the empty one. Raises ReviewRefused.

        The log names it by its number in the fold. What a retracted reporter had a part in does not come back: where
        someone was retracted since, history is folded anew and its snapshot of that number is taken.
        """
        for _ in range(_TRIES):
            held = self.store.load(tenant)
            number, retracted = self.store.number_of(tenant, snapshot)
            if number is None:
                raise ReviewRefused("unknown-snapshot")
            event = RolledBack(self._clock(), by, number)
            if retracted:
                events = [*self.store.history(held, tenant), event]
                state = fold(self.terms_of(tenant), events, tenant, self.encoder)
                changes = asking.differences(held.state.abstractions, state.abstractions, "rolled-back")
            else:
                state, changes = held.state, self._fold_pending(held, None)
                past = self.store.snapshot(tenant, snapshot)
                changes.extend(step(self.terms_of(tenant), state, event, self.encoder, past))
            if self._save(held, event, state):
                return changes
        raise Overtaken("the tenant's memory kept being changed by others")

    def retract(self, tenant: str, reporter: str, by: str, progress: Progress | None = None) -> Changes:
        """Take a reporter out of history: the State becomes what it were had nobody ever heard the reporter.

        The log keeps every word, and that it was retracted. Later reports of this reporter are refused (`no-right`).
        Raises ReviewRefused for a reporter who never reported.
        """
        if not self.store.heard(tenant, reporter):
            raise ReviewRefused("unknown-reporter")
        event = Retracted(self._clock(), by, reporter)
        for _ in range(_TRIES):
            held = self.store.load(tenant)
            history = _counted(self.store.history(held, tenant, frozenset({reporter})), held.through, progress)
            state = fold(self.terms_of(tenant), history, tenant, self.encoder)
            if self._save(held, event, state):
                return asking.differences(held.state.abstractions, state.abstractions, "retracted")
        raise Overtaken("the tenant's memory kept being changed by others")

    def _change(
        self,
        tenant: str,
        event: Control,
        check: Callable[[State], None] = lambda _state: None,
        progress: Progress | None = None,
    ) -> Changes:
        for _ in range(_TRIES):
            held = self.store.load(tenant)
            changes = self._fold_pending(held, progress)
            check(held.state)
            changes.extend(step(self.terms_of(tenant), held.state, event, self.encoder, told=progress))
            if self._save(held, event, held.state):
                return changes
        raise Overtaken("the tenant's memory kept being changed by others")

    def _fold_pending(self, held: Held, progress: Progress | None) -> Changes:
        changes = Changes()
        for event in _counted(iter(held.pending), len(held.pending), progress):
            changes.extend(step(self.terms_of(held.state.tenant), held.state, event, self.encoder))
        return changes

    def _save(self, held: Held, event: Control, state: State) -> bool:
        """Save and publish; False where someone else was faster. A snapshot that says what the last one did is none."""
        made = snapshot_of(state, held.version + 1)
        same = made.digest == self._digest(state.tenant, held.version)
        state.index = None  # of no use to what is saved: what is written then does not stand on top of it
        try:
            self.store.save(held, event, state, None if same else made)
        except Overtaken:
            return False
        if not same:
            with self._guard:
                self._known[state.tenant] = (time.monotonic(), made)
        return True

    def _digest(self, tenant: str, version: int) -> str:
        """Of what `version` said; nobody has to load a snapshot to know whether another says the same."""
        return self.store.digest(tenant, version) or snapshot_of(State(tenant), 0).digest

    # --- asking ----------------------------------------------------------------------------------------------------

    def snapshot(self, tenant: str) -> Snapshot:
        """What is in force; for an unknown tenant the empty one, version 0. Raises StoreUnavailable."""
        with self._guard:
            looked, known = self._known.get(tenant, (float("-inf"), None))
        now = time.monotonic()
        if known is not None and now - looked < POLL_SECONDS:
            return known
        version = self.store.version(tenant)
        if known is None or known.version != version:
            known = self.store.snapshot(tenant) or snapshot_of(State(tenant), 0)
        with self._guard:
            self._known[tenant] = (now, known)
        return known

    def abstractions(self, tenant: str) -> tuple[Abstraction, ...]:
        """All that are in force, of every phase, in the order in which they were made."""
        return self.store.abstractions(tenant)

    def show(self, tenant: str, abstraction: str) -> Shown | None:
        """One abstraction with all that speaks for and against it; None for an unknown one."""
        return asking.show(self.store, tenant, abstraction)

    def explain(self, tenant: str, decision: str) -> Explained | None:
        """What was said of a decision and what came of it; None where nothing was."""
        return asking.explain(self.store, tenant, decision)

    def tenants(self) -> set[str]:
        """Every tenant of which something was reported or drawn."""
        return self.store.tenants()

    def history(self, tenant: str, after: int = 0) -> Iterator[Logged]:
        """The log above sequence `after`."""
        return self.store.log(tenant, after)

    def verify(self, tenant: str) -> tuple[Problem, ...]:
        """Check that the log is what was written; its first problem, if it has one."""
        return self.store.verify(tenant)


def _reviewable(state: State, abstraction: str) -> Abstraction:
    found = state.abstractions.get(abstraction)
    if found is None:
        raise ReviewRefused("unknown-abstraction")
    if found.phase == "retired":
        raise ReviewRefused("not-reviewable")
    return found


def _counted(events: Iterator[Any], total: int, progress: Progress | None) -> Iterator[Any]:
    for number, event in enumerate(events, 1):
        yield event
        if progress is not None:
            progress("fold", number, total)
