"""Durability, second way: the files as a power cut would leave them hold every record that was released before it."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from guardrail import Record
from server.store import Store


def _found(path: Path) -> set[str]:
    """Ids in a database that a power cut left, which must verify; empty where there is no schema yet."""
    store = Store.open(path)
    assert store.verify().problems == ()
    with store.rows() as rows:
        return {row.id for row in rows}


@pytest.mark.long
@pytest.mark.parametrize("producers", [1, 20])
def test_the_files_at_the_last_sync_hold_every_released_record(
    replay: Callable[..., Iterator[set[str]]],
    new_disk: Callable[..., Any],
    ids_in: Callable[[bytes], set[str]],
    traced: list[str],
    start_releaser: Callable[..., Any],
    tmp_path: Path,
    producers: int,
) -> None:
    """A real process is replayed from its trace; at releases the files are cut at their last completed sync."""
    trace = tmp_path / "trace"
    releaser = start_releaser(tmp_path / "records.db", producers, 120, before=[*traced, "-o", str(trace)])
    assert len(releaser.rest()) >= 120
    assert releaser.process.wait(60) == 0
    disk, cuts = new_disk(), 0
    for released in replay(trace.read_text(encoding="latin-1").splitlines(), ids_in, disk):
        disk.cut(tmp_path / "cut")
        assert released <= _found(tmp_path / "cut" / "records.db")
        cuts += 1
    assert cuts >= 10


def test_a_log_cut_anywhere_keeps_what_was_acknowledged_before(
    tmp_path: Path, make_record: Callable[..., Record]
) -> None:
    """The WAL, cut at random lengths: nothing acknowledged by then is lost, and what is left is a whole chain."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    path = tmp_path / "records.db"
    acknowledged: list[tuple[int, str]] = []
    log = Path(f"{path}-wal")

    async def load(store: Store) -> None:
        async def produce() -> None:
            for size in (1, 3, 12):
                records = [make_record() for _ in range(size)]
                await store.commit(records)
                acknowledged.extend((os.stat(log).st_size, record.id) for record in records)

        await asyncio.gather(*[produce() for _ in range(8)])

    Store.open(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM record").fetchone()  # an old snapshot: no frame may leave the log
        with Store.open(path) as store:
            for _ in range(4):
                asyncio.run(load(store))
            shutil.copy(path, tmp_path / "main")
            shutil.copy(log, tmp_path / "log")
    size = (tmp_path / "log").stat().st_size
    whole = sorted({length for length, _ in acknowledged})
    for length in [*whole, *(chance.randrange(size + 1) for _ in range(40))]:
        cut = tmp_path / f"cut-{length}"
        cut.mkdir(exist_ok=True)
        shutil.copy(tmp_path / "main", cut / "records.db")
        shutil.copy(tmp_path / "log", cut / "records.db-wal")
        with (cut / "records.db-wal").open("r+b") as file:
            file.truncate(length)
        expected = {record for at, record in acknowledged if at <= length}
        assert expected <= _found(cut / "records.db"), f"seed {seed}, cut at {length}"
        shutil.rmtree(cut)
    assert len(whole) > 4
