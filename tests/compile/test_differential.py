"""The two engines against each other: they share no code but the operators on values and the types of tools."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest

PAIRS = 24_000
CHUNKS = 4
LONG_PAIRS = 1_000_000


def check(worlds: Callable[..., Iterator[Any]], pairs: int, capsys: pytest.CaptureFixture[str]) -> None:
    seed = secrets.randbits(32)
    done = 0
    for number, world in enumerate(worlds(seed, calls=120)):
        try:
            world.check()
        except Exception as error:
            raise AssertionError(f"seed {seed}, world {number}: {error}") from error
        done += len(world.calls)
        if done >= pairs:
            break
    with capsys.disabled():
        print(f" {done} pairs of seed {seed}", end="")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_engines_agree(worlds: Callable[..., Iterator[Any]], chunk: int, capsys: pytest.CaptureFixture[str]) -> None:
    check(worlds, PAIRS // CHUNKS, capsys)


@pytest.mark.long
@pytest.mark.timeout(36_000)
def test_engines_agree_for_long(worlds: Callable[..., Iterator[Any]], capsys: pytest.CaptureFixture[str]) -> None:
    check(worlds, LONG_PAIRS, capsys)


WANTED = {
    *(
        ("forbid", reason)
        for reason in ("no-rule", "rule-error", "unknown-tool", "bad-arguments", "limit", "clearance")
    ),
    *(("ask", "rule-error"), ("allow", "rule")),
    *("missing", "null", "wrong-type", "empty-list", "unreadable", "unknown-time", "claimed", "forgotten"),
}
"""Effects with their reasons, and codes of errors."""


def test_worlds_are_worth_checking(worlds: Callable[..., Iterator[Any]]) -> None:
    """Every effect, reason and code of error comes up: a generator that only makes refusals would prove nothing."""
    missed = set(WANTED)
    for world in islice(worlds(1), 800):
        for outcome in world.expected():
            missed -= {(outcome.effect, outcome.reason.value), *(error.code for error in outcome.errors)}
        if not missed:
            break
    assert missed == set()
