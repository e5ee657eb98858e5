"""The four streams, built from the data folder by seed. Each module's docstring says how its labels and twins are made.

- table: the seeded policy of an organisation that a truth is read from; where a data set has labels of its own, those
- twin: an item that differs from another in exactly one attribute and has the opposite truth
- pass: items come by again in the traffic, in other words at most 12 times, in the same ones at most 4

Flow: data folder -> items with truths -> base (evals/lisa/base.py) -> division into traffic, held-out, uncovered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..item import Stream
from . import agentharm, confaide, privaci, privacylens
from .table import opposite

__all__ = ["DECISIONS", "DRIFTING", "STREAMS", "build", "opposite"]

DECISIONS = 4_000
"""The most decisions of one stream's traffic, 40 days of 100. AgentHarm has about 650: its pool is small."""

STREAMS: Mapping[str, Callable[[Path, int, int], Stream]] = {
    module.NAME: module.build for module in (privacylens, confaide, agentharm, privaci)
}
DRIFTING = frozenset({privacylens.NAME, confaide.NAME})
"""Streams whose truth is a table, which can be drawn anew."""


def build(name: str, data: Path, seed: int, decisions: int = DECISIONS) -> Stream:
    """The stream of that name and seed, the same at every call. Raises material.Unreadable."""
    return STREAMS[name](data, seed, decisions)
