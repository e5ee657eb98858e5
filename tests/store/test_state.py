"""server/store/state.py: what sessions remember comes back in the order in which it was written, or anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

from guardrail import Remembered
from server.store import Store

FIRST = [Remembered("shared", "", b"", b"s"), Remembered("session", "run-1", b"{}", b"1")]
MORE = [Remembered("deltas", "run-1", b"{}", b"2"), Remembered("deltas", "run-2", b"{}", b"3")]


def test_rows_come_back_in_order_after_the_store_was_closed(path: Path) -> None:
    async def write(store: Store) -> None:
        await store.commit((), FIRST)
        await store.commit((), MORE)

    with Store.open(path) as store:
        asyncio.run(write(store))
    assert Store.open(path).remembered() == [*FIRST, *MORE]


def test_anew_takes_the_place_of_everything(path: Path) -> None:
    with Store.open(path) as store:
        asyncio.run(store.commit((), [*FIRST, *MORE, Remembered("anew", "", b"", b""), FIRST[0]]))
    assert Store.open(path).remembered() == [FIRST[0]]
