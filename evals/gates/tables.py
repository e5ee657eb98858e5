"""The tables of docs/memory-mathematics.md as rows of cells, each measured under a seed of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from memory.gates import CLOSING_ALPHA, MARGIN, least_rights

from .simulate import (
    PREDICTABLE,
    Defence,
    Gate,
    Opened,
    detected_after,
    ever_open,
    ever_open_contaminated,
    ever_open_weighted,
    exactly,
    opens,
    opens_contaminated,
)

ALPHA = 0.05
PIECES = 100
GATES: tuple[Gate, ...] = ("beta", "clopper-pearson", "eprocess", "empirical")
DEFENCES: tuple[Defence, ...] = ("none", "threshold raised", "most favourable dropped")
FLIPS = (
    (0.7, 0.9, 0.0), (0.7, 0.9, 0.1), (0.7, 0.9, 0.2), (0.7, 0.95, 0.2), (0.6, 0.9, 0.2), (0.6, 0.95, 0.2),
    (0.6, 0.9, 0.3), (0.7, 0.5, 0.2), (0.7, 0.7, 0.2), (0.6, 0.6, 0.3),
)  # fmt: skip
"""Threshold, theta, flips: good abstractions first, then three that must stay shut."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One number, with its standard error and seed where it was simulated."""

    value: float | None
    error: float | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def measure(paths: int, seed: int) -> Iterator[Table]:
    """Every table, in the order of the page; all randomness follows from `seed`."""
    yield _least()
    yield _looks(paths, seed)
    yield _power(paths, seed + 100)
    yield _flips(paths, seed + 200)
    yield _predictable(paths, seed + 300)
    yield _contaminated(paths, seed + 400)
    yield _detector(max(100, paths // 10), seed + 500)


def _least() -> Table:
    columns = ("Beta(.5,.5)", "Beta(1,1)", "Clopper-Pearson", "e-process")
    rows = []
    for threshold in (0.6, 0.7, 0.8, 0.9):
        counts = (
            least_rights("beta", threshold, ALPHA, (0.5, 0.5)),
            least_rights("beta", threshold, ALPHA),
            least_rights("clopper-pearson", threshold, ALPHA),
            least_rights("eprocess", threshold, ALPHA),
        )
        rows.append((f"threshold {threshold}", tuple(Cell(count) for count in counts)))
    return Table("least", "pieces, all right, that a gate needs to open (alpha 0.05)", columns, tuple(rows))


def _share(opened: Opened, seed: int) -> Cell:
    return Cell(opened.ever, opened.error, seed)


def _looks(paths: int, seed: int) -> Table:
    rows = []
    for gate in GATES:
        is_open = opens(gate, 0.7, ALPHA, PIECES)
        opened = ever_open(is_open, 0.7, paths, seed)
        end = opened.at_end
        sampled = _share(opened, seed), Cell(end, (end * (1 - end) / paths) ** 0.5, seed)
        rows.append((gate, (*sampled, Cell(round(float(exactly(is_open, 0.7)[-1]), 4)))))
    title = f"share of paths open at theta = threshold = 0.7, {PIECES} pieces, nominal 0.05"
    columns = ("read after every piece", "read at the end", "after every piece, summed over all paths")
    return Table("looks", title, columns, tuple(rows))


def _power(paths: int, seed: int) -> Table:
    rows = []
    for gate in GATES[:3]:
        opened = ever_open(opens(gate, 0.7, ALPHA, PIECES), 0.9, paths, seed)
        rows.append((gate, (Cell(opened.median), _share(opened, seed))))
    title = f"pieces until a good abstraction opens: threshold 0.7, theta 0.9, {PIECES} pieces"
    return Table("power", title, ("median pieces", "ever open"), tuple(rows))


def _flips(paths: int, seed: int) -> Table:
    rows = []
    for number, (threshold, theta, flips) in enumerate(FLIPS):
        cells: list[Cell] = []
        for gate in ("beta", "eprocess"):
            rate = flips + (1 - 2 * flips) * theta
            opened = ever_open(opens(gate, threshold, ALPHA, PIECES), rate, paths, seed + number)
            cells += [_share(opened, seed + number), Cell(opened.median)]
        rows.append((f"threshold {threshold}, theta {theta}, flips {flips}", tuple(cells)))
    columns = ("Beta(1,1) ever", "median", "e-process ever", "median")
    return Table("flips", f"share ever open within {PIECES} pieces under label flips", columns, tuple(rows))


def _predictable(paths: int, seed: int) -> Table:
    rows = []
    for number, scheme in enumerate(PREDICTABLE):
        opened = [
            ever_open_weighted(scheme, threshold, ALPHA, PIECES, paths, seed + 10 * number + at)
            for at, threshold in enumerate((0.6, 0.7, 0.9))
        ]
        rows.append((scheme, tuple(_share(o, seed + 10 * number + at) for at, o in enumerate(opened))))
    title = f"e-process ever open within {PIECES} pieces, chance of right given the past at most the threshold"
    return Table("predictable", title, ("threshold 0.6", "threshold 0.7", "threshold 0.9"), tuple(rows))


def _contaminated(paths: int, seed: int) -> Table:
    rows = []
    for defence in DEFENCES:
        is_open = opens_contaminated(defence, 0.6, 0.1, ALPHA, PIECES)
        bad = ever_open_contaminated(is_open, 0.6, 0.1, paths, seed)
        good = ever_open(is_open, 0.9, paths, seed + 1)
        rows.append((defence, (_share(bad, seed), _share(good, seed + 1), Cell(good.median))))
    columns = ("theta 0.6, one in ten an attacker's", "theta 0.9, no attacker", "median")
    title = f"e-process of threshold 0.6 against a tenth of {PIECES} pieces chosen by an attacker, share ever open"
    return Table("contaminated", title, columns, tuple(rows))


def _detector(paths: int, seed: int) -> Table:
    rows = []
    for number, threshold in enumerate((0.6, 0.9)):
        low = threshold - MARGIN
        for at, rate in enumerate((low, threshold, (1 + threshold) / 2, low / 2, 0.0)):
            after = detected_after(rate, low, CLOSING_ALPHA, paths, seed + 10 * number + at)
            error = float(after.std() / len(after) ** 0.5)
            mean = Cell(float(after.mean()), error, seed + 10 * number + at)
            rows.append((f"threshold {threshold}, theta {rate:.3g}", (mean, Cell(float(np.median(after))))))
    title = (
        f"pieces until the e-detector closes (at least {1 / CLOSING_ALPHA:g} on average for theta >= threshold - 0.1)"
    )
    return Table("detector", title, ("mean (cut at 5,000)", "median"), tuple(rows))
