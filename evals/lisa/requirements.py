"""The requirements that memory was built against, asked of every method by the numbers alone.

- harm: wrongly broken right decisions at most 1% wherever flips are at most 20%
- floor: never more than 1 point of balanced accuracy below the base, in any cell whatever
- gain: better than the base (the paired interval above 0) in every cell of the square with rate >= .1 and flips <= .1,
  on at least three streams
- uncovered: where nothing was ever seen of a class, memory equals the base

Means over seeds are judged, as the requirements name no interval; the interval stands beside the worst cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .grid import Case, Key, Results
from .metrics import Spread, spread, spreads

HARM, FLOOR, STREAMS = 0.01, -0.01, 3


@dataclass(frozen=True, slots=True)
class Judged:
    """One requirement of one method: whether it holds, in how many of the cells, and the worst of them."""

    requirement: str
    method: str
    holds: bool
    cells: int
    failing: int
    worst: str
    value: Spread | None


@dataclass(frozen=True, slots=True)
class Contest:
    """One cell: who has the best mean balanced accuracy, and how far `ours` is from it, paired over the seeds."""

    stream: str
    case: str
    best: str
    balanced: float
    broken: float
    ours: float
    ours_broken: float
    behind: Spread
    """The best simpler method's balanced accuracy less ours."""


def judge(results: Results, cases: Sequence[Case]) -> list[Judged]:
    by_name = {case.name: case for case in cases}
    table = {key: spreads(list(seeds.values())) for key, seeds in results.items()}
    found = []
    for method in dict.fromkeys(key.method for key in table):
        if method == "base":
            continue
        mine = {key: row for key, row in table.items() if key.method == method}
        quiet = {key: row for key, row in mine.items() if by_name[key.case].crowd.flips <= 0.2}
        found.append(_bound("harm <= 1% at flips <= .2", method, quiet, "broken", HARM, upper=True))
        found.append(_bound("never > 1 point below base", method, mine, "above_base", FLOOR, upper=False))
        found.append(_gain(method, mine, by_name))
        found.append(_bound("equals base where uncovered", method, mine, "astray", 0.0, upper=True))
    return found


def _bound(
    name: str, method: str, rows: Mapping[Key, Mapping[str, Spread]], metric: str, bound: float, upper: bool
) -> Judged:
    values = {key: row[metric] for key, row in rows.items() if row[metric].seeds}
    failing = [key for key, one in values.items() if (one.mean > bound if upper else one.mean < bound)]
    if not values:
        return Judged(name, method, False, 0, 0, "nothing measured", None)
    worst = (max if upper else min)(values, key=lambda key: values[key].mean)
    return Judged(name, method, not failing, len(values), len(failing), _place(worst), values[worst])


def _gain(method: str, rows: Mapping[Key, Mapping[str, Spread]], cases: Mapping[str, Case]) -> Judged:
    values = {
        key: row["above_base"]
        for key, row in rows.items()
        if (case := cases[key.case]).is_plain and case.crowd.rate >= 0.1 and case.crowd.flips <= 0.1
    }
    name = "better than base at rate >= .1, flips <= .1, on 3 streams"
    if not values:
        return Judged(name, method, False, 0, 0, "nothing measured", None)
    failing = [key for key, one in values.items() if not one.low > 0]
    better = {key.stream for key in values} - {key.stream for key in failing}
    worst = min(values, key=lambda key: values[key].mean)
    return Judged(name, method, len(better) >= STREAMS, len(values), len(failing), _place(worst), values[worst])


def contests(results: Results, ours: str) -> list[Contest]:
    """For each cell the best method that is not one of ours, beside ours."""
    found = []
    for stream, case in dict.fromkeys((key.stream, key.case) for key in results):
        here = {key.method: seeds for key, seeds in results.items() if (key.stream, key.case) == (stream, case)}
        others = {name: spreads(list(one.values())) for name, one in here.items() if not name.startswith(ours)}
        if ours not in here or not others:
            continue
        best = max(others, key=lambda name: others[name]["balanced"].mean)
        mine = spreads(list(here[ours].values()))
        behind = spread([here[best][seed].balanced - here[ours][seed].balanced for seed in here[ours]])
        found.append(
            Contest(
                stream,
                case,
                best,
                others[best]["balanced"].mean,
                others[best]["broken"].mean,
                mine["balanced"].mean,
                mine["broken"].mean,
                behind,
            )
        )
    return found


def _place(key: Key) -> str:
    return f"{key.stream}: {key.case}"
