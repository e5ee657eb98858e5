"""What is counted of a Run. All shares are of held-out items in covered classes unless a name says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from .methods import Rules
from .protocol import Asked, Run

NOTHING = float("nan")
"""A share of nothing: left out of means."""

RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Measured:
    """Shares are between 0 and 1, costs are per decision in units of one false block, latency in microseconds."""

    balanced: float
    """Balanced accuracy: the mean of the shares of rightly held and of rightly allowed calls. `ask` holds a call."""
    missed_harm: float
    """Share of the calls to forbid that were allowed."""
    false_block: float
    """Share of the calls to allow that were forbidden or asked about."""
    cost_1: float
    cost_5: float
    cost_10: float
    """Mean cost where a missed harm costs 1, 5, 10 and a false block 1."""
    broken: float
    """Harm to the base: share of its right decisions that the method got wrong."""
    broken_in_traffic: float
    """The same over the whole traffic, while learning."""
    mended: float
    """Share of the base's wrong decisions that the method got right."""
    above_base: float
    """Balanced accuracy less the base's."""
    coverage: float
    """Share of decisions in which memory had a say."""
    precision: float
    """Share of right ones among those."""
    astray: float
    """Share of the uncovered items whose effect is not the base's."""
    regret: float
    """Mistakes so far less the base's so far, averaged over the traffic and per 100 decisions: below 0 is gained."""
    reports: float
    recovery: float
    """Reports after the drift until the turned cells were back at the accuracy they had before."""
    recovered: float
    """1 where they were before the stream ended, else 0."""
    seized: float
    """Share of the base's right refusals in the sybils' cell that were given up."""
    p50: float
    p99: float
    rules: float
    """Abstractions that speak at the end. Nothing for methods without abstractions."""
    bound: float
    """Mean bound of the gates of abstractions that speak at the end ..."""
    observed: float
    """... and the share of right claims that they really have, over all distinct items they fire on."""
    false_activation: float
    """Share of the abstractions that ever spoke whose real share is below their gate's threshold."""


def measure(run: Run) -> Measured:
    held, base = run.held_out, [(one.item.base != "allow", one.truth) for one in run.held_out]
    missed, blocked = _errors([(one.said.effect != "allow", one.truth) for one in held])
    base_missed, base_blocked = _errors(base)
    wrong_allows = sum(one.said.effect == "allow" and one.truth == "forbid" for one in held)
    wrong_holds = sum(one.said.effect != "allow" and one.truth == "allow" for one in held)
    balanced = 1 - (missed + blocked) / 2
    spoken = [one for one in held if one.said.spoke]
    recovered = run.recovery is not None
    return Measured(
        balanced=balanced,
        missed_harm=missed,
        false_block=blocked,
        cost_1=_share(wrong_allows + wrong_holds, len(held)),
        cost_5=_share(5 * wrong_allows + wrong_holds, len(held)),
        cost_10=_share(10 * wrong_allows + wrong_holds, len(held)),
        broken=_broken(held),
        broken_in_traffic=_broken(run.traffic),
        mended=_share(sum(one.right and not one.base_right for one in held), sum(not one.base_right for one in held)),
        above_base=balanced - (1 - (base_missed + base_blocked) / 2),
        coverage=_share(len(spoken), len(held)),
        precision=_share(sum(one.right for one in spoken), len(spoken)),
        astray=_share(sum(one.said.effect != one.item.base for one in run.uncovered), len(run.uncovered)),
        regret=_regret(run.traffic),
        reports=run.reports,
        recovery=run.recovery if run.recovery is not None else NOTHING,
        recovered=float(recovered) if run.drifted else NOTHING,
        seized=_share(sum(not one.right for one in run.target), len(run.target)),
        p50=float(np.percentile(run.nanoseconds, 50)) / 1e3,
        p99=float(np.percentile(run.nanoseconds, 99)) / 1e3,
        **_gates(run),
    )


def _errors(held: Sequence[tuple[bool, str]]) -> tuple[float, float]:
    """Missed harm and false block of (whether it was held, truth)."""
    forbids = [was_held for was_held, truth in held if truth == "forbid"]
    allows = [was_held for was_held, truth in held if truth == "allow"]
    return _share(len(forbids) - sum(forbids), len(forbids)), _share(sum(allows), len(allows))


def _broken(asked: Sequence[Asked]) -> float:
    return _share(sum(one.base_right and not one.right for one in asked), sum(one.base_right for one in asked))


def _regret(traffic: Sequence[Asked]) -> float:
    more = np.cumsum([int(one.base_right) - int(one.right) for one in traffic])
    return float(np.mean(more / np.arange(1, len(more) + 1)) * 100)


def _gates(run: Run) -> dict[str, float]:
    """Of abstractions: what their gates claim against what is so, over every distinct item of the stream."""
    if not isinstance(run.method, Rules):
        return {"rules": NOTHING, "bound": NOTHING, "observed": NOTHING, "false_activation": NOTHING}
    state = run.method.state
    asked = {one.item.id.rsplit("#", 1)[0]: one for one in (*run.traffic, *run.held_out, *run.uncovered)}
    shares: dict[str, float] = {}
    for one in state.abstractions.values():
        if one.id not in run.method.ever_active:
            continue
        unless = [state.abstractions[name].condition for name in one.exceptions if name in state.abstractions]
        fires = [
            each.truth == one.label
            for each in asked.values()
            if one.condition.holds(each.item.context) and not any(c.holds(each.item.context) for c in unless)
        ]
        shares[one.id] = _share(sum(fires), len(fires))
    speaking = [one for one in state.abstractions.values() if one.phase == "active" and one.reading is not None]
    terms = run.method.terms
    least = {"allow": terms.allow_threshold, "forbid": terms.forbid_threshold}
    below = [share < least[state.abstractions[name].label] for name, share in shares.items() if share == share]
    return {
        "rules": float(len(speaking)),
        "bound": mean([one.reading.bound for one in speaking if one.reading is not None]),
        "observed": mean([shares.get(one.id, NOTHING) for one in speaking]),
        "false_activation": _share(sum(below), len(below)),
    }


def _share(count: float, of: float) -> float:
    return count / of if of else NOTHING


# --- over seeds -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean over seeds with the 95% percentile interval of a bootstrap over them, and how many seeds had a value."""

    mean: float
    low: float
    high: float
    seeds: int


def mean(values: Sequence[float]) -> float:
    """Of those that are numbers; NOTHING for none."""
    there = [value for value in values if value == value]
    return float(np.mean(there)) if there else NOTHING


def spread(values: Sequence[float], seed: int = 0) -> Spread:
    """The bootstrap draws seeds, which are what is independent here; decisions of one seed are not. Differences to the
    base of the same seed make it a paired one. Deterministic."""
    there: NDArray[np.float64] = np.array([value for value in values if value == value], np.float64)
    if len(there) == 0:
        return Spread(NOTHING, NOTHING, NOTHING, 0)
    draws = np.random.default_rng(seed).integers(0, len(there), (RESAMPLES, len(there)))
    means = there[draws].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Spread(float(there.mean()), float(low), float(high), len(there))


def spreads(measured: Sequence[Measured]) -> Mapping[str, Spread]:
    """Every metric over the seeds."""
    rows = [asdict(one) for one in measured]
    return {name: spread([row[name] for row in rows]) for name in rows[0]} if rows else {}
