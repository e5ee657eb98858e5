"""Which cells of the protocol are run, and running them: streams x seeds over processes, cells x methods within."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from memory.encoders import encoder

from .methods import AskedModel, Rows, judged, offline
from .metrics import Measured, measure
from .protocol import run
from .reporters import Crowd
from .streams import DRIFTING, build

PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Case:
    """One cell of the grid. `every` is the number of decisions between two refreshes."""

    crowd: Crowd
    every: int = 100
    drift: bool = False

    @property
    def name(self) -> str:
        extra = ("" if self.every == 100 else f", refresh {self.every}") + (", drift" if self.drift else "")
        return self.crowd.name + extra

    @property
    def is_plain(self) -> bool:
        """Whether it belongs to the rate x flips square: symmetric flips, no sybils, no drift, the usual refresh."""
        crowd = self.crowd
        return not (crowd.only_allow or crowd.sybils or self.drift) and (crowd.audit, self.every) == (0.02, 100)


RATES, FLIPS = (0.01, 0.05, 0.1, 0.3), (0.0, 0.1, 0.2, 0.3)

SMALL = (
    *(Case(Crowd(rate, flips=flips)) for rate, flips in product((0.1, 0.3), (0.0, 0.1, 0.2))),
    Case(Crowd(0.1, flips=0.2, only_allow=True)),
    Case(Crowd(0.1, flips=0.1, sybils=5)),
    Case(Crowd(0.1, flips=0.1), drift=True),
)
"""Nine cells for a look while working."""

FULL = (
    *(Case(Crowd(rate, flips=flips)) for rate, flips in product(RATES, FLIPS)),
    *(Case(Crowd(0.1, audit=audit, flips=flips)) for audit, flips in product((0.0, 0.05), (0.0, 0.2))),
    *(Case(Crowd(rate, flips=0.2, only_allow=True)) for rate in (0.1, 0.3)),
    *(Case(Crowd(0.1, flips=0.1, sybils=sybils)) for sybils in (1, 5, 20)),
    *(Case(Crowd(rate, flips=0.1), drift=True) for rate in (0.1, 0.3)),
    *(Case(Crowd(0.1, flips=0.1), every=every) for every in (50, 250)),
)
"""The whole square of rates and flips; audits, asymmetric flips, sybils, drift and the refresh one at a time around its
middle. The product of everything would be 1,344 cells."""

SQUARE = SMALL[:6]
"""The cells by which gain is required, and those of 20% flips: for longer traffic."""

GRIDS: Mapping[str, Sequence[Case]] = {"small": SMALL, "square": SQUARE, "full": FULL}


class Key(NamedTuple):
    """What one Measured is of."""

    stream: str
    case: str
    method: str


Results = dict[Key, dict[int, Measured]]
"""By key, then by seed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run. `methods` empty means all that can be run."""

    data: Path
    streams: tuple[str, ...]
    seeds: tuple[int, ...]
    cases: tuple[Case, ...]
    decisions: int
    is_part: bool = False
    """Whether only some cells of a grid are run."""
    encoder: str = "hashing"
    methods: tuple[str, ...] = ()
    model: str | None = None
    base_url: str | None = None
    """A language model by litellm's name, for the methods that ask one; None leaves them out."""

    def tasks(self) -> list[tuple[str, int]]:
        return list(product(self.streams, self.seeds))


def work(plan: Plan, stream_name: str, seed: int) -> list[tuple[Key, int, Measured]]:
    """Everything of one stream of one seed: all cells, all methods. Cells with a drift only where a table can drift."""
    stream = build(stream_name, plan.data, seed, plan.decisions)
    named = encoder(plan.encoder)
    rows = Rows(named)
    methods = dict(offline(rows, named))
    if plan.model is not None:
        methods |= judged(AskedModel(plan.model, plan.base_url), rows, named)
    found = []
    for case in plan.cases:
        if case.drift and stream_name not in DRIFTING:
            continue
        for name in plan.methods or tuple(methods):
            done = run(stream, case.crowd, methods[name], case.every, case.drift)
            found.append((Key(stream_name, case.name, name), seed, measure(done)))
    return found


def run_grid(plan: Plan, processes: int = PROCESSES, done: Callable[[], None] = lambda: None) -> Results:
    """All tasks of the plan; `done` is called after each. The results do not depend on `processes`."""
    results: Results = {}
    for found in _each(plan, processes):
        for key, seed, measured in found:
            results.setdefault(key, {})[seed] = measured
        done()
    # Tasks end in any order, and tables should not.
    return {key: dict(sorted(results[key].items())) for key in _ordered(plan, results)}


def _each(plan: Plan, processes: int) -> Iterator[list[tuple[Key, int, Measured]]]:
    if processes < 2:
        for name, seed in plan.tasks():
            yield work(plan, name, seed)
        return
    # One thread of linear algebra in each process: the matrices are small and the processes are what is parallel.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(work, plan, name, seed) for name, seed in plan.tasks()]
        for future in as_completed(futures):
            yield future.result()


def _ordered(plan: Plan, results: Results) -> list[Key]:
    streams, cases = list(plan.streams), [case.name for case in plan.cases]
    methods = list(dict.fromkeys(key.method for key in results))
    return sorted(
        results, key=lambda key: (streams.index(key.stream), cases.index(key.case), methods.index(key.method))
    )
