"""The desk at which people meet memory: reports, audits, what was learned, and what they decide about it.

Behind the routes and the verbs alike. Every method blocks on a database and may be called from any thread; it gives a
JSON tree, and raises EdgeError with a stable code for what is refused. A tenant sees its own decisions, rules and
reporters only: everybody else's are unknown.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from guardrail import Clock
from memory import Abstraction, Label, Proposal, Reported, Reporter
from memory.encoders import Encoder
from memory.learning import Changes, Proposer
from memory.service import Memory, Refused
from memory.store import StoreError as MemoryStoreError
from memory.text import EditRefused, NotOwned, learned_text, narrowed, owned_text
from server.abstracting import Unproposable
from server.edge import EdgeError
from server.logs import fields
from server.policies import Policy
from server.recorded import microseconds
from server.reporting import Claim, Narrowing, Who
from server.store import Seen, Store

from . import showing
from .observing import observed
from .proposal import proposal_tree
from .tenants import Tenants
from .trial import would_change

LOG = logging.getLogger("leastward.memory")
MOST_AUDITS: Final = 200
TRIED_ON: Final = 1_000
"""Recorded decisions that a learned rule is tried on before a person approves it."""

Progress = Callable[[str, int, int], None]
"""What is done, how far it is, and how far it goes (memory.service)."""

_EXCHANGE: Final = re.compile(r"dec-[0-9a-v]{26}")
_DECISION: Final = re.compile(r"dec-[0-9a-v]{26}\.[1-9][0-9]{0,5}")


class ReviewDesk:
    """See the module's text. `tenants` are what a gate decides with, None for a verb beside it. `proposer` suggests
    candidates to every refresh."""

    def __init__(
        self,
        memory: Memory,
        store: Store,
        policy: Policy,
        clock: Clock,
        encoder: Encoder,
        tenants: Tenants | None = None,
        proposer: Proposer | None = None,
    ) -> None:
        self._memory = memory
        self._proposer = proposer
        self._store = store
        self._policy = policy
        self._clock = clock
        self._encoder = encoder
        self._tenants = tenants

    def close(self) -> None:
        self._memory.close()

    @property
    def trouble(self) -> str | None:
        """None while what is published can be read, else why not."""
        return None if self._tenants is None else self._tenants.trouble

    def tenants(self) -> list[str]:
        """Every tenant that a key was ever issued for, or that memory heard of: some come with signed tokens alone."""
        return sorted({key.tenant for key in self._store.list_keys()} | self._memory.tenants())

    def tenant_of(self, decision: str) -> str | None:
        """For those alone who may see every tenant's decisions."""
        found = self._store.tenant_of(decision)
        return (
            found if found is not None or not _EXCHANGE.fullmatch(decision) else self._store.tenant_of(f"{decision}.1")
        )

    # --- reports and audits ------------------------------------------------------------------------------------------

    def report(
        self, tenant: str, decision: str, should: Label, who: Who, because: str = "", key: str = ""
    ) -> dict[str, Any]:
        """Take a report. `key` is an idempotency key: the same report with it again is taken as the one it repeats."""
        (taken,) = self.report_many([Claim(tenant, decision, should, who, because, key)])
        if isinstance(taken, Exception):
            raise taken
        return taken

    def report_many(self, claims: Sequence[Claim]) -> list[dict[str, Any] | Exception]:
        """Take reports, each for itself, in one transaction: for each what was taken, or the error that is its own."""
        answers: list[dict[str, Any] | Exception] = []
        sent: list[tuple[int, Reported]] = []
        at = microseconds(self._clock())
        for number, (claim, seen) in enumerate(zip(claims, self._seen_many(claims), strict=True)):
            try:
                found = observed(_known(seen))
            except Exception as error:  # of this one report: its Record cannot be read, or is not there
                answers.append(error)
                continue
            reporter = _reporter(claim.tenant, claim.who)
            sent.append((number, Reported(at, found, reporter, claim.should, claim.because, claim.key)))
            answers.append({"decision": found.id, "should": claim.should, "kind": claim.who.kind})
        with _refusals():
            refusals = self._memory.report_many([report for _, report in sent])
        for (number, _), refusal in zip(sent, refusals, strict=True):
            if refusal is not None:
                answers[number] = _edge_error(refusal)
        return answers

    def _seen_many(self, claims: Sequence[Claim]) -> list[Seen | EdgeError | None]:
        named: list[str | EdgeError] = []
        for claim in claims:
            try:
                named.append(self._name(claim.tenant, claim.decision))
            except EdgeError as error:
                named.append(error)
        wanted = [(name, claim.tenant) for name, claim in zip(named, claims, strict=True) if isinstance(name, str)]
        seen = iter(self._store.seen_many(wanted))
        return [next(seen) if isinstance(name, str) else name for name in named]

    def audits(self, tenant: str) -> dict[str, Any]:
        """Drawn decisions that nobody has looked at, oldest first."""
        with _refusals():
            self.hand_over(tenant)
            waiting = self._memory.audit_queue(tenant, MOST_AUDITS)
        return {"audits": [showing.observed_tree(one) for one in waiting]}

    def adjudicate(self, tenant: str, decision: str, should: Label, who: Who, because: str = "") -> dict[str, Any]:
        """What a person says of a drawn decision: the sample that gates rest on."""
        with _refusals():
            seen = self._store.seen(decision, tenant)
            if seen is not None and seen.audit is not None:
                self._enqueue(tenant, seen)
            auditor = Reporter(who.id, tenant, "audit", who.principal, who.unit)
            self._memory.adjudicate(decision, should, auditor, because)
        return {"decision": decision, "should": should, "kind": "audit"}

    def hand_over(self, tenant: str) -> None:
        """Put what the gate drew since into memory's queue; what is there already stays as it is."""
        for seen in self._store.drawn(tenant, MOST_AUDITS):
            self._enqueue(tenant, seen)

    def _enqueue(self, tenant: str, seen: Seen) -> None:
        if seen.context is not None and self._memory.store.drawn(tenant, seen.record["id"]) is None:
            self._memory.draw(observed(seen))

    # --- what was learned --------------------------------------------------------------------------------------------

    def abstractions(self, tenant: str) -> dict[str, Any]:
        with _refusals():
            snapshot, found = self._memory.snapshot(tenant), self._memory.abstractions(tenant)
        return {
            "snapshot": showing.snapshot_tree(snapshot),
            "abstractions": [showing.abstraction_tree(one) for one in found],
        }

    def brief(self, tenant: str, name: str) -> dict[str, Any]:
        return showing.abstraction_tree(self._one(tenant, name))

    def abstraction(self, tenant: str, name: str, *, last: int = TRIED_ON) -> dict[str, Any]:
        """One learned rule: its text, its evidence, what `check` says of it, how it differs from the written policy,
        and which of the `last` recorded decisions would have come out otherwise."""
        policy = self._policy.current.program.policy
        with _refusals():
            shown, snapshot = self._memory.show(tenant, name), self._memory.snapshot(tenant)
        if shown is None:
            raise EdgeError(404, "unknown-abstraction", "there is no such learned rule")
        one = shown.abstraction
        return {
            **showing.abstraction_tree(one),
            **proposal_tree(one, snapshot, policy),
            "evidence": showing.evidence_trees(shown.evidence),
            "lineage": showing.lineage_trees(shown.lineage),
            "would_change": would_change(
                one, snapshot, self._store.recent(tenant, last), self._encoder, self._memory.terms_of(tenant)
            ),
        }

    def export(self, tenant: str, name: str | None = None) -> str:
        """Every learned rule as a file, or one of them as a hand-owned rule."""
        policy = self._policy.current.program.policy
        with _refusals():
            snapshot, found = self._memory.snapshot(tenant), self._memory.abstractions(tenant)
            if name is None:
                return learned_text((one for one in found if one.phase != "retired"), snapshot, policy)
            return owned_text(self._one(tenant, name), snapshot, policy)

    def explain(self, tenant: str, decision: str) -> dict[str, Any]:
        """Why a decision came out as it did as far as memory goes, and what was reported of it since."""
        seen = self._seen(tenant, decision)
        with _refusals():
            told = self._memory.explain(tenant, seen.record["id"])
        return {
            "decision": seen.record["id"],
            "effect": seen.record["effect"],
            "rule": seen.record["rule"],
            "reason": seen.record["reason"],
            "memory_version": seen.record["memory_version"],
            "memory": seen.record.get("memory"),
            "drawn": seen.audit,
            "reports": [] if told is None else showing.report_trees(told.reports),
            "evidence": [] if told is None else showing.evidence_trees(told.evidence),
            "grounds": [] if told is None else [showing.abstraction_tree(one.abstraction) for one in told.grounds],
        }

    # --- what people decide ------------------------------------------------------------------------------------------

    def approve(
        self, tenant: str, name: str, who: Who, version: int | None = None, narrows_to: Narrowing = "ask"
    ) -> dict[str, Any]:
        chosen = self._one(tenant, name).version if version is None else version
        with _refusals():
            self._memory.approve(tenant, name, chosen, who.id, narrows_to)
        return self._after(tenant, name)

    def reject(self, tenant: str, name: str, who: Who, because: str = "") -> dict[str, Any]:
        with _refusals():
            self._memory.reject(tenant, name, who.id, because)
        return self._after(tenant, name)

    def edit(self, tenant: str, name: str, who: Who, when: str, because: str = "") -> dict[str, Any]:
        """Narrow a rule to the condition that `when` spells as a policy would."""
        one = self._one(tenant, name)
        with _refusals():
            condition = narrowed(one, when, self._policy.current.program.policy)
            changes = self._memory.edit(tenant, name, condition, who.id, because)
        return self._after(tenant, next((made for made, _ in changes.acts.get("narrowed", ())), name))

    def quarantined(self, tenant: str) -> dict[str, Any]:
        """Reports that are held back because they came in a burst or beyond what one reporter may say in a day."""
        with _refusals():
            held = self._memory.quarantined(tenant, MOST_AUDITS)
        return {"reports": [{"decision": one.decision, **showing.report_tree(one)} for one in held]}

    def release(self, tenant: str, decision: str, reporter: str, who: Who) -> dict[str, Any]:
        """Let one of them count, as a new reporter's would."""
        with _refusals():
            changes = self._memory.release(tenant, decision, reporter, who.id)
        return {**self._republished(tenant, changes), "decision": decision, "reporter": reporter}

    def refresh(
        self, tenant: str, *, seed: int = 0, dry_run: bool = False, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Fold what was reported since, and publish what comes of it. With `dry_run` nothing is written."""
        with _refusals():
            self.hand_over(tenant)
            now, policy_hash = microseconds(self._clock()), self._policy.current.policy_hash
            if dry_run:
                changes, snapshot = self._memory.preview(tenant, now, seed, policy_hash, progress)
            else:
                proposed = self._proposed(tenant)
                changes = self._memory.refresh(tenant, now, seed, policy_hash, progress, proposed)
                snapshot = self._memory.snapshot(tenant)
                self._changed(tenant)
        return {"dry_run": dry_run, **showing.changes_tree(tenant, snapshot, changes)}

    def rollback(self, tenant: str, who: Who, snapshot: int) -> dict[str, Any]:
        with _refusals():
            changes = self._memory.rollback(tenant, snapshot, who.id)
        return self._republished(tenant, changes)

    def retract(self, tenant: str, who: Who, reporter: str) -> dict[str, Any]:
        with _refusals():
            changes = self._memory.retract(tenant, reporter, who.id)
        return {**self._republished(tenant, changes), "reporter": reporter}

    def _proposed(self, tenant: str) -> tuple[Proposal, ...]:
        """What a model suggests, where one was named. Memory learns without it, so its failure is no failure."""
        if self._proposer is None:
            return ()
        try:
            return self._memory.proposals(tenant, self._proposer)
        except Unproposable as error:
            LOG.warning("memory-proposals-failed", extra=fields(tenant=tenant, problem=str(error)))
            return ()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _seen(self, tenant: str, decision: str) -> Seen:
        return _known(self._store.seen(self._name(tenant, decision), tenant))

    def _name(self, tenant: str, decision: str) -> str:
        """The decision of this id; that of an exchange stands for its decision where it has only one."""
        if _EXCHANGE.fullmatch(decision):
            taken = self._store.decisions(decision, tenant)
            if len(taken) > 1:
                raise EdgeError(400, "bad-report", f"the exchange has {len(taken)} decisions: name one of them")
            return f"{decision}.1"
        if not _DECISION.fullmatch(decision):
            raise _unknown()
        return decision

    def _one(self, tenant: str, name: str) -> Abstraction:
        with _refusals():
            found = self._memory.abstractions(tenant)
        for one in found:
            if one.id == name:
                return one
        raise EdgeError(404, "unknown-abstraction", "there is no such learned rule")

    def _after(self, tenant: str, name: str) -> dict[str, Any]:
        self._changed(tenant)
        return self.brief(tenant, name)

    def _changed(self, tenant: str) -> None:
        """Let the gate follow at once: whoever approved a rule may try it the next moment."""
        if self._tenants is not None:
            self._tenants.follow(tenant)

    def _republished(self, tenant: str, changes: Changes) -> dict[str, Any]:
        self._changed(tenant)
        with _refusals():
            return showing.changes_tree(tenant, self._memory.snapshot(tenant), changes)


def _known(seen: Seen | EdgeError | None) -> Seen:
    if isinstance(seen, EdgeError):
        raise seen
    if seen is None:
        raise _unknown()
    return seen


def _unknown() -> EdgeError:
    return EdgeError(404, "unknown-decision", "there is no such decision")


def _edge_error(error: Refused) -> EdgeError:
    return EdgeError(error.status, error.code, error.message)


def _reporter(tenant: str, who: Who) -> Reporter:
    return Reporter(who.id, tenant, who.kind, who.principal, who.unit)


@contextmanager
def _refusals() -> Iterator[None]:
    """What memory refuses, and what its database fails in, as what the edge says."""
    try:
        yield
    except Refused as error:
        raise _edge_error(error) from error
    except EditRefused as error:
        code = "not-narrower" if error.code == "not-narrower" else "bad-condition"
        raise EdgeError(400, code, error.message if error.help is None else f"{error.message}; {error.help}") from error
    except NotOwned as error:
        raise EdgeError(
            409, "not-owned", error.message if error.help is None else f"{error.message}; {error.help}"
        ) from error
    except MemoryStoreError as error:
        raise EdgeError(503, "memory-unavailable", error.message, {"retry-after": "1"}) from error
