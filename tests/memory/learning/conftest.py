"""A small world to learn in: calls with a few attributes, people who report, and a day that goes by between events.

`story` makes events and folds them; `stream` is the seeded traffic that quality is measured on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import pytest

from memory import (
    Approved,
    Context,
    Effect,
    Event,
    Label,
    Observed,
    Refreshed,
    Reported,
    Reporter,
    ReporterKind,
    State,
    Terms,
)
from memory.encoders import HashingEncoder, Kept
from memory.learning import Changes, fold, step
from memory.learning.index import fires

DAY = 86_400_000_000
BEGIN = 20_000 * DAY
ENCODER = Kept(HashingEncoder())

FRANK = Terms(new_reporter_weight=0.5, missed_harm=1.0, reports_a_day=1_000)
"""Known people, equal costs: what lets a test open a gate with a handful of reports."""


@dataclass
class Story:
    """Events in the order in which they are told, three hours apart; `state` is their step by step fold."""

    terms: Terms = FRANK
    tenant: str = "acme"
    events: list[Event] = field(default_factory=list)
    state: State = field(default_factory=lambda: State("acme"))
    changes: list[Changes] = field(default_factory=list)
    gap: int = DAY // 8

    @property
    def now(self) -> int:
        return BEGIN + len(self.events) * self.gap

    def tell(self, event: Event) -> Changes:
        self.events.append(event)
        self.changes.append(step(self.terms, self.state, event, ENCODER))
        return self.changes[-1]

    def report(
        self,
        attributes: Mapping[str, str],
        label: Label = "forbid",
        by: str = "ann",
        *,
        kind: ReporterKind = "user",
        base: Effect = "allow",
        effect: Effect | None = None,
        decision: str = "",
        unit: str = "",
        own: bool = False,
        policy: str = "",
        tool: str = "send",
    ) -> str:
        """One report; the id of its decision."""
        decision = decision or f"dec-{len(self.events):04}"
        context = Context(tool, tuple(sorted(attributes.items())), " ".join(attributes.values()))
        observed = Observed(decision, self.tenant, self.now, "agent", context, base, effect or base, policy)
        reporter = Reporter(by, self.tenant, kind, "agent" if own else f"user/{by}", unit)
        self.tell(Reported(self.now, observed, reporter, label))
        return decision

    def refresh(self, seed: int = 0, policy: str = "") -> Changes:
        return self.tell(Refreshed(self.now, seed, policy))

    def approve_all(self) -> None:
        for one in sorted(self.state.abstractions):
            if self.state.abstractions[one].phase == "pending":
                self.tell(Approved(self.now, "boss", one, self.state.abstractions[one].version))

    def phases(self) -> dict[str, str]:
        return {one.id: one.phase for one in self.state.abstractions.values()}

    def folded(self) -> State:
        return fold(self.terms, self.events, self.tenant, ENCODER)

    def background(self) -> None:
        """Audits of calls in which the base is right: what sets a region apart is how it differs from these."""
        for at in range(12):
            call = {"info": ("tax", "other", "legal")[at % 3], "to": ("peer", "bank")[at % 2]}
            self.report(region(at, **call), "allow", "eve", kind="audit")

    def learned(self, people: Sequence[str] = ("ann", "bob", "cid", "dan"), confirmations: int = 24) -> str:
        """Failures of one region, a refresh, and confirmations from days after: an active rule; its id."""
        for at in range(8):
            self.report(region(at), by=people[at % len(people)])
        self.background()
        self.refresh()
        for at in range(confirmations):
            self.report(region(at), by=people[at % len(people)])
        self.refresh()
        (found,) = [one.id for one in self.state.abstractions.values() if one.phase == "active"]
        return found


def region(at: int, **more: str) -> dict[str, str]:
    """A call with health data to a vendor; what else it has varies with `at`."""
    return {
        "info": "health",
        "to": "vendor",
        "by": ("mail", "chat", "web")[at % 3],
        "day": ("mon", "tue")[at % 2],
        **more,
    }


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def new_story() -> Callable[..., Story]:
    return Story


@pytest.fixture
def region_of() -> Callable[..., dict[str, str]]:
    return region


# --- traffic ----------------------------------------------------------------------------------------------------------

DOMAIN = {
    "info": ("health", "finance", "legal", "other"),
    "to": ("public", "peer", "vendor"),
    "by": ("mail", "chat", "web"),
    "consent": ("yes", "no"),
    "team": ("a", "b", "c", "d"),
}
USERS = tuple(f"user-{number}" for number in range(20))


@dataclass(frozen=True, slots=True)
class Crowd:
    """How much is said and how much of it is false. Right decisions are commented on with a fifth of `rate`."""

    rate: float = 0.1
    flips: float = 0.1
    audit: float = 0.05
    comments: float = 0.2


@dataclass(slots=True)
class Tally:
    """Decisions by whether the base was right, and of these how many memory turned round."""

    base_right: int = 0
    base_wrong: int = 0
    broken: int = 0
    repaired: int = 0

    @property
    def harm(self) -> float:
        return self.broken / max(1, self.base_right)

    @property
    def gain(self) -> float:
        return self.repaired / max(1, self.base_wrong)


class Table:
    """A policy table over info and recipient. The base has two cells of it wrong, one of them but for an exception."""

    def __init__(self, random: Random) -> None:
        cells = [(info, to) for info in DOMAIN["info"] for to in DOMAIN["to"]]
        self.base: dict[tuple[str, str], Effect] = {cell: random.choice(("allow", "forbid")) for cell in cells}
        self.draw(random)

    def draw(self, random: Random) -> None:
        """Draw anew which cells are wrong: of the table, not of the base."""
        allowed = sorted(cell for cell, effect in self.base.items() if effect == "allow")
        random.shuffle(allowed)
        self.wrong = dict.fromkeys(allowed[:2])
        self.exception = (allowed[0], "consent", "yes")

    def truth(self, call: Mapping[str, str]) -> Label:
        cell = call["info"], call["to"]
        excepted = self.exception[0] == cell and call["consent"] == "yes"
        wrong = cell in self.wrong and not excepted
        return "forbid" if (self.base[cell] == "allow") == wrong else "allow"


@dataclass
class Traffic:
    """One seeded stream past memory: 100 decisions a day, a refresh after each 100. The last quarter is `late`."""

    crowd: Crowd = Crowd()
    terms: Terms = field(default_factory=lambda: Terms(new_reporter_weight=0.5))
    decisions: int = 4_000
    drift: bool = False

    def run(self, seed: int) -> tuple[Tally, Tally, State]:
        random, chance = Random(f"table {seed}"), Random(f"crowd {seed}")
        table, state, whole, late = Table(random), State("acme"), Tally(), Tally()
        for place in range(self.decisions):
            if self.drift and place == self.decisions // 2:
                table.draw(random)
            at = BEGIN + place * (DAY // 100)
            call = {name: chance.choice(values) for name, values in DOMAIN.items()}
            truth, base = table.truth(call), table.base[call["info"], call["to"]]
            context = Context("send", tuple(sorted(call.items())))
            effect = decide(state, context, base)
            for tally in (whole, late) if place >= self.decisions * 3 // 4 else (whole,):
                count(tally, base, effect, truth)
            observed = Observed(f"dec-{place}", "acme", at, "agent", context, base, effect, "")
            self._said(state, observed, truth, (effect == "allow") == (truth == "allow"), chance)
            if (place + 1) % 100 == 0:
                step(self.terms, state, Refreshed(at, place), ENCODER)
        return whole, late, state

    def _said(self, state: State, observed: Observed, truth: Label, right: bool, chance: Random) -> None:
        user = Reporter(chance.choice(USERS), "acme", "user")
        rolls = [chance.random() for _ in range(3)]
        if rolls[0] < self.crowd.rate * (self.crowd.comments if right else 1.0):
            label: Label = ("allow" if truth == "forbid" else "forbid") if rolls[1] < self.crowd.flips else truth
            step(self.terms, state, Reported(observed.at, observed, user, label), ENCODER)
        if rolls[2] < self.crowd.audit:
            auditor = Reporter("auditor", "acme", "audit")
            step(self.terms, state, Reported(observed.at, observed, auditor, truth), ENCODER)


def decide(state: State, context: Context, base: Effect) -> Effect:
    """What an active forbid makes of an allowed call: memory.voice without a radius, so broader than the product."""
    if base == "allow":
        for one in state.abstractions.values():
            if one.phase == "active" and one.label == "forbid" and fires(state, one, context):
                return "ask"
    return base


def count(tally: Tally, base: Effect, effect: Effect, truth: Label) -> None:
    base_right, right = (base == "allow") == (truth == "allow"), (effect == "allow") == (truth == "allow")
    tally.base_right += base_right
    tally.base_wrong += not base_right
    tally.broken += base_right and not right
    tally.repaired += right and not base_right


@pytest.fixture
def traffic() -> Callable[..., Traffic]:
    return Traffic


@pytest.fixture
def crowd() -> Callable[..., Crowd]:
    return Crowd
