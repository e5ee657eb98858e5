"""A State comes back from its tables as it was, whatever is in it, however it changes.

Of memory/store: states.py, rows.py, abstractions.py, snapshots.py.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import strategies as st
from sqlalchemy import event

from memory import Abstraction, Case, Context, Evidence, GateReading, Refreshed, Report, Snapshot, State
from memory.model import Condition, Effect, GateName, Label, Lineage, Phase, ReporterKind, Standing
from memory.store import Store
from memory.store.snapshots import body_of, snapshot_of_body

TENANTS = itertools.count(1)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
"""Any Unicode, NUL included: what calls and models may hold."""
names = st.text("abcdef", min_size=1, max_size=2)
numbers = st.integers(0, 2**53)
times = st.integers(0, 2**52)
floats = st.floats(allow_nan=False)
weights = st.floats(0, 1)


def one_of(kind: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(get_args(kind))


contexts = st.builds(Context, names, st.lists(st.tuples(names, texts), max_size=3).map(tuple), texts)
conditions = st.builds(
    Condition, names, st.lists(st.tuples(names, st.lists(texts, max_size=2).map(tuple)), max_size=2).map(tuple)
)
readings = st.builds(
    GateReading,
    one_of(GateName),
    st.booleans(),
    names,
    floats,
    floats,
    numbers,
    numbers,
    floats,
    floats,
    floats,
    floats,
)
several = st.lists(names, max_size=3).map(tuple)
reports = st.builds(
    Report, numbers, times, names, names, one_of(ReporterKind), names, one_of(Label), weights, one_of(Standing), names
)
cases = st.builds(
    Case, names, numbers, times, contexts, one_of(Effect), one_of(Effect), names, st.none() | st.floats(0, 1)
)
evidence = st.builds(Evidence, names, names, numbers, times, st.booleans(), weights, several, several, st.booleans())
lineages = st.builds(
    Lineage, names, several, st.sampled_from(["induce", "split", "merge", "narrow", "broaden"]), times, names
)
lessons = st.builds(
    Abstraction,
    id=names,
    version=st.integers(1, 3),
    label=one_of(Label),
    condition=conditions,
    made=numbers,
    made_at=times,
    policy_hash=names,
    support=several,
    radius=floats,
    alpha=floats,
    phase=one_of(Phase),
    exceptions=several,
    parent=st.none() | names,
    approved=st.none() | st.integers(1, 3),
    approved_by=st.none() | names,
    narrows_to=st.sampled_from(["ask", "forbid"]),
    fired_at=times,
    rationale=texts,
    reading=st.none() | readings,
)


def by_id(values: list[Any]) -> dict[str, Any]:
    return {value.id: value for value in values}


def by_both(values: list[Evidence]) -> dict[str, dict[str, Evidence]]:
    found: dict[str, dict[str, Evidence]] = {}
    for value in values:
        found.setdefault(value.abstraction, {})[value.decision] = value
    return found


states = st.builds(
    State,
    tenant=st.just("replaced"),
    sequence=numbers,
    snapshot=numbers,
    policy_hash=names,
    reports=st.lists(reports, max_size=4, unique_by=lambda one: one.sequence).map(
        lambda found: sorted(found, key=lambda one: one.sequence)
    ),
    cases=st.lists(cases, max_size=4).map(by_id),
    abstractions=st.lists(lessons, max_size=4).map(by_id),
    evidence=st.lists(evidence, max_size=5).map(by_both),
    lineage=st.lists(lineages, max_size=3),
    made=numbers,
    trust=st.dictionaries(names, st.tuples(floats, floats), max_size=3),
    audited=st.dictionaries(names, one_of(Label), max_size=3),
)

UNKEPT = {"index"}
"""What learning makes of a State to find things in it."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(Path(tmp_path_factory.mktemp("states")) / "memory.db")
    yield store
    store.close()


def test_every_state_comes_back_as_it_was(store: Store, every: Callable[..., None]) -> None:
    """One after the other into the same tables: what is written is only what differs."""

    def check(given_states: list[State]) -> None:
        tenant = f"tenant-{next(TENANTS)}"
        for number, given_state in enumerate(given_states, 1):
            state = dataclasses.replace(given_state, tenant=tenant)
            store.save(store.load(tenant), Refreshed(number, 0), state, None)
            assert store.load(tenant).state == state
        assert store.verify(tenant) == ()

    every(15, check, st.lists(states, min_size=1, max_size=3))


def test_saving_what_was_loaded_writes_no_row_of_state(store: Store, every: Callable[..., None]) -> None:
    def check(given_state: State) -> None:
        tenant = f"tenant-{next(TENANTS)}"
        store.save(store.load(tenant), Refreshed(1, 0), dataclasses.replace(given_state, tenant=tenant), None)
        held = store.load(tenant)
        statements: list[str] = []

        def see(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if statement.startswith(("INSERT", "UPDATE", "DELETE")):
                statements.append(statement.split("(")[0].split(" SET")[0].strip())

        event.listen(store.database.engine, "before_cursor_execute", see)
        try:
            store.save(held, Refreshed(2, 0), held.state, None)
        finally:
            event.remove(store.database.engine, "before_cursor_execute", see)
        assert statements == ["INSERT INTO memory_event", "UPDATE memory_tenant"]

    every(20, check, states)


def test_every_field_of_a_state_is_kept() -> None:
    """A new field of the model must be given a place in the tables, or be named above as one that needs none."""
    known = {"tenant", "sequence", "snapshot", "policy_hash", "reports", "cases", "abstractions", "evidence"}
    known |= {"lineage", "made", "trust", "audited"}
    assert {field.name for field in dataclasses.fields(State)} - UNKEPT == known


def test_a_snapshot_comes_back_as_it_was(every: Callable[..., None]) -> None:
    def check(found: list[Abstraction], supports: dict[str, Context]) -> None:
        snapshot = Snapshot("acme", 3, "7b", tuple(found), supports, "digest")
        assert snapshot_of_body(body_of(snapshot)) == snapshot

    every(40, check, st.lists(lessons, max_size=3), st.dictionaries(names, contexts, max_size=3))


def test_equal_values_are_one_object_after_loading(store: Store) -> None:
    tenant = f"tenant-{next(TENANTS)}"
    two = {
        id_: Case(id_, 1, 1, Context("send_money", (("arg to", f'"{"x" * 40}"'),), id_), "allow", "allow", "7b")
        for id_ in ("a", "b")
    }
    store.save(store.load(tenant), Refreshed(1, 0), State(tenant, cases=two), None)
    one, other = store.load(tenant).state.cases.values()
    assert one.context.attributes[0] is other.context.attributes[0]
    assert one.context.tool is other.context.tool
