"""memory.md 7.4 where it is learning's to keep, on random histories folded for real: word, intake, evidence, passes.

Covers fold.py, index.py, make.py, people.py and text.py as a whole; each invariant's number stands in its test's name.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st

from memory import (
    Abstraction,
    Approved,
    Case,
    Context,
    Edited,
    Effect,
    Event,
    Evidence,
    Label,
    Observed,
    Refreshed,
    Rejected,
    Reported,
    Reporter,
    ReporterKind,
    Retracted,
    RolledBack,
    State,
    Terms,
)
from memory.encoders import HashingEncoder, Kept
from memory.learning import Changes, canonical, fold, snapshot_of, step
from memory.learning.index import fires, living
from memory.learning.make import Work, condition_of, keep, made
from memory.learning.merge import merge

DAY = 86_400_000_000
BEGIN = 20_000 * DAY
TERMS = Terms(new_reporter_weight=0.5, missed_harm=1.0, reports_a_day=1_000, audit_for_allow=False)
ENCODER = Kept(HashingEncoder())
PEOPLE = [Reporter(f"user-{at}", "acme", "user", f"user/{at}", f"unit-{at % 3}") for at in range(6)]
AUDITOR = Reporter("auditor", "acme", "audit")
AGENT = Reporter("bot", "acme", "automated")


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


def test_invariant_7_reports_between_two_refreshes_may_come_in_any_order(every: Callable[..., None]) -> None:
    """With fixed weights (no auditor moves anyone's trust): what is learned depends on what was said, not on who was
    first. Numbers of reports differ, so contents are compared without them."""

    def check(seed: int, order: int) -> None:
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

    every(10, check, SEEDS, st.integers(0, 1_000))


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


def test_invariant_8_a_report_said_twice_changes_nothing(every: Callable[..., None]) -> None:
    def check(seed: int, data: st.DataObject) -> None:
        events = history(seed, 4)
        again = data.draw(st.sampled_from([one for one in events if isinstance(one, Reported)]))
        at = data.draw(st.integers(events.index(again) + 1, len(events)))
        flipped = replace(again, label="allow" if again.label == "forbid" else "forbid", because="changed my mind")
        twice = [*events[:at], data.draw(st.sampled_from([again, flipped])), *events[at:]]
        assert renumbered(told(twice)) == renumbered(told(events))

    every(10, check, SEEDS, st.data())


def renumbered(state: State) -> object:
    """A duplicate takes a number of the log: what follows it is one further."""
    return essence(state), [(one.decision, one.reporter, one.weight, one.standing) for one in state.reports]


def test_invariant_9_a_retracted_reporter_was_never_there(every: Callable[..., None]) -> None:
    def check(seed: int, data: st.DataObject) -> None:
        events = history(seed)
        gone = data.draw(st.sampled_from([*PEOPLE, AUDITOR, AGENT])).id
        at = data.draw(st.integers(0, len(events)))
        retracted = [*events[:at], Retracted(BEGIN, "boss", gone), *events[at:]]
        without = [one for one in events if not (isinstance(one, Reported) and one.reporter.id == gone)]
        assert canonical(told(retracted)) == canonical(told(without))
        assert gone.encode() not in canonical(told(retracted))

    every(10, check, SEEDS, st.data())


LABELS: tuple[Label, ...] = ("allow", "forbid")


loud_words = st.lists(
    st.tuples(st.sampled_from(("old", "old", "new")), st.integers(0, 200), st.sampled_from(LABELS)), max_size=40
)
"""What one person says: of a decision that others reported or of one that nobody did, which, and what."""


def test_invariant_10_one_reporter_alone_closes_nothing(new_story: Any, every: Callable[..., None]) -> None:
    """What speaks goes on, whatever one user says against it over days, with refreshes between; it takes two, or an
    auditor. With `denies` every word that was said is denied by that one."""

    def check(people: int, confirmations: int, days: list[list[Any]], denies: bool, kind: ReporterKind) -> None:
        story = new_story()
        rule = story.learned([f"user-{number}" for number in range(people)], confirmations)
        told = [one for one in story.events if isinstance(one, Reported)]
        loud = Reporter("loud", "acme", kind, "user/loud", "unit-loud")
        for number, words in enumerate(days):
            for what, which, label in words:
                observed = told[which % len(told)].observed
                if what == "new":
                    observed = replace(observed, id=f"loud-{len(story.events)}", at=story.now)
                story.tell(Reported(story.now, observed, loud, label))
            if denies and number == 0:
                for one in told:
                    other: Label = "allow" if one.label == "forbid" else "forbid"
                    story.tell(Reported(story.now, one.observed, loud, other))
            story.refresh()
            assert story.phases()[rule] == "active", story.state.abstractions[rule].reading

    every(
        10,
        check,
        st.integers(3, 6),
        st.integers(24, 40),
        st.lists(loud_words, min_size=1, max_size=3),
        st.booleans(),
        st.sampled_from(("user", "automated")),
    )


@pytest.mark.parametrize("kinds", [("user", "user"), ("admin",), ("audit",)], ids=" and ".join)
def test_invariant_10_two_close_what_one_does_not_and_so_does_an_auditor(
    new_story: Any, kinds: tuple[ReporterKind, ...]
) -> None:
    """The property above is not one of a gate that never closes."""
    story = new_story()
    rule = story.learned()
    told = [one for one in story.events if isinstance(one, Reported) and one.label == "forbid"]
    for number, kind in enumerate(kinds):
        for one in told:
            story.tell(Reported(story.now, one.observed, Reporter(f"loud-{number}", "acme", kind), "allow"))
    story.refresh()
    assert story.phases()[rule] != "active"


def test_invariant_10_one_reporter_alone_opens_nothing(every: Callable[..., None]) -> None:
    def check(seed: int, count: int, label: Label) -> None:
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

    every(10, check, SEEDS, st.integers(10, 60), st.sampled_from(LABELS))


def test_invariant_11_a_split_conserves_evidence(every: Callable[..., None]) -> None:
    """What the parent had is what it has and what lies in its exception, which begins with nothing."""

    def check(seed: int) -> None:
        state = State("acme")
        for event in history(seed, 8, 24):
            before = {key: dict(rows) for key, rows in state.evidence.items()}
            children, known = {row.child for row in state.lineage}, len(state.lineage)
            step(TERMS, state, event, ENCODER)
            new = [row for row in state.lineage if row.act == "split" and row.child not in children]
            # Made in this very refresh, a parent began with what was known against it, which `before` does not have.
            fresh = {row.child for row in state.lineage[known:] if row.act == "induce"}
            for row in new:
                child, (parent,) = state.abstractions[row.child], row.parents
                if any(
                    parent in other.parents or parent == other.child for other in state.lineage if other.act == "merge"
                ):
                    continue
                if parent in fresh:
                    continue
                inside = {one for one in before.get(parent, {}) if child.condition.holds(state.cases[one].context)}
                carved = [state.abstractions[one].condition for one in state.abstractions[parent].exceptions]
                moved = {one for one in before[parent] if any(c.holds(state.cases[one].context) for c in carved)}
                assert inside <= moved
                assert set(before[parent]) == set(state.evidence[parent]) | moved
                assert not set(state.evidence[parent]) & moved
                assert not state.evidence[row.child]

    every(10, check, SEEDS)


VALUES = ("w", "x", "y", "z")
pieces = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from((0.25, 0.5, 1.0)), st.booleans()), min_size=1, max_size=6
)


def apart(evidence: dict[str, list[tuple[int, float, bool]]], narrow: bool) -> State:
    """Abstractions that differ in the values of one attribute only, each with evidence that says it is right. With
    `narrow` there is one more, which is implied by that of `w` and shares cases with it. All sleep."""
    state = State("acme", sequence=1)
    conditions = {value: condition_of("send", {"a": (value,)}.items()) for value in evidence}
    if narrow:
        conditions["narrow"] = condition_of("send", {"a": ("w",), "b": ("p",)}.items())
        evidence = {**evidence, "narrow": evidence["w"]}
    for name, rows in evidence.items():
        value, b = ("w", "p") if name == "narrow" else (name, "q")
        kept: dict[str, Evidence] = {}
        support: list[str] = []
        one = made(TERMS, ENCODER, state, BEGIN, "forbid", conditions[name], ())
        for number, weight, audit in rows:
            case = f"{value}{number}"
            context = Context("send", (("a", value), ("b", "p" if narrow and number < 5 else b)))
            state.cases.setdefault(case, Case(case, 2, BEGIN, context, "allow", "allow", ""))
            support.append(case)
            if one.condition.holds(state.cases[case].context):
                kept[case] = Evidence(one.id, case, 2, BEGIN, True, weight, (f"r{number}",), ("",), audit)
        keep(state, replace(one, phase="dormant", support=tuple(sorted(support))))
        state.evidence[one.id] = kept
    return state


def test_invariant_12_merging_is_associative_and_commutative_on_evidence(every: Callable[..., None]) -> None:
    """Whichever wakes first is merged first; what comes of all is one abstraction with the union of their evidence,
    by decision: nothing is lost, nothing counts twice."""

    def check(evidence: dict[str, list[tuple[int, float, bool]]], data: st.DataObject) -> None:
        outcomes = []
        for order in (sorted(evidence), data.draw(st.permutations(sorted(evidence)))):
            state = apart(evidence, narrow=False)
            whole = {decision: piece for rows in state.evidence.values() for decision, piece in rows.items()}
            names = {dict(one.condition.tests)["a"][0]: one.id for one in state.abstractions.values()}
            for value in order:
                state.abstractions[names[value]] = replace(state.abstractions[names[value]], phase="shadow")
                merge(Work(TERMS, ENCODER, Refreshed(BEGIN, 0), Changes()), state)
            (one,) = living(state)
            assert one.condition == condition_of("send", {"a": tuple(evidence)}.items())
            assert state.evidence[one.id].keys() == whole.keys()
            assert all(row.abstraction == one.id for row in state.evidence[one.id].values())
            assert {key: replace(row, abstraction="") for key, row in state.evidence[one.id].items()} == {
                key: replace(row, abstraction="") for key, row in whole.items()
            }
            assert sum(len(rows) for rows in state.evidence.values()) == len(whole)
            outcomes.append((one, state.evidence[one.id]))
        assert outcomes[0] == outcomes[1]

    every(10, check, st.dictionaries(st.sampled_from(VALUES), pieces, min_size=2), st.data())


def test_invariant_12_what_implies_another_is_taken_in_once(every: Callable[..., None]) -> None:
    """The narrow one and the broad one have cases in common: the union has each of them once."""

    def check(order: tuple[str, ...], data: st.DataObject) -> None:
        numbers = st.lists(st.integers(5, 9), min_size=2, max_size=5, unique=True)
        outside = [(number, 1.0, True) for number in data.draw(numbers)]
        inside = [(number, 1.0, True) for number in data.draw(st.lists(st.integers(0, 4), unique=True, max_size=4))]
        state = apart({"w": [*outside, *inside], "x": [(1, 1.0, True)]}, narrow=True)
        whole = {decision for rows in state.evidence.values() for decision in rows}
        names = {
            "narrow" if len(one.condition.tests) == 2 else dict(one.condition.tests)["a"][0]: one.id
            for one in state.abstractions.values()
        }
        for name in order:
            state.abstractions[names[name]] = replace(state.abstractions[names[name]], phase="shadow")
            merge(Work(TERMS, ENCODER, Refreshed(BEGIN, 0), Changes()), state)
        (one,) = living(state)
        assert one.condition == condition_of("send", {"a": ("w", "x")}.items())
        assert state.evidence[one.id].keys() == whole
        assert sum(len(rows) for rows in state.evidence.values()) == len(whole)

    every(10, check, st.permutations(("w", "x", "narrow")), st.data())


def test_no_case_confirms_what_it_induced_and_none_counts_twice(every: Callable[..., None]) -> None:
    """What confirms is about cases that were first reported after the abstraction was made; of a merged one, by then of
    one of those it was made of. What was known against it before may count against it. It fires there, outside the
    exceptions."""

    def check(seed: int) -> None:
        state = told(history(seed, 8, 24))
        for key, rows in state.evidence.items():
            abstraction = state.abstractions[key]
            merged = any(row.child == key and row.act == "merge" for row in state.lineage)
            for decision, row in rows.items():
                assert row.decision == decision
                assert fires(state, abstraction, state.cases[decision].context)
                assert merged or row.sequence > abstraction.made or not row.right

    every(10, check, SEEDS)


def test_invariant_13_a_second_refresh_changes_nothing_and_a_replay_is_equal(every: Callable[..., None]) -> None:
    def check(seed: int, last: int) -> None:
        events = history(seed)
        again = Refreshed(BEGIN + 6 * DAY, last)
        once, state = told([*events, again]), told([*events, again])
        assert canonical(once) == canonical(state)
        changes = step(TERMS, state, again, ENCODER)
        assert not changes, changes.lines()
        assert snapshot_of(state).digest == snapshot_of(once).digest

    every(10, check, SEEDS, st.integers(0, 5))


def test_invariant_13_a_loaded_state_goes_on_like_one_that_stayed(every: Callable[..., None]) -> None:
    """The index is a cache: a State from the store, without it, folds on to the same bytes."""

    def check(seed: int, data: st.DataObject) -> None:
        events = history(seed)
        at = data.draw(st.integers(0, len(events)))
        state = told(events[:at])
        state.index = None
        for event in events[at:]:
            step(TERMS, state, event, ENCODER)
        assert canonical(state) == canonical(told(events))

    every(10, check, SEEDS, st.data())


def test_invariant_14_a_rolled_back_snapshot_speaks_as_it_did(every: Callable[..., None]) -> None:
    def check(seed: int, version: int) -> None:
        events = history(seed)
        refreshes = [at for at, one in enumerate(events) if isinstance(one, Refreshed)]
        then = snapshot_of(told(events[: refreshes[version - 1] + 1]))
        back = snapshot_of(told([*events, RolledBack(BEGIN + 9 * DAY, "boss", version)]))
        assert then.version == version
        assert back.abstractions == then.abstractions
        assert back.supports == then.supports
        assert back.digest == then.digest
        assert back.version == len(refreshes) + 1

    every(10, check, SEEDS, st.integers(1, 6))


def test_invariant_15_what_sleeps_or_is_contested_or_retired_is_not_active(every: Callable[..., None]) -> None:
    """A year without a call puts all to sleep; a snapshot then has nothing to say."""

    def check(seed: int) -> None:
        events = [*history(seed), Refreshed(BEGIN + 400 * DAY, 0)]
        state = told(events)
        assert not living(state)
        assert not [one for one in snapshot_of(state).abstractions if one.phase in ("active", "pending", "shadow")]

    every(10, check, SEEDS)


def test_invariant_17_an_edit_fires_on_no_more(every: Callable[..., None]) -> None:
    def check(seed: int, data: st.DataObject) -> None:
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

    every(10, check, SEEDS, st.data())


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
