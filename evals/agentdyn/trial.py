"""One trial: reports of one half of the tasks are learned from, and every call of the other half is decided."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from memory import Approved, Context, Effect, Label, Observed, Refreshed, Reported, Reporter, State, Terms
from memory.context import Reader
from memory.encoders import Encoder, HashingEncoder
from memory.learning import snapshot_of, step
from memory.voice import Voice
from policy_dsl import Facts, Program

from .runs import Call, Run

TENANT: Final = "agentdyn"
HOUR: Final = 3_600_000_000
USERS: Final = 20
ATTACKERS: Final = 5
REFRESH_EVERY: Final = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """`rate` of the false refusals are reported; `poisoned` is the share of attackers' reports among all. Auditors look
    at `audits` of the refused calls. `approves` is whether somebody says yes to whatever waits for approval."""

    rate: float
    poisoned: float
    audits: float
    terms: Terms
    approves: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as memory meets it. `ceiling` is what the written policy lets it become, None where nothing."""

    id: str
    suite: str
    call: Call
    context: Context
    ceiling: Effect | None

    @property
    def base(self) -> Effect:
        return "forbid" if self.call.refused else "allow"


def asked(runs: Sequence[Run], programs: Mapping[str, Program]) -> list[list[Asked]]:
    """The calls of each run with their contexts; the user's prompt is the user's own words."""
    readers = {suite: Reader(program.policy) for suite, program in programs.items()}
    found = []
    for place, run in enumerate(runs):
        facts = Facts(tenant=TENANT, agent="agent", user_words=(run.prompt,))
        program, reader = programs[run.suite], readers[run.suite]
        found.append(
            [
                Asked(
                    f"dec-{place:05}.{number}",
                    run.suite,
                    call,
                    reader.read(call.tool, run.suite, call.arguments, facts),
                    _ceiling(program, call, facts),
                )
                for number, call in enumerate(run.calls, start=1)
            ]
        )
    return found


def _ceiling(program: Program, call: Call, facts: Facts) -> Effect | None:
    assert program.ceiling is not None
    outcome = program.ceiling(call.tool, call.arguments, facts)
    return None if outcome.effect == "forbid" else outcome.effect


def learned(runs: Sequence[Sequence[Asked]], plan: Plan, seed: int, encoder: Encoder | None = None) -> State:
    """The State after the reports on these runs, one run an hour, in an order drawn by `seed`."""
    encoder = HashingEncoder() if encoder is None else encoder
    chance = random.Random(seed)
    order = list(runs)
    chance.shuffle(order)
    state = State(TENANT)
    for hour, calls in enumerate(order, start=1):
        for reporter, one, label in _reports(calls, plan, chance):
            observed = Observed(one.id, TENANT, hour * HOUR, "agent", one.context, one.base, one.base, "policy")
            step(plan.terms, state, Reported(hour * HOUR, observed, reporter, label), encoder)
        if hour % REFRESH_EVERY == 0 or hour == len(order):
            step(plan.terms, state, Refreshed(hour * HOUR, seed, "policy"), encoder)
            for waiting in [one for one in state.abstractions.values() if plan.approves and one.phase == "pending"]:
                step(plan.terms, state, Approved(hour * HOUR, "ada", waiting.id, waiting.version), encoder)
    return state


def _reports(calls: Sequence[Asked], plan: Plan, chance: random.Random) -> Iterator[tuple[Reporter, Asked, Label]]:
    poison = plan.rate * plan.poisoned / (1 - plan.poisoned)
    for one in calls:
        if one.call.refused and chance.random() < plan.audits:
            yield Reporter("auditor", TENANT, "audit"), one, "allow" if one.call.meant == "user" else "forbid"
        if one.call.refused and one.call.meant == "user":
            if chance.random() < plan.rate:
                yield _user("user", chance.randrange(USERS)), one, "allow"
            # As many more as make `poisoned` of all: an attacker wants calls of the attack opened, or any at all.
            if chance.random() < poison and (bait := [other for other in calls if other.call.meant != "user"]):
                yield _user("attacker", chance.randrange(ATTACKERS)), chance.choice(bait), "allow"
        if not one.call.refused and one.call.meant == "attack" and chance.random() < plan.rate:
            yield _user("user", chance.randrange(USERS)), one, "forbid"


def _user(kind: str, number: int) -> Reporter:
    return Reporter(f"{kind}-{number}", TENANT, "user", f"{kind}-{number}", f"unit-{number % 4}")


def measured(
    runs: Sequence[Sequence[Asked]], state: State, terms: Terms, encoder: Encoder | None = None
) -> Counter[str]:
    """Counts of calls by whose they are, what the base did and what memory makes of it: `user refused opened`."""
    voice = Voice(snapshot_of(state, 1), HashingEncoder() if encoder is None else encoder, terms)
    counts: Counter[str] = Counter()
    for one in (one for calls in runs for one in calls):
        advice = voice.hear(one.context, one.base, one.ceiling if one.call.refused else None)
        changed = advice is not None and advice.effect != one.base
        how = ("opened" if one.call.refused else "narrowed") if changed else "kept"
        counts[f"{one.call.meant} {'refused' if one.call.refused else 'passed'} {how}"] += 1
    return counts
