"""server/remembering/draw.py, address.py: which decisions are drawn for audit, and where memory is."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.remembering.address import address_of
from server.remembering.draw import Draw

LOT = bytes(range(32))


def test_the_share_that_is_drawn_is_the_share_that_was_asked_for() -> None:
    draw, n = Draw(LOT, 0.05, 0.01), 40_000
    for fired, share in ((True, 0.05), (False, 0.01)):
        drawn = [draw.of(f"dec-{at}", fired=fired) for at in range(n)]
        count = sum(one is not None for one in drawn)
        # Five standard deviations: the ids are fixed, so this either always holds or never.
        assert abs(count - n * share) < 5 * math.sqrt(n * share * (1 - share))
        assert {one for one in drawn if one is not None} == {share}


@given(st.text(max_size=40), st.floats(0, 1))
def test_what_is_drawn_at_a_rate_is_drawn_at_every_higher_one(name: str, share: float) -> None:
    draw = Draw(LOT, min(1.0, share * 1.5), share)
    if draw.of(name, fired=False) is not None:
        assert draw.of(name, fired=True) is not None


def test_nobody_without_the_secret_can_tell() -> None:
    names = [f"dec-{at}" for at in range(2_000)]
    first, second = ({name for name in names if Draw(lot, 0.5, 0.5).of(name, fired=True)} for lot in (LOT, bytes(32)))
    assert first == {name for name in names if Draw(LOT, 0.5, 0.5).of(name, fired=True)}
    assert 400 < len(first & second) < 600


@pytest.mark.parametrize(("share", "drawn"), [(0.0, 0), (1.0, 500)])
def test_none_and_all(share: float, drawn: int) -> None:
    assert sum(Draw(LOT, share, 0.0).of(str(at), fired=True) is not None for at in range(500)) == drawn


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("memory.db", "sqlite:////etc/gate/memory.db"),
        ("sqlite:///memory.db", "sqlite:////etc/gate/memory.db"),
        ("sqlite:///a/b.db?timeout=3", "sqlite:////etc/gate/a/b.db?timeout=3"),
        ("sqlite:////var/memory.db", "sqlite:////var/memory.db"),
        ("/var/memory.db", "sqlite:////var/memory.db"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
    ],
)
def test_paths_are_relative_to_the_folder_of_the_settings(url: str, address: str) -> None:
    assert address_of(url, Path("/etc/gate")) == address
