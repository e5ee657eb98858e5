"""server/store/incarnation.py: chains begin after the newest row there is, and payloads have their days, on both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from guardrail import Record
from server.store import Store, StoreUnavailable
from server.store.incarnation import Incarnation, Keeping

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_each_opening_names_the_row_that_it_came_after(place: str, make_record: Callable[..., Record]) -> None:
    for _ in range(3):
        with Store.open(place) as store:
            asyncio.run(store.commit([make_record()]))
    with store.rows() as found:
        rows = list(found)
    assert [row.id[:3] for row in rows] == ["inc", "dec"] * 3
    before: Any = None
    for row in rows:
        if row.id.startswith("inc"):
            after = json.loads(row.body)["after"]
            assert after == (None if before is None else {"position": before.position, "link": before.link.hex()})
        before = row


@pytest.mark.parametrize("position", [None, 7, 2**28])
def test_an_empty_database_is_begun_with_no_row_before(place: str, position: int | None) -> None:
    begun = Incarnation.now(lambda: NOON)
    with Store.open(place)._database.session() as connection:
        head, row = begun.first(connection, position)
    assert (row.position, row.id) == (1 if position is None else position, begun.name)
    assert json.loads(row.body)["after"] is None
    assert head.position == row.position


def test_another_database_at_the_place_is_not_written_to(place: str) -> None:
    store = Store.open(place)
    with store._database.session() as connection:
        Keeping(store.identity, lambda: NOON, 30).check(connection, "path")
        with pytest.raises(StoreUnavailable, match="another database stands at the path"):
            Keeping("another", lambda: NOON, 30).check(connection, "path")


def test_days_are_counted_in_utc_however_the_clock_says_them() -> None:
    late = NOON.replace(hour=23, minute=30)
    keeping = Keeping("x", lambda: late, 30)
    assert keeping.today == (late.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days
    assert keeping.oldest_day == keeping.today - 30
    assert datetime.fromisoformat(keeping.oldest) == late - timedelta(days=30)
