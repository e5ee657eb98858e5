"""memory/gates/claims.py: terms that would void docs/memory-mathematics.md are named."""

from __future__ import annotations

from typing import Any

import pytest

from memory import Terms
from memory.gates import CLAIMS, voided

BROKEN: list[dict[str, Any]] = [
    {"floor": 0.4},
    {"floor": 1.0},
    {"alpha": 0.5},
    {"alpha": 0.0},
    {"allow_gate": "beta"},
    {"prior": (0.0, 1.0)},
    {"report_weight": 0.6},
    {"report_weight": 0.0},
    {"new_reporter_weight": 0.6},
    {"contradiction": 0.5},
    {"reporter_share": 1.0},
    {"unit_share": 0.0},
    {"least_reporters": 1},
    {"least_support": 1},
    {"least_days": 0},
    {"flips": 0.5},
    {"half_life_days": 0.0},
    {"idle_days": 0.0},
    {"audit_for_allow": False, "approval_for_allow": False},
]


@pytest.mark.parametrize("terms", BROKEN, ids=str)
def test_each_claim_is_voided_by_what_voids_it(terms: dict[str, Any]) -> None:
    said = voided(Terms(**terms))
    assert said
    assert set(said) <= {sentence for sentence, _ in CLAIMS}


def test_every_claim_can_be_voided_and_the_defaults_void_none() -> None:
    assert voided(Terms()) == ()
    assert {sentence for terms in BROKEN for sentence in voided(Terms(**terms))} == {sentence for sentence, _ in CLAIMS}


@pytest.mark.parametrize(
    "terms", [{"missed_harm": 1.0}, {"forbid_gate": "eprocess"}, {"audit_for_allow": False}, {"narrows_to": "forbid"}]
)
def test_what_a_tenant_may_choose_voids_nothing(terms: dict[str, Any]) -> None:
    assert voided(Terms(**terms)) == ()
