"""memory.md 7.4 where it is learning's to keep, on random histories folded for real: word, intake, evidence, passes.

Covers fold.py, index.py, make.py, people.py and text.py as a whole; each invariant's number stands in its test's name.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory import (
    Abstraction,
    Approved,
    Context,
    Edited,
    Effect,
    Event,
    Label,
    Observed,
    Refreshed,
    Rejected,
    Reported,
    Reporter,
    Retracted,
    RolledBack,
    State,
    Terms,
)
from memory.encoders import HashingEncoder, Kept
from memory.learning import canonical, fold, snapshot_of, step
from memory.learning.index import fires, living
from memory.learning.make import condition_of

DAY = 86_400_000_000
BEGIN = 20_000 * DAY
TERMS = Terms(new_reporter_weight=0.5, missed_harm=1.0, reports_a_day=1_000, audit_for_allow=False)
ENCODER = Kept(HashingEncoder())
PEOPLE = [Reporter(f"user-{at}", "acme", "user", f"user/{at}", f"unit-{at % 3}") for at in range(6)]
AUDITOR = Reporter("auditor", "acme", "audit")
AGENT = Reporter("bot", "acme", "automated")
MANY = settings(max_examples=25)


def history(seed: int, days: int = 6, a_day: int = 24, auditors: bool = True) -> list[Event]:
    """A world of two tools with one wrong region each, one of them with an exception; who reports errs in a tenth."""
    chance = random.Random(seed)
    region, exception = chance.choice("xyz"), chance.choice("pq")
    events: list[Event] = []
    for day in range(days):
        for number in range(a_day):
            call = {"a": chance.choice((region, *"xyz")), "b": chance.choice("pq"), "c": chance.choice("klmn")}
            wrong = call["a"] == region and call["b"] != exception
            if not wrong and chance.random() < 0.6:
                continue
            tool = chance.choice(("send", "send", "send", "read"))
            base: Effect = "allow" if tool == "send" else "forbid"
            truth = ("forbid" if base == "allow" else "allow") if wrong else base
            label = truth if chance.random() < 0.9 else ("allow" if truth == "forbid" else "forbid")
            at = BEGIN + day * DAY + number * (DAY // (a_day + 1))
            context = Context(tool, tuple(sorted(call.items())), call["c"])
            reporter = chance.choice([*PEOPLE, AGENT, AUDITOR] if auditors else PEOPLE)
            observed = Observed(f"d{day}-{number}", "acme", at, "agent", context, base, base, "")
            events.append(Reported(at, observed, reporter, label))
            if chance.random() < 0.2:
                events.append(Reported(at + 1, observed, chance.choice(PEOPLE), label))
        events.append(Refreshed(BEGIN + (day + 1) * DAY, day))
    return events


def told(events: list[Event], terms: Terms = TERMS) -> State:
    return fold(terms, events, "acme", ENCODER)


SEEDS = st.integers(0, 10_000)


def test_the_histories_learn_something() -> None:
    """The properties below would hold of a memory that never learns."""
    states = [told(history(seed)) for seed in range(8)]
    assert sum(len(state.abstractions) for state in states) > 10
    assert sum(len(rows) for state in states for rows in state.evidence.values()) > 30
    assert any(one.phase == "active" for state in states for one in state.abstractions.values())
    assert any(row.act == "split" for seed in range(30) for row in told(history(seed, 8, 24)).lineage)


def test_invariant_1_an_empty_history_says_nothing() -> None:
    snapshot = snapshot_of(told([]))
    assert (snapshot.version, snapshot.abstractions, dict(snapshot.supports)) == (0, (), {})
    assert snapshot_of(told([Refreshed(BEGIN, 0)])).digest == snapshot.digest


@MANY
@given(SEEDS, st.integers(0, 1_000))
def test_invariant_7_reports_between_two_refreshes_may_come_in_any_order(seed: int, order: int) -> None:
    """With fixed weights (no auditor moves anyone's trust): what is learned depends on what was said, not on who was
    first. Numbers of reports differ, so contents are compared without them."""
    events, shuffler = history(seed, auditors=False), random.Random(order)
    shuffled: list[Event] = []
    day: list[Event] = []
    for event in events:
        if isinstance(event, Refreshed):
            shuffler.shuffle(day)
            shuffled += [*day, event]
            day = []
        else:
            day.append(event)
    assert essence(told(shuffled)) == essence(told(events))


def numbers(one: Abstraction) -> tuple[float, ...]:
    """What a gate reads of counts; its detector of short runs reads the order, and may (memory.gates.read_gate)."""
    reading = one.reading
    return () if reading is None else (round(reading.bound, 9), round(reading.log_e, 9), round(reading.confirming, 9))


def essence(state: State) -> object:
    return (
        sorted((one.id, one.support, one.exceptions, numbers(one)) for one in state.abstractions.values()),
        sorted(
            (key, row.decision, row.right, row.weight) for key, rows in state.evidence.items() for row in rows.values()
        ),
    )


@MANY
@given(SEEDS, st.data())
def test_invariant_8_a_report_said_twice_changes_nothing(seed: int, data: st.DataObject) -> None:
    events = history(seed, 4)
    again = data.draw(st.sampled_from([one for one in events if isinstance(one, Reported)]))
    at = data.draw(st.integers(events.index(again) + 1, len(events)))
    flipped = replace(again, label="allow" if again.label == "forbid" else "forbid", because="changed my mind")
    twice = [*events[:at], data.draw(st.sampled_from([again, flipped])), *events[at:]]
    assert renumbered(told(twice)) == renumbered(told(events))


def renumbered(state: State) -> object:
    """A duplicate takes a number of the log: what follows it is one further."""
    return essence(state), [(one.decision, one.reporter, one.weight, one.standing) for one in state.reports]


@MANY
@given(SEEDS, st.data())
def test_invariant_9_a_retracted_reporter_was_never_there(seed: int, data: st.DataObject) -> None:
    events = history(seed)
    gone = data.draw(st.sampled_from([*PEOPLE, AUDITOR, AGENT])).id
    at = data.draw(st.integers(0, len(events)))
    retracted = [*events[:at], Retracted(BEGIN, "boss", gone), *events[at:]]
    without = [one for one in events if not (isinstance(one, Reported) and one.reporter.id == gone)]
    assert canonical(told(retracted)) == canonical(told(without))
    assert gone.encode() not in canonical(told(retracted))


LABELS: tuple[Label, ...] = ("allow", "forbid")


@MANY
@given(SEEDS, st.sampled_from(LABELS), st.integers(1, 40))
def test_invariant_10_one_reporter_alone_closes_nothing(seed: int, label: Label, count: int) -> None:
    """What speaks goes on, however much one user says against it; it takes two, or an auditor."""
    events = history(seed)
    at, before = BEGIN + 6 * DAY, told(events)
    chance, loud = random.Random(seed), list(events)
    for number in range(count if living(before) else 0):
        target = chance.choice(living(before))
        call = {"a": "x", "b": "p", "c": "k", **{name: values[0] for name, values in target.condition.tests}}
        context = Context(target.condition.tool, tuple(sorted(call.items())))
        base: Effect = "allow" if target.label == "forbid" else "forbid"
        observed = Observed(f"loud-{number}", "acme", at + number, "agent", context, base, base, "")
        loud.append(Reported(at + number, observed, Reporter("loud", "acme", "user", "user/loud"), label))
    quiet, after = told([*events, Refreshed(at + DAY, 9)]), told([*loud, Refreshed(at + DAY, 9)])
    for one in living(before):
        if quiet.abstractions[one.id].phase == "active":
            assert after.abstractions[one.id].phase == "active"


@MANY
@given(SEEDS, st.integers(10, 60), st.sampled_from(LABELS))
def test_invariant_10_one_reporter_alone_opens_nothing(seed: int, count: int, label: Label) -> None:
    chance, events = random.Random(seed), list[Event]()
    for number in range(count):
        at = BEGIN + number * DAY // 8
        context = Context("send", (("a", "x"), ("b", chance.choice("pq")), ("c", chance.choice("klmn"))))
        observed = Observed(
            f"d{number}", "acme", at, "agent", context, "allow" if label == "forbid" else "forbid", "ask", ""
        )
        events.append(Reported(at, observed, PEOPLE[0], label))
        if number % 8 == 7:
            events.append(Refreshed(at, number))
    assert not told(events).abstractions


@MANY
@given(SEEDS)
def test_invariant_11_a_split_conserves_evidence(seed: int) -> None:
    """What the parent had is what it has and what lies in its exception, which begins with nothing."""
    state = State("acme")
    for event in history(seed, 8, 24):
        before = {key: dict(rows) for key, rows in state.evidence.items()}
        children = {row.child for row in state.lineage}
        step(TERMS, state, event, ENCODER)
        new = [row for row in state.lineage if row.act == "split" and row.child not in children]
        for row in new:
            child, (parent,) = state.abstractions[row.child], row.parents
            if any(parent in other.parents or parent == other.child for other in state.lineage if other.act == "merge"):
                continue
            inside = {one for one in before.get(parent, {}) if child.condition.holds(state.cases[one].context)}
            carved = [state.abstractions[one].condition for one in state.abstractions[parent].exceptions]
            moved = {one for one in before[parent] if any(c.holds(state.cases[one].context) for c in carved)}
            assert inside <= moved
            assert set(before[parent]) == set(state.evidence[parent]) | moved
            assert not set(state.evidence[parent]) & moved
            assert not state.evidence[row.child]


@MANY
@given(SEEDS)
def test_no_case_confirms_what_it_induced_and_none_counts_twice(seed: int) -> None:
    """Evidence is about cases that were first reported after the abstraction was made; of a merged one, by then of one
    of those it was made of. It fires there, outside the exceptions."""
    state = told(history(seed, 8, 24))
    for key, rows in state.evidence.items():
        abstraction = state.abstractions[key]
        merged = any(row.child == key and row.act == "merge" for row in state.lineage)
        for decision, row in rows.items():
            assert row.decision == decision
            assert fires(state, abstraction, state.cases[decision].context)
            assert merged or row.sequence > abstraction.made


@MANY
@given(SEEDS, st.integers(0, 5))
def test_invariant_13_a_second_refresh_changes_nothing_and_a_replay_is_equal(seed: int, last: int) -> None:
    events = history(seed)
    again = Refreshed(BEGIN + 6 * DAY, last)
    once, state = told([*events, again]), told([*events, again])
    assert canonical(once) == canonical(state)
    changes = step(TERMS, state, again, ENCODER)
    assert not changes, changes.lines()
    assert snapshot_of(state).digest == snapshot_of(once).digest


@MANY
@given(SEEDS, st.data())
def test_invariant_13_a_loaded_state_goes_on_like_one_that_stayed(seed: int, data: st.DataObject) -> None:
    """The index is a cache: a State from the store, without it, folds on to the same bytes."""
    events = history(seed)
    at = data.draw(st.integers(0, len(events)))
    state = told(events[:at])
    state.index = None
    for event in events[at:]:
        step(TERMS, state, event, ENCODER)
    assert canonical(state) == canonical(told(events))


@MANY
@given(SEEDS, st.integers(1, 6))
def test_invariant_14_a_rolled_back_snapshot_speaks_as_it_did(seed: int, version: int) -> None:
    events = history(seed)
    refreshes = [at for at, one in enumerate(events) if isinstance(one, Refreshed)]
    then = snapshot_of(told(events[: refreshes[version - 1] + 1]))
    back = snapshot_of(told([*events, RolledBack(BEGIN + 9 * DAY, "boss", version)]))
    assert then.version == version
    assert back.abstractions == then.abstractions
    assert back.supports == then.supports
    assert back.digest == then.digest
    assert back.version == len(refreshes) + 1


@MANY
@given(SEEDS)
def test_invariant_15_what_sleeps_or_is_contested_or_retired_is_not_active(seed: int) -> None:
    """A year without a call puts all to sleep; a snapshot then has nothing to say."""
    events = [*history(seed), Refreshed(BEGIN + 400 * DAY, 0)]
    state = told(events)
    assert not living(state)
    assert not [one for one in snapshot_of(state).abstractions if one.phase in ("active", "pending", "shadow")]


@MANY
@given(SEEDS, st.data())
def test_invariant_17_an_edit_fires_on_no_more(seed: int, data: st.DataObject) -> None:
    events = history(seed)
    state = told(events)
    if not living(state):
        return
    old: Abstraction = data.draw(st.sampled_from(living(state)))
    narrower = condition_of(old.condition.tool, {**dict(old.condition.tests), "c": ("k",)}.items())
    broader = condition_of(old.condition.tool, old.condition.tests[1:])
    edited = told([*events, Edited(BEGIN + 7 * DAY, "boss", old.id, narrower)])
    refused = told([*events, Edited(BEGIN + 7 * DAY, "boss", old.id, broader)])
    assert set(refused.abstractions) == set(state.abstractions)
    for a in "xyz":
        for b in "pq":
            for c in "klmn":
                call = Context(old.condition.tool, (("a", a), ("b", b), ("c", c)))
                before = [one for one in living(state) if one.label == old.label and fires(state, one, call)]
                after = [one for one in living(edited) if one.label == old.label and fires(edited, one, call)]
                assert before or not after
    for one in living(edited):
        if one.id not in state.abstractions:
            assert not edited.evidence[one.id]
            assert (one.phase, one.approved) == ("shadow", None)


def test_a_retraction_has_no_step() -> None:
    with pytest.raises(ValueError, match="folded from the whole history"):
        step(TERMS, State("acme"), Retracted(BEGIN, "boss", "ann"), ENCODER)


def test_what_a_person_rejected_stays_away_after_a_rollback() -> None:
    events = history(3)
    found = living(told(events))[0].id
    state = told([*events, Rejected(BEGIN + 7 * DAY, "boss", found), RolledBack(BEGIN + 8 * DAY, "boss", 6)])
    assert state.abstractions[found].phase == "retired"


def test_an_approval_of_another_version_is_none() -> None:
    events = history(3)
    one = living(told(events))[0]
    state = told([*events, Approved(BEGIN + 7 * DAY, "boss", one.id, one.version + 1)])
    assert state.abstractions[one.id].approved is None
