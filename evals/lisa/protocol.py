"""One stream past one method: decide, hear the crowd, refresh, and measure on what was held out.

Reports depend on what a method decided (only failures are reported), so every method is run by itself; chance is the
same for all (reporters.py). At the midpoint of a drifting run the truth becomes the later table's. The base never
changes, and what is held out is measured against the truth at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter_ns

from memory import Label

from .item import Item, Stream, is_right
from .methods import Method, Said
from .reporters import Crowd, Reporting, moment

BACK = 0.05
"""A method has recovered from the drift when it is no more than this below its own accuracy before."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One decision of a method, with what it should have been."""

    item: Item
    truth: Label
    said: Said

    @property
    def right(self) -> bool:
        return is_right(self.said.effect, self.truth)

    @property
    def base_right(self) -> bool:
        return is_right(self.item.base, self.truth)


@dataclass(slots=True)
class Run:
    """What became of one method on one stream. `recovery` is the number of reports after the drift until it was back,
    None where it was not until the end; `drifted` says whether the run had a drift."""

    method: Method
    traffic: list[Asked] = field(default_factory=list)
    held_out: list[Asked] = field(default_factory=list)
    uncovered: list[Asked] = field(default_factory=list)
    target: list[Asked] = field(default_factory=list)
    """Those held out in the cell that sybils push and that the base rightly forbids."""
    nanoseconds: list[int] = field(default_factory=list)
    reports: int = 0
    drifted: bool = False
    recovery: int | None = None


def run(stream: Stream, crowd: Crowd, make: Callable[[], Method], every: int = 100, drift: bool = False) -> Run:
    """The traffic in order, a refresh after each `every` decisions, then what is held out."""
    reporting = Reporting(stream, crowd)
    method = make()
    done = Run(method, drifted=drift)
    middle = len(stream.traffic) // 2
    before: float | None = None
    since = 0
    for place, item in enumerate(stream.traffic):
        after = drift and place >= middle
        truth = stream.later.get(item.id, item.truth) if after else item.truth
        started = perf_counter_ns()
        said = method.decide(item)
        done.nanoseconds.append(perf_counter_ns() - started)
        done.traffic.append(Asked(item, truth, said))
        for reported in reporting.on(place, item, truth, said.effect):
            method.report(reported)
            done.reports += 1
            since += 1
        if (place + 1) % every == 0:
            method.refresh(moment(place) + 500)
            if drift and place + 1 <= middle:
                before, since = _accuracy(method, stream, False), 0
            elif before is not None and done.recovery is None and _accuracy(method, stream, True) >= before - BACK:
                done.recovery = since
    method.refresh(moment(len(stream.traffic)))
    done.held_out = _asked(method, stream, stream.held_out, drift)
    done.uncovered = _asked(method, stream, stream.uncovered, drift)
    done.target = [
        one
        for one in done.held_out
        if reporting.target is not None
        and one.item.cell == reporting.target
        and one.truth == "forbid"
        and one.item.base == "forbid"
    ]
    return done


def _asked(method: Method, stream: Stream, items: tuple[Item, ...], late: bool) -> list[Asked]:
    return [
        Asked(item, stream.later.get(item.id, item.truth) if late else item.truth, method.decide(item))
        for item in items
    ]


def _accuracy(method: Method, stream: Stream, late: bool) -> float:
    """On held-out items whose truth the drift turns round; of a stream without such items it is 1."""
    turned = tuple(item for item in stream.held_out if item.id in stream.later)
    asked = _asked(method, stream, turned, late)
    return sum(one.right for one in asked) / len(asked) if asked else 1.0
