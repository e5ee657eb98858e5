"""Invariant 20 of memory.md 7.4: a Record alone says why memory spoke. From its payload's context, the snapshot that it
names and the policy the Decision is computed again, byte for byte, through the Voice (remembering/keeping.py)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail import Advised, Guard, Principal, Session, ToolCall
from memory import Context, Effect
from memory.context import Reader
from memory.encoders import HashingEncoder
from memory.store import Store as MemoryStore
from memory.voice import Remembering, Voice
from policy_dsl import Facts, Outcome, compile_policy, parse, policy_set
from server.remembering.keeping import read_kept
from server.settings import Settings

people = st.sampled_from(["ann", "eve", "bob", "p1@example.com", "p99@example.com", "p1@elsewhere.org"])
calls = st.one_of(
    st.tuples(st.just("pay"), st.fixed_dictionaries({"to": people, "amount": st.integers(0, 200)})),
    st.tuples(
        st.just("send"),
        st.fixed_dictionaries(
            {"to": people, "text": st.sampled_from(["weekly", "other", ""])}, optional={"cc": st.just("x")}
        ),
    ),
    st.tuples(st.sampled_from(["drop", "unknown"]), st.fixed_dictionaries({})),
)


class Read:
    """An Experience that hears the Context as it was recorded instead of reading the call."""

    def __init__(self, remembering: Remembering, context: Context) -> None:
        self.version = remembering.version
        self._remembering, self._context = remembering, context

    def advise(
        self, call: ToolCall, arguments: Mapping[str, Any], facts: Facts, base: Effect, ceiling: Outcome | None
    ) -> Advised | None:
        return self._remembering.of(self._context, base, ceiling)


def computed(policy: str, folder: Path, terms: Any, records: list[dict[str, Any]], gate: Any) -> Iterator[Any]:
    """Each Record of a decision beside what is computed of it anew: from the databases alone, by objects of our own."""
    tree = policy_set([parse(policy, "policy.lw")])
    guard, memory = Guard(compile_policy(tree)), MemoryStore(folder / "memory.db")
    try:
        for record in records:
            seen = gate.house.store.seen(record["id"], record["tenant"])
            assert seen is not None
            assert seen.context is not None
            kept = read_kept(seen.context)
            assert kept.policy_hash == guard.policy_hash == record["policy_hash"]
            snapshot = memory.snapshot(record["tenant"], record["memory_version"])
            if snapshot is None:
                assert (record["memory_version"], record.get("memory")) == (0, None)
                experience = None
            else:
                assert snapshot.version == record["memory_version"]
                experience = Read(Remembering(Voice(snapshot, HashingEncoder(), terms), Reader(tree)), kept.context)
            session = Session(Principal(record["tenant"], record["agent"], record["user"]))
            call = ToolCall(record["tool"], seen.arguments)
            yield record, guard.decide(call, session, record["id"], experience)
    finally:
        memory.close()


def same(record: dict[str, Any], decision: Any) -> None:
    names = ("effect", "rule", "reason", "memory_version", "policy_hash")
    assert [record[name] for name in names] == [getattr(decision, name) for name in names]
    said, again = (msgspec.json.encode(one, order="deterministic") for one in (record.get("memory"), decision.memory))
    assert said == again
    assert record["errors"] == list(decision.errors)


@pytest.fixture(scope="module")
def lived(
    lessons: tuple[Path, datetime], scene: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Any, Path, Any]]:
    """A gate with what was taught, whose widening a person has approved."""
    folder = tmp_path_factory.mktemp("replay")
    shutil.copytree(lessons[0], folder, dirs_exist_ok=True)
    with scene.house(folder, scene.clock(lessons[1])) as gate:
        (rule,) = (one for one in gate.learned() if one["label"] == "allow")
        gate.told("admin0", "POST", f"/v1/abstractions/{rule['id']}/approve", {"version": rule["version"]})
        terms = Settings.model_validate({"memory": scene.memory}).memory.terms()
        yield gate, folder, terms


@settings(max_examples=12)
@given(st.lists(calls, min_size=1, max_size=4))
def test_invariant_20_a_record_suffices_to_compute_its_decision(
    lived: tuple[Any, Path, Any], scene: Any, made: list[tuple[str, dict[str, Any]]]
) -> None:
    gate, folder, terms = lived
    records = [gate.decide(tool, **arguments) for tool, arguments in made]
    for record, decision in computed(scene.policy, folder, terms, records, gate.gate):
        same(record, decision)


def test_invariant_20_holds_of_every_record_under_every_snapshot(lived: tuple[Any, Path, Any], scene: Any) -> None:
    """All days of `lessons`, through every snapshot that was in force; memory narrowed and widened among them."""
    gate, folder, terms = lived
    for to in ("ann", "eve"):
        gate.decide("pay", to=to, amount=60)
    gate.decide("send", **gate.mail(99))
    records = [one for one in gate.gate.records() if one["kind"] == "decision"]
    spoken = set()
    for record, decision in computed(scene.policy, folder, terms, records, gate.gate):
        same(record, decision)
        if decision.memory is not None:
            spoken.add((decision.memory.base, decision.effect))
    assert spoken == {("allow", "ask"), ("forbid", "allow")}
    assert len({record["memory_version"] for record in records}) > 5


def test_another_snapshot_or_context_computes_another_decision(lived: tuple[Any, Path, Any], scene: Any) -> None:
    """So that the two tests above are not ones of a decision that is always the same."""
    gate, folder, terms = lived
    spoken = gate.decide("pay", **gate.eve(50))
    assert spoken["reason"] == "learned"
    for changed in ({"memory_version": 1}, {"memory_version": 0, "memory": None}):
        ((_, decision),) = computed(scene.policy, folder, terms, [{**spoken, **changed}], gate.gate)
        assert decision.memory is None
