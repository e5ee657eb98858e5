"""Durability, third way: SIGKILL under load, again and again on one database, loses no released record."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.store import Store

PRODUCERS = 32


def _rounds(path: Path, start_releaser: Callable[..., Any], rounds: int) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    released: set[str] = set()
    for number in range(rounds):
        releaser = start_releaser(path, PRODUCERS, 0)
        early = releaser.read(1)  # it is up and releasing
        time.sleep(chance.random() * 0.3)
        releaser.kill()
        released.update(early, releaser.rest())
        releaser.end()
        store = Store.open(path)
        assert store.verify().problems == (), f"seed {seed}, round {number}"
        with store.rows() as rows:
            missing = released - {row.id for row in rows}
        assert not missing, f"seed {seed}, round {number}"
    seen = Store.open(path).verify()
    assert seen.chains == rounds
    assert len(released) > rounds * PRODUCERS / 2


def test_three_kills_lose_nothing(tmp_path: Path, start_releaser: Callable[..., Any]) -> None:
    _rounds(tmp_path / "records.db", start_releaser, 3)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_thirty_kills_lose_nothing(tmp_path: Path, start_releaser: Callable[..., Any]) -> None:
    _rounds(tmp_path / "records.db", start_releaser, 30)
