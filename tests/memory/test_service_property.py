"""Whatever tenants do in whatever order, through the database: a State is the fold of its log, and a tenant's own.

Invariants of memory.md 7.4: 8 (a duplicate changes nothing), 9 (retraction), 13 (deterministic), 14 (rollback), 16
(tenants), over random histories of two tenants in one store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

from memory import Context, Label, Observed, Reported, Reporter, ReporterKind, Terms
from memory.learning import canonical, fold
from memory.service import Memory, Refused

Act = tuple[Any, ...]
DAY = 86_400_000_000

decisions, reporters = st.integers(0, 47), st.sampled_from(["ann", "bob", "carol", "eve", "mallory"])
labels: st.SearchStrategy[Label] = st.sampled_from(["allow", "forbid"])
live = st.tuples(st.just("live"), st.integers(0, 3))
acts = st.one_of(
    live,
    st.tuples(st.just("report"), decisions, reporters, labels),
    st.tuples(st.just("refresh"), st.integers(0, 3)),
    st.tuples(st.just("approve")),
    st.tuples(st.just("reject")),
    st.tuples(st.just("rollback"), st.integers(0, 4)),
    st.tuples(st.just("retract"), reporters),
)
tenants = st.sampled_from(["acme", "umbrella"])
histories = st.tuples(
    st.lists(st.tuples(tenants, live), min_size=2, max_size=6),
    st.lists(st.tuples(tenants, acts), min_size=4, max_size=20),
).map(lambda parts: [*parts[0], *parts[1]])
"""Something is learned first, else there would be little to undo."""

TERMS = Terms(least_days=1, report_weight=1.0, new_reporter_weight=1.0, reporter_share=1.0, unit_share=1.0, alpha=0.3)
"""Bold, so that short histories open gates."""


class Scene:
    """One store, with the time of its own clock and nobody else's."""

    def __init__(self, url: str) -> None:
        self.now = 0
        self.memory = Memory(url, TERMS, clock=lambda: self.now)

    def play(self, history: Sequence[tuple[str, Act]], only: str | None = None) -> None:
        """Everything but what is another's than `only`'s; time goes on all the same."""
        for number, (tenant, act) in enumerate(history):
            self.now = (number + 1) * DAY // 3
            if only in (None, tenant):
                with suppress(Refused):
                    getattr(self, act[0])(tenant, *act[1:])

    def report(self, tenant: str, decision: int, by: str, label: Label) -> None:
        said = self.said(tenant, decision, by, label)
        self.memory.report(said.observed, said.reporter, said.label, key=said.key)

    def said(self, tenant: str, decision: int, by: str, label: Label) -> Reported:
        kind: ReporterKind = "audit" if by == "eve" else "user"
        context = Context("pay", (("arg to", str(decision % 2)), ("has memo", str(decision % 3))), f"pay {decision}")
        effect = "forbid" if decision % 7 == 6 else "allow"
        observed = Observed(f"dec-{decision}", tenant, 0, f"{tenant}/bot", context, effect, effect, "7b", 0.5)
        return Reported(self.now, observed, Reporter(by, tenant, kind), label, key=f"{decision}{label}")

    def live(self, tenant: str, day: int) -> None:
        """A day on which people agree that payments to `0` should not go out; then a refresh."""
        self.say(tenant, day)
        self.refresh(tenant, day)

    def say(self, tenant: str, day: int) -> None:
        self.memory.report_many(
            [
                self.said(tenant, decision, by, "allow" if decision % 2 else "forbid")
                for decision in range(day * 12, day * 12 + 12)
                for by in ("ann", "bob", "eve")
            ]
        )

    def refresh(self, tenant: str, seed: int) -> None:
        self.memory.refresh(tenant, self.now, seed, "7b")

    def approve(self, tenant: str) -> None:
        for one in self.memory.abstractions(tenant)[:1]:
            self.memory.approve(tenant, one.id, one.version, "person")

    def reject(self, tenant: str) -> None:
        for one in self.memory.abstractions(tenant)[-1:]:
            self.memory.reject(tenant, one.id, "person")

    def rollback(self, tenant: str, version: int) -> None:
        self.memory.rollback(tenant, version, "person")

    def retract(self, tenant: str, reporter: str) -> None:
        self.memory.retract(tenant, reporter, "person")

    def told(self, tenant: str) -> tuple[Any, ...]:
        """All that a tenant's memory holds and says."""
        store = self.memory.store
        return (
            canonical(store.load(tenant).state),
            store.load(tenant).pending,
            [row.event for row in self.memory.history(tenant)],
            store.snapshot(tenant),
            store.published(tenant),
            [self.memory.show(tenant, one.id) for one in self.memory.abstractions(tenant)],
            [self.memory.explain(tenant, f"dec-{number}") for number in range(0, 48, 5)],
        )


def test_a_tenants_memory_is_the_fold_of_its_own_log(new_sqlite: Callable[[], str], every: Callable[..., None]) -> None:
    def check(history: list[tuple[str, Act]]) -> None:
        together, alone = Scene(new_sqlite()), Scene(new_sqlite())
        together.play(history)
        alone.play(history, "acme")
        assert together.told("acme") == alone.told("acme")
        for tenant in ("acme", "umbrella"):
            assert together.memory.verify(tenant) == ()
            together.refresh(tenant, 0)
            held = together.memory.store.load(tenant)
            assert canonical(held.state) == canonical(fold(TERMS, together.memory.store.history(held, tenant), tenant))
        for scene in (together, alone):
            scene.memory.close()

    every(5, check, histories)


def test_sending_every_report_again_changes_nothing(new_sqlite: Callable[[], str], every: Callable[..., None]) -> None:
    def check(history: list[tuple[str, Act]]) -> None:
        scene = Scene(new_sqlite())
        scene.play(history)
        before = [scene.told(tenant) for tenant in ("acme", "umbrella")]
        for tenant, act in history:
            if act[0] == "live":
                scene.say(tenant, act[1])
            elif act[0] == "report":
                scene.play([(tenant, act)])
        again = scene.memory.counts
        assert [scene.told(tenant) for tenant in ("acme", "umbrella")] == before
        assert again.get("taken", 0) == sum(
            row.through is None for tenant in ("acme", "umbrella") for row in scene.memory.history(tenant)
        )
        scene.memory.close()

    every(4, check, histories)


def test_these_histories_reach_what_they_are_about(new_sqlite: Callable[[], str]) -> None:
    """Days as they are lived above induce, and open; so the properties are not of empty memories."""
    scene = Scene(new_sqlite())
    scene.play([("acme", ("live", day)) for day in range(4)])
    assert "active" in {one.phase for one in scene.memory.abstractions("acme")}
    assert scene.memory.abstractions("umbrella") == ()
    scene.memory.close()
