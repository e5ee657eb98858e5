"""server/store/audit.py: reading the chain a page at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from guardrail import Record
from server.store import Store, audit
from server.store.database import Database

MakeRecord = Callable[..., Record]


def test_pages_join_without_gaps(
    store: Store, path: Path, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.commit_blocking([make_record() for _ in range(23)])
    for size in (1, 7, 24, 100):
        monkeypatch.setattr(audit, "PAGE_ROWS", size)
        with Database(path).connection() as connection:
            assert [row.position for row in audit.rows(connection)] == list(range(1, 25))
            assert [row.position for row in audit.rows(connection, after=20)] == [21, 22, 23, 24]


def test_reading_ends_at_what_was_there_and_holds_nobody_up(
    store: Store, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PAGE_ROWS", 2)
    store.commit_blocking([make_record() for _ in range(5)])
    with store.rows() as rows:
        seen = [next(rows)]
        store.commit_blocking([make_record() for _ in range(5)])
        seen.extend(rows)
    assert [row.position for row in seen] == [1, 2, 3, 4, 5, 6]
