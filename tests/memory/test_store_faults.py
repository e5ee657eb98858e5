"""A save that fails at any statement, or whose process dies, leaves the old State and the old snapshot in force."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from memory import (
    Abstraction,
    Case,
    Condition,
    Context,
    Evidence,
    GateReading,
    Lineage,
    Refreshed,
    Report,
    Retracted,
    Snapshot,
    State,
)
from memory.store import Held, Store, StoreUnavailable
from memory.store.store import Control

READING = GateReading("beta", True, "open", 4.0, 1.0, 3, 1, 0.71, 2.5, 0.6, 0.05)


def rich(tenant: str, version: int) -> State:
    """A State with something in every table; another `version` differs in every table."""
    context = Context("send_money", (("arg to", f'"{version}"'),), "pay")
    lesson = Abstraction(
        "L-1", version, "forbid", Condition("send_money", ()), 1, 1, "7b", ("dec-1",), 0.5, 0.05, reading=READING
    )
    return State(
        tenant,
        sequence=version,
        snapshot=version,
        reports=[Report(version, 1, "dec-1", "ann", "user", "", "forbid", 0.5, "accepted")],
        cases={"dec-1": Case("dec-1", 1, version, context, "allow", "allow", "7b")},
        abstractions={"L-1": lesson, f"L-only-{version}": replace(lesson, id=f"L-only-{version}", reading=None)},
        evidence={"L-1": {"dec-2": Evidence("L-1", "dec-2", 2, 2, True, version / 10, ("bob",), (), False)}},
        lineage=[Lineage("L-1", (), "induce", version, "digest")],
        trust={"ann": (1.0, float(version))},
        audited={"dec-1": "forbid" if version == 1 else "allow"},
    )


class Planted(Exception):
    """The fault."""


@contextmanager
def fault(store: Store, at: int) -> Iterator[list[str]]:
    """The statement with this number fails; the list shows those that were executed before."""
    seen: list[str] = []

    def see(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if len(seen) == at:
            raise Planted
        seen.append(statement)

    event.listen(store.database.engine, "before_cursor_execute", see)
    try:
        yield seen
    finally:
        event.remove(store.database.engine, "before_cursor_execute", see)


def picture(store: Store) -> tuple[Any, ...]:
    held = store.load("acme")
    readings = store.readings("acme", "L-1")
    return held.state, held.pending, store.snapshot("acme"), store.version("acme"), list(store.log("acme")), readings


def save(store: Store, held: Held, control: Control, version: int) -> None:
    state = rich("acme", version)
    snapshot = Snapshot("acme", version, "7b", tuple(state.abstractions.values()), {}, str(version))
    store.save(held, control, state, snapshot)


@pytest.fixture
def begun(store_url: str, kept: Any) -> Iterator[Store]:
    store = Store(store_url)
    store.receive([kept.reported()], 50)
    save(store, store.load("acme"), Refreshed(1, 0), 1)
    store.receive([kept.reported("dec-2")], 50)
    yield store
    store.close()


def test_a_fault_at_any_statement_leaves_everything_as_it_was(begun: Store) -> None:
    before = picture(begun)
    failed = 0
    while True:
        held = begun.load("acme")
        try:
            with fault(begun, failed) as seen:
                save(begun, held, Retracted(2, "eve", "ann"), 2)
        except Planted:
            assert picture(begun) == before, f"after the fault at statement {failed}"
            assert begun.verify("acme") == ()
            failed += 1
        else:
            break
    assert failed == len(seen) > 12, "every statement of the transaction was made to fail once"
    assert begun.load("acme").state == rich("acme", 2)
    assert begun.version("acme") == 2
    assert begun.verify("acme") == ()


def test_a_fault_at_the_commit_leaves_everything_as_it_was(begun: Store) -> None:
    before = picture(begun)
    held = begun.load("acme")

    def see(_connection: Any) -> None:
        raise Planted

    event.listen(begun.database.engine, "commit", see)
    with pytest.raises(Planted):
        save(begun, held, Refreshed(2, 0), 2)
    event.remove(begun.database.engine, "commit", see)
    assert picture(begun) == before


def test_a_fault_at_any_statement_of_taking_reports_takes_none(begun: Store, kept: Any) -> None:
    before = picture(begun)
    batch = [kept.reported(f"new-{n}", key=f"k{n}", kind="audit", audited=0.1) for n in range(3)]
    failed = 0
    while True:
        try:
            with fault(begun, failed):
                assert begun.receive(batch, 50) == ["taken"] * 3
        except Planted:
            assert picture(begun) == before
            failed += 1
        else:
            break
    assert failed > 5
    assert begun.receive(batch, 50) == ["again"] * 3
    assert begun.verify("acme") == ()


DIES = """
import os, sys
from sqlalchemy import event
from memory import Refreshed, State, Snapshot
from memory.store import Store
store = Store(sys.argv[1])
held = store.load("acme")
seen = []
def see(connection, cursor, statement, *rest):
    seen.append(statement)
    if len(seen) == int(sys.argv[2]):
        os._exit(9)
event.listen(store.database.engine, "before_cursor_execute", see)
state = State("acme", sequence=2, trust={f"r{n}": (1.0, 2.0) for n in range(5000)})
store.save(held, Refreshed(2, 0), state, Snapshot("acme", 2, "", (), {}, "2"))
"""


@pytest.mark.parametrize("at", [pytest.param(4, marks=pytest.mark.long), 7, pytest.param(9, marks=pytest.mark.long)])
def test_a_process_that_dies_in_a_save_leaves_the_old_state(begun: Store, store_url: str, at: int) -> None:
    before = picture(begun)
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", DIES, store_url, str(at)], cwd=root, capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.returncode == 9, done.stderr
    assert picture(begun) == before
    save(begun, begun.load("acme"), Refreshed(3, 0), 2)
    assert begun.load("acme").state == rich("acme", 2)
    assert begun.verify("acme") == ()


def test_a_database_that_is_gone_is_unavailable(tmp_path: Path, kept: Any) -> None:
    store = Store(tmp_path / "memory.db")
    store.close()
    for file in tmp_path.iterdir():
        file.unlink()
    with pytest.raises(StoreUnavailable, match="the database failed: no such table"):
        store.receive([kept.reported()], 50)
