"""memory/gates/trust.py: a Beta mean that starts where the terms say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory import Terms
from memory.gates import trust


def test_a_new_identity_has_the_weight_of_a_new_identity() -> None:
    assert trust(0, 0, Terms()) == 0.5
    assert trust(0, 0, Terms(new_reporter_weight=0.1)) == pytest.approx(0.1)


@given(st.floats(0, 1_000), st.floats(0, 1_000), st.floats(0.01, 10))
def test_agreement_raises_and_disagreement_lowers_it(agreed: float, disagreed: float, more: float) -> None:
    now = trust(agreed, disagreed, Terms())
    assert 0.0 <= now <= 1.0
    assert trust(agreed + more, disagreed, Terms()) > now
    assert trust(agreed, disagreed + more, Terms()) < now


def test_twelve_agreements_make_four_fifths() -> None:
    assert trust(12, 0, Terms(new_reporter_weight=0.25)) == pytest.approx(13 / 16)
