"""A tenant's days through `Memory`: reports, refreshes, reviews, retraction (memory/service/memory.py, asking.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from memory import Condition, Context, Reporter, Terms
from memory.encoders import HashingEncoder
from memory.learning import canonical, fold
from memory.learning.fold import PASSES
from memory.service import Memory, ReportRefused, ReviewRefused
from memory.store import Overtaken
from memory.store.tables import ABSTRACTION
from memory.voice import Voice

HOUR = 3_600_000_000


class Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


class World:
    """Payments to evil.example should not go out, others should; an auditor sees a quarter of them."""

    def __init__(self, url: str, kept: Any, terms: Terms | None = None) -> None:
        self.clock = Clock()
        self.memory = Memory(url, terms, clock=self.clock)
        self.kept = kept
        self.made = 0

    def live(self, days: int = 1, tenant: str = "acme", liar: str | None = None) -> None:
        for _ in range(days):
            for hour in range(20):
                self.made += 1
                self.clock.now += HOUR
                self._decision(tenant, hour, liar)
            self.clock.now += 4 * HOUR
            self.memory.refresh(tenant, self.clock(), 0, "7b")

    def _decision(self, tenant: str, hour: int, liar: str | None) -> None:
        bad = hour % 2 == 0
        context = Context("send_money", (("domain to", "evil.example" if bad else "good.example"),), "pay")
        audited = 0.25 if hour % 4 == 0 else None
        observed = self.kept.observed(f"dec-{self.made}", tenant, context=context, at=self.clock.now, audited=audited)
        label: Any = "forbid" if bad else "allow"
        if audited is not None:
            self.memory.draw(observed)
            self.memory.adjudicate(observed.id, label, Reporter("eve", tenant, "audit"))
        else:
            self.memory.report(observed, Reporter(f"r{self.made % 5}", tenant, "user"), label)
        if liar is not None:
            self.memory.report(observed, Reporter(liar, tenant, "user"), "allow" if bad else "forbid")

    def state(self, tenant: str = "acme") -> bytes:
        return canonical(self.memory.store.load(tenant).state)

    def replayed(self, tenant: str = "acme") -> bytes:
        """The State folded anew from the log alone."""
        held = self.memory.store.load(tenant)
        assert held.pending == ()
        return canonical(fold(self.memory.terms, self.memory.store.history(held, tenant), tenant))

    def phases(self, tenant: str = "acme") -> dict[str, str]:
        return {one.id: one.phase for one in self.memory.abstractions(tenant)}


@pytest.fixture
def world(store_url: str, kept: Any) -> Iterator[World]:
    world = World(store_url, kept)
    yield world
    world.memory.close()


def only(world: World) -> str:
    (name,) = world.phases()
    return name


def test_a_lesson_is_induced_gathers_evidence_and_speaks(world: World) -> None:
    assert world.memory.snapshot("acme").version == 0
    world.live(1)
    assert list(world.phases().values()) == ["shadow"]
    assert world.memory.snapshot("acme").version == 1
    world.live(3)
    assert list(world.phases().values()) == ["active"]
    assert [one.phase for one in world.memory.snapshot("acme").abstractions] == ["active"]
    assert world.state() == world.replayed(), "what the tables hold is what the log says"
    assert world.memory.verify("acme") == ()


def test_why_is_told_of_a_decision_and_of_an_abstraction(world: World) -> None:
    world.live(4)
    name = only(world)
    shown = world.memory.show("acme", name)
    assert shown is not None
    assert shown.is_in_force
    assert shown.abstraction == world.memory.abstractions("acme")[0]
    assert [read.phase for read in shown.readings][-1] == "active"
    assert shown.readings[-1].reading == shown.abstraction.reading
    assert shown.readings[-1].reading.bound > shown.readings[0].reading.bound
    assert {one.abstraction for one in shown.evidence} == {name}
    assert [one.act for one in shown.lineage] == ["induce"]
    evidence = shown.evidence[0]
    told = world.memory.explain("acme", evidence.decision)
    assert told is not None
    assert told.case is not None
    assert told.case.base == "allow"
    assert told.evidence == (evidence,)
    assert {report.reporter for report in told.reports} >= set(evidence.reporters)
    assert [ground.abstraction.id for ground in told.grounds] == [name]
    induced = world.memory.explain("acme", "dec-1")
    assert induced is not None
    assert induced.evidence == ()
    assert [ground.abstraction.id for ground in induced.grounds] == [name], "it was induced from this one"
    assert world.memory.explain("acme", "dec-unheard") is None
    assert world.memory.show("acme", "L-unknown") is None


def test_a_person_rejects_and_rolls_back(world: World) -> None:
    world.live(4)
    name, spoke = only(world), world.memory.snapshot("acme")
    world.memory.reject("acme", name, "eve", "it is our partner")
    assert world.phases() == {name: "retired"}
    assert world.memory.snapshot("acme").abstractions == ()
    assert world.memory.snapshot("acme").version == spoke.version + 1
    for change in (
        lambda: world.memory.approve("acme", name, 1, "eve"),
        lambda: world.memory.reject("acme", name, "eve"),
    ):
        with pytest.raises(ReviewRefused) as caught:
            change()
        assert caught.value.code == "not-reviewable"
    world.live(1)
    assert world.state() == world.replayed()


def test_a_rollback_puts_a_snapshot_in_force_again(world: World) -> None:
    world.live(1)
    quiet = world.memory.snapshot("acme")
    world.live(3)
    loud = world.memory.snapshot("acme")
    assert [one.phase for one in loud.abstractions] == ["active"]
    world.memory.rollback("acme", quiet.version, "eve")
    now = world.memory.snapshot("acme")
    assert now.version == loud.version + 1
    assert now.abstractions == quiet.abstractions
    assert world.state() == world.replayed()
    world.memory.rollback("acme", loud.version, "eve")
    assert world.memory.snapshot("acme").abstractions == loud.abstractions
    world.memory.rollback("acme", 0, "eve")
    assert all(one.phase != "active" for one in world.memory.snapshot("acme").abstractions)
    assert world.state() == world.replayed()
    with pytest.raises(ReviewRefused) as caught:
        world.memory.rollback("acme", 99, "eve")
    assert caught.value.code == "unknown-snapshot"


def test_an_earlier_snapshot_can_be_read_as_it_was(world: World) -> None:
    """The version in a Record is enough to know what memory said (invariant 20)."""
    seen = []
    for _ in range(4):
        world.live(1)
        seen.append(world.memory.snapshot("acme"))
    assert [world.memory.store.snapshot("acme", one.version) for one in seen] == seen


def test_review_names_what_it_is_about(world: World) -> None:
    world.live(4)
    name = only(world)
    condition = world.memory.abstractions("acme")[0].condition
    broader = Condition("send_money", ())
    narrower = Condition("send_money", (*condition.tests, ("has .memo", ("true",))))
    refusals = {
        "stale-version": lambda: world.memory.approve("acme", name, 9, "eve"),
        "unknown-abstraction": lambda: world.memory.approve("acme", "L-unknown", 1, "eve"),
        "not-narrower": lambda: world.memory.edit("acme", name, broader, "eve"),
        "unknown-reporter": lambda: world.memory.retract("acme", "nobody", "eve"),
    }
    log = len(list(world.memory.history("acme")))
    for code, ask in refusals.items():
        with pytest.raises(ReviewRefused) as caught:
            ask()
        assert caught.value.code == code
    assert len(list(world.memory.history("acme"))) == log, "a refusal writes nothing"
    world.memory.approve("acme", name, 1, "eve", "forbid")
    assert world.memory.snapshot("acme").abstractions[0].narrows_to == "forbid"
    world.memory.edit("acme", name, narrower, "eve", "only with a memo")
    assert world.phases()[name] == "retired"
    assert world.state() == world.replayed()


def test_a_retracted_reporter_was_never_heard(world: World, new_sqlite: Any, kept: Any) -> None:
    """Invariant 9, through the database: byte for byte the State of a store that never heard the liar."""
    silent = World(new_sqlite(), kept)
    silent.live(4)
    world.live(4, liar="mallory")
    assert world.state() != silent.state()
    before = world.memory.snapshot("acme")
    world.memory.retract("acme", "mallory", "eve")
    assert world.state() == silent.state()
    after = world.memory.snapshot("acme")
    assert after.version == before.version + 1
    assert {one.id for one in after.abstractions} == {one.id for one in silent.memory.snapshot("acme").abstractions}
    assert any(row.event.reporter.id == "mallory" for row in world.memory.history("acme") if row.through is None)
    assert world.memory.verify("acme") == ()
    with pytest.raises(ReportRefused) as caught:
        world.memory.report(kept.observed("dec-new"), kept.reporter("mallory"), "allow")
    assert caught.value.code == "no-right"
    world.live(1)
    assert world.state() == world.replayed()
    silent.memory.close()


def test_a_rollback_past_a_retraction_does_not_bring_the_retracted_back(world: World) -> None:
    world.live(2, liar="mallory")
    poisoned = world.memory.snapshot("acme")
    world.memory.retract("acme", "mallory", "eve")
    world.memory.rollback("acme", poisoned.version, "eve")
    assert world.state() == world.replayed()
    assert b"mallory" not in world.state()


def test_a_refresh_again_changes_nothing(world: World) -> None:
    """Invariant 13: at the same moment, with the same seed."""
    world.live(4)
    at = world.clock()
    world.memory.refresh("acme", at, 0, "7b")
    state, snapshot = world.state(), world.memory.snapshot("acme")
    assert not world.memory.refresh("acme", at, 0, "7b")
    assert world.state() == state
    assert world.memory.snapshot("acme") == snapshot, "what says the same is not published again"


def test_a_preview_is_what_the_refresh_then_does(world: World, kept: Any) -> None:
    world.live(2)
    for number in range(6):
        world.memory.report(kept.observed(f"new-{number}", at=world.clock.now), kept.reporter(f"r{number}"), "forbid")
    log, at = len(list(world.memory.history("acme"))), world.clock()
    changes, snapshot = world.memory.preview("acme", at, 0, "7b")
    assert len(list(world.memory.history("acme"))) == log
    assert world.memory.refresh("acme", at, 0, "7b") == changes
    assert world.memory.snapshot("acme") == snapshot


def test_who_overtakes_is_folded_and_the_change_is_made_after_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.live(1)
    other = Memory(world.memory.store.database.url.render_as_string(hide_password=False), clock=world.clock)
    save = world.memory.store.save
    raced = iter([True])

    def late(*given: Any) -> None:
        if next(raced, False):
            other.refresh("acme", world.clock(), 1, "7b")
        save(*given)

    monkeypatch.setattr(world.memory.store, "save", late)
    world.memory.refresh("acme", world.clock(), 2, "7b")
    assert [row.event.seed for row in world.memory.history("acme") if row.through is not None] == [0, 1, 2]
    assert world.state() == world.replayed()
    monkeypatch.setattr(world.memory.store, "save", _overtaken)
    with pytest.raises(Overtaken):
        world.memory.refresh("acme", world.clock(), 3, "7b")
    other.close()


def _overtaken(*_given: Any) -> None:
    raise Overtaken("someone else was faster")


def test_another_process_publishes_and_it_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memory.service.memory.POLL_SECONDS", 0.0)
    other = Memory(world.memory.store.database.url.render_as_string(hide_password=False))
    assert other.snapshot("acme").version == 0
    world.live(1)
    assert other.snapshot("acme") == world.memory.snapshot("acme")
    other.close()


def test_audits_are_drawn_queued_and_adjudicated(world: World, kept: Any) -> None:
    drawn = kept.observed("dec-1", audited=0.05)
    world.memory.draw(drawn)
    world.memory.draw(drawn)
    assert world.memory.audit_queue("acme") == (drawn,)
    assert world.memory.audits_waiting("acme") == 1
    auditor = kept.reporter("eve", kind="audit")
    for code, decision, by in (
        ("no-right", "dec-1", kept.reporter("ann")),
        ("unknown-decision", "dec-2", auditor),
        ("unknown-decision", "dec-1", replace(auditor, tenant="other")),
    ):
        with pytest.raises(ReportRefused) as caught:
            world.memory.adjudicate(decision, "forbid", by)
        assert caught.value.code == code
    world.memory.adjudicate("dec-1", "forbid", auditor, "it went out")
    assert world.memory.audit_queue("acme") == ()
    with pytest.raises(ReportRefused) as caught:
        world.memory.adjudicate("dec-1", "allow", auditor)
    assert caught.value.code == "duplicate-report"
    with pytest.raises(ReportRefused):
        world.memory.draw(kept.observed("dec-3"))


def test_progress_is_told_of_reports_and_of_every_pass(world: World, kept: Any) -> None:
    for number in range(3):
        world.memory.report(kept.observed(f"dec-{number}"), kept.reporter(), "forbid")
    seen: list[tuple[str, int, int]] = []
    world.memory.refresh("acme", world.clock(), progress=lambda *told: seen.append(told))
    passes = [(one.__name__, number, len(PASSES)) for number, one in enumerate(PASSES, 1)]
    assert seen == [("fold", 1, 3), ("fold", 2, 3), ("fold", 3, 3), *passes]
    seen.clear()
    world.memory.preview("acme", world.clock(), progress=lambda *told: seen.append(told))
    assert seen == passes
    seen.clear()
    world.memory.retract("acme", "ann", "boss", progress=lambda *told: seen.append(told))
    assert {stage for stage, _, _ in seen} <= {"fold"}


def test_a_held_back_report_is_let_count_by_another_person(world: World, kept: Any) -> None:
    world.memory.terms = replace(world.memory.terms, reports_a_day=50)
    for number in range(60):
        report = kept.reported(f"dec-{number}", by=f"new-{number}", at=number)
        assert world.memory.report_many([report]) == [None]
    assert world.memory.quarantined("acme") == (), "nothing is folded yet"
    world.clock.now = HOUR
    world.memory.refresh("acme", world.clock(), 0, "7b")
    held = world.memory.quarantined("acme")
    assert 20 < len(held) < 60
    assert {one.standing for one in held} == {"quarantined"}
    one = held[0]
    for tenant, decision, reporter, by, code in (
        ("acme", one.decision, "new-0", "boss", "unknown-report"),
        ("acme", "dec-none", one.reporter, "boss", "unknown-report"),
        ("other", one.decision, one.reporter, "boss", "unknown-report"),
        ("acme", "dec-0", "new-0", "boss", "unknown-report"),
        ("acme", one.decision, one.reporter, one.reporter, "own-report"),
    ):
        with pytest.raises(ReviewRefused) as caught:
            world.memory.release(tenant, decision, reporter, by)
        assert caught.value.code == code
    changes = world.memory.release("acme", one.decision, one.reporter, "boss")
    assert changes.acts == {"released": [(one.decision, "person")]}
    assert one.decision not in {other.decision for other in world.memory.quarantined("acme")}
    told = world.memory.explain("acme", one.decision)
    assert told is not None
    assert [(report.standing, report.weight) for report in told.reports] == [("released", 0.5)]
    with pytest.raises(ReviewRefused):
        world.memory.release("acme", one.decision, one.reporter, "boss")
    assert world.state() == world.replayed()
    world.memory.retract("acme", one.reporter, "boss")
    assert world.memory.explain("acme", one.decision) is None
    assert world.state() == world.replayed()
    assert world.memory.verify("acme") == ()


def test_a_tenant_learns_under_its_own_terms(store_url: str, kept: Any) -> None:
    own = Terms(least_days=4, reports_a_day=1)
    worlds = World(store_url, kept)
    worlds.memory.close()
    worlds.memory = Memory(store_url, clock=worlds.clock, tenants={"slow": own})
    assert (worlds.memory.terms_of("slow"), worlds.memory.terms_of("acme")) == (own, Terms())
    reports = [kept.reported(f"dec-q{number}", tenant=tenant) for tenant in ("acme", "slow") for number in range(2)]
    assert [one and one.code for one in worlds.memory.report_many(reports)] == [None, None, None, "daily-quota"]
    worlds.memory.close()


def test_a_closer_look_at_own_terms(new_sqlite: Callable[[], str], kept: Any) -> None:
    """The same days, and the tenant that asks for six different days has nothing that speaks yet."""
    speaking = {}
    for tenant in ("acme", "slow"):
        world = World(new_sqlite(), kept)
        world.memory.close()
        url = world.memory.store.database.url.render_as_string(hide_password=False)
        world.memory = Memory(url, clock=world.clock, tenants={"slow": Terms(least_days=6)})
        world.live(4, tenant)
        speaking[tenant] = set(world.phases(tenant).values())
        world.memory.close()
    assert speaking == {"acme": {"active"}, "slow": {"shadow"}}


def test_another_encoder_silences_until_a_refresh_measured_anew(world: World, kept: Any) -> None:
    world.live(4)
    assert {one.encoder for one in world.memory.abstractions("acme")} == {HashingEncoder().id}
    other = HashingEncoder(64)
    url = world.memory.store.database.url.render_as_string(hide_password=False)
    moved = Memory(url, encoder=other, clock=world.clock)
    assert Voice(moved.snapshot("acme"), other, moved.terms).is_foreign
    changes = moved.refresh("acme", world.clock(), 0, "7b")
    assert [why for _, why in changes.acts["measured"]] == ["encoder-changed"]
    after = moved.snapshot("acme")
    assert not Voice(after, other, moved.terms).is_foreign
    assert [(one.encoder, one.phase) for one in after.abstractions] == [(other.id, "active")]
    assert not moved.refresh("acme", world.clock(), 0, "7b"), "once is enough"
    moved.close()


def test_a_radius_of_before_encoders_were_kept_is_nobodys(world: World) -> None:
    """Databases of the first schema: the column is empty, and empty is no encoder's id."""
    world.live(4)
    with world.memory.store.database.writing() as connection:
        connection.execute(update(ABSTRACTION).values(encoder=""))
    assert [why for _, why in world.memory.refresh("acme", world.clock(), 0, "7b").acts["measured"]]
    assert {one.encoder for one in world.memory.abstractions("acme")} == {HashingEncoder().id}
