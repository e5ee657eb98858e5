"""Draw paths of evidence and read a gate after every piece of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from memory.gates import (
    beta_bound,
    clopper_pearson,
    contaminated_threshold,
    log_e,
    mixture,
    without_most_favourable,
)
from memory.gates.detector import PARTS

Gate = Literal["beta", "clopper-pearson", "eprocess", "empirical"]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

UNIFORM = (1.0, 1.0)
WEIGHTS = np.array([0.25, 0.5, 1.0])
"""Of a new reporter, of a known one, of an auditor."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Over `paths` paths: shares ever open and open at the end, the median first opening (None where under half ever
    opened), and the share open by then after each piece."""

    paths: int
    ever: float
    at_end: float
    median: float | None
    by: Floats

    @property
    def error(self) -> float:
        """The standard error of `ever`."""
        return math.sqrt(self.ever * (1.0 - self.ever) / self.paths)


def opens(gate: Gate, threshold: float, alpha: float, pieces: int) -> Bools:
    """Whether the gate is open, by [right, wrong], for up to `pieces` pieces of weight 1."""
    is_open = np.zeros((pieces + 1, pieces + 1), dtype=np.bool_)
    for right in range(pieces + 1):
        for wrong in range(pieces + 1 - right):
            is_open[right, wrong] = _is_open(gate, right, wrong, threshold, alpha)
    return is_open


def _is_open(gate: Gate, right: int, wrong: int, threshold: float, alpha: float) -> bool:
    if gate == "beta":
        return beta_bound(right, wrong, alpha, UNIFORM) >= threshold
    if gate == "clopper-pearson":
        return clopper_pearson(right, wrong, alpha) >= threshold
    if gate == "eprocess":
        return log_e({1.0: right}, {1.0: wrong}, threshold, UNIFORM) >= -math.log(alpha)
    return right + wrong >= 3 and right >= threshold * (right + wrong)


def ever_open(is_open: Bools, rate: float, paths: int, seed: int) -> Opened:
    """Read the gate after every piece; each is right with probability `rate`."""
    rng = np.random.default_rng(seed)
    pieces = len(is_open) - 1
    right = (rng.random((paths, pieces)) < rate).cumsum(axis=1)
    return _opened(is_open[right, np.arange(1, pieces + 1) - right])


def exactly(is_open: Bools, rate: float) -> Floats:
    """The probability of having been open by then, after each piece: the sum over all paths, no sampling."""
    pieces = len(is_open) - 1
    shut = np.zeros(pieces + 1)  # by number of right ones: the probability of being there without ever having opened
    shut[0] = 1.0
    by = np.zeros(pieces)
    for n in range(1, pieces + 1):
        shut[1 : n + 1] = shut[1 : n + 1] * (1.0 - rate) + shut[:n] * rate
        shut[0] *= 1.0 - rate
        shut[: n + 1][is_open[np.arange(n + 1), n - np.arange(n + 1)]] = 0.0
        by[n - 1] = 1.0 - shut.sum()
    return by


def _opened(was_open: Bools) -> Opened:
    by = np.logical_or.accumulate(was_open, axis=1)
    shares = by.mean(axis=0)
    first = np.where(by[:, -1], by.argmax(axis=1) + 1, by.shape[1] + 1)
    median = float(np.median(first))
    return Opened(
        paths=len(by),
        ever=float(shares[-1]),
        at_end=float(was_open[:, -1].mean()),
        median=median if median <= by.shape[1] else None,
        by=shares,
    )


Chance = Callable[[np.random.Generator, Floats, Bools], Floats]


def _any_weight(rng: np.random.Generator, log_es: Floats, last: Bools) -> Floats:
    return rng.choice(WEIGHTS, size=len(log_es))


def _stakes_by_luck(rng: np.random.Generator, log_es: Floats, last: Bools) -> Floats:
    """Who wants the gate open bets all while it falls and little once it rose: predictable, and as unfair as can be."""
    return np.where(log_es < 1.0, 1.0, 0.25)


def _steady(rng: np.random.Generator, log_es: Floats, last: Bools) -> Floats:
    return np.ones(len(log_es))


def _sulking(rng: np.random.Generator, log_es: Floats, last: Bools) -> Floats:
    """As often right as allowed after a right piece, half as often after a wrong one: dependent, never above."""
    return np.where(last, 1.0, 0.5)


def _near_the_goal(rng: np.random.Generator, log_es: Floats, last: Bools) -> Floats:
    return np.where(log_es > 1.5, 1.0, rng.random(len(log_es)))


PREDICTABLE: dict[str, tuple[Chance, Chance]] = {
    "weights at random": (_any_weight, _steady),
    "weights chosen by the path so far": (_stakes_by_luck, _steady),
    "dependent pieces": (_steady, _sulking),
    "both, chosen by the path so far": (_stakes_by_luck, _near_the_goal),
}
"""How weights, and how chances of right as parts of the threshold, follow from the past."""


def ever_open_weighted(scheme: str, threshold: float, alpha: float, pieces: int, paths: int, seed: int) -> Opened:
    """The weighted e-process read after every piece, where the chance of right given the past is at most threshold."""
    rng = np.random.default_rng(seed)
    weigh, chance = PREDICTABLE[scheme]
    nodes = mixture(threshold, UNIFORM, pieces)
    factors = np.stack([nodes.log_factors(WEIGHTS, np.full(3, right)) for right in (False, True)])
    products = np.zeros((paths, factors.shape[2]))
    log_es, last = np.zeros(paths), np.ones(paths, dtype=np.bool_)
    was_open = np.zeros((paths, pieces), dtype=np.bool_)
    for piece in range(pieces):
        weights = np.searchsorted(WEIGHTS, weigh(rng, log_es, last))
        last = rng.random(paths) < threshold * chance(rng, log_es, last)
        products += factors[last.astype(np.intp), weights]
        log_es = nodes.log_e(products)
        was_open[:, piece] = log_es >= -math.log(alpha)
    return _opened(was_open)


Defence = Literal["none", "threshold raised", "most favourable dropped"]


def opens_contaminated(defence: Defence, threshold: float, share: float, alpha: float, pieces: int) -> Bools:
    """As `opens` of the e-process, made safe against an attacker who chose up to `share` of the pieces."""
    is_open = np.zeros((pieces + 1, pieces + 1), dtype=np.bool_)
    tested = contaminated_threshold(threshold, share) if defence == "threshold raised" else threshold
    for right in range(pieces + 1):
        for wrong in range(pieces + 1 - right):
            rights, wrongs = {1.0: right}, {1.0: wrong}
            if defence == "most favourable dropped":
                rights = without_most_favourable(rights, wrongs, share)
            is_open[right, wrong] = log_e(rights, wrongs, tested, UNIFORM) >= -math.log(alpha)
    return is_open


def ever_open_contaminated(is_open: Bools, rate: float, share: float, paths: int, seed: int) -> Opened:
    """The attacker calls every piece of theirs right; theirs are one in each 1 / `share`, the last of it."""
    rng = np.random.default_rng(seed)
    pieces = len(is_open) - 1
    theirs = np.floor(share * np.arange(1, pieces + 1) + 1e-9) > np.floor(share * np.arange(pieces) + 1e-9)
    right = ((rng.random((paths, pieces)) < rate) | theirs).cumsum(axis=1)
    return _opened(is_open[right, np.arange(1, pieces + 1) - right])


def detected_after(rate: float, threshold: float, alpha: float, paths: int, seed: int, most: int = 5_000) -> Floats:
    """How many pieces, right with probability `rate`, the e-detector against `right at least threshold` takes to reach
    1 / alpha: shape (paths,), cut at `most`."""
    rng = np.random.default_rng(seed)
    below = threshold * np.array(PARTS)
    gains = np.stack([(1.0 - below) / (1.0 - threshold), below / threshold])
    heights = np.zeros((paths, len(PARTS)))
    after = np.full(paths, float(most))
    for piece in range(1, most + 1):
        right = (rng.random(paths) < rate).astype(np.intp)
        heights = np.maximum(heights, 0.0) + np.log(gains[right])
        reached = np.exp(heights).mean(axis=1) >= 1.0 / alpha
        after = np.where(reached & (after == most), float(piece), after)
        if (after < most).all():
            break
    return after
