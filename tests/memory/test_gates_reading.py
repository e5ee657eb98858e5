"""memory/gates/reading.py: tests/memory/gates.yaml, and invariants 5, 6, 7, 9, 10 and 19 of the gate as a whole."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from memory import Evidence, Terms
from memory.gates import alpha_spent, least_rights, log_e, read_gate
from memory.gates.decay import DAY
from memory.gates.reading import _Look
from memory.gates.tally import tally

CASES = yaml.safe_load((Path(__file__).parent / "gates.yaml").read_text())
ROW = re.compile(r"(\d+) (right|wrong) by ([\w ]+?) over (\d+)-(\d+) weight ([\d.]+)( audited)?(?: of (\w+))?")


def _rows(rows: list[str]) -> list[Evidence]:
    made: list[Evidence] = []
    for row in rows:
        found = ROW.fullmatch(row)
        assert found, row
        count, said, names, first, last, weight, audited, unit = found.groups()
        for at in range(int(count)):
            day = int(first) + at % (int(last) - int(first) + 1)
            name = names.split()[at % len(names.split())]
            made.append(
                Evidence(
                    "L-1", f"dec-{len(made)}", len(made), day * DAY + DAY // 2, said == "right", float(weight),
                    (name,), (unit or "",), audited is not None,
                )
            )  # fmt: skip
    return made


@pytest.mark.parametrize("case", CASES, ids=[case["says"] for case in CASES])
def test_corpus(case) -> None:
    terms = Terms(**case.get("terms", {}))
    now = case.get("day", 3) * DAY + DAY // 2
    reading = read_gate(_rows(case["evidence"]), case["label"], 0.05, terms, now, case.get("was_open", False))
    assert (reading.open, reading.why) == (case.get("open", False), case["why"]), reading


def test_every_reason_has_a_case() -> None:
    reasons = {"open", "bound-low", "e-low", "few-reporters", "few-days", "one-reporter", "no-audit", "closing"} | {
        "audits-low"
    }
    assert {case["why"] for case in CASES} == reasons | {"hysteresis-holds"}


def test_a_reading_says_what_it_was_read_from() -> None:
    evidence = _rows(["6 right by ann bob over 0-1 weight 0.5", "1 wrong by cid over 1-1 weight 0.5"])
    evidence += [
        replace(piece, sequence=9, decision="a") for piece in _rows(["1 right by aud over 1-1 weight 1 audited"])
    ]
    reading = read_gate(evidence, "allow", 0.01, Terms(), DAY, False)
    assert (reading.gate, reading.threshold, reading.alpha) == ("eprocess", 0.9, 0.01)
    assert (reading.reporters, reading.audits) == (3, 1)
    assert reading.log_e == pytest.approx(log_e({0.5: 6, 1.0: 1}, {0.5: 1}, 0.9, (1.0, 1.0)))
    assert 0 < reading.against <= 0.5 < 3.5 < reading.confirming < 4


# --- property tests -------------------------------------------------------------------------------------------------

LABELS = st.sampled_from(["allow", "forbid"])
ALPHAS = st.sampled_from([0.05, alpha_spent(0.05, 4)])
NOW = 40 * DAY


@st.composite
def _pieces(draw, least: int = 0, most: int = 60, mostly_right: bool = True) -> list[Evidence]:
    """Evidence of a few reporters of three units, some of it shared or audited."""
    count = draw(st.integers(least, most))
    random = Random(draw(st.integers(0, 2**32)))
    made = []
    for at in range(count):
        audit = random.random() < 0.1
        names = random.sample(range(6), 1 if random.random() < 0.8 else 2)
        right = random.random() < (0.97 if mostly_right else 0.5)
        weight = 1.0 if audit else random.choice([0.25, 0.31, 0.5, 1.0])
        who = ("aud",) if audit else tuple(f"r{name}" for name in names)
        units = ("",) if audit else tuple(["", "x", "y"][name % 3] for name in names)
        made.append(Evidence("L-1", f"dec-{at}", at, random.randrange(NOW), right, weight, who, units, audit))
    return made


TERMS = st.sampled_from([Terms(), Terms(allow_gate="beta", forbid_gate="eprocess"), Terms(audit_for_allow=False)])


@given(_pieces(), LABELS, ALPHAS, TERMS)
def test_invariant_5_shut_below_the_least_number(evidence, label, alpha: float, terms: Terms) -> None:
    reading = read_gate(evidence, label, alpha, terms, NOW, False)
    if len(evidence) < least_rights("beta" if reading.gate == "beta" else "eprocess", reading.threshold, alpha):
        assert not reading.open


@given(_pieces(most=80), LABELS, st.randoms(use_true_random=False), st.booleans())
def test_invariant_7_the_order_in_a_collection_does_not_matter(evidence, label, random, was_open: bool) -> None:
    shuffled = list(evidence)
    random.shuffle(shuffled)
    one, two = (read_gate(e, label, 0.05, Terms(), NOW, was_open) for e in (evidence, shuffled))
    assert (one.open, one.why, one.bound, one.log_e) == (two.open, two.why, two.bound, two.log_e)


@given(_pieces(), st.randoms(use_true_random=False))
def test_invariant_7_counts_alone_make_bound_and_e(evidence, random) -> None:
    """Which piece came first does not matter to either; only the e-detector, which can only close, reads an order."""
    sequences = [piece.sequence for piece in evidence]
    random.shuffle(sequences)
    reordered = [replace(piece, sequence=sequence) for piece, sequence in zip(evidence, sequences, strict=True)]
    one, two = (read_gate(e, "forbid", 0.05, Terms(), NOW, False) for e in (evidence, reordered))
    assert (one.bound, one.log_e) == pytest.approx((two.bound, two.log_e), abs=1e-9)


def _without(evidence: list[Evidence], name: str) -> list[Evidence]:
    """History without a reporter: of shared pieces the others' parts remain."""
    left = []
    for piece in evidence:
        if piece.audit or name not in piece.reporters:
            left.append(piece)
        elif len(piece.reporters) > 1:
            others = [(r, u) for r, u in zip(piece.reporters, piece.units, strict=True) if r != name]
            weight = piece.weight * len(others) / len(piece.reporters)
            names, units = zip(*others, strict=True)
            left.append(replace(piece, weight=weight, reporters=names, units=units))
    return left


def test_invariant_9_leaving_a_reporter_out_is_history_without_it(every: Callable[..., None]) -> None:
    def check(evidence, label) -> None:
        look = _Look(tally(evidence, 90.0, NOW), label, 0.05, Terms())
        names = list(dict.fromkeys(name for piece in evidence if not piece.audit for name in piece.reporters))
        for row, name in enumerate(names, 1):
            retold = _Look(tally(_without(evidence, name), 90.0, NOW), label, 0.05, Terms()).all
            for field in ("confirming", "against", "bound", "log_e", "wrong", "stands"):
                assert getattr(look.each, field)[row] == pytest.approx(getattr(retold, field)[0], abs=1e-9), field

    every(50, check, _pieces(most=40, mostly_right=False), LABELS)


def test_invariant_10_one_reporter_alone_flips_no_open_gate(every: Callable[..., None]) -> None:
    """A reporter, new or known, adds any number of pieces: as many days, right or wrong, as it likes."""

    def check(evidence, label, terms: Terms, more: int, share_right: float, who: int) -> None:
        assume(read_gate(evidence, label, 0.05, terms, NOW, False).open)
        name, unit = f"r{who}", ["", "x", "y"][who % 3]
        flood = [
            Evidence("L-1", f"new-{at}", 1_000 + at, NOW - at, at < more * share_right, 1.0, (name,), (unit,), False)
            for at in range(more)
        ]
        assert read_gate([*evidence, *flood], label, 0.05, terms, NOW, True).open

    every(60, check, _pieces(least=50, most=80), LABELS, TERMS, st.integers(1, 60), st.floats(0, 1), st.integers(0, 7))


@given(_pieces(), st.integers(1, 200), LABELS, TERMS)
def test_invariant_10_one_reporter_alone_opens_nothing(evidence, count: int, label, terms: Terms) -> None:
    """Whatever one new identity adds: if it opens the gate, the gate would be open without what it added."""
    flood = [
        Evidence("L-1", f"new-{at}", 1_000 + at, at * DAY % NOW, True, 1.0, ("new",), ("z",), False)
        for at in range(count)
    ]
    if read_gate([*evidence, *flood], label, 0.05, terms, NOW, False).open:
        without = read_gate(evidence, label, 0.05, terms, NOW, False)
        assert without.open or without.why in {"few-reporters", "few-days", "one-reporter"}


@given(_pieces(mostly_right=False), LABELS, st.booleans())
def test_caps_do_not_read_labels(evidence, label, was_open: bool) -> None:
    one = read_gate(evidence, label, 0.05, Terms(), NOW, was_open)
    flipped = [replace(piece, right=not piece.right) for piece in evidence]
    two = read_gate(flipped, label, 0.05, Terms(), NOW, was_open)
    assert (one.confirming, one.against) == pytest.approx((two.against, two.confirming), abs=1e-9)


def _ever_open(paths: int, theta: float, flips: float, label: str, alpha: float, seed: int) -> float:
    """Share of paths whose gate is ever open, read after every third of 60 pieces of eight reporters and an auditor."""
    rng = np.random.default_rng(seed)
    terms = Terms(allow_gate="eprocess", forbid_gate="eprocess")
    ever = 0
    for _ in range(paths):
        right = rng.random(60) < flips + (1 - 2 * flips) * theta
        weights = rng.choice([0.25, 0.5, 1.0], size=60)
        evidence = [
            Evidence("L-1", f"d{at}", at, at * DAY // 3, bool(right[at]), float(weights[at]), (f"r{at % 8}",), ("",),
                     at % 9 == 0)
            for at in range(60)
        ]  # fmt: skip
        ever += any(read_gate(evidence[:n], label, alpha, terms, n * DAY // 3, False).open for n in range(6, 61, 3))
    return ever / paths


@pytest.mark.parametrize(("theta", "flips"), [(0.6, 0.0), (0.6, 0.3), (0.5, 0.2)])
def test_invariants_6_and_19_the_whole_gate_keeps_its_level(theta: float, flips: float) -> None:
    """At the threshold, read again and again, under symmetric flips: caps, decay and the rest only close further."""
    paths = 150
    assert _ever_open(paths, theta, flips, "forbid", 0.05, 11) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / paths), "seed 11"


def test_a_good_abstraction_does_open() -> None:
    assert _ever_open(20, 0.97, 0.0, "forbid", 0.05, 12) >= 0.8, "seed 12"
