"""memory/gates/contamination.py: whatever pieces an attacker chose, E without the most favourable is not above E
without theirs."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.gates import contaminated_threshold, log_e, without_most_favourable

UNIFORM = (1.0, 1.0)


def _e(pieces) -> float:
    right = Counter(w for w, r in pieces if r)
    wrong = Counter(w for w, r in pieces if not r)
    return log_e(right, wrong, 0.6, UNIFORM)


@given(
    st.lists(st.tuples(st.sampled_from([0.25, 0.5, 1.0]), st.booleans()), min_size=1, max_size=8),
    st.sampled_from([0.0, 0.1, 0.25, 0.4]),
)
def test_it_is_the_worst_case(pieces, share: float) -> None:
    right = Counter(w for w, r in pieces if r)
    wrong = Counter(w for w, r in pieces if not r)
    robust = log_e(without_most_favourable(right, wrong, share), wrong, 0.6, UNIFORM)
    most = int(share * len(pieces) + 1e-9)
    for count in range(most + 1):
        for theirs in combinations(range(len(pieces)), count):
            honest = [piece for at, piece in enumerate(pieces) if at not in theirs]
            assert robust <= _e(honest) + 1e-9


def test_dropping_takes_the_heaviest_first() -> None:
    assert without_most_favourable({1.0: 2, 0.5: 4}, {1.0: 4}, 0.3) == {0.5: 3}
    assert without_most_favourable({0.5: 1}, {1.0: 9}, 0.5) == {}


def test_raising_the_threshold() -> None:
    assert contaminated_threshold(0.6, 0.1) == pytest.approx(0.7)
    for share in (-0.1, 0.1, 0.5):
        with pytest.raises(ValueError, match="chosen by an attacker"):
            contaminated_threshold(0.9, share)
