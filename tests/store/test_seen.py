"""server/store/seen.py: what memory is told of a Decision, and what nobody is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from guardrail import Record
from server.store import Store, seen

MakeRecord = Callable[..., Record]


@pytest.fixture
def made(make_record: MakeRecord) -> MakeRecord:
    def make(context: bytes | None = None, audit: float | None = None, **changes: Any) -> Record:
        record = make_record(**changes)
        assert record.payload is not None
        return replace(record, payload=replace(record.payload, context=context, audit=audit))

    return make


def test_a_decision_is_seen_by_its_own_tenant_only(store: Store, made: MakeRecord) -> None:
    record = made(b"{}", 0.05, user="ada", roles=("ops",))
    store.commit_blocking([record])
    found = store.seen(record.id, "acme")
    assert found is not None
    assert (found.context, found.audit, found.record["effect"]) == (b"{}", 0.05, "allow")
    assert found.arguments["password"] == "[redacted]"
    assert found.principal.key == "('acme', 'billing-bot', 'ada', ('ops',), ())"
    assert store.seen(record.id, "other") is None
    assert store.seen(record.id, "") is None
    assert store.seen("dec-nobody", "acme") is None
    assert store.drawn("other", 9) == store.recent("other", 9) == []


def test_a_refused_message_is_no_decision_on_a_call(store: Store, made: MakeRecord) -> None:
    record = made(b"{}", kind="malformed-answer", tool=None)
    store.commit_blocking([record])
    assert store.seen(record.id, "acme") is None
    assert store.recent("acme", 9) == []


def test_what_was_erased_has_no_context(store: Store, made: MakeRecord) -> None:
    record = made(b"{}", 1.0)
    store.commit_blocking([record])
    assert store.erase(record.id, "acme")
    found = store.seen(record.id, "acme")
    assert found is not None
    assert (found.context, found.audit, found.arguments) == (None, None, None)
    assert store.drawn("acme", 9) == store.recent("acme", 9) == []


def test_the_newest_come_first_over_many_pages(store: Store, made: MakeRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "PAGE_ROWS", 3)
    records = [
        made(b"%d" % at if at % 2 else None, 0.5 if at % 3 == 0 else None, tenant="acme" if at % 5 else "b")
        for at in range(30)
    ]
    store.commit_blocking(records)
    wanted = [record.id for at, record in enumerate(records) if at % 2 and at % 5][::-1]
    assert [one.record["id"] for one in store.recent("acme", 99)] == wanted
    assert [one.record["id"] for one in store.recent("acme", 2)] == wanted[:2]
    wanted = [record.id for at, record in enumerate(records) if at % 3 == 0 and at % 5][::-1]
    assert [one.record["id"] for one in store.drawn("acme", 99)] == wanted
